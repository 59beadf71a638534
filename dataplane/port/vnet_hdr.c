/* SPDX-License-Identifier: BSD-3-Clause */
/* See vnet_hdr.h. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_hash_crc.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <pkt/bytes.h>
#include <pkt/cksum.h>
#include <pkt/parse.h>

#include "vnet_hdr.h"

#define CKSUM_OFFSET_TCP  offsetof(struct rte_tcp_hdr, cksum)
#define CKSUM_OFFSET_UDP  offsetof(struct rte_udp_hdr, dgram_cksum)
#define CKSUM_OFFSET_SCTP 8 /* RFC 9260 section 3.1; four bytes */

#define VXLAN_PORT    4789
#define VXLAN_HEADERS 16 /* UDP and VXLAN */
#define PEEK_MAX      20

/* Copies into the frame, over segment borders. The range lies within the frame. */
static void frame_write(struct rte_mbuf *m, uint32_t off, const uint8_t *bytes, unsigned int n)
{
	while (off >= m->data_len) {
		off -= m->data_len;
		m = m->next;
	}
	for (unsigned int i = 0; i < n; i++) {
		while (off == m->data_len) {
			off = 0;
			m = m->next;
		}
		*rte_pktmbuf_mtod_offset(m, uint8_t *, off++) = bytes[i];
	}
}

/* n bytes of the frame, or zeros where it is shorter. */
static const uint8_t *peek(const struct rte_mbuf *m, uint32_t off, uint32_t n, uint8_t *buf)
{
	static const uint8_t zeros[PEEK_MAX];
	const uint8_t *p = rte_pktmbuf_read(m, off, n, buf);

	return p ? p : zeros;
}

/* Passes over IPv6 extension headers; returns the protocol behind them. */
static uint8_t skip_ext(const struct rte_mbuf *m, uint8_t proto, uint32_t *at)
{
	uint8_t buf[PEEK_MAX];

	for (unsigned int n = 0; n < PKT_EXT_MAX; n++) {
		const uint8_t *p = peek(m, *at, 2, buf);
		uint32_t size = pkt_ext_size(proto, p);

		if (size == 0)
			break;
		proto = p[0];
		*at += size;
	}
	return proto;
}

/* The protocol that the Ethernet frame at off has behind its IP header, and where; -1: no IP. */
static int find_l4(const struct rte_mbuf *m, uint32_t off, uint32_t *ret_at)
{
	uint32_t at = off + 2 * RTE_ETHER_ADDR_LEN;
	uint8_t buf[PEEK_MAX];
	const uint8_t *ip;
	uint16_t type;

	for (unsigned int tags = 0;; tags++, at += RTE_VLAN_HLEN) {
		type = load16(peek(m, at, sizeof(type), buf));
		if ((type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ) || tags == 2)
			break;
	}
	at += sizeof(type);
	ip = peek(m, at, sizeof(struct rte_ipv4_hdr), buf);
	if (type == RTE_ETHER_TYPE_IPV4) {
		*ret_at = at + (ip[0] & 15) * 4;
		return ip[offsetof(struct rte_ipv4_hdr, next_proto_id)];
	}
	if (type != RTE_ETHER_TYPE_IPV6)
		return -1;
	*ret_at = at + sizeof(struct rte_ipv6_hdr);
	return skip_ext(m, ip[offsetof(struct rte_ipv6_hdr, proto)], ret_at);
}

/* The protocol whose header begins at start, as the parser will see it later; -1: none does. With
 * tunnels that of the inner packet: where it says nothing of that, the outer headers concern us
 * alone. */
static int protocol_at(const struct rte_mbuf *m, uint32_t start, bool tunnels)
{
	uint32_t at = 0;
	int proto = find_l4(m, 0, &at);
	uint8_t buf[PEEK_MAX];

	if (tunnels && proto == IPPROTO_UDP &&
		load16(peek(m, at + 2, sizeof(uint16_t), buf)) == VXLAN_PORT)
		proto = find_l4(m, at + VXLAN_HEADERS, &at);
	return at == start ? proto : -1;
}

static uint32_t crc32c_add(uint32_t crc, const uint8_t *b, uint32_t n)
{
	uint64_t word;

	for (; n >= sizeof(word); n -= sizeof(word), b += sizeof(word)) {
		memcpy(&word, b, sizeof(word));
		crc = rte_hash_crc_8byte(word, crc);
	}
	for (; n > 0; n--)
		crc = rte_hash_crc_1byte(*b++, crc);
	return crc;
}

/* CRC32c of the frame from start on, as SCTP sends it (RFC 9260 appendix A). */
static uint32_t frame_crc32c(const struct rte_mbuf *m, uint32_t start)
{
	uint32_t crc = UINT32_MAX;

	for (; m; m = m->next) {
		if (start < m->data_len)
			crc = crc32c_add(crc, rte_pktmbuf_mtod_offset(m, const uint8_t *, start),
				m->data_len - start);
		start -= RTE_MIN(start, (uint32_t)m->data_len);
	}
	return ~crc;
}

static int complete_sctp(struct rte_mbuf *m, uint32_t start)
{
	const uint32_t zero = 0;
	uint32_t crc;

	if (start + CKSUM_OFFSET_SCTP + sizeof(crc) > m->pkt_len)
		return -EINVAL;
	frame_write(m, start + CKSUM_OFFSET_SCTP, (const uint8_t *)&zero, sizeof(zero));
	crc = rte_cpu_to_le_32(frame_crc32c(m, start));
	frame_write(m, start + CKSUM_OFFSET_SCTP, (const uint8_t *)&crc, sizeof(crc));
	return 0;
}

/* Any protocol with an Internet checksum: the field holds the part of the sum that is not in the
 * frame. */
static void complete_inet(struct rte_mbuf *m, uint32_t start, uint32_t field)
{
	uint16_t sum = ~cksum_chain(m, start, m->pkt_len - start);

	frame_write(m, field, (const uint8_t *)&sum, sizeof(sum));
}

/* What the parser is to know of a checksum at start, it is told; all others are completed. */
static int rx_partial(const struct virtio_net_hdr *h, struct rte_mbuf *m, bool tunnels)
{
	uint32_t start = h->csum_start, field = start + h->csum_offset;
	int proto;

	if (start < RTE_ETHER_HDR_LEN || field + sizeof(uint16_t) > m->pkt_len)
		return -EINVAL;
	proto = protocol_at(m, start, tunnels);
	if (proto >= 0 &&
		(h->csum_offset == CKSUM_OFFSET_TCP || h->csum_offset == CKSUM_OFFSET_UDP)) {
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
		return 0;
	}
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return -EINVAL; /* nobody could cut it */
	if (h->csum_offset == CKSUM_OFFSET_SCTP && proto == IPPROTO_SCTP)
		return complete_sctp(m, start);
	complete_inet(m, start, field);
	return 0;
}

static int rx_gso(const struct virtio_net_hdr *h, struct rte_mbuf *m)
{
	unsigned int want;

	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		want = CKSUM_OFFSET_TCP;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		want = CKSUM_OFFSET_UDP;
		break;
	default:
		return -EINVAL;
	}
	if (!(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_NONE) || h->csum_offset != want ||
		h->gso_size == 0)
		return -EINVAL;
	m->ol_flags |= RTE_MBUF_F_RX_LRO;
	m->tso_segsz = h->gso_size;
	return 0;
}

int vnet_hdr_rx(const struct virtio_net_hdr *h, struct rte_mbuf *m, bool tunnels)
{
	if (likely(!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
		    h->gso_type == VIRTIO_NET_HDR_GSO_NONE))
		return 0;
	if ((h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && rx_partial(h, m, tunnels) < 0)
		return -EINVAL;
	return h->gso_type == VIRTIO_NET_HDR_GSO_NONE ? 0 : rx_gso(h, m);
}

static uint8_t tx_gso_type(const struct rte_mbuf *m, uint16_t l4_off)
{
	const struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, const void *, l4_off);
	uint8_t type;

	if (!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	type = m->ol_flags & RTE_MBUF_F_TX_IPV4 ? VIRTIO_NET_HDR_GSO_TCPV4
						: VIRTIO_NET_HDR_GSO_TCPV6;
	/* only the first segment may carry CWR (RFC 3168 section 6.1.2) */
	return tcp->tcp_flags & RTE_TCP_CWR_FLAG ? type | VIRTIO_NET_HDR_GSO_ECN : type;
}

void vnet_hdr_tx(const struct rte_mbuf *m, struct virtio_net_hdr *h)
{
	const uint64_t seg = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG;
	uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;

	memset(h, 0, sizeof(*h));
	if (likely(l4 == 0 && !(m->ol_flags & seg)))
		return;
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = m->l2_len + m->l3_len;
	h->csum_offset = l4 == RTE_MBUF_F_TX_UDP_CKSUM || (m->ol_flags & RTE_MBUF_F_TX_UDP_SEG)
				 ? CKSUM_OFFSET_UDP
				 : CKSUM_OFFSET_TCP;
	if (!(m->ol_flags & seg))
		return;
	h->hdr_len = h->csum_start + m->l4_len;
	h->gso_size = m->tso_segsz;
	h->gso_type = tx_gso_type(m, h->csum_start);
}

bool vnet_hdr_kernel_has_uso(void)
{
	unsigned int major, minor;
	struct utsname name;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && minor >= 2);
}
