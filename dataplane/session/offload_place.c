/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Places in the fast path's buckets, and how many of these are in use.
 *
 * A program finds a session by one load from its bucket. Were all buckets in use for a thousand
 * sessions, each of these would have a page of its own, and that load would miss the TLB nearly
 * always. So there are a few at first, and the main thread doubles them when there are more
 * directions than buckets, until all are in use. They don't become fewer.
 *
 * While they are doubled, programs go on finding every session: what belongs into the new half is
 * copied there, then programs get the new mask, then the old copies go. Workers meanwhile put into
 * both buckets while copies are made, and take out of both all the time. A program that has read
 * the old mask just before may miss a session once.
 *
 * Places are written under a lock of their bucket; two buckets that a direction may be in have the
 * same one. weftd takes places out without it (ebpf/loader/fast_sessions.c).
 */
#include <rte_common.h>

#include "offload_priv.h"

#define BUCKETS_FIRST 1024

static_assert(BUCKETS_FIRST % OFFLOAD_LOCKS == 0, "a bucket and its other half have one lock");

/* now: what programs have. other: what they will have (more) or had (less), else the same. */
struct masks {
	uint32_t now, other;
};

static struct masks masks_get(const struct offload *o)
{
	uint64_t m = atomic_load_explicit(&o->masks, memory_order_acquire);

	return (struct masks){m, m >> 32};
}

/* Who takes a lock after the main thread had it sees them. */
static void masks_set(struct offload *o, uint32_t now, uint32_t other)
{
	atomic_store_explicit(&o->masks, (uint64_t)other << 32 | now, memory_order_release);
}

static uint32_t n_first(const struct offload_tables *t)
{
	return RTE_MIN(t->n_buckets, (uint32_t)BUCKETS_FIRST);
}

bool offload_buckets_fit(const struct offload_tables *t)
{
	uint32_t n = t->control->n_buckets_mask + 1;

	return n >= n_first(t) && n <= t->n_buckets && (n & (n - 1)) == 0;
}

void offload_buckets_begin(struct offload *o)
{
	o->t.control->n_buckets_mask = n_first(&o->t) - 1;
	offload_buckets_adopt(o);
}

void offload_buckets_adopt(struct offload *o)
{
	masks_set(o, o->t.control->n_buckets_mask, o->t.control->n_buckets_mask);
}

static rte_spinlock_t *lock_of(struct offload *o, uint64_t hash)
{
	return &o->locks[hash & (RTE_MIN(o->t.n_buckets, (uint32_t)OFFLOAD_LOCKS) - 1)];
}

static struct weft_bpf_bucket *bucket_of(const struct offload *o, uint64_t hash, uint32_t mask)
{
	return &o->t.buckets[weft_bpf_hash_bucket(hash, mask)];
}

/* From here on with the bucket's lock. */

static bool put_into(struct weft_bpf_bucket *b, uint64_t place)
{
	int free = -1;

	for (int i = 0; i < WEFT_BPF_PLACES; i++) {
		if (b->place[i] == 0)
			free = i;
		else if ((uint32_t)b->place[i] == (uint32_t)place) /* its tag */
			return false;
	}
	if (free >= 0)
		__atomic_store_n(&b->place[free], place, __ATOMIC_SEQ_CST);
	return free >= 0;
}

static void take_out(struct weft_bpf_bucket *b, uint64_t place)
{
	for (int i = 0; i < WEFT_BPF_PLACES; i++) {
		if (b->place[i] == place)
			__atomic_store_n(&b->place[i], 0, __ATOMIC_RELEASE);
	}
}

/* The bucket with that mask of who has that place, UINT32_MAX: nobody has it. */
static uint32_t home_of(const struct offload *o, uint64_t place, uint32_t mask)
{
	uint32_t index = place >> 32;

	if (index >= o->t.n_dirs)
		return UINT32_MAX;
	return weft_bpf_hash_bucket(
		weft_bpf_hash(&o->t.dirs[index].key, o->t.control->hash_seed), mask);
}

/* There is room: who is in the new half is in the old one, too. */
static void copy_bucket(struct offload *o, uint32_t at, uint32_t mask)
{
	for (unsigned int i = 0; i < WEFT_BPF_PLACES; i++) {
		__u64 *from = &o->t.buckets[at].place[i];
		uint64_t place = __atomic_load_n(from, __ATOMIC_ACQUIRE);
		uint32_t home = place ? home_of(o, place, mask) : at;

		if (home == at || home > mask)
			continue;
		put_into(&o->t.buckets[home], place);
		if (__atomic_load_n(from, __ATOMIC_SEQ_CST) != place) /* weftd, meanwhile */
			take_out(&o->t.buckets[home], place);
	}
}

static void clean_bucket(struct offload *o, uint32_t at, uint32_t mask)
{
	for (unsigned int i = 0; i < WEFT_BPF_PLACES; i++) {
		__u64 *from = &o->t.buckets[at].place[i];
		uint64_t place = __atomic_load_n(from, __ATOMIC_ACQUIRE);

		if (place && home_of(o, place, mask) != at)
			__atomic_store_n(from, 0, __ATOMIC_RELEASE);
	}
}

/* End of what needs the lock. */

bool offload_place_put(struct offload *o, const struct weft_bpf_key *key, uint32_t index)
{
	uint64_t hash = weft_bpf_hash(key, o->t.control->hash_seed);
	uint64_t place = weft_bpf_place(weft_bpf_hash_tag(hash), index);
	struct weft_bpf_bucket *b, *next;
	struct masks m;
	bool done;

	rte_spinlock_lock(lock_of(o, hash));
	m = masks_get(o);
	b = bucket_of(o, hash, m.now);
	next = bucket_of(o, hash, RTE_MAX(m.now, m.other));
	done = put_into(b, place);
	if (done && next != b && !put_into(next, place)) {
		take_out(b, place);
		done = false;
	}
	rte_spinlock_unlock(lock_of(o, hash));
	return done;
}

void offload_place_take(struct offload *o, const struct weft_bpf_key *key, uint32_t index)
{
	uint64_t hash = weft_bpf_hash(key, o->t.control->hash_seed);
	uint64_t place = weft_bpf_place(weft_bpf_hash_tag(hash), index);
	struct masks m;

	rte_spinlock_lock(lock_of(o, hash));
	m = masks_get(o);
	take_out(bucket_of(o, hash, m.now), place);
	take_out(bucket_of(o, hash, m.other), place);
	rte_spinlock_unlock(lock_of(o, hash));
}

/* One by one: no worker waits for more than one bucket. */
static void for_each_bucket(struct offload *o, uint32_t last, uint32_t mask,
	void (*do_bucket)(struct offload *o, uint32_t at, uint32_t mask))
{
	for (uint32_t at = 0; at <= last; at++) {
		rte_spinlock_lock(lock_of(o, at));
		do_bucket(o, at, mask);
		rte_spinlock_unlock(lock_of(o, at));
	}
}

static void double_buckets(struct offload *o, uint32_t old)
{
	uint32_t mask = 2 * old + 1;

	masks_set(o, old, mask);
	for_each_bucket(o, old, mask, copy_bucket);
	__atomic_store_n(&o->t.control->n_buckets_mask, mask, __ATOMIC_RELEASE);
	masks_set(o, mask, old);
	for_each_bucket(o, old, mask, clean_bucket);
	masks_set(o, mask, mask);
}

bool offload_buckets_grow(struct offload *o)
{
	uint32_t mask = masks_get(o).now;
	uint64_t n_dirs = 2 * atomic_load_explicit(&o->n, memory_order_relaxed);

	if (n_dirs <= (uint64_t)mask + 1 || mask + 1 >= o->t.n_buckets)
		return false;
	double_buckets(o, mask);
	return true;
}
