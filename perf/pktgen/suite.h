/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 8204's matrix: the tests of RFC 2544 for each scenario (port to port, port to machine,
 * machine to machine, or whatever the profile calls so) and, in it, each size of its streams.
 */
#ifndef PKTGEN_SUITE_H
#define PKTGEN_SUITE_H

#include "measure.h"

struct suite_latency {
	double share, rate, loss;
	struct outcome_latency latency; /* of the foreground stream with the greatest median */
};

/* What the tests gave for one size of one scenario. */
struct suite_cell {
	const char *scenario;
	uint32_t size;
	uint32_t tests;	 /* that have a result: bits of enum profile_test */
	double max_rate; /* 0: nothing came back, and nothing could be tested */
	struct search_bounds throughput;
	bool undecided; /* the device was too unsteady for the search */
	uint32_t n_limited;
	uint32_t n_latencies, n_losses, n_bursts;
	struct suite_latency latencies[MEASURE_LATENCIES];
	struct measure_loss losses[MEASURE_LOSSES];
	double burst_mean, burst_least, burst_most; /* packets per stream */
	double overload_rate, recovery_rate, recovery_s;
	double soak_rate, soak_loss, soak_worst; /* the slowest interval, per second */
};

struct suite {
	uint32_t n_cells;
	struct suite_cell *cells;
};

/* True when the streams of each scenario are packets, of the same sizes. Else says why in err
 * (PROFILE_ERROR_SIZE). */
bool suite_is_possible(const struct profile *p, char *err);

/* Returns 0, -EINTR, or another negative error; says why. */
int suite_run(struct measure *m);
bool suite_is_good(const struct measure *m);
void suite_free(struct suite *s);

#endif
