/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The members of address sets, shared by their reader (policy.c) and their writer (policy_set.c).
 *
 * One versioned entry per scope and prefix; its value tells the sets (by slot) that have exactly
 * this prefix: up to MEMBER_FEW in the entry itself, up to POLICY_LIST_MAX in a list, else in a bit
 * map over all slots. A version's value never changes once its generation is published; the block
 * behind it goes with the version.
 */
#ifndef TABLE_POLICY_PRIV_H
#define TABLE_POLICY_PRIV_H

#include <string.h>

#include <rte_byteorder.h>

#include <table/policy.h>

#define MEMBER_FEW  8
#define SET_WORDS   (WEFT_MAX_SETS / 64)
#define V4_BITS	    96
#define MEMBER_LENS 129

struct member_key {
	uint16_t scope_slot;
	uint8_t family; /* enum policy_family */
	uint8_t len;
	struct weft_addr addr; /* without host bits */
};
static_assert(sizeof(struct member_key) == VHASH_KEY_MAX, "hashed without padding");

struct member {
	struct vhash_entry v;
	union {
		uint16_t few[MEMBER_FEW];
		uint16_t *list;
		uint64_t *map;
	} sets;
	uint32_t n;
};

static inline enum policy_family prefix_family(const struct weft_prefix *p)
{
	return weft_addr_is_v4(&p->addr) && p->len >= V4_BITS ? POLICY_V4 : POLICY_V6;
}

/* The first len bits set, as they lie in memory. */
static inline void prefix_mask(unsigned int len, uint64_t ret[2])
{
	unsigned int high = len < 64 ? len : 64, low = len - high;

	ret[0] = high ? rte_cpu_to_be_64(UINT64_MAX << (64 - high)) : 0;
	ret[1] = low ? rte_cpu_to_be_64(UINT64_MAX << (64 - low)) : 0;
}

static inline void addr_words(const struct weft_addr *a, uint64_t ret[2])
{
	memcpy(ret, a, sizeof(*a));
}

/* The sets of a list, whether in the entry or behind it; n <= POLICY_LIST_MAX. */
static inline const uint16_t *member_list(const struct member *m)
{
	return m->n <= MEMBER_FEW ? m->sets.few : m->sets.list;
}

#endif
