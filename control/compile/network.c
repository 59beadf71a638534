/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table NETWORK: the networks of the segments and routers that are programmed here.
 */
#include <stdio.h>
#include <string.h>

#include "uses.h"

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct network *n =
		(const struct network *)use_object(c, WEFT_TABLE_NETWORK, k->in.id, MODEL_NETWORK);
	struct weft_network *e = &ret->network;
	char tenant[MODEL_NAME_MAX + 1];

	if (!n)
		return false;
	model_name_tenant(n->o.name, tenant);
	e->id = n->o.id;
	e->tenant = model_find(c->m, MODEL_TENANT, tenant)->id;
	e->flags = (n->tcp_strict ? WEFT_NETWORK_TCP_STRICT : 0) |
		   (n->when_full == WHEN_FULL_STATELESS ? WEFT_NETWORK_FULL_STATELESS : 0) |
		   (n->metadata ? WEFT_NETWORK_METADATA : 0) |
		   (n->mss_clamp ? WEFT_NETWORK_MSS_CLAMP : 0);
	memcpy(e->timeout_s, n->timeouts.s, sizeof(e->timeout_s));
	snprintf(e->name, sizeof(e->name), "%s", n->o.name);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	use_walk(c, WEFT_TABLE_NETWORK, fn, arg);
}

const struct compile_table compile_network = {get, walk};
