/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TRACE over the channel: what is told, that nothing changes by it, frames one after another, more
 * than a message holds, and requests that make no sense.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <observe/counters.h>
#include <session/fragment.h>
#include <session/session.h>

#include "fixture.h"
#include "fixture_policy.h"
#include "frame.h"
#include "state.h"
#include "talk.h"

#define NETWORK 71
#define TENANT	70
#define CROWD	70 /* more ports than a report has frames */

struct ask {
	struct weft_msg_trace head;
	uint8_t room[4 * (WEFT_TRACE_FRAME_MAX + sizeof(struct weft_trace_frame))];
	size_t used;
};
static struct ask ask;

static void ask_start(void)
{
	memset(&ask, 0, sizeof(ask));
}

static void ask_add(uint32_t port, const void *bytes, uint32_t size)
{
	struct weft_trace_frame f = {.port = port, .size = size, .stored = size};

	memcpy(ask.room + ask.used, &f, sizeof(f));
	memcpy(ask.room + ask.used + sizeof(f), bytes, size);
	ask.used += weft_trace_frame_size(&f);
	ask.head.n_frames++;
}

static uint32_t ask_send(struct weft_client *c)
{
	return request(c, WEFT_MSG_TRACE, &ask.head, sizeof(ask.head) + ask.used);
}

static const struct weft_msg_trace_report *ask_report(struct weft_client *c)
{
	const struct weft_msg_trace_report *r = expect(c, WEFT_MSG_TRACE_REPORT, ask_send(c));

	assert_int_equal(r->generation, channel.config->generation);
	assert_true(test_pools_full());
	return r;
}

static const struct weft_trace_record *step_of(
	const struct weft_msg_trace_report *r, uint32_t packet, unsigned int step)
{
	const struct weft_trace_record *s = (const void *)(r + 1);

	for (uint32_t i = 0; i < r->n_steps; i++)
		if (s[i].packet == packet && s[i].step == step)
			return &s[i];
	return NULL;
}

static const struct weft_trace_frame *frame_of(
	const struct weft_msg_trace_report *r, uint32_t number)
{
	const uint8_t *p = (const uint8_t *)(r + 1) + r->n_steps * sizeof(struct weft_trace_record);

	while (number-- > 0)
		p += weft_trace_frame_size((const void *)p);
	return (const void *)p;
}

static int setup(void **state)
{
	return fixture_setup_socket(state) || fragment_init();
}

static int teardown(void **state)
{
	fragment_fini();
	return fixture_teardown(state);
}

static void test_delivered(void **state)
{
	struct weft_client *c = greeted_client(0);
	const struct weft_msg_trace_report *r;
	static struct frame f;

	build_example();
	frame_make(&f, &(struct frame_spec){.payload = 100});
	ask_start();
	ask_add(1, f.b, f.len);
	r = ask_report(c);
	assert_int_equal(r->n_frames, 1);
	assert_int_equal(frame_of(r, 0)->port, 2);
	assert_int_equal(frame_of(r, 0)->stored, f.len);
	assert_memory_equal(frame_of(r, 0) + 1, f.b, f.len);
	assert_int_equal(step_of(r, 0, WEFT_TRACE_RECEIVED)->port, 1);
	assert_int_equal(step_of(r, 0, WEFT_TRACE_OUTPUT)->port, 2);
	assert_int_equal(counters_port(0, 1)->rx_packets, 0);
	weft_client_close(c);
}

/* Behind a VTEP: the frame is the outer one. Longer than one mbuf, and than the path takes. */
static void test_remote_and_long(void **state)
{
	struct weft_client *c = greeted_client(0);
	const struct weft_msg_trace_report *r;
	static struct frame f;

	build_example();
	frame_make(&f, &(struct frame_spec){.payload = 100});
	f.b[5] = 11;
	ask_start();
	ask_add(1, f.b, f.len);
	r = ask_report(c);
	assert_int_equal(r->n_frames, 1);
	assert_int_equal(frame_of(r, 0)->port, 9);
	assert_int_equal(frame_of(r, 0)->size, f.len + 50);
	assert_int_equal(step_of(r, 0, WEFT_TRACE_ENCAPSULATE)->vni, 100);

	frame_make(&f, &(struct frame_spec){.payload = 9600});
	ask_start();
	ask_add(1, f.b, f.len);
	r = ask_report(c);
	assert_int_equal(r->n_frames, 7);
	assert_int_equal(step_of(r, 0, WEFT_TRACE_FRAGMENT)->n, 7);

	frame_make(&f, &(struct frame_spec){.payload = 9600, .df = true});
	ask_start();
	ask_add(1, f.b, f.len);
	r = ask_report(c);
	assert_int_equal(r->n_frames, 1); /* to the sender: ICMP */
	assert_int_equal(frame_of(r, 0)->port, 1);
	assert_int_equal(step_of(r, 0, WEFT_TRACE_RECEIVED)->size, f.len);
	assert_int_equal(step_of(r, 0, WEFT_TRACE_DROP)->reason, WEFT_DROP_TOO_BIG);
	weft_client_close(c);
}

/* Port 22 takes new connections to its port 80 only, and answers them. */
static void build_network(void)
{
	struct weft_tenant tenant = {.id = TENANT, .name = "red"};
	struct weft_network network = {.id = NETWORK, .tenant = TENANT, .name = "red/main"};
	struct weft_segment s = a_segment(500);
	struct weft_port a = a_port(21, 500), b = a_port(22, 500);
	struct weft_fdb fa = a_local_fdb(500, 1, 21), fb = a_local_fdb(500, 2, 22);
	struct weft_ruleset set = a_ruleset(5);
	struct weft_rule rule = a_rule(5, 1, 80, 0);
	struct txn *t = txn_new();

	s.network = NETWORK;
	a.mac = a_mac(1);
	b.mac = a_mac(2);
	b.flags |= WEFT_PORT_DEFAULT_DENY;
	b.rulesets[0] = 5;
	b.n_rulesets = 1;
	rule.direction = WEFT_RULE_INGRESS;
	for (uint16_t i = 0; i < WEFT_TIMEOUT_MAX; i++)
		network.timeout_s[i] = 30;
	put(t, WEFT_TABLE_TENANT, &tenant);
	put(t, WEFT_TABLE_NETWORK, &network);
	put(t, WEFT_TABLE_SEGMENT, &s);
	put(t, WEFT_TABLE_RULESET, &set);
	put(t, WEFT_TABLE_RULE, &rule);
	put(t, WEFT_TABLE_PORT, &a);
	put(t, WEFT_TABLE_PORT, &b);
	put(t, WEFT_TABLE_FDB, &fa);
	put(t, WEFT_TABLE_FDB, &fb);
	commit_ok(t);
	fixture_turn(1);
}

static void make_answer(struct frame *answer, const struct frame *question)
{
	*answer = *question;
	memcpy(answer->b, question->b + 6, 6);
	memcpy(answer->b + 6, question->b, 6);
	memcpy(answer->b + 26, question->b + 30, 4);
	memcpy(answer->b + 30, question->b + 26, 4);
	memcpy(answer->b + 34, question->b + 36, 2);
	memcpy(answer->b + 36, question->b + 34, 2);
	answer->b[47] = 0x12; /* SYN, ACK */
	put32(answer->b + 42, 1001);
	put16(answer->b + 50, frame_l4_cksum(answer->b, 14, 34, answer->len - 34, 6));
}

/* An answer alone is a new connection, which policy refuses; behind its question it is none. Run
 * twice: what the first run would have made is not there in the second. */
static void test_answer(void **state)
{
	struct weft_client *c = greeted_client(0);
	static struct frame question, answer;
	const struct weft_msg_trace_report *r;
	struct session_stats stats;

	build_network();
	frame_make(&question,
		&(struct frame_spec){
			.proto = 6, .tcp_flags = 2, .sport = 4000, .dport = 80, .seq = 1000});
	make_answer(&answer, &question);
	for (int i = 0; i < 2; i++) {
		ask_start();
		ask_add(22, answer.b, answer.len);
		r = ask_report(c);
		assert_int_equal(r->n_frames, 0);
		assert_non_null(step_of(r, 0, WEFT_TRACE_DROP));

		ask_start();
		ask_add(21, question.b, question.len);
		ask_add(22, answer.b, answer.len);
		ask_add(21, question.b, question.len);
		r = ask_report(c);
		assert_int_equal(r->n_frames, 3);
		assert_int_equal(frame_of(r, 0)->packet, 0);
		assert_int_equal(frame_of(r, 0)->port, 22);
		assert_int_equal(frame_of(r, 1)->packet, 1);
		assert_int_equal(frame_of(r, 1)->port, 21);
		assert_int_equal(frame_of(r, 2)->packet, 2);
		assert_int_equal(step_of(r, 0, WEFT_TRACE_POLICY)->rule, 0);
		assert_non_null(step_of(r, 0, WEFT_TRACE_SESSION_NEW));
		assert_null(step_of(r, 1, WEFT_TRACE_SESSION_NEW));
		assert_null(step_of(r, 1, WEFT_TRACE_SESSION_MISS));
		assert_non_null(step_of(r, 2, WEFT_TRACE_SESSION_HIT));
	}
	session_stats(&stats);
	assert_int_equal(stats.n, 0);
	assert_int_equal(stats.created, 0);
	weft_client_close(c);
}

/* Frames whose bytes, or even heads, find no room. */
static void test_more_than_a_message(void **state)
{
	struct weft_client *c = greeted_client(0);
	const struct weft_msg_trace_report *r;
	struct weft_segment s = a_segment(500);
	struct txn *t = txn_new();
	static struct frame f;
	uint32_t n_stored = 0;

	put(t, WEFT_TABLE_SEGMENT, &s);
	for (uint32_t id = 1; id <= CROWD; id++) {
		struct weft_port p = a_port(id, 500);

		put(t, WEFT_TABLE_PORT, &p);
	}
	commit_ok(t);
	for (int i = 0; i < CROWD; i++)
		fixture_turn(1); /* opens a few devices */
	frame_make(&f, &(struct frame_spec){.payload = 1400});
	memset(f.b, 0xff, 6);
	ask_start();
	ask_add(1, f.b, f.len);
	r = ask_report(c);
	assert_int_equal(r->n_frames, 64);
	assert_int_equal(r->n_more_frames, CROWD - 1 - 64);
	for (uint32_t i = 0; i < r->n_frames; i++) {
		const struct weft_trace_frame *out = frame_of(r, i);

		assert_int_equal(out->size, f.len);
		if (!out->stored)
			continue;
		n_stored++;
		assert_memory_equal(out + 1, f.b, f.len);
	}
	assert_in_range(n_stored, 20, 63);
	weft_client_close(c);
}

static void test_refused(void **state)
{
	struct weft_client *c = greeted_client(0);
	static struct frame f;

	build_example();
	frame_make(&f, &(struct frame_spec){.payload = 100});
	ask_start();
	ask_add(1, f.b, f.len);
	ask_add(77, f.b, f.len);
	expect_error(c, ask_send(c), ENOENT, "no port 77");
	assert_true(test_pools_full());
	/* The connection goes on; with what is no message it does not. */
	ask_start();
	ask_add(1, f.b, 1);
	assert_int_equal(ask_report(c)->n_frames, 0);
	ask_start();
	expect_error(c, ask_send(c), EBADMSG, "no frame");
	expect_closed(c);
	weft_client_close(c);
}

/* As if 192.0.2.2 sent it. */
static void wrap(struct frame *f)
{
	static struct frame inner;

	inner = *f;
	frame_vxlan(f, false, 100, 0, &inner);
	f->b[29] = 2;
	f->b[33] = 1;
}

/* Whatever the bytes are, there is a report, and nothing else. */
static void test_hostile(void **state)
{
	struct weft_client *c = greeted_client(0);
	static const uint32_t ports[] = {1, 3, 9, 22};
	uint64_t random = 1;
	static struct frame f;

	build_example();
	build_network();
	for (int i = 0; i < 3000; i++) {
		frame_make(&f, &(struct frame_spec){.payload = test_random(&random) % 200,
				       .v6 = i & 1,
				       .proto = i & 2 ? 6 : 17});
		if (i % 4 == 2)
			wrap(&f);
		for (int flips = 0; flips < i % 4; flips++)
			f.b[test_random(&random) % f.len] ^= 1u << test_random(&random) % 8;
		ask_start();
		ask_add(ports[test_random(&random) % 4], f.b, 1 + test_random(&random) % f.len);
		ask_add(ports[i % 4], f.b, f.len);
		assert_int_not_equal(ask_report(c)->n_steps, 0);
	}
	assert_int_equal(counters_port(0, 1)->rx_packets, 0);
	weft_client_close(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_delivered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remote_and_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_than_a_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
	};

	fixture_once();
	test_pools(512);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
