/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ops on the entries that refer to objects: flood, FDB, neighbours; and the learned FDB entries
 * that lose what they stand on. Main thread, within a commit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <table/learn.h>

#include "commit.h"

int segment_unknown(struct commit *c, const struct txn_walk *w, uint32_t vni)
{
	return commit_fail_entry(
		c, ENOENT, c->op, w->op.table, w->op.entry, "vni: there is no segment %u", vni);
}

static int vtep_unknown(struct commit *c, const struct txn_walk *w, const struct weft_addr *remote)
{
	char text[WEFT_ADDR_STR_SIZE];

	return commit_fail_entry(c, ENOENT, c->op, w->op.table, w->op.entry,
		"remote: there is no VTEP %s", weft_addr_format(remote, text));
}

int entry_refused(struct commit *c, const struct txn_walk *w)
{
	if (errno == ENOSPC)
		return commit_fail_entry(
			c, ENOSPC, c->op, w->op.table, w->op.entry, "the table is full");
	return commit_fail_memory(c);
}

static int flood_put(struct commit *c, const struct txn_walk *w)
{
	const struct weft_flood *f = &w->op.entry->flood;
	uint16_t segment = commit_segment(c, f->vni), vtep = commit_vtep(c, &f->remote);
	struct segment_draft *d;

	if (!segment)
		return segment_unknown(c, w, f->vni);
	if (!vtep)
		return vtep_unknown(c, w, &f->remote);
	d = commit_draft(c, segment);
	if (!d)
		return commit_fail_memory(c);
	if (!slot_list_has(&d->vteps, vtep))
		c->refs->vtep_flood[vtep]++;
	if (f->flags & WEFT_FLOOD_ACCEPT_ONLY)
		slot_list_remove(&d->flood_vteps, vtep);
	else if (slot_list_add(&d->flood_vteps, vtep))
		return commit_fail_memory(c);
	return slot_list_add(&d->vteps, vtep) ? commit_fail_memory(c) : 0;
}

/* Keys of objects that go in the same transaction still have their slot. */
static int flood_delete(struct commit *c, const struct txn_walk *w)
{
	const struct weft_flood *f = &w->op.entry->flood;
	uint16_t segment = slot_find(c->next->vni, &f->vni, c->g);
	uint16_t vtep = slot_find(c->next->vtep, &f->remote, c->g);
	struct segment_draft *d;

	if (!segment || !vtep)
		return 0;
	d = commit_draft(c, segment);
	if (!d)
		return commit_fail_memory(c);
	if (!slot_list_has(&d->vteps, vtep))
		return 0;
	slot_list_remove(&d->vteps, vtep);
	slot_list_remove(&d->flood_vteps, vtep);
	c->refs->vtep_flood[vtep]--;
	if (learn_count_dest(DEST_VTEP_BIT | vtep) > 0)
		c->learned_affected = true;
	return 0;
}

static int fdb_dest(struct commit *c, const struct txn_walk *w, uint16_t segment, dest_t *ret)
{
	const struct weft_fdb *f = &w->op.entry->fdb;
	uint16_t slot;

	if (!f->port) {
		slot = commit_vtep(c, &f->remote);
		if (!slot)
			return vtep_unknown(c, w, &f->remote);
		*ret = DEST_VTEP_BIT | slot;
		return 0;
	}
	slot = commit_port(c, f->port);
	if (!slot)
		return commit_fail_entry(
			c, ENOENT, c->op, w->op.table, f, "port: there is no port %u", f->port);
	if (c->next->ports[slot]->segment_slot != segment)
		return commit_fail_entry(c, EINVAL, c->op, w->op.table, f,
			"port: port %u belongs to segment %u", f->port,
			c->next->ports[slot]->spec.vni);
	*ret = slot;
	return 0;
}

static int note_learned_end(struct commit *c, uint16_t segment, dest_t dest)
{
	if (c->n_learned == c->learned_capacity) {
		uint32_t capacity = c->learned_capacity ? c->learned_capacity * 2 : 64;
		struct learned_end *l = realloc(c->learned, capacity * sizeof(*l));

		if (!l)
			return -ENOMEM;
		c->learned = l;
		c->learned_capacity = capacity;
	}
	c->learned[c->n_learned++] = (struct learned_end){segment, dest};
	return 0;
}

static void count_fdb(struct commit *c, uint16_t segment, dest_t dest, bool is_new)
{
	uint16_t slot = DEST_SLOT(dest);

	c->refs->segment_fdb[segment]++;
	if (dest & DEST_VTEP_BIT)
		c->refs->vtep_fdb[slot]++;
	else
		c->refs->port_fdb[slot]++;
	if (is_new && !(dest & DEST_VTEP_BIT))
		c->added_port_fdb[slot]++;
}

/* An entry ends. Returns 0 or -ENOMEM. */
static int uncount_fdb(struct commit *c, uint16_t segment, const struct fdb_entry *e)
{
	uint16_t slot = DEST_SLOT(e->dest);

	if (e->learned)
		return note_learned_end(c, segment, e->dest);
	c->refs->segment_fdb[segment]--;
	if (e->dest & DEST_VTEP_BIT) {
		c->refs->vtep_fdb[slot]--;
	} else {
		c->refs->port_fdb[slot]--;
		if (e->v.from == c->g)
			c->added_port_fdb[slot]--;
	}
	return 0;
}

static int fdb_put(struct commit *c, const struct txn_walk *w)
{
	const struct weft_fdb *f = &w->op.entry->fdb;
	uint16_t segment = commit_segment(c, f->vni);
	const struct fdb_key key = {.segment_slot = segment, .mac = f->mac};
	struct fdb_entry *e;
	dest_t dest = DEST_NONE;
	int rc;

	if (!segment)
		return segment_unknown(c, w, f->vni);
	rc = fdb_dest(c, w, segment, &dest);
	if (rc)
		return rc;
	e = (struct fdb_entry *)vhash_find(c->next->fdb, &key, c->g);
	if (e && !e->learned && e->dest == dest)
		return 0;
	if (e && uncount_fdb(c, segment, e))
		return commit_fail_memory(c);
	if (e)
		commit_stale_segment(c, segment);
	e = (struct fdb_entry *)vhash_put(c->next->fdb, &key, c->g);
	if (!e)
		return entry_refused(c, w);
	e->dest = dest;
	count_fdb(c, segment, dest, true);
	return 0;
}

static int fdb_delete(struct commit *c, const struct txn_walk *w)
{
	const struct weft_fdb *f = &w->op.entry->fdb;
	uint16_t segment = slot_find(c->next->vni, &f->vni, c->g);
	const struct fdb_key key = {.segment_slot = segment, .mac = f->mac};
	struct fdb_entry *e;

	if (!segment)
		return 0;
	e = (struct fdb_entry *)vhash_find(c->next->fdb, &key, c->g);
	if (!e || e->learned)
		return 0;
	if (uncount_fdb(c, segment, e) || !vhash_delete(c->next->fdb, &key, c->g))
		return commit_fail_memory(c);
	commit_stale_segment(c, segment);
	return 0;
}

static int neigh_put(struct commit *c, const struct txn_walk *w)
{
	const struct weft_neigh *n = &w->op.entry->neigh;
	struct neigh_key key = {.segment_slot = commit_segment(c, n->vni), .addr = n->addr};
	bool gateway = n->flags & WEFT_NEIGH_GATEWAY;
	struct neigh_entry *e;

	if (!key.segment_slot)
		return segment_unknown(c, w, n->vni);
	e = (struct neigh_entry *)vhash_find(c->next->neigh, &key, c->g);
	if (e && weft_mac_equal(&e->mac, &n->mac) && e->gateway == gateway)
		return 0;
	if (!e)
		c->refs->segment_neigh[key.segment_slot]++;
	else
		commit_stale_segment(c, key.segment_slot);
	e = (struct neigh_entry *)vhash_put(c->next->neigh, &key, c->g);
	if (!e)
		return entry_refused(c, w);
	e->mac = n->mac;
	e->gateway = gateway;
	return 0;
}

static int neigh_delete(struct commit *c, const struct txn_walk *w)
{
	const struct weft_neigh *n = &w->op.entry->neigh;
	struct neigh_key key = {
		.segment_slot = slot_find(c->next->vni, &n->vni, c->g), .addr = n->addr};

	if (!key.segment_slot)
		return 0;
	if (vhash_delete(c->next->neigh, &key, c->g)) {
		c->refs->segment_neigh[key.segment_slot]--;
		commit_stale_segment(c, key.segment_slot);
		return 0;
	}
	return errno == ENOENT ? 0 : commit_fail_memory(c);
}

int commit_entry(struct commit *c, const struct txn_walk *w)
{
	bool put = w->op.verb == WEFT_OP_PUT;

	switch (w->op.table) {
	case WEFT_TABLE_FLOOD:
		return put ? flood_put(c, w) : flood_delete(c, w);
	case WEFT_TABLE_FDB:
		return put ? fdb_put(c, w) : fdb_delete(c, w);
	case WEFT_TABLE_NEIGH:
		return put ? neigh_put(c, w) : neigh_delete(c, w);
	case WEFT_TABLE_SUBNET:
	case WEFT_TABLE_ROUTE:
	case WEFT_TABLE_DNS:
		return commit_route_entry(c, w);
	case WEFT_TABLE_SET_MEMBER:
	case WEFT_TABLE_RULE:
		return commit_policy_entry(c, w);
	default:
		return commit_fail_entry(
			c, ENOTSUP, c->op, w->op.table, w->op.entry, "not supported");
	}
}

/* Whether a learned entry could still be learned: else it must not direct packets any more. */
static bool learned_holds(const struct config *cfg, uint16_t segment, dest_t dest)
{
	const struct config_segment *s = cfg->segments[segment];
	uint16_t slot = DEST_SLOT(dest);

	if (!s || s->spec.max_learned == 0)
		return false;
	if (dest & DEST_VTEP_BIT)
		return (s->spec.flags & WEFT_SEGMENT_LEARN_WIRE) && cfg->vteps[slot] &&
		       config_segment_has_vtep(s, slot);
	return cfg->ports[slot] && cfg->ports[slot]->segment_slot == segment &&
	       (cfg->ports[slot]->spec.flags & WEFT_PORT_LEARN);
}

/* The table is walked only when an object that learned entries stand on was touched. */
static bool walk_needed(const struct commit *c)
{
	if (c->learned_affected)
		return true;
	for (uint32_t i = 0; i < c->segments.n; i++) {
		uint16_t slot = c->segments.slots[i];
		const struct config_segment *s = c->next->segments[slot],
					    *old = c->old->segments[slot];

		if (learn_count_segment(slot) > 0 &&
			(!s || s->spec.max_learned == 0 || s->spec.flags != old->spec.flags))
			return true;
	}
	for (uint32_t i = 0; i < c->ports.n; i++) {
		uint16_t slot = c->ports.slots[i];
		const struct config_port *p = c->next->ports[slot];

		if (learn_count_dest(slot) > 0 &&
			(!p || p->segment_slot != c->old->ports[slot]->segment_slot ||
				!(p->spec.flags & WEFT_PORT_LEARN)))
			return true;
	}
	return false;
}

int commit_end_learned(struct commit *c)
{
	struct fdb_entry *e;
	uint64_t cursor = 0;

	if (learn_count() == 0 || !walk_needed(c))
		return 0;
	while ((e = (struct fdb_entry *)vhash_next(c->next->fdb, &cursor, c->g))) {
		struct fdb_key key;

		if (!e->learned)
			continue;
		memcpy(&key, e->v.key, sizeof(key));
		if (learned_holds(c->next, key.segment_slot, e->dest))
			continue;
		if (note_learned_end(c, key.segment_slot, e->dest) ||
			!vhash_delete(c->next->fdb, &key, c->g))
			return commit_fail_memory(c);
	}
	return 0;
}
