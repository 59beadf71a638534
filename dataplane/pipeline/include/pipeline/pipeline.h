/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path: what happens to a burst between rx and tx. Called by the worker loop
 * (pipeline/worker.h), by tests and by benchmarks with the test double's ports.
 */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <table/config.h>
#include <weft/drop_reason.h>
#include <weft/trace.h>

#define PIPELINE_BURST 32

struct pipeline; /* one per worker: output arrays, clones, quotas */

/* worker: its row in the statistics. NULL: out of memory. */
struct pipeline *pipeline_new(unsigned int worker);
void pipeline_free(struct pipeline *pl);

/* Takes ownership of n <= PIPELINE_BURST frames received on port by queue. All outputs are sent and
 * all counters are written when it returns. */
void pipeline_run(struct pipeline *pl, const struct config *cfg, const struct config_port *port,
	struct rte_mbuf **pkts, uint16_t n);

/* How long each stage of the next pipeline_run takes is added to the worker's statistics; rx began
 * at that TSC. */
void pipeline_time(struct pipeline *pl, uint64_t since);

/* Once per round of the worker: sends what is due without a packet to the ports whose first queue
 * is this worker's, ends sessions and waits of fragments that are over. Bounded work; true: there
 * is more to do, so don't sleep. cfg may be NULL. */
bool pipeline_tick(struct pipeline *pl, const struct config *cfg);

/* What packets would meet. */
#define PIPELINE_REPORT_STEPS  256
#define PIPELINE_REPORT_FRAMES 64
struct pipeline_report {
	unsigned int n_steps, n_more_steps; /* those that found no room */
	unsigned int n_frames, n_more_frames;
	unsigned int n_waiting;		 /* fragments that wait for it and would follow */
	uint32_t dropped[WEFT_DROP_MAX]; /* it and its copies, by reason */
	struct weft_trace_record steps[PIPELINE_REPORT_STEPS];
	struct {
		uint16_t port;	 /* slot that it would leave by */
		uint32_t packet; /* that it was */
		struct rte_mbuf *m;
	} frames[PIPELINE_REPORT_FRAMES];
};

/* A pipeline for pipeline_dry_run only. NULL: out of memory. */
struct pipeline *pipeline_new_dry(void);
/* Begins a run of a few packets, one after another: the later ones meet the sessions that the
 * earlier ones would have made; quotas and what waits for fragments are as they are now. */
void pipeline_dry_start(struct pipeline *pl, struct pipeline_report *ret);
/* Runs m, as if received on port now, through the same code as pipeline_run, but changes nothing
 * that outlives the run: no sessions, fragments, counters, quotas, learned MACs; sends nothing, and
 * adds what would happen to the report, as that of packet 0, 1 and so on. Takes m. Main thread,
 * between the same rcu_main_enter and rcu_main_leave as all of the run. What an output queue will
 * take, and that memory runs out, is not foreseen. The report has frames: pipeline_report_clear. */
void pipeline_dry_run(struct pipeline *pl, const struct config *cfg, const struct config_port *port,
	struct rte_mbuf *m);
void pipeline_report_clear(struct pipeline_report *report);

#endif
