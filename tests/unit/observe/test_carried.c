/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane's end of the ring of carried packets; the test is the programs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <observe/carried.h>

#define PLACES WEFT_BPF_TRACE_PLACES

static struct weft_bpf_control control;
static union weft_bpf_trace trace[1 + PLACES];
static const struct weft_bpf_filter any;
static uint64_t lost_before;

static struct weft_bpf_carried *place(uint32_t number)
{
	return &trace[1 + number % PLACES].carried;
}

/* What trace_put does, for a packet with that mark. */
static void put(uint32_t mark)
{
	struct weft_bpf_carried *r = place(trace[0].watch.head++);

	if (r->state != WEFT_BPF_CARRIED_FREE) {
		trace[0].watch.lost++;
		return;
	}
	r->watch = control.watch;
	r->l3_len = mark;
	r->state = WEFT_BPF_CARRIED_FULL;
}

static uint64_t lost(void)
{
	return carried_lost() - lost_before;
}

static int setup(void **state)
{
	memset(&control, 0, sizeof(control));
	memset(trace, 0, sizeof(trace));
	trace[0].watch.head = UINT32_MAX - 3; /* it wraps */
	carried_attach(&control, trace);
	carried_watch(&any);
	lost_before = carried_lost();
	return 0;
}

static int teardown(void **state)
{
	carried_attach(NULL, NULL);
	return 0;
}

/* Takes exactly those: from, from + 1, ... */
static void expect(uint32_t from, uint32_t n)
{
	struct weft_bpf_carried r;

	carried_turn();
	for (uint32_t i = 0; i < n; i++) {
		assert_true(carried_take(&r));
		assert_int_equal(r.l3_len, from + i);
	}
	assert_false(carried_take(&r));
}

static void test_in_order(void **state)
{
	for (uint32_t i = 0; i < 3 * PLACES; i += 100) {
		for (uint32_t j = 0; j < 100; j++)
			put(i + j);
		expect(i, 100);
	}
	assert_int_equal(lost(), 0);
}

/* The oldest are there, what came then is lost, what comes when there is room again is not. */
static void test_full(void **state)
{
	for (uint32_t i = 0; i < 3 * PLACES + 7; i++)
		put(i);
	assert_int_equal(lost(), 2 * PLACES + 7);
	expect(0, PLACES);
	expect(0, 0);
	put(5000);
	put(5001);
	expect(5000, 2);
	assert_int_equal(lost(), 2 * PLACES + 7);
}

/* The head is anybody's who may write to BPF maps. The places are looked at as often as it takes to
 * know them, not once for each number: 2^32 of them take seconds. */
static void test_head_runs_away(void **state)
{
	uint32_t mark = 0;

	for (unsigned int i = 1; i < 3000; i++) {
		trace[0].watch.head += UINT32_MAX / i - 3;
		expect(0, 0);
		put(mark);
		expect(mark++, 1);
	}
}

/* A program that has got a place but not taken it yet is waited for, a turn long. */
static void test_not_taken_yet(void **state)
{
	uint32_t late = trace[0].watch.head++;

	put(2);
	expect(0, 0);
	place(late)->watch = control.watch;
	place(late)->l3_len = 1;
	place(late)->state = WEFT_BPF_CARRIED_FULL;
	expect(1, 2);
	trace[0].watch.head++;
	put(4);
	expect(0, 0);
	expect(4, 1);
}

static void test_being_filled(void **state)
{
	struct weft_bpf_carried *r = place(trace[0].watch.head++);

	r->state = WEFT_BPF_CARRIED_FILLING;
	r->watch = control.watch;
	put(2);
	for (int i = 0; i < 5; i++)
		expect(0, 0);
	r->l3_len = 1;
	r->state = WEFT_BPF_CARRIED_FULL;
	expect(1, 2);
}

static void test_another_filter(void **state)
{
	uint32_t before = control.watch;
	struct weft_bpf_filter f = {.proto = 17};

	put(1);
	carried_watch(&f);
	assert_true(control.watch && control.watch != before);
	assert_memory_equal(&trace[0].watch.filter, &f, sizeof(f));
	expect(0, 0);
	put(2);
	place(trace[0].watch.head - 1)->watch = before; /* it began before */
	put(3);
	expect(3, 1);
	put(4);
	carried_watch(NULL);
	assert_int_equal(control.watch, 0);
	expect(0, 0);
	for (uint32_t i = 0; i < PLACES; i++)
		assert_int_equal(place(i)->state, WEFT_BPF_CARRIED_FREE);
}

/* A data plane died while it watched. */
static void test_taken_over(void **state)
{
	for (uint32_t i = 0; i < 2 * PLACES; i++)
		put(i);
	carried_attach(&control, trace);
	assert_int_equal(control.watch, 0);
	expect(0, 0);
	lost_before = carried_lost();
	carried_watch(&any);
	put(9);
	expect(9, 1);
	assert_int_equal(lost(), 0);
}

static void test_no_programs(void **state)
{
	struct weft_bpf_carried r;

	carried_attach(NULL, NULL);
	carried_watch(&any);
	carried_turn();
	assert_false(carried_take(&r));
	assert_int_equal(lost(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_head_runs_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_taken_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_being_filled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_filter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_programs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
