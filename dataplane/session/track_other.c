/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trackers of protocols whose only state is whether they were answered: UDP, ICMP queries (that
 * only a fitting reply answers is in the key: its icmp_type), and everything without ports, which
 * is tracked by its pair of addresses. Workers.
 */
#include "track_priv.h"

enum weft_timeout track_other_first(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_UDP:
		return WEFT_TIMEOUT_UDP_FIRST;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return WEFT_TIMEOUT_ICMP;
	default:
		return WEFT_TIMEOUT_OTHER;
	}
}

static enum weft_timeout answered_state(enum weft_timeout state)
{
	return state == WEFT_TIMEOUT_UDP_FIRST ? WEFT_TIMEOUT_UDP_ANSWERED : state;
}

enum weft_timeout track_other_resume(uint8_t proto)
{
	return answered_state(track_other_first(proto));
}

static __rte_noinline void answered(struct session *s, struct session_dir *d)
{
	session_lock(s);
	if ((s->flags & (SESSION_HALF_OPEN | SESSION_DEAD)) == SESSION_HALF_OPEN)
		session_set_state(s, answered_state(s->state), true);
	/* Whoever still reads the flag only comes here once more. */
	__atomic_store_n(&d->flags, d->flags & ~SESSION_DIR_TRACKED, __ATOMIC_RELAXED);
	session_unlock(s);
}

void track_other_packet(struct session_dir *d)
{
	if (d->flags & SESSION_DIR_REPLY)
		answered(session_of(d), d);
}

const char *track_other_state_name(uint8_t state)
{
	switch (state) {
	case WEFT_TIMEOUT_UDP_FIRST:
		return "udp-first";
	case WEFT_TIMEOUT_UDP_ANSWERED:
		return "udp-answered";
	case WEFT_TIMEOUT_ICMP:
		return "icmp";
	default:
		return "other";
	}
}
