/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table TENANT: the tenants of the networks that are programmed here, with their quotas.
 */
#include <stdio.h>

#include "uses.h"

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct tenant *t =
		(const struct tenant *)use_object(c, WEFT_TABLE_TENANT, k->in.id, MODEL_TENANT);

	if (!t)
		return false;
	ret->tenant.id = t->o.id;
	ret->tenant.max_sessions = t->max_sessions;
	ret->tenant.max_half_open = t->max_half_open;
	ret->tenant.session_rate = t->session_rate;
	snprintf(ret->tenant.name, sizeof(ret->tenant.name), "%s", t->o.name);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	use_walk(c, WEFT_TABLE_TENANT, fn, arg);
}

const struct compile_table compile_tenant = {get, walk};
