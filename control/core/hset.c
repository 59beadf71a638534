/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open addressing with linear probing and removal by shifting back, so that there are no
 * tombstones. A slot's home is hash * n_slots / 2^32, which needs no power of two.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <ccore/hset.h>
#include <ccore/mem.h>

#define HSET_MIN_SLOTS 16

static size_t home(const struct hset *s, uint64_t hash)
{
	return (size_t)(((hash >> 32) * s->n_slots) >> 32);
}

static uint8_t tag_of(uint64_t hash)
{
	return 0x80 | (hash & 0x7f);
}

static size_t after(const struct hset *s, size_t slot)
{
	return slot + 1 == s->n_slots ? 0 : slot + 1;
}

static void *at(const struct hset *s, size_t slot)
{
	return s->elements + slot * s->size;
}

void hset_init(struct hset *s, size_t size, hset_hash_fn hash)
{
	*s = (struct hset){.size = size, .hash = hash};
}

void hset_clear(struct hset *s)
{
	free(s->tags);
	free(s->elements);
	hset_init(s, s->size, s->hash);
}

void *hset_find(const struct hset *s, uint64_t hash, hset_eq_fn eq, const void *probe)
{
	uint8_t tag = tag_of(hash);

	if (s->n == 0)
		return NULL;
	for (size_t i = home(s, hash); s->tags[i]; i = after(s, i))
		if (s->tags[i] == tag && eq(at(s, i), probe))
			return at(s, i);
	return NULL;
}

static void *place(struct hset *s, uint64_t hash, const void *element)
{
	size_t i = home(s, hash);

	while (s->tags[i])
		i = after(s, i);
	s->tags[i] = tag_of(hash);
	s->n++;
	return memcpy(at(s, i), element, s->size);
}

static void grow(struct hset *s)
{
	struct hset old = *s;

	s->n = 0;
	s->n_slots = old.n_slots ? old.n_slots + old.n_slots / 2 : HSET_MIN_SLOTS;
	s->tags = mem_zalloc(s->n_slots);
	s->elements = mem_alloc(s->n_slots * s->size);
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.tags[i])
			place(s, s->hash(at(&old, i)), at(&old, i));
	free(old.tags);
	free(old.elements);
}

void *hset_insert(struct hset *s, const void *element)
{
	if (s->n + 1 > s->n_slots - s->n_slots / 8)
		grow(s);
	return place(s, s->hash(element), element);
}

/* True when an element whose home is h may stay in slot i although slot hole became free: the hole
 * is not on its way from h to i. */
static bool may_stay(size_t h, size_t hole, size_t i)
{
	return hole < i ? h > hole && h <= i : h > hole || h <= i;
}

void hset_remove(struct hset *s, void *element)
{
	size_t hole = (size_t)((uint8_t *)element - s->elements) / s->size;

	for (size_t i = after(s, hole); s->tags[i]; i = after(s, i)) {
		if (may_stay(home(s, s->hash(at(s, i))), hole, i))
			continue;
		memcpy(at(s, hole), at(s, i), s->size);
		s->tags[hole] = s->tags[i];
		hole = i;
	}
	s->tags[hole] = 0;
	s->n--;
}

void *hset_next(const struct hset *s, const void *prev)
{
	size_t i = prev ? (size_t)((const uint8_t *)prev - s->elements) / s->size + 1 : 0;

	for (; i < s->n_slots; i++)
		if (s->tags[i])
			return at(s, i);
	return NULL;
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

static const uint64_t *seeds(void)
{
	static uint64_t seed[2];

	if (!seed[0] && getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		abort();
	seed[0] |= 1;
	return seed;
}

uint64_t hset_hash(const void *bytes, size_t size)
{
	const uint64_t *seed = seeds();
	const uint8_t *p = bytes;
	uint64_t h = seed[0] ^ size;
	size_t n;

	for (; size > 0; size -= n, p += n) {
		uint64_t word = 0;

		n = size < sizeof(word) ? size : sizeof(word);
		memcpy(&word, p, n);
		h = mix(h ^ word) + seed[1];
	}
	return mix(h);
}
