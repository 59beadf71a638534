/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>

#include "search.h"

#define PHASES	     3
#define PHASE_WIDENS 4.0  /* an earlier phase's width, relative to the next one's */
#define SAME_LOAD    1e-9 /* relative */
#define EXPANDS_BY   2.0

static bool same_load(double a, double b)
{
	return fabs(a - b) <= SAME_LOAD * a;
}

/* Good trials shorter than the goal's duration excuse short bad ones, as far as the goal lets loss
 * be exceeded; they prove nothing else. Lower when even bad trials for the rest of the goal's time
 * would not change it, upper when good ones would not. */
enum search_verdict search_judge(
	const struct search *s, const struct search_goal *goal, double load)
{
	double good_long = 0, bad_long = 0, good_short = 0, bad_short = 0, bad, whole;

	for (uint32_t i = 0; i < s->n_trials; i++) {
		const struct search_trial *t = &s->trials[i];
		bool is_long = t->duration >= goal->duration, good = t->loss <= goal->loss;

		if (!same_load(t->load, load))
			continue;
		if (is_long)
			*(good ? &good_long : &bad_long) += t->duration;
		else
			*(good ? &good_short : &bad_short) += t->duration;
	}
	bad = bad_short - good_short * goal->exceed / (1 - goal->exceed);
	bad = bad_long + (bad > 0 ? bad : 0);
	whole = fmax(good_long + bad, goal->duration_sum);
	if ((whole - good_long) / whole <= goal->exceed)
		return SEARCH_LOWER;
	return bad / whole > goal->exceed ? SEARCH_UPPER : SEARCH_UNDECIDED;
}

/* The least load that is an upper bound, and the greatest lower bound below it. */
static void find_bounds(
	const struct search *s, const struct search_goal *goal, struct search_bounds *ret)
{
	*ret = (struct search_bounds){0};
	for (uint32_t i = 0; i < s->n_trials; i++) {
		double load = s->trials[i].load;

		if ((ret->upper == 0 || load < ret->upper) &&
			search_judge(s, goal, load) == SEARCH_UPPER)
			ret->upper = load;
	}
	for (uint32_t i = 0; i < s->n_trials; i++) {
		double load = s->trials[i].load;

		if ((ret->upper == 0 || load < ret->upper) && load > ret->lower &&
			search_judge(s, goal, load) == SEARCH_LOWER)
			ret->lower = load;
	}
	for (uint32_t i = 0; i < s->n_trials; i++) {
		const struct search_trial *t = &s->trials[i];

		if (same_load(t->load, ret->lower) && t->loss <= goal->loss &&
			t->duration >= goal->duration &&
			(ret->forwarded == 0 || t->forwarded < ret->forwarded))
			ret->forwarded = t->forwarded;
	}
}

static int run_trial(struct search *s, double load, double duration)
{
	struct search_trial t = {.load = load, .duration = duration};
	int r;

	if (s->n_trials == SEARCH_TRIALS_MAX)
		return -E2BIG;
	r = s->fn(s->arg, load, duration, &t);
	if (r < 0)
		return r;
	t.load = load;
	t.duration = duration;
	s->trials[s->n_trials++] = t;
	return 0;
}

/* Runs trials at a load until they say something. */
static int decide(struct search *s, const struct search_goal *goal, double load)
{
	int r = 0;

	while (r == 0 && search_judge(s, goal, load) == SEARCH_UNDECIDED)
		r = run_trial(s, load, goal->duration);
	return r;
}

/* What the loads that a phase begins with are. */
struct hints {
	double lower, upper; /* 0: none */
	double step;	     /* relative, for looking beyond a bound */
};

/* The next load to look at; 0 when the bounds are close enough. */
static double next_load(const struct search *s, const struct search_goal *goal,
	const struct search_bounds *b, struct hints *h)
{
	double load;

	if (b->upper == 0 && b->lower == 0)
		return h->lower > 0 ? h->lower : s->max_load;
	if (b->upper == 0) {
		if (b->lower >= s->max_load)
			return 0;
		load = h->upper > b->lower ? h->upper : b->lower * (1 + h->step);
		h->step *= EXPANDS_BY;
		return fmin(load, s->max_load);
	}
	if (b->lower == 0) {
		if (b->upper <= s->min_load)
			return 0;
		load = h->lower > 0 && h->lower < b->upper ? h->lower
							   : b->upper * (1 - fmin(h->step, 0.5));
		h->lower = 0;
		h->step *= EXPANDS_BY;
		return fmax(load, s->min_load);
	}
	if ((b->upper - b->lower) / b->upper <= goal->width)
		return 0;
	return (b->lower + b->upper) / 2;
}

static int run_phase(struct search *s, const struct search_goal *goal, struct hints *h,
	struct search_bounds *ret)
{
	double load;
	int r;

	for (;;) {
		find_bounds(s, goal, ret);
		load = next_load(s, goal, ret, h);
		if (load == 0)
			return 0;
		r = decide(s, goal, load);
		if (r < 0)
			return r;
	}
}

/* A goal that is easier to decide for, for an early phase. */
static struct search_goal early_goal(
	const struct search *s, const struct search_goal *goal, unsigned int phase)
{
	double initial = fmin(s->initial_duration, goal->duration);
	struct search_goal early = *goal;

	early.duration = initial * pow(goal->duration / initial, (double)phase / (PHASES - 1));
	early.duration_sum = early.duration;
	early.exceed = 0;
	early.width = fmin(goal->width * pow(PHASE_WIDENS, PHASES - 1 - phase), 0.25);
	return early;
}

static int search_goal(struct search *s, const struct search_goal *goal, struct search_bounds *ret)
{
	struct hints h = {0};
	int r = 0;

	for (unsigned int phase = 0; phase < PHASES && r == 0; phase++) {
		struct search_goal g = phase == PHASES - 1 ? *goal : early_goal(s, goal, phase);

		h.step = g.width;
		r = run_phase(s, &g, &h, ret);
		h.lower = ret->lower;
		h.upper = ret->upper;
	}
	return r;
}

int search_mlr(struct search *s, const struct search_goal *goals, uint32_t n_goals,
	struct search_bounds *ret)
{
	double initial;
	int r;

	if (n_goals == 0 || n_goals > SEARCH_GOALS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < n_goals; i++)
		ret[i] = (struct search_bounds){0};
	/* The greatest load comes first; what is forwarded of it is a good guess for all goals. */
	initial = fmin(s->initial_duration, goals[0].duration);
	r = run_trial(s, s->max_load, initial);
	if (r == 0 && s->trials[0].forwarded > s->min_load &&
		s->trials[0].forwarded < s->max_load * (1 - SAME_LOAD))
		r = run_trial(s, s->trials[0].forwarded, initial);
	for (uint32_t i = 0; i < n_goals && r == 0; i++)
		r = search_goal(s, &goals[i], &ret[i]);
	return r;
}

int search_rfc2544(struct search *s, const struct search_goal *goal, struct search_bounds *ret)
{
	struct search_goal one = *goal;
	struct hints h = {.step = 0.5};

	one.duration_sum = goal->duration;
	one.exceed = 0;
	return run_phase(s, &one, &h, ret);
}
