/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of packets that are traced, told to whoever asked (weft/trace.h). One predictable
 * branch per step for all others. Private to this folder. Workers; the main thread in dry runs.
 */
#ifndef PIPELINE_TRACE_H
#define PIPELINE_TRACE_H

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
	if (unlikely(pl->dry))
		trace_parsed(pl, m);
}

/* The others; call them for traced packets, by stage_traced. */
static inline bool stage_traced(const struct pkt_meta *meta)
{
	return unlikely(meta->flags & PKT_TRACED);
}
__rte_cold void trace_session(struct pipeline *pl, const struct pkt_meta *meta,
	enum weft_trace_step step, const struct session_key *key);
struct path_next;
/* What path_route found. */
__rte_cold void trace_next(struct pipeline *pl, const struct pkt_meta *meta,
	const struct path_next *next, enum weft_drop drop);
__rte_cold void trace_dest(
	struct pipeline *pl, const struct pkt_meta *meta, const uint8_t *mac, dest_t dest);
/* m as a decision has rewritten it. */
__rte_cold void trace_rewritten(
	struct pipeline *pl, const struct rte_mbuf *m, const struct session_decision *dec);
/* m leaves by that port, or is encapsulated for that VTEP. */
__rte_cold void trace_output(
	struct pipeline *pl, const struct rte_mbuf *m, const struct config_port *port);
__rte_cold void trace_encap(struct pipeline *pl, const struct rte_mbuf *m,
	const struct config_vtep *vtep, uint32_t vni);
/* What policy_session found. */
__rte_cold void trace_ends(struct pipeline *pl, const struct pkt_meta *meta,
	const struct policy_ends *ends, int verdict);

#endif
