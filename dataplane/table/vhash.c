/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writer side of the versioned hash: versions, growth, reclamation. Knows nothing of what values
 * mean. Main thread only; what readers may see meanwhile is described in vhash_priv.h.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <rte_common.h>

#include <core/rcu.h>

#include "vhash_priv.h"

#define BUCKETS_MIN    8u
#define BUCKET_LOAD    5u /* entries per home bucket on average at which the table grows */
#define OVERFLOW_SHARE 8u /* one overflow bucket for so many home buckets */
#define LIST_MIN       64u
#define GIVE_BACK_MIN  4096u	  /* entries that were used at some time */
#define NEVER	       UINT64_MAX /* from of an entry that is free */
#define HUGE_ALIGN     (2u << 20)

/* Memory of its own mapping: given back as soon as it is freed, in huge pages when it is large. */
static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (size >= HUGE_ALIGN)
		madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static struct bucket_array *array_new(uint32_t n_buckets, uint32_t n_overflow)
{
	size_t size = ((size_t)n_buckets + n_overflow + 1) * sizeof(struct bucket);
	struct bucket_array *a;

	static_assert(sizeof(*a) <= sizeof(struct bucket), "the header takes one bucket's place");
	a = map(size);
	if (!a)
		return NULL;
	a->mask = n_buckets - 1;
	a->n_overflow = n_overflow;
	a->used_overflow = 0;
	a->buckets = (struct bucket *)a + 1;
	a->size = size;
	return a;
}

static void array_free(void *array)
{
	struct bucket_array *a = array;

	munmap(a, a->size);
}

/* The last bucket of the chain, with *ret_place a free place in it or -1. */
static struct bucket *find_free_place(struct bucket_array *a, uint32_t hash, int *ret_place)
{
	struct bucket *b = &a->buckets[hash & a->mask];

	for (;; b = &a->buckets[b->next]) {
		for (int i = 0; i < BUCKET_PLACES; i++) {
			if ((b->tags[i / TAGS_PER_WORD] >> i % TAGS_PER_WORD * 16 & 0xffff) == 0) {
				*ret_place = i;
				return b;
			}
		}
		if (b->next == 0)
			break;
	}
	*ret_place = -1;
	return b;
}

static void place_set(struct bucket *b, int place, uint32_t index, uint16_t tag)
{
	unsigned int shift = place % TAGS_PER_WORD * 16;
	uint64_t *word = &b->tags[place / TAGS_PER_WORD];

	if (index)
		__atomic_store_n(&b->index[place], index, __ATOMIC_RELEASE);
	__atomic_store_n(word, (*word & ~(UINT64_C(0xffff) << shift)) | (uint64_t)tag << shift,
		__ATOMIC_RELEASE);
}

/* False: no overflow bucket is left. */
static bool array_link(struct bucket_array *a, uint32_t hash, uint32_t index)
{
	struct bucket *b;
	int place;

	b = find_free_place(a, hash, &place);
	if (place < 0) {
		uint32_t next = a->mask + 1 + a->used_overflow;

		if (a->used_overflow == a->n_overflow)
			return false;
		a->used_overflow++;
		place_set(&a->buckets[next], 0, index, hash_tag(hash));
		__atomic_store_n(&b->next, next, __ATOMIC_RELEASE);
		return true;
	}
	place_set(b, place, index, hash_tag(hash));
	return true;
}

/* Copies all places into an empty array. False: it has too few overflow buckets. */
static bool array_copy(
	const struct vhash *h, const struct bucket_array *from, struct bucket_array *to)
{
	uint32_t n = from->mask + 1 + from->used_overflow;

	for (uint32_t i = 0; i < n; i++) {
		const struct bucket *b = &from->buckets[i], *ahead = b + 4;

		for (int p = 0; i + 4 < n && p < BUCKET_PLACES; p++)
			rte_prefetch0(entry_at(h, ahead->index[p]));
		for (int p = 0; p < BUCKET_PLACES; p++) {
			if ((b->tags[p / TAGS_PER_WORD] >> p % TAGS_PER_WORD * 16 & 0xffff) == 0)
				continue;
			if (!array_link(to, entry_at(h, b->index[p])->hash, b->index[p]))
				return false;
		}
	}
	return true;
}

/* Builds a larger array aside and publishes it. Returns 0 or -ENOMEM: the old one stays. */
static int grow(struct vhash *h)
{
	struct bucket_array *old = h->array, *new;
	uint32_t n_buckets = old->mask + 1, n_overflow = old->n_overflow;

	/* Overflow without load: many versions of few keys; more home buckets would not help. */
	if (h->n_linked >= n_buckets * 2)
		n_buckets *= 2;
	n_overflow = RTE_MAX(n_overflow, n_buckets / OVERFLOW_SHARE);
	for (;; n_overflow *= 2) {
		if (old->used_overflow == n_overflow)
			continue;
		new = array_new(n_buckets, n_overflow);
		if (!new)
			return -ENOMEM;
		if (array_copy(h, old, new))
			break;
		array_free(new);
	}
	atomic_store_explicit(&h->array, new, memory_order_release);
	rcu_retire(array_free, old);
	return 0;
}

struct vhash *vhash_new(
	const char *name, uint32_t key_size, uint32_t entry_size, uint32_t max_entries)
{
	struct vhash *h;

	if (key_size == 0 || key_size > VHASH_KEY_MAX || entry_size < sizeof(struct vhash_entry))
		return NULL;
	h = aligned_alloc(64, sizeof(*h));
	if (!h)
		return NULL;
	memset(h, 0, sizeof(*h));
	snprintf(h->name, sizeof(h->name), "%s", name);
	h->key_size = key_size;
	h->entry_size = entry_size;
	/* An entry never lies on more cache lines than it must. */
	h->entry_shift_size = RTE_ALIGN_CEIL(entry_size, 64u);
	h->max_entries = max_entries;
	/* A transaction that replaces every entry needs both versions at once; ended versions may
	 * wait for a grace period meanwhile. Only addresses are reserved. */
	h->n_indexes = RTE_MIN((uint64_t)max_entries * 2 + 1024, (uint64_t)UINT32_MAX);
	h->high = 1;
	h->refs = 1;
	h->entries_size = (size_t)h->n_indexes * h->entry_shift_size;
	h->entries = map(h->entries_size);
	h->array = array_new(BUCKETS_MIN, BUCKETS_MIN);
	if (h->entries && h->array &&
		getrandom(h->secret, sizeof(h->secret), 0) == sizeof(h->secret)) {
		h->secret[3] |= 1;
		return h;
	}
	vhash_free(h);
	return NULL;
}

void vhash_set_destroy(struct vhash *h, void (*fn)(struct vhash_entry *e))
{
	h->destroy = fn;
}

static void destroy_all(struct vhash *h)
{
	for (uint32_t i = 1; h->destroy && i < h->high; i++)
		if (entry_at(h, i)->from != NEVER)
			h->destroy(entry_at(h, i));
}

static void vhash_unref(struct vhash *h)
{
	if (--h->refs > 0)
		return;
	if (h->entries) {
		destroy_all(h);
		munmap(h->entries, h->entries_size);
	}
	if (h->array)
		array_free(h->array);
	free(h->added);
	free(h->ended);
	free(h);
}

void vhash_free(struct vhash *h)
{
	if (h)
		vhash_unref(h);
}

/* Makes room for one more. Returns 0 or -ENOMEM. */
static int list_reserve(struct vhash *h, struct index_list **list)
{
	struct index_list *l = *list;
	uint32_t capacity = l ? l->capacity : 0;

	if (l && l->n < capacity)
		return 0;
	capacity = capacity ? capacity * 2 : LIST_MIN;
	l = realloc(l, sizeof(*l) + (size_t)capacity * sizeof(l->index[0]));
	if (!l)
		return -ENOMEM;
	if (!*list)
		l->n = 0;
	l->h = h;
	l->capacity = capacity;
	*list = l;
	return 0;
}

static uint32_t index_alloc(struct vhash *h)
{
	uint32_t index = h->free_head;

	if (index)
		h->free_head = entry_at(h, index)->hash;
	else if (h->high < h->n_indexes)
		index = h->high++;
	h->n_used += index != 0;
	return index;
}

static void index_free(struct vhash *h, uint32_t index)
{
	struct vhash_entry *e = entry_at(h, index);

	if (h->destroy)
		h->destroy(e);
	__atomic_store_n(&e->from, NEVER, __ATOMIC_RELAXED);
	e->hash = h->free_head;
	h->free_head = index;
	h->n_used--;
}

/* An empty table gives its memory back. A reader that still looks at an entry sees zeroes, which
 * are valid in no generation. */
static void give_back(struct vhash *h)
{
	struct bucket_array *old = h->array, *new;

	if (h->n_used > 0 || h->high < GIVE_BACK_MIN)
		return;
	new = array_new(BUCKETS_MIN, BUCKETS_MIN);
	if (!new)
		return;
	atomic_store_explicit(&h->array, new, memory_order_release);
	rcu_retire(array_free, old);
	madvise(h->entries, h->entries_size, MADV_DONTNEED);
	h->high = 1;
	h->free_head = 0;
}

static uint32_t entry_index(const struct vhash *h, const struct vhash_entry *e)
{
	return ((const uint8_t *)e - h->entries) / h->entry_shift_size;
}

static void unlink_index(struct vhash *h, uint32_t index)
{
	struct bucket_array *a = h->array;
	struct bucket *b = &a->buckets[entry_at(h, index)->hash & a->mask];

	for (;; b = &a->buckets[b->next]) {
		for (int p = 0; p < BUCKET_PLACES; p++) {
			uint64_t tag =
				b->tags[p / TAGS_PER_WORD] >> p % TAGS_PER_WORD * 16 & 0xffff;

			if (tag && b->index[p] == index) {
				place_set(b, p, 0, 0);
				h->n_linked--;
				return;
			}
		}
		if (b->next == 0)
			return;
	}
}

/* Room in lists, buckets and entries for one more version. Returns its index, or 0 with errno. */
static uint32_t version_prepare(struct vhash *h)
{
	struct bucket_array *a = h->array;
	uint32_t index;

	if (list_reserve(h, &h->added) || list_reserve(h, &h->ended) ||
		(h->n_linked >= (a->mask + 1) * BUCKET_LOAD && grow(h))) {
		errno = ENOMEM;
		return 0;
	}
	index = index_alloc(h);
	if (!index)
		errno = ENOSPC;
	return index;
}

static void end_version(struct vhash *h, struct vhash_entry *e, uint64_t g)
{
	__atomic_store_n(&e->to, g, __ATOMIC_RELEASE);
	h->ended->index[h->ended->n++] = entry_index(h, e);
}

struct vhash_entry *vhash_put(struct vhash *h, const void *key, uint64_t g)
{
	struct vhash_entry *old = vhash_find(h, key, g), *e;
	struct wide_key w = wide_key(key, h->key_size);
	uint32_t index;

	if (old && old->from == g)
		return old;
	if (!old && h->n_valid >= h->max_entries) {
		errno = ENOSPC;
		return NULL;
	}
	index = version_prepare(h);
	if (!index)
		return NULL;
	e = entry_at(h, index);
	memset((uint8_t *)e + sizeof(e->from), 0, h->entry_shift_size - sizeof(e->from));
	e->to = VHASH_FOREVER;
	e->hash = hash_key(h, &w);
	memcpy(e->key, key, h->key_size);
	__atomic_store_n(&e->from, g, __ATOMIC_RELEASE);
	while (!array_link(h->array, e->hash, index)) {
		if (grow(h)) {
			index_free(h, index);
			errno = ENOMEM;
			return NULL;
		}
	}
	h->n_linked++;
	h->pending_generation = g;
	h->added->index[h->added->n++] = index;
	if (old)
		end_version(h, old, g);
	else
		h->n_valid++;
	return e;
}

bool vhash_delete(struct vhash *h, const void *key, uint64_t g)
{
	struct vhash_entry *e = vhash_find(h, key, g);

	if (!e || list_reserve(h, &h->ended)) {
		errno = e ? ENOMEM : ENOENT;
		return false;
	}
	h->pending_generation = g;
	end_version(h, e, g);
	h->n_valid--;
	return true;
}

void vhash_reveal(struct vhash *h, struct vhash_entry *e, uint64_t g)
{
	__atomic_store_n(&e->from, g, __ATOMIC_RELEASE);
}

static void list_free_indexes(void *list)
{
	struct index_list *l = list;
	struct vhash *h = l->h;

	for (uint32_t i = 0; i < l->n; i++)
		index_free(h, l->index[i]);
	free(l);
	if (h->refs > 1)
		give_back(h);
	vhash_unref(h);
}

static void list_unlink(void *list)
{
	struct index_list *l = list;

	for (uint32_t i = 0; i < l->n; i++)
		unlink_index(l->h, l->index[i]);
	rcu_retire(list_free_indexes, l);
}

void vhash_abort(struct vhash *h, uint64_t g)
{
	struct index_list *added = h->added, *ended = h->ended;

	for (uint32_t i = 0; ended && i < ended->n; i++) {
		struct vhash_entry *e = entry_at(h, ended->index[i]);

		__atomic_store_n(&e->to, VHASH_FOREVER, __ATOMIC_RELEASE);
		h->n_valid++;
	}
	if (ended)
		ended->n = 0;
	if (!added || added->n == 0)
		return;
	/* No reader holds g, so these were returned to none, but may just be looked at; the next
	 * transaction may be called g again. */
	for (uint32_t i = 0; i < added->n; i++)
		__atomic_store_n(&entry_at(h, added->index[i])->from, NEVER, __ATOMIC_RELEASE);
	h->n_valid -= added->n;
	h->added = NULL;
	h->refs++;
	list_unlink(added);
}

void vhash_commit(struct vhash *h, uint64_t g)
{
	struct index_list *ended = h->ended;

	if (h->added && h->added->n > LIST_MIN) {
		free(h->added);
		h->added = NULL;
	} else if (h->added) {
		h->added->n = 0;
	}
	if (!ended || ended->n == 0)
		return;
	h->ended = NULL;
	h->refs++;
	rcu_retire(list_unlink, ended);
}

struct vhash_entry *vhash_next(const struct vhash *h, uint64_t *cursor, uint64_t g)
{
	uint32_t all = UINT32_MAX;

	return vhash_next_within(h, cursor, g, &all);
}

struct vhash_entry *vhash_next_within(
	const struct vhash *h, uint64_t *cursor, uint64_t g, uint32_t *budget)
{
	while (*cursor + 1 < h->high) {
		struct vhash_entry *e;

		if (*budget == 0)
			return NULL;
		--*budget;
		e = entry_at(h, ++*cursor);
		if (entry_valid(e, g))
			return e;
	}
	return NULL;
}

uint32_t vhash_span(const struct vhash *h)
{
	return h->high;
}

uint32_t vhash_count(const struct vhash *h)
{
	return h->n_valid;
}

uint64_t vhash_bytes(const struct vhash *h)
{
	struct bucket_array *a = h->array;

	return sizeof(*h) + (uint64_t)h->high * h->entry_shift_size + a->size;
}
