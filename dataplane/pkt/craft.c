/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers in place of the packet's destination. Called by the responder and egress stages on
 * workers, for few packets; knows nothing of tables or of who may be answered.
 */
#include <netinet/in.h>

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>

#include <core/mem.h>
#include <pkt/arp.h>
#include <pkt/cksum.h>
#include <pkt/craft.h>
#include <pkt/meta.h>
#include <pkt/nd.h>
#include <pkt/parse.h>
#include <pkt/pullup.h>

#define FRAME_MIN     60u /* an Ethernet frame without its FCS */
#define ANSWER_TTL    64
#define ND_HOP_LIMIT  255
#define ADVERT_SIZE   32 /* of a neighbour advertisement with its option */
#define ICMP_HDR_SIZE 8
#define ICMPV4_MAX    576  /* RFC 1812 section 4.3.2.3 */
#define ICMPV6_MAX    1280 /* RFC 4443 section 2.4 (c) */
#define ICMPV4_TOS    0xc0 /* internetwork control (RFC 1812 section 4.3.2.5) */

enum {
	ICMPV4_ECHO_REPLY = 0,
	ICMPV4_UNREACHABLE = 3,
	ICMPV4_FRAG_NEEDED = 4, /* a code of the above */
	ICMPV4_ECHO_REQUEST = 8,
	ICMPV6_TOO_BIG = 2,
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
};

/* The parser fills the meta of what was made here; it finds no fault with it. */
static void finish(struct rte_mbuf *m)
{
	pkt_meta(m)->flags = 0;
	pkt_meta(m)->outer_tos = 0;
	m->ol_flags &= ~(RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_LRO);
	pkt_parse(m);
}

static void set_macs(struct rte_mbuf *m, const uint8_t *dst, const uint8_t *src)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), macs[12];

	memcpy(macs, dst, 6); /* dst and src may lie in the frame */
	memcpy(macs + 6, src, 6);
	memcpy(frame, macs, sizeof(macs));
}

bool pkt_parse_question(const struct rte_mbuf *m, struct pkt_question *ret)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	struct arp_info arp;
	struct nd_info nd;

	if (meta->flags & PKT_ARP) {
		if (!arp_parse(m, &arp) || arp.op != ARP_REQUEST)
			return false;
		*ret = (struct pkt_question){.target = arp.target, .sender = arp.sender};
		return true;
	}
	if (!(meta->flags & PKT_ND) || !nd_parse(m, &nd) || nd.type != ND_NEIGHBOUR_SOLICIT)
		return false;
	*ret = (struct pkt_question){.target = nd.target, .sender = nd.src};
	return true;
}

static void answer_arp(struct rte_mbuf *m, const struct pkt_question *q, const struct weft_mac *mac)
{
	struct rte_arp_hdr *h =
		rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, pkt_meta(m)->l3_off);

	h->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	memcpy(&h->arp_data.arp_tha, &h->arp_data.arp_sha, 6);
	memcpy(&h->arp_data.arp_tip, &q->sender.b[12], 4);
	memcpy(&h->arp_data.arp_sha, mac->b, 6);
	memcpy(&h->arp_data.arp_sip, &q->target.b[12], 4);
	pkt_cut(m, RTE_MIN(m->pkt_len, FRAME_MIN)); /* what follows is the asker's */
	set_macs(m, rte_pktmbuf_mtod_offset(m, uint8_t *, 6), mac->b);
}

static void set_icmpv6_cksum(uint8_t *ip, uint8_t *icmp, uint32_t len)
{
	struct rte_icmp_hdr *h = (struct rte_icmp_hdr *)icmp;

	h->icmp_cksum = 0;
	h->icmp_cksum = ~cksum_fold(
		(uint64_t)cksum_pseudo(ip, true, IPPROTO_ICMPV6, len) + cksum_bytes(icmp, len));
}

static void set_ipv6(
	uint8_t *ip, uint16_t payload, uint8_t hops, const uint8_t *src, const uint8_t *dst)
{
	struct rte_ipv6_hdr h = {.vtc_flow = rte_cpu_to_be_32(6u << 28),
		.payload_len = rte_cpu_to_be_16(payload),
		.proto = IPPROTO_ICMPV6,
		.hop_limits = hops};

	memcpy(&h.src_addr, src, 16);
	memcpy(&h.dst_addr, dst, 16);
	memcpy(ip, &h, sizeof(h));
}

/* Makes m exactly size bytes of one mbuf; what is gained is not filled. size <= PKT_HDR_MAX, so
 * that all that m keeps is in its first segment. */
static bool resize(struct rte_mbuf *m, uint32_t size)
{
	if (m->pkt_len < size && m->data_len + rte_pktmbuf_tailroom(m) < size)
		return false;
	pkt_cut(m, RTE_MIN(size, m->pkt_len));
	if (m->pkt_len < size)
		rte_pktmbuf_append(m, size - m->pkt_len);
	return true;
}

/* Override set, as the answer is from who knows; to a DAD probe unsolicited and to all nodes. */
static bool answer_nd(struct rte_mbuf *m, const struct pkt_question *q, const struct weft_mac *mac)
{
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
	uint32_t l3_off = pkt_meta(m)->l3_off;
	bool dad = weft_addr_is_zero(&q->sender);
	uint8_t *ip, *icmp;

	if (!resize(m, l3_off + sizeof(struct rte_ipv6_hdr) + ADVERT_SIZE))
		return false;
	ip = rte_pktmbuf_mtod_offset(m, uint8_t *, l3_off);
	icmp = ip + sizeof(struct rte_ipv6_hdr);
	set_ipv6(ip, ADVERT_SIZE, ND_HOP_LIMIT, q->target.b, dad ? all_nodes : q->sender.b);
	memset(icmp, 0, ADVERT_SIZE);
	icmp[0] = ND_NEIGHBOUR_ADVERT;
	icmp[4] =
		(q->router ? ND_FLAG_ROUTER : 0) | (dad ? 0 : ND_FLAG_SOLICITED) | ND_FLAG_OVERRIDE;
	memcpy(icmp + 8, q->target.b, 16);
	icmp[24] = ND_OPT_TARGET_LLADDR;
	icmp[25] = 1; /* unit of 8 bytes */
	memcpy(icmp + 26, mac->b, 6);
	set_icmpv6_cksum(ip, icmp, ADVERT_SIZE);
	set_macs(m, dad ? all_nodes_mac : rte_pktmbuf_mtod_offset(m, uint8_t *, 6), mac->b);
	return true;
}

enum weft_drop pkt_craft_answer(
	struct rte_mbuf *m, const struct pkt_question *q, const struct weft_mac *mac)
{
	if (pkt_meta(m)->flags & PKT_ARP)
		answer_arp(m, q, mac);
	else if (!answer_nd(m, q, mac))
		return WEFT_DROP_NO_MBUF;
	finish(m);
	return 0;
}

static void swap_bytes(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t tmp[16];

	memcpy(tmp, a, n);
	memcpy(a, b, n);
	memcpy(b, tmp, n);
}

/* A MAC that may be the source of an answer. */
static bool sent_to_host(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return !(meta->flags & PKT_GROUP) &&
	       !weft_mac_is_zero(rte_pktmbuf_mtod(m, const struct weft_mac *));
}

static bool is_echo_request(const struct pkt_meta *meta)
{
	if ((meta->flags & (PKT_L4 | PKT_FRAGMENT)) != PKT_L4)
		return false;
	return meta->flags & PKT_IPV4
		       ? meta->l4_proto == IPPROTO_ICMP && meta->sport == ICMPV4_ECHO_REQUEST << 8
		       : meta->l4_proto == IPPROTO_ICMPV6 && meta->sport == ICMPV6_ECHO_REQUEST
										    << 8;
}

bool pkt_craft_echo_reply(struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + meta->l3_off;
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(frame + meta->l4_off);
	bool v6 = meta->flags & PKT_IPV6;

	if (!is_echo_request(meta) || !sent_to_host(m, meta))
		return false;
	/* Swapping addresses leaves every sum as it is. */
	swap_bytes(frame, frame + 6, 6);
	if (v6) {
		swap_bytes(ip + 8, ip + 24, 16);
		ip[7] = ANSWER_TTL;
	} else {
		swap_bytes(ip + 12, ip + 16, 4);
		ip[8] = ANSWER_TTL;
		cksum_ipv4_set(ip);
	}
	icmp->icmp_type = v6 ? ICMPV6_ECHO_REPLY : ICMPV4_ECHO_REPLY;
	cksum_update16(&icmp->icmp_cksum, rte_cpu_to_be_16(meta->sport),
		rte_cpu_to_be_16(icmp->icmp_type << 8));
	finish(m);
	return true;
}

static bool ipv4_is_host(const uint8_t *a)
{
	return a[0] != 0 && a[0] != 127 && a[0] < 224;
}

static bool ipv6_is_host(const uint8_t *a)
{
	static const uint8_t zero[15];

	return a[0] != 0xff && !(memcmp(a, zero, 15) == 0 && a[15] <= 1);
}

static bool is_icmp_error(const struct pkt_meta *meta)
{
	uint8_t type = meta->sport >> 8;

	if (!(meta->flags & PKT_L4))
		return false;
	if (meta->flags & PKT_IPV6)
		return meta->l4_proto == IPPROTO_ICMPV6 && (type < 128 || type == ND_REDIRECT);
	return meta->l4_proto == IPPROTO_ICMP &&
	       (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
}

static bool may_answer(const struct pkt_meta *meta, const uint8_t *ip)
{
	if (!(meta->flags & (PKT_IPV4 | PKT_IPV6)) || (meta->flags & PKT_LATER_FRAGMENT) ||
		is_icmp_error(meta))
		return false;
	if (meta->flags & PKT_IPV6)
		return ipv6_is_host(ip + 8) && ipv6_is_host(ip + 24);
	return ipv4_is_host(ip + 12) && ipv4_is_host(ip + 16);
}

static void set_ipv4(uint8_t *ip, uint16_t total, const uint8_t *src, const uint8_t *dst)
{
	struct rte_ipv4_hdr h = {.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = ICMPV4_TOS,
		.total_length = rte_cpu_to_be_16(total),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = ANSWER_TTL,
		.next_proto_id = IPPROTO_ICMP};

	memcpy(&h.src_addr, src, 4);
	memcpy(&h.dst_addr, dst, 4);
	memcpy(ip, &h, sizeof(h));
	cksum_ipv4_set(ip);
}

/* Fills IP and ICMP headers at ip, with quote bytes of the packet behind them already. */
static void fill_too_big_v4(uint8_t *ip, const uint8_t *about, uint32_t quote, uint16_t mtu)
{
	uint8_t *icmp = ip + sizeof(struct rte_ipv4_hdr);
	uint16_t len = ICMP_HDR_SIZE + quote, mtu_be = rte_cpu_to_be_16(mtu), sum;

	set_ipv4(ip, sizeof(struct rte_ipv4_hdr) + len, about + 16, about + 12);
	memset(icmp, 0, ICMP_HDR_SIZE);
	icmp[0] = ICMPV4_UNREACHABLE;
	icmp[1] = ICMPV4_FRAG_NEEDED;
	memcpy(icmp + 6, &mtu_be, sizeof(mtu_be));
	sum = ~cksum_fold(cksum_bytes(icmp, len));
	memcpy(icmp + 2, &sum, sizeof(sum));
}

static void fill_too_big_v6(uint8_t *ip, const uint8_t *about, uint32_t quote, uint16_t mtu)
{
	uint8_t *icmp = ip + sizeof(struct rte_ipv6_hdr);
	uint32_t len = ICMP_HDR_SIZE + quote, mtu_be = rte_cpu_to_be_32(mtu);

	set_ipv6(ip, len, ANSWER_TTL, about + 24, about + 8);
	memset(icmp, 0, ICMP_HDR_SIZE);
	icmp[0] = ICMPV6_TOO_BIG;
	memcpy(icmp + 4, &mtu_be, sizeof(mtu_be));
	set_icmpv6_cksum(ip, icmp, len);
}

/* Copies len bytes of the chain from off to dst. */
static void copy_out(const struct rte_mbuf *m, uint32_t off, uint32_t len, uint8_t *dst)
{
	const void *src = rte_pktmbuf_read(m, off, len, dst);

	if (src && src != dst)
		memcpy(dst, src, len);
}

struct rte_mbuf *pkt_craft_too_big(const struct rte_mbuf *m, uint16_t mtu)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + meta->l3_off;
	bool v6 = meta->flags & PKT_IPV6;
	uint32_t hdrs =
		(v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr)) + ICMP_HDR_SIZE;
	uint32_t quote = RTE_MIN((v6 ? ICMPV6_MAX : ICMPV4_MAX) - hdrs, (uint32_t)meta->l3_len);
	struct rte_mbuf *a;
	uint8_t *out;

	if (!sent_to_host(m, meta) || !may_answer(meta, ip))
		return NULL;
	a = rte_pktmbuf_alloc(mem_pools.packet);
	if (!a)
		return NULL;
	out = (uint8_t *)rte_pktmbuf_append(a, meta->l3_off + hdrs + quote);
	memcpy(out, frame, meta->l3_off);
	copy_out(m, meta->l3_off, quote, out + meta->l3_off + hdrs);
	if (v6)
		fill_too_big_v6(out + meta->l3_off, ip, quote, mtu);
	else
		fill_too_big_v4(out + meta->l3_off, ip, quote, mtu);
	set_macs(a, frame + 6, frame);
	a->port = m->port;
	*pkt_meta(a) = *meta;
	finish(a);
	return a;
}
