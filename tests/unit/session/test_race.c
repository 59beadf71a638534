/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two workers insert, find, answer and remove the same few sessions at once, the main thread walks
 * and removes as well. No duplicates, no index used while somebody holds it, nothing lost.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include <core/rcu.h>

#include "world.h"

#define MAX    1024
#define N_KEYS 200
#define ROUNDS 200000

static _Atomic unsigned int running, bad;

static uint32_t random_below(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (*state >> 33) % n;
}

static void expect(bool ok)
{
	if (!ok)
		atomic_fetch_add(&bad, 1);
}

/* Either way round: the other worker may begin with the answer. */
static void insert(unsigned int worker, uint32_t k, bool turned)
{
	struct session_new n = world_new(k);
	struct session_key key = n.key[0];
	enum weft_drop drop = 1;
	struct session *s;

	if (turned) {
		n.key[0] = n.key[1];
		n.key[1] = key;
	}
	s = session_insert(worker, &n, &drop);
	if (!s && drop == WEFT_DROP_SESSION_TABLE_FULL) {
		sched_yield(); /* somebody who doesn't run now holds what was freed */
		return;
	}
	if (!s) {
		expect(drop == 0);
		return;
	}
	expect(s->rule[0] == k);
	session_unlock(s);
}

static void use(struct session_dir *d, const struct session_key *key, uint32_t k, uint32_t what)
{
	struct session *s = session_of(d);

	expect(memcmp(&d->key, key, sizeof(*key)) == 0);
	expect(s->rule[0] == k);
	if (what == 0) {
		session_remove(s);
	} else if (what == 1) {
		session_lock(s);
		session_set_state(s, WEFT_TIMEOUT_ICMP, true);
		session_set_state(s, WEFT_TIMEOUT_UDP_FIRST, true); /* shorter: tells the owner */
		session_unlock(s);
	}
	/* Dead or not, it is still the one that was found. */
	expect(memcmp(&d->key, key, sizeof(*key)) == 0);
	expect(s->rule[0] == k);
}

static void *worker_main(void *arg)
{
	unsigned int worker = (uintptr_t)arg;
	uint64_t seed = worker + 7;

	rcu_worker_register(worker);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint32_t k = random_below(&seed, N_KEYS);
		struct session_new n = world_new(k);
		const struct session_key *key = &n.key[random_below(&seed, 2)];
		uint64_t hash = session_hash(key);
		struct session_dir *d;

		session_find_bulk(key, &hash, 1, &d);
		if (d)
			use(d, key, k, random_below(&seed, 4));
		else
			insert(worker, k, random_below(&seed, 2));
		if (i % 16 == 0)
			session_age(worker, world_cfg);
		if (i % 4 == 0)
			rcu_worker_quiescent(worker);
	}
	rcu_worker_unregister(worker);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static void walk(void)
{
	uint32_t cursor = 0, budget;

	do {
		struct session *s;

		budget = 64;
		rcu_main_enter();
		while ((s = session_next(&cursor, &budget))) {
			uint32_t k = s->rule[0];

			expect(k < N_KEYS);
			if (k % 8 == 0)
				session_remove(s);
			expect(s->rule[0] == k);
		}
		rcu_main_leave();
	} while (budget == 0);
}

static void check_end(void)
{
	uint32_t n_met[N_KEYS] = {0}, n = 0, cursor = 0, budget = UINT32_MAX;
	struct session_stats stats;
	struct session *s;
	enum weft_drop drop;

	while ((s = session_next(&cursor, &budget))) {
		n++;
		assert_int_equal(++n_met[s->rule[0]], 1);
		assert_ptr_equal(world_find(s->rule[0], 0), s);
		assert_ptr_equal(world_find(s->rule[0], 1), s);
		session_remove(s);
	}
	session_stats(&stats);
	assert_true(stats.created > ROUNDS / 100);
	assert_int_equal(stats.n, 0);
	assert_int_equal(stats.half_open, 0);
	assert_int_equal(stats.created, stats.ended);
	for (uint32_t k = 0; k < N_KEYS; k++) {
		assert_null(world_find(k, 0));
		assert_null(world_find(k, 1));
	}
	world_rounds();
	for (uint32_t k = 0; k < MAX; k++)
		assert_non_null(world_insert(k & 1, k, &drop));
}

static void test_race(void **state)
{
	pthread_t threads[2];

	assert_int_equal(world_init(MAX, 2), 0);
	running = 2;
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker_main, (void *)i), 0);
	while (running)
		walk();
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(bad, 0);
	check_end();
	world_fini();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_race)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
