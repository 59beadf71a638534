/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers to ARP and ND questions, and what all crafting shares (craft_priv.h). Called on workers,
 * for few packets; knows nothing of tables or of who may be answered.
 */
#include <netinet/in.h>

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include <core/mem.h>
#include <pkt/arp.h>
#include <pkt/cksum.h>
#include <pkt/craft.h>
#include <pkt/meta.h>
#include <pkt/nd.h>
#include <pkt/parse.h>
#include <pkt/pullup.h>

#include "craft_priv.h"

#define FRAME_MIN    60u /* an Ethernet frame without its FCS */
#define ND_HOP_LIMIT 255
#define ADVERT_SIZE  32 /* of a neighbour advertisement with its option */

void craft_finish(struct rte_mbuf *m)
{
	pkt_meta(m)->flags &= PKT_TRACED;
	pkt_meta(m)->outer_tos = 0;
	m->ol_flags &= ~(RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_LRO);
	pkt_parse(m);
}

void craft_set_macs(struct rte_mbuf *m, const uint8_t *dst, const uint8_t *src)
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
	craft_set_macs(m, rte_pktmbuf_mtod_offset(m, uint8_t *, 6), mac->b);
}

void craft_l4_cksum(
	uint8_t *ip, bool is_v6, uint8_t proto, uint8_t *l4, uint32_t len, uint32_t field_off)
{
	uint64_t sum = proto == IPPROTO_ICMP ? 0 : cksum_pseudo(ip, is_v6, proto, len);
	uint16_t folded;

	memset(l4 + field_off, 0, sizeof(folded));
	folded = ~cksum_fold(sum + cksum_bytes(l4, len));
	memcpy(l4 + field_off, &folded, sizeof(folded));
}

void craft_ipv6(uint8_t *ip, uint8_t proto, uint16_t payload, uint8_t hops, const uint8_t *src,
	const uint8_t *dst)
{
	struct rte_ipv6_hdr h = {.vtc_flow = rte_cpu_to_be_32(6u << 28),
		.payload_len = rte_cpu_to_be_16(payload),
		.proto = proto,
		.hop_limits = hops};

	memcpy(&h.src_addr, src, 16);
	memcpy(&h.dst_addr, dst, 16);
	memcpy(ip, &h, sizeof(h));
}

void craft_ipv4(uint8_t *ip, uint8_t proto, uint16_t payload, uint8_t tos, const uint8_t *src,
	const uint8_t *dst)
{
	struct rte_ipv4_hdr h = {.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = tos,
		.total_length = rte_cpu_to_be_16(sizeof(h) + payload),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = CRAFT_TTL,
		.next_proto_id = proto};

	memcpy(&h.src_addr, src, 4);
	memcpy(&h.dst_addr, dst, 4);
	memcpy(ip, &h, sizeof(h));
	cksum_ipv4_set(ip);
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
	craft_ipv6(ip, IPPROTO_ICMPV6, ADVERT_SIZE, ND_HOP_LIMIT, q->target.b,
		dad ? all_nodes : q->sender.b);
	memset(icmp, 0, ADVERT_SIZE);
	icmp[0] = ND_NEIGHBOUR_ADVERT;
	icmp[4] =
		(q->router ? ND_FLAG_ROUTER : 0) | (dad ? 0 : ND_FLAG_SOLICITED) | ND_FLAG_OVERRIDE;
	memcpy(icmp + 8, q->target.b, 16);
	icmp[24] = ND_OPT_TARGET_LLADDR;
	icmp[25] = 1; /* unit of 8 bytes */
	memcpy(icmp + 26, mac->b, 6);
	craft_l4_cksum(ip, true, IPPROTO_ICMPV6, icmp, ADVERT_SIZE, 2);
	craft_set_macs(m, dad ? all_nodes_mac : rte_pktmbuf_mtod_offset(m, uint8_t *, 6), mac->b);
	return true;
}

enum weft_drop pkt_craft_answer(
	struct rte_mbuf *m, const struct pkt_question *q, const struct weft_mac *mac)
{
	if (pkt_meta(m)->flags & PKT_ARP)
		answer_arp(m, q, mac);
	else if (!answer_nd(m, q, mac))
		return WEFT_DROP_NO_MBUF;
	craft_finish(m);
	return 0;
}

bool craft_sent_to_host(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return !(meta->flags & PKT_GROUP) &&
	       !weft_mac_is_zero(rte_pktmbuf_mtod(m, const struct weft_mac *));
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

bool craft_between_hosts(const struct pkt_meta *meta, const uint8_t *ip)
{
	if (meta->flags & PKT_IPV6)
		return ipv6_is_host(ip + 8) && ipv6_is_host(ip + 24);
	return (meta->flags & PKT_IPV4) && ipv4_is_host(ip + 12) && ipv4_is_host(ip + 16);
}

struct rte_mbuf *craft_new(const struct rte_mbuf *m, const struct weft_addr *from, uint8_t proto,
	uint16_t payload, uint8_t tos)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + meta->l3_off;
	struct rte_mbuf *a = rte_pktmbuf_alloc(mem_pools.packet);
	bool v6 = meta->flags & PKT_IPV6;
	uint8_t *out;

	if (!a)
		return NULL;
	out = (uint8_t *)rte_pktmbuf_append(a, meta->l3_off + craft_ip_size(v6) + payload);
	memcpy(out, frame, meta->l3_off);
	craft_set_macs(a, frame + 6, frame);
	if (v6)
		craft_ipv6(out + meta->l3_off, proto, payload, CRAFT_TTL, from ? from->b : ip + 24,
			ip + 8);
	else
		craft_ipv4(out + meta->l3_off, proto, payload, tos, from ? from->b + 12 : ip + 16,
			ip + 12);
	a->port = m->port;
	*pkt_meta(a) = *meta;
	return a;
}
