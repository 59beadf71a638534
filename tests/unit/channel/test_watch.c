/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WATCH, UNWATCH and PROBE over the channel: who is told of which packets, one client at a time,
 * clients that do not read, and requests that make no sense. The test is the worker.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <core/mem.h>
#include <pipeline/pipeline.h>
#include <pipeline/probe.h>
#include <pkt/meta.h>
#include <port/fake.h>
#include <session/fragment.h>

#include "fixture.h"
#include "frame.h"
#include "state.h"
#include "talk.h"

#define FLOOD 40000 /* packets for a client that does not read */

static struct pipeline *pl;
static unsigned int worker;

static const struct config_port *port_of(uint32_t id)
{
	uint16_t slot = slot_find(channel.port_ids, &id, channel.config->generation);

	return channel.config->ports[slot];
}

static int setup(void **state)
{
	if (fixture_setup_socket(state) || fragment_init())
		return -1;
	build_example();
	worker = channel.rxq_owner[port_of(1)->slot][0] - 1;
	pl = pipeline_new(worker);
	return pl ? 0 : -1;
}

static int teardown(void **state)
{
	struct rte_mbuf *m;

	for (uint32_t id = 1; id <= 2; id++)
		while ((m = fake_capture_any(port_of(id)->dev)))
			rte_pktmbuf_free(m);
	probe_forget(worker);
	pipeline_free(pl);
	fragment_fini();
	return fixture_teardown(state);
}

/* UDP of port 1 to port 2. */
static void make(struct frame *f, uint16_t dport)
{
	frame_make(f, &(struct frame_spec){.payload = 20, .dport = dport});
}

static void send_one(uint16_t dport)
{
	static struct frame f;
	struct rte_mbuf *m;

	make(&f, dport);
	m = frame_mbuf(f.b, f.len);
	pipeline_run(pl, channel.config, port_of(1), &m, 1);
	m = fake_capture_any(port_of(2)->dev);
	assert_non_null(m);
	rte_pktmbuf_free(m);
}

static uint32_t watch(struct weft_client *c, const struct weft_watch_filter *f)
{
	struct weft_msg_watch w = {.filter = *f};

	return request(c, WEFT_MSG_WATCH, &w, sizeof(w));
}

static void watch_ok(struct weft_client *c, const struct weft_watch_filter *f)
{
	expect(c, WEFT_MSG_PONG, watch(c, f));
}

static const struct weft_event_trace *told(struct weft_client *c)
{
	return expect(c, WEFT_MSG_EVENT_TRACE, 0);
}

static const struct weft_trace_record *records_of(const struct weft_event_trace *e)
{
	return (const struct weft_trace_record *)(e + 1);
}

static bool is_silent(struct weft_client *c)
{
	struct weft_client_msg *m;

	for (int i = 0; i < 10; i++)
		fixture_turn(1);
	return weft_client_recv(c, &m) == 0;
}

static void test_told(void **state)
{
	struct weft_client *c = greeted_client(0);
	const struct weft_event_trace *e;
	const struct weft_trace_record *r;

	send_one(53);
	watch_ok(c, &(struct weft_watch_filter){.port = 1, .dport = 53, .rate = 100});
	assert_true(is_silent(c));
	send_one(54);
	send_one(53);
	e = told(c);
	r = records_of(e);
	assert_true(e->n >= 3);
	assert_int_equal(e->lost, 0);
	assert_int_equal(e->skipped, 0);
	assert_true(e->now_ms >= r[0].time_ms);
	assert_int_equal(r[0].step, WEFT_TRACE_RECEIVED);
	assert_int_equal(r[e->n - 1].step, WEFT_TRACE_OUTPUT);
	assert_int_equal(r[e->n - 1].port, 2);
	for (uint32_t i = 0; i < e->n; i++) {
		assert_int_equal(r[i].packet, r[0].packet);
		assert_int_equal(r[i].worker, worker);
		if (r[i].step == WEFT_TRACE_PARSED)
			assert_int_equal(r[i].dport, 53);
	}
	/* The same client may look at something else, and stop looking. */
	watch_ok(c, &(struct weft_watch_filter){.dport = 54, .rate = 1});
	send_one(53);
	assert_true(is_silent(c));
	fixture_turn(1000); /* another second: the rate is for each */
	send_one(54);
	send_one(54);
	e = told(c);
	assert_true(e->n >= 3);
	assert_int_equal(e->skipped, 1);
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_UNWATCH, NULL, 0));
	send_one(54);
	assert_true(is_silent(c));
	weft_client_close(c);
}

static void test_one_at_a_time(void **state)
{
	struct weft_watch_filter any = {.rate = 100};
	struct weft_client *a = greeted_client(0), *b = greeted_client(0);

	watch_ok(a, &any);
	expect_error(b, watch(b, &any), EBUSY, "watches already");
	expect(b, WEFT_MSG_PONG, request(b, WEFT_MSG_UNWATCH, NULL, 0)); /* its own: none */
	send_one(1);
	assert_true(told(a)->n > 0);
	weft_client_close(a);
	fixture_turn(1);
	send_one(1);
	watch_ok(b, &any);
	assert_true(is_silent(b)); /* what was before is not for b */
	send_one(1);
	assert_true(told(b)->n > 0);
	weft_client_close(b);
}

/* The workers go on; what the client was told and what was lost is all that there was. */
static void test_does_not_read(void **state)
{
	struct weft_client *c = greeted_client(0);
	uint64_t n_told = 0, lost = 0;
	const struct weft_event_trace *e;
	unsigned int per_packet;

	watch_ok(c, &(struct weft_watch_filter){.rate = WEFT_WATCH_RATE_MAX});
	send_one(1);
	per_packet = told(c)->n;
	for (int i = 0; i < FLOOD; i++) {
		send_one(1);
		if (i % 20 == 0)
			fixture_turn(5); /* 4000 packets a second */
	}
	while (n_told + lost < (uint64_t)FLOOD * per_packet) {
		e = told(c);
		n_told += e->n;
		lost = e->lost;
		assert_int_equal(e->skipped, 0);
	}
	assert_int_equal(n_told + lost, (uint64_t)FLOOD * per_packet);
	assert_true(lost > 0 && n_told > 0);
	assert_true(is_silent(c));
	weft_client_close(c);
}

static void test_filters_refused(void **state)
{
	struct weft_client *c = greeted_client(0);
	struct weft_watch_filter f = {.rate = 0};

	expect_error(c, watch(c, &f), EINVAL, "rate");
	f.rate = WEFT_WATCH_RATE_MAX + 1;
	expect_error(c, watch(c, &f), EINVAL, "rate");
	f.rate = 1;
	f.src.len = 129;
	expect_error(c, watch(c, &f), EINVAL, "src");
	f.src.len = 0;
	f.flags = 0x80;
	expect_error(c, watch(c, &f), EINVAL, "flags");
	f.flags = 0;
	f.port = 77;
	expect_error(c, watch(c, &f), ENOENT, "no such port");
	f.port = 0;
	f.vni = 77;
	expect_error(c, watch(c, &f), ENOENT, "no such segment");
	f.vni = 100;
	watch_ok(c, &f);
	weft_client_close(c);
}

struct probe_message {
	struct weft_msg_trace head;
	struct weft_trace_frame frame;
	uint8_t bytes[96];
};

static uint32_t send_probe(struct weft_client *c, uint32_t port)
{
	static struct frame f;
	struct probe_message p = {.head = {.n_frames = 1}};

	make(&f, 99);
	p.frame = (struct weft_trace_frame){.port = port, .size = f.len, .stored = f.len};
	memcpy(p.bytes, f.b, f.len);
	return request(c, WEFT_MSG_PROBE, &p, sizeof(p.head) + weft_trace_frame_size(&p.frame));
}

static void test_probe(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER), *reader = greeted_client(0);
	const struct weft_event_trace *e;
	struct rte_mbuf *m;

	expect_error(reader, send_probe(reader, 1), EPERM, "write");
	expect_error(c, send_probe(c, 77), ENOENT, "no port 77");
	fake_set_link(port_of(1)->dev, false);
	port_poll_state(port_of(1)->dev);
	expect_error(c, send_probe(c, 1), ENETDOWN, "down");
	fake_set_link(port_of(1)->dev, true);
	port_poll_state(port_of(1)->dev);
	assert_false(probe_waits(worker));
	/* Told to who watches something else. */
	watch_ok(reader, &(struct weft_watch_filter){.dport = 53, .rate = 1});
	expect(c, WEFT_MSG_PONG, send_probe(c, 1));
	assert_true(probe_waits(worker));
	expect_error(c, send_probe(c, 1), EBUSY, "again");
	probe_run(pl, worker, channel.config);
	assert_false(probe_waits(worker));
	e = told(reader);
	assert_int_equal(records_of(e)[e->n - 1].step, WEFT_TRACE_OUTPUT);
	m = fake_capture_any(port_of(2)->dev);
	assert_non_null(m);
	rte_pktmbuf_free(m);
	send_one(99);
	assert_true(is_silent(reader));
	weft_client_close(c);
	weft_client_close(reader);
}

/* A port that goes before the worker comes to it. */
static void test_probe_too_late(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	struct txn *t = txn_new();

	expect(c, WEFT_MSG_PONG, send_probe(c, 1));
	delete_example(t, 0);
	commit_ok(t);
	probe_run(pl, worker, channel.config);
	assert_false(probe_waits(worker));
	assert_true(test_pools_full());
	build_example();
	weft_client_close(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_does_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filters_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_probe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_probe_too_late, setup, teardown),
	};

	fixture_once();
	test_pools(512);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
