/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Learning: what may teach, quotas of ports and segments, moves, ageing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/clock.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <table/learn.h>

#include "test_eal.h"

/* Segment 1 with ports 1 and 2 and VTEP 1; segment 2 with port 3. */
static struct config *cfg;
static struct config_segment segments[3];
static struct config_port ports[4];
static struct config_vtep vtep = {.slot = 1, .since = 1};
static const uint16_t segment_vteps[] = {1};

static struct {
	unsigned int n[8]; /* by event */
	struct fdb_key key;
	dest_t dest;
} told;

static void listen_events(
	const struct config *c, const struct fdb_key *key, dest_t dest, enum weft_fdb_event event)
{
	told.n[event]++;
	told.key = *key;
	told.dest = dest;
}

static int setup(void **state)
{
	assert_int_equal(rcu_init(0), 0);
	assert_int_equal(counters_init(1, 1), 0);
	assert_int_equal(learn_init(), 0);
	learn_set_listener(listen_events);
	memset(&told, 0, sizeof(told));
	cfg = calloc(1, sizeof(*cfg));
	cfg->generation = 5;
	cfg->fdb = vhash_new("fdb", sizeof(struct fdb_key), sizeof(struct fdb_entry), WEFT_MAX_FDB);
	for (uint16_t i = 1; i <= 2; i++) {
		segments[i] = (struct config_segment){.slot = i,
			.since = 1,
			.spec = {.vni = i * 100, .max_learned = 20, .ageing_s = 300}};
		cfg->segments[i] = &segments[i];
	}
	segments[1].vteps = segment_vteps;
	segments[1].n_vteps = 1;
	for (uint16_t i = 1; i <= 3; i++) {
		ports[i] = (struct config_port){.slot = i,
			.segment_slot = i == 3 ? 2 : 1,
			.since = 1,
			.spec = {.id = i, .flags = WEFT_PORT_LEARN, .max_learned = 8}};
		cfg->ports[i] = &ports[i];
	}
	cfg->vteps[1] = &vtep;
	atomic_store(&config_current, cfg);
	return 0;
}

static int teardown(void **state)
{
	atomic_store(&config_current, NULL);
	vhash_free(cfg->fdb);
	free(cfg);
	learn_fini();
	counters_fini();
	rcu_fini();
	return 0;
}

static struct fdb_key key_of(uint16_t segment, uint32_t mac)
{
	return (struct fdb_key){
		.segment_slot = segment, .mac = {{2, 0, mac >> 24, mac >> 16, mac >> 8, mac}}};
}

static void saw_in(uint64_t generation, uint16_t segment, uint32_t mac, dest_t dest)
{
	struct learn_event e = {
		.key = key_of(segment, mac), .dest = dest, .generation = generation};

	assert_true(learn_post(&e));
	assert_int_equal(learn_process(10, clock_s()), 1);
}

static void saw(uint16_t segment, uint32_t mac, dest_t dest)
{
	saw_in(cfg->generation, segment, mac, dest);
}

static struct fdb_entry *find(uint16_t segment, uint32_t mac)
{
	struct fdb_key key = key_of(segment, mac);

	return (struct fdb_entry *)vhash_find(cfg->fdb, &key, cfg->generation);
}

static void test_learn_and_move(void **state)
{
	saw(1, 7, 1);
	assert_non_null(find(1, 7));
	assert_int_equal(find(1, 7)->dest, 1);
	assert_true(find(1, 7)->learned);
	assert_null(find(2, 7));
	assert_int_equal(told.n[WEFT_FDB_EVENT_LEARNED], 1);
	saw(1, 7, 1);
	assert_int_equal(told.n[WEFT_FDB_EVENT_LEARNED], 1);
	saw(1, 7, 2);
	assert_int_equal(find(1, 7)->dest, 2);
	assert_int_equal(told.n[WEFT_FDB_EVENT_MOVED], 1);
	assert_int_equal(learn_count(), 1);
	assert_int_equal(learn_count_dest(1), 0);
	assert_int_equal(learn_count_dest(2), 1);
}

static void test_what_may_teach(void **state)
{
	struct learn_event e = {.dest = 1, .generation = 5};

	/* A port of another segment, one without the flag, one that is not there. */
	saw(2, 7, 1);
	ports[1].spec.flags = 0;
	saw(1, 7, 1);
	saw(1, 7, 100);
	/* The wire, unless the segment says so and the VTEP is one of its. */
	saw(1, 7, DEST_VTEP_BIT | 1);
	saw(2, 7, DEST_VTEP_BIT | 1);
	/* A segment that is not there, MACs that are no station's. */
	saw(100, 7, 1);
	e.key = (struct fdb_key){.segment_slot = 1, .mac = {{1, 0, 0, 0, 0, 1}}};
	learn_post(&e);
	e.key = (struct fdb_key){.segment_slot = 1};
	learn_post(&e);
	learn_process(10, clock_s());
	assert_int_equal(learn_count(), 0);
	segments[1].spec.flags = WEFT_SEGMENT_LEARN_WIRE;
	saw(1, 7, DEST_VTEP_BIT | 1);
	assert_int_equal(find(1, 7)->dest, DEST_VTEP_BIT | 1);
	segments[2].spec.flags = WEFT_SEGMENT_LEARN_WIRE;
	saw(2, 7, DEST_VTEP_BIT | 1);
	assert_null(find(2, 7));
}

/* An event that waited while its slot was given to another port. */
static void test_stale_event(void **state)
{
	ports[1].since = 5;
	saw_in(4, 1, 7, 1);
	assert_null(find(1, 7));
	saw_in(5, 1, 7, 1);
	assert_non_null(find(1, 7));
	segments[2].since = 5;
	saw_in(4, 2, 7, 3);
	assert_null(find(2, 7));
}

static void test_programmed_stays(void **state)
{
	struct fdb_key key = key_of(1, 7);
	struct fdb_entry *f = (struct fdb_entry *)vhash_put(cfg->fdb, &key, 5);

	f->dest = 1;
	vhash_commit(cfg->fdb, 5);
	saw(1, 7, 2);
	assert_int_equal(find(1, 7)->dest, 1);
	assert_int_equal(learn_count(), 0);
}

static void test_port_quota(void **state)
{
	for (uint32_t i = 0; i < 20; i++)
		saw(1, i + 1, 1);
	assert_int_equal(learn_count_dest(1), 8);
	assert_int_equal(counters_port(1, 1)->learn_refused, 12);
	/* Told once a second. */
	assert_int_equal(told.n[WEFT_FDB_EVENT_LIMIT], 1);
	clock_warp(1000);
	saw(1, 100, 1);
	assert_int_equal(told.n[WEFT_FDB_EVENT_LIMIT], 2);
	/* Its neighbour has its own. */
	saw(1, 200, 2);
	assert_non_null(find(1, 200));
	/* A move counts against the new port. */
	saw(1, 200, 1);
	assert_int_equal(find(1, 200)->dest, 2);
	/* Room again when entries go. */
	assert_int_equal(learn_flush(0, 1), 8);
	saw(1, 100, 1);
	assert_non_null(find(1, 100));
}

static void test_segment_quota(void **state)
{
	ports[1].spec.max_learned = 1000;
	for (uint32_t i = 0; i < 30; i++)
		saw(1, i + 1, 1);
	assert_int_equal(learn_count_segment(1), 20);
	saw(2, 1, 3);
	assert_non_null(find(2, 1));
	segments[1].spec.max_learned = 0;
	learn_flush(1, 0);
	saw(1, 1, 1);
	assert_null(find(1, 1));
}

static void test_move_limits(void **state)
{
	clock_warp(1000);
	saw(1, 7, 1);
	for (uint32_t i = 0; i < 50; i++)
		saw(1, 7, i % 2 ? 1 : 2);
	assert_int_equal(told.n[WEFT_FDB_EVENT_MOVED], LEARN_MAC_MOVES);
	clock_warp(1000);
	saw(1, 7, find(1, 7)->dest == 1 ? 2 : 1);
	assert_int_equal(told.n[WEFT_FDB_EVENT_MOVED], LEARN_MAC_MOVES + 1);
	/* All MACs of the segment together. */
	ports[1].spec.max_learned = ports[2].spec.max_learned = 2000;
	segments[1].spec.max_learned = 2000;
	clock_warp(1000);
	for (uint32_t i = 0; i < LEARN_SEGMENT_MOVES + 100; i++)
		saw(1, 1000 + i, 1);
	for (uint32_t i = 0; i < LEARN_SEGMENT_MOVES + 100; i++)
		saw(1, 1000 + i, 2);
	assert_int_equal(learn_count_dest(2), LEARN_SEGMENT_MOVES + (find(1, 7)->dest == 2));
}

static void test_ageing(void **state)
{
	saw(1, 1, 1);
	saw(1, 2, 1);
	segments[2].spec.ageing_s = 0;
	saw(2, 3, 3);
	clock_warp(200 * 1000);
	/* A worker sees 2 again. */
	atomic_store(&find(1, 2)->seen_s, clock_s());
	clock_warp(101 * 1000);
	learn_age(clock_s());
	assert_null(find(1, 1));
	assert_non_null(find(1, 2));
	assert_int_equal(told.n[WEFT_FDB_EVENT_AGED], 1);
	assert_int_equal(told.key.segment_slot, 1);
	assert_int_equal(told.key.mac.b[5], 1);
	clock_warp(200 * 1000);
	learn_age(clock_s());
	assert_null(find(1, 2));
	assert_non_null(find(2, 3)); /* never ages */
	assert_int_equal(learn_count(), 1);
	assert_int_equal(learn_count_dest(1), 0);
	assert_int_equal(learn_count_segment(1), 0);
}

/* Many entries: each call looks at a bounded part, and in the stated time all are gone. */
static void test_ageing_in_parts(void **state)
{
	const uint32_t n = 60000;
	unsigned int calls = 0;

	ports[1].spec.max_learned = 65535;
	segments[1].spec.max_learned = n;
	for (uint32_t i = 0; i < n; i++)
		saw(1, i + 1, 1);
	assert_int_equal(learn_count(), n);
	learn_age(clock_s());
	clock_warp(301 * 1000);
	while (learn_count() > 0 && calls < 10000) {
		uint32_t before = learn_count();

		learn_age(clock_s());
		assert_true(before - learn_count() <= 16384);
		rcu_reclaim();
		clock_warp(1);
		calls++;
	}
	assert_in_range(calls, 4, 8000);
	rcu_reclaim();
	rcu_reclaim();
	assert_int_equal(vhash_count(cfg->fdb), 0);
}

static void test_full_queue(void **state)
{
	struct learn_event e = {.key = key_of(1, 7), .dest = 1, .generation = 5};
	unsigned int n = 0, taken;

	while (learn_post(&e))
		n++;
	assert_in_range(n, 1000, 10000);
	taken = learn_process(100, clock_s());
	assert_int_equal(taken, 100);
	assert_int_equal(learn_process(UINT32_MAX, clock_s()), n - 100);
	assert_int_equal(learn_count(), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_learn_and_move),
		TEST(test_what_may_teach),
		TEST(test_stale_event),
		TEST(test_programmed_stays),
		TEST(test_port_quota),
		TEST(test_segment_quota),
		TEST(test_move_limits),
		TEST(test_ageing),
		TEST(test_ageing_in_parts),
		TEST(test_full_queue),
	};

	test_eal_init(64);
	clock_warp(1000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
