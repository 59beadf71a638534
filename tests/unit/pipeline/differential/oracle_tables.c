/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The oracle's look into the configuration: linear search, and routes by the longest prefix.
 */
#include <string.h>

#include "oracle.h"

const struct setup *oracle_now;

bool has_prefix(const struct weft_prefix *p, const struct weft_addr *a)
{
	for (unsigned int bit = 0; bit < p->len; bit++) {
		if ((p->addr.b[bit / 8] ^ a->b[bit / 8]) & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

const struct weft_segment *find_segment(uint32_t vni)
{
	for (unsigned int i = 0; i < oracle_now->n_segment; i++) {
		if (oracle_now->segment[i].vni == vni)
			return &oracle_now->segment[i];
	}
	return NULL;
}

const struct weft_port *find_port(uint32_t id)
{
	for (unsigned int i = 0; i < oracle_now->n_port; i++) {
		if (oracle_now->port[i].id == id)
			return &oracle_now->port[i];
	}
	return NULL;
}

static const struct weft_router *router_by_id(uint32_t id)
{
	for (unsigned int i = 0; i < oracle_now->n_router; i++) {
		if (oracle_now->router[i].id == id)
			return &oracle_now->router[i];
	}
	return NULL;
}

const struct weft_router *find_router(const struct weft_segment *seg)
{
	return seg->router ? router_by_id(seg->router) : NULL;
}

const struct weft_neigh *find_neigh(uint32_t vni, const struct weft_addr *a)
{
	for (unsigned int i = 0; i < oracle_now->n_neigh; i++) {
		const struct weft_neigh *n = &oracle_now->neigh[i];

		if (n->vni == vni && weft_addr_equal(&n->addr, a))
			return n;
	}
	return NULL;
}

const struct weft_fdb *find_fdb(uint32_t vni, const struct weft_mac *mac)
{
	for (unsigned int i = 0; i < oracle_now->n_fdb; i++) {
		const struct weft_fdb *f = &oracle_now->fdb[i];

		if (f->vni == vni && weft_mac_equal(&f->mac, mac))
			return f;
	}
	return NULL;
}

const struct weft_vtep *find_vtep(const struct weft_addr *remote)
{
	for (unsigned int i = 0; i < oracle_now->n_vtep; i++) {
		if (weft_addr_equal(&oracle_now->vtep[i].remote, remote))
			return &oracle_now->vtep[i];
	}
	return NULL;
}

/* table/config.h: it has a router, or a port has policy; and a network. */
bool is_stateful(const struct weft_segment *seg)
{
	bool policy = false;

	for (unsigned int i = 0; i < oracle_now->n_port; i++) {
		const struct weft_port *p = &oracle_now->port[i];

		policy |= p->vni == seg->vni &&
			  (p->n_rulesets > 0 || (p->flags & WEFT_PORT_DEFAULT_DENY));
	}
	return seg->network && (seg->router || policy);
}

static const struct weft_hop *match_route(uint32_t router, const struct weft_addr *dst)
{
	const struct weft_route *best = NULL;
	unsigned int least = weft_addr_is_v4(dst) ? 96 : 0;

	for (unsigned int i = 0; i < oracle_now->n_route; i++) {
		const struct weft_route *r = &oracle_now->route[i];

		if (r->router == router && r->prefix.len >= least && has_prefix(&r->prefix, dst) &&
			(!best || r->prefix.len > best->prefix.len))
			best = r;
	}
	return best ? &best->hops[0] : NULL;
}

/* table/route.h: four routers behind the first. */
enum weft_drop find_hop(
	uint32_t router, const struct weft_addr *dst, struct next_hop *ret, int *tell)
{
	memset(ret, 0, sizeof(*ret));
	*tell = TELL_NET;
	for (unsigned int i = 0; i <= 4; i++) {
		const struct weft_hop *hop = match_route(router, dst);
		const struct weft_segment *seg;

		if (!hop)
			return WEFT_DROP_NO_ROUTE;
		if (hop->type == WEFT_HOP_BLACKHOLE)
			*tell = -1;
		if (hop->type == WEFT_HOP_BLACKHOLE || hop->type == WEFT_HOP_UNREACHABLE)
			return WEFT_DROP_BLACKHOLE;
		if (hop->type == WEFT_HOP_ROUTER) {
			router = hop->ref;
			continue;
		}
		seg = find_segment(hop->ref);
		if (!seg)
			return WEFT_DROP_NO_ROUTE;
		ret->vni = seg->vni;
		ret->router = router_by_id(seg->router ? seg->router : router)->mac;
		ret->neighbour = hop->type == WEFT_HOP_VIA ? hop->via : *dst;
		*tell = -1;
		return 0;
	}
	return WEFT_DROP_ROUTE_LOOP;
}

enum weft_drop find_route(
	uint32_t router, const struct weft_addr *dst, struct next_hop *ret, int *tell)
{
	enum weft_drop drop = find_hop(router, dst, ret, tell);
	const struct weft_neigh *n;

	if (drop)
		return drop;
	n = find_neigh(ret->vni, &ret->neighbour);
	if (n && (n->flags & WEFT_NEIGH_GATEWAY)) {
		ret->gateway = true;
		return 0;
	}
	ret->fdb = n ? find_fdb(ret->vni, &n->mac) : NULL;
	if (!ret->fdb) {
		*tell = TELL_HOST;
		return WEFT_DROP_NO_NEIGHBOUR;
	}
	ret->mac = n->mac;
	return 0;
}
