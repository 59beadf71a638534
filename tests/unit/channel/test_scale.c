/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A million FDB entries in 4,000 segments over the socket, as weftd sends them: time, memory, and
 * that neither a dump nor a change of one entry holds the main thread up for long.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <core/clock.h>
#include <weft/client.h>

#include "fixture.h"
#include "state.h"

#define N_FDB	   1000000u
#define N_SEGMENTS 4000u
#define N_VTEPS	   500u

static struct weft_client *client;
static double longest_turn_ms;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

static void turn(void)
{
	double start = now_ms(), took;

	fixture_turn(1);
	took = now_ms() - start;
	if (took > longest_turn_ms)
		longest_turn_ms = took;
}

static struct weft_client_msg *receive(void)
{
	struct weft_client_msg *m;
	int rc;

	while ((rc = weft_client_recv(client, &m)) == 0)
		turn();
	assert_int_equal(rc, 1);
	return m;
}

static void request(enum weft_msg_type type, const void *payload, size_t size)
{
	while (weft_client_send(client, type, payload, size, NULL) == -EAGAIN)
		turn();
}

static void op(enum weft_table table, enum weft_op_verb verb, const void *entry)
{
	int rc;

	while ((rc = weft_client_op(client, table, verb, entry, -1)) == -EAGAIN)
		turn();
	assert_int_equal(rc, 0);
}

static void begin(void)
{
	request(WEFT_MSG_TXN_BEGIN, NULL, 0);
	assert_int_equal(receive()->hdr->type, WEFT_MSG_PONG);
}

static void commit(void)
{
	struct weft_client_msg *m;

	request(WEFT_MSG_TXN_COMMIT, NULL, 0);
	m = receive();
	assert_int_equal(m->hdr->type, WEFT_MSG_TXN_RESULT);
	assert_int_equal(((const struct weft_msg_txn_result *)m->payload)->error, 0);
}

static struct weft_vtep vtep_number(uint32_t i)
{
	struct weft_vtep v = a_vtep("10.1.0.0", "192.0.2.1", 9);

	v.remote.b[14] = i >> 8;
	v.remote.b[15] = i;
	return v;
}

static void objects(enum weft_op_verb verb)
{
	struct weft_port uplink = an_uplink(9);
	struct weft_local_vtep local = a_local_vtep("192.0.2.1", 9);

	op(WEFT_TABLE_PORT, verb, &uplink);
	op(WEFT_TABLE_LOCAL_VTEP, verb, &local);
	for (uint32_t i = 1; i <= N_VTEPS; i++) {
		struct weft_vtep v = vtep_number(i);

		op(WEFT_TABLE_VTEP, verb, &v);
	}
	for (uint32_t i = 1; i <= N_SEGMENTS; i++) {
		struct weft_segment s = a_segment(i);

		op(WEFT_TABLE_SEGMENT, verb, &s);
		for (uint32_t k = 0; k < 4; k++) {
			struct weft_flood f = {
				.vni = i, .remote = vtep_number((i + k) % N_VTEPS + 1).remote};

			op(WEFT_TABLE_FLOOD, verb, &f);
		}
	}
}

static void fdb(enum weft_op_verb verb, uint32_t shift)
{
	for (uint32_t i = 0; i < N_FDB; i++) {
		struct weft_fdb f = {.vni = i % N_SEGMENTS + 1,
			.mac = a_mac(i),
			.remote = vtep_number((i + shift) % N_VTEPS + 1).remote};

		op(WEFT_TABLE_FDB, verb, &f);
	}
}

static double timed(void (*fn)(enum weft_op_verb, uint32_t), enum weft_op_verb verb, uint32_t arg)
{
	double start = now_ms();

	begin();
	fn(verb, arg);
	commit();
	return now_ms() - start;
}

static void test_million(void **state)
{
	const struct weft_msg_dump dump = {.table = WEFT_TABLE_FDB};
	double start = now_ms(), took;
	struct weft_client_msg *m;
	uint64_t n = 0;

	begin();
	objects(WEFT_OP_PUT);
	commit();
	print_message("%u segments, %u VTEPs, %u flood entries: %.0f ms, commit %.1f ms\n",
		N_SEGMENTS, N_VTEPS, 4 * N_SEGMENTS, now_ms() - start,
		channel.commit_last_ns * 1e-6);
	took = timed(fdb, WEFT_OP_PUT, 0);
	print_message(
		"%u FDB entries: %.0f ms (%.0f entries/ms), commit %.0f ms, %.1f bytes each\n",
		N_FDB, took, N_FDB / took, channel.commit_last_ns * 1e-6,
		(double)vhash_bytes(config_get()->fdb) / N_FDB);
	assert_int_equal(vhash_count(config_get()->fdb), N_FDB);
	/* One entry more costs what one entry costs. */
	begin();
	op(WEFT_TABLE_FDB, WEFT_OP_PUT,
		&(struct weft_fdb){
			.vni = 1, .mac = a_mac(N_FDB + 1), .remote = vtep_number(1).remote});
	commit();
	print_message("one FDB entry: commit %.3f ms\n", channel.commit_last_ns * 1e-6);
	assert_true(channel.commit_last_ns < 100 * 1000 * 1000);
	longest_turn_ms = 0;
	start = now_ms();
	request(WEFT_MSG_DUMP, &dump, sizeof(dump));
	while ((m = receive())->hdr->type == WEFT_MSG_DUMP_ENTRIES)
		n += ((const struct weft_msg_ops *)m->payload)->n_ops;
	assert_int_equal(n, N_FDB + 1);
	print_message("dump of them: %.0f ms, longest turn of the main loop %.2f ms\n",
		now_ms() - start, longest_turn_ms);
	/* Every entry moves to another VTEP, then back again is refused as a whole. */
	took = timed(fdb, WEFT_OP_PUT, 1);
	print_message("all replaced: %.0f ms, %.1f bytes each\n", took,
		(double)vhash_bytes(config_get()->fdb) / N_FDB);
	took = timed(fdb, WEFT_OP_DELETE, 0);
	print_message("all deleted: %.0f ms\n", took);
	fixture_turn(1);
	assert_int_equal(vhash_count(config_get()->fdb), 1);
}

static int setup(void **state)
{
	uint32_t seq;

	if (fixture_setup_socket(state) || weft_client_open(fixture_socket(), &client) ||
		weft_client_hello(client, "scale", WEFT_HELLO_WRITER, &seq))
		return -1;
	return receive()->hdr->type == WEFT_MSG_HELLO_ACK ? 0 : -1;
}

static int teardown(void **state)
{
	weft_client_close(client);
	return fixture_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_million, setup, teardown),
	};

	fixture_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
