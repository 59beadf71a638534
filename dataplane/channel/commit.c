/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One transaction becomes one generation, or nothing.
 *
 * Ops on objects (segments, ports, local VTEPs, VTEPs) are applied first, in their order, to a
 * draft of the next configuration; then what they refer to is resolved; then entries (flood, FDB,
 * neighbours) are applied; then what is to go must not be referred to. So the order of ops of
 * different tables does not matter, and everything may go in one transaction. Deleting never
 * cascades: an object that programmed entries still refer to at the end makes the transaction fail.
 * Learned entries are no reference: they go with their port, VTEP or segment.
 *
 * A slot stays with its key as long as the object exists, also when it is deleted and put again in
 * one transaction. Nothing that a worker can see changes before the publishing store; what comes
 * after it can't fail. Main thread.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>

#include <core/clock.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <observe/recorder.h>
#include <port/port.h>
#include <session/offload.h>
#include <table/learn.h>
#include <tunnel/vxlan.h>

#include "commit.h"
#include "devices.h"
#include "fastpath.h"

#define OPS_PER_CLOCK 8192 /* the coarse clock goes on while a large transaction is applied */

/* Too large for the stack, and there is only one. */
static struct commit commit;

static int fail_args(
	struct commit *c, int error, uint32_t op, size_t used, const char *format, va_list args)
{
	vsnprintf(c->result->text + used, sizeof(c->result->text) - used, format, args);
	c->result->error = error;
	c->result->op = op;
	return -error;
}

int commit_fail(struct commit *c, int error, uint32_t op, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_args(c, error, op, 0, format, args);
	va_end(args);
	return -error;
}

int commit_fail_memory(struct commit *c)
{
	return commit_fail(c, ENOMEM, c->op, "out of memory");
}

int commit_fail_entry(struct commit *c, int error, uint32_t op, unsigned int table,
	const void *entry, const char *format, ...)
{
	char object[120];
	va_list args;
	int used;

	weft_entry_describe(table, entry, object, sizeof(object));
	used = snprintf(c->result->text, sizeof(c->result->text), "%s: ", object);
	va_start(args, format);
	fail_args(c, error, op, used, format, args);
	va_end(args);
	return -error;
}

void touch(struct touched *t, uint16_t slot, uint32_t op)
{
	t->op[slot] = op;
	if (t->has[slot])
		return;
	t->has[slot] = true;
	t->slots[t->n++] = slot;
}

static void touched_clear(struct touched *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		t->has[t->slots[i]] = false;
	t->n = 0;
}

void *object_new(size_t size)
{
	void *p;

	size = RTE_ALIGN_CEIL(size, (size_t)RTE_CACHE_LINE_SIZE);
	p = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (p)
		memset(p, 0, size);
	return p;
}

static int commit_begin(struct commit *c, struct weft_msg_txn_result *result)
{
	c->old = channel.config;
	c->g = c->old->generation + 1;
	c->result = result;
	c->op = 0;
	c->local_touched = false;
	c->learned_affected = false;
	c->any_stale = false;
	c->n_learned = 0;
	c->last_vni = 0;
	c->refs = malloc(sizeof(*c->refs));
	c->next = malloc(sizeof(*c->next));
	if (!c->refs || !c->next)
		return commit_fail_memory(c);
	memcpy(c->refs, channel.refs, sizeof(*c->refs));
	memcpy(c->next, c->old, sizeof(*c->next));
	c->next->generation = c->g;
	return 0;
}

static bool is_object(enum weft_table table)
{
	switch (table) {
	case WEFT_TABLE_SEGMENT:
	case WEFT_TABLE_PORT:
	case WEFT_TABLE_LOCAL_VTEP:
	case WEFT_TABLE_VTEP:
	case WEFT_TABLE_TENANT:
	case WEFT_TABLE_NETWORK:
	case WEFT_TABLE_ROUTER:
	case WEFT_TABLE_SET:
	case WEFT_TABLE_RULESET:
		return true;
	default:
		return false;
	}
}

static int apply_ops(struct commit *c, struct txn *t, bool objects,
	int (*apply)(struct commit *c, const struct txn_walk *w))
{
	struct txn_walk w;
	int rc;

	txn_walk_start(&w, t);
	while (txn_walk_next(&w)) {
		if (is_object(w.op.table) != objects)
			continue;
		c->op = w.n - 1;
		rc = apply(c, &w);
		if (rc)
			return rc;
		if (w.n % OPS_PER_CLOCK == 0)
			clock_update();
	}
	return 0;
}

static const uint16_t *copy_slots(uint16_t **to, const struct slot_list *l)
{
	const uint16_t *slots = *to;

	if (l->n)
		memcpy(*to, l->slots, l->n * sizeof(uint16_t));
	*to += l->n;
	return slots;
}

/* One block: the segment, its subnets, its lists of slots. */
static struct config_segment *segment_build(
	const struct segment_draft *d, uint16_t slot, uint64_t since)
{
	size_t n_slots = d->ports.n + d->vteps.n + d->flood_vteps.n;
	size_t subnets_size = d->n_subnets * sizeof(struct config_subnet);
	struct config_segment *s =
		object_new(sizeof(*s) + subnets_size + n_slots * sizeof(uint16_t));
	uint16_t *slots;

	if (!s)
		return NULL;
	slots = (uint16_t *)((uint8_t *)(s + 1) + subnets_size);
	s->spec = d->spec;
	s->slot = slot;
	s->since = since;
	s->n_ports = d->ports.n;
	s->n_vteps = d->vteps.n;
	s->n_flood_vteps = d->flood_vteps.n;
	s->n_subnets = d->n_subnets;
	s->subnets = (struct config_subnet *)(s + 1);
	if (subnets_size)
		memcpy(s + 1, d->subnets, subnets_size);
	s->ports = copy_slots(&slots, &d->ports);
	s->vteps = copy_slots(&slots, &d->vteps);
	s->flood_vteps = copy_slots(&slots, &d->flood_vteps);
	return s;
}

static bool has_policy(const struct config *cfg, const struct config_segment *s)
{
	for (uint32_t i = 0; i < s->n_ports; i++) {
		const struct weft_port *p = &cfg->ports[s->ports[i]]->spec;

		if (p->n_rulesets || (p->flags & WEFT_PORT_DEFAULT_DENY))
			return true;
	}
	return false;
}

static bool has_metadata(const struct config *cfg, const struct config_segment *s)
{
	return cfg->networks[s->network_slot]->spec.flags & WEFT_NETWORK_METADATA;
}

static int segment_resolve(struct commit *c, struct config_segment *s)
{
	const struct weft_segment *spec = &s->spec;
	uint32_t op = c->segments.op[s->slot];

	s->network_slot = spec->network ? commit_network(c, spec->network) : 0;
	s->router_slot = spec->router ? commit_router(c, spec->router) : 0;
	if (spec->network && !s->network_slot)
		return commit_fail_entry(c, ENOENT, op, WEFT_TABLE_SEGMENT, spec,
			"network: there is no network %u", spec->network);
	if (spec->router && !s->router_slot)
		return commit_fail_entry(c, ENOENT, op, WEFT_TABLE_SEGMENT, spec,
			"router: there is no router %u", spec->router);
	if (s->router_slot && c->next->routers[s->router_slot]->network_slot != s->network_slot)
		return commit_fail_entry(c, EINVAL, op, WEFT_TABLE_SEGMENT, spec,
			"router: router %u is of another network", spec->router);
	s->stateful = s->network_slot &&
		      (s->router_slot || has_metadata(c->next, s) || has_policy(c->next, s));
	return 0;
}

/* Members that only come change nothing for sessions that exist. */
static void segment_note_stale(struct commit *c, const struct config_segment *old,
	const struct config_segment *s, uint16_t slot)
{
	if (!old || !s || memcmp(&old->spec, &s->spec, sizeof(s->spec)) != 0 ||
		old->stateful != s->stateful)
		commit_stale_segment(c, slot);
}

static int build_segments(struct commit *c)
{
	for (uint32_t i = 0; i < c->segments.n; i++) {
		uint16_t slot = c->segments.slots[i];
		const struct config_segment *old = c->old->segments[slot];
		const struct segment_draft *d = c->drafts[slot];
		int rc;

		c->next->segments[slot] = NULL;
		if (d->present) {
			c->next->segments[slot] = segment_build(d, slot, old ? old->since : c->g);
			if (!c->next->segments[slot])
				return commit_fail_memory(c);
			rc = segment_resolve(c, c->next->segments[slot]);
			if (rc)
				return rc;
		}
		segment_note_stale(c, old, c->next->segments[slot], slot);
	}
	return 0;
}

/* A port keeps the device of its predecessor when that fits. A descriptor that comes with the op is
 * a new one (a new XSKMAP, since the kernel interface was made anew): the device is opened with it.
 */
static int build_ports(struct commit *c)
{
	for (uint32_t i = 0; i < c->ports.n; i++) {
		uint16_t slot = c->ports.slots[i];
		const struct config_port *old = c->old->ports[slot];
		struct config_port *p = c->next->ports[slot];

		if (!p)
			continue;
		p->since = old ? old->since : c->g;
		if (old && !c->port_fd[slot] && port_same_device(&old->dev->spec, &p->spec))
			p->dev = old->dev;
		else
			p->dev = port_new(&p->spec, slot);
		if (!p->dev)
			return commit_fail_memory(c);
	}
	return 0;
}

static void build_vteps(struct commit *c)
{
	for (uint32_t i = 0; i < c->vteps.n; i++) {
		uint16_t slot = c->vteps.slots[i];
		const struct config_vtep *old = c->old->vteps[slot];
		struct config_vtep *v = c->next->vteps[slot];

		if (!v)
			continue;
		v->since = old ? old->since : c->g;
		vxlan_prepare(v);
	}
}

/* Keys of what goes lose their slot. */
static int drop_keys(struct commit *c)
{
	const struct {
		const struct touched *t;
		struct vhash *map;
		void *const *objects;
	} maps[] = {
		{&c->segments, c->next->vni, (void *const *)c->next->segments},
		{&c->ports, channel.port_ids, (void *const *)c->next->ports},
		{&c->vteps, c->next->vtep, (void *const *)c->next->vteps},
	};

	for (size_t m = 0; m < RTE_DIM(maps); m++) {
		struct vhash_entry *e;
		uint64_t cursor = 0;
		bool any = false;

		for (uint32_t i = 0; i < maps[m].t->n && !any; i++)
			any = !maps[m].objects[maps[m].t->slots[i]];
		while (any && (e = vhash_next(maps[m].map, &cursor, c->g))) {
			if (!maps[m].objects[((struct slot_entry *)e)->slot] &&
				!vhash_delete(maps[m].map, e->key, c->g))
				return commit_fail_memory(c);
		}
	}
	return 0;
}

/* Everything that may fail. */
static int commit_build(struct commit *c, struct txn *t)
{
	int rc;

	if ((rc = apply_ops(c, t, true, commit_object)) || (rc = commit_resolve(c)) ||
		(rc = apply_ops(c, t, false, commit_entry)) || (rc = commit_check_unused(c)) ||
		(rc = commit_policy_build(c)) || (rc = build_segments(c)) ||
		(rc = commit_network_unused(c)) || (rc = build_ports(c)))
		return rc;
	build_vteps(c);
	commit_epochs(c);
	if ((rc = commit_rxqs(c)) || (rc = commit_end_learned(c)))
		return rc;
	rc = drop_keys(c);
	return rc ? rc : commit_network_drop_keys(c);
}

void retire_object(const void *object)
{
	if (object)
		rcu_retire(free, (void *)(uintptr_t)object);
}

/* What goes is closed before what comes is opened: a device may change its port. */
static void finish_ports(struct commit *c)
{
	for (uint32_t i = 0; i < c->ports.n; i++) {
		uint16_t slot = c->ports.slots[i];
		const struct config_port *old = c->old->ports[slot], *p = c->next->ports[slot];

		if (old && (!p || old->dev != p->dev))
			device_remove(slot);
		retire_object(old);
		if (!p)
			slot_retire(&channel.ports, slot);
	}
	for (uint32_t i = 0; i < c->ports.n; i++) {
		uint16_t slot = c->ports.slots[i];
		const struct config_port *old = c->old->ports[slot], *p = c->next->ports[slot];

		if (!p) {
			fastpath_port(slot);
			continue;
		}
		if (old && old->dev == p->dev) {
			port_update(p->dev, &p->spec);
			fastpath_port(slot);
			continue;
		}
		device_add(p->dev, c->port_fd[slot] ? *c->port_fd[slot] : -1);
		if (c->port_fd[slot])
			*c->port_fd[slot] = -1;
		fastpath_port(slot);
	}
}

static void finish_objects(struct commit *c)
{
	finish_ports(c);
	for (uint32_t i = 0; i < c->segments.n; i++) {
		uint16_t slot = c->segments.slots[i];

		retire_object(c->old->segments[slot]);
		if (!c->next->segments[slot])
			slot_retire(&channel.segments, slot);
	}
	for (uint32_t i = 0; i < c->vteps.n; i++) {
		uint16_t slot = c->vteps.slots[i];

		retire_object(c->old->vteps[slot]);
		if (!c->next->vteps[slot])
			slot_retire(&channel.vteps, slot);
	}
	if (c->ports.n > 0)
		retire_object(c->old->rxqs[0]);
}

/* Nothing here can fail. */
static void commit_publish(struct commit *c)
{
	for (uint32_t i = 0; i < c->ports.n; i++) {
		uint16_t slot = c->ports.slots[i];

		if (!c->old->ports[slot] && c->next->ports[slot]) {
			counters_slot_assign(slot, c->next->ports[slot]->spec.id);
			recorder_slot_assign(slot, true);
		}
	}
	atomic_store_explicit(&config_current, c->next, memory_order_release);
	offload_commit(c->old, c->next);
	vhash_commit(c->next->fdb, c->g);
	vhash_commit(c->next->neigh, c->g);
	vhash_commit(c->next->vni, c->g);
	vhash_commit(c->next->vtep, c->g);
	vhash_commit(channel.port_ids, c->g);
	vhash_commit(c->next->routes, c->g);
	vhash_commit(c->next->dns, c->g);
	commit_network_publish(c);
	commit_policy_publish(c);
	for (uint32_t i = 0; i < c->n_learned; i++)
		learn_ended(c->learned[i].segment_slot, c->learned[i].dest);
	finish_objects(c);
	memcpy(channel.rxq_owner, c->rxq_owner, sizeof(channel.rxq_owner));
	free(channel.refs);
	channel.refs = c->refs;
	retire_object(c->old);
	channel.config = c->next;
}

static void undo_objects(struct commit *c)
{
	for (uint32_t i = 0; i < c->segments.n; i++) {
		uint16_t slot = c->segments.slots[i];

		if (c->next->segments[slot] != c->old->segments[slot])
			free(c->next->segments[slot]);
		if (!c->old->segments[slot])
			slot_release(&channel.segments, slot);
	}
	for (uint32_t i = 0; i < c->ports.n; i++) {
		uint16_t slot = c->ports.slots[i];
		const struct config_port *old = c->old->ports[slot];
		struct config_port *p = c->next->ports[slot];

		if (p && p != old) {
			if (!old || p->dev != old->dev)
				port_free(p->dev);
			free(p);
		}
		if (!old)
			slot_release(&channel.ports, slot);
	}
	for (uint32_t i = 0; i < c->vteps.n; i++) {
		uint16_t slot = c->vteps.slots[i];

		if (c->next->vteps[slot] != c->old->vteps[slot])
			free(c->next->vteps[slot]);
		if (!c->old->vteps[slot])
			slot_release(&channel.vteps, slot);
	}
	if (c->next->rxqs[0] != c->old->rxqs[0])
		free(c->next->rxqs[0]);
}

static void commit_undo(struct commit *c)
{
	if (c->next && c->refs) {
		vhash_abort(c->next->fdb, c->g);
		vhash_abort(c->next->neigh, c->g);
		vhash_abort(c->next->vni, c->g);
		vhash_abort(c->next->vtep, c->g);
		vhash_abort(channel.port_ids, c->g);
		vhash_abort(c->next->routes, c->g);
		vhash_abort(c->next->dns, c->g);
		commit_network_undo(c);
		commit_policy_undo(c);
		undo_objects(c);
	}
	free(c->next);
	free(c->refs);
}

static void commit_clear(struct commit *c)
{
	commit_policy_clear(c);
	for (uint32_t i = 0; i < c->segments.n; i++) {
		draft_free(c->drafts[c->segments.slots[i]]);
		c->drafts[c->segments.slots[i]] = NULL;
	}
	for (uint32_t i = 0; i < c->ports.n; i++)
		c->port_fd[c->ports.slots[i]] = NULL;
	touched_clear(&c->segments);
	touched_clear(&c->ports);
	touched_clear(&c->vteps);
	touched_clear(&c->tenants);
	touched_clear(&c->networks);
	touched_clear(&c->routers);
	touched_clear(&c->sets);
	touched_clear(&c->scopes);
	touched_clear(&c->rulesets);
	if (c->any_stale) {
		memset(c->stale_networks, 0, sizeof(c->stale_networks));
		memset(c->stale_segments, 0, sizeof(c->stale_segments));
	}
	free(c->learned);
	c->learned = NULL;
	c->learned_capacity = 0;
	memset(c->added_port_fdb, 0, sizeof(c->added_port_fdb));
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

void txn_commit(struct txn *t, struct weft_msg_txn_result *ret)
{
	struct commit *c = &commit;
	uint64_t start = now_ns();

	*ret = t->failure;
	if (ret->error == 0) {
		if (commit_begin(c, ret) == 0 && commit_build(c, t) == 0)
			commit_publish(c);
		else
			commit_undo(c);
		commit_clear(c);
		channel.commit_last_ns = now_ns() - start;
	}
	ret->generation = channel.config->generation;
}
