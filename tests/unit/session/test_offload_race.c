/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers put sessions in, change and remove them at random while programs read the tables and the
 * main thread commits: programs only ever see whole decisions, of the session that they ask for,
 * and nothing is lost of what they count.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <core/clock.h>
#include <core/rcu.h>

#include "offload_bed.h"

#define MAX    1024
#define N_KEYS 16
#define N_FEW  3      /* often changed while they are read */
#define ROUNDS 120000 /* at least: */
#define FOUND  300000 /* until programs have found that much */

static _Atomic unsigned int running, bad;
static _Atomic uint64_t n_found;
static _Atomic uint64_t hits[N_KEYS][2];
static uint64_t here[N_KEYS][2];
static struct session *kept[N_KEYS];

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

/* Its upper half names the session. */
static uint8_t version_of(uint32_t k, uint64_t *seed)
{
	return k << 4 | random_below(seed, 16);
}

static void insert(unsigned int worker, uint32_t k, uint8_t version)
{
	struct session_new n = world_new(k);
	enum weft_drop drop;
	struct session *s = session_insert(worker, &n, &drop);

	if (!s)
		return;
	bed_decide(s, true, version);
	session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
	session_unlock(s);
}

static void change(struct session *s, uint8_t version, uint32_t what, uint8_t n_decisions)
{
	if (what == 0) {
		session_remove(s);
		return;
	}
	session_lock(s);
	if (what == 1) /* one direction is stale: out */
		atomic_store(&s->dir[1].epoch, 0);
	for (uint8_t i = 0; what != 1 && i < n_decisions; i++)
		bed_decide(s, true, version ^ i);
	session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
	session_unlock(s);
}

static void *worker_main(void *arg)
{
	unsigned int worker = (uintptr_t)arg;
	uint64_t seed = worker + 7;

	rcu_worker_register(worker);
	for (unsigned int i = 0; i < ROUNDS || n_found < FOUND; i++) {
		uint32_t k = random_below(&seed, N_FEW);
		struct session_new n = world_new(k);
		struct session_dir *d = session_find(&n.key[0]);

		if (d)
			change(session_of(d), version_of(k, &seed), random_below(&seed, 32), 16);
		else
			insert(worker, k, version_of(k, &seed));
		if (i % 4 == 0)
			session_age(worker, world_cfg);
		rcu_worker_quiescent(worker);
	}
	rcu_worker_unregister(worker);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static bool all_are(const uint8_t *macs, uint8_t v)
{
	for (unsigned int i = 0; i < 12; i++) {
		if (macs[i] != v)
			return false;
	}
	return true;
}

static void check_whole(const struct weft_bpf_decision *d, uint32_t k, unsigned int dir)
{
	uint8_t v = d->match_macs[0];

	expect(v >> 4 == k);
	expect(all_are(d->match_macs, v) && all_are(d->rewrite_macs, v));
	expect(d->segment == BED_SEGMENT + dir);
	if (dir == 0)
		expect(d->flow_hash == 0x01010101u * v && d->out_vtep == BED_VTEP &&
			d->out_ifindex == 0 && d->in_port == 1);
	else
		expect(d->in_vtep == BED_VTEP && d->out_ifindex == 11 && d->out_vtep == 0);
}

static void *reader_main(void *arg)
{
	uint64_t seed = (uintptr_t)arg + 100;

	while (running) {
		uint32_t k = random_below(&seed, N_FEW), dir = random_below(&seed, 2);
		struct session_new new = world_new(k);
		struct bpf_packet p = bed_packet(&new.key[dir], dir, true, 0);
		struct weft_bpf_decision d;

		if (bpf_reader_find(&p.key, &d) == 0) {
			check_whole(&d, k, dir);
			n_found++;
		}
	}
	return NULL;
}

static void commit_now_and_then(void)
{
	unsigned int i = 0;

	while (running) {
		clock_warp(1);
		offload_tick();
		if (i++ % 64 == 0)
			bed_new_epoch();
		sched_yield();
	}
}

static void run(void *(*worker)(void *), void *(*reader)(void *))
{
	pthread_t threads[4];

	running = 2;
	n_found = 0;
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, i < 2 ? worker : reader, (void *)(i % 2)),
			0);
	commit_now_and_then();
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(bad, 0);
}

static void test_whole_entries(void **state)
{
	uint32_t cursor = 0, budget = UINT32_MAX;
	struct offload_stats stats;
	struct session *s;

	bed_init(MAX, 2, 1, 2 * MAX);
	run(worker_main, reader_main);
	while ((s = session_next(&cursor, &budget)))
		session_remove(s);
	for (unsigned int i = 0; i < WEFT_BPF_PLACES; i++)
		assert_int_equal(bed.buckets[0].place[i], 0);
	offload_stats(&stats);
	assert_int_equal(stats.n, 0);
	bed_fini();
}

/* Alone it counts what passes here; both change the sessions. */
static void *counting_worker_main(void *arg)
{
	unsigned int worker = (uintptr_t)arg;
	uint64_t seed = worker + 7;

	rcu_worker_register(worker);
	for (unsigned int i = 0; i < ROUNDS || n_found < FOUND; i++) {
		uint32_t k = random_below(&seed, N_KEYS), dir = random_below(&seed, 2);
		struct session_dir *d = &kept[k]->dir[dir];

		if (worker == 0) {
			offload_import(kept[k]);
			atomic_store(&d->packets, d->packets + 1);
			here[k][dir]++;
			offload_export(d);
		}
		if (random_below(&seed, 16) == 0)
			change(kept[k], 1, 1 + random_below(&seed, 8), 1);
		session_age(worker, world_cfg);
		rcu_worker_quiescent(worker);
	}
	rcu_worker_unregister(worker);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

/* Packets of one direction: one CPU's. */
static void *counting_reader_main(void *arg)
{
	unsigned int dir = (uintptr_t)arg;
	uint64_t seed = dir + 100;

	while (running) {
		uint32_t k = random_below(&seed, N_KEYS);
		struct bpf_packet p = bed_packet(&kept[k]->dir[dir].key, dir, true, 1);
		struct weft_bpf_decision d;

		if (bpf_reader_packet(&p, &d) == 0) {
			hits[k][dir]++;
			n_found++;
		}
	}
	return NULL;
}

static void test_conservation(void **state)
{
	bed_init(MAX, 2, 16, 2 * MAX);
	for (unsigned int k = 0; k < N_KEYS; k++)
		kept[k] = bed_insert(k % 2, k, true);
	world_rounds();
	run(counting_worker_main, counting_reader_main);
	for (unsigned int k = 0; k < N_KEYS; k++) {
		for (unsigned int dir = 0; dir < 2; dir++) {
			struct session_traffic t;

			session_traffic(&kept[k]->dir[dir], &t);
			assert_int_equal(t.packets, here[k][dir] + hits[k][dir]);
		}
	}
	bed_fini();
}

/* From the store on no packet is carried, whatever was in between. */
static void test_revocation_is_immediate(void **state)
{
	struct session *s[N_KEYS];

	bed_init(MAX, 1, 64, 2 * MAX);
	for (unsigned int k = 0; k < N_KEYS; k++)
		s[k] = bed_insert(0, k, true);
	world_rounds();
	for (unsigned int round = 0; round < 100; round++) {
		struct weft_bpf_decision d;

		for (unsigned int k = 0; k < N_KEYS; k++) {
			struct bpf_packet p =
				bed_packet(&s[k]->dir[round & 1].key, round & 1, true, 1);

			assert_int_equal(bpf_reader_packet(&p, &d), 0);
		}
		bed_new_epoch();
		for (unsigned int k = 0; k < N_KEYS; k++) {
			struct bpf_packet p =
				bed_packet(&s[k]->dir[round & 1].key, round & 1, true, 1);

			assert_int_not_equal(bpf_reader_packet(&p, &d), 0);
			session_lock(s[k]);
			bed_decide(s[k], true, 1);
			session_unlock(s[k]);
		}
	}
	bed_fini();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_entries),
		cmocka_unit_test(test_conservation),
		cmocka_unit_test(test_revocation_is_immediate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
