/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Versioned hash: exact-match table whose entries carry the generations they are valid in, so that
 * a reader who holds a generation sees one consistent table while the next one is being written.
 *
 * One writer (the main thread), any number of lock-free readers that are RCU readers (core/rcu.h).
 * Readers look up in bulk with prefetching: hash and bucket, then entry. Grows by building a larger
 * bucket array aside and publishing it with one pointer. Memory follows the number of entries.
 *
 * An entry is valid in generations from <= g < to. Replacing a key adds a version and ends the old
 * one; both stay until no reader can hold the older generation.
 */
#ifndef TABLE_VHASH_H
#define TABLE_VHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VHASH_KEY_MAX  20
#define VHASH_FOREVER  UINT64_MAX
#define VHASH_BULK_MAX 64

struct vhash;

/* What every entry begins with; the table's user puts its value behind it. 8-byte aligned. */
struct vhash_entry {
	uint64_t from;
	uint64_t to;
	uint32_t hash;
	uint8_t key[VHASH_KEY_MAX]; /* zero beyond the table's key size */
};

/* entry_size includes struct vhash_entry; max_entries bounds memory. NULL: out of memory. */
struct vhash *vhash_new(
	const char *name, uint32_t key_size, uint32_t entry_size, uint32_t max_entries);
void vhash_free(struct vhash *h);
/* fn ends what an entry's value owns, when no reader can want it any more; a value of zeroes owns
 * nothing. Before the first put. Writer. */
void vhash_set_destroy(struct vhash *h, void (*fn)(struct vhash_entry *e));

/* Reader. The entry valid in generation g, or NULL. Valid until the reader's next quiescent state.
 */
struct vhash_entry *vhash_find(const struct vhash *h, const void *key, uint64_t g);
/* Reader. n <= VHASH_BULK_MAX keys; ret[i] as vhash_find. Returns a bit mask of hits. */
uint64_t vhash_find_bulk(const struct vhash *h, const void *const *keys, unsigned int n, uint64_t g,
	struct vhash_entry **ret);

/* Writer. New version of key, valid from g on; ends the version valid at g, if any. The returned
 * entry's value is zero and may be filled until g is published. NULL with errno ENOSPC or ENOMEM:
 * nothing has changed. When the version found began at g itself it is returned for overwriting. */
struct vhash_entry *vhash_put(struct vhash *h, const void *key, uint64_t g);
/* Writer. For entries that belong to no transaction: makes a version that was put for a later
 * generation (and is filled) valid from g on, which is published already. Then vhash_commit. */
void vhash_reveal(struct vhash *h, struct vhash_entry *e, uint64_t g);
/* Writer. Ends the version valid at g. False with errno ENOENT or ENOMEM: nothing has changed. */
bool vhash_delete(struct vhash *h, const void *key, uint64_t g);
/* Writer. Undoes every put and delete with generation g: a transaction that failed. */
void vhash_abort(struct vhash *h, uint64_t g);
/* Writer, after g was published: ended versions are unlinked and freed after a grace period
 * (rcu_retire), without scanning the table. */
void vhash_commit(struct vhash *h, uint64_t g);

/* Writer. Walks all entries valid in g; *cursor starts at 0 and survives puts and deletes (an entry
 * may be missed or seen twice only if it changed meanwhile). NULL at the end. */
struct vhash_entry *vhash_next(const struct vhash *h, uint64_t *cursor, uint64_t g);
/* The same, looking at no more than *budget places, which it counts down: NULL with *budget 0 means
 * go on later, NULL with some left the end. vhash_span is how many places there are. */
struct vhash_entry *vhash_next_within(
	const struct vhash *h, uint64_t *cursor, uint64_t g, uint32_t *budget);
uint32_t vhash_span(const struct vhash *h);

uint32_t vhash_count(const struct vhash *h); /* entries valid now */
uint64_t vhash_bytes(const struct vhash *h); /* memory held */

#endif
