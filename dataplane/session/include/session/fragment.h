/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments follow their first one: what it is allowed, they are; those that come before it wait.
 *
 * One table for all workers, of fixed size, keyed by segment, addresses, protocol and
 * identification. Fragments that overlap end their datagram (RFC 5722, RFC 1858); of a datagram at
 * most FRAGMENT_PARTS are tracked and FRAGMENT_WAITING wait; an entry lives FRAGMENT_MS. Takes one
 * short lock per bucket. Workers.
 */
#ifndef SESSION_FRAGMENT_H
#define SESSION_FRAGMENT_H

#include <rte_mbuf.h>

#include <pkt/meta.h>
#include <session/session.h>
#include <weft/drop_reason.h>

#define FRAGMENT_TABLE	 4096 /* datagrams at a time */
#define FRAGMENT_PARTS	 64
#define FRAGMENT_WAITING 8
#define FRAGMENT_PORT	 256 /* datagrams of one port at a time */
#define FRAGMENT_MS	 2000

/* What to do with a fragment that is not the first. */
enum fragment_verdict {
	FRAGMENT_FOLLOW = 1, /* by the session key that was noted for the first one */
	FRAGMENT_KEPT,	     /* m was taken: it waits for the first one */
	FRAGMENT_DROP,	     /* *ret_drop says why; m is the caller's */
};

int fragment_init(void); /* main thread; 0 or -ENOMEM */
void fragment_fini(void);

/* port: the slot that its quota is booked on. */
enum fragment_verdict fragment_later(struct rte_mbuf *m, const struct pkt_meta *meta, uint16_t port,
	struct session_key *ret_key, enum weft_drop *ret_drop);

/* The first fragment was judged: drop 0, and key is its session's, or why it was refused. Gives out
 * up to FRAGMENT_WAITING fragments that waited, which are the caller's now, to be sent or dropped
 * likewise; returns their number. Returns -1 with *ret_drop when the first one itself overlaps what
 * came before it: then it and those given out are to be dropped; *ret_n says how many. */
int fragment_first(const struct rte_mbuf *m, const struct pkt_meta *meta, uint16_t port,
	const struct session_key *key, enum weft_drop drop, struct rte_mbuf *ret[FRAGMENT_WAITING],
	unsigned int *ret_n, enum weft_drop *ret_drop);

/* Takes up to n waiting fragments whose time is over, which are the caller's to drop
 * (FRAGMENT_TIMEOUT); returns their number. Bounded work per call. */
unsigned int fragment_expire(struct rte_mbuf **ret, unsigned int n);

#endif
