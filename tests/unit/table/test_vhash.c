/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The versioned hash against a naive oracle: random transactions with aborts, growth, several
 * generations alive at once, and a reader on another thread while the writer works.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <core/rcu.h>
#include <table/vhash.h>

struct value {
	struct vhash_entry v;
	uint64_t number;
};

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % n;
}

/* Keys are drawn from a small set of numbers, spread over key_size bytes. */
static void key_make(uint8_t *key, uint32_t key_size, uint32_t number)
{
	memset(key, 0x5a, key_size);
	memcpy(key + key_size - 4, &number, 4);
}

/* The oracle keeps the value of every key for the last generations; 0: absent. */
#define N_KEYS	3000
#define HISTORY 4
static uint64_t oracle[HISTORY][N_KEYS];

static void check_all(const struct vhash *h, uint32_t key_size, uint64_t g, const uint64_t *want)
{
	uint8_t keys[VHASH_BULK_MAX][VHASH_KEY_MAX];
	const void *key_pointers[VHASH_BULK_MAX];
	struct vhash_entry *found[VHASH_BULK_MAX];

	for (uint32_t first = 0; first < N_KEYS; first += VHASH_BULK_MAX) {
		uint32_t n = N_KEYS - first < VHASH_BULK_MAX ? N_KEYS - first : VHASH_BULK_MAX;
		uint64_t hits;

		for (uint32_t i = 0; i < n; i++) {
			key_make(keys[i], key_size, first + i);
			key_pointers[i] = keys[i];
		}
		hits = vhash_find_bulk(h, key_pointers, n, g, found);
		for (uint32_t i = 0; i < n; i++) {
			struct value *one = (struct value *)vhash_find(h, keys[i], g);

			assert_ptr_equal(one, found[i]);
			assert_int_equal(hits >> i & 1, one != NULL);
			assert_int_equal(one ? one->number : 0, want[first + i]);
		}
	}
}

static void check_walk(const struct vhash *h, uint32_t key_size, uint64_t g, const uint64_t *want)
{
	uint64_t cursor = 0, n = 0, n_want = 0;
	struct value *e;

	while ((e = (struct value *)vhash_next(h, &cursor, g))) {
		uint32_t number;

		memcpy(&number, e->v.key + key_size - 4, 4);
		assert_true(number < N_KEYS);
		assert_int_equal(e->number, want[number]);
		n++;
	}
	for (uint32_t i = 0; i < N_KEYS; i++)
		n_want += want[i] != 0;
	assert_int_equal(n, n_want);
	assert_int_equal(vhash_count(h), n_want);
}

static void change_one(struct vhash *h, uint32_t key_size, uint64_t g, uint64_t *want)
{
	uint32_t number = random_below(N_KEYS);
	uint8_t key[VHASH_KEY_MAX];

	key_make(key, key_size, number);
	if (random_below(3) == 0) {
		assert_int_equal(vhash_delete(h, key, g), want[number] != 0);
		want[number] = 0;
	} else {
		struct value *e = (struct value *)vhash_put(h, key, g);

		assert_non_null(e);
		e->number = want[number] = g << 20 | (random_below(1 << 20) + 1);
	}
}

/* A reader that stays behind holds its generation: everything it is entitled to stays. */
static void random_transactions(uint32_t key_size)
{
	struct vhash *h = vhash_new("test", key_size, sizeof(struct value), N_KEYS);
	uint64_t generation = 1, behind = 1;

	assert_non_null(h);
	assert_int_equal(rcu_init(1), 0);
	rcu_worker_register(0);
	memset(oracle, 0, sizeof(oracle));
	for (int round = 0; round < 400; round++) {
		uint64_t g = generation + 1;
		uint64_t *now = oracle[generation % HISTORY], *next = oracle[g % HISTORY];
		uint32_t n = random_below(200);

		memcpy(next, now, sizeof(oracle[0]));
		for (uint32_t i = 0; i < n; i++)
			change_one(h, key_size, g, next);
		if (random_below(4) == 0) {
			vhash_abort(h, g);
		} else {
			vhash_commit(h, g);
			generation = g;
		}
		rcu_reclaim();
		if (round % 10 == 0) {
			check_all(h, key_size, generation, oracle[generation % HISTORY]);
			check_walk(h, key_size, generation, oracle[generation % HISTORY]);
			check_all(h, key_size, behind, oracle[behind % HISTORY]);
		}
		if (generation - behind == HISTORY - 2 || random_below(3) == 0) {
			rcu_worker_quiescent(0);
			behind = generation;
			rcu_reclaim();
			rcu_worker_quiescent(0);
			rcu_reclaim();
		}
	}
	/* Entries go back: the span stays near what was alive at once. */
	assert_in_range(vhash_span(h), 1, N_KEYS * 2 + 1024);
	rcu_worker_unregister(0);
	vhash_free(h);
	rcu_fini();
}

static void test_random(void **state)
{
	random_transactions(4);
	random_transactions(8);
	random_transactions(11);
	random_transactions(16);
	random_transactions(20);
}

static void test_full(void **state)
{
	struct vhash *h = vhash_new("test", 4, sizeof(struct value), 10);

	assert_int_equal(rcu_init(0), 0);
	for (uint32_t i = 0; i < 10; i++)
		assert_non_null(vhash_put(h, &i, 1));
	for (uint32_t i = 10; i < 12; i++) {
		errno = 0;
		assert_null(vhash_put(h, &i, 1));
		assert_int_equal(errno, ENOSPC);
	}
	vhash_commit(h, 1);
	/* Replacing needs no room; nor does a put after a delete in the same generation. */
	for (uint32_t i = 0; i < 10; i++)
		assert_non_null(vhash_put(h, &i, 2));
	assert_true(vhash_delete(h, &(uint32_t){3}, 2));
	assert_non_null(vhash_put(h, &(uint32_t){77}, 2));
	vhash_commit(h, 2);
	assert_int_equal(vhash_count(h), 10);
	assert_null(vhash_find(h, &(uint32_t){3}, 2));
	assert_non_null(vhash_find(h, &(uint32_t){77}, 2));
	vhash_free(h);
	rcu_fini();
}

/* One key replaced over and over while no reader passes a quiescent state. */
static void test_many_versions(void **state)
{
	struct vhash *h = vhash_new("test", 4, sizeof(struct value), 1000);
	uint32_t key = 7;

	assert_int_equal(rcu_init(1), 0);
	rcu_worker_register(0);
	for (uint64_t g = 1; g <= 2000; g++) {
		struct value *e = (struct value *)vhash_put(h, &key, g);

		assert_non_null(e);
		e->number = g;
		vhash_commit(h, g);
		rcu_reclaim();
	}
	for (uint64_t g = 1; g <= 2000; g++)
		assert_int_equal(((struct value *)vhash_find(h, &key, g))->number, g);
	assert_int_equal(vhash_count(h), 1);
	/* More than the places reserved: refused, nothing changed. */
	for (uint64_t g = 2001; vhash_put(h, &key, g); g++)
		vhash_commit(h, g);
	assert_int_equal(errno, ENOSPC);
	rcu_worker_quiescent(0);
	rcu_reclaim();
	rcu_worker_quiescent(0);
	rcu_reclaim();
	assert_non_null(vhash_put(h, &key, 1000000));
	rcu_worker_unregister(0);
	vhash_free(h);
	rcu_fini();
}

static void test_reveal(void **state)
{
	struct vhash *h = vhash_new("test", 4, sizeof(struct value), 10);
	uint32_t key = 7;
	struct vhash_entry *e;

	assert_int_equal(rcu_init(0), 0);
	e = vhash_put(h, &key, 6);
	assert_null(vhash_find(h, &key, 5));
	vhash_reveal(h, e, 5);
	vhash_commit(h, 6);
	assert_ptr_equal(vhash_find(h, &key, 5), e);
	assert_null(vhash_find(h, &key, 4));
	/* The next transaction may be generation 6 and fail. */
	assert_true(vhash_delete(h, &key, 6));
	vhash_abort(h, 6);
	assert_ptr_equal(vhash_find(h, &key, 6), e);
	vhash_free(h);
	rcu_fini();
}

/* The writer keeps this true in each generation g: key k is present with number (g << 8 | k) for
 * k in its window of half the keys, and absent else. The window moves with g. A reader that sees
 * anything else has seen a mixture. */
#define RACE_KEYS 64
static _Atomic uint64_t race_generation;
static _Atomic bool race_stop;
static _Atomic uint64_t race_bad, race_reads;

static bool race_present(uint64_t g, uint32_t key)
{
	return (key + g * 5) % RACE_KEYS < RACE_KEYS / 2;
}

static void *race_reader(void *arg)
{
	struct vhash *h = arg;
	uint64_t reads = 0, bad = 0;

	rcu_worker_register(0);
	while (!race_stop) {
		uint64_t g = atomic_load(&race_generation), hits;
		uint32_t keys[RACE_KEYS];
		const void *key_pointers[RACE_KEYS];
		struct vhash_entry *found[RACE_KEYS];

		for (uint32_t k = 0; k < RACE_KEYS; k++) {
			keys[k] = k;
			key_pointers[k] = &keys[k];
		}
		hits = vhash_find_bulk(h, key_pointers, RACE_KEYS, g, found);
		for (uint32_t k = 0; k < RACE_KEYS; k++) {
			bool hit = hits >> k & 1;

			if (hit != race_present(g, k))
				bad++;
			else if (hit && ((struct value *)found[k])->number != (g << 8 | k))
				bad++;
		}
		reads++;
		rcu_worker_quiescent(0);
	}
	race_reads = reads;
	race_bad = bad;
	rcu_worker_unregister(0);
	return NULL;
}

/* Beside the window, other keys come and go so that the table grows and its places are reused. */
static void race_write(struct vhash *h, uint64_t g)
{
	for (uint32_t k = 0; k < RACE_KEYS; k++) {
		if (race_present(g, k))
			((struct value *)vhash_put(h, &k, g))->number = g << 8 | k;
		else
			vhash_delete(h, &k, g);
	}
	for (uint32_t i = 0; i < 100; i++) {
		uint32_t key = 1000 + random_below(20000);

		if (random_below(2))
			vhash_put(h, &key, g);
		else
			vhash_delete(h, &key, g);
	}
}

static void test_reader_thread(void **state)
{
	struct vhash *h = vhash_new("test", 4, sizeof(struct value), 100000);
	pthread_t thread;

	assert_int_equal(rcu_init(1), 0);
	race_stop = false;
	race_generation = 1;
	race_write(h, 1);
	vhash_commit(h, 1);
	assert_int_equal(pthread_create(&thread, NULL, race_reader, h), 0);
	for (int round = 0; round < 3000; round++) {
		uint64_t g = race_generation + 1;

		race_write(h, g);
		if (random_below(5) == 0) {
			vhash_abort(h, g);
		} else {
			atomic_store(&race_generation, g);
			vhash_commit(h, g);
		}
		rcu_reclaim();
	}
	race_stop = true;
	pthread_join(thread, NULL);
	assert_true(race_reads > 0);
	assert_int_equal(race_bad, 0);
	vhash_free(h);
	rcu_fini();
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void test_scale(void **state)
{
	const uint32_t n = 1000000;
	struct vhash *h = vhash_new("test", 8, 56, 4194304);
	uint64_t small = vhash_bytes(h), hits = 0;
	double start = now_s(), put_s, find_s;

	assert_int_equal(rcu_init(0), 0);
	assert_true(small < 65536);
	for (uint64_t i = 0; i < n; i++)
		assert_non_null(vhash_put(h, &i, 1));
	vhash_commit(h, 1);
	put_s = now_s() - start;
	assert_int_equal(vhash_count(h), n);
	start = now_s();
	for (uint32_t round = 0; round < n / 32; round++) {
		uint64_t keys[32];
		const void *key_pointers[32];
		struct vhash_entry *found[32];

		for (uint32_t i = 0; i < 32; i++) {
			keys[i] = random_below(n);
			key_pointers[i] = &keys[i];
		}
		hits += __builtin_popcountll(vhash_find_bulk(h, key_pointers, 32, 1, found));
	}
	find_s = now_s() - start;
	assert_int_equal(hits, n / 32 * 32);
	print_message(
		"1M entries: %.0f ns per put, %.1f ns per find in bulk, %.1f bytes per entry\n",
		put_s * 1e9 / n, find_s * 1e9 / n, (double)vhash_bytes(h) / n);
	assert_true(vhash_bytes(h) / n < 120);
	/* Empty again: the memory is given back, and the table goes on. */
	for (uint64_t i = 0; i < n; i++)
		assert_true(vhash_delete(h, &i, 2));
	vhash_commit(h, 2);
	rcu_reclaim();
	rcu_reclaim();
	assert_int_equal(vhash_count(h), 0);
	assert_true(vhash_bytes(h) < 65536);
	assert_non_null(vhash_put(h, &(uint64_t){5}, 3));
	vhash_commit(h, 3);
	assert_non_null(vhash_find(h, &(uint64_t){5}, 3));
	assert_null(vhash_find(h, &(uint64_t){6}, 3));
	vhash_free(h);
	rcu_fini();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_many_versions),
		cmocka_unit_test(test_reveal),
		cmocka_unit_test(test_reader_thread),
		cmocka_unit_test(test_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
