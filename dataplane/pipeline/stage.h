/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the stages of the pipeline share: the state of one worker's pipeline, verdicts, booking.
 *
 * Private to this folder. A stage decides per packet with a small function that returns a verdict;
 * the loop over the burst acts on it. Every packet that enters a stage leaves it to the next one,
 * to an output array, or by stage_drop: the ledger of weft/stats.h depends on nothing else freeing
 * one.
 */
#ifndef PIPELINE_STAGE_H
#define PIPELINE_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <observe/counters.h>
#include <observe/recorder.h>
#include <pipeline/pipeline.h>
#include <pkt/meta.h>
#include <port/port.h>
#include <table/config.h>

/* 0: go on; greater: an enum weft_drop; or: */
#define VERDICT_CONTINUE 0
#define VERDICT_CONSUMED (-1) /* the stage has taken the packet */

#define EGRESS_ARRAYS 64 /* output ports gathered before anything is sent */
#define EGRESS_BURST  64
#define TUNNEL_CACHE  256 /* power of two */

/* Frames that wait for one output port. */
struct egress_array {
	const struct config_port *port;
	uint64_t bytes;
	uint16_t n;
	bool joins; /* TCP segments are joined before they are sent */
	struct rte_mbuf *pkts[EGRESS_BURST];
};

/* What concerns only frames of some segments. */
enum tunnel_into {
	INTO_STATEFUL = 1 << 0,
	INTO_LEARNS = 1 << 1, /* the places of MACs, from the wire */
};

/* The verdict on tunnel packets of one VNI between two VTEPs, by one uplink, in one generation. */
struct tunnel_verdict {
	uint64_t generation;
	struct weft_addr src;
	struct weft_addr dst;
	uint32_t vni;
	uint16_t in;	  /* slot */
	uint16_t segment; /* slot */
	uint16_t vtep;	  /* slot */
	uint8_t drop;	  /* enum weft_drop, or 0 */
	uint8_t into;	  /* enum tunnel_into */
	uint32_t flags;	  /* what the meta of a frame begins with */
} __attribute__((aligned(64)));
static_assert(sizeof(struct tunnel_verdict) == 64, "one line");
static_assert(WEFT_DROP_MAX <= UINT8_MAX, "fits");

struct session; /* session/session.h */
struct dry;

/* What besides the reason explains a drop: the rule, the session or the destination that caused it.
 * Set right before stage_drop, which forgets it. */
struct stage_blame {
	const struct session *session;
	dest_t dest;	  /* where it was to go */
	uint32_t rule;	  /* id; 0: a default */
	uint16_t ruleset; /* slot */
	uint16_t port;	  /* slot of the port whose policy it is */
};

#define WATCHER_KEPT 64 /* power of two, not less than a burst */

/* What one worker knows of the packets that it watches (pipeline/watch.h). */
struct watcher {
	uint32_t n; /* so far */
	uint32_t second_s, n_second;
	/* WEFT_WATCH_DROPPED: how the last ones came, by their numbers; step 0: told already. */
	struct weft_trace_record came[WATCHER_KEPT];
};

struct pipeline {
	/* of the burst that is being run */
	const struct config *cfg;
	const struct config_port *in;
	const struct watch *watch; /* trace.h; NULL: nobody watches */
	struct weft_port_stats
		*stats; /* this worker's row, of the port that the burst entered by */
	uint8_t into;	/* tunnels: of any of its frames */
	bool probing;	/* it is a probe (pipeline/probe.h) */
	bool timed;	/* stage_mark tells how long each stage takes */
	struct stage_blame blame;
	uint32_t steps;	       /* of judgements that are not charged yet: struct policy_verdict */
	uint32_t burst_steps;  /* of those that were dear */
	uint16_t dear_segment; /* slot, of the last one of them */

	uint64_t lap; /* timed: when the stage before ended */
	uint64_t stage_cycles[WEFT_STAGE_MAX];

	struct dry *dry; /* dry.h; NULL: a worker's */
	unsigned int worker;
	uint32_t tick_s; /* of the last pipeline_tick */
	unsigned int n_egress;
	struct egress_array egress[EGRESS_ARRAYS];
	uint8_t egress_of_slot[WEFT_MAX_PORTS]; /* index + 1, 0: none */
	struct tunnel_verdict tunnels[TUNNEL_CACHE];
	struct watcher watcher;
};
static_assert(WATCHER_KEPT >= PIPELINE_BURST, "none of a burst pushes another out");
static_assert(EGRESS_ARRAYS < UINT8_MAX, "index + 1 fits");
static_assert(PIPELINE_BURST <= VHASH_BULK_MAX, "a burst is one bulk lookup");

/* time.c */
__rte_cold void stage_lap(struct pipeline *pl, enum weft_stage stage);
__rte_cold void stage_timed(struct pipeline *pl, uint16_t n);

/* That stage is over for all of the burst. A burst may come to one several times, or never. */
static inline void stage_mark(struct pipeline *pl, enum weft_stage stage)
{
	if (unlikely(pl->timed))
		stage_lap(pl, stage);
}

/* Where a port's packets are counted. */
struct weft_port_stats *dry_stats(struct pipeline *pl);
static inline struct weft_port_stats *stage_stats(struct pipeline *pl, uint16_t slot)
{
	return unlikely(pl->dry) ? dry_stats(pl) : counters_port(pl->worker, slot);
}

static inline void stage_count_drops(struct pipeline *pl, enum weft_drop reason, unsigned int n)
{
	pl->stats->dropped[reason] += n;
}

/* record.c: the record of a drop, and its step; meta of m: see stage_note_drop. */
__rte_cold void stage_explain(
	struct pipeline *pl, uint16_t slot, const struct rte_mbuf *m, enum weft_drop reason);

/* For the flight recorder and traces, which explain it by pl->blame: m, which entered by the port
 * of that slot, is dropped. */
static inline void stage_note_drop(
	struct pipeline *pl, uint16_t slot, const struct rte_mbuf *m, enum weft_drop reason)
{
	if (unlikely(pl->watch) || recorder_wants(slot, reason))
		stage_explain(pl, slot, m, reason);
	pl->blame = (struct stage_blame){0};
}

static inline void stage_drop(struct pipeline *pl, struct rte_mbuf *m, enum weft_drop reason)
{
	stage_count_drops(pl, reason, 1);
	stage_note_drop(pl, pl->in->slot, m, reason);
	rte_pktmbuf_free(m);
}

static inline const struct config_segment *stage_segment(
	const struct pipeline *pl, const struct pkt_meta *meta)
{
	return pl->cfg->segments[meta->segment];
}

/* The MAC of the segment's router, NULL when it has none. Nobody else has it. */
static inline const struct weft_mac *stage_router_mac(
	const struct pipeline *pl, const struct config_segment *seg)
{
	const struct config_router *router = pl->cfg->routers[seg->router_slot];

	return router ? &router->spec.mac : NULL;
}

/* The source or destination address of an IP packet. */
static inline struct weft_addr stage_addr(
	const struct rte_mbuf *m, const struct pkt_meta *meta, bool dst)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off);
	struct weft_addr a;

	if (meta->flags & PKT_IPV4)
		return weft_addr_from_v4(ip + (dst ? 16 : 12));
	memcpy(&a, ip + (dst ? 24 : 8), sizeof(a));
	return a;
}

static inline const struct neigh_entry *stage_neighbour(
	const struct pipeline *pl, uint16_t segment, const struct weft_addr *addr)
{
	struct neigh_key key = {.segment_slot = segment, .addr = *addr};

	return (const struct neigh_entry *)vhash_find(pl->cfg->neigh, &key, pl->cfg->generation);
}

/* Of a frame that just came: its headers and its meta. */
static inline void stage_prefetch(struct rte_mbuf *m)
{
	rte_prefetch0(rte_pktmbuf_mtod(m, void *));
	rte_prefetch0(pkt_meta(m));
}

/* Bytes behind the Ethernet header: what MTUs count. */
static inline uint32_t stage_l3_size(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return m->pkt_len - meta->l3_off;
}

#endif
