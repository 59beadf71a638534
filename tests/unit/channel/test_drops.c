/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flight recorder over the channel: one port's records, those of all ports in pieces, ports
 * that come and go.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <core/clock.h>
#include <core/rcu.h>
#include <observe/recorder.h>

#include "fixture.h"
#include "state.h"
#include "talk.h"

#define N_PORTS 20 /* more than one message tells of */

static uint16_t slot_of(uint32_t id)
{
	return slot_find(channel.port_ids, &id, channel.config->generation);
}

static void record(uint32_t id, unsigned int n)
{
	while (n-- > 0) {
		struct weft_drop_record *r =
			recorder_begin(slot_of(id), n % 2 ? WEFT_DROP_VLAN : WEFT_DROP_NO_ROUTE);

		assert_non_null(r);
		r->port = id;
		recorder_end(slot_of(id), r);
	}
}

static void build(void)
{
	struct weft_segment seg = a_segment(500);
	struct txn *t = txn_new();

	put(t, WEFT_TABLE_SEGMENT, &seg);
	for (uint32_t id = 1; id <= N_PORTS; id++) {
		struct weft_port p = a_port(id, 500);

		put(t, WEFT_TABLE_PORT, &p);
	}
	commit_ok(t);
}

static const struct weft_msg_drop_records *ask(
	struct weft_client *c, const struct weft_msg_drop_list *list)
{
	return expect(
		c, WEFT_MSG_DROP_RECORDS, request(c, WEFT_MSG_DROP_LIST, list, sizeof(*list)));
}

static const struct weft_drop_record *records_of(const struct weft_msg_drop_records *head)
{
	return (const struct weft_drop_record *)(head + 1);
}

static void test_one_port(void **state)
{
	struct weft_client *c = greeted_client(0);
	const struct weft_msg_drop_records *head;

	build();
	record(3, 5);
	record(4, 1);
	head = ask(c, &(struct weft_msg_drop_list){.port = 3, .max = 2});
	assert_int_equal(head->n, 2);
	assert_int_equal(head->cursor, 0);
	assert_int_equal(head->now_ms, clock_ms());
	assert_int_equal(records_of(head)[0].number, 5);
	assert_int_equal(records_of(head)[1].number, 4);
	assert_int_equal(records_of(head)[1].port, 3);
	assert_int_equal(ask(c, &(struct weft_msg_drop_list){.port = 5, .max = 9})->n, 0);
	expect_error(c,
		request(c, WEFT_MSG_DROP_LIST, &(struct weft_msg_drop_list){.port = 99}, 16),
		ENOENT, "no port 99");
	weft_client_close(c);
}

static void test_all_ports_in_pieces(void **state)
{
	struct weft_msg_drop_list list = {.max = UINT32_MAX};
	struct weft_client *c = greeted_client(0);
	uint32_t seen[N_PORTS + 1] = {0};
	unsigned int pieces = 0;

	build();
	for (uint32_t id = 1; id <= N_PORTS; id++)
		record(id, RECORDER_SIZE);
	do {
		const struct weft_msg_drop_records *head = ask(c, &list);

		for (uint32_t i = 0; i < head->n; i++)
			seen[records_of(head)[i].port]++;
		list.cursor = head->cursor;
		pieces++;
	} while (list.cursor);
	assert_true(pieces > 1);
	for (uint32_t id = 1; id <= N_PORTS; id++)
		assert_int_equal(seen[id], RECORDER_SIZE);
	weft_client_close(c);
}

static void test_port_goes(void **state)
{
	struct weft_port p = a_port(3, 500);
	struct txn *t = txn_new();
	uint16_t slot;

	build();
	slot = slot_of(3);
	record(3, 1);
	del(t, WEFT_TABLE_PORT, &p);
	commit_ok(t);
	rcu_reclaim();
	assert_null(recorder_of_slot[slot]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_one_port, fixture_setup_socket, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_all_ports_in_pieces, fixture_setup_socket, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_port_goes, fixture_setup, fixture_teardown),
	};

	fixture_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
