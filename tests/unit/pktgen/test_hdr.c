/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The histogram's quantiles against exact ones.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hdr.h"
#include "random.h"

#define N 50000

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void check_quantiles(uint64_t *values, const struct hdr *h)
{
	static const double q[] = {0, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};

	qsort(values, N, sizeof(values[0]), compare);
	for (unsigned int i = 0; i < sizeof(q) / sizeof(q[0]); i++) {
		uint64_t rank = ceil(q[i] * N), exact = values[rank ? rank - 1 : 0];
		uint64_t got = hdr_quantile(h, q[i]);

		assert_true(got >= exact);
		assert_true(got - exact <= exact / 256);
	}
}

/* Uniform, exponential, and of every size. */
static void test_quantiles(void **state)
{
	static uint64_t values[N];
	static struct hdr h;
	uint64_t seed = 7;

	for (unsigned int kind = 0; kind < 3; kind++) {
		double sum = 0;

		hdr_clear(&h);
		for (unsigned int i = 0; i < N; i++) {
			uint64_t r = random_next(&seed);

			values[i] = kind == 0	? r % 100000
				    : kind == 1 ? -log((r | 1) * 0x1p-64) * 3000
						: r >> (24 + r % 40);
			hdr_add(&h, values[i]);
			sum += values[i];
		}
		check_quantiles(values, &h);
		assert_int_equal(h.count, N);
		assert_int_equal(h.max, values[N - 1]);
		assert_true(fabs(hdr_mean(&h) - sum / N) <= sum / N * 1e-9);
	}
}

static void test_buckets(void **state)
{
	uint32_t last = 0;

	/* Every value has a bucket, in order, without holes. */
	for (uint64_t v = 0; v < 1 << 20; v++) {
		uint32_t i = hdr_index(v);

		assert_true(i == last || i == last + 1);
		last = i;
	}
	assert_int_equal(hdr_index(511), 511);
	assert_int_equal(hdr_index(512), hdr_index(513));
	assert_int_equal(hdr_index(HDR_VALUE_MAX), HDR_BUCKETS - 1);
}

static void test_edges(void **state)
{
	static struct hdr h, other;

	assert_int_equal(hdr_quantile(&h, 0.5), 0);
	assert_true(hdr_mean(&h) == 0);
	hdr_add(&h, UINT64_MAX);
	assert_int_equal(hdr_quantile(&h, 0.5), HDR_VALUE_MAX);
	hdr_clear(&h);
	hdr_add(&h, 0);
	hdr_add(&other, 100);
	hdr_merge(&h, &other);
	assert_int_equal(h.count, 2);
	assert_int_equal(hdr_quantile(&h, 0.5), 0);
	assert_int_equal(hdr_quantile(&h, 0.51), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
