/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session table against a naive oracle on random operations, full tables, full buckets,
 * decisions, and walking while it changes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

#define MAX    1024
#define N_KEYS 3000

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % n;
}

static int setup(void **state)
{
	return world_init(MAX, 2);
}

static int teardown(void **state)
{
	world_fini();
	return 0;
}

static struct session *oracle[N_KEYS];

static void check_bulk(void)
{
	struct session_key keys[SESSION_BULK_MAX];
	uint64_t hashes[SESSION_BULK_MAX];
	struct session_dir *found[SESSION_BULK_MAX];
	uint32_t ks[SESSION_BULK_MAX], n = 1 + random_below(SESSION_BULK_MAX);
	unsigned int dir = random_below(2);

	for (unsigned int i = 0; i < n; i++) {
		ks[i] = random_below(N_KEYS);
		keys[i] = world_new(ks[i]).key[dir];
		hashes[i] = session_hash(&keys[i]);
	}
	session_find_bulk(keys, hashes, n, found);
	for (unsigned int i = 0; i < n; i++) {
		struct session *want = oracle[ks[i]];

		assert_ptr_equal(found[i], want ? &want->dir[dir] : NULL);
		assert_ptr_equal(session_find(&keys[i]), found[i]);
		if (want) {
			assert_ptr_equal(session_of(found[i]), want);
			assert_ptr_equal(session_peer(found[i]), &want->dir[!dir]);
			assert_int_equal(want->rule[0], ks[i]);
		}
	}
}

static void check_walk(uint32_t n)
{
	uint32_t cursor = 0, seen = 0, budget;
	struct session *s;

	do {
		budget = 100;
		while ((s = session_next(&cursor, &budget))) {
			assert_ptr_equal(oracle[s->rule[0]], s);
			seen++;
		}
	} while (budget == 0);
	assert_int_equal(seen, n);
}

/* Mostly full, so that buckets run over; both workers, one thread. */
static void test_oracle(void **state)
{
	struct session_stats stats;
	uint32_t n = 0;

	memset(oracle, 0, sizeof(oracle));
	for (unsigned int i = 0; i < 300000; i++) {
		uint32_t k = random_below(N_KEYS);
		enum weft_drop drop = 1;

		if (random_below(3) || !oracle[k]) {
			struct session *s = world_insert(random_below(2), k, &drop);

			if (oracle[k] && n < MAX) {
				assert_null(s);
				assert_int_equal(drop, 0);
			} else if (n == MAX) {
				assert_null(s);
				assert_int_equal(drop, WEFT_DROP_SESSION_PORT_LIMIT);
			} else {
				assert_non_null(s);
				oracle[k] = s;
				n++;
			}
		} else {
			session_remove(oracle[k]);
			oracle[k] = NULL;
			n--;
		}
		if (i % 16 == 0)
			check_bulk();
		if (i % 64 == 0)
			world_rounds();
		if (i % 8192 == 0)
			check_walk(n);
	}
	session_stats(&stats);
	assert_int_equal(stats.n, n);
	assert_int_equal(stats.half_open, n);
	assert_int_equal(stats.created - stats.ended, n);
	assert_int_equal(session_count_port(1), n);
	assert_int_equal(session_count_tenant(WORLD_TENANT), n);
}

/* All that were promised, again and again; those that are there stay. */
static void test_full(void **state)
{
	enum weft_drop drop;

	world_ports[0].spec.max_sessions = 10 * MAX;
	world_ports[0].spec.max_half_open = 10 * MAX;
	for (unsigned int round = 0; round < 20; round++) {
		uint32_t first = round * MAX;

		for (uint32_t k = first; k < first + MAX; k++)
			assert_non_null(world_insert(k & 1, k, &drop));
		assert_null(world_insert(0, first + MAX, &drop));
		assert_int_equal(drop, WEFT_DROP_SESSION_TABLE_FULL);
		for (uint32_t k = first; k < first + MAX; k++) {
			assert_non_null(world_find(k, 0));
			session_remove(world_find(k, 1));
			assert_null(world_find(k, 0));
			assert_null(world_find(k, 1));
		}
		world_rounds();
	}
}

/* A session whose first direction has that first bucket, and that second one unless negative, and
 * whose other direction stays out of them. MAX sessions make 512 buckets; bucket.c takes bits 0 and
 * 24 of the hash. */
static struct session_new with_buckets(uint32_t *k, int first, int second)
{
	for (;;) {
		struct session_new n = world_new((*k)++);
		uint64_t h = session_hash(&n.key[0]), other = session_hash(&n.key[1]);

		if ((int)(other & 511) == first || (int)(other & 511) == second)
			continue;
		if ((int)(h & 511) == first && (second < 0 || (int)(h >> 24 & 511) == second) &&
			(h >> 24 & 511) != (h & 511))
			return n;
	}
}

static void insert_all(const struct session_new *n, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		enum weft_drop drop;
		struct session *s = session_insert(0, &n[i], &drop);

		assert_non_null(s);
		session_unlock(s);
	}
}

static void find_all(const struct session_new *n, unsigned int count, bool there)
{
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(session_find(&n[i].key[0]) != NULL, there);
		assert_int_equal(session_find(&n[i].key[1]) != NULL, there);
	}
}

static void remove_all(const struct session_new *n, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		session_remove(session_of(session_find(&n[i].key[0])));
		find_all(&n[i], 1, false);
		find_all(n + i + 1, count - i - 1, true);
	}
}

/* Keys for which both buckets are full: refused, and nothing left behind. */
static void test_buckets_full(void **state)
{
	struct session_new n[17];
	enum weft_drop drop;
	uint32_t k = 0;

	for (unsigned int i = 0; i < 17; i++)
		n[i] = with_buckets(&k, 5, 9);
	insert_all(n, 16);
	assert_null(session_insert(0, &n[16], &drop));
	assert_int_equal(drop, WEFT_DROP_SESSION_TABLE_FULL);
	find_all(n, 16, true);
	find_all(n + 16, 1, false);
	assert_int_equal(session_count_port(1), 16);
	remove_all(n, 8);
	world_rounds();
	insert_all(n + 16, 1);
	find_all(n + 8, 9, true);
	remove_all(n + 8, 9);
}

/* Both buckets full, but others can move. */
static void test_buckets_move(void **state)
{
	struct session_new n[20];
	uint32_t k = 0;

	for (unsigned int i = 0; i < 8; i++)
		n[i] = with_buckets(&k, 5, -1);
	for (unsigned int i = 8; i < 16; i++)
		n[i] = with_buckets(&k, 9, -1);
	for (unsigned int i = 16; i < 20; i++)
		n[i] = with_buckets(&k, 5, 9);
	insert_all(n, 20);
	find_all(n, 20, true);
	remove_all(n, 20);
	assert_int_equal(session_count_port(1), 0);
}

/* One wins, whichever way round; the loser leaves nothing behind. */
static void test_one_of_the_same(void **state)
{
	struct session_new n = world_new(1), back = n, other = world_new(2);
	enum weft_drop drop = 1;
	struct session *s;

	back.key[0] = n.key[1];
	back.key[1] = n.key[0];
	s = session_insert(0, &n, &drop);
	session_unlock(s);
	assert_null(session_insert(1, &back, &drop));
	assert_int_equal(drop, 0);
	drop = 1;
	other.key[1] = n.key[1]; /* only one direction is the same */
	assert_null(session_insert(1, &other, &drop));
	assert_int_equal(drop, 0);
	assert_null(session_find(&other.key[0]));
	assert_ptr_equal(session_find(&n.key[1]), &s->dir[1]);
	assert_int_equal(session_count_port(1), 1);
	session_remove(s);
	session_remove(s);
	assert_int_equal(session_count_port(1), 0);
	assert_null(session_find(&n.key[0]));
}

static void test_talks_to_itself(void **state)
{
	struct session_new n = world_new(1);
	enum weft_drop drop;
	struct session *s;

	n.key[1] = n.key[0];
	s = session_insert(0, &n, &drop);
	assert_non_null(s);
	session_unlock(s);
	assert_ptr_equal(session_find(&n.key[0]), &s->dir[0]);
	session_remove(s);
	assert_null(session_find(&n.key[0]));
}

static void test_decision(void **state)
{
	struct session_decision dec = {.dest = 7,
					.in = 1,
					.out_segment = 4,
					.mss = 1400,
					.flags = SESSION_DIR_ROUTED,
					.match_macs = {1, 2, 3},
					.rewrite_macs = {4, 5, 6}},
				got;
	enum weft_drop drop;
	struct session *s = world_insert(0, 1, &drop);

	assert_false(session_dir_read(&s->dir[1], 0, &got));
	session_lock(s);
	session_decide(&s->dir[1], &dec, 12);
	session_unlock(s);
	assert_true(session_dir_read(&s->dir[1], 12, &got));
	assert_int_equal(got.flags, SESSION_DIR_ROUTED | SESSION_DIR_REPLY);
	assert_int_equal(got.dest, 7);
	assert_int_equal(got.in, 1);
	assert_int_equal(got.out_segment, 4);
	assert_int_equal(got.mss, 1400);
	assert_memory_equal(got.match_macs, dec.match_macs, sizeof(dec.match_macs));
	assert_memory_equal(got.rewrite_macs, dec.rewrite_macs, sizeof(dec.rewrite_macs));
	assert_false(session_dir_read(&s->dir[1], 13, &got));
	assert_false(session_dir_read(&s->dir[0], 12, &got));
	assert_ptr_equal(session_of(&s->dir[1]), s);
	session_remove(s); /* who still holds it finds it undecided, for good */
	assert_false(session_dir_read(&s->dir[1], 12, &got));
	session_lock(s);
	session_decide(&s->dir[1], &dec, 12);
	session_unlock(s);
	assert_false(session_dir_read(&s->dir[1], 12, &got));
}

/* Those that are there all the time are met exactly once, dead ones never. */
static void test_walk_while_changing(void **state)
{
	uint32_t met[600] = {0}, cursor = 0, budget;
	enum weft_drop drop;
	struct session *s;

	for (uint32_t k = 0; k < 600; k++)
		world_insert(0, k, &drop);
	do {
		budget = 7;
		while ((s = session_next(&cursor, &budget))) {
			assert_false(s->flags & SESSION_DEAD);
			met[s->rule[0]]++;
		}
		for (uint32_t k = 0; k < 300; k++) {
			if (random_below(50))
				continue;
			s = world_find(k, 0);
			if (s)
				session_remove(s);
			else
				world_insert(1, k, &drop);
		}
		world_rounds();
	} while (budget == 0);
	for (uint32_t k = 300; k < 600; k++)
		assert_int_equal(met[k], 1);
}

static void test_bad_sizes(void **state)
{
	assert_int_equal(session_init(SESSION_MIN - 1, 1), -EINVAL);
	assert_int_equal(session_init(SESSION_MAX + 1, 1), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_oracle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_buckets_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_buckets_move, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_of_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(test_talks_to_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_decision, setup, teardown),
		cmocka_unit_test_setup_teardown(test_walk_while_changing, setup, teardown),
		cmocka_unit_test(test_bad_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
