/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Long rounds of a worker: each is in one class, four times as wide as the one before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <rounds.h>

#define LEAST 1000

static void test_classes(void **state)
{
	static const struct {
		uint64_t cycles;
		unsigned int class;
	} cases[] = {{LEAST, 0}, {4 * LEAST - 1, 0}, {4 * LEAST, 1}, {16 * LEAST - 1, 1},
		{16 * LEAST, 2}, {1024 * LEAST - 1, 4}, {1024 * LEAST, 5}, {1ull << 62, 5}};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weft_worker_stats s = {0}, expected = {0};

		rounds_count_long(&s, cases[i].cycles, LEAST);
		expected.longest_round_cycles = expected.long_round_cycles = cases[i].cycles;
		expected.long_rounds[cases[i].class] = 1;
		assert_memory_equal(&s, &expected, sizeof(s));
	}
}

static void test_sums(void **state)
{
	struct weft_worker_stats s = {0};

	rounds_count_long(&s, 2 * LEAST, LEAST);
	rounds_count_long(&s, 9 * LEAST, LEAST);
	rounds_count_long(&s, 3 * LEAST, LEAST);
	assert_int_equal(s.longest_round_cycles, 9 * LEAST);
	assert_int_equal(s.long_round_cycles, 14 * LEAST);
	assert_int_equal(s.long_rounds[0], 2);
	assert_int_equal(s.long_rounds[1], 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
