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

void mark_peer(struct compiler *c, const struct peer *peer)
{
	const struct member *m;

	LIST_FOREACH (m, &peer->members, of_peer)
		mark_member(c, m);
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
	struct port_mark pm = {c, seg->vni, NULL};
	const struct member *m;

	mark(c, WEFT_TABLE_SEGMENT, key_id(seg->vni));
	LIST_FOREACH (m, &seg->members, of_seg)
		mark_member(c, m);
	model_segment_ports(c->m, seg->name, mark_segment_port, &pm);
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
