/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many buckets of the fast path's tables are in use: few at first, more as sessions come, and
 * no program misses a session while they become more.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include <core/clock.h>
#include <core/rcu.h>
#include <weft_bpf/port.h>

#include "restart.h"

#define MAX	  20000 /* sessions */
#define N_BUCKETS 65536
#define N_KEPT	  500
#define FIRST	  1024 /* buckets of new tables */
#define ROUNDS	  10

static _Atomic bool inserting;
static _Atomic unsigned int bad, n_found;

static void begin(void)
{
	bed_init(MAX, 1, N_BUCKETS, 2 * (MAX + 1));
}

static void insert(uint32_t first, uint32_t end)
{
	for (uint32_t k = first; k < end; k++)
		assert_non_null(bed_insert(0, k, true));
	world_rounds();
}

static uint32_t n_buckets(void)
{
	return bed.control->n_buckets_mask + 1;
}

/* Each direction that is in has the one place where programs look for it. */
static void expect_places(void)
{
	uint64_t n = 0;

	for (uint32_t at = 0; at < N_BUCKETS; at++) {
		for (unsigned int i = 0; i < WEFT_BPF_PLACES; i++) {
			uint64_t place = bed.buckets[at].place[i], hash;

			if (!place)
				continue;
			hash = weft_bpf_hash(&bed.dirs[place >> 32].key, bed.control->hash_seed);
			assert_int_equal(
				weft_bpf_hash_bucket(hash, bed.control->n_buckets_mask), at);
			assert_int_equal(weft_bpf_hash_tag(hash), (uint32_t)place);
			n++;
		}
	}
	assert_int_equal(n, 2 * restart_stats().n);
}

static void expect_all(uint32_t end)
{
	assert_int_equal(restart_stats().n, end);
	assert_int_equal(restart_stats().full, 0);
	for (uint32_t k = 0; k < end; k++)
		restart_expect(k, 0);
	expect_places();
}

static void test_as_many_as_needed(void **state)
{
	begin();
	assert_int_equal(n_buckets(), FIRST);
	insert(0, FIRST / 2);
	bed_pass_ms(1);
	assert_int_equal(n_buckets(), FIRST);
	expect_all(FIRST / 2);
	insert(FIRST / 2, FIRST / 2 + 1);
	bed_pass_ms(1);
	assert_int_equal(n_buckets(), 2 * FIRST);
	expect_all(FIRST / 2 + 1);
	for (uint32_t k = FIRST / 2 + 1; k < MAX; k++) {
		insert(k, k + 1);
		if (k % 256 == 0)
			bed_pass_ms(1);
	}
	assert_int_equal(n_buckets(), N_BUCKETS);
	expect_all(MAX);
	bed_fini();
}

/* Those for which there was no room in few buckets come in as soon as there are more. */
static void test_refused_come_in(void **state)
{
	begin();
	insert(0, MAX);
	assert_true(restart_stats().full > 0);
	assert_true(restart_stats().n < MAX);
	for (unsigned int i = 0; i < 5; i++)
		bed_pass_ms(1);
	assert_int_equal(restart_stats().n, MAX);
	assert_int_equal(n_buckets(), N_BUCKETS);
	expect_places();
	for (uint32_t k = 0; k < MAX; k++)
		session_remove(world_find(k, 0));
	assert_int_equal(restart_stats().n, 0);
	expect_places();
	bed_fini();
}

/* The next data plane goes on with as many. */
static void test_adopted(void **state)
{
	begin();
	insert(0, FIRST);
	bed_pass_ms(1);
	assert_int_equal(n_buckets(), 2 * FIRST);
	bed_restart(MAX, 1);
	restart_commit();
	while (offload_is_adopting())
		world_rounds();
	assert_int_equal(restart_stats().adopted, FIRST);
	assert_int_equal(n_buckets(), 2 * FIRST);
	for (uint32_t k = 0; k < FIRST; k++)
		restart_expect(k, 0);
	expect_places();
	bed_fini();
}

/* Killed while it copied, with the first half of the new places written. */
static void test_killed_while_growing(void **state)
{
	begin();
	insert(0, FIRST / 2);
	for (uint32_t at = 0; at < FIRST / 2; at++)
		bed.buckets[FIRST + at] = bed.buckets[at];
	bed_restart(MAX, 1);
	restart_commit();
	while (offload_is_adopting())
		world_rounds();
	assert_int_equal(restart_stats().adopted, FIRST / 2);
	expect_all(FIRST / 2);
	bed_fini();
}

/* Tables of more or fewer buckets than there can be are somebody else's. */
static void test_foreign(void **state)
{
	static const uint32_t masks[] = {FIRST / 2 - 1, FIRST, 2 * N_BUCKETS - 1, UINT32_MAX};

	for (unsigned int i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		begin();
		insert(0, 1);
		bed.control->n_buckets_mask = masks[i];
		bed_restart(MAX, 1);
		assert_false(offload_is_adopting());
		restart_commit();
		assert_int_equal(n_buckets(), FIRST);
		assert_int_equal(restart_n_places(), 0);
		bed_fini();
	}
}

/* Puts all in, and takes one of three out again. */
static void *worker_main(void *arg)
{
	rcu_worker_register(0);
	for (uint32_t k = N_KEPT; k < MAX; k++) {
		bed_insert(0, k, true);
		if (k % 3 == 0 && k - 100 >= N_KEPT)
			session_remove(world_find(k - 100, 0));
		while (k % 8 == 0 && session_age(0, world_cfg))
			;
		rcu_worker_quiescent(0);
	}
	rcu_worker_unregister(0);
	atomic_store(&inserting, false);
	return arg;
}

static void *reader_main(void *arg)
{
	for (uint32_t k = 0; inserting; k = (k + 1) % N_KEPT) {
		struct session_new new = world_new(k);
		uint32_t mask = __atomic_load_n(&bed.control->n_buckets_mask, __ATOMIC_ACQUIRE);
		struct bpf_packet p = bed_packet(&new.key[k & 1], k & 1, true, 1);
		struct weft_bpf_decision d;

		if (bpf_reader_find(&p.key, &d) == 0)
			n_found++;
		else if (mask == __atomic_load_n(&bed.control->n_buckets_mask, __ATOMIC_ACQUIRE))
			bad++;
	}
	return arg;
}

static void found_meanwhile(void)
{
	pthread_t worker, reader;

	begin();
	insert(0, N_KEPT);
	inserting = true;
	assert_int_equal(pthread_create(&worker, NULL, worker_main, NULL), 0);
	assert_int_equal(pthread_create(&reader, NULL, reader_main, NULL), 0);
	while (inserting) {
		clock_warp(1);
		offload_tick();
		sched_yield();
	}
	pthread_join(worker, NULL);
	pthread_join(reader, NULL);
	bed_pass_ms(1);
	assert_int_equal(bad, 0);
	assert_true(n_found > 0);
	assert_true(n_buckets() > FIRST);
	expect_places();
	bed_fini();
}

static void test_found_meanwhile(void **state)
{
	for (unsigned int i = 0; i < ROUNDS; i++)
		found_meanwhile();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_many_as_needed),
		cmocka_unit_test(test_refused_come_in),
		cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_killed_while_growing),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_found_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
