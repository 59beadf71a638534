/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measuring: the median of many short rounds, or, for callgrind, one round by itself.
 */
#include <stdlib.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include <session/session.h>

#include "bench.h"

#define ROUND_PKTS   (64 * BENCH_BURST)
#define WARM_UP_PKTS 200000
#define COUNT_WARM   (128 * BENCH_BURST)

struct bench_settings bench_settings = {.rounds = 101};

static unsigned int n_counted; /* since the last bench_counts */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double one_round(bench_fn fn, void *arg)
{
	uint64_t start = rte_rdtsc_precise(), done = fn(arg, ROUND_PKTS);

	return (double)(rte_rdtsc_precise() - start) / done;
}

static double middle(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[bench_settings.lowest ? 0 : n / 2];
}

/* callgrind collects in here only, and writes what it has when this returns. */
__rte_noinline void bench_counted(bench_fn fn, void *arg)
{
	fn(arg, BENCH_COUNT_PKTS);
	__asm__ volatile("" ::: "memory"); /* no jump in place of the call */
}

static void count(bench_fn fn, void *arg)
{
	fn(arg, COUNT_WARM);
	bench_counted(fn, arg);
	n_counted++;
}

unsigned int bench_counts(void)
{
	unsigned int n = n_counted;

	n_counted = 0;
	return n;
}

double bench_cycles(bench_fn fn, void *arg)
{
	static double v[BENCH_ROUNDS_MAX];

	if (bench_settings.count) {
		count(fn, arg);
		return 0;
	}
	fn(arg, WARM_UP_PKTS);
	for (unsigned int i = 0; i < bench_settings.rounds; i++)
		v[i] = one_round(fn, arg);
	return middle(v, bench_settings.rounds);
}

void bench_cycles_pair(bench_fn a, bench_fn b, void *arg, double *ret_a, double *ret_b)
{
	static double va[BENCH_ROUNDS_MAX], vb[BENCH_ROUNDS_MAX];

	*ret_a = *ret_b = 0;
	if (bench_settings.count) {
		count(a, arg);
		count(b, arg);
		return;
	}
	a(arg, WARM_UP_PKTS);
	b(arg, WARM_UP_PKTS);
	for (unsigned int i = 0; i < bench_settings.rounds; i++) {
		va[i] = one_round(a, arg);
		vb[i] = one_round(b, arg);
	}
	*ret_a = middle(va, bench_settings.rounds);
	*ret_b = middle(vb, bench_settings.rounds);
}

void bench_fix_seed(void)
{
	session_seed[0] = 0x2d358dccaa6c78a5;
	session_seed[1] = 0x8bb84b93962eacc9;
}
