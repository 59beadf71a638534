/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold for routers and routes: their own fields, and what they are to the segments, ports
 * and routes around them. Addresses of a router's segments mean one thing in all of the router, so
 * subnets must not overlap; each must say which address is the router's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "model_impl.h"

#define FAIL(field, ...) model_fail(err, MODEL_ERR_INVALID, o, field, __VA_ARGS__)

int rules_check_router_object(const struct router *r, struct model_error *err)
{
	const struct object *o = &r->o;

	if (weft_mac_is_group(&r->mac))
		return FAIL("mac", "must be the MAC of one machine, not a group address");
	return 0;
}

/* Of the prefix or address: IPv4 is a part of the 16-byte form. */
static bool prefix_is_v4(const struct weft_prefix *p)
{
	return p->len >= 96 && weft_addr_is_v4(&p->addr);
}

static int check_next_hops(const struct route *r, struct model_error *err)
{
	const struct object *o = &r->o;
	char field[40];

	for (size_t i = 0; i < r->n_next_hops; i++) {
		const struct weft_addr *hop = &r->next_hops[i];

		snprintf(field, sizeof(field), "next_hops[%zu]", i);
		if (!rules_addr_is_unicast(hop))
			return FAIL(field, "must be a unicast address");
		if (weft_addr_is_v4(hop) != prefix_is_v4(&r->prefix))
			return FAIL(field, "is of another family than the prefix");
		for (size_t k = 0; k < i; k++)
			if (weft_addr_equal(hop, &r->next_hops[k]))
				return FAIL(field, "is listed twice");
	}
	return 0;
}

int rules_check_route_object(const struct route *r, struct model_error *err)
{
	const struct object *o = &r->o;
	int n = (r->n_next_hops > 0) + (r->peer != NULL) + r->blackhole + r->unreachable;
	bool is_default = r->prefix.len == (prefix_is_v4(&r->prefix) ? 96 : 0);

	if (!is_default &&
		(!rules_addr_is_unicast(&r->prefix.addr) || rules_is_link_local(&r->prefix.addr)))
		return FAIL("prefix", "is not one of unicast addresses that can be routed to");
	if (n != 1)
		return FAIL(NULL, n == 0 ? "leads nowhere: give next_hops, peer, blackhole or "
					   "unreachable"
					 : "must have only one of next_hops, peer, blackhole and "
					   "unreachable");
	if (r->peer && strcmp(r->peer, r->router) == 0)
		return FAIL("peer", "is the router itself");
	return check_next_hops(r, err);
}

/* What is at an address of the router in a segment must not be a port's. */
static int check_own_addr(const struct model *m, const struct entry *router, size_t i,
	const struct weft_addr *addr, struct model_error *err)
{
	const struct entry *segment = entry_segment(router, i),
			   *port = claims_find_addr(m, segment, addr);
	char field[40], text[WEFT_ADDR_STR_SIZE];

	if (!port)
		return 0;
	snprintf(field, sizeof(field), "segments[%zu]", i);
	return model_fail(err, MODEL_ERR_CONFLICT, router->o, field,
		"the router's own address %s in %s is used by port %s; change one of them",
		weft_addr_format(addr, text), segment->name, port->name);
}

static int check_member(
	const struct model *m, const struct entry *router, size_t i, struct model_error *err)
{
	const struct router *r = (const struct router *)router->o;
	const struct entry *segment = entry_segment(router, i), *port;
	const struct segment *s = (const struct segment *)segment->o;
	const struct weft_mac mac = router_mac(r);
	const struct weft_addr link_local = mac_link_local(&mac);
	const struct object *o = router->o;
	char field[40], text[WEFT_PREFIX_STR_SIZE];

	snprintf(field, sizeof(field), "segments[%zu]", i);
	if (strcmp(s->network, r->network) != 0)
		return FAIL(field, "%s is part of network %s, not of %s", s->o.name, s->network,
			r->network);
	port = claims_find_mac(m, segment, &mac);
	if (port)
		return model_fail(err, MODEL_ERR_CONFLICT, o, field,
			"the router's MAC is used in %s by port %s; change one of them", s->o.name,
			port->name);
	for (size_t k = 0; k < s->n_subnets; k++) {
		if (weft_addr_is_zero(&s->subnets[k].gateway))
			return FAIL(field,
				"subnet %s of %s has no gateway, the router's address there; set "
				"one in the segment (subnets=PREFIX@GATEWAY)",
				weft_prefix_format(&s->subnets[k].prefix, text), s->o.name);
		if (check_own_addr(m, router, i, &s->subnets[k].gateway, err) < 0)
			return -EINVAL;
	}
	return check_own_addr(m, router, i, &link_local, err);
}

struct placed {
	const struct weft_prefix *prefix;
	size_t segment; /* index in the router's */
};

static int by_prefix(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int order = memcmp(&x->prefix->addr, &y->prefix->addr, sizeof(struct weft_addr));

	return order ? order : (int)x->prefix->len - y->prefix->len;
}

/* In order of addresses, prefixes that overlap have two neighbours that do. */
static int check_overlap(const struct entry *router, struct model_error *err)
{
	struct placed *all = NULL;
	const struct entry *e;
	size_t n = 0;
	int error = 0;

	for (size_t i = 0; (e = entry_segment(router, i)); i++) {
		const struct segment *s = (const struct segment *)e->o;

		all = mem_realloc(all, n + s->n_subnets + 1, sizeof(*all));
		for (size_t k = 0; k < s->n_subnets; k++)
			all[n++] = (struct placed){&s->subnets[k].prefix, i};
	}
	if (n > 0)
		qsort(all, n, sizeof(*all), by_prefix);
	for (size_t i = 1; i < n && !error; i++) {
		char field[40], text[WEFT_PREFIX_STR_SIZE], other[WEFT_PREFIX_STR_SIZE];

		if (!rules_prefixes_overlap(all[i - 1].prefix, all[i].prefix))
			continue;
		snprintf(field, sizeof(field), "segments[%zu]", all[i].segment);
		error = model_fail(err, MODEL_ERR_CONFLICT, router->o, field,
			"its subnet %s overlaps %s of %s; segments of one router must differ",
			weft_prefix_format(all[i].prefix, text),
			weft_prefix_format(all[i - 1].prefix, other),
			entry_segment(router, all[i - 1].segment)->name);
	}
	free(all);
	return error;
}

int rules_check_router(const struct model *m, const struct entry *router, struct model_error *err)
{
	const struct router *r = (const struct router *)router->o;

	for (size_t i = 0; i < r->n_segments; i++)
		if (check_member(m, router, i, err) < 0)
			return -EINVAL;
	return check_overlap(router, err);
}

int rules_check_route(const struct entry *route, struct model_error *err)
{
	const struct route *r = (const struct route *)route->o;
	const struct entry *router = link_to(route, MODEL_ROUTER), *segment;
	const struct object *o = route->o;
	const struct subnet *net;
	char field[40];

	segment = entry_router_segment(router, &r->prefix.addr, &net);
	if (segment && net->prefix.len == r->prefix.len)
		return model_fail(err, MODEL_ERR_CONFLICT, o, "prefix",
			"is a subnet of segment %s, which the router is connected to; no route is "
			"needed",
			segment->name);
	for (size_t i = 0; i < r->n_next_hops; i++) {
		snprintf(field, sizeof(field), "next_hops[%zu]", i);
		if (!entry_router_segment(router, &r->next_hops[i], &net))
			return FAIL(field,
				"is in no subnet of the segments of router %s; add a segment to it "
				"or change the address",
				router->name);
		if (weft_addr_equal(&net->gateway, &r->next_hops[i]))
			return FAIL(field, "is an address of the router itself");
	}
	return 0;
}

int rules_check_routes(const struct entry *router, struct model_error *err)
{
	const struct link *l;

	LIST_FOREACH (l, &router->users, next)
		if (l->user->kind == MODEL_ROUTE && link_to(l->user, MODEL_ROUTER) == router &&
			rules_check_route(l->user, err) < 0)
			return -EINVAL;
	return 0;
}

int rules_check_routed_port(
	const struct model *m, const struct entry *port, struct model_error *err)
{
	const struct entry *segment = link_to(port, MODEL_SEGMENT),
			   *router = claims_find_routed(m, segment);
	const struct port *p = (const struct port *)port->o;
	struct weft_addr link_local;
	struct weft_mac mac;
	char field[40];

	if (!router)
		return 0;
	mac = router_mac((const struct router *)router->o);
	link_local = mac_link_local(&mac);
	if (weft_mac_equal(&p->mac, &mac))
		return model_fail(err, MODEL_ERR_CONFLICT, port->o, "mac",
			"is the MAC of router %s, which the segment is in", router->name);
	for (size_t i = 0; i < p->n_addresses; i++) {
		const struct weft_addr *a = &p->addresses[i].addr;
		const struct subnet *net = segment_subnet((const struct segment *)segment->o, a);

		if (p->addresses[i].len < 128 ||
			!(weft_addr_equal(a, &link_local) ||
				(net && weft_addr_equal(a, &net->gateway))))
			continue;
		snprintf(field, sizeof(field), "addresses[%zu]", i);
		return model_fail(err, MODEL_ERR_CONFLICT, port->o, field,
			"is the address of router %s, which the segment is in", router->name);
	}
	return 0;
}

int rules_check_l3_only(const struct model *m, const struct entry *segment, struct model_error *err)
{
	if (!((const struct segment *)segment->o)->l3_only || claims_find_routed(m, segment))
		return 0;
	return model_fail(err, MODEL_ERR_INVALID, segment->o, "l3_only",
		"needs a router that the segment is in, as nothing else passes; add the segment to "
		"one");
}

int rules_check_left(const struct model *m, const struct router *before, struct model_error *err)
{
	for (size_t i = 0; i < before->n_segments; i++) {
		const struct entry *segment = entry_find(m, MODEL_SEGMENT, before->segments[i]);

		if (segment && segment->o && rules_check_l3_only(m, segment, err) < 0)
			return -EINVAL;
	}
	return 0;
}
