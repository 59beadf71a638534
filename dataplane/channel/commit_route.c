/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ops on the entries of routing and local services: subnets of segments, routes, DNS names. Main
 * thread, within a commit, after all objects are known.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <table/route.h>

#include "commit.h"

static struct config_subnet *subnet_find(struct segment_draft *d, const struct weft_prefix *prefix)
{
	for (uint32_t i = 0; i < d->n_subnets; i++)
		if (memcmp(&d->subnets[i].spec.prefix, prefix, sizeof(*prefix)) == 0)
			return &d->subnets[i];
	return NULL;
}

static int subnet_put(struct commit *c, const struct txn_walk *w)
{
	const struct weft_subnet *s = &w->op.entry->subnet;
	uint16_t segment = commit_segment(c, s->vni);
	struct config_subnet *at;
	struct segment_draft *d;

	if (!segment)
		return segment_unknown(c, w, s->vni);
	d = commit_draft(c, segment);
	if (!d)
		return commit_fail_memory(c);
	if (!d->subnets)
		d->subnets = calloc(WEFT_SEGMENT_SUBNETS, sizeof(*d->subnets));
	if (!d->subnets)
		return commit_fail_memory(c);
	at = subnet_find(d, &s->prefix);
	if (!at && d->n_subnets == WEFT_SEGMENT_SUBNETS)
		return commit_fail_entry(c, ENOSPC, c->op, w->op.table, s,
			"the segment has %u subnets already", WEFT_SEGMENT_SUBNETS);
	if (!at)
		at = &d->subnets[d->n_subnets++];
	at->spec = *s;
	return 0;
}

static int subnet_delete(struct commit *c, const struct txn_walk *w)
{
	const struct weft_subnet *s = &w->op.entry->subnet;
	uint16_t segment = slot_find(c->next->vni, &s->vni, c->g);
	struct segment_draft *d = segment ? commit_draft(c, segment) : NULL;
	struct config_subnet *at;

	if (!segment)
		return 0;
	if (!d)
		return commit_fail_memory(c);
	at = subnet_find(d, &s->prefix);
	if (at)
		*at = d->subnets[--d->n_subnets];
	return 0;
}

/* Counts what a route refers to, by +1 or -1. */
static void count_route(struct commit *c, uint16_t router, const struct route_entry *e, int by)
{
	c->refs->router_routes[router] += by;
	for (unsigned int i = 0; i < e->n_hops; i++) {
		const struct route_hop *h = &e->hops[i];

		if (h->type == WEFT_HOP_ROUTER)
			c->refs->router_routes[h->slot] += by;
		else if (h->slot)
			c->refs->segment_routes[h->slot] += by;
	}
}

static uint32_t segment_network(const struct commit *c, uint16_t slot)
{
	return c->drafts[slot] ? c->drafts[slot]->spec.network
			       : c->old->segments[slot]->spec.network;
}

/* A route leads into another network by its router only: so it is known whose sessions a change in
 * either of them matters to (commit_network_peers). */
static int resolve_segment(struct commit *c, const struct txn_walk *w, uint16_t router,
	uint32_t vni, struct route_hop *ret)
{
	ret->slot = commit_segment(c, vni);
	if (!ret->slot)
		return commit_fail_entry(c, ENOENT, c->op, w->op.table, w->op.entry,
			"hops: there is no segment %u", vni);
	if (segment_network(c, ret->slot) != c->next->routers[router]->spec.network)
		return commit_fail_entry(c, EINVAL, c->op, w->op.table, w->op.entry,
			"hops: segment %u is not of the router's network", vni);
	return 0;
}

static int resolve_hop(struct commit *c, const struct txn_walk *w, uint16_t router,
	const struct weft_hop *h, struct route_hop *ret)
{
	*ret = (struct route_hop){.type = h->type, .via = h->via};
	switch (h->type) {
	case WEFT_HOP_CONNECTED:
	case WEFT_HOP_VIA:
		return resolve_segment(c, w, router, h->ref, ret);
	case WEFT_HOP_ROUTER:
		ret->slot = commit_router(c, h->ref);
		if (!ret->slot)
			return commit_fail_entry(c, ENOENT, c->op, w->op.table, w->op.entry,
				"hops: there is no router %u", h->ref);
		if (commit_network_peers(c, router))
			return -ENOMEM;
		return commit_network_peers(c, ret->slot);
	}
	return 0;
}

/* The lengths in use only grow: a length without routes costs a lookup, no more. */
static int note_length(struct commit *c, uint16_t router, uint8_t len)
{
	const struct config_router *old = c->next->routers[router];
	uint64_t bit = (uint64_t)1 << (len % 64);
	struct config_router *r;

	if (old->lens[len / 64] & bit)
		return 0;
	r = commit_router_edit(c, router);
	if (!r)
		return commit_fail_memory(c);
	r->lens[len / 64] |= bit;
	return 0;
}

static struct route_key route_key_of(uint16_t router, const struct weft_prefix *prefix)
{
	return (struct route_key){
		.router_slot = router, .len = prefix->len, .prefix = prefix->addr};
}

static int route_put(struct commit *c, const struct txn_walk *w)
{
	const struct weft_route *r = &w->op.entry->route;
	uint16_t router = commit_router(c, r->router);
	struct route_key key = route_key_of(router, &r->prefix);
	struct route_hop hops[WEFT_ROUTE_HOPS];
	struct route_entry *e;
	int rc;

	if (!router)
		return commit_fail_entry(c, ENOENT, c->op, w->op.table, r,
			"router: there is no router %u", r->router);
	for (unsigned int i = 0; i < r->n_hops; i++)
		if ((rc = resolve_hop(c, w, router, &r->hops[i], &hops[i])))
			return rc;
	if ((rc = note_length(c, router, r->prefix.len)))
		return rc;
	e = (struct route_entry *)vhash_find(c->next->routes, &key, c->g);
	if (e)
		count_route(c, router, e, -1);
	e = (struct route_entry *)vhash_put(c->next->routes, &key, c->g);
	if (!e)
		return entry_refused(c, w);
	e->n_hops = r->n_hops;
	memcpy(e->hops, hops, r->n_hops * sizeof(hops[0]));
	count_route(c, router, e, 1);
	commit_stale_network(c, c->next->routers[router]->network_slot);
	return 0;
}

static int route_delete(struct commit *c, const struct txn_walk *w)
{
	const struct weft_route *r = &w->op.entry->route;
	uint16_t router = slot_find(channel.routers.ids, &r->router, c->g);
	struct route_key key = route_key_of(router, &r->prefix);
	const struct route_entry *e;

	if (!router)
		return 0;
	e = (const struct route_entry *)vhash_find(c->next->routes, &key, c->g);
	if (!e)
		return 0;
	count_route(c, router, e, -1);
	if (c->old->routers[router])
		commit_stale_network(c, c->old->routers[router]->network_slot);
	return vhash_delete(c->next->routes, &key, c->g) ? 0 : commit_fail_memory(c);
}

static struct dns_key dns_key_of(uint16_t network, const struct weft_dns *d)
{
	struct dns_key key = {.network_slot = network, .family = weft_addr_is_v4(&d->addr) ? 4 : 6};

	memcpy(key.hash, d->hash, sizeof(key.hash));
	return key;
}

static int dns_put(struct commit *c, const struct txn_walk *w)
{
	const struct weft_dns *d = &w->op.entry->dns;
	uint16_t network = commit_network(c, d->network);
	struct dns_key key = dns_key_of(network, d);
	struct dns_entry *e;

	if (!network)
		return commit_fail_entry(c, ENOENT, c->op, w->op.table, d,
			"network: there is no network %u", d->network);
	if (!vhash_find(c->next->dns, &key, c->g))
		c->refs->network_dns[network]++;
	e = (struct dns_entry *)vhash_put(c->next->dns, &key, c->g);
	if (!e)
		return entry_refused(c, w);
	e->addr = d->addr;
	memcpy(e->name, d->name, sizeof(e->name));
	return 0;
}

static int dns_delete(struct commit *c, const struct txn_walk *w)
{
	const struct weft_dns *d = &w->op.entry->dns;
	uint16_t network = slot_find(channel.networks.ids, &d->network, c->g);
	struct dns_key key = dns_key_of(network, d);

	if (!network)
		return 0;
	if (vhash_delete(c->next->dns, &key, c->g)) {
		c->refs->network_dns[network]--;
		return 0;
	}
	return errno == ENOENT ? 0 : commit_fail_memory(c);
}

int commit_route_entry(struct commit *c, const struct txn_walk *w)
{
	bool put = w->op.verb == WEFT_OP_PUT;

	switch (w->op.table) {
	case WEFT_TABLE_SUBNET:
		return put ? subnet_put(c, w) : subnet_delete(c, w);
	case WEFT_TABLE_ROUTE:
		return put ? route_put(c, w) : route_delete(c, w);
	default:
		return put ? dns_put(c, w) : dns_delete(c, w);
	}
}
