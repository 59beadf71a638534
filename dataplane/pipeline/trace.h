/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of packets that are traced, told to whoever asked (weft/trace.h). One predictable
 * branch per step for all others. Private to this folder. Workers; the main thread in dry runs.
 */
#ifndef PIPELINE_TRACE_H
#define PIPELINE_TRACE_H

#include <stdatomic.h>

#include <session/session.h>
#include <weft/trace.h>

#include "policy.h"
#include "stage.h"

/* m with that meta takes a step: the members of struct weft_trace_record that say which. */
#define stage_trace(pl, meta, ...)                                                                 \
	do {                                                                                       \
		if (unlikely((meta)->flags & PKT_TRACED))                                          \
			trace_put(pl, meta, &(struct weft_trace_record){__VA_ARGS__});             \
	} while (0)

/* watch.c. Who is watched: by a filter, or all in a dry run. */
struct watch {
	struct weft_watch_filter filter;
	uint16_t number; /* of the filter */
};
extern const struct watch *_Atomic watch_current; /* NULL: none */
extern const struct watch watch_dry;

/* As long as workers may use it: to their next quiescent state. */
static inline const struct watch *stage_watch_of(const struct pipeline *pl)
{
	if (unlikely(pl->dry))
		return &watch_dry;
	return atomic_load_explicit(&watch_current, memory_order_acquire);
}

/* watch.c. Does the parsed m pass the filter, at its rate? Then it gets its number. */
__rte_cold bool watch_packet(struct pipeline *pl, struct rte_mbuf *m);
/* May one more be told in this second? */
__rte_cold bool watch_may(struct pipeline *pl);
/* A record of such a packet. */
void watch_tell(struct pipeline *pl, struct weft_trace_record *r);

/* watch_carried.c, for watch.c. Watches what programs carry and passes f; NULL: nothing. */
void watch_carried(const struct weft_watch_filter *f);
#define WATCH_CARRIED_STEPS 8 /* of one packet, at most */
/* The steps of whole packets, up to max. */
unsigned int watch_carried_drain(struct weft_trace_record *ret, unsigned int max);
/* Packets beyond the rate so far. */
uint64_t watch_carried_skipped(void);

/* Fills in packet, time and worker. */
__rte_cold void trace_put(
	struct pipeline *pl, const struct pkt_meta *meta, const struct weft_trace_record *step);

/* m just came in by that port. */
__rte_cold void trace_received(
	struct pipeline *pl, const struct config_port *port, const struct rte_mbuf *m);
/* m was parsed: is it one to be traced? */
__rte_cold void trace_parsed(struct pipeline *pl, struct rte_mbuf *m);

static inline void stage_watch(struct pipeline *pl, struct rte_mbuf *m)
{
	if (unlikely(pl->watch))
		trace_parsed(pl, m);
}

/* The others; call them for traced packets, by stage_traced. */
static inline bool stage_traced(const struct pkt_meta *meta)
{
	return unlikely(meta->flags & PKT_TRACED);
}
__rte_cold void trace_session(struct pipeline *pl, const struct pkt_meta *meta,
	enum weft_trace_step step, const struct session_key *key);
/* m has a decision that holds, in d: would the kernel have carried it? Only dry runs ask: what it
 * carries never comes here. */
__rte_cold void trace_kernel(
	struct pipeline *pl, const struct rte_mbuf *m, const struct session_dir *d);
struct path_next;
/* What path_route found. */
__rte_cold void trace_next(struct pipeline *pl, const struct pkt_meta *meta,
	const struct path_next *next, enum weft_drop drop);
__rte_cold void trace_dest(
	struct pipeline *pl, const struct pkt_meta *meta, const uint8_t *mac, dest_t dest);
/* m as a decision has rewritten it. */
__rte_cold void trace_rewritten(
	struct pipeline *pl, const struct rte_mbuf *m, const struct session_decision *dec);
/* m, encapsulated or not, leaves by that port. */
__rte_cold void trace_output(
	struct pipeline *pl, const struct rte_mbuf *m, const struct config_port *port);
/* m is dropped, if it is a traced one; pl->blame explains it. */
void trace_drop(struct pipeline *pl, const struct rte_mbuf *m, enum weft_drop reason);
/* The traced ones of these may be sent by the port that they came by. */
__rte_cold void trace_antispoof(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n);
/* What policy_session found. */
__rte_cold void trace_ends(struct pipeline *pl, const struct pkt_meta *meta,
	const struct policy_ends *ends, int verdict);

#endif
