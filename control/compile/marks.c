/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which keys depend on an object. Marking one too many costs a look-up, one too few is a bug; the
 * test that compares incremental and full runs finds it.
 */
#include <string.h>

#include "compile_impl.h"

struct port_mark {
	struct compiler *c;
	uint32_t vni;
	const char *segment; /* local ports: only of this one, or NULL */
};

static void mark_neigh(void *arg, const struct weft_addr *addr)
{
	struct port_mark *m = arg;

	mark(m->c, WEFT_TABLE_NEIGH, key_vni_addr(m->vni, addr));
}

static void mark_reach(struct compiler *c, uint32_t vni, const struct port *p)
{
	struct port_mark m = {c, vni, NULL};

	mark(c, WEFT_TABLE_FDB, key_vni_mac(vni, &p->mac));
	neigh_of_port(p, mark_neigh, &m);
}

void mark_port(struct compiler *c, const struct port *p)
{
	const struct seg *seg = seg_find(c, p->segment);

	if (seg && seg->relevant)
		mark_reach(c, seg->vni, p);
	if (is_local(c, p))
		mark(c, WEFT_TABLE_PORT, key_id(p->o.id));
}

void mark_member(struct compiler *c, const struct member *m)
{
	for (size_t i = 0; i < m->peer->n_vteps; i++) {
		const struct weft_addr *vtep = &m->peer->vteps[i];

		mark(c, WEFT_TABLE_VTEP, key_addr(vtep));
		if (m->seg->relevant)
			mark(c, WEFT_TABLE_FLOOD, key_vni_addr(m->seg->vni, vtep));
	}
}

static int mark_host_port(const struct port *p, void *arg)
{
	mark_port(arg, p);
	return 0;
}

void mark_accepts(struct compiler *c, const struct rtr *r, const struct peer *peer)
{
	const struct seg *seg;

	LIST_FOREACH (seg, &r->segs, of_rtr)
		for (size_t i = 0; seg->local && seg->relevant && i < peer->n_vteps; i++)
			mark(c, WEFT_TABLE_FLOOD, key_vni_addr(seg->vni, &peer->vteps[i]));
}

void mark_peer(struct compiler *c, const struct peer *peer)
{
	const struct member *m;

	LIST_FOREACH (m, &peer->members, of_peer) {
		mark_member(c, m);
		routing_mark_peer(c, m);
	}
	model_host_ports(c->m, peer->name, mark_host_port, c);
}

static int mark_segment_port(const struct port *p, void *arg)
{
	struct port_mark *m = arg;

	mark_reach(m->c, m->vni, p);
	return 0;
}

void mark_seg(struct compiler *c, const struct seg *seg)
{
	const struct segment *s =
		(const struct segment *)model_find(c->m, MODEL_SEGMENT, seg->name);
	struct port_mark pm = {c, seg->vni, NULL};
	const struct member *m;

	mark(c, WEFT_TABLE_SEGMENT, key_id(seg->vni));
	LIST_FOREACH (m, &seg->members, of_seg)
		mark_member(c, m);
	mark_seg_near(c, seg);
	if (s)
		mark_subnets(c, seg->vni, seg->rtr, s);
	model_segment_ports(c->m, seg->name, mark_segment_port, &pm);
}

void mark_subnets(struct compiler *c, uint32_t vni, const struct rtr *r, const struct segment *s)
{
	struct weft_addr link_local;

	for (size_t i = 0; i < s->n_subnets; i++) {
		mark(c, WEFT_TABLE_SUBNET, key_prefix(vni, &s->subnets[i].prefix));
		if (!r)
			continue;
		mark(c, WEFT_TABLE_NEIGH, key_vni_addr(vni, &s->subnets[i].gateway));
		mark(c, WEFT_TABLE_ROUTE, key_prefix(r->id, &s->subnets[i].prefix));
	}
	if (!r)
		return;
	link_local = mac_link_local(&r->mac);
	mark(c, WEFT_TABLE_NEIGH, key_vni_addr(vni, &link_local));
}

static int mark_route_via(const struct object *o, void *arg)
{
	const struct route *r = (const struct route *)o;

	if (r->n_next_hops)
		mark_route(arg, r);
	return 0;
}

void mark_routes_via(struct compiler *c, const struct rtr *r)
{
	if (!c->all)
		model_users(c->m, MODEL_ROUTER, r->name, MODEL_ROUTE, mark_route_via, c);
}

void mark_router(struct compiler *c, const struct router *r)
{
	const struct rtr *rtr = rtr_find(c, r->o.name);

	mark(c, WEFT_TABLE_ROUTER, key_id(r->o.id));
	for (size_t i = 0; rtr && i < r->n_segments; i++) {
		const struct segment *s =
			(const struct segment *)model_find(c->m, MODEL_SEGMENT, r->segments[i]);

		if (!s)
			continue;
		mark(c, WEFT_TABLE_SEGMENT, key_id(s->vni));
		mark_subnets(c, s->vni, rtr, s);
	}
}

void mark_route(struct compiler *c, const struct route *r)
{
	const struct rtr *rtr = rtr_find(c, r->router);

	if (rtr)
		mark(c, WEFT_TABLE_ROUTE, key_prefix(rtr->id, &r->prefix));
}

static int mark_any_route(const struct object *o, void *arg)
{
	mark_route(arg, (const struct route *)o);
	return 0;
}

void mark_rtr(struct compiler *c, const struct rtr *r)
{
	const struct seg *seg;

	if (c->all)
		return;
	mark(c, WEFT_TABLE_ROUTER, key_id(r->id));
	LIST_FOREACH (seg, &r->segs, of_rtr) {
		const struct segment *s =
			(const struct segment *)model_find(c->m, MODEL_SEGMENT, seg->name);

		if (s)
			mark_subnets(c, s->vni, r, s);
	}
	/* Its routes, and those that lead to it. */
	model_users(c->m, MODEL_ROUTER, r->name, MODEL_ROUTE, mark_any_route, c);
}

static int mark_local_port(const struct port *p, void *arg)
{
	struct port_mark *m = arg;

	if (!m->segment || strcmp(p->segment, m->segment) == 0)
		mark(m->c, WEFT_TABLE_PORT, key_id(p->o.id));
	return 0;
}

void mark_local_ports(struct compiler *c, const char *segment)
{
	struct port_mark m = {c, 0, segment};

	model_host_ports(c->m, c->host, mark_local_port, &m);
}

void mark_underlay(struct compiler *c)
{
	const struct host *self = underlay_self(c);
	void **p;

	for (p = NULL; (p = hset_next(&c->segs, p));)
		if (((struct seg *)*p)->relevant)
			mark(c, WEFT_TABLE_SEGMENT, key_id(((struct seg *)*p)->vni));
	for (p = NULL; (p = hset_next(&c->peers, p));)
		for (size_t i = 0; i < ((struct peer *)*p)->n_vteps; i++)
			mark(c, WEFT_TABLE_VTEP, key_addr(&((struct peer *)*p)->vteps[i]));
	for (size_t i = 0; self && i < self->n_vteps; i++)
		mark(c, WEFT_TABLE_LOCAL_VTEP, key_addr(&self->vteps[i]));
	mark(c, WEFT_TABLE_PORT, key_id(COMPILE_UPLINK_ID));
	mark_local_ports(c, NULL);
}
