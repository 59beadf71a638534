/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rcu: nothing is freed while a worker may still hold it, everything is freed afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <core/rcu.h>

#include "test_eal.h"

static unsigned int n_run;

static void run_cb(void *arg)
{
	(void)arg;
	n_run++;
}

static void retire_again_cb(void *arg)
{
	n_run++;
	rcu_retire(run_cb, arg);
}

static int setup(void **state)
{
	n_run = 0;
	return rcu_init(2);
}

static int teardown(void **state)
{
	rcu_fini();
	return 0;
}

static void test_without_workers(void **state)
{
	rcu_retire(run_cb, NULL);
	assert_int_equal(n_run, 0);
	assert_int_equal(rcu_reclaim(), 0);
	assert_int_equal(n_run, 1);
}

static void test_waits_for_each_worker(void **state)
{
	rcu_worker_register(0);
	rcu_worker_register(1);
	rcu_retire(run_cb, NULL);
	assert_int_equal(rcu_reclaim(), 1);
	rcu_worker_quiescent(0);
	assert_int_equal(rcu_reclaim(), 1);
	rcu_worker_quiescent(1);
	assert_int_equal(rcu_reclaim(), 0);
	assert_int_equal(n_run, 1);
	rcu_worker_unregister(0);
	rcu_worker_unregister(1);
}

/* A quiescent state before the reclaim that gives the token says nothing about the object. */
static void test_early_quiescent_does_not_count(void **state)
{
	rcu_worker_register(0);
	rcu_retire(run_cb, NULL);
	rcu_worker_quiescent(0);
	assert_int_equal(rcu_reclaim(), 1);
	rcu_worker_quiescent(0);
	assert_int_equal(rcu_reclaim(), 0);
	rcu_worker_unregister(0);
}

static void test_sleeping_worker_holds_nothing(void **state)
{
	rcu_worker_register(0);
	rcu_worker_offline(0);
	rcu_retire(run_cb, NULL);
	assert_int_equal(rcu_reclaim(), 0);
	rcu_worker_online(0);
	rcu_retire(run_cb, NULL);
	assert_int_equal(rcu_reclaim(), 1);
	rcu_worker_unregister(0);
	assert_int_equal(rcu_reclaim(), 0);
}

static void test_callback_may_retire(void **state)
{
	rcu_retire(retire_again_cb, NULL);
	assert_int_equal(rcu_reclaim(), 1);
	assert_int_equal(n_run, 1);
	assert_int_equal(rcu_reclaim(), 0);
	assert_int_equal(n_run, 2);
}

static void test_many_and_fini(void **state)
{
	rcu_worker_register(0);
	for (unsigned int i = 0; i < 5000; i++)
		rcu_retire(run_cb, NULL);
	assert_int_equal(rcu_reclaim(), 5000);
	rcu_worker_unregister(0);
	rcu_fini();
	assert_int_equal(n_run, 5000);
	assert_int_equal(rcu_init(2), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_without_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits_for_each_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_early_quiescent_does_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_sleeping_worker_holds_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_callback_may_retire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_and_fini, setup, teardown),
	};

	test_eal_init(64);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
