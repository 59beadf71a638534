/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table SET: the address sets that rule sets here refer to, looked up together with others of their
 * tenant; and the members of security groups in a network, with others of the network.
 */
#include <stdio.h>

#include "uses.h"

#define SCOPE_NETWORK 0x80000000u /* with a network's id, else it is a tenant's */

static uint32_t scope_of(const struct compiler *c, const struct use *u)
{
	char tenant[MODEL_NAME_MAX + 1];

	if (u->network)
		return SCOPE_NETWORK | model_find(c->m, MODEL_NETWORK, u->network)->id;
	return model_find(c->m, MODEL_TENANT, model_name_tenant(u->name, tenant))->id;
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct use *u = use_find(c, WEFT_TABLE_SET, k->in.id);

	if (!u)
		return false;
	ret->set.id = u->id;
	ret->set.scope = scope_of(c, u);
	snprintf(ret->set.name, sizeof(ret->set.name), "%s", u->name);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	use_walk(c, WEFT_TABLE_SET, fn, arg);
}

const struct compile_table compile_set = {get, walk};
