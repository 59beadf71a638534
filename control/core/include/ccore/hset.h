/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hash set of elements of one fixed size, kept inline: made for a million small elements, where
 * uthash's 56 bytes per element and index would be most of the memory. Costs one byte beside the
 * element and fills to 7/8; grows by half. Linear probing, so the hash must be good: hset_hash is
 * keyed with a random seed (names and MACs are chosen by others). Not for several threads.
 *
 * Elements are found by a probe: any pointer that the caller's eq knows how to compare. Pointers to
 * elements are valid until the next insert or removal.
 */
#ifndef CCORE_HSET_H
#define CCORE_HSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t (*hset_hash_fn)(const void *element);
typedef bool (*hset_eq_fn)(const void *element, const void *probe);

struct hset {
	uint8_t *tags; /* 0: free, else 0x80 and seven bits of the hash */
	uint8_t *elements;
	size_t size; /* of one element */
	size_t n;
	size_t n_slots;
	hset_hash_fn hash;
};

/* hash gives the hash of an element that is in the set (asked again when it grows). */
void hset_init(struct hset *s, size_t size, hset_hash_fn hash);
/* Frees and leaves an empty set. */
void hset_clear(struct hset *s);

void *hset_find(const struct hset *s, uint64_t hash, hset_eq_fn eq, const void *probe);
/* Adds a copy; the caller knows that no equal one is there. Returns where it is. */
void *hset_insert(struct hset *s, const void *element);
/* element: as returned by hset_find. */
void hset_remove(struct hset *s, void *element);
/* prev NULL starts; NULL at the end. In no order; the set must not change meanwhile. */
void *hset_next(const struct hset *s, const void *prev);

/* Of bytes, with a seed that is random in each process. */
uint64_t hset_hash(const void *bytes, size_t size);

#endif
