/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table RULESET: policies that cover ports of this host, and the security groups of these, once for
 * each network that they are used in.
 */
#include <stdio.h>

#include "uses.h"

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct use *u = use_find(c, WEFT_TABLE_RULESET, k->in.id);

	if (!u)
		return false;
	ret->ruleset.id = u->id;
	ret->ruleset.tier =
		u->network ? WEFT_TIER_GROUP
			   : ((const struct policy *)model_find(c->m, MODEL_POLICY, u->name))->tier;
	snprintf(ret->ruleset.name, sizeof(ret->ruleset.name), "%s", u->name);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	use_walk(c, WEFT_TABLE_RULESET, fn, arg);
}

const struct compile_table compile_ruleset = {get, walk};

const char *compile_ruleset_name(const struct compiler *c, uint32_t id, enum model_kind *ret_kind)
{
	const struct use *u = use_find(c, WEFT_TABLE_RULESET, id);

	if (!u)
		return NULL;
	*ret_kind = u->network ? MODEL_SECURITY_GROUP : MODEL_POLICY;
	return u->name;
}
