/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session table's public face: a session from its insertion to its removal.
 *
 * A new session is filled first and then published, both directions in the order of their hashes:
 * of several workers that insert the same one at the same time, even the other way round, one wins.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/random.h>

#include <rte_common.h>
#include <rte_pause.h>

#include <core/clock.h>

#include "offload_priv.h"
#include "track_priv.h"

#define SESSION_PREPARE (4u << 20) /* bytes of sessions, and of buckets, touched per call */

struct session_counts {
	uint64_t created;
	uint64_t refused;
} __attribute__((aligned(64)));

struct session *session_base;
uint32_t session_max;
uint32_t session_places;
unsigned int session_workers;
uint64_t session_seed[2];

static struct session_counts session_counts[WEFT_MAX_WORKERS];
static _Atomic uint64_t session_ended;
static _Atomic uint64_t session_touched; /* bytes */

int session_init(uint32_t max, unsigned int n_workers)
{
	int r;

	if (max < SESSION_MIN || max > SESSION_MAX || n_workers > WEFT_MAX_WORKERS)
		return -EINVAL;
	if (getrandom(session_seed, sizeof(session_seed), 0) != sizeof(session_seed))
		return -EIO;
	session_max = max;
	session_workers = n_workers ? n_workers : 1;
	memset(session_counts, 0, sizeof(session_counts));
	session_ended = 0;
	session_touched = 0;
	limit_reset();
	r = pool_init();
	if (r == 0)
		r = bucket_init();
	if (r == 0)
		r = wheel_init();
	if (r < 0)
		session_fini();
	return r;
}

void session_fini(void)
{
	wheel_fini();
	bucket_fini();
	pool_fini();
}

void session_lock(struct session *s)
{
	while (atomic_exchange_explicit(&s->lock, 1, memory_order_acquire)) {
		while (atomic_load_explicit(&s->lock, memory_order_relaxed))
			rte_pause();
	}
}

void session_unlock(struct session *s)
{
	atomic_store_explicit(&s->lock, 0, memory_order_release);
}

static enum weft_timeout session_first_state(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return WEFT_TIMEOUT_TCP_OPENING;
	case IPPROTO_UDP:
		return WEFT_TIMEOUT_UDP_FIRST;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return WEFT_TIMEOUT_ICMP;
	default:
		return WEFT_TIMEOUT_OTHER;
	}
}

/* In two pieces, which the compiler clears by vectors; it clears a whole direction by a string
 * instruction that takes longer to begin. */
static void session_fill_dir(struct session_dir *d, const struct session_key *key, uint8_t flags)
{
	const size_t second = offsetof(struct session_dir, match_macs);

	d->key = *key;
	memset((uint8_t *)d + sizeof(*key), 0, second - sizeof(*key));
	memset((uint8_t *)d + second, 0, sizeof(*d) - second);
	d->flags = flags;
}

static void session_fill_past(struct session *s, const struct session_past *past)
{
	for (unsigned int i = 0; i < 2; i++) {
		s->dir[i].tcp = past->tcp[i];
		s->dir[i].flags |= SESSION_DIR_OFFLOADED;
	}
	s->offload = past->pair;
	s->created_s = clock_s() - past->idle_s;
	track_resume(s);
}

/* Locked. What a sweep of another worker reads, the owner, comes before the slot in the wheel. */
void session_fill(struct session *s, unsigned int worker, const struct session_new *n)
{
	session_fill_dir(&s->dir[0], &n->key[0], 0);
	session_fill_dir(&s->dir[1], &n->key[1], SESSION_DIR_REPLY);
	atomic_store_explicit(&s->lock, 1, memory_order_relaxed);
	s->state = session_first_state(n->key[0].proto);
	s->tcp_state = 0;
	s->owner = worker;
	s->network = n->network->slot;
	s->tenant = n->tenant ? n->tenant->slot : 0;
	s->charged = n->charged->slot;
	memcpy(s->port, n->port, sizeof(s->port));
	memcpy(s->ruleset, n->ruleset, sizeof(s->ruleset));
	memcpy(s->port_id, n->port_id, sizeof(s->port_id));
	memcpy(s->rule, n->rule, sizeof(s->rule));
	s->policy_epoch = n->policy_epoch;
	s->created_s = clock_s();
	s->offload = 0;
	if (n->past)
		session_fill_past(s, n->past);
	s->flags = (n->past ? 0 : SESSION_HALF_OPEN) | (n->plain ? SESSION_PLAIN : 0);
}

/* One that talks to itself has one key for both directions, and one place. */
static bool session_one_key(const struct session *s)
{
	return memcmp(&s->dir[0].key, &s->dir[1].key, sizeof(s->dir[0].key)) == 0;
}

static int session_publish(struct session *s)
{
	uint32_t index = session_index(s);
	uint64_t hash[2] = {session_hash(&s->dir[0].key), session_hash(&s->dir[1].key)};
	unsigned int first = hash[1] < hash[0] ? 1 : 0;
	unsigned int second = first ^ 1;
	int r = bucket_put(&s->dir[first].key, hash[first], session_ref(index, first));

	if (r < 0 || session_one_key(s))
		return r;
	r = bucket_put(&s->dir[second].key, hash[second], session_ref(index, second));
	if (r < 0)
		bucket_take(&s->dir[first].key, session_ref(index, first));
	return r;
}

/* Somebody may have found one of its directions meanwhile: it dies like any other. */
static void session_undo(struct session *s, unsigned int worker)
{
	uint8_t before = atomic_fetch_or(&s->flags, SESSION_DEAD);

	limit_give(s, before & SESSION_HALF_OPEN);
	session_unlock(s);
	pool_retire(worker, session_index(s));
}

struct session *session_insert(
	unsigned int worker, const struct session_new *n, enum weft_drop *ret_drop)
{
	enum weft_drop drop = limit_take(n);
	struct session *s;
	uint32_t index;
	int r;

	if (drop)
		goto refused;
	index = pool_get(worker);
	if (!index) {
		limit_return(n);
		drop = WEFT_DROP_SESSION_TABLE_FULL;
		goto refused;
	}
	s = session_at(index);
	session_fill(s, worker, n);
	r = session_publish(s);
	if (r == 0) {
		wheel_add(s, config_get());
		atomic_fetch_or(&s->flags, SESSION_LIVE);
		session_counts[worker].created++;
		return s;
	}
	session_undo(s, worker);
	if (r == -EEXIST) {
		*ret_drop = 0;
		return NULL;
	}
	drop = WEFT_DROP_SESSION_TABLE_FULL;
refused:
	session_counts[worker].refused += !n->plain; /* nobody misses those */
	*ret_drop = drop;
	return NULL;
}

/* Who still holds a direction finds it undecided. With the lock, if it is offloaded. */
bool session_end(struct session *s)
{
	uint8_t before = atomic_fetch_or(&s->flags, SESSION_DEAD);

	if (before & SESSION_DEAD)
		return false;
	for (unsigned int i = 0; i < 2; i++) {
		atomic_store_explicit(&s->dir[i].epoch, 0, memory_order_relaxed);
		bucket_take(&s->dir[i].key, session_ref(session_index(s), i));
	}
	offload_withdraw(s);
	limit_give(s, before & SESSION_HALF_OPEN);
	atomic_fetch_add_explicit(&session_ended, 1, memory_order_relaxed);
	return true;
}

/* Under the lock: the worker that inserts it holds that until both directions are in the table. */
void session_remove(struct session *s)
{
	bool ended;

	session_lock(s);
	ended = session_end(s);
	session_unlock(s);
	if (ended)
		wheel_tell(s);
}

void session_decide(struct session_dir *d, const struct session_decision *dec, uint32_t epoch)
{
	const uint8_t keep = SESSION_DIR_REPLY | SESSION_DIR_OFFLOADED;

	atomic_store_explicit(&d->epoch, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	d->dest = dec->dest;
	d->in = dec->in;
	d->out_segment = dec->out_segment;
	d->mss = dec->mss;
	d->flow_hash = dec->flow_hash;
	d->flags = (dec->flags & ~keep) | (d->flags & keep);
	memcpy(d->match_macs, dec->match_macs, sizeof(d->match_macs));
	memcpy(d->rewrite_macs, dec->rewrite_macs, sizeof(d->rewrite_macs));
	if (session_of(d)->flags & SESSION_DEAD)
		return;
	atomic_store_explicit(&d->epoch, epoch, memory_order_release);
	offload_changed(session_of(d));
}

bool session_dir_read(const struct session_dir *d, uint32_t epoch, struct session_decision *ret)
{
	if (epoch == 0 || atomic_load_explicit(&d->epoch, memory_order_acquire) != epoch)
		return false;
	ret->dest = d->dest;
	ret->in = d->in;
	ret->out_segment = d->out_segment;
	ret->mss = d->mss;
	ret->flags = d->flags;
	ret->flow_hash = d->flow_hash;
	memcpy(ret->match_macs, d->match_macs, sizeof(ret->match_macs));
	memcpy(ret->rewrite_macs, d->rewrite_macs, sizeof(ret->rewrite_macs));
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&d->epoch, memory_order_relaxed) == epoch;
}

void session_set_state(struct session *s, enum weft_timeout state, bool answered)
{
	const struct config *cfg = config_get();
	uint8_t old = s->state;

	s->state = state;
	if (answered && s->flags & SESSION_HALF_OPEN) {
		uint8_t before = atomic_fetch_and(&s->flags, (uint8_t)~SESSION_HALF_OPEN);

		if (before & SESSION_HALF_OPEN && !(before & (SESSION_DEAD | SESSION_GHOST)))
			limit_answered(s);
	}
	if (wheel_timeout_s(s, cfg, state) < wheel_timeout_s(s, cfg, old) &&
		!(s->flags & (SESSION_DEAD | SESSION_GHOST)))
		wheel_tell(s);
	offload_changed(s);
}

/* Buckets are hit all over from the first session on, sessions come one after another. */
void session_prepare(void)
{
	static uint64_t generation;
	static bool networks;
	const struct config *cfg = config_get();

	if (cfg && cfg->generation != generation) {
		generation = cfg->generation;
		networks = false;
		for (unsigned int i = 0; i < WEFT_MAX_NETWORKS && !networks; i++)
			networks = cfg->networks[i] != NULL;
	}
	if (networks)
		session_touched = bucket_touch(SESSION_PREPARE) + pool_touch(SESSION_PREPARE);
}

struct session *session_next(uint32_t *cursor, uint32_t *budget)
{
	uint32_t end = pool_end();

	if (*cursor == 0)
		*cursor = 1;
	while (*budget && *cursor < end) {
		struct session *s = session_at((*cursor)++);
		uint8_t flags = atomic_load_explicit(&s->flags, memory_order_acquire);

		(*budget)--;
		if ((flags & (SESSION_LIVE | SESSION_DEAD)) == SESSION_LIVE)
			return s;
	}
	return NULL;
}

void session_stats(struct session_stats *ret)
{
	*ret = (struct session_stats){
		.n = limit_n(),
		.half_open = limit_half_open(),
		.max = session_max,
		.ended = atomic_load_explicit(&session_ended, memory_order_relaxed),
		.bytes = RTE_MAX(atomic_load_explicit(&session_touched, memory_order_relaxed),
			(pool_end() - 1) * SESSION_SIZE),
	};
	for (unsigned int i = 0; i < session_workers; i++) {
		ret->created += session_counts[i].created;
		ret->refused += session_counts[i].refused;
		ret->looked += wheel_n_looks(i);
	}
}
