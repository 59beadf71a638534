/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table SUBNET: the subnets of segments that have a router or tell their ports something, and what
 * they tell. DNS servers and routes go with the subnets of their family or address.
 */
#include <stdio.h>
#include <string.h>

#include "compile_impl.h"

static bool has_services(const struct segment *s)
{
	return s->dhcp || s->ra || s->dns_local;
}

static void fill_flags(const struct segment *s, struct weft_subnet *e)
{
	bool v6 = !weft_addr_is_v4(&e->prefix.addr);

	e->flags = (s->dhcp ? WEFT_SUBNET_DHCP : 0) | (s->dns_local ? WEFT_SUBNET_DNS : 0) |
		   (s->ra && v6 ? WEFT_SUBNET_RA : 0) |
		   (s->slaac && v6 ? WEFT_SUBNET_AUTONOMOUS : 0);
}

static void fill(const struct segment *s, struct weft_subnet *e)
{
	fill_flags(s, e);
	e->lease_s = s->lease_s;
	for (size_t i = 0; i < s->n_dns_servers; i++)
		if (weft_addr_is_v4(&s->dns_servers[i]) == weft_addr_is_v4(&e->prefix.addr))
			e->dns[e->n_dns++] = s->dns_servers[i];
	for (size_t i = 0; i < s->n_host_routes; i++) {
		if (!weft_prefix_contains(&e->prefix, &s->host_routes[i].via))
			continue;
		e->routes[e->n_routes].prefix = s->host_routes[i].prefix;
		e->routes[e->n_routes++].via = s->host_routes[i].via;
	}
	if (s->domain)
		snprintf(e->domain, sizeof(e->domain), "%s", s->domain);
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct seg *seg = seg_by_vni(c, k->in.id);
	const struct segment *s;
	const struct subnet *net;

	if (!seg)
		return false;
	s = (const struct segment *)model_find(c->m, MODEL_SEGMENT, seg->name);
	net = segment_subnet(s, &k->in.addr);
	if (!net || net->prefix.len != k->in.len || (!seg->rtr && !has_services(s)))
		return false;
	memset(&ret->subnet, 0, sizeof(ret->subnet));
	ret->subnet.vni = seg->vni;
	ret->subnet.prefix = net->prefix;
	ret->subnet.gateway = net->gateway;
	fill(s, &ret->subnet);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	for (struct seg **p = NULL; (p = hset_next(&c->segs, p));) {
		const struct segment *s =
			(const struct segment *)model_find(c->m, MODEL_SEGMENT, (*p)->name);

		for (size_t i = 0; (*p)->relevant && i < s->n_subnets; i++) {
			union key k = key_prefix((*p)->vni, &s->subnets[i].prefix);

			fn(arg, &k);
		}
	}
}

const struct compile_table compile_subnet = {get, walk};
