/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long each stage takes, of one burst in WEFT_STAGE_EVERY: a look at the TSC between passes.
 * Workers.
 */
#include <string.h>

#include <rte_cycles.h>

#include "stage.h"

/* A burst that takes longer waited for its processor: it says nothing of the stages. */
#define TIME_MOST_US 1000

void pipeline_time(struct pipeline *pl, uint64_t since)
{
	pl->timed = true;
	pl->lap = since;
	memset(pl->stage_cycles, 0, sizeof(pl->stage_cycles));
}

void stage_lap(struct pipeline *pl, enum weft_stage stage)
{
	uint64_t now = rte_rdtsc();

	pl->stage_cycles[stage] += now - pl->lap;
	pl->lap = now;
}

void stage_timed(struct pipeline *pl, uint16_t n)
{
	struct weft_worker_stats *s = counters_worker(pl->worker);
	uint64_t all = 0;

	pl->timed = false;
	for (unsigned int i = 0; i < WEFT_STAGE_MAX; i++)
		all += pl->stage_cycles[i];
	if (all > rte_get_tsc_hz() / 1000000 * TIME_MOST_US)
		return;
	s->timed_bursts++;
	s->timed_packets += n;
	for (unsigned int i = 0; i < WEFT_STAGE_MAX; i++)
		s->stage_cycles[i] += pl->stage_cycles[i];
}
