/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ops on the objects that others refer to: segments, ports, local VTEPs, VTEPs. First each op
 * changes the draft on its own, then references between objects are resolved. Main thread, within a
 * commit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commit.h"

uint16_t commit_segment(struct commit *c, uint32_t vni)
{
	uint16_t slot;

	/* Entries come in runs of one segment. */
	if (vni == c->last_vni)
		return c->last_segment;
	slot = slot_find(c->next->vni, &vni, c->g);
	if (!slot || !commit_segment_present(c, slot))
		return 0;
	c->last_vni = vni;
	c->last_segment = slot;
	return slot;
}

uint16_t commit_port(const struct commit *c, uint32_t id)
{
	uint16_t slot = slot_find(channel.port_ids, &id, c->g);

	return slot && c->next->ports[slot] ? slot : 0;
}

uint16_t commit_vtep(const struct commit *c, const struct weft_addr *remote)
{
	uint16_t slot = slot_find(c->next->vtep, remote, c->g);

	return slot && c->next->vteps[slot] ? slot : 0;
}

bool commit_segment_present(const struct commit *c, uint16_t slot)
{
	return c->drafts[slot] ? c->drafts[slot]->present : c->old->segments[slot] != NULL;
}

void draft_free(struct segment_draft *d)
{
	if (!d)
		return;
	free(d->ports.slots);
	free(d->vteps.slots);
	free(d->flood_vteps.slots);
	free(d->subnets);
	free(d);
}

static int draft_copy_subnets(struct segment_draft *d, const struct config_segment *old)
{
	if (!old->n_subnets)
		return 0;
	d->subnets = calloc(WEFT_SEGMENT_SUBNETS, sizeof(*d->subnets));
	if (!d->subnets)
		return -ENOMEM;
	memcpy(d->subnets, old->subnets, old->n_subnets * sizeof(*d->subnets));
	d->n_subnets = old->n_subnets;
	return 0;
}

struct segment_draft *commit_draft(struct commit *c, uint16_t slot)
{
	const struct config_segment *old = c->old->segments[slot];
	struct segment_draft *d = c->drafts[slot];

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	if (old) {
		d->present = true;
		d->spec = old->spec;
		if (slot_list_copy(&d->ports, old->ports, old->n_ports) ||
			slot_list_copy(&d->vteps, old->vteps, old->n_vteps) ||
			slot_list_copy(&d->flood_vteps, old->flood_vteps, old->n_flood_vteps) ||
			draft_copy_subnets(d, old)) {
			draft_free(d);
			return NULL;
		}
	}
	c->drafts[slot] = d;
	touch(&c->segments, slot, c->op);
	return d;
}

int slot_obtain(struct commit *c, struct vhash *map, struct slot_pool *pool, const void *key,
	const struct txn_walk *w, uint16_t *ret)
{
	struct slot_entry *e;

	*ret = slot_find(map, key, c->g);
	if (*ret)
		return 0;
	*ret = slot_alloc(pool);
	if (!*ret)
		return commit_fail_entry(
			c, ENOSPC, c->op, w->op.table, w->op.entry, "the table is full");
	e = (struct slot_entry *)vhash_put(map, key, c->g);
	if (!e) {
		slot_release(pool, *ret);
		return commit_fail_memory(c);
	}
	e->slot = *ret;
	return 0;
}

static int segment_put(struct commit *c, const struct txn_walk *w)
{
	const struct weft_segment *s = &w->op.entry->segment;
	struct segment_draft *d;
	uint16_t slot;
	int rc;

	rc = slot_obtain(c, c->next->vni, &channel.segments, &s->vni, w, &slot);
	if (rc)
		return rc;
	/* Touched first: a slot just taken goes back when the draft can't be made. */
	touch(&c->segments, slot, c->op);
	d = commit_draft(c, slot);
	if (!d)
		return commit_fail_memory(c);
	d->present = true;
	d->spec = *s;
	return 0;
}

static int segment_delete(struct commit *c, const struct txn_walk *w)
{
	uint16_t slot = slot_find(c->next->vni, &w->op.entry->segment.vni, c->g);
	struct segment_draft *d;

	if (!slot)
		return 0;
	d = commit_draft(c, slot);
	if (!d)
		return commit_fail_memory(c);
	d->present = false;
	touch(&c->segments, slot, c->op);
	return 0;
}

static void port_replace(struct commit *c, uint16_t slot, struct config_port *p, int *fd)
{
	if (c->next->ports[slot] != c->old->ports[slot])
		free(c->next->ports[slot]);
	c->next->ports[slot] = p;
	c->port_fd[slot] = fd;
	touch(&c->ports, slot, c->op);
}

static int port_put(struct commit *c, const struct txn_walk *w)
{
	struct config_port *p;
	uint16_t slot;
	int rc;

	rc = slot_obtain(c, channel.port_ids, &channel.ports, &w->op.entry->port.id, w, &slot);
	if (rc)
		return rc;
	touch(&c->ports, slot, c->op);
	p = object_new(sizeof(*p));
	if (!p)
		return commit_fail_memory(c);
	p->spec = w->op.entry->port;
	p->slot = slot;
	port_replace(c, slot, p, w->fd);
	return 0;
}

static int port_delete(struct commit *c, const struct txn_walk *w)
{
	uint16_t slot = slot_find(channel.port_ids, &w->op.entry->port.id, c->g);

	if (slot)
		port_replace(c, slot, NULL, NULL);
	return 0;
}

static void vtep_replace(struct commit *c, uint16_t slot, struct config_vtep *v)
{
	if (c->next->vteps[slot] != c->old->vteps[slot])
		free(c->next->vteps[slot]);
	c->next->vteps[slot] = v;
	touch(&c->vteps, slot, c->op);
}

static int vtep_put(struct commit *c, const struct txn_walk *w)
{
	struct config_vtep *v;
	uint16_t slot;
	int rc;

	rc = slot_obtain(c, c->next->vtep, &channel.vteps, &w->op.entry->vtep.remote, w, &slot);
	if (rc)
		return rc;
	touch(&c->vteps, slot, c->op);
	v = object_new(sizeof(*v));
	if (!v)
		return commit_fail_memory(c);
	v->spec = w->op.entry->vtep;
	v->slot = slot;
	vtep_replace(c, slot, v);
	return 0;
}

static int vtep_delete(struct commit *c, const struct txn_walk *w)
{
	uint16_t slot = slot_find(c->next->vtep, &w->op.entry->vtep.remote, c->g);

	if (slot)
		vtep_replace(c, slot, NULL);
	return 0;
}

static const struct config_local_vtep *local_find(
	const struct config *cfg, const struct weft_addr *addr)
{
	for (uint16_t i = 0; i < cfg->n_local_vteps; i++)
		if (weft_addr_equal(&cfg->local_vteps[i].spec.addr, addr))
			return &cfg->local_vteps[i];
	return NULL;
}

static int local_put(struct commit *c, const struct txn_walk *w)
{
	const struct weft_local_vtep *spec = &w->op.entry->local_vtep;
	const struct config_local_vtep *found = local_find(c->next, &spec->addr);
	uint16_t at = found ? found - c->next->local_vteps : c->next->n_local_vteps;

	if (at == WEFT_MAX_LOCAL_VTEPS)
		return commit_fail_entry(c, ENOSPC, c->op, w->op.table, spec, "the table is full");
	c->next->local_vteps[at].spec = *spec;
	if (!found)
		c->next->n_local_vteps++;
	return 0;
}

static int local_delete(struct commit *c, const struct txn_walk *w)
{
	const struct config_local_vtep *found = local_find(c->next, &w->op.entry->local_vtep.addr);
	uint16_t at = found ? found - c->next->local_vteps : 0;

	if (!found)
		return 0;
	c->next->n_local_vteps--;
	memmove(&c->next->local_vteps[at], &c->next->local_vteps[at + 1],
		(c->next->n_local_vteps - at) * sizeof(*found));
	return 0;
}

int commit_object(struct commit *c, const struct txn_walk *w)
{
	bool put = w->op.verb == WEFT_OP_PUT;

	switch (w->op.table) {
	case WEFT_TABLE_SEGMENT:
		return put ? segment_put(c, w) : segment_delete(c, w);
	case WEFT_TABLE_PORT:
		return put ? port_put(c, w) : port_delete(c, w);
	case WEFT_TABLE_VTEP:
		return put ? vtep_put(c, w) : vtep_delete(c, w);
	case WEFT_TABLE_LOCAL_VTEP:
		c->local_touched = true;
		c->local_op = c->op;
		return put ? local_put(c, w) : local_delete(c, w);
	case WEFT_TABLE_SET:
	case WEFT_TABLE_RULESET:
		return commit_policy_object(c, w);
	default:
		return commit_network_object(c, w);
	}
}

/* The one port toward the metadata proxy. Sessions hold its place. */
static int resolve_service(struct commit *c, uint16_t slot)
{
	struct config_port *p = c->next->ports[slot], *was = c->next->service;
	bool is = p && p->spec.role == WEFT_ROLE_SERVICE;

	if (!is && (!was || was->slot != slot))
		return 0;
	if (is && was && was->slot != slot && c->next->ports[was->slot] == was)
		return commit_fail_entry(c, EEXIST, c->ports.op[slot], WEFT_TABLE_PORT, &p->spec,
			"role: port %u is the service port", was->spec.id);
	c->next->service = is ? p : NULL;
	for (uint32_t i = 1; i < WEFT_MAX_NETWORKS; i++) {
		const struct config_network *n = c->next->networks[i];

		if (n && (n->spec.flags & WEFT_NETWORK_METADATA))
			commit_stale_network(c, i);
	}
	return 0;
}

static int resolve_port(struct commit *c, uint16_t slot)
{
	const struct config_port *old = c->old->ports[slot];
	struct config_port *p = c->next->ports[slot];
	uint16_t from = old ? old->segment_slot : 0, to = 0;
	struct segment_draft *d;
	int rc = p ? commit_policy_port(c, p, c->ports.op[slot]) : 0;

	if (rc == 0)
		rc = resolve_service(c, slot);
	if (rc)
		return rc;
	c->op = c->ports.op[slot];
	if (p && p->spec.role == WEFT_ROLE_TENANT) {
		to = commit_segment(c, p->spec.vni);
		if (!to)
			return commit_fail_entry(c, ENOENT, c->op, WEFT_TABLE_PORT, &p->spec,
				"vni: there is no segment %u", p->spec.vni);
	}
	if (p)
		p->segment_slot = to;
	if (old && (!p || memcmp(&old->spec, &p->spec, sizeof(p->spec)) != 0)) {
		commit_stale_segment(c, from);
		commit_stale_segment(c, to);
	}
	/* Also when it stays: whether the segment is stateful follows from its ports. */
	if (from == to)
		return !to || commit_draft(c, to) ? 0 : commit_fail_memory(c);
	if (from) {
		d = commit_draft(c, from);
		if (!d)
			return commit_fail_memory(c);
		slot_list_remove(&d->ports, slot);
	}
	if (to) {
		d = commit_draft(c, to);
		if (!d || slot_list_add(&d->ports, slot))
			return commit_fail_memory(c);
	}
	return 0;
}

/* The slot of a port that may carry the underlay. Returns 0 or a failure. */
static int resolve_uplink(struct commit *c, uint32_t op, unsigned int table, const void *entry,
	uint32_t id, uint16_t *ret)
{
	*ret = commit_port(c, id);
	if (!*ret)
		return commit_fail_entry(
			c, ENOENT, op, table, entry, "uplink: there is no port %u", id);
	if (c->next->ports[*ret]->spec.role != WEFT_ROLE_UPLINK)
		return commit_fail_entry(
			c, EINVAL, op, table, entry, "uplink: port %u is no uplink", id);
	return 0;
}

static int resolve_vtep(struct commit *c, uint16_t slot)
{
	const struct config_vtep *old = c->old->vteps[slot];
	struct config_vtep *v = c->next->vteps[slot];
	uint32_t op = c->vteps.op[slot];
	int rc;

	if (old)
		c->refs->port_uplink[old->uplink_slot]--;
	if (!v)
		return 0;
	rc = resolve_uplink(c, op, WEFT_TABLE_VTEP, &v->spec, v->spec.uplink, &v->uplink_slot);
	if (rc)
		return rc;
	if (!local_find(c->next, &v->spec.local)) {
		char text[WEFT_ADDR_STR_SIZE];

		return commit_fail_entry(c, ENOENT, op, WEFT_TABLE_VTEP, &v->spec,
			"local: there is no local VTEP %s", weft_addr_format(&v->spec.local, text));
	}
	c->refs->port_uplink[v->uplink_slot]++;
	return 0;
}

static int resolve_locals(struct commit *c)
{
	for (uint16_t i = 0; i < c->old->n_local_vteps; i++)
		c->refs->port_uplink[c->old->local_vteps[i].uplink_slot]--;
	for (uint16_t i = 0; i < c->next->n_local_vteps; i++) {
		struct config_local_vtep *l = &c->next->local_vteps[i];
		int rc = resolve_uplink(c, c->local_op, WEFT_TABLE_LOCAL_VTEP, &l->spec,
			l->spec.uplink, &l->uplink_slot);

		if (rc)
			return rc;
		c->refs->port_uplink[l->uplink_slot]++;
	}
	for (uint32_t slot = 1; slot < WEFT_MAX_VTEPS; slot++) {
		const struct config_vtep *v = c->next->vteps[slot];
		struct weft_local_vtep gone;

		if (!v || local_find(c->next, &v->spec.local))
			continue;
		gone.addr = v->spec.local;
		return commit_fail_entry(
			c, EBUSY, c->local_op, WEFT_TABLE_LOCAL_VTEP, &gone, "VTEPs still use it");
	}
	return 0;
}

int commit_resolve(struct commit *c)
{
	int rc = commit_network_resolve(c);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < c->ports.n; i++) {
		rc = resolve_port(c, c->ports.slots[i]);
		if (rc)
			return rc;
	}
	for (uint32_t i = 0; i < c->vteps.n; i++) {
		rc = resolve_vtep(c, c->vteps.slots[i]);
		if (rc)
			return rc;
	}
	return c->local_touched ? resolve_locals(c) : 0;
}

static int check_segment_unused(struct commit *c, uint16_t slot)
{
	const struct segment_draft *d = c->drafts[slot];
	uint32_t n_fdb = c->refs->segment_fdb[slot], n_neigh = c->refs->segment_neigh[slot];
	uint32_t n_routes = c->refs->segment_routes[slot];

	if (d->present || d->ports.n + d->vteps.n + d->n_subnets + n_fdb + n_neigh + n_routes == 0)
		return 0;
	return commit_fail_entry(c, EBUSY, c->segments.op[slot], WEFT_TABLE_SEGMENT, &d->spec,
		"still has %u ports, %u subnets, %u flood, %u FDB, %u neighbour entries and %u "
		"routes",
		d->ports.n, d->n_subnets, d->vteps.n, n_fdb, n_neigh, n_routes);
}

/* Entries of a port that goes, or changes its segment, must be ended (or put anew) as well. */
static int check_port_unused(struct commit *c, uint16_t slot)
{
	const struct config_port *old = c->old->ports[slot], *p = c->next->ports[slot];
	const struct weft_port *spec = p ? &p->spec : old ? &old->spec : NULL;
	uint32_t n_fdb = c->refs->port_fdb[slot], n_uplink = c->refs->port_uplink[slot];
	uint32_t op = c->ports.op[slot];

	if (!p && spec && n_fdb + n_uplink > 0)
		return commit_fail_entry(c, EBUSY, op, WEFT_TABLE_PORT, spec,
			"still used by %u FDB entries and %u VTEPs", n_fdb, n_uplink);
	if (p && old && p->segment_slot != old->segment_slot && n_fdb != c->added_port_fdb[slot])
		return commit_fail_entry(c, EBUSY, op, WEFT_TABLE_PORT, spec,
			"vni: FDB entries of its former segment still use it");
	if (p && n_uplink > 0 && spec->role != WEFT_ROLE_UPLINK)
		return commit_fail_entry(c, EBUSY, op, WEFT_TABLE_PORT, spec,
			"role: %u VTEPs use it as uplink", n_uplink);
	return 0;
}

static int check_vtep_unused(struct commit *c, uint16_t slot)
{
	const struct config_vtep *old = c->old->vteps[slot];
	uint32_t n_fdb = c->refs->vtep_fdb[slot], n_flood = c->refs->vtep_flood[slot];

	if (c->next->vteps[slot] || !old || n_fdb + n_flood == 0)
		return 0;
	return commit_fail_entry(c, EBUSY, c->vteps.op[slot], WEFT_TABLE_VTEP, &old->spec,
		"still used by %u FDB and %u flood entries", n_fdb, n_flood);
}

int commit_check_unused(struct commit *c)
{
	int rc;

	for (uint32_t i = 0; i < c->segments.n; i++) {
		rc = check_segment_unused(c, c->segments.slots[i]);
		if (rc)
			return rc;
	}
	for (uint32_t i = 0; i < c->ports.n; i++) {
		rc = check_port_unused(c, c->ports.slots[i]);
		if (rc)
			return rc;
	}
	for (uint32_t i = 0; i < c->vteps.n; i++) {
		rc = check_vtep_unused(c, c->vteps.slots[i]);
		if (rc)
			return rc;
	}
	return 0;
}
