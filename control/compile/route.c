/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table ROUTE: of each router that this host has to do with, the subnets of its segments, and its
 * configured routes. A route to a peer that is too far away for a lookup that begins here drops:
 * without it a shorter prefix would decide.
 */
#include <string.h>

#include "compile_impl.h"

static struct weft_hop *add_hop(struct weft_route *e, enum weft_hop_type type, uint32_t ref)
{
	struct weft_hop *hop = &e->hops[e->n_hops++];

	hop->type = type;
	hop->ref = ref;
	return hop;
}

static void fill(const struct compiler *c, const struct route *r, struct weft_route *e)
{
	const struct rtr *peer = r->peer ? rtr_find(c, r->peer) : NULL;
	const struct subnet *net;

	if (r->unreachable)
		add_hop(e, WEFT_HOP_UNREACHABLE, 0);
	else if (peer && peer->relevant)
		add_hop(e, WEFT_HOP_ROUTER, peer->id);
	else if (r->blackhole || r->peer)
		add_hop(e, WEFT_HOP_BLACKHOLE, 0);
	for (size_t i = 0; i < r->n_next_hops; i++) {
		const struct weft_addr *via = &r->next_hops[i];
		const struct segment *s = model_router_segment(c->m, r->router, via, &net);

		add_hop(e, WEFT_HOP_VIA, s->vni)->via = *via;
	}
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct rtr *r = rtr_by_id(c, k->in.id);
	const struct weft_prefix prefix = prefix_of_key(k);
	const struct segment *s;
	const struct subnet *net;
	const struct route *route;

	if (!r)
		return false;
	memset(&ret->route, 0, sizeof(ret->route));
	ret->route.router = r->id;
	ret->route.prefix = prefix;
	route = model_route_by_prefix(c->m, r->name, &prefix);
	if (route) {
		fill(c, route, &ret->route);
		return true;
	}
	s = model_router_segment(c->m, r->name, &prefix.addr, &net);
	if (!s || net->prefix.len != prefix.len)
		return false;
	add_hop(&ret->route, WEFT_HOP_CONNECTED, s->vni);
	return true;
}

struct route_walk {
	const struct rtr *r;
	key_fn fn;
	void *arg;
};

static int walk_route(const struct object *o, void *arg)
{
	const struct route_walk *w = arg;
	const struct route *r = (const struct route *)o;
	union key k = key_prefix(w->r->id, &r->prefix);

	if (strcmp(r->router, w->r->name) == 0) /* else it is another's, to this one */
		w->fn(w->arg, &k);
	return 0;
}

static void walk_router(const struct compiler *c, const struct rtr *r, key_fn fn, void *arg)
{
	struct route_walk w = {r, fn, arg};
	const struct seg *seg;

	LIST_FOREACH (seg, &r->segs, of_rtr) {
		const struct segment *s =
			(const struct segment *)model_find(c->m, MODEL_SEGMENT, seg->name);

		for (size_t i = 0; i < s->n_subnets; i++) {
			union key k = key_prefix(r->id, &s->subnets[i].prefix);

			fn(arg, &k);
		}
	}
	model_users(c->m, MODEL_ROUTER, r->name, MODEL_ROUTE, walk_route, &w);
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	for (struct rtr **p = NULL; (p = hset_next(&c->rtrs, p));)
		if ((*p)->relevant)
			walk_router(c, *p, fn, arg);
}

const struct compile_table compile_route = {get, walk};
