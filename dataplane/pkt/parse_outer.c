/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outer headers of what an uplink received, up to the VXLAN header. On the worker that
 * received it; knows nothing of VTEPs, segments or tables. As in parse.c, contiguous headers come
 * first, and the common packet runs straight down.
 */
#include <netinet/in.h>

#include <rte_branch_prediction.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include <pkt/bytes.h>
#include <pkt/cksum.h>
#include <pkt/parse.h>
#include <pkt/pullup.h>

#define VXLAN_UDP_PORT 4789
#define VXLAN_FLAG_VNI 0x08
#define IPV4_FRAG_MASK (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)

struct outer {
	const uint8_t *frame;
	const uint8_t *ip;
	uint32_t udp_off; /* of m */
	uint32_t ip_end;  /* of m, as the IP header states */
	bool is_v6;
};

/* IPv4 with options has no fast path in any VTEP and no use here: not taken. */
static inline enum weft_drop outer_ipv4(struct outer *o, uint32_t room, struct pkt_outer *ret)
{
	const uint8_t *ip = o->ip;
	uint32_t total;

	if (unlikely(room < sizeof(struct rte_ipv4_hdr)))
		return WEFT_DROP_TRUNCATED;
	if (unlikely(ip[0] != 0x45))
		return ip[0] >> 4 == 4 && ip[0] > 0x45 ? WEFT_DROP_NOT_VXLAN
						       : WEFT_DROP_BAD_IP_HEADER;
	if (unlikely(ip[9] != IPPROTO_UDP))
		return WEFT_DROP_NOT_VXLAN;
	total = load16(ip + 2);
	if (unlikely(total < sizeof(struct rte_ipv4_hdr)))
		return WEFT_DROP_BAD_IP_HEADER;
	if (unlikely(total > room))
		return WEFT_DROP_TRUNCATED;
	if (unlikely(!cksum_ipv4_plain_ok(ip)))
		return WEFT_DROP_BAD_OUTER_CHECKSUM;
	if (unlikely(load16(ip + 6) & IPV4_FRAG_MASK))
		return WEFT_DROP_OUTER_FRAGMENT;
	ret->src = weft_addr_from_v4(ip + 12);
	ret->dst = weft_addr_from_v4(ip + 16);
	ret->tos = ip[1];
	o->udp_off = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr);
	o->ip_end = sizeof(struct rte_ether_hdr) + total;
	o->is_v6 = false;
	return 0;
}

static inline enum weft_drop outer_ipv6(struct outer *o, uint32_t room, struct pkt_outer *ret)
{
	const uint8_t *ip = o->ip;
	uint32_t total;

	if (unlikely(room < sizeof(struct rte_ipv6_hdr)))
		return WEFT_DROP_TRUNCATED;
	if (unlikely(ip[0] >> 4 != 6))
		return WEFT_DROP_BAD_IP_HEADER;
	total = load16(ip + 4) + sizeof(struct rte_ipv6_hdr);
	if (unlikely(total > room))
		return WEFT_DROP_TRUNCATED;
	if (unlikely(ip[6] != IPPROTO_UDP)) {
		bool fragment = ip[6] == IPPROTO_FRAGMENT &&
				total >= sizeof(struct rte_ipv6_hdr) + RTE_IPV6_FRAG_HDR_SIZE &&
				ip[40] == IPPROTO_UDP;

		return fragment ? WEFT_DROP_OUTER_FRAGMENT : WEFT_DROP_NOT_VXLAN;
	}
	memcpy(ret->src.b, ip + 8, sizeof(ret->src.b));
	memcpy(ret->dst.b, ip + 24, sizeof(ret->dst.b));
	ret->tos = load16(ip) >> 4;
	o->udp_off = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv6_hdr);
	o->ip_end = sizeof(struct rte_ether_hdr) + total;
	o->is_v6 = true;
	return 0;
}

/* A checksum that is there must be right (RFC 7348 section 4.3), unless the driver says that it is
 * still to be completed: then nothing went over a wire. */
static __rte_noinline bool outer_udp_ok(
	const struct rte_mbuf *m, uint32_t udp_off, uint32_t udp_len, bool is_v6)
{
	const void *ip = rte_pktmbuf_mtod_offset(m, const void *, sizeof(struct rte_ether_hdr));
	uint64_t sum;

	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return true;
	sum = cksum_pseudo(ip, is_v6, IPPROTO_UDP, udp_len);
	sum += cksum_chain(m, udp_off, udp_len);
	return cksum_fold(sum) == 0xffff;
}

/* What follows the UDP datagram is no part of it. */
static __rte_noinline enum weft_drop outer_cut(struct rte_mbuf *m, uint32_t len)
{
	pkt_cut(m, len);
	return 0;
}

static __rte_always_inline enum weft_drop outer_udp(
	struct rte_mbuf *m, const struct outer *o, struct pkt_outer *ret)
{
	const uint8_t *udp = o->frame + o->udp_off, *vxlan;
	uint32_t room = o->ip_end - o->udp_off, len;

	if (unlikely(room < sizeof(struct rte_udp_hdr)))
		return WEFT_DROP_TRUNCATED;
	if (unlikely(load16(udp + 2) != VXLAN_UDP_PORT))
		return WEFT_DROP_NOT_VXLAN;
	len = load16(udp + 4);
	if (unlikely(len < sizeof(struct rte_udp_hdr)))
		return WEFT_DROP_BAD_L4_HEADER;
	if (unlikely(len > room || len < sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr)))
		return WEFT_DROP_TRUNCATED;
	if (unlikely(load16(udp + 6) != 0 && !outer_udp_ok(m, o->udp_off, len, o->is_v6)))
		return WEFT_DROP_BAD_OUTER_CHECKSUM;
	vxlan = udp + sizeof(struct rte_udp_hdr);
	if (unlikely(!(vxlan[0] & VXLAN_FLAG_VNI)))
		return WEFT_DROP_BAD_VXLAN;
	ret->vni = load32(vxlan + 4) >> 8;
	ret->inner_off = o->udp_off + sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr);
	if (unlikely(o->udp_off + len != m->pkt_len))
		return outer_cut(m, o->udp_off + len);
	return 0;
}

/* The headers of m are contiguous. Calls nothing on the common way, and is compiled for itself. */
static __rte_noinline enum weft_drop outer_parse(struct rte_mbuf *m, struct pkt_outer *ret)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct outer o = {.frame = frame, .ip = frame + sizeof(struct rte_ether_hdr)};
	uint32_t room = m->pkt_len - sizeof(struct rte_ether_hdr), ethertype;
	enum weft_drop drop;

	if (unlikely(m->pkt_len < sizeof(struct rte_ether_hdr)))
		return WEFT_DROP_FRAME_TOO_SHORT;
	ethertype = load16(frame + 12);
	if (unlikely(frame[0] & 1))
		return WEFT_DROP_NOT_VXLAN;
	if (likely(ethertype == RTE_ETHER_TYPE_IPV4)) {
		drop = outer_ipv4(&o, room, ret);
		return unlikely(drop) ? drop : outer_udp(m, &o, ret);
	}
	if (ethertype == RTE_ETHER_TYPE_IPV6) {
		drop = outer_ipv6(&o, room, ret);
		return unlikely(drop) ? drop : outer_udp(m, &o, ret);
	}
	return WEFT_DROP_NOT_VXLAN;
}

static __rte_noinline enum weft_drop outer_parse_chain(struct rte_mbuf *m, struct pkt_outer *ret)
{
	if (unlikely(!pkt_headers_contiguous(m)))
		return WEFT_DROP_NO_MBUF;
	return outer_parse(m, ret);
}

enum weft_drop pkt_parse_outer(struct rte_mbuf *m, struct pkt_outer *ret)
{
	return likely(m->nb_segs == 1) ? outer_parse(m, ret) : outer_parse_chain(m, ret);
}
