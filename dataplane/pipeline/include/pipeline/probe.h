/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Probes: single frames that somebody asks to have received by a port, on their way from the main
 * thread to the worker that polls it. One at a time for each worker, which takes it at the
 * beginning of its next round.
 */
#ifndef PIPELINE_PROBE_H
#define PIPELINE_PROBE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <weft/limits.h>

struct config;
struct pipeline;

/* Main thread. port: id, in that slot. 0 with m taken, or -EBUSY: the one before still waits. */
int probe_post(unsigned int worker, uint32_t port, uint16_t slot, struct rte_mbuf *m);
/* Frees what waits. Main thread, while that worker does not run. */
void probe_forget(unsigned int worker);

struct probe {
	struct rte_mbuf *_Atomic m; /* NULL: none */
	uint32_t port;
	uint16_t slot;
};
extern struct probe probe_posted[WEFT_MAX_WORKERS];

/* That worker. */
static inline bool probe_waits(unsigned int worker)
{
	return atomic_load_explicit(&probe_posted[worker].m, memory_order_relaxed) != NULL;
}
/* Runs it as if its port had received it now, for good; its steps are told to whoever watches,
 * whatever the filter and its rate. Frees it when its port is gone, or down. */
void probe_run(struct pipeline *pl, unsigned int worker, const struct config *cfg);

#endif
