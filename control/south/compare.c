/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a data plane has against what it should have. One array of entries and one open-addressing
 * hash of their keys for each table. The hash is seeded, because tenants choose MACs and addresses.
 * Event loop's thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "compare.h"

#define SLOTS_FIRST 64

struct slot {
	uint32_t hash;
	uint32_t index; /* of the entry + 1; 0: free */
};

struct table {
	uint8_t *entries;
	uint8_t *wanted; /* a bit for each entry */
	struct slot *slots;
	size_t n, n_allocated, n_slots;
};

struct compare {
	uint64_t seed[2];
	struct table tables[WEFT_TABLE_MAX];
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash_key(const struct compare *c, const uint8_t key[WEFT_KEY_SIZE_MAX], uint32_t n)
{
	uint64_t low = 0, high = 0, last = 0;

	static_assert(WEFT_KEY_SIZE_MAX == 3 * sizeof(uint64_t), "the whole key is hashed");
	memcpy(&low, key, n < 8 ? n : 8);
	if (n > 8)
		memcpy(&high, key + 8, n < 16 ? n - 8 : 8);
	if (n > 16)
		memcpy(&last, key + 16, n - 16);
	low = mix(low ^ c->seed[0], high ^ c->seed[1]);
	return mix(low ^ c->seed[1], last ^ c->seed[0] ^ 0x9e3779b97f4a7c15ull);
}

struct compare *compare_new(void)
{
	struct compare *c = calloc(1, sizeof(*c));

	if (c && getrandom(c->seed, sizeof(c->seed), 0) != sizeof(c->seed))
		c->seed[0] = (uintptr_t)c;
	return c;
}

void compare_free(struct compare *c)
{
	if (!c)
		return;
	for (unsigned int i = 0; i < WEFT_TABLE_MAX; i++) {
		free(c->tables[i].entries);
		free(c->tables[i].wanted);
		free(c->tables[i].slots);
	}
	free(c);
}

static void insert_slot(struct table *t, uint32_t hash, uint32_t index)
{
	size_t i = hash & (t->n_slots - 1);

	while (t->slots[i].index != 0)
		i = (i + 1) & (t->n_slots - 1);
	t->slots[i] = (struct slot){hash, index};
}

static bool grow_slots(struct table *t)
{
	struct slot *old = t->slots;
	size_t n_old = t->n_slots, n_slots = n_old ? n_old * 2 : SLOTS_FIRST;

	t->slots = calloc(n_slots, sizeof(*t->slots));
	if (!t->slots) {
		t->slots = old;
		return false;
	}
	t->n_slots = n_slots;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].index != 0)
			insert_slot(t, old[i].hash, old[i].index);
	free(old);
	return true;
}

static bool grow_entries(struct table *t, uint32_t entry_size)
{
	size_t n = t->n_allocated ? t->n_allocated * 2 : SLOTS_FIRST;
	uint8_t *grown;

	grown = realloc(t->entries, n * entry_size);
	if (!grown)
		return false;
	t->entries = grown;
	grown = realloc(t->wanted, n / 8);
	if (!grown)
		return false;
	t->wanted = grown;
	memset(t->wanted + t->n_allocated / 8, 0, (n - t->n_allocated) / 8);
	t->n_allocated = n;
	return true;
}

/* Index of the entry with that key, or SIZE_MAX; its key's hash in any case. */
static size_t find(const struct compare *c, unsigned int table, const union weft_entry *entry,
	uint32_t *ret_hash)
{
	const struct table *t = &c->tables[table];
	uint32_t entry_size = weft_entry_size(table);
	uint8_t key[WEFT_KEY_SIZE_MAX];
	uint32_t hash = hash_key(c, key, weft_entry_key(table, entry, key));

	*ret_hash = hash;
	if (t->n_slots == 0)
		return SIZE_MAX;
	for (size_t i = hash & (t->n_slots - 1); t->slots[i].index != 0;
		i = (i + 1) & (t->n_slots - 1)) {
		size_t index = t->slots[i].index - 1;

		if (t->slots[i].hash == hash &&
			weft_entry_key_equal(table, t->entries + index * entry_size, entry))
			return index;
	}
	return SIZE_MAX;
}

int compare_add(struct compare *c, unsigned int table, const union weft_entry *entry)
{
	uint32_t entry_size = weft_entry_size(table), hash;
	struct table *t;
	size_t index;

	if (entry_size == 0)
		return -EINVAL;
	t = &c->tables[table];
	index = find(c, table, entry, &hash);
	if (index == SIZE_MAX) {
		if (t->n >= UINT32_MAX - 1 ||
			(t->n == t->n_allocated && !grow_entries(t, entry_size)))
			return -ENOMEM;
		if (t->n * 3 >= t->n_slots * 2 && !grow_slots(t))
			return -ENOMEM;
		index = t->n++;
		insert_slot(t, hash, index + 1);
	}
	memcpy(t->entries + index * entry_size, entry, entry_size);
	return 0;
}

void compare_want(
	struct compare *c, enum weft_table table, const union weft_entry *entry, struct ops *out)
{
	uint32_t entry_size = weft_entry_size(table), hash;
	struct table *t = &c->tables[table];
	size_t index = find(c, table, entry, &hash);

	if (index != SIZE_MAX)
		t->wanted[index / 8] |= 1u << (index % 8);
	if (index == SIZE_MAX || memcmp(t->entries + index * entry_size, entry, entry_size) != 0)
		ops_add(out, table, WEFT_OP_PUT, entry);
}

void compare_finish(struct compare *c, struct ops *out)
{
	for (unsigned int table = WEFT_TABLE_MAX - 1; table > 0; table--) {
		const struct table *t = &c->tables[table];
		uint32_t entry_size = weft_entry_size(table);

		for (size_t i = 0; i < t->n; i++)
			if (!(t->wanted[i / 8] & (1u << (i % 8))))
				ops_add(out, table, WEFT_OP_DELETE,
					(const union weft_entry *)(t->entries + i * entry_size));
	}
}
