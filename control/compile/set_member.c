/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table SET_MEMBER: the prefixes of the address sets, and the addresses of all ports in the
 * security groups, that rules here refer to.
 */
#include "uses.h"

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct use *u = use_find(c, WEFT_TABLE_SET, k->in.id);
	const struct weft_prefix prefix = prefix_of_key(k);

	if (!u || !use_set_has(c, u, &prefix))
		return false;
	ret->set_member.set = u->id;
	ret->set_member.prefix = prefix;
	return true;
}

struct member_walk {
	key_fn fn;
	void *arg;
	uint32_t set;
};

static void walk_prefix(void *arg, const struct weft_prefix *p)
{
	const struct member_walk *w = arg;
	union key k = key_prefix(w->set, p);

	w->fn(w->arg, &k);
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	struct member_walk w = {fn, arg, 0};

	for (struct use **p = NULL; (p = hset_next(&c->uses, p));) {
		w.set = (*p)->id;
		if ((*p)->table == WEFT_TABLE_SET)
			use_walk_set(c, *p, walk_prefix, &w);
	}
}

const struct compile_table compile_set_member = {get, walk};
