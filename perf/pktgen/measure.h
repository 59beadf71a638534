/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands: which tests are run, and what follows from them.
 */
#ifndef PKTGEN_MEASURE_H
#define PKTGEN_MEASURE_H

#include "gen.h"
#include "options.h"
#include "outcome.h"
#include "progress.h"
#include "search.h"

#define MEASURE_LATENCIES 3
#define MEASURE_LOSSES	  10
#define MEASURE_BURSTS	  1000

struct suite;

struct measure_latency {
	double share; /* of the NDR */
	double rate;
	struct outcome outcome;
};

struct measure_loss {
	double share; /* of the greatest load */
	double rate, offered, loss;
};

struct measure {
	const struct options *opt;
	struct gen *gen;
	const struct progress *progress;
	struct outcome outcome; /* of the last trial that was not part of a search */
	bool ran;		/* outcome is filled */
	uint64_t leaks;		/* of all trials */
	uint64_t bad_checksums; /* the same */
	struct suite *suite;	/* rfc8204, which moves results of its tests there */

	/* mlr, rfc2544 */
	struct search search;
	uint32_t n_goals;
	struct search_goal goals[SEARCH_GOALS_MAX];
	const char *goal_names[SEARCH_GOALS_MAX];
	struct search_bounds bounds[SEARCH_GOALS_MAX];
	double max_rate; /* the greatest load that is worth a trial; 0: not known yet */
	bool too_many_trials;
	uint32_t n_limited; /* trials in which the generator was too slow for the load */

	uint32_t n_latencies;
	struct measure_latency latencies[MEASURE_LATENCIES];

	uint32_t n_losses;
	struct measure_loss losses[MEASURE_LOSSES];

	uint32_t n_bursts;
	uint64_t bursts[MEASURE_BURSTS]; /* the longest without loss, packets */
	double overload_rate, recovery_rate, recovery_s;

	double worst_received; /* soak: the slowest whole interval, per second */
};

/* Runs the command. Returns 0, -EINTR, or another negative error; says why. */
int measure_run(struct measure *m);
/* True when the result is as the options demand. */
bool measure_is_good(const struct measure *m);

#endif
