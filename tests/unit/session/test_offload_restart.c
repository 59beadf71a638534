/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data planes that come one after another on the same tables: age, numbers of epochs, many
 * sessions.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include <core/clock.h>
#include <core/rcu.h>
#include <weft_bpf/port.h>

#include "restart.h"

#define MANY 65536

/* The tables' clock stood at now_s, the session was seen idle_s before. */
static void age(uint32_t now_s, uint32_t idle_s)
{
	struct session_traffic t;
	uint32_t ends;

	restart_bed_with_one();
	bed.control->now_s = now_s;
	restart_expect(1, 0);
	bed.control->now_s += idle_s;
	restart();
	assert_true(world_find(1, 0));
	session_traffic(&world_find(1, 0)->dir[0], &t);
	assert_int_equal(clock_s() - t.seen_s, idle_s);
	assert_int_equal(session_idle_s(world_find(1, 0)), idle_s);
	ends = session_ends_s(world_find(1, 0), world_cfg);
	assert_true(ends > clock_s());
	for (unsigned int i = 0; i < 1000 && clock_s() + 1 < ends; i++) {
		assert_non_null(world_find(1, 0));
		bed_pass_ms(1000);
	}
	for (unsigned int i = 0; i < 3; i++)
		bed_pass_ms(1000);
	assert_null(world_find(1, 0));
	bed_fini();
}

static void test_age(void **state)
{
	age(1000000, 20); /* it was older than we are */
	age(1, 20);
	age(UINT32_MAX - 5, 20);
	age(1000000, 0);
}

static void test_over(void **state)
{
	restart_bed_with_one();
	restart_expect(1, 0);
	bed.control->now_s += 100000;
	restart();
	for (unsigned int i = 0; i < 3; i++)
		bed_pass_ms(1000);
	assert_null(world_find(1, 0));
	assert_int_equal(restart_n_places(), 0);
	bed_fini();
}

/* Again and again, once in the middle of it. */
static void test_again(void **state)
{
	restart_bed(300);
	for (uint32_t k = 0; k < 300; k++)
		bed_insert(0, k, true);
	world_rounds();
	assert_int_equal(restart_stats().n, 300);
	bed_restart(RESTART_MAX, 1);
	restart_commit();
	session_age(0, world_cfg);
	assert_in_range(restart_stats().adopted, 1, 299);
	restart();
	assert_int_equal(restart_stats().adopted, 300);
	restart();
	assert_int_equal(restart_stats().adopted, 300);
	assert_int_equal(restart_stats().n, 300);
	for (uint32_t k = 0; k < 300; k++)
		restart_expect(k, WEFT_BPF_MISS_EPOCH);
	restart_pass_quarantine();
	restart();
	assert_int_equal(restart_stats().adopted, 300);
	restart_pass_quarantine();
	for (uint32_t k = 0; k < 300; k++) {
		restart_redecide(k);
		restart_expect(k, 0);
	}
	bed_fini();
}

/* Numbers of epochs end: none that an entry has is ever given again. */
static void test_wrap_at_take_over(void **state)
{
	restart_bed(64);
	for (uint32_t k = 0; k < 4; k++)
		bed_insert(0, k, true);
	world_rounds();
	for (unsigned int i = 0; i < 2; i++)
		bed.epochs[BED_SEGMENT + i].epoch = UINT32_MAX;
	for (uint32_t k = 0; k < 4; k++) {
		uint32_t pair = world_find(k, 0)->offload;

		bed.dirs[2 * pair].d.epoch = bed.dirs[2 * pair + 1].d.epoch = k ? k : UINT32_MAX;
	}
	restart_expect(0, 0);
	restart();
	assert_int_equal(restart_stats().adopted, 4);
	restart_pass_quarantine();
	for (unsigned int i = 0; i < 5; i++) {
		for (uint32_t k = 0; k < 4; k++)
			restart_expect(k, WEFT_BPF_MISS_EPOCH);
		bed_new_epoch();
	}
	assert_int_equal(bed.epochs[BED_SEGMENT].epoch, 6);
	restart_redecide(0);
	restart_expect(0, 0);
	bed_fini();
}

/* While it runs: all is out for a moment. */
static void test_wrap(void **state)
{
	restart_bed_with_one();
	restart_expect(1, 0);
	bed_restart(RESTART_MAX, 1);
	bed.epochs[BED_SEGMENT].epoch = UINT32_MAX - 2;
	restart_commit();
	world_rounds();
	offload_settled();
	restart_pass_quarantine();
	assert_int_equal(bed.epochs[BED_SEGMENT].epoch, UINT32_MAX - 1);
	bed_new_epoch();
	restart_redecide(1);
	restart_expect(1, 0);
	bed_new_epoch();
	assert_int_equal(bed.epochs[BED_SEGMENT].epoch, 0);
	restart_redecide(1);
	restart_expect(1, WEFT_BPF_MISS_NO_SESSION);
	bed_new_epoch();
	assert_int_equal(bed.epochs[BED_SEGMENT].epoch, 0);
	restart_redecide(1);
	restart_pass_quarantine();
	assert_int_equal(bed.epochs[BED_SEGMENT].epoch, 1);
	restart_expect(1, 0);
	bed_fini();
}

/* A segment that is gone had the highest one. */
static void test_epochs_of_entries(void **state)
{
	uint32_t pair;

	restart_bed_with_one();
	pair = world_find(1, 0)->offload;
	bed.dirs[2 * pair].d.epoch = bed.dirs[2 * pair + 1].d.epoch = 9;
	restart();
	restart_pass_quarantine();
	assert_true(bed.epochs[BED_SEGMENT].epoch > 9);
	restart_expect(1, WEFT_BPF_MISS_EPOCH);
	bed_fini();
}

static void *worker_main(void *arg)
{
	unsigned int worker = (uintptr_t)arg;

	rcu_worker_register(worker);
	while (offload_is_adopting()) {
		session_age(worker, world_cfg);
		rcu_worker_quiescent(worker);
	}
	rcu_worker_unregister(worker);
	return NULL;
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000) + t.tv_nsec / 1000;
}

/* As many as there may be, by two workers. */
static void test_many(void **state)
{
	uint64_t us[3];
	pthread_t threads[2];
	uint32_t n = 0;

	bed_init(2 * MANY, 2, MANY, 2 * MANY + 2);
	for (uint32_t k = 0; k < MANY; k++) {
		bed_insert(k & 1, k, true);
		if (k % 256 == 0)
			bed_pass_ms(1);
	}
	bed_pass_ms(1);
	n = restart_stats().n;
	assert_true(n > MANY - MANY / 100); /* some buckets are full */
	bed_restart(2 * MANY, 2);
	us[0] = now_us();
	restart_commit();
	us[1] = now_us();
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker_main, (void *)i), 0);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	us[2] = now_us();
	print_message("%u sessions: %u us by the main thread, then %u us by the workers\n", n,
		(unsigned int)(us[1] - us[0]), (unsigned int)(us[2] - us[1]));
	assert_int_equal(restart_stats().adopted, n);
	assert_int_equal(restart_n_places(), 2 * n);
	offload_settled();
	restart_pass_quarantine();
	for (uint32_t k = 0; k < MANY; k += 97) {
		if (!world_find(k, 0))
			continue;
		restart_redecide(k);
		restart_expect(k, 0);
	}
	bed_fini();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_wrap_at_take_over),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_epochs_of_entries),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
