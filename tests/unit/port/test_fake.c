/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all ports have in common (port.c) and the test double that other tests rely on (fake.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_string_fns.h>

#include <core/mem.h>
#include <port/fake.h>

#include "test_eal.h"

static struct rte_mempool *pool;

static struct weft_port fake_spec(uint16_t n_queues)
{
	struct weft_port spec = {.id = 7,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_TENANT,
		.n_queues = n_queues,
		.mtu = 1500,
		.name = "t/p",
		.device = "fake0"};

	return spec;
}

static struct port *open_fake(uint16_t n_queues, unsigned int n_workers)
{
	struct weft_port spec = fake_spec(n_queues);
	struct port *p = port_new(&spec, 3);

	assert_non_null(p);
	assert_int_equal(p->state, WEFT_PORT_STATE_MISSING);
	assert_int_equal(port_open(p, -1, n_workers), 0);
	return p;
}

static struct rte_mbuf *frame(uint16_t size)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	assert_non_null(rte_pktmbuf_append(m, size));
	return m;
}

static void unknown_kinds_are_refused_in_words(void **state)
{
	struct weft_port spec = fake_spec(1);
	struct port *p;

	spec.kind = 200;
	p = port_new(&spec, 1);
	assert_int_equal(port_open(p, -1, 1), -ENOTSUP);
	assert_non_null(strstr(p->text, "not built"));
	assert_int_equal(p->state, WEFT_PORT_STATE_MISSING);
	port_free(p);
	assert_null(port_ops_find(WEFT_PORT_KIND_MAX));
	assert_null(port_ops_find(0));
	port_free(NULL);
}

static void bad_queue_counts_are_refused(void **state)
{
	const uint16_t bad[] = {0, WEFT_PORT_QUEUES + 1, UINT16_MAX};

	for (unsigned int i = 0; i < 3; i++) {
		struct weft_port spec = fake_spec(bad[i]);
		struct port *p = port_new(&spec, 1);

		assert_int_equal(port_open(p, -1, 1), -EINVAL);
		port_free(p);
	}
}

static void open_fails_until_the_device_is_there(void **state)
{
	struct weft_port spec = fake_spec(1);
	struct port *p = port_new(&spec, 1);

	fake_fail_open("fake0", ENODEV);
	assert_int_equal(port_open(p, -1, 1), -ENODEV);
	assert_string_equal(p->text, "no such device: fake0");
	assert_false(port_is_up(p));
	fake_fail_open("another", ENODEV);
	assert_int_equal(port_open(p, -1, 1), 0);
	assert_true(port_is_up(p));
	fake_fail_open(NULL, 0);
	port_close(p);
	assert_int_equal(p->state, WEFT_PORT_STATE_MISSING);
	assert_int_equal(port_open(p, -1, 1), 0);
	port_free(p);
}

static void frames_pass_in_order_per_queue(void **state)
{
	struct port *p = open_fake(2, 2);
	struct rte_mbuf *in[3] = {frame(60), frame(61), frame(62)}, *got[8];

	assert_true(
		fake_inject(p, 0, in[0]) && fake_inject(p, 1, in[1]) && fake_inject(p, 1, in[2]));
	assert_int_equal(port_rx(p, 0, got, 8), 1);
	assert_ptr_equal(got[0], in[0]);
	assert_int_equal(port_rx(p, 1, got, 8), 2);
	assert_ptr_equal(got[1], in[2]);
	assert_true(rte_pktmbuf_headroom(in[0]) >= PORT_HEADROOM);

	assert_false(p->shared_txq);
	assert_int_equal(port_tx(p, 0, in, 1), 1);
	assert_int_equal(port_tx(p, 1, in + 1, 2), 2);
	assert_ptr_equal(fake_capture(p, 1), in[1]);
	assert_int_equal(fake_pending_tx(p, 1), 1);
	assert_ptr_equal(fake_capture_any(p), in[0]);
	assert_ptr_equal(fake_capture_any(p), in[2]);
	assert_null(fake_capture_any(p));
	for (int i = 0; i < 3; i++)
		rte_pktmbuf_free(in[i]);
	port_free(p);
}

/* Workers poll as many queues as were configured; a device may have fewer. */
static void queues_the_device_lacks_are_empty(void **state)
{
	struct port *p = open_fake(1, 1);
	struct rte_mbuf *m;

	assert_int_equal(p->n_rxq, 1);
	for (uint16_t queue = 1; queue < WEFT_PORT_QUEUES; queue++)
		assert_int_equal(port_rx(p, queue, &m, 1), 0);
	port_free(p);
}

static void tx_refuses_after_n(void **state)
{
	struct port *p = open_fake(1, 3);
	struct rte_mbuf *in[4] = {frame(60), frame(60), frame(60), frame(60)};

	assert_true(p->shared_txq);
	fake_set_tx_accept(p, 3);
	assert_int_equal(port_tx(p, 0, in, 2), 2);
	assert_int_equal(port_tx(p, 2, in + 2, 2), 1);
	assert_int_equal(port_tx(p, 1, in + 3, 1), 0);
	fake_set_tx_accept(p, FAKE_ACCEPT_ALL);
	assert_int_equal(port_tx(p, 1, in + 3, 1), 1);
	port_free(p); /* frees what nobody captured: checked by the teardown */
}

static void state_follows_link_and_operator(void **state)
{
	struct port *p = open_fake(1, 1);
	struct weft_port spec = p->spec;

	fake_set_link(p, false);
	assert_false(port_poll_state(p));
	assert_int_equal(p->state, WEFT_PORT_STATE_DOWN);
	assert_string_equal(p->text, "the link is down");
	fake_set_link(p, true);
	assert_false(port_poll_state(p));
	assert_true(port_is_up(p));

	spec.flags |= WEFT_PORT_ADMIN_DOWN;
	spec.mtu = 9000;
	assert_true(port_same_device(&p->spec, &spec));
	port_update(p, &spec);
	assert_int_equal(p->state, WEFT_PORT_STATE_DOWN);
	assert_int_equal(p->max_frame, 9018);
	port_poll_state(p);
	assert_int_equal(p->state, WEFT_PORT_STATE_DOWN);
	spec.flags = 0;
	port_update(p, &spec);
	assert_true(port_is_up(p));

	fake_set_gone(p);
	assert_true(port_poll_state(p));
	assert_false(port_is_up(p));
	port_free(p);
}

static void rx_errors_are_counted(void **state)
{
	struct port *p = open_fake(1, 1);
	struct rte_mbuf *m;

	fake_add_rx_errors(p, 5);
	assert_int_equal(port_rx(p, 0, &m, 1), 0);
	assert_int_equal(p->rx_errors, 5);
	port_rx_error(p, frame(60));
	port_rx_error(p, NULL);
	assert_int_equal(p->rx_errors, 7);
	port_free(p);
}

static void same_device_compares_what_the_device_sees(void **state)
{
	struct weft_port a = fake_spec(1), b = a;

	b.n_addrs = 3;
	b.flood_pps = 9;
	b.flags = WEFT_PORT_ANTISPOOF | WEFT_PORT_LEARN;
	rte_strlcpy(b.name, "renamed", sizeof(b.name));
	assert_true(port_same_device(&a, &b));
	b.flags = WEFT_PORT_SERVER;
	assert_false(port_same_device(&a, &b));
	b = a;
	b.n_queues = 2;
	assert_false(port_same_device(&a, &b));
	b = a;
	rte_strlcpy(b.device, "fake1", sizeof(b.device));
	assert_false(port_same_device(&a, &b));
	b = a;
	b.instance = 1;
	assert_false(port_same_device(&a, &b));
}

static void a_device_has_one_port(void **state)
{
	struct weft_port spec = fake_spec(1);
	struct port *first = open_fake(1, 1), *second = port_new(&spec, 4);

	assert_int_equal(port_open(second, -1, 1), -EADDRINUSE);
	assert_non_null(strstr(second->text, "another port has the device: 7 (t/p)"));
	assert_int_equal(second->state, WEFT_PORT_STATE_MISSING);
	port_close(first);
	assert_int_equal(port_open(second, -1, 1), 0);
	assert_int_equal(port_open(first, -1, 1), -EADDRINUSE);
	port_free(first);
	port_free(second);
}

static void a_stopped_port_stays_down(void **state)
{
	struct port *p = open_fake(1, 1);

	port_stop(p);
	assert_int_equal(p->state, WEFT_PORT_STATE_DOWN);
	port_set_link(p, true);
	assert_int_equal(p->state, WEFT_PORT_STATE_DOWN);
	port_close(p);
	assert_int_equal(port_open(p, -1, 1), 0);
	assert_int_equal(p->state, WEFT_PORT_STATE_UP);
	port_free(p);
}

static int no_frame_leaks(void **state)
{
	return rte_mempool_in_use_count(pool) == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(unknown_kinds_are_refused_in_words, no_frame_leaks),
		cmocka_unit_test_teardown(bad_queue_counts_are_refused, no_frame_leaks),
		cmocka_unit_test_teardown(open_fails_until_the_device_is_there, no_frame_leaks),
		cmocka_unit_test_teardown(frames_pass_in_order_per_queue, no_frame_leaks),
		cmocka_unit_test_teardown(queues_the_device_lacks_are_empty, no_frame_leaks),
		cmocka_unit_test_teardown(tx_refuses_after_n, no_frame_leaks),
		cmocka_unit_test_teardown(state_follows_link_and_operator, no_frame_leaks),
		cmocka_unit_test_teardown(rx_errors_are_counted, no_frame_leaks),
		cmocka_unit_test_teardown(a_device_has_one_port, no_frame_leaks),
		cmocka_unit_test_teardown(a_stopped_port_stays_down, no_frame_leaks),
		cmocka_unit_test_teardown(
			same_device_compares_what_the_device_sees, no_frame_leaks),
	};

	test_eal_init(64);
	pool = rte_pktmbuf_pool_create(
		"test", 255, 0, MEM_PRIV_SIZE, MEM_DATA_SIZE + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (!pool) {
		printf("no packet memory\n");
		return 1;
	}
	fake_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
