/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line of progress now and then, and samples to keep, by a thread of its own that only reads
 * counters: the loop makes no system calls.
 */
#ifndef PKTGEN_PROGRESS_H
#define PKTGEN_PROGRESS_H

#include "gen.h"

#define PROGRESS_SAMPLES_MAX 100000

/* Rates within one interval. */
struct progress_sample {
	double at;	       /* seconds since the trial began */
	double clock;	       /* at the same moment, CLOCK_MONOTONIC, seconds */
	double sent, received; /* per second */
	double refused, lost;  /* packets; lost ones are seen once later ones came */
};

struct progress {
	const struct gen *gen;
	double interval; /* seconds */
	bool quiet;
	volatile bool stop;
	uint32_t n_samples;
	struct progress_sample *samples;
};

/* Returns NULL when there is no memory or no thread; says so. */
struct progress *progress_start(const struct gen *g, double interval, bool quiet);
/* Ends the thread; samples stay until progress_free. */
void progress_stop(struct progress *p);
void progress_free(struct progress *p);

#endif
