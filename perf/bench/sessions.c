/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session table alone: finding both directions in bursts, in random order, and a session's
 * life: insertion, removal, its owner's housekeeping.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include <core/rcu.h>
#include <session/session.h>

#include "bench.h"

#define SEED 12345

struct table {
	unsigned int n;
	unsigned int at;
	struct config_network network;
	struct config_port port;
	struct session_key *keys; /* 2 n, in random order */
	uint64_t sink;		  /* what keeps results alive */
};

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % n;
}

static void make_keys(uint32_t k, struct session_key ret[2])
{
	uint8_t src[4] = {10, k >> 16, k >> 8, k}, dst[4] = {11, 0, k >> 24, 1};

	ret[0] = (struct session_key){
		.src = weft_addr_from_v4(src),
		.dst = weft_addr_from_v4(dst),
		.sport = 40000,
		.dport = 443,
		.segment = 1,
		.proto = IPPROTO_TCP,
	};
	ret[1] = ret[0];
	ret[1].src = ret[0].dst;
	ret[1].dst = ret[0].src;
	ret[1].sport = ret[0].dport;
	ret[1].dport = ret[0].sport;
}

static struct session *insert(struct table *t, uint32_t k)
{
	struct session_new n = {.network = &t->network, .charged = &t->port};
	enum weft_drop drop = 0;
	struct session *s;

	make_keys(k, n.key);
	s = session_insert(0, &n, &drop);
	if (!s) {
		fprintf(stderr, "bench: session %u was refused: %d\n", k, drop);
		exit(1);
	}
	session_unlock(s);
	return s;
}

/* Hashes are made here, as by the packet path. */
static uint64_t run_find(void *arg, uint64_t n)
{
	struct table *t = arg;

	for (uint64_t done = 0; done < n; done += BENCH_BURST) {
		const struct session_key *keys = &t->keys[t->at];
		struct session_dir *found[BENCH_BURST];
		uint64_t hashes[BENCH_BURST];

		for (unsigned int i = 0; i < BENCH_BURST; i++) {
			hashes[i] = session_hash(&keys[i]);
			session_find_soon(hashes[i]);
		}
		session_find_bulk(keys, hashes, BENCH_BURST, found);
		for (unsigned int i = 0; i < BENCH_BURST; i++)
			t->sink += found[i]->in;
		t->at = (t->at + BENCH_BURST) % (2 * t->n);
	}
	return n;
}

/* First packets: nothing is there. */
static uint64_t run_miss(void *arg, uint64_t n)
{
	struct table *t = arg;

	for (uint64_t done = 0; done < n; done += BENCH_BURST) {
		struct session_key pair[2], keys[BENCH_BURST];
		struct session_dir *found[BENCH_BURST];
		uint64_t hashes[BENCH_BURST];

		for (unsigned int i = 0; i < BENCH_BURST; i++) {
			make_keys(0x8000000 + t->at++ % 0x800000, pair);
			keys[i] = pair[0];
			hashes[i] = session_hash(&keys[i]);
			session_find_soon(hashes[i]);
		}
		session_find_bulk(keys, hashes, BENCH_BURST, found);
		for (unsigned int i = 0; i < BENCH_BURST; i++)
			t->sink += found[i] != NULL;
	}
	return n;
}

static uint64_t run_life(void *arg, uint64_t n)
{
	struct table *t = arg;

	for (uint64_t i = 0; i < n; i++) {
		session_remove(insert(t, 0x8000000 + t->at++ % 0x800000));
		if (i % BENCH_BURST == 0)
			session_age(0, NULL);
	}
	return n;
}

static uint64_t run_idle(void *arg, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		session_age(0, NULL);
	return n;
}

static void shuffle(struct table *t)
{
	for (uint32_t i = 2 * t->n - 1; i > 0; i--) {
		uint32_t j = random_below(i + 1);
		struct session_key key = t->keys[i];

		t->keys[i] = t->keys[j];
		t->keys[j] = key;
	}
}

static void bench_of(unsigned int n)
{
	struct table t = {.n = n, .network = {.slot = 1}, .port = {.slot = 1}};

	t.port.spec.max_sessions = t.port.spec.max_half_open = UINT32_MAX;
	t.keys = malloc(2 * n * sizeof(*t.keys));
	if (!t.keys || session_init(n + n / 8 + SESSION_DEFAULT, 1) < 0) {
		fprintf(stderr, "bench: out of memory\n");
		exit(1);
	}
	bench_fix_seed();
	random_state = SEED;
	for (uint32_t k = 0; k < n; k++) {
		insert(&t, k);
		make_keys(k, &t.keys[2 * k]);
	}
	shuffle(&t);
	bench_report_of("find", n, "sessions", "packet", bench_cycles(run_find, &t));
	t.at = 0;
	bench_report_of("find nothing", n, "sessions", "packet", bench_cycles(run_miss, &t));
	t.at = 0;
	bench_report_of("insert and remove", n, "sessions", "session", bench_cycles(run_life, &t));
	bench_report_of("nothing to age", n, "sessions", "round", bench_cycles(run_idle, &t));
	session_fini();
	free(t.keys);
}

void bench_sessions(uint32_t only)
{
	static const uint32_t sizes[] = {64, 1024, 65536, SESSION_DEFAULT, 10 * SESSION_DEFAULT};

	session_fini(); /* the bed's */
	for (unsigned int i = 0; !only && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		bench_of(sizes[i]);
	if (only)
		bench_of(only);
	if (session_init(SESSION_DEFAULT, 1) < 0)
		exit(1);
}
