/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Searching for the greatest load that a device carries: RFC 2544 section 26.1 by bisection, and
 * with several goals at once in the manner of MLRsearch (draft-ietf-bmwg-mlrsearch): loads are
 * judged by the trials so far, short trials come before long ones, and a goal starts from what
 * the goals before it have found. Knows no packets: trials are a function's.
 */
#ifndef PKTGEN_SEARCH_H
#define PKTGEN_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#define SEARCH_GOALS_MAX  4
#define SEARCH_TRIALS_MAX 512

struct search_trial {
	double load;	 /* intended, packets per second */
	double duration; /* seconds */
	double loss;	 /* ratio, 0..1 */
	double offered;	 /* what was really sent, packets per second */
	double forwarded;
};

/* Runs one trial. Returns 0, or a negative error that ends the search. */
typedef int (*search_fn)(void *arg, double load, double duration, struct search_trial *ret);

struct search_goal {
	double loss;	     /* ratio that is allowed */
	double duration;     /* of trials that decide, seconds */
	double duration_sum; /* decide by so many seconds of trials at a load */
	double exceed;	     /* share of that time in which more may be lost */
	double width;	     /* relative distance of bounds that ends the search, 0.005: 0.5 % */
};

struct search_bounds {
	double lower;	  /* meets the goal; 0: not even the least load does */
	double upper;	  /* does not; 0: even the greatest load does */
	double forwarded; /* the least at lower by trials that met the goal */
};

struct search {
	search_fn fn;
	void *arg;
	double min_load, max_load;
	double initial_duration; /* of the first trials; never above a goal's */
	uint32_t n_trials;
	struct search_trial trials[SEARCH_TRIALS_MAX];
};

/* Finds the bounds of each goal, strictest first. Returns 0, the trial's error, or -E2BIG when the
 * trials of SEARCH_TRIALS_MAX were not enough (ret then holds what is known). */
int search_mlr(struct search *s, const struct search_goal *goals, uint32_t n_goals,
	struct search_bounds *ret);

/* RFC 2544 section 26.1: bisection with trials of one duration. The same errors. */
int search_rfc2544(struct search *s, const struct search_goal *goal, struct search_bounds *ret);

enum search_verdict {
	SEARCH_UNDECIDED,
	SEARCH_LOWER,
	SEARCH_UPPER
};
/* What the trials at a load say of it for a goal. */
enum search_verdict search_judge(
	const struct search *s, const struct search_goal *goal, double load);

#endif
