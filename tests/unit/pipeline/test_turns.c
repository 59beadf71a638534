/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Turns of a worker's ports: time is shared, whatever a burst costs; nobody waits for nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <turns.h>

#define ROUNDS 20000
#define MOST   1000000

/* A port that always has n packets in each of its queues, for cost cycles. */
struct load {
	unsigned int n;
	unsigned int queues;
	uint64_t cost;
	uint64_t cycles; /* that it got */
	uint64_t polls[2];
};

static struct turns *turns_new(void)
{
	struct turns *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->most = MOST;
	return t;
}

static void run(struct load *loads, unsigned int n_loads)
{
	struct turns *t = turns_new();

	for (unsigned int round = 0; round < ROUNDS; round++) {
		turns_begin(t);
		for (unsigned int i = 0; i < n_loads; i++) {
			for (unsigned int q = 0; q < loads[i].queues; q++) {
				if (!turns_may(t, i + 1))
					continue;
				loads[i].polls[q]++;
				if (!loads[i].n)
					continue;
				loads[i].cycles += loads[i].cost;
				turns_used(t, i + 1, loads[i].n, loads[i].cost);
			}
		}
		turns_end(t);
	}
	free(t);
}

static void assert_alike(uint64_t a, uint64_t b)
{
	assert_in_range(a * 100 / b, 95, 105);
}

static void test_dear_ports_get_no_more_time(void **state)
{
	struct load loads[] = {
		{.n = 32, .queues = 1, .cost = 8000},
		{.n = 32, .queues = 1, .cost = 8100},
		{.n = 32, .queues = 1, .cost = 90000},
		{.n = 32, .queues = 1, .cost = 1000000},
	};

	run(loads, 4);
	assert_int_equal(loads[0].polls[0], ROUNDS);
	for (unsigned int i = 1; i < 4; i++)
		assert_alike(loads[i].cycles, loads[0].cycles);
}

static void test_a_lone_port_never_waits(void **state)
{
	struct load loads[] = {
		{.n = 32, .queues = 1, .cost = 90000},
		{.n = 3, .queues = 1, .cost = 1000}, /* keeps up */
		{.n = 0, .queues = 1},
	};

	run(loads, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(loads[i].polls[0], ROUNDS);
}

static void test_queues_of_a_port_count_as_one(void **state)
{
	struct load loads[] = {
		{.n = 32, .queues = 2, .cost = 8000},
		{.n = 32, .queues = 1, .cost = 8000},
	};

	run(loads, 2);
	assert_alike(loads[0].cycles, loads[1].cycles);
	assert_int_equal(loads[0].polls[0], loads[0].polls[1]);
}

/* Who was quiet has saved nothing. */
static void test_the_quiet_do_not_hoard(void **state)
{
	struct turns *t = turns_new();

	for (unsigned int round = 0; round < 1000; round++) {
		turns_begin(t);
		turns_used(t, 1, 32, 8000);
		turns_end(t);
	}
	turns_begin(t);
	assert_true(turns_may(t, 2));
	turns_used(t, 2, 32, 90000);
	assert_true(turns_may(t, 1));
	turns_used(t, 1, 32, 8000);
	turns_end(t);
	turns_begin(t);
	assert_false(turns_may(t, 2));
	assert_true(turns_may(t, 1));
	free(t);
}

/* Rounds that port 1 has to wait after a burst of that many cycles, while port 2 has some of 10000.
 */
static unsigned int rounds_after(struct turns *t, uint64_t cycles)
{
	unsigned int rounds = 0;

	turns_begin(t);
	turns_used(t, 1, 32, cycles);
	turns_used(t, 2, 32, 10000);
	turns_end(t);
	for (turns_begin(t); !turns_may(t, 1); rounds++) {
		turns_used(t, 2, 32, 10000);
		turns_end(t);
		turns_begin(t);
	}
	turns_end(t);
	return rounds;
}

/* A burst that seems to have taken very long is not paid for very long. */
static void test_a_wait_for_the_processor_is_no_cost(void **state)
{
	struct turns *t = turns_new();

	assert_in_range(rounds_after(t, 1000 * MOST), MOST / 10000 - 2, MOST / 10000);
	free(t);
}

/* What the others of that port cost says better what it did, unless dear ones go on. */
static void test_a_burst_unlike_others_costs_little(void **state)
{
	struct turns *t = turns_new();

	for (unsigned int i = 0; i < 10; i++)
		rounds_after(t, 10000);
	assert_in_range(
		rounds_after(t, MOST), MOST / TURNS_ODD / 10000 - 2, MOST / TURNS_ODD / 10000);
	for (unsigned int i = 0; i < 10; i++)
		rounds_after(t, MOST);
	assert_in_range(rounds_after(t, MOST), MOST / 10000 - 2, MOST / 10000);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dear_ports_get_no_more_time),
		cmocka_unit_test(test_a_lone_port_never_waits),
		cmocka_unit_test(test_queues_of_a_port_count_as_one),
		cmocka_unit_test(test_the_quiet_do_not_hoard),
		cmocka_unit_test(test_a_wait_for_the_processor_is_no_cost),
		cmocka_unit_test(test_a_burst_unlike_others_costs_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
