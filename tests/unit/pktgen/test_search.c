/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Searches against simulated devices whose limits are known.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"
#include "search.h"

struct device {
	double capacity;  /* above it the rest is lost */
	double knee;	  /* from here on a little is lost; 0: no such thing */
	double knee_loss; /* the ratio of it */
	double hiccup;	  /* probability of a trial that loses 1 % whatever the load */
	int fail_after;	  /* trials, then an error; 0: never */
	int n_trials;
	double seconds;
	uint64_t random;
};

static int device_trial(void *arg, double load, double duration, struct search_trial *ret)
{
	struct device *d = arg;
	double loss = 0;

	if (d->fail_after && d->n_trials >= d->fail_after)
		return -EIO;
	d->n_trials++;
	d->seconds += duration;
	if (d->knee > 0 && load > d->knee)
		loss = d->knee_loss;
	if (load > d->capacity)
		loss = 1 - d->capacity / load * (1 - loss);
	if (d->hiccup > 0 && random_next(&d->random) * 0x1p-64 < d->hiccup)
		loss = fmax(loss, 0.01);
	ret->loss = loss;
	ret->offered = load;
	ret->forwarded = load * (1 - loss);
	return 0;
}

static const struct search_goal ndr_pdr[] = {
	{.loss = 0, .duration = 1, .duration_sum = 1, .width = 0.005},
	{.loss = 0.005, .duration = 1, .duration_sum = 1, .width = 0.005},
};

static struct search *new_search(struct device *d)
{
	static struct search s;

	memset(&s, 0, sizeof(s));
	s.fn = device_trial;
	s.arg = d;
	s.min_load = 1000;
	s.max_load = 20e6;
	s.initial_duration = 0.1;
	return &s;
}

static void check_bounds(const struct search_bounds *b, double limit, double width)
{
	assert_true(b->lower <= limit * (1 + 1e-9));
	assert_true(b->upper >= limit * (1 - 1e-9));
	assert_true((b->upper - b->lower) / b->upper <= width * (1 + 1e-9));
}

/* NDR and PDR at the knee and where the loss ratio is 0.5 %. */
static void test_mlr(void **state)
{
	for (double capacity = 20e3; capacity < 20e6; capacity *= 1.37) {
		struct device d = {
			.capacity = capacity, .knee = capacity * 0.8, .knee_loss = 0.001};
		struct search *s = new_search(&d);
		struct search_bounds b[2];

		assert_int_equal(search_mlr(s, ndr_pdr, 2, b), 0);
		check_bounds(&b[0], d.knee, 0.005);
		/* capacity / load * 0.999 = 0.995 */
		check_bounds(&b[1], capacity * 0.999 / 0.995, 0.005);
		assert_true(fabs(b[0].forwarded - b[0].lower) < 1);
		assert_true(d.n_trials < 60);
	}
}

/* Most trials are short: less time than bisection needs for both. */
static void test_mlr_is_quicker(void **state)
{
	struct device d = {.capacity = 7.1e6}, plain = {.capacity = 7.1e6};
	struct search_bounds b[2];
	struct search *s = new_search(&d);

	assert_int_equal(search_mlr(s, ndr_pdr, 2, b), 0);
	s = new_search(&plain);
	assert_int_equal(search_rfc2544(s, &ndr_pdr[0], &b[0]), 0);
	s = new_search(&plain);
	assert_int_equal(search_rfc2544(s, &ndr_pdr[1], &b[1]), 0);
	assert_true(d.seconds < plain.seconds / 1.5);
}

static void test_rfc2544(void **state)
{
	struct device d = {.capacity = 3.3e6};
	struct search_bounds b;

	assert_int_equal(search_rfc2544(new_search(&d), &ndr_pdr[0], &b), 0);
	check_bounds(&b, 3.3e6, 0.005);
	assert_true(d.n_trials < 16);
}

static void test_limits(void **state)
{
	struct device fast = {.capacity = 1e12}, dead = {.capacity = 1};
	struct search_bounds b[2];

	assert_int_equal(search_mlr(new_search(&fast), ndr_pdr, 2, b), 0);
	assert_true(b[0].lower == 20e6 && b[0].upper == 0);
	assert_true(b[1].lower == 20e6 && b[1].upper == 0);
	assert_int_equal(search_mlr(new_search(&dead), ndr_pdr, 2, b), 0);
	assert_true(b[0].lower == 0 && b[0].upper == 1000);
	assert_int_equal(search_rfc2544(new_search(&fast), ndr_pdr, b), 0);
	assert_true(b[0].lower == 20e6 && b[0].upper == 0);
	assert_int_equal(search_rfc2544(new_search(&dead), ndr_pdr, b), 0);
	assert_true(b[0].lower == 0 && b[0].upper == 1000);
}

/* A device that stumbles in a tenth of all trials: a goal that lets half of the time be exceeded
 * finds its capacity all the same. */
static void test_hiccups(void **state)
{
	const struct search_goal goal = {
		.loss = 0, .duration = 1, .duration_sum = 21, .exceed = 0.5, .width = 0.005};
	unsigned int right = 0;

	for (uint64_t seed = 0; seed < 50; seed++) {
		struct device d = {.capacity = 5e6, .hiccup = 0.1, .random = seed};
		struct search_bounds b;

		assert_int_equal(search_mlr(new_search(&d), &goal, 1, &b), 0);
		right += b.lower <= 5e6 && b.upper >= 5e6;
		assert_true(b.lower <= 5e6);
	}
	assert_true(right >= 48);
}

static void test_judge(void **state)
{
	const struct search_goal half = {
		.loss = 0.01, .duration = 1, .duration_sum = 4, .exceed = 0.5};
	struct search *s = new_search(NULL);
	struct search_trial good = {.load = 10, .duration = 1, .loss = 0.01};
	struct search_trial bad = {.load = 10, .duration = 1, .loss = 0.011};
	struct search_trial short_good = {.load = 10, .duration = 0.5, .loss = 0};

	assert_int_equal(search_judge(s, &half, 10), SEARCH_UNDECIDED);
	s->trials[s->n_trials++] = good;
	assert_int_equal(search_judge(s, &half, 10), SEARCH_UNDECIDED);
	s->trials[s->n_trials++] = good;
	assert_int_equal(search_judge(s, &half, 10), SEARCH_LOWER);
	assert_int_equal(search_judge(s, &half, 11), SEARCH_UNDECIDED);
	s->n_trials = 0;
	s->trials[s->n_trials++] = bad;
	s->trials[s->n_trials++] = bad;
	assert_int_equal(search_judge(s, &half, 10), SEARCH_UNDECIDED);
	s->trials[s->n_trials++] = bad;
	assert_int_equal(search_judge(s, &half, 10), SEARCH_UPPER);
	/* Short good trials prove nothing. */
	s->n_trials = 0;
	for (int i = 0; i < 100; i++)
		s->trials[s->n_trials++] = short_good;
	assert_int_equal(search_judge(s, &half, 10), SEARCH_UNDECIDED);
}

static void test_errors(void **state)
{
	struct device d = {.capacity = 5e6, .fail_after = 3};
	struct search_bounds b[2];

	assert_int_equal(search_mlr(new_search(&d), ndr_pdr, 2, b), -EIO);
	assert_int_equal(search_mlr(new_search(&d), ndr_pdr, 0, b), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_mlr),
		cmocka_unit_test(test_mlr_is_quicker),
		cmocka_unit_test(test_rfc2544),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_hiccups),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
