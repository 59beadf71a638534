/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers: one thread each, which polls its receive queues and runs the pipeline on what came.
 */
#ifndef PIPELINE_WORKER_H
#define PIPELINE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

struct worker_options {
	bool poll;	       /* never sleep */
	uint32_t max_sleep_us; /* the longest sleep of an idle worker */
};

/* Starts workers 0..n-1, worker w on lcore w + 1 (core/eal.h). Each registers with RCU before this
 * returns. Main thread. Returns 0 or -errno; then none runs. */
int workers_start(unsigned int n, const struct worker_options *options);
/* Ends them and waits for each. Main thread. */
void workers_stop(void);

#endif
