/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors as the oracle sees them: they pass for the session that they quote, and for nothing
 * else (session/track.h: track_related; slow.c). The quote is of RFC 792 and RFC 4443.
 */
#include <string.h>

#include "oracle_session.h"

/* Behind the IP header of a quote; 0: the quote tells nothing. */
static uint32_t quoted_l4(const uint8_t *ip, uint32_t len, unsigned int family, uint8_t *ret_proto)
{
	uint32_t at = 40;

	if (family == 4) {
		*ret_proto = ip[9];
		if (len < 20 || ip[0] >> 4 != 4 || (ip[0] & 15) < 5 || (read16(ip + 6) & 0x1fff))
			return 0;
		return (ip[0] & 15) * 4;
	}
	if (len < 40 || ip[0] >> 4 != 6)
		return 0;
	*ret_proto = ip[6];
	for (unsigned int n = 0; at + 8 <= len; n++) {
		uint32_t size = view_ext_bytes(*ret_proto, ip + at);

		if (size == 0)
			return at;
		if (n == 8 || (*ret_proto == 44 && (read16(ip + at + 2) & 0xfff8)))
			return 0;
		*ret_proto = ip[at];
		at += size;
	}
	return 0;
}

bool key_quoted(const struct view *v, struct okey *ret, uint32_t *ret_seq)
{
	const uint8_t *ip = v->b + v->l4 + 8;
	uint32_t len = v->len - v->l4 - 8, at;
	struct view q = {.family = v->family, .b = ip};
	enum key_class class;
	struct okey quoted;

	if (len > 256)
		len = 256;
	at = quoted_l4(ip, len, v->family, &q.proto);
	if (at == 0 || at + 8 > len)
		return false;
	if (v->family == 4) {
		q.src = weft_addr_from_v4(ip + 12);
		q.dst = weft_addr_from_v4(ip + 16);
	} else {
		memcpy(&q.src, ip + 8, 16);
		memcpy(&q.dst, ip + 24, 16);
	}
	if (!weft_addr_equal(&q.src, &v->dst))
		return false;
	switch (q.proto) {
	case 1:
	case 58:
		if (q.proto != (v->family == 4 ? 1 : 58))
			break;
		q.dport = read16(ip + at + 4);
		q.sport = read16(ip + at);
		break;
	case 6:
	case 17:
	case 33:
	case 132:
	case 136:
		q.sport = read16(ip + at);
		q.dport = read16(ip + at + 2);
		*ret_seq = read32(ip + at + 4);
		break;
	}
	class = key_of(&q, 0, &quoted);
	key_reverse(&quoted, ret);
	return class == KEY_SESSION || class == KEY_REPLY;
}

enum weft_drop expect_error(struct expect *x, const struct arrival *a, const struct way *w)
{
	struct osession *s = NULL;
	struct next_hop hop;
	struct okey key;
	unsigned int dir;
	uint32_t seq;
	int tell;

	if (key_quoted(&a->v, &key, &seq)) {
		key.vni = a->seg->vni;
		s = session_find_key(&key, &dir);
		if (!s && a->seg->router) {
			key.vni = w->vni;
			s = session_find_key(&key, &dir);
		}
		if (!s && a->seg->router && find_hop(a->seg->router, &key.src, &hop, &tell) == 0) {
			key.vni = hop.vni;
			s = session_find_key(&key, &dir);
		}
	}
	if (s && !s->vague && key.proto == 6) {
		enum tcp_say say = tcp_quoted(&s->tcp, !dir, seq);

		if (say == SAY_MAYBE)
			x->vague = true;
		else if (say == SAY_WINDOW)
			s = NULL;
	}
	if (s && s->vague)
		x->vague = true;
	if (s && !s->vague && !oracle_forging && session_judge(s) != 0)
		s = NULL;
	if (s)
		return 0;
	expect_drop(x, WEFT_DROP_ICMP_UNRELATED);
	return WEFT_DROP_ICMP_UNRELATED;
}
