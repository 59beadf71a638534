/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ageing: sessions end when their time is over and not before, are freed after a grace period, in
 * bounded steps, whoever removed them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <core/clock.h>
#include <core/rcu.h>

#include "world.h"

#define MAX	8192
#define MILLION 1000000u
#define FIRST	30   /* defaults: UDP_FIRST */
#define LONG	7440 /* TCP_ESTABLISHED */

static int setup(void **state)
{
	return world_init(MAX, 2);
}

static int teardown(void **state)
{
	world_fini();
	return 0;
}

static void pass(uint32_t s)
{
	clock_warp(s * 1000ull);
	world_rounds();
}

static void set_state(struct session *s, enum weft_timeout state)
{
	session_lock(s);
	session_set_state(s, state, true);
	session_unlock(s);
}

static void test_ends(void **state)
{
	enum weft_drop drop;
	struct session *s = world_insert(0, 1, &drop);

	assert_int_equal(session_ends_s(s, world_cfg), clock_s() + FIRST + 1);
	pass(FIRST);
	assert_non_null(world_find(1, 0));
	pass(1);
	assert_null(world_find(1, 0));
	assert_true(s->flags & SESSION_DEAD);
}

/* Packets of either direction put it off; nobody has to touch the wheel for that. */
static void test_used(void **state)
{
	enum weft_drop drop;
	struct session *s = world_insert(0, 1, &drop);

	for (unsigned int i = 0; i < 20; i++) {
		pass(FIRST - 1);
		assert_non_null(world_find(1, 0));
		atomic_store(&s->dir[i & 1].seen_s, clock_s());
	}
	pass(FIRST);
	assert_non_null(world_find(1, 0));
	pass(1);
	assert_null(world_find(1, 0));
}

/* Beyond the wheel's horizon. */
static void test_long(void **state)
{
	enum weft_drop drop;

	set_state(world_insert(0, 1, &drop), WEFT_TIMEOUT_TCP_ESTABLISHED);
	for (unsigned int i = 0; i < LONG; i += 60)
		pass(60);
	assert_non_null(world_find(1, 0));
	pass(1);
	assert_null(world_find(1, 0));
}

/* The clock jumps by hours: those over end, the others stay. */
static void test_jump(void **state)
{
	enum weft_drop drop;

	world_insert(0, 1, &drop);
	set_state(world_insert(0, 2, &drop), WEFT_TIMEOUT_TCP_ESTABLISHED);
	pass(LONG - 10);
	assert_null(world_find(1, 0));
	assert_non_null(world_find(2, 0));
	pass(10);
	assert_non_null(world_find(2, 0));
	pass(1);
	assert_null(world_find(2, 0));
}

/* In its wheel it waits for hours, then it may end soon; a worker that is not its owner says so. */
static void test_shorter(void **state)
{
	enum weft_drop drop;
	struct session *s = world_insert(0, 1, &drop);

	set_state(s, WEFT_TIMEOUT_TCP_ESTABLISHED);
	pass(500);
	atomic_store(&s->dir[0].seen_s, clock_s());
	set_state(s, WEFT_TIMEOUT_TCP_CLOSED);
	world_rounds();
	pass(10);
	assert_non_null(world_find(1, 0));
	pass(1);
	assert_null(world_find(1, 0));
}

static void test_of_network(void **state)
{
	enum weft_drop drop;

	world_network.spec.timeout_s[WEFT_TIMEOUT_UDP_FIRST] = 5;
	world_insert(0, 1, &drop);
	pass(5);
	assert_non_null(world_find(1, 0));
	pass(1);
	assert_null(world_find(1, 0));
	world_network.spec.timeout_s[WEFT_TIMEOUT_UDP_FIRST] = 0;
	world_insert(0, 1, &drop);
	world_cfg->networks[WORLD_NETWORK] =
		NULL; /* gone: so is what it had, when its slot comes */
	atomic_store(&world_find(1, 0)->dir[0].seen_s, clock_s() + 10);
	pass(FIRST + 1);
	assert_null(world_find(1, 0));
}

/* The port that it is charged to went, or its slot has another one: it ends at once. */
static void test_port_gone(void **state)
{
	struct config_port other = world_ports[1];
	struct session_new n = world_new(1);
	enum weft_drop drop;

	world_insert(0, 2, &drop);
	world_insert(1, 3, &drop);
	n.charged = &world_ports[1];
	session_unlock(session_insert(0, &n, &drop));
	session_sweep();
	world_rounds();
	assert_int_equal(session_count_port(1), 2);
	assert_int_equal(session_count_port(2), 1);
	other.spec.id = 999;
	world_cfg->ports[2] = &other;
	session_sweep();
	world_rounds();
	assert_null(world_find(1, 0));
	assert_non_null(world_find(2, 0));
	world_cfg->ports[1] = NULL;
	session_sweep();
	world_rounds();
	assert_int_equal(session_count_port(1), 0);
	assert_int_equal(session_count_port(2), 0);
}

static int setup_million(void **state)
{
	return world_init(MILLION, 1);
}

static void insert_million(void)
{
	enum weft_drop drop;

	for (uint32_t k = 0; k < MILLION; k++)
		assert_non_null(world_insert(0, k, &drop));
	session_age(0, world_cfg); /* which may take longer for new ones */
}

/* Ages until nothing is left to do; returns how many sessions ended. */
static uint64_t age_in_bounds(void)
{
	struct session_stats before, after;
	uint64_t n_before, bound = SESSION_AGE_MAX;
	bool more = true;

	session_stats(&before);
	n_before = before.n;
	while (more) {
		more = session_age(0, world_cfg);
		session_stats(&after);
		assert_in_range(after.looked - before.looked, 0, bound);
		before = after;
	}
	return n_before - after.n;
}

/* A busy worker begins more sessions per call than one call looks at without new ones. They end all
 * the same: there are never more than those of a timeout and of the second that it is told in. */
static void test_keeps_up(void **state)
{
	const unsigned int per_call = 4 * SESSION_AGE_MAX, calls_per_s = 20;
	struct session_stats stats;
	enum weft_drop drop;
	uint32_t k = 0;

	for (unsigned int call = 0; call < calls_per_s * 4 * FIRST; call++) {
		for (unsigned int i = 0; i < per_call; i++)
			assert_non_null(world_insert(0, k++, &drop));
		session_age(0, world_cfg);
		clock_warp(1000 / calls_per_s);
		session_stats(&stats);
		assert_in_range(stats.n, 0, per_call * calls_per_s * (FIRST + 3));
	}
}

/* No call does more than its share of a million that are due in the same second: because they were
 * used meanwhile, because a configuration asks for a look at all, because others removed more than
 * fit into messages, and because their time is over. */
static void test_bounded(void **state)
{
	insert_million();
	clock_warp((FIRST + 1) * 1000);
	for (uint32_t k = 0; k < MILLION; k++)
		atomic_store(&world_find(k, 0)->dir[0].seen_s, clock_s());
	assert_int_equal(age_in_bounds(), 0);
	session_sweep();
	assert_int_equal(age_in_bounds(), 0);
	for (uint32_t k = 0; k < MILLION / 2; k++)
		session_remove(world_find(k, 0));
	assert_int_equal(age_in_bounds(), 0); /* had ended before */
	clock_warp((FIRST + 1) * 1000);
	assert_int_equal(age_in_bounds(), MILLION - MILLION / 2);
	insert_million();
}

/* An index is not used again while a worker may hold the session. */
static void test_grace(void **state)
{
	enum weft_drop drop;
	struct session *s;

	rcu_worker_register(0);
	rcu_worker_register(1);
	s = world_insert(0, 1, &drop);
	session_remove(s);
	world_rounds();
	for (uint32_t k = 100; k < 100 + 2000; k++)
		assert_ptr_not_equal(world_insert(0, k, &drop), s);
	assert_int_equal(s->rule[0], 1);
	rcu_worker_quiescent(0);
	world_rounds();
	for (uint32_t k = 3000; k < 3200; k++)
		assert_ptr_not_equal(world_insert(0, k, &drop), s);
	rcu_worker_quiescent(1);
	world_rounds();
	assert_ptr_equal(world_insert(0, 4000, &drop), s);
	rcu_worker_unregister(0);
	rcu_worker_unregister(1);
}

/* The main thread too holds what it walks. */
static void test_grace_main(void **state)
{
	enum weft_drop drop;
	struct session *s = world_insert(0, 1, &drop);

	rcu_main_enter();
	session_remove(s);
	world_rounds();
	assert_ptr_not_equal(world_insert(0, 2, &drop), s);
	rcu_main_leave();
	world_rounds();
	assert_ptr_equal(world_insert(0, 3, &drop), s);
}

/* More are removed at once than messages fit: all of them can be used again all the same. */
static void test_many_removed(void **state)
{
	enum weft_drop drop;

	for (unsigned int round = 0; round < 3; round++) {
		for (uint32_t k = 0; k < MAX; k++)
			assert_non_null(world_insert(k & 1, k + round, &drop));
		for (uint32_t k = 0; k < MAX; k++)
			session_remove(world_find(k + round, 0));
		world_rounds();
	}
}

/* While a worker sleeps nothing becomes free; what another one freed meanwhile is then for all, not
 * for that one alone. */
static void test_nothing_hoarded(void **state)
{
	enum weft_drop drop;
	uint32_t k = 0;

	rcu_worker_register(0);
	rcu_worker_register(1);
	for (; world_insert(0, k, &drop); k++) {
		session_remove(world_find(k, 0));
		session_age(0, world_cfg);
	}
	assert_int_equal(drop, WEFT_DROP_SESSION_TABLE_FULL);
	rcu_worker_unregister(0);
	rcu_worker_unregister(1);
	session_age(0, world_cfg);
	/* It needs some when the rest becomes free. */
	assert_non_null(world_insert(0, k++, &drop));
	assert_non_null(world_insert(0, k++, &drop));
	world_rounds();
	for (uint32_t i = 2; i < MAX; i++)
		assert_non_null(world_insert(1, k + i, &drop));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_used, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_jump, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shorter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_network, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps_up, setup_million, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup_million, teardown),
		cmocka_unit_test_setup_teardown(test_grace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grace_main, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_hoarded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
