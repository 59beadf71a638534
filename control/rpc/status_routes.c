/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * status: routes that are as configured but carry nothing: a next hop that no port has, a peer
 * without a route back. Looks at a bounded number of them: status must stay quick with a million.
 * On weftd's event loop.
 */
#include <stdio.h>
#include <string.h>

#include "server.h"

#define LOOK_MAX     10000
#define WARNINGS_MAX 20

struct look {
	const struct model *m;
	struct json_object *warnings;
	unsigned int n_bad;
	unsigned int n_left; /* routes to be looked at yet */
	const char *peer;
};

static void add(struct look *l, const char *sentence)
{
	if (++l->n_bad <= WARNINGS_MAX)
		json_object_array_add(l->warnings, json_object_new_string(sentence));
}

static void look_at_hops(struct look *l, const struct route *r)
{
	char text[400], addr[WEFT_ADDR_STR_SIZE];

	for (size_t i = 0; i < r->n_next_hops; i++) {
		const struct weft_addr *hop = &r->next_hops[i];
		const struct subnet *net;
		const struct segment *s = model_router_segment(l->m, r->router, hop, &net);

		if (s == NULL || model_port_by_addr(l->m, s->o.name, hop) != NULL)
			continue;
		snprintf(text, sizeof(text),
			"Route %s: no port has its next hop %s in segment %s; what goes there is "
			"dropped (no-neighbour).",
			r->o.name, weft_addr_format(hop, addr), s->o.name);
		add(l, text);
	}
}

/* A router of which answers surely do not come back has no route to any peer. */
static int leads_to_a_peer(const struct object *o, void *arg)
{
	const struct route *r = (const struct route *)o;
	struct look *l = arg;

	if (l->n_left == 0)
		return 1; /* not looked at: nothing is said */
	l->n_left--;
	return r->peer != NULL && strcmp(r->router, l->peer) == 0;
}

static void look_at_peer(struct look *l, const struct route *r)
{
	char text[400];

	l->peer = r->peer;
	if (model_users(l->m, MODEL_ROUTER, r->peer, MODEL_ROUTE, leads_to_a_peer, l))
		return;
	snprintf(text, sizeof(text),
		"Route %s leads to router %s, which has no route to a peer: answers do not come "
		"back.",
		r->o.name, r->peer);
	add(l, text);
}

void status_warn_routes(const struct model *m, struct json_object *warnings)
{
	const struct object *o = model_next(m, MODEL_ROUTE, NULL);
	struct look l = {.m = m, .warnings = warnings, .n_left = LOOK_MAX};
	char text[80];

	while (o != NULL && l.n_left > 0) {
		const struct route *r = (const struct route *)o;

		l.n_left--;

		look_at_hops(&l, r);
		if (r->peer != NULL)
			look_at_peer(&l, r);
		o = model_next(m, MODEL_ROUTE, o->name);
	}
	if (l.n_bad <= WARNINGS_MAX)
		return;
	snprintf(text, sizeof(text), "%u more next hops or peers of routes are missing.",
		l.n_bad - WARNINGS_MAX);
	json_object_array_add(warnings, json_object_new_string(text));
}
