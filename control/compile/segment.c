/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table SEGMENT: the segments that have a port on this host, and those that routers connect with
 * them.
 *
 * A segment without an MTU of its own has the underlay's less the encapsulation: 70 bytes when this
 * host has an IPv6 tunnel address, else 50 (inner Ethernet 14, VXLAN 8, UDP 8, IP 20 or 40).
 */
#include <stdio.h>

#include "uses.h"

#define OVERHEAD_V4 50
#define OVERHEAD_V6 70

uint16_t segment_mtu(const struct compiler *c, const struct segment *s)
{
	const struct host *self = underlay_self(c);
	uint16_t overhead = OVERHEAD_V4, mtu = underlay_mtu(c);

	if (s->mtu)
		return s->mtu;
	for (size_t i = 0; self && i < self->n_vteps; i++)
		if (!weft_addr_is_v4(&self->vteps[i]))
			overhead = OVERHEAD_V6;
	return mtu > WEFT_MTU_MIN + overhead ? mtu - overhead : WEFT_MTU_MIN;
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct segment *s = model_segment_by_vni(c->m, k->in.id);
	const struct seg *seg = s ? seg_by_vni(c, s->vni) : NULL;
	struct weft_segment *e = &ret->segment;

	if (!seg)
		return false;
	e->vni = s->vni;
	e->flags = (s->flood_unknown ? WEFT_SEGMENT_FLOOD_UNKNOWN : 0) |
		   (s->learn_from_wire ? WEFT_SEGMENT_LEARN_WIRE : 0) |
		   (s->answer_locally ? WEFT_SEGMENT_PROXY : 0) |
		   (s->carry_vlan ? WEFT_SEGMENT_INNER_VLAN : 0) |
		   (s->l3_only ? WEFT_SEGMENT_L3_ONLY : 0);
	e->mtu = segment_mtu(c, s);
	e->ageing_s = s->ageing_s;
	e->max_learned = s->max_learned;
	e->network = seg->network->id;
	e->router = seg->rtr ? seg->rtr->id : 0;
	snprintf(e->name, sizeof(e->name), "%s", s->o.name);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	for (struct seg **p = NULL; (p = hset_next(&c->segs, p));) {
		union key k = key_id((*p)->vni);

		if ((*p)->relevant)
			fn(arg, &k);
	}
}

struct port_walk {
	void (*fn)(void *arg, const struct seg *seg, const struct port *p);
	void *arg;
	const struct seg *seg;
};

static int walk_port(const struct port *p, void *arg)
{
	struct port_walk *w = arg;

	w->fn(w->arg, w->seg, p);
	return 0;
}

void segment_walk_ports(const struct compiler *c,
	void (*fn)(void *arg, const struct seg *seg, const struct port *p), void *arg)
{
	for (struct seg **s = NULL; (s = hset_next(&c->segs, s));) {
		struct port_walk w = {fn, arg, *s};

		if ((*s)->relevant)
			model_segment_ports(c->m, (*s)->name, walk_port, &w);
	}
}

const struct compile_table compile_segment = {get, walk};
