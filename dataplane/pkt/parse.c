/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser: distrust of what peers send ends here. Called once per frame on the worker that
 * received it, for outer and inner headers; knows nothing of ports, segments or tables.
 *
 * Headers are made contiguous first (pkt_pullup), so that below every read within PKT_HDR_MAX
 * bytes and within the frame is within the first segment.
 *
 * There is one text and it is compiled three times. Plain frames (PKT_PLAIN) have their headers at
 * places that the compiler knows, and pass through a function for their IP version that calls none.
 * What turns out to be another one, or wrong, is parsed again from its beginning.
 */
#include <netinet/in.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <pkt/bytes.h>
#include <pkt/cksum.h>
#include <pkt/gso.h>
#include <pkt/parse.h>
#include <pkt/pullup.h>

#define VLAN_TAGS_MAX	2		   /* 802.1Q inside 802.1ad */
#define L4_OFF_MAX	(PKT_HDR_MAX - 60) /* leaves room for the longest TCP header */
#define IPV4_FRAG_MASK	(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)
#define IPV6_FRAG_MASK	(RTE_IPV6_EHDR_MF_MASK | RTE_IPV6_EHDR_FO_MASK)
#define EXT_HIP		139
#define EXT_SHIM6	140
#define NOT_PLAIN	WEFT_DROP_MAX /* no reason to drop it */
#define PARSE_OFFLOADS	(RTE_MBUF_F_RX_LRO | RTE_MBUF_F_RX_L4_CKSUM_MASK)
#define META_PLAIN_SIZE 16 /* of what is 0 for most */
static_assert(
	offsetof(struct pkt_meta, ethertype) + META_PLAIN_SIZE >= offsetof(struct pkt_meta, pad2),
	"all of it");
static_assert(
	offsetof(struct pkt_meta, ethertype) + META_PLAIN_SIZE <= offsetof(struct pkt_meta, watch),
	"no more");

struct cursor {
	const struct rte_mbuf *m;
	struct pkt_meta *meta;
	const uint8_t *frame;
	uint32_t len; /* of the frame, as received */
	uint32_t flags;
	uint32_t l3_off;
	uint32_t l3_end; /* of the IP packet, as stated and checked against len */
	uint32_t l4_off;
	uint64_t hash; /* of the addresses */
};

/* Runs a step that few packets take out of line, on a copy: the cursor of all others then stays in
 * registers, as nobody knows its address. arg: what the step reads and may change. */
static inline enum weft_drop take_step(
	struct cursor *c, enum weft_drop (*step)(struct cursor *c, uint32_t *arg), uint32_t *arg)
{
	struct cursor copy = *c;
	uint32_t value = *arg;
	enum weft_drop drop = step(&copy, &value);

	*c = copy;
	*arg = value;
	return drop;
}

/* Multiply and fold: every input bit reaches every output bit, about 4 cycles on any 64-bit CPU. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 r =
		(unsigned __int128)(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xd1b54a32d192ed03);

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static inline uint32_t finish_hash(uint64_t addrs, uint32_t ports, uint32_t proto)
{
	uint64_t h = mix(addrs, (uint64_t)proto << 32 | ports);
	uint32_t v = h ^ h >> 32;

	return v ? v : 1;
}

static inline void set_no_l4(struct cursor *c, unsigned int proto)
{
	c->meta->l4_proto = proto;
	c->meta->l4_off = c->l4_off;
	c->meta->hdr_len = c->l4_off;
	c->meta->hash = finish_hash(c->hash, 0, proto);
}

/* ports: as they lie behind one another in most headers, host order. fragment: of a datagram, which
 * share one path: later ones have no ports to hash. */
static inline void set_l4(
	struct cursor *c, unsigned int proto, unsigned int l4_len, uint32_t ports, bool fragment)
{
	c->flags |= PKT_L4;
	c->meta->l4_proto = proto;
	c->meta->zero = 0;
	c->meta->l4_off = c->l4_off;
	c->meta->hdr_len = c->l4_off + l4_len;
	c->meta->sport = ports >> 16;
	c->meta->dport = ports;
	c->meta->hash = finish_hash(c->hash, unlikely(fragment) ? 0 : ports, proto);
}

/* The length of the TCP header, 0 when it is wrong. */
static inline unsigned int tcp_len(const uint8_t *l4, uint32_t room)
{
	unsigned int len;

	if (unlikely(room < sizeof(struct rte_tcp_hdr)))
		return 0;
	len = (l4[12] >> 4) * 4;
	return likely(len >= sizeof(struct rte_tcp_hdr) && len <= room) ? len : 0;
}

/* The same for UDP. The length of a fragmented datagram is that of the whole. */
static inline unsigned int udp_len(const uint8_t *l4, uint32_t room, bool fragment)
{
	unsigned int len;

	if (unlikely(room < sizeof(struct rte_udp_hdr)))
		return 0;
	len = load16(l4 + 4);
	return likely(len >= sizeof(struct rte_udp_hdr) && (len <= room || fragment))
		       ? sizeof(struct rte_udp_hdr)
		       : 0;
}

/* The rest of those with ports: the shortest header that each can have (RFC 9260, RFC 4340, RFC
 * 3828). */
static __rte_noinline enum weft_drop parse_ports(struct cursor *c, uint32_t *proto)
{
	const uint8_t *l4 = c->frame + c->l4_off;
	uint32_t hdr_len = *proto == IPPROTO_UDPLITE ? 8 : 12;

	if (c->l3_end - c->l4_off < hdr_len)
		return WEFT_DROP_BAD_L4_HEADER;
	set_l4(c, *proto, hdr_len, load32(l4), c->flags & PKT_FRAGMENT);
	return 0;
}

/* Echo; IPv4 has timestamp, information and address mask beside it, all with an identifier. */
static bool icmp_is_query(unsigned int proto, uint8_t type)
{
	if (proto == IPPROTO_ICMP)
		return type == 8 || type == 0 || (type >= 13 && type <= 18);
	return type == 128 || type == 129;
}

static __rte_noinline enum weft_drop parse_icmp(struct cursor *c, uint32_t *arg)
{
	const uint8_t *l4 = c->frame + c->l4_off;
	uint32_t proto = *arg;

	if (c->l3_end - c->l4_off < 8)
		return WEFT_DROP_BAD_L4_HEADER;
	if (proto == IPPROTO_ICMPV6 && l4[0] >= 133 && l4[0] <= 137)
		c->flags |= PKT_ND;
	set_l4(c, proto, 8,
		(uint32_t)load16(l4) << 16 | (icmp_is_query(proto, l4[0]) ? load16(l4 + 4) : 0),
		c->flags & PKT_FRAGMENT);
	return 0;
}

/* From l4_off to l3_end; icmp: the ICMP that belongs to the IP version. */
static __rte_always_inline enum weft_drop parse_l4(
	struct cursor *c, uint32_t proto, uint32_t icmp, bool plain)
{
	const uint8_t *l4 = c->frame + c->l4_off;
	uint32_t room = c->l3_end - c->l4_off, len;
	bool fragment = !plain && (c->flags & PKT_FRAGMENT);

	if (proto == IPPROTO_TCP) {
		len = tcp_len(l4, room);
	} else if (proto == IPPROTO_UDP) {
		len = udp_len(l4, room, fragment);
	} else if (plain) {
		return NOT_PLAIN;
	} else if (proto == icmp) {
		return take_step(c, parse_icmp, &proto);
	} else if (pkt_has_ports(proto)) {
		return take_step(c, parse_ports, &proto);
	} else {
		set_no_l4(c, proto);
		return 0;
	}
	if (unlikely(!len))
		return WEFT_DROP_BAD_L4_HEADER;
	set_l4(c, proto, len, load32(l4), fragment);
	return 0;
}

/* frag: flags and offset in host order, not 0. RFC 1858: what a filter must see is in the first
 * fragment, and no later one may write over it. */
static __rte_noinline enum weft_drop parse_ipv4_fragment(struct cursor *c, uint32_t *frag)
{
	uint32_t start = (*frag & RTE_IPV4_HDR_OFFSET_MASK) * 8;
	uint8_t proto = c->frame[c->l3_off + offsetof(struct rte_ipv4_hdr, next_proto_id)];

	c->flags |= PKT_FRAGMENT;
	if (start == 0)
		return 0;
	if (start + (c->l3_end - c->l4_off) > UINT16_MAX)
		return WEFT_DROP_BAD_IP_HEADER;
	if (start < sizeof(struct rte_tcp_hdr) && proto == IPPROTO_TCP)
		return WEFT_DROP_BAD_L4_HEADER;
	c->flags |= PKT_LATER_FRAGMENT;
	return 0;
}

static __rte_noinline bool ipv4_options_ok(const uint8_t *ip, uint32_t hdr_len)
{
	return cksum_ipv4_ok(ip, hdr_len);
}

static __rte_always_inline enum weft_drop parse_ipv4(struct cursor *c, bool plain)
{
	const uint8_t *ip = c->frame + c->l3_off;
	uint32_t room = c->len - c->l3_off, hdr_len, total, frag;
	enum weft_drop drop;

	if (unlikely(room < sizeof(struct rte_ipv4_hdr)))
		return WEFT_DROP_TRUNCATED;
	if (likely(ip[0] == 0x45)) {
		hdr_len = sizeof(struct rte_ipv4_hdr);
	} else if (plain) {
		return NOT_PLAIN;
	} else {
		hdr_len = (ip[0] & 0xf) * 4;
		if (ip[0] >> 4 != 4 || hdr_len < sizeof(struct rte_ipv4_hdr))
			return WEFT_DROP_BAD_IP_HEADER;
		if (hdr_len > room)
			return WEFT_DROP_TRUNCATED;
	}
	total = load16(ip + 2);
	if (unlikely(total < hdr_len))
		return WEFT_DROP_BAD_IP_HEADER;
	if (unlikely(total > room))
		return WEFT_DROP_TRUNCATED;
	if (unlikely(!(likely(hdr_len == sizeof(struct rte_ipv4_hdr))
			       ? cksum_ipv4_plain_ok(ip)
			       : ipv4_options_ok(ip, hdr_len))))
		return WEFT_DROP_BAD_IP_CHECKSUM;

	c->l3_end = c->l3_off + total;
	c->l4_off = c->l3_off + hdr_len;
	c->meta->l3_len = total;
	c->meta->tos = ip[1];
	c->hash = load64_raw(ip + 12);
	frag = load16(ip + 6);
	c->flags |= PKT_IPV4 | (frag & RTE_IPV4_HDR_DF_FLAG ? PKT_DF : 0);
	if (unlikely(frag & IPV4_FRAG_MASK)) {
		if (plain)
			return NOT_PLAIN;
		drop = take_step(c, parse_ipv4_fragment, &frag);
		if (drop)
			return drop;
		if (c->flags & PKT_LATER_FRAGMENT) {
			set_no_l4(c, ip[9]);
			return 0;
		}
	}
	return parse_l4(c, ip[9], IPPROTO_ICMP, plain);
}

uint32_t pkt_ext_size(unsigned int type, const uint8_t *p)
{
	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case EXT_HIP:
	case EXT_SHIM6:
		return (p[1] + 1u) * 8;
	case IPPROTO_AH:
		return (p[1] + 2u) * 4;
	case IPPROTO_FRAGMENT:
		return RTE_IPV6_FRAG_HDR_SIZE;
	default:
		return 0;
	}
}

/* Sets the fragment flags. Returns false for a second fragment header. An atomic fragment (RFC
 * 6946) is a whole packet. */
static bool note_ipv6_fragment(struct cursor *c, const uint8_t *p, bool *seen)
{
	uint32_t frag = load16(p + 2);

	if (*seen)
		return false;
	*seen = true;
	if (frag & IPV6_FRAG_MASK)
		c->flags |= PKT_FRAGMENT;
	if (frag & RTE_IPV6_EHDR_FO_MASK)
		c->flags |= PKT_LATER_FRAGMENT;
	return true;
}

/* Walks the extension headers from l4_off on and moves it to the L4 header, or to the data of a
 * later fragment. RFC 8200 section 4.1 for the order that matters, RFC 7112 for fragments. */
static __rte_noinline enum weft_drop walk_ext(struct cursor *c, uint32_t *proto)
{
	bool fragment_seen = false;
	uint32_t size;

	for (unsigned int n = 0; n <= PKT_EXT_MAX; n++) {
		const uint8_t *p = c->frame + c->l4_off;
		static const uint8_t nothing[2];

		if (pkt_ext_size(*proto, nothing) == 0 || (c->flags & PKT_LATER_FRAGMENT))
			return 0;
		if (c->l4_off + 8 > RTE_MIN(c->l3_end, (uint32_t)L4_OFF_MAX))
			return WEFT_DROP_HEADER_CHAIN;
		size = pkt_ext_size(*proto, p);
		if (c->l4_off + size > RTE_MIN(c->l3_end, (uint32_t)L4_OFF_MAX))
			return WEFT_DROP_HEADER_CHAIN;
		if (*proto == IPPROTO_HOPOPTS && n > 0)
			return WEFT_DROP_HEADER_CHAIN;
		if (*proto == IPPROTO_FRAGMENT && !note_ipv6_fragment(c, p, &fragment_seen))
			return WEFT_DROP_HEADER_CHAIN;
		c->l4_off += size;
		*proto = p[0];
	}
	return WEFT_DROP_HEADER_CHAIN;
}

static inline bool ipv6_is_plain(unsigned int proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMPV6;
}

/* ::ffff:0:0/96 is how hosts hold IPv4 addresses (RFC 4291 section 2.5.5.2) and how all tables here
 * do; on the wire it would pass for an IPv4 address that nobody checked (RFC 6890 table 20). */
static inline bool is_v4_mapped(const uint8_t *addr)
{
	return unlikely(load64_raw(addr) == 0) && load16(addr + 8) == 0 &&
	       load16(addr + 10) == 0xffff;
}

static __rte_always_inline enum weft_drop parse_ipv6(struct cursor *c, bool plain)
{
	const uint8_t *ip = c->frame + c->l3_off;
	uint32_t room = c->len - c->l3_off, total;
	uint32_t proto;

	if (unlikely(room < sizeof(struct rte_ipv6_hdr)))
		return WEFT_DROP_TRUNCATED;
	if (unlikely(ip[0] >> 4 != 6))
		return WEFT_DROP_BAD_IP_HEADER;
	total = load16(ip + 4) + sizeof(struct rte_ipv6_hdr);
	if (unlikely(total > room))
		return WEFT_DROP_TRUNCATED;
	if (unlikely(total > UINT16_MAX))
		return WEFT_DROP_BAD_IP_HEADER; /* l3_len could not hold it */
	if (unlikely(is_v4_mapped(ip + 8) || is_v4_mapped(ip + 24)))
		return WEFT_DROP_BAD_IP_HEADER;

	c->l3_end = c->l3_off + total;
	c->l4_off = c->l3_off + sizeof(struct rte_ipv6_hdr);
	c->meta->l3_len = total;
	c->meta->tos = load16(ip) >> 4;
	c->hash = mix(load64_raw(ip + 8), load64_raw(ip + 16)) ^
		  mix(load64_raw(ip + 24), ~load64_raw(ip + 32));
	c->flags |= PKT_IPV6 | PKT_DF;
	proto = ip[6];
	if (!plain && unlikely(!ipv6_is_plain(proto))) {
		enum weft_drop drop = take_step(c, walk_ext, &proto);

		if (drop)
			return drop;
		if (c->flags & PKT_LATER_FRAGMENT) {
			set_no_l4(c, proto);
			return 0;
		}
	}
	return parse_l4(c, proto, IPPROTO_ICMPV6, plain);
}

/* Passes over VLAN tags; the first one's TCI goes to meta. */
static __rte_noinline enum weft_drop parse_vlan(struct cursor *c, uint32_t *ethertype)
{
	for (unsigned int n = 0;
		*ethertype == RTE_ETHER_TYPE_VLAN || *ethertype == RTE_ETHER_TYPE_QINQ; n++) {
		if (n == VLAN_TAGS_MAX)
			return WEFT_DROP_VLAN;
		if (c->len < c->l3_off + sizeof(struct rte_vlan_hdr))
			return WEFT_DROP_TRUNCATED;
		if (n == 0)
			c->meta->vlan_tci = load16(c->frame + c->l3_off);
		*ethertype = load16(c->frame + c->l3_off + 2);
		c->l3_off += sizeof(struct rte_vlan_hdr);
	}
	c->flags |= PKT_VLAN;
	return 0;
}

static enum weft_drop parse_arp(struct cursor *c)
{
	c->flags |= PKT_ARP;
	if (c->len < c->l3_off + 28)
		return WEFT_DROP_TRUNCATED;
	c->l4_off = c->l3_off + 28;
	return 0;
}

static __rte_noinline enum weft_drop parse_non_ip(struct cursor *c, uint32_t *ethertype)
{
	enum weft_drop drop = 0;

	c->l3_end = 0; /* no padding to know of */
	c->l4_off = c->l3_off;
	c->hash = mix(load64_raw(c->frame), load64_raw(c->frame + 6));
	if (*ethertype == RTE_ETHER_TYPE_ARP)
		drop = parse_arp(c);
	set_no_l4(c, 0);
	return drop;
}

/* The Ethernet header without tags. */
static __rte_always_inline enum weft_drop parse_macs(struct cursor *c, uint32_t *ret_ethertype)
{
	uint64_t dst, src;

	if (unlikely(c->len < sizeof(struct rte_ether_hdr)))
		return WEFT_DROP_FRAME_TOO_SHORT;
	dst = load64_raw(c->frame) & rte_le_to_cpu_64(0x0000ffffffffffff);
	src = load64_raw(c->frame + 6) & rte_le_to_cpu_64(0x0000ffffffffffff);
	if (unlikely(src == 0 || (src & rte_le_to_cpu_64(1))))
		return WEFT_DROP_BAD_SOURCE_MAC;
	if (dst & rte_le_to_cpu_64(1))
		c->flags |= dst == rte_le_to_cpu_64(0x0000ffffffffffff) ? PKT_GROUP | PKT_BROADCAST
									: PKT_GROUP;
	*ret_ethertype = load16(c->frame + 12);
	c->l3_off = sizeof(struct rte_ether_hdr);
	return 0;
}

static enum weft_drop parse_ethernet(struct cursor *c)
{
	uint32_t ethertype;
	enum weft_drop drop = parse_macs(c, &ethertype);

	if (drop == 0 && (ethertype == RTE_ETHER_TYPE_VLAN || ethertype == RTE_ETHER_TYPE_QINQ))
		drop = take_step(c, parse_vlan, &ethertype);
	if (drop)
		return drop;
	c->meta->l3_off = c->l3_off;
	c->meta->ethertype = ethertype;
	if (ethertype == RTE_ETHER_TYPE_IPV4)
		return parse_ipv4(c, false);
	if (ethertype == RTE_ETHER_TYPE_IPV6)
		return parse_ipv6(c, false);
	return take_step(c, parse_non_ip, &ethertype);
}

/* A GSO frame must say how to cut it, into a number of segments that can be handled at once. */
static enum weft_drop check_gso(struct cursor *c)
{
	const struct rte_mbuf *m = c->m;
	uint32_t payload = c->l3_end - c->meta->hdr_len;

	if (m->tso_segsz == 0)
		return WEFT_DROP_BAD_OFFLOAD;
	if (c->meta->l4_proto == IPPROTO_UDP &&
		load16(c->frame + c->l4_off + 4) != c->l3_end - c->l4_off)
		return WEFT_DROP_BAD_OFFLOAD;
	if (payload <= m->tso_segsz)
		return 0;
	if ((payload - 1) / m->tso_segsz >= PKT_GSO_SEGS_MAX)
		return WEFT_DROP_BAD_OFFLOAD;
	c->flags |= PKT_GSO;
	c->meta->gso_size = m->tso_segsz;
	return 0;
}

/* The peer's word about checksum and GSO against the frame (port/port.h). What an uplink's driver
 * says concerns the outer headers or the inner ones: it is no offence where it does not fit. */
static __rte_noinline enum weft_drop check_offload(struct cursor *c, uint32_t *unused)
{
	const struct rte_mbuf *m = c->m;
	bool gso = m->ol_flags & RTE_MBUF_F_RX_LRO;
	bool partial = (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;
	uint8_t proto = c->meta->l4_proto;

	if (!gso && !partial)
		return 0;
	if ((c->flags & (PKT_L4 | PKT_FRAGMENT)) != PKT_L4 ||
		(proto != IPPROTO_TCP && proto != IPPROTO_UDP))
		return c->flags & PKT_FROM_TUNNEL ? 0 : WEFT_DROP_BAD_OFFLOAD;
	c->flags |= PKT_CKSUM_PARTIAL;
	return gso ? check_gso(c) : 0;
}

/* Clears all but what the caller has filled in. */
static void meta_start(struct pkt_meta *meta)
{
	uint16_t segment = meta->segment;
	size_t from = offsetof(struct pkt_meta, sport);

	meta->flags &= PKT_OF_CALLER;
	meta->hash = 0;
	memset((uint8_t *)meta + from, 0, offsetof(struct pkt_meta, pad2) - from);
	meta->segment = segment;
}

static __rte_noinline enum weft_drop parse_odd(struct rte_mbuf *m)
{
	struct cursor c = {.m = m, .meta = pkt_meta(m)};
	uint32_t unused = 0;
	enum weft_drop drop;

	meta_start(c.meta);
	if (!pkt_headers_contiguous(m))
		return WEFT_DROP_NO_MBUF;
	c.frame = rte_pktmbuf_mtod(m, const uint8_t *);
	c.len = m->pkt_len;
	c.flags = c.meta->flags;
	drop = parse_ethernet(&c);
	if (drop == 0 && (m->ol_flags & PARSE_OFFLOADS))
		drop = take_step(&c, check_offload, &unused);
	c.meta->flags = c.flags;
	if (drop == 0 && c.l3_end != c.len && c.l3_end != 0)
		pkt_cut(m, c.l3_end);
	return drop;
}

/* The rest of a frame without tags; flags: what parse_macs left. */
static __rte_always_inline enum weft_drop parse_plain(
	struct rte_mbuf *m, const uint8_t *frame, uint32_t flags, bool is_v6)
{
	struct cursor c = {
		.m = m,
		.meta = pkt_meta(m),
		.frame = frame,
		.len = m->pkt_len,
		.flags = flags | PKT_PLAIN,
		.l3_off = sizeof(struct rte_ether_hdr),
	};

	memset(&c.meta->ethertype, 0, META_PLAIN_SIZE);
	c.meta->l3_off = c.l3_off;
	c.meta->ethertype = is_v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4;
	if (unlikely(is_v6 ? parse_ipv6(&c, true) : parse_ipv4(&c, true)))
		return parse_odd(m);
	c.meta->flags = c.flags;
	if (unlikely(c.l3_end != c.len))
		pkt_cut(m, c.l3_end);
	return 0;
}

static __rte_noinline enum weft_drop parse_plain_ipv4(
	struct rte_mbuf *m, const uint8_t *frame, uint32_t flags)
{
	return parse_plain(m, frame, flags, false);
}

static __rte_noinline enum weft_drop parse_plain_ipv6(
	struct rte_mbuf *m, const uint8_t *frame, uint32_t flags)
{
	return parse_plain(m, frame, flags, true);
}

enum weft_drop pkt_parse(struct rte_mbuf *m)
{
	struct cursor c = {.len = m->pkt_len, .flags = pkt_meta(m)->flags & PKT_OF_CALLER};
	uint32_t ethertype;

	if (unlikely(m->nb_segs != 1 || (m->ol_flags & PARSE_OFFLOADS)))
		return parse_odd(m);
	c.frame = rte_pktmbuf_mtod(m, const uint8_t *);
	if (unlikely(parse_macs(&c, &ethertype)))
		return parse_odd(m);
	if (likely(ethertype == RTE_ETHER_TYPE_IPV4))
		return parse_plain_ipv4(m, c.frame, c.flags);
	if (likely(ethertype == RTE_ETHER_TYPE_IPV6))
		return parse_plain_ipv6(m, c.frame, c.flags);
	return parse_odd(m);
}
