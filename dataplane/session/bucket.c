/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The buckets: from a key to a direction of a session.
 *
 * A bucket is one cache line of 8 places: a tag of 16 bits of the hash, and which direction. A key
 * belongs into its first bucket; when that is full into its second one, which other bits of the
 * hash choose, and the first counts that (n_over), so that a reader knows whether to look there.
 * When both are full, one of the first bucket's entries moves to its own second bucket.
 *
 * Readers take no lock. What belongs to a key is changed under the lock of the key's first bucket,
 * what is in a bucket under that bucket's; two are taken in the order of their addresses. An entry
 * is copied before it is cleared, and only moves from its first bucket to its second one, the order
 * in which readers look: they never miss one that is in the table.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_pause.h>

#include "session_priv.h"

#define BUCKET_PLACES 8

struct session_bucket {
	uint16_t tags[BUCKET_PLACES]; /* 0: free */
	uint32_t refs[BUCKET_PLACES]; /* session_ref */
	_Atomic uint32_t lock;
	uint32_t n_over; /* keys that belong here and are in their second bucket */
	uint32_t pad[2];
} __attribute__((aligned(64)));
static_assert(sizeof(struct session_bucket) == SESSION_BUCKET_SIZE, "one line");

struct session_bucket *session_buckets;
uint64_t session_buckets_mask;
static uint64_t bucket_touched;

static size_t bucket_size(void)
{
	return (session_buckets_mask + 1) * sizeof(struct session_bucket);
}

/* Two keys for each session, and half of the places free when all are there. */
int bucket_init(void)
{
	uint64_t n = rte_align64pow2((uint64_t)session_max * 4 / BUCKET_PLACES);

	session_buckets_mask = n - 1;
	bucket_touched = 0;
	session_buckets = pool_map(bucket_size());
	return session_buckets ? 0 : -ENOMEM;
}

void bucket_fini(void)
{
	if (session_buckets)
		pool_unmap(session_buckets, bucket_size());
	session_buckets = NULL;
}

uint64_t bucket_touch(uint64_t n)
{
	n = RTE_MIN(n, bucket_size() - bucket_touched);
	if (n)
		pool_populate((uint8_t *)session_buckets + bucket_touched, n);
	bucket_touched += n;
	return bucket_touched;
}

static __rte_always_inline struct session_bucket *bucket_first(uint64_t hash)
{
	return &session_buckets[hash & session_buckets_mask];
}

/* Bits that neither the first one (at most 23) nor the tag uses. */
static inline struct session_bucket *bucket_second(uint64_t hash)
{
	uint64_t n = hash >> 24 & session_buckets_mask;

	return &session_buckets[n == (hash & session_buckets_mask) ? n ^ 1 : n];
}
static_assert(SESSION_MAX * 4ull / BUCKET_PLACES <= 1ull << 23, "bits of the hash are enough");

static __rte_always_inline uint16_t bucket_tag(uint64_t hash)
{
	uint16_t tag = hash >> 48;

	return tag ? tag : 1;
}

#ifdef __SSE2__
#include <emmintrin.h>

/* Two bits for each place with that tag. */
static __rte_always_inline uint32_t bucket_match(const struct session_bucket *b, uint16_t tag)
{
	__m128i tags = _mm_load_si128((const __m128i *)b->tags);

	return _mm_movemask_epi8(_mm_cmpeq_epi16(tags, _mm_set1_epi16(tag)));
}

static __rte_always_inline bool bucket_key_equal(
	const struct session_key *a, const struct session_key *b)
{
	__m128i src = _mm_xor_si128(_mm_loadu_si128((const __m128i *)&a->src),
		_mm_loadu_si128((const __m128i *)&b->src));
	__m128i dst = _mm_xor_si128(_mm_loadu_si128((const __m128i *)&a->dst),
		_mm_loadu_si128((const __m128i *)&b->dst));
	__m128i rest = _mm_xor_si128(_mm_loadl_epi64((const __m128i *)&a->sport),
		_mm_loadl_epi64((const __m128i *)&b->sport));
	__m128i all = _mm_or_si128(_mm_or_si128(src, dst), rest);

	return _mm_movemask_epi8(_mm_cmpeq_epi8(all, _mm_setzero_si128())) == 0xffff;
}
#else
static __rte_always_inline uint32_t bucket_match(const struct session_bucket *b, uint16_t tag)
{
	uint32_t match = 0;

	for (unsigned int i = 0; i < BUCKET_PLACES; i++)
		match |= (__atomic_load_n(&b->tags[i], __ATOMIC_RELAXED) == tag ? 3u : 0) << 2 * i;
	return match;
}

static __rte_always_inline bool bucket_key_equal(
	const struct session_key *a, const struct session_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
#endif

static __rte_always_inline uint32_t bucket_ref(const struct session_bucket *b, unsigned int place)
{
	return __atomic_load_n(&b->refs[place], __ATOMIC_ACQUIRE);
}

static __rte_always_inline struct session_dir *bucket_dir(uint32_t ref)
{
	return (struct session_dir *)((uint8_t *)session_base + (uint64_t)ref * SESSION_LINE);
}

/* A place that is being given up or filled may have the tag of one entry and the index of another:
 * the key decides. Index 0 holds a session without any key. */
static __rte_always_inline struct session_dir *bucket_find_in(
	const struct session_bucket *b, uint16_t tag, const struct session_key *key)
{
	uint32_t match = bucket_match(b, tag);

	atomic_thread_fence(memory_order_acquire);
	while (match) {
		unsigned int place = __builtin_ctz(match) / 2;
		struct session_dir *d = bucket_dir(bucket_ref(b, place));

		if (bucket_key_equal(&d->key, key))
			return d;
		match &= ~(3u << 2 * place);
	}
	return NULL;
}

static struct session_dir *bucket_find(const struct session_key *key, uint64_t hash)
{
	const struct session_bucket *b = bucket_first(hash);
	struct session_dir *d = bucket_find_in(b, bucket_tag(hash), key);

	if (d || likely(__atomic_load_n(&b->n_over, __ATOMIC_ACQUIRE) == 0))
		return d;
	return bucket_find_in(bucket_second(hash), bucket_tag(hash), key);
}

struct session_dir *session_find(const struct session_key *key)
{
	struct session_dir *d = bucket_find(key, session_hash(key));

	return d && session_of(d)->flags & SESSION_DEAD ? NULL : d;
}

/* Where the direction that the key most likely is is named: the first place with its tag. NULL:
 * there is none. */
static __rte_always_inline const uint32_t *bucket_guess(
	const struct session_bucket *b, uint64_t hash)
{
	uint32_t match = bucket_match(b, bucket_tag(hash));

	return likely(match) ? &b->refs[(uint32_t)__builtin_ctz(match) / 2] : NULL;
}

/* Buckets and sessions stay where they are, which the compiler can't know. */
void session_find_bulk(const struct session_key *keys, const uint64_t *hashes, unsigned int n,
	struct session_dir **ret)
{
	const struct session_bucket *buckets = session_buckets;
	uint8_t *base = (uint8_t *)session_base;
	uint64_t mask = session_buckets_mask;

	for (unsigned int i = 0; i < n; i++) {
		const uint32_t *ref = bucket_guess(&buckets[hashes[i] & mask], hashes[i]);
		uint8_t *dir = NULL;

		atomic_thread_fence(memory_order_acquire);
		if (likely(ref))
			dir = base +
			      (uint64_t)__atomic_load_n(ref, __ATOMIC_ACQUIRE) * SESSION_LINE;
		ret[i] = (struct session_dir *)dir;
		rte_prefetch0(dir);
		rte_prefetch0(dir + SESSION_LINE);
	}
	for (unsigned int i = 0; i < n; i++) {
		if (unlikely(!ret[i] || !bucket_key_equal(&ret[i]->key, &keys[i])))
			ret[i] = bucket_find(&keys[i], hashes[i]);
	}
}

static void bucket_lock(struct session_bucket *b)
{
	while (atomic_exchange_explicit(&b->lock, 1, memory_order_acquire)) {
		while (atomic_load_explicit(&b->lock, memory_order_relaxed))
			rte_pause();
	}
}

static bool bucket_trylock(struct session_bucket *b)
{
	return atomic_exchange_explicit(&b->lock, 1, memory_order_acquire) == 0;
}

static void bucket_unlock(struct session_bucket *b)
{
	atomic_store_explicit(&b->lock, 0, memory_order_release);
}

static void bucket_lock_both(struct session_bucket *a, struct session_bucket *b)
{
	bucket_lock(a < b ? a : b);
	bucket_lock(a < b ? b : a);
}

/* From here on under the bucket's lock. */

/* A free place, or -1. */
static int bucket_free_place(const struct session_bucket *b)
{
	for (unsigned int i = 0; i < BUCKET_PLACES; i++) {
		if (b->tags[i] == 0)
			return i;
	}
	return -1;
}

static int bucket_place_of(const struct session_bucket *b, uint32_t ref)
{
	for (unsigned int i = 0; i < BUCKET_PLACES; i++) {
		if (b->tags[i] && b->refs[i] == ref)
			return i;
	}
	return -1;
}

static void bucket_fill(struct session_bucket *b, unsigned int place, uint16_t tag, uint32_t ref)
{
	__atomic_store_n(&b->refs[place], ref, __ATOMIC_RELAXED);
	__atomic_store_n(&b->tags[place], tag, __ATOMIC_RELEASE);
}

static void bucket_clear(struct session_bucket *b, unsigned int place)
{
	__atomic_store_n(&b->tags[place], 0, __ATOMIC_RELEASE);
	__atomic_store_n(&b->refs[place], 0, __ATOMIC_RELAXED);
}

static void bucket_count_over(struct session_bucket *b, int by)
{
	__atomic_store_n(&b->n_over, b->n_over + by, __ATOMIC_RELEASE);
}

/* Makes a place in b, whose lock and that of other are held, by moving an entry that belongs there
 * to its second bucket; only tries that one's lock, for it is out of order. -1: none can move. */
static int bucket_make_place(struct session_bucket *b, const struct session_bucket *other)
{
	for (unsigned int i = 0; i < BUCKET_PLACES; i++) {
		uint64_t hash = session_hash(&bucket_dir(b->refs[i])->key);
		struct session_bucket *to = bucket_second(hash);
		int place;

		if (bucket_first(hash) != b || to == other || !bucket_trylock(to))
			continue;
		place = bucket_free_place(to);
		if (place >= 0) {
			bucket_count_over(b, 1);
			bucket_fill(to, place, b->tags[i], b->refs[i]);
			bucket_clear(b, i);
		}
		bucket_unlock(to);
		if (place >= 0)
			return i;
	}
	return -1;
}

/* Under the locks of both. */
static int bucket_put_either(struct session_bucket *first, struct session_bucket *second,
	const struct session_key *key, uint64_t hash, uint32_t ref)
{
	int place;

	if (bucket_find(key, hash))
		return -EEXIST;
	place = bucket_free_place(first);
	if (place < 0) {
		place = bucket_free_place(second);
		if (place >= 0) {
			bucket_count_over(first, 1);
			bucket_fill(second, place, bucket_tag(hash), ref);
			return 0;
		}
		place = bucket_make_place(first, second);
	}
	if (place < 0)
		return -ENOSPC;
	bucket_fill(first, place, bucket_tag(hash), ref);
	return 0;
}

int bucket_put(const struct session_key *key, uint64_t hash, uint32_t ref)
{
	struct session_bucket *first = bucket_first(hash), *second = bucket_second(hash);
	int place, r;

	bucket_lock(first);
	r = bucket_find(key, hash) ? -EEXIST : 0;
	place = bucket_free_place(first);
	if (r == 0 && place >= 0)
		bucket_fill(first, place, bucket_tag(hash), ref);
	bucket_unlock(first);
	if (r < 0 || place >= 0)
		return r;
	bucket_lock_both(first, second);
	r = bucket_put_either(first, second, key, hash, ref);
	bucket_unlock(first);
	bucket_unlock(second);
	return r;
}

void bucket_take(const struct session_key *key, uint32_t ref)
{
	uint64_t hash = session_hash(key);
	struct session_bucket *first = bucket_first(hash), *second = bucket_second(hash);
	int place;

	bucket_lock(first);
	place = bucket_place_of(first, ref);
	if (place >= 0)
		bucket_clear(first, place);
	bucket_unlock(first);
	if (place >= 0)
		return;
	bucket_lock_both(first, second);
	place = bucket_place_of(first, ref);
	if (place >= 0) {
		bucket_clear(first, place);
	} else if ((place = bucket_place_of(second, ref)) >= 0) {
		bucket_clear(second, place);
		bucket_count_over(first, -1);
	}
	bucket_unlock(first);
	bucket_unlock(second);
}
