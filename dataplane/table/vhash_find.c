/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reader side of the versioned hash. Workers, lock-free, within one RCU read section; also the
 * writer on its own thread. Writes nothing.
 */
#include <rte_common.h>

#include "vhash_priv.h"

static __rte_always_inline struct vhash_entry *find_in_bucket(const struct vhash *h,
	const struct bucket *b, const struct wide_key *w, uint16_t tag, uint64_t g)
{
	for (unsigned int word = 0; word < RTE_DIM(b->tags); word++) {
		uint64_t match = tag_match(__atomic_load_n(&b->tags[word], __ATOMIC_ACQUIRE), tag);

		for (; match; match &= match - 1) {
			unsigned int place = word * TAGS_PER_WORD + __builtin_ctzll(match) / 16;
			uint32_t index = __atomic_load_n(&b->index[place], __ATOMIC_ACQUIRE);
			struct vhash_entry *e = entry_at(h, index);

			/* In this order: a valid version's key can't change under the reader. */
			if (entry_valid(e, g) && entry_has_key(e, w))
				return e;
		}
	}
	return NULL;
}

static __rte_always_inline struct vhash_entry *find_from(const struct vhash *h,
	const struct bucket_array *a, const struct bucket *b, const struct wide_key *w,
	uint32_t hash, uint64_t g)
{
	for (;;) {
		struct vhash_entry *e = find_in_bucket(h, b, w, hash_tag(hash), g);
		uint32_t next;

		if (e)
			return e;
		next = __atomic_load_n(&b->next, __ATOMIC_ACQUIRE);
		if (likely(next == 0))
			return NULL;
		b = &a->buckets[next];
	}
}

/* One body for all key sizes; key_size is a constant in each caller. */
static __rte_always_inline struct vhash_entry *find(
	const struct vhash *h, const void *key, uint64_t g, uint32_t key_size)
{
	const struct bucket_array *a = atomic_load_explicit(&h->array, memory_order_acquire);
	struct wide_key w = wide_key(key, key_size);
	uint32_t hash = hash_key(h, &w);

	return find_from(h, a, &a->buckets[hash & a->mask], &w, hash, g);
}

struct vhash_entry *vhash_find(const struct vhash *h, const void *key, uint64_t g)
{
	switch (h->key_size) {
	case 8:
		return find(h, key, g, 8);
	case 20:
		return find(h, key, g, 20);
	}
	return find(h, key, g, h->key_size);
}

/* Brings the entry that the key is most likely in to the cache. */
static __rte_always_inline void prefetch_entry(
	const struct vhash *h, const struct bucket *b, uint16_t tag)
{
	uint64_t match = tag_match(__atomic_load_n(&b->tags[0], __ATOMIC_RELAXED), tag);
	unsigned int place = 0;

	if (!match) {
		match = tag_match(__atomic_load_n(&b->tags[1], __ATOMIC_RELAXED), tag);
		place = TAGS_PER_WORD;
	}
	if (match)
		rte_prefetch0(
			entry_at(h, __atomic_load_n(&b->index[place + __builtin_ctzll(match) / 16],
					    __ATOMIC_RELAXED)));
}

/* As find. */
static __rte_always_inline uint64_t find_bulk(const struct vhash *h, const void *const *keys,
	unsigned int n, uint64_t g, struct vhash_entry **ret, uint32_t key_size)
{
	const struct bucket_array *a = atomic_load_explicit(&h->array, memory_order_acquire);
	const struct bucket *home[VHASH_BULK_MAX];
	struct wide_key w[VHASH_BULK_MAX];
	uint32_t hash[VHASH_BULK_MAX];
	uint64_t hits = 0;

	for (unsigned int i = 0; i < n; i++) {
		w[i] = wide_key(keys[i], key_size);
		hash[i] = hash_key(h, &w[i]);
		home[i] = &a->buckets[hash[i] & a->mask];
		rte_prefetch0(home[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		prefetch_entry(h, home[i], hash_tag(hash[i]));
	for (unsigned int i = 0; i < n; i++) {
		ret[i] = find_from(h, a, home[i], &w[i], hash[i], g);
		hits |= (uint64_t)(ret[i] != NULL) << i;
	}
	return hits;
}

uint64_t vhash_find_bulk(const struct vhash *h, const void *const *keys, unsigned int n, uint64_t g,
	struct vhash_entry **ret)
{
	switch (h->key_size) {
	case 4:
		return find_bulk(h, keys, n, g, ret, 4);
	case 8:
		return find_bulk(h, keys, n, g, ret, 8);
	case 16:
		return find_bulk(h, keys, n, g, ret, 16);
	case 20:
		return find_bulk(h, keys, n, g, ret, 20);
	}
	return find_bulk(h, keys, n, g, ret, h->key_size);
}
