/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table ROUTER: the routers that this host has to do with (routing.c).
 */
#include <stdio.h>

#include "compile_impl.h"

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct rtr *r = rtr_by_id(c, k->in.id);
	const struct router *is;

	if (!r)
		return false;
	is = (const struct router *)model_find(c->m, MODEL_ROUTER, r->name);
	ret->router.id = r->id;
	ret->router.network = model_find(c->m, MODEL_NETWORK, is->network)->id;
	ret->router.mac = r->mac;
	snprintf(ret->router.name, sizeof(ret->router.name), "%s", r->name);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	for (struct rtr **p = NULL; (p = hset_next(&c->rtrs, p));) {
		union key k = key_id((*p)->id);

		fn(arg, &k);
	}
}

const struct compile_table compile_router = {get, walk};

const char *compile_router_name(const struct compiler *c, uint32_t id)
{
	const struct rtr *r = rtr_by_id(c, id);

	return r ? r->name : NULL;
}
