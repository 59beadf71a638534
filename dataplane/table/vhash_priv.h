/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The versioned hash's layout, shared by its reader (vhash_find.c) and its writer (vhash.c).
 *
 * A bucket is one cache line: eight 16-bit tags and eight entry numbers; a zero tag is an empty
 * place. A bucket that is full goes on in an overflow bucket. Entries lie in one reserved range of
 * addresses that is touched as it fills, so that a number finds its entry without a second table.
 *
 * The writer stores entry, number, tag, in that order; a reader loads tag, number, entry. A place
 * is emptied only when no reader can want its entry any more, and an entry is used again only a
 * grace period later, so that a reader never loses a version it is entitled to.
 */
#ifndef TABLE_VHASH_PRIV_H
#define TABLE_VHASH_PRIV_H

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include <table/vhash.h>

#define BUCKET_PLACES 8
#define TAGS_PER_WORD 4

struct bucket {
	uint64_t tags[BUCKET_PLACES / TAGS_PER_WORD];
	uint32_t index[BUCKET_PLACES];
	uint32_t next; /* overflow bucket, 0: none */
	uint32_t pad[3];
};
static_assert(sizeof(struct bucket) == 64, "one cache line");

/* What is replaced as a whole when the table grows. */
struct bucket_array {
	uint32_t mask;	     /* home buckets less one */
	uint32_t n_overflow; /* behind the home buckets */
	uint32_t used_overflow;
	struct bucket *buckets;
	size_t size; /* bytes mapped, this header included */
};

struct index_list {
	struct vhash *h;
	uint32_t n;
	uint32_t capacity;
	uint32_t index[];
};

struct vhash {
	/* read by readers */
	struct bucket_array *_Atomic array;
	uint8_t *entries;	   /* entry 0 is never used */
	uint32_t entry_shift_size; /* bytes from one entry to the next */
	uint32_t key_size;
	uint64_t secret[4];

	/* the writer's */
	_Alignas(64) uint32_t entry_size;
	uint32_t max_entries;
	uint32_t n_indexes; /* reserved */
	uint32_t high;	    /* entries below were used at some time */
	uint32_t free_head; /* linked through hash */
	uint32_t n_used;    /* entries that are not free */
	uint32_t n_linked;
	uint32_t n_valid;
	uint32_t refs; /* the owner's and one per list that waits for a grace period */
	uint64_t pending_generation;
	struct index_list *added; /* by the pending generation */
	struct index_list *ended;
	size_t entries_size;
	void (*destroy)(struct vhash_entry *e); /* or NULL */
	char name[32];
};

/* A key of any size, zero-extended. */
struct wide_key {
	uint64_t a, b;
	uint32_t c;
};

static inline __attribute__((always_inline)) struct wide_key wide_key(
	const void *key, uint32_t key_size)
{
	struct wide_key w = {0};

	memcpy(&w, key, key_size);
	return w;
}
static_assert(offsetof(struct wide_key, c) == 16, "a key is copied over its members");

static inline uint64_t fold(uint64_t x, uint64_t y)
{
	unsigned __int128 p = (unsigned __int128)x * y;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* Keyed by secrets of this table: whoever chooses keys (MACs to be learned) can't aim at a bucket.
 * A plain CRC would not do: its collisions do not depend on the seed. */
static inline uint32_t hash_key(const struct vhash *h, const struct wide_key *w)
{
	uint64_t x = fold(w->a ^ h->secret[0], w->b ^ h->secret[1]);

	x = fold(x ^ w->c ^ h->secret[2], h->secret[3]);
	return x ^ x >> 32;
}

static inline uint16_t hash_tag(uint32_t hash)
{
	uint16_t tag = hash >> 16;

	return tag ? tag : 1;
}

static inline struct vhash_entry *entry_at(const struct vhash *h, uint32_t index)
{
	return (struct vhash_entry *)(h->entries + (size_t)index * h->entry_shift_size);
}

static inline bool entry_has_key(const struct vhash_entry *e, const struct wide_key *w)
{
	struct wide_key k = wide_key(e->key, VHASH_KEY_MAX);

	return ((k.a ^ w->a) | (k.b ^ w->b) | (k.c ^ w->c)) == 0;
}

static inline bool entry_valid(const struct vhash_entry *e, uint64_t g)
{
	return __atomic_load_n(&e->from, __ATOMIC_ACQUIRE) <= g &&
	       g < __atomic_load_n(&e->to, __ATOMIC_RELAXED);
}

/* Lanes of a word of tags that equal tag, their top bit set. Lanes above a true match may be set
 * falsely; the key decides. */
static inline uint64_t tag_match(uint64_t word, uint16_t tag)
{
	const uint64_t ones = 0x0001000100010001u;
	uint64_t x = word ^ ones * tag;

	return (x - ones) & ~x & ones << 15;
}

#endif
