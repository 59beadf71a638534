/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Members of address sets: which sets of a scope have a prefix, in versions. Knows no ids and no
 * rules. Main thread, within a commit.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#include "policy_priv.h"

static void member_destroy(struct vhash_entry *e)
{
	struct member *m = (struct member *)e;

	if (m->n > MEMBER_FEW)
		free(m->sets.list);
	m->n = 0;
}

struct vhash *policy_members_new(void)
{
	struct vhash *h = vhash_new("set-member", sizeof(struct member_key), sizeof(struct member),
		WEFT_MAX_SET_MEMBERS);

	if (h)
		vhash_set_destroy(h, member_destroy);
	return h;
}

static struct member_key member_key(const struct policy_scope *s, const struct weft_prefix *p)
{
	return (struct member_key){
		.scope_slot = s->slot, .family = prefix_family(p), .len = p->len, .addr = p->addr};
}

/* All sets of the prefix into ret, which has room for all sets there can be. */
static uint32_t member_decode(const struct member *m, uint16_t *ret)
{
	uint32_t n = 0;

	if (!m)
		return 0;
	if (m->n <= POLICY_LIST_MAX) {
		memcpy(ret, member_list(m), m->n * sizeof(ret[0]));
		return m->n;
	}
	for (uint32_t i = 0; i < SET_WORDS; i++)
		for (uint64_t word = m->sets.map[i]; word; word &= word - 1)
			ret[n++] = i * 64 + __builtin_ctzll(word);
	return n;
}

/* Fills a version that no reader can see yet. Returns 0 or -ENOMEM. */
static int member_encode(struct member *m, const uint16_t *sets, uint32_t n)
{
	void *block = NULL;

	if (n > MEMBER_FEW) {
		block = calloc(1, RTE_MIN(n, (uint32_t)POLICY_LIST_MAX) * sizeof(sets[0]));
		if (!block)
			return -ENOMEM;
	}
	member_destroy(&m->v);
	m->n = n;
	if (n <= POLICY_LIST_MAX) {
		memcpy(block ? block : m->sets.few, sets, n * sizeof(sets[0]));
	} else {
		static_assert(POLICY_LIST_MAX * sizeof(sets[0]) == SET_WORDS * sizeof(uint64_t),
			"a bit map takes the room of the longest list");
		for (uint32_t i = 0; i < n; i++)
			((uint64_t *)block)[sets[i] / 64] |= UINT64_C(1) << sets[i] % 64;
	}
	if (block)
		m->sets.list = block;
	return 0;
}

static void scope_count(struct policy_scope *s, const struct member_key *key, int32_t change)
{
	uint32_t *n = &s->n_prefixes[key->family][key->len];
	uint64_t *word = &s->lens[key->family][key->len / 64];
	uint64_t bit = UINT64_C(1) << key->len % 64;

	*n += change;
	*word = *n ? *word | bit : *word & ~bit;
}

/* A version of generation g with those sets. Returns 1 or -errno. */
static int member_replace(struct vhash *members, const struct member_key *key, const uint16_t *sets,
	uint32_t n, uint64_t g)
{
	struct member *m = (struct member *)vhash_put(members, key, g);

	if (!m)
		return -errno;
	return member_encode(m, sets, n) ? -ENOMEM : 1;
}

/* Large, and only the main thread's. */
static uint16_t scratch[WEFT_MAX_SETS];

static uint32_t sets_find(const uint16_t *sets, uint32_t n, uint16_t set)
{
	uint32_t at = 0;

	while (at < n && sets[at] != set)
		at++;
	return at;
}

int policy_member_put(struct vhash *members, struct policy_scope *scope,
	const struct weft_prefix *prefix, uint16_t set, uint64_t g)
{
	struct member_key key = member_key(scope, prefix);
	uint32_t n = member_decode((struct member *)vhash_find(members, &key, g), scratch);
	int rc;

	if (sets_find(scratch, n, set) < n)
		return 0;
	scratch[n] = set;
	rc = member_replace(members, &key, scratch, n + 1, g);
	if (rc > 0 && n == 0)
		scope_count(scope, &key, 1);
	return rc;
}

int policy_member_delete(struct vhash *members, struct policy_scope *scope,
	const struct weft_prefix *prefix, uint16_t set, uint64_t g)
{
	struct member_key key = member_key(scope, prefix);
	uint32_t n = member_decode((struct member *)vhash_find(members, &key, g), scratch);
	uint32_t at = sets_find(scratch, n, set);

	if (at == n)
		return 0;
	if (n > 1) {
		scratch[at] = scratch[n - 1];
		return member_replace(members, &key, scratch, n - 1, g);
	}
	if (!vhash_delete(members, &key, g))
		return -ENOMEM;
	scope_count(scope, &key, -1);
	return 1;
}

/* The set with that number, counted from 0, of those that have the prefix; number < m->n. */
static uint16_t member_nth(const struct member *m, uint32_t number)
{
	uint32_t i = 0;
	uint64_t word;

	if (m->n <= POLICY_LIST_MAX)
		return member_list(m)[number];
	for (; number >= (uint32_t)__builtin_popcountll(m->sets.map[i]); i++)
		number -= __builtin_popcountll(m->sets.map[i]);
	for (word = m->sets.map[i]; number > 0; number--)
		word &= word - 1;
	return i * 64 + __builtin_ctzll(word);
}

bool policy_member_next(const struct vhash *members, uint64_t *cursor, uint64_t *inner, uint64_t g,
	uint32_t *budget, uint16_t *ret_set, struct weft_prefix *ret)
{
	uint64_t before = *cursor;
	struct member_key key;
	struct member *m;

	if (*budget == 0)
		return false;
	/* The entry under way is looked for again: it may have gone since. */
	if (*inner > 0)
		--*cursor;
	m = (struct member *)vhash_next_within(members, cursor, g, budget);
	if (m && *cursor == before && *inner >= m->n)
		m = (struct member *)vhash_next_within(members, cursor, g, budget);
	if (*cursor != before)
		*inner = 0;
	if (!m)
		return false;
	memcpy(&key, m->v.key, sizeof(key));
	*ret_set = member_nth(m, *inner);
	*ret = (struct weft_prefix){.addr = key.addr, .len = key.len};
	++*inner;
	return true;
}
