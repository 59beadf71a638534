/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors: which packet they are about (RFC 792, RFC 4443). The quote comes from the network
 * and may be cut anywhere: every read is checked here. Called for what has no key of its own;
 * workers.
 */
#include <pkt/bytes.h>
#include <pkt/parse.h>

#include "track_priv.h"

#define QUOTE_L4  8 /* bytes of L4 header that every error quotes */
#define IPV6_SIZE 40

/* The quote as far as it is looked at. */
struct quote {
	const uint8_t *ip;
	uint32_t len;
	uint32_t l4_off;
	uint8_t proto;
};

static bool quote_ipv4(struct quote *q, struct session_key *ret)
{
	const uint8_t *ip = q->ip;

	if (q->len < 20 || ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
		return false;
	if (load16(ip + 6) & 0x1fff)
		return false;
	q->l4_off = (ip[0] & 15) * 4;
	q->proto = ip[9];
	ret->src = weft_addr_from_v4(ip + 12);
	ret->dst = weft_addr_from_v4(ip + 16);
	return true;
}

static bool quote_ipv6(struct quote *q, struct session_key *ret)
{
	const uint8_t *ip = q->ip;

	if (q->len < IPV6_SIZE || ip[0] >> 4 != 6)
		return false;
	q->l4_off = IPV6_SIZE;
	q->proto = ip[6];
	memcpy(&ret->src, ip + 8, sizeof(ret->src));
	memcpy(&ret->dst, ip + 24, sizeof(ret->dst));
	for (unsigned int n = 0; n <= PKT_EXT_MAX && q->l4_off + QUOTE_L4 <= q->len; n++) {
		const uint8_t *p = ip + q->l4_off;
		uint32_t size = pkt_ext_size(q->proto, p);

		if (size == 0)
			return true;
		if (q->proto == IPPROTO_FRAGMENT && (load16(p + 2) & 0xfff8))
			return false;
		q->l4_off += size;
		q->proto = p[0];
	}
	return false;
}

/* Ports, or what ICMP queries have for them. */
static bool quote_l4(
	const struct quote *q, uint8_t icmp, struct session_key *ret, uint32_t *ret_seq)
{
	const uint8_t *l4 = q->ip + q->l4_off;
	enum track_icmp class;

	if (q->l4_off + QUOTE_L4 > q->len)
		return false;
	ret->proto = q->proto;
	if (pkt_has_ports(q->proto)) {
		ret->sport = load16(l4);
		ret->dport = load16(l4 + 2);
		*ret_seq = (uint32_t)load16(l4 + 4) << 16 | load16(l4 + 6);
	} else if (q->proto == icmp) {
		class = track_icmp_class(icmp, load16(l4));
		if (class != TRACK_ICMP_REQUEST && class != TRACK_ICMP_REPLY)
			return false;
		ret->icmp_type = l4[0];
		ret->sport = ret->dport = load16(l4 + 4);
	}
	return true;
}

/* An error is for the sender of what it quotes. */
static bool is_for(const struct rte_mbuf *m, const struct pkt_meta *meta, const uint8_t *quoted_src)
{
	const uint8_t *ip = track_l3(m, meta);

	return meta->flags & PKT_IPV4 ? memcmp(ip + 16, quoted_src + 12, 4) == 0
				      : memcmp(ip + 24, quoted_src, 16) == 0;
}

bool track_related(const struct rte_mbuf *m, const struct pkt_meta *meta, struct session_key *ret,
	uint32_t *ret_seq)
{
	struct session_key quoted = {.segment = meta->segment};
	bool v4 = meta->flags & PKT_IPV4;
	uint8_t icmp = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	struct quote q = {0};
	uint8_t copy[PKT_HDR_MAX];

	if (!track_is_icmp(meta) ||
		track_icmp_class(meta->l4_proto, meta->sport) != TRACK_ICMP_ERROR)
		return false;
	q.len = RTE_MIN(m->pkt_len - meta->hdr_len, sizeof(copy));
	q.ip = rte_pktmbuf_read(m, meta->hdr_len, q.len, copy);
	if (!(v4 ? quote_ipv4(&q, &quoted) : quote_ipv6(&q, &quoted)))
		return false;
	if (!quote_l4(&q, icmp, &quoted, ret_seq) || !is_for(m, meta, quoted.src.b))
		return false;
	track_key_reverse(&quoted, ret);
	return true;
}
