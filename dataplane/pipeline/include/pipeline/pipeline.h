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

#define PIPELINE_BURST 32

struct pipeline; /* one per worker: output arrays, clones, quotas */

/* worker: its row in the statistics. NULL: out of memory. */
struct pipeline *pipeline_new(unsigned int worker);
void pipeline_free(struct pipeline *pl);

/* Takes ownership of n <= PIPELINE_BURST frames received on port by queue. All outputs are sent and
 * all counters are written when it returns. */
void pipeline_run(struct pipeline *pl, const struct config *cfg, const struct config_port *port,
	struct rte_mbuf **pkts, uint16_t n);

/* Once per round of the worker: sends what is due without a packet to the ports whose first queue
 * is this worker's, ends sessions and waits of fragments that are over. Bounded work; true: there
 * is more to do, so don't sleep. cfg may be NULL. */
bool pipeline_tick(struct pipeline *pl, const struct config *cfg);

#endif
