/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sequence tracker against a naive one that remembers everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"
#include "seq.h"

#define N 300000

struct naive {
	uint8_t seen[N];
	uint32_t greatest; /* + 1 */
	uint64_t reordered, duplicates, late, unique;
};

static void naive_add(struct naive *n, uint32_t i)
{
	uint32_t behind = n->greatest - i;

	if (i >= n->greatest) {
		n->greatest = i + 1;
		n->seen[i] = 1;
		n->unique++;
	} else if (behind > SEQ_WINDOW - 64) {
		n->late++;
	} else if (n->seen[i]) {
		n->duplicates++;
	} else {
		n->seen[i] = 1;
		n->reordered++;
		n->unique++;
	}
}

/* Loses, duplicates and delays packets, some of them by more than the window. */
static uint32_t make_order(uint32_t *order, uint32_t max, uint64_t *seed)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < N && n + 2 < max; i++) {
		uint64_t r = random_next(seed);

		if (r % 50 == 0)
			continue;
		if (r % 20011 == 1)
			i += r >> 40 & 0x3ff;
		if (r % 50021 == 2)
			i += r >> 40 & 0x1ffff;
		if (i >= N)
			break;
		order[n++] = i;
		if (r % 41 == 3)
			order[n++] = i;
	}
	for (uint32_t i = 0; i + 1 < n; i++) {
		uint64_t r = random_next(seed);
		uint32_t far = r % 30 == 0 ? r >> 32 & 0x3f : r % 5003 == 1 ? r >> 32 & 0x1ffff : 0;
		uint32_t with = i + far < n ? i + far : i, v = order[i];

		order[i] = order[with];
		order[with] = v;
	}
	return n;
}

static void test_random(void **state)
{
	static struct naive naive;
	static struct seq_tracker t;
	static uint32_t order[2 * N];

	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint64_t random = seed;
		uint32_t n = make_order(order, 2 * N, &random);
		/* The numbers wrap in half of the runs. */
		uint32_t first = seed % 2 ? 0 : 0u - 100000;

		memset(&naive, 0, sizeof(naive));
		seq_init(&t, first);
		for (uint32_t i = 0; i < n; i++) {
			naive_add(&naive, order[i]);
			seq_add(&t, first + order[i], i);
		}
		assert_int_equal(t.next, first + naive.greatest);
		assert_int_equal(t.received, n);
		assert_int_equal(t.reordered, naive.reordered);
		assert_int_equal(t.duplicates, naive.duplicates);
		assert_int_equal(t.late, naive.late);
		assert_int_equal(t.missing, naive.greatest - naive.unique);
		assert_int_equal(seq_lost(&t, first, N), N - naive.unique);
		assert_true(t.late > 0 && t.duplicates > 0 && t.reordered > 0);
	}
}

static void test_plain(void **state)
{
	static struct seq_tracker t;

	seq_init(&t, 5);
	for (uint32_t i = 0; i < 200000; i++)
		seq_add(&t, 5 + i, i);
	assert_int_equal(seq_lost(&t, 5, 200000), 0);
	assert_int_equal(t.gaps, 0);
	assert_int_equal(seq_lost(&t, 5, 200010), 10);
	seq_add(&t, 5 + 200003, 77);
	assert_int_equal(t.missing, 3);
	assert_int_equal(t.gaps, 1);
	assert_int_equal(t.last_gap_time, 77);
	seq_add(&t, 5 + 200001, 78);
	assert_int_equal(t.missing, 2);
	assert_int_equal(t.reordered, 1);
	assert_int_equal(t.extent, 2);
	seq_add(&t, 5 + 200001, 79);
	assert_int_equal(t.duplicates, 1);
	assert_int_equal(seq_lost(&t, 5, 200004), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
