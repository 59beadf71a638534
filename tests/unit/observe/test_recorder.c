/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flight recorder: what it keeps, what a flood leaves to others, and readers beside writers.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <core/clock.h>
#include <observe/recorder.h>

#define SLOT   7
#define ROUNDS 200000

static struct weft_drop_record records[RECORDER_SIZE];

static bool record(enum weft_drop reason, uint32_t size)
{
	struct weft_drop_record *r;

	if (!recorder_wants(SLOT, reason))
		return false;
	r = recorder_begin(SLOT, reason);
	if (!r)
		return false;
	r->size = size;
	r->frame_size = size;
	recorder_end(SLOT, r);
	return true;
}

static int begin(void **state)
{
	recorder_slot_assign(SLOT, true);
	return 0;
}

static int end(void **state)
{
	recorder_fini();
	return 0;
}

static void test_newest_first(void **state)
{
	assert_int_equal(recorder_read(SLOT, records, RECORDER_SIZE), 0);
	assert_true(record(WEFT_DROP_VLAN, 60));
	clock_warp(5);
	assert_true(record(WEFT_DROP_SAME_PORT, 61));
	assert_int_equal(recorder_read(SLOT, records, RECORDER_SIZE), 2);
	assert_int_equal(records[0].reason, WEFT_DROP_SAME_PORT);
	assert_int_equal(records[0].number, 2);
	assert_int_equal(records[0].size, 61);
	assert_int_equal(records[0].time_ms, clock_ms());
	assert_int_equal(records[1].reason, WEFT_DROP_VLAN);
	assert_int_equal(recorder_read(SLOT, records, 1), 1);
	assert_int_equal(records[0].reason, WEFT_DROP_SAME_PORT);
}

static void test_flood_is_cut(void **state)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 1000; i++)
		n += record(WEFT_DROP_VLAN, 60);
	assert_int_equal(n, RECORDER_PER_MS);
	assert_true(record(WEFT_DROP_SAME_PORT, 60)); /* not the flood's */
	clock_warp(1);
	assert_true(record(WEFT_DROP_VLAN, 60));
}

static void test_flood_leaves_others(void **state)
{
	unsigned int n, others = 0;

	for (unsigned int i = 0; i < RECORDER_SIZE - RECORDER_SHARE; i++) {
		assert_true(record(WEFT_DROP_SAME_PORT, i));
		clock_warp(1);
	}
	for (unsigned int i = 0; i < 10 * RECORDER_SIZE; i++) {
		assert_true(record(WEFT_DROP_VLAN, i));
		clock_warp(1);
	}
	n = recorder_read(SLOT, records, RECORDER_SIZE);
	assert_int_equal(n, RECORDER_SIZE);
	for (unsigned int i = 0; i < n; i++)
		others += records[i].reason == WEFT_DROP_SAME_PORT;
	assert_int_equal(others, RECORDER_SIZE - RECORDER_SHARE);
	assert_int_equal(records[0].size, 10 * RECORDER_SIZE - 1);
}

static void test_slot_without_port(void **state)
{
	assert_false(recorder_wants(SLOT + 1, WEFT_DROP_VLAN));
	assert_null(recorder_begin(SLOT + 1, WEFT_DROP_VLAN));
	assert_int_equal(recorder_read(SLOT + 1, records, RECORDER_SIZE), 0);
	assert_true(record(WEFT_DROP_VLAN, 60));
	recorder_slot_assign(SLOT, false);
	assert_int_equal(recorder_read(SLOT, records, RECORDER_SIZE), 0);
	recorder_slot_assign(SLOT, true);
	assert_int_equal(recorder_read(SLOT, records, RECORDER_SIZE), 0);
}

/* Two that write at the same time: none waits for the other. */
static void test_busy(void **state)
{
	struct weft_drop_record *r = recorder_begin(SLOT, WEFT_DROP_VLAN);

	assert_non_null(r);
	assert_null(recorder_begin(SLOT, WEFT_DROP_SAME_PORT));
	assert_int_equal(recorder_read(SLOT, records, RECORDER_SIZE), 0);
	recorder_end(SLOT, r);
	assert_int_equal(recorder_read(SLOT, records, RECORDER_SIZE), 1);
}

static void *write_many(void *arg)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct weft_drop_record *r = recorder_begin(SLOT, WEFT_DROP_VLAN);

		if (!r)
			continue;
		r->size = r->vni = r->port = i;
		recorder_end(SLOT, r);
	}
	return NULL;
}

static void test_readers_see_whole_records(void **state)
{
	pthread_t writers[2];

	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, write_many, NULL), 0);
	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int n = recorder_read(SLOT, records, RECORDER_SIZE);

		for (unsigned int k = 0; k < n; k++) {
			assert_int_equal(records[k].size, records[k].vni);
			assert_int_equal(records[k].size, records[k].port);
		}
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_newest_first, begin, end),
		cmocka_unit_test_setup_teardown(test_flood_is_cut, begin, end),
		cmocka_unit_test_setup_teardown(test_flood_leaves_others, begin, end),
		cmocka_unit_test_setup_teardown(test_slot_without_port, begin, end),
		cmocka_unit_test_setup_teardown(test_busy, begin, end),
		cmocka_unit_test_setup_teardown(test_readers_see_whole_records, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
