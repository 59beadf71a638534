/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table NEIGH: whose MAC an address is, for each single address of a reachable port and for the
 * link-local address that follows from its MAC (RFC 4291 appendix A), unless another port has that
 * one explicitly. In a segment with a router also the router's own addresses: the gateways of the
 * subnets and the link-local one.
 */
#include <string.h>

#include "compile_impl.h"

void neigh_of_port(
	const struct port *p, void (*fn)(void *arg, const struct weft_addr *addr), void *arg)
{
	struct weft_addr link_local = mac_link_local(&p->mac);
	bool listed = false;

	for (size_t i = 0; i < p->n_addresses; i++) {
		if (p->addresses[i].len != 128)
			continue;
		fn(arg, &p->addresses[i].addr);
		listed |= weft_addr_equal(&p->addresses[i].addr, &link_local);
	}
	if (!listed)
		fn(arg, &link_local);
}

/* The port whose MAC the link-local address is made of. */
static const struct port *by_link_local(
	const struct compiler *c, const struct seg *seg, const struct weft_addr *a)
{
	struct weft_mac mac = {{a->b[8] ^ 2, a->b[9], a->b[10], a->b[13], a->b[14], a->b[15]}};
	struct weft_addr made = mac_link_local(&mac);

	return weft_addr_equal(&made, a) ? model_port_by_mac(c->m, seg->name, &mac) : NULL;
}

static bool is_gateway(const struct compiler *c, const struct seg *seg, const struct weft_addr *a)
{
	const struct subnet *net;
	struct weft_addr link_local;

	if (!seg->rtr)
		return false;
	link_local = mac_link_local(&seg->rtr->mac);
	net = segment_subnet((const struct segment *)model_find(c->m, MODEL_SEGMENT, seg->name), a);
	return weft_addr_equal(&link_local, a) || (net && weft_addr_equal(&net->gateway, a));
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct seg *seg = seg_by_vni(c, k->in.id);
	const struct port *p;
	struct weft_fdb where;

	if (!seg)
		return false;
	if (is_gateway(c, seg, &k->in.addr)) {
		ret->neigh.vni = seg->vni;
		ret->neigh.addr = k->in.addr;
		ret->neigh.mac = seg->rtr->mac;
		ret->neigh.flags = WEFT_NEIGH_GATEWAY;
		return true;
	}
	p = model_port_by_addr(c->m, seg->name, &k->in.addr);
	if (!p)
		p = by_link_local(c, seg, &k->in.addr);
	if (!p || !fdb_locate(c, p, &where))
		return false;
	ret->neigh.vni = seg->vni;
	ret->neigh.addr = k->in.addr;
	ret->neigh.mac = p->mac;
	return true;
}

struct neigh_walk {
	const struct compiler *c;
	key_fn fn;
	void *arg;
	const struct seg *seg;
	const struct port *p;
};

static void walk_addr(void *arg, const struct weft_addr *addr)
{
	struct neigh_walk *w = arg;
	const struct port *owner = model_port_by_addr(w->c->m, w->p->segment, addr);
	union key k = key_vni_addr(w->seg->vni, addr);

	if ((!owner || owner == w->p) && /* else it comes with its owner */
		!is_gateway(w->c, w->seg, addr))
		w->fn(w->arg, &k);
}

static void walk_port(void *arg, const struct seg *seg, const struct port *p)
{
	struct neigh_walk *w = arg;

	w->seg = seg;
	w->p = p;
	neigh_of_port(p, walk_addr, w);
}

static void walk_gateways(const struct compiler *c, const struct seg *seg, key_fn fn, void *arg)
{
	const struct segment *s =
		(const struct segment *)model_find(c->m, MODEL_SEGMENT, seg->name);
	struct weft_addr link_local = mac_link_local(&seg->rtr->mac);
	union key k = key_vni_addr(seg->vni, &link_local);

	fn(arg, &k);
	for (size_t i = 0; i < s->n_subnets; i++) {
		k = key_vni_addr(seg->vni, &s->subnets[i].gateway);
		if (!weft_addr_equal(&s->subnets[i].gateway, &link_local))
			fn(arg, &k);
	}
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	struct neigh_walk w = {.c = c, .fn = fn, .arg = arg};

	segment_walk_ports(c, walk_port, &w);
	for (struct seg **p = NULL; (p = hset_next(&c->segs, p));)
		if ((*p)->relevant && (*p)->rtr)
			walk_gateways(c, *p, fn, arg);
}

const struct compile_table compile_neigh = {get, walk};
