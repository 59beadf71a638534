/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>

#include "headers.h"
#include "verify.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8

#define ETH_SIZE    14
#define TAG_SIZE    4
#define TAGS_MAX    2
#define IPV4_SIZE   20
#define IPV6_SIZE   40
#define UDP_SIZE    8
#define TCP_SIZE    20
#define ICMP_SIZE   8
#define VXLAN_SIZE  8
#define VXLAN_VALID 0x08 /* RFC 7348: the VNI is valid */
#define FRAME_MAX   (PROFILE_FRAME_MAX + 128)

const char *const verify_mode_names[N_VERIFY_MODES] = {
#define VERIFY_NAME(id, name) name,
	VERIFY_MODES(VERIFY_NAME)
#undef VERIFY_NAME
};

/* What an IP header says is behind it. */
struct payload {
	const uint8_t *p;
	uint32_t size;
	uint32_t addresses; /* their sum, for pseudo-headers */
	uint8_t proto;
	bool whole; /* not a fragment */
};

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static bool sums_up(uint32_t pseudo, const uint8_t *p, uint32_t size)
{
	return headers_fold(pseudo + headers_sum(p, size)) == 0xffff;
}

static uint32_t pseudo_of(const struct payload *l4, uint32_t size)
{
	return l4->addresses + htons(l4->proto) + htons(size);
}

static bool read_ipv4(const uint8_t *p, uint32_t left, struct payload *ret)
{
	uint32_t header, total;

	if (left < IPV4_SIZE || p[0] >> 4 != 4)
		return false;
	header = (p[0] & 0xf) * 4;
	total = get16(p + 2);
	if (header < IPV4_SIZE || total < header || total > left || !sums_up(0, p, header))
		return false;
	*ret = (struct payload){.p = p + header,
		.size = total - header,
		.addresses = headers_sum(p + 12, 8),
		.proto = p[9],
		.whole = (get16(p + 6) & 0x3fff) == 0};
	return true;
}

static bool read_ipv6(const uint8_t *p, uint32_t left, struct payload *ret)
{
	if (left < IPV6_SIZE || p[0] >> 4 != 6 || get16(p + 4) > left - IPV6_SIZE)
		return false;
	*ret = (struct payload){.p = p + IPV6_SIZE,
		.size = get16(p + 4),
		.addresses = headers_sum(p + 8, 32),
		.proto = p[6],
		.whole = true};
	return true;
}

static bool judge_frame(const uint8_t *p, uint32_t left, bool inside, bool vouched);

static bool judge_udp(const struct payload *l4, bool inside, bool vouched)
{
	const uint8_t *p = l4->p;
	uint32_t size;
	bool tunnel;

	if (l4->size < UDP_SIZE)
		return false;
	size = get16(p + 4);
	if (size < UDP_SIZE || size > l4->size)
		return false;
	tunnel = !inside && get16(p + 2) == HEADERS_VXLAN_UDP && size >= UDP_SIZE + VXLAN_SIZE &&
		 (p[UDP_SIZE] & VXLAN_VALID);
	if (get16(p + 6) == 0 ? !tunnel : !vouched && !sums_up(pseudo_of(l4, size), p, size))
		return false;
	if (!tunnel)
		return true;
	return judge_frame(p + UDP_SIZE + VXLAN_SIZE, size - UDP_SIZE - VXLAN_SIZE, true, vouched);
}

static bool judge_l4(const struct payload *l4, bool inside, bool vouched)
{
	switch (l4->proto) {
	case IPPROTO_UDP:
		return judge_udp(l4, inside, vouched);
	case IPPROTO_TCP:
		return l4->size >= TCP_SIZE &&
		       (vouched || sums_up(pseudo_of(l4, l4->size), l4->p, l4->size));
	case IPPROTO_ICMPV6:
		return l4->size >= ICMP_SIZE && sums_up(pseudo_of(l4, l4->size), l4->p, l4->size);
	case IPPROTO_ICMP: /* has no pseudo-header */
		return l4->size >= ICMP_SIZE && sums_up(0, l4->p, l4->size);
	}
	return true;
}

static bool judge_frame(const uint8_t *p, uint32_t left, bool inside, bool vouched)
{
	struct payload l4;
	uint16_t type;

	if (left < ETH_SIZE)
		return false;
	type = get16(p + 12);
	for (int i = 0; i < TAGS_MAX && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ); i++) {
		if (left < ETH_SIZE + TAG_SIZE)
			return false;
		p += TAG_SIZE;
		left -= TAG_SIZE;
		type = get16(p + 12);
	}
	if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
		return true;
	p += ETH_SIZE;
	left -= ETH_SIZE;
	if (type == ETHERTYPE_IPV4 ? !read_ipv4(p, left, &l4) : !read_ipv6(p, left, &l4))
		return false;
	return !l4.whole || judge_l4(&l4, inside, vouched);
}

bool verify_frame(const uint8_t *p, uint32_t size)
{
	return judge_frame(p, size, false, false);
}

/* A device that says "none" has a packet whose sum was never computed, and stands for it. */
bool verify_packet(const struct rte_mbuf *m)
{
	bool vouched = (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;
	uint8_t space[FRAME_MAX];
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	if (m->nb_segs == 1)
		return judge_frame(p, m->data_len, false, vouched);
	p = m->pkt_len > FRAME_MAX ? NULL : rte_pktmbuf_read(m, 0, m->pkt_len, space);
	return !p || judge_frame(p, m->pkt_len, false, vouched);
}
