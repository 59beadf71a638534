/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port and a tenant may have, and that everything booked is given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <core/clock.h>

#include "world.h"

#define MAX 1024

static uint32_t next_k;

static int setup(void **state)
{
	int r = world_init(MAX, 1);

	for (unsigned int i = 0; i < 2; i++) {
		world_ports[i].spec.max_sessions = 0;
		world_ports[i].spec.max_half_open = 0;
	}
	next_k = 0;
	return r;
}

static int teardown(void **state)
{
	world_fini();
	return 0;
}

/* Inserts sessions of that port until one is refused; returns how many came in. */
static uint32_t fill(unsigned int port, bool answered, enum weft_drop *ret_drop)
{
	for (uint32_t n = 0;; n++) {
		struct session_new new = world_new(next_k++);
		struct session *s;

		new.charged = &world_ports[port];
		s = session_insert(0, &new, ret_drop);
		if (!s)
			return n;
		if (answered)
			session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
		session_unlock(s);
	}
}

static void empty(void)
{
	for (uint32_t k = 0; k < next_k; k++) {
		struct session *s = world_find(k, 0);

		if (s)
			session_remove(s);
	}
	world_rounds();
}

static void check_empty(void)
{
	struct session_stats stats;

	session_stats(&stats);
	assert_int_equal(stats.n, 0);
	assert_int_equal(stats.half_open, 0);
	assert_int_equal(session_count_port(1), 0);
	assert_int_equal(session_count_port(2), 0);
	assert_int_equal(session_count_tenant(WORLD_TENANT), 0);
}

/* No port takes all without being allowed to. */
static void test_without_limits(void **state)
{
	struct session_stats stats;
	enum weft_drop drop;

	assert_int_equal(fill(0, false, &drop), MAX / 4);
	assert_int_equal(drop, WEFT_DROP_HALF_OPEN_LIMIT);
	empty();
	assert_int_equal(fill(0, true, &drop), MAX / 2);
	assert_int_equal(drop, WEFT_DROP_SESSION_PORT_LIMIT);
	assert_int_equal(fill(1, true, &drop), MAX / 2);
	session_stats(&stats);
	assert_int_equal(stats.n, MAX);
	assert_int_equal(stats.half_open, 0);
	assert_int_equal(stats.refused, 3);
	empty();
	check_empty();
}

static void test_port(void **state)
{
	enum weft_drop drop;

	world_ports[0].spec.max_sessions = 900; /* more than half, for it was said so */
	world_ports[0].spec.max_half_open = 20;
	assert_int_equal(fill(0, false, &drop), 20);
	assert_int_equal(drop, WEFT_DROP_HALF_OPEN_LIMIT);
	empty();
	assert_int_equal(fill(0, true, &drop), 900);
	assert_int_equal(drop, WEFT_DROP_SESSION_PORT_LIMIT);
	assert_int_equal(session_count_port(1), 900);
	assert_int_equal(fill(1, true, &drop), MAX - 900);
	assert_int_equal(drop, WEFT_DROP_SESSION_TABLE_FULL);
	empty();
	check_empty();
}

static void test_tenant(void **state)
{
	enum weft_drop drop;

	world_tenant.spec.max_sessions = 100;
	world_tenant.spec.max_half_open = 10;
	assert_int_equal(fill(0, false, &drop), 10);
	assert_int_equal(drop, WEFT_DROP_HALF_OPEN_LIMIT);
	assert_int_equal(fill(1, true, &drop), 0);
	empty();
	assert_int_equal(fill(0, true, &drop), 100);
	assert_int_equal(drop, WEFT_DROP_SESSION_TENANT_LIMIT);
	assert_int_equal(session_count_tenant(WORLD_TENANT), 100);
	empty();
	check_empty();
}

/* A bucket holds a tenth of a second's worth, at least 16. */
static void test_rates(void **state)
{
	enum weft_drop drop;

	world_ports[0].spec.session_rate = 1000;
	clock_warp(10000);
	assert_int_equal(fill(0, true, &drop), 100);
	assert_int_equal(drop, WEFT_DROP_SESSION_RATE);
	assert_int_equal(fill(1, true, &drop), MAX / 2);
	empty();
	clock_warp(50);
	assert_int_equal(fill(0, true, &drop), 50);
	world_ports[0].spec.session_rate = 0;
	world_tenant.spec.session_rate = 200;
	clock_warp(10000);
	assert_int_equal(fill(0, true, &drop), 20);
	assert_int_equal(fill(1, true, &drop), 0);
	assert_int_equal(drop, WEFT_DROP_SESSION_RATE);
	empty();
	check_empty();
}

/* Each session counts as half open until it is answered or gone, once. */
static void test_half_open_once(void **state)
{
	struct session_new n = world_new(1);
	struct session_stats stats;
	enum weft_drop drop;
	struct session *s;

	n.tenant = NULL;
	s = session_insert(0, &n, &drop);
	session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
	session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
	session_unlock(s);
	session_stats(&stats);
	assert_int_equal(stats.half_open, 0);
	session_remove(s);
	session_lock(s);
	session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
	session_unlock(s);
	check_empty();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_without_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tenant, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_open_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
