/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all trackers share: keys, what ICMP messages are, and the way to the protocol's own tracker.
 * Called by the session path and the slow path; workers. Knows nothing of tables and policy.
 */
#include <session/offload.h>

#include "track_priv.h"

#define ICMP_ECHO_REPLY	  0
#define ICMP_UNREACHABLE  3
#define ICMP_ECHO_REQUEST 8
#define ICMP_TIME_EXCEED  11
#define ICMP_PARAMETER	  12
#define ICMP_TIMESTAMP	  13 /* RFC 792; its reply, information and address mask follow */
#define ICMP_MASK_REPLY	  18
#define ICMP6_UNREACHABLE 1
#define ICMP6_PARAMETER	  4
#define ICMP6_ECHO	  128
#define ICMP6_ECHO_REPLY  129

static enum track_icmp icmp4_class(uint8_t type)
{
	switch (type) {
	case ICMP_ECHO_REQUEST:
		return TRACK_ICMP_REQUEST;
	case ICMP_ECHO_REPLY:
		return TRACK_ICMP_REPLY;
	case ICMP_UNREACHABLE:
	case ICMP_TIME_EXCEED:
	case ICMP_PARAMETER:
		return TRACK_ICMP_ERROR;
	default:
		break;
	}
	if (type < ICMP_TIMESTAMP || type > ICMP_MASK_REPLY)
		return TRACK_ICMP_OTHER;
	return type % 2 ? TRACK_ICMP_REQUEST : TRACK_ICMP_REPLY;
}

static enum track_icmp icmp6_class(uint8_t type)
{
	if (type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER)
		return TRACK_ICMP_ERROR;
	if (type == ICMP6_ECHO)
		return TRACK_ICMP_REQUEST;
	return type == ICMP6_ECHO_REPLY ? TRACK_ICMP_REPLY : TRACK_ICMP_OTHER;
}

enum track_icmp track_icmp_class(uint8_t ipproto, uint16_t type_code)
{
	uint8_t type = type_code >> 8, code = type_code;
	enum track_icmp class = ipproto == IPPROTO_ICMP ? icmp4_class(type) : icmp6_class(type);

	/* A rule may allow code 0 only: what has another one must not pass by its session. */
	if (code && class != TRACK_ICMP_ERROR)
		return TRACK_ICMP_OTHER;
	return class;
}

/* The type that answers a query, and the reverse. */
static uint8_t icmp_answer(uint8_t ipproto, uint8_t type)
{
	if (ipproto == IPPROTO_ICMPV6)
		return type ^ 1;
	if (type == ICMP_ECHO_REQUEST || type == ICMP_ECHO_REPLY)
		return type ^ ICMP_ECHO_REQUEST;
	return type % 2 ? type + 1 : type - 1;
}

bool track_key_icmp(const struct pkt_meta *meta, struct session_key *ret)
{
	enum track_icmp class = track_icmp_class(meta->l4_proto, meta->sport);

	ret->sport = ret->dport = meta->dport;
	ret->icmp_type = meta->sport >> 8;
	return class == TRACK_ICMP_REQUEST || class == TRACK_ICMP_REPLY;
}

void track_key_reverse(const struct session_key *k, struct session_key *ret)
{
	uint8_t icmp = weft_addr_is_v4(&k->src) ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	*ret = (struct session_key){
		.src = k->dst,
		.dst = k->src,
		.sport = k->dport,
		.dport = k->sport,
		.segment = k->segment,
		.proto = k->proto,
		.icmp_type = k->proto == icmp ? icmp_answer(icmp, k->icmp_type) : 0,
	};
}

enum weft_drop track_begin(const struct rte_mbuf *m, const struct pkt_meta *meta,
	const struct config_network *net, struct session_key ret[2])
{
	enum weft_drop drop = 0;

	if (!track_key(meta, track_l3(m, meta), &ret[0]))
		return WEFT_DROP_ICMP_UNRELATED;
	if (track_is_icmp(meta) &&
		track_icmp_class(meta->l4_proto, meta->sport) != TRACK_ICMP_REQUEST)
		return WEFT_DROP_ICMP_UNRELATED;
	if (meta->l4_proto == IPPROTO_TCP)
		drop = track_tcp_begin(m, meta, net && (net->spec.flags & WEFT_NETWORK_TCP_STRICT));
	track_key_reverse(&ret[0], &ret[1]);
	return drop;
}

static bool is_tcp(const struct session *s)
{
	return s->dir[0].key.proto == IPPROTO_TCP;
}

bool track_quote_fits(struct session_dir *d, uint32_t seq)
{
	struct session *s = session_of(d);

	if (!is_tcp(s))
		return true;
	offload_import(s);
	return track_tcp_quote(d, seq);
}

void track_first(struct session *s, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	if (is_tcp(s))
		track_tcp_first(s, m, meta);
	else
		session_set_state(s, track_other_first(s->dir[0].key.proto), false);
}

void track_resume(struct session *s)
{
	s->state = is_tcp(s) ? track_tcp_resume(s) : track_other_resume(s->dir[0].key.proto);
}

uint8_t track_dir_flags(const struct session *s, unsigned int dir)
{
	if (is_tcp(s))
		return SESSION_DIR_TCP;
	return dir == 1 && (s->flags & SESSION_HALF_OPEN) ? SESSION_DIR_TRACKED : 0;
}

/* Programs carry the session but left m to us. */
static __rte_noinline enum weft_drop track_offloaded(
	struct session_dir *d, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	enum weft_drop drop = 0;

	offload_import(session_of(d));
	if (d->key.proto == IPPROTO_TCP)
		drop = track_tcp_packet(d, m, meta);
	offload_export(d);
	return drop;
}

enum weft_drop track_packet(
	struct session_dir *d, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	if (unlikely(d->flags & SESSION_DIR_OFFLOADED))
		return track_offloaded(d, m, meta);
	if (likely(d->key.proto == IPPROTO_TCP))
		return track_tcp_packet(d, m, meta);
	track_other_packet(d);
	return 0;
}

const char *track_state_name(const struct session *s)
{
	return is_tcp(s) ? track_tcp_state_name(s->tcp_state) : track_other_state_name(s->state);
}
