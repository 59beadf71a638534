/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments follow their first one: what it is allowed, they are; those that come before it wait.
 *
 * One table for all workers, of fixed size, keyed by where a datagram came in, segment, addresses,
 * identification and, IPv4, protocol. Rules for both families: a fragment that overlaps another or
 * reaches beyond the last one ends its datagram, what is left of it is dropped (RFC 5722, RFC
 * 1858); one that comes again just as it was is dropped alone (RFC 8200 section 4.5). An entry
 * lives until its datagram is complete, FRAGMENT_MS at most. What is bounded by the numbers below
 * is refused with FRAGMENT_LIMIT when there is no more room, and so is the rest of its datagram.
 * The table has FRAGMENT_WAYS places for what hashes alike.
 *
 * Takes one short lock per call, of a bucket. Workers, but for init and fini.
 */
#ifndef SESSION_FRAGMENT_H
#define SESSION_FRAGMENT_H

#include <rte_mbuf.h>

#include <pkt/meta.h>
#include <session/session.h>
#include <weft/drop_reason.h>

#define FRAGMENT_TABLE	   4096 /* datagrams at a time */
#define FRAGMENT_WAYS	   16
#define FRAGMENT_PARTS	   64	/* fragments of a datagram */
#define FRAGMENT_WAITING   8	/* of those, before the first one */
#define FRAGMENT_PORT	   256	/* datagrams at a time from one port, or the tunnels of a segment */
#define FRAGMENT_KEPT_PORT 256	/* fragments that wait, from there */
#define FRAGMENT_KEPT_MAX  2048 /* in all: they hold packet buffers that all ports need */
#define FRAGMENT_MS	   2000

/* What to do with a fragment that is not the first. */
enum fragment_verdict {
	FRAGMENT_FOLLOW = 1, /* by the session key that was noted for the first one */
	FRAGMENT_KEPT,	     /* m was taken: it waits for the first one */
	FRAGMENT_DROP,	     /* *ret_drop says why; m is the caller's */
};

int fragment_init(void); /* main thread; 0 or -ENOMEM */
/* Frees what waits. Main thread, no worker may run any more. */
void fragment_fini(void);

/* port: the slot that its quota is booked on, unless it came from a tunnel. Drops: BAD_IP_HEADER
 * (nothing in it, or more than a datagram can have), FRAGMENT_OVERLAP, FRAGMENT_LIMIT,
 * FRAGMENT_REFUSED. */
enum fragment_verdict fragment_later(struct rte_mbuf *m, const struct pkt_meta *meta, uint16_t port,
	struct session_key *ret_key, enum weft_drop *ret_drop);

/* The first fragment was judged: drop 0, and key is its session's, or why it was refused. Gives out
 * up to FRAGMENT_WAITING fragments that waited, in the order in which they came, which are the
 * caller's now, to be sent or dropped likewise; *ret_n says how many. Returns 0, or -1 with
 * *ret_drop when the first one itself can't be let through (it overlaps what came before it, came
 * before, or there is no room): then it and those given out are to be dropped. */
int fragment_first(const struct rte_mbuf *m, const struct pkt_meta *meta, uint16_t port,
	const struct session_key *key, enum weft_drop drop, struct rte_mbuf *ret[FRAGMENT_WAITING],
	unsigned int *ret_n, enum weft_drop *ret_drop);

/* What fragment_later and fragment_first would say of m, with nothing changed: FRAGMENT_KEPT leaves
 * m to the caller, and none is given out: *ret_n says how many would be. Main thread. */
enum fragment_verdict fragment_try_later(const struct rte_mbuf *m, const struct pkt_meta *meta,
	uint16_t port, struct session_key *ret_key, enum weft_drop *ret_drop);
int fragment_try_first(const struct rte_mbuf *m, const struct pkt_meta *meta, uint16_t port,
	unsigned int *ret_n, enum weft_drop *ret_drop);

/* Takes up to n waiting fragments that nothing can come of any more, which are the caller's to
 * drop; drop in their meta says why (FRAGMENT_TIMEOUT, FRAGMENT_OVERLAP, FRAGMENT_LIMIT). Returns
 * their number. A look at a few buckets per call, at nothing while the table is empty. */
unsigned int fragment_expire(struct rte_mbuf **ret, unsigned int n);

#endif
