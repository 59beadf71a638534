/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ops on tenants, networks and routers: objects that are named by an id. First each op changes the
 * draft on its own, then references are resolved. Few objects refer to them, so whether one that
 * goes is still referred to is found by looking, not by counting. Main thread, within a commit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commit.h"

static uint16_t find(const struct id_map *m, void *const *objects, uint32_t id, uint64_t g)
{
	uint16_t slot = slot_find(m->ids, &id, g);

	return slot && objects[slot] ? slot : 0;
}

uint16_t commit_network(const struct commit *c, uint32_t id)
{
	return find(&channel.networks, (void *const *)c->next->networks, id, c->g);
}

uint16_t commit_router(const struct commit *c, uint32_t id)
{
	return find(&channel.routers, (void *const *)c->next->routers, id, c->g);
}

/* What is the same for the three kinds. */
struct kind {
	struct id_map *map;
	struct touched *touched;
	void **old, **next; /* by slot */
	size_t size;
};

static struct kind kind_of(struct commit *c, enum weft_table table)
{
	switch (table) {
	case WEFT_TABLE_TENANT:
		return (struct kind){&channel.tenants, &c->tenants, (void **)c->old->tenants,
			(void **)c->next->tenants, sizeof(struct config_tenant)};
	case WEFT_TABLE_NETWORK:
		return (struct kind){&channel.networks, &c->networks, (void **)c->old->networks,
			(void **)c->next->networks, sizeof(struct config_network)};
	default:
		return (struct kind){&channel.routers, &c->routers, (void **)c->old->routers,
			(void **)c->next->routers, sizeof(struct config_router)};
	}
}

static const enum weft_table tables[] = {WEFT_TABLE_TENANT, WEFT_TABLE_NETWORK, WEFT_TABLE_ROUTER};
#define FOR_EACH_KIND(c, k)                                                                        \
	for (unsigned int t_ = 0; t_ < sizeof(tables) / sizeof(tables[0]); t_++)                   \
		for (struct kind k = kind_of(c, tables[t_]), *once_ = &k; once_; once_ = NULL)

static void replace(struct commit *c, const struct kind *k, uint16_t slot, void *object)
{
	if (k->next[slot] != k->old[slot])
		free(k->next[slot]);
	k->next[slot] = object;
	touch(k->touched, slot, c->op);
}

/* The new object; its spec is the caller's to fill. NULL: *ret_rc says why. */
static void *put(struct commit *c, const struct txn_walk *w, uint16_t *ret_slot, int *ret_rc)
{
	struct kind k = kind_of(c, w->op.table);
	uint32_t id = w->op.entry->tenant.id; /* all three begin with it */
	void *object;

	*ret_rc = slot_obtain(c, k.map->ids, &k.map->pool, &id, w, ret_slot);
	if (*ret_rc)
		return NULL;
	touch(k.touched, *ret_slot, c->op);
	object = object_new(k.size);
	if (!object) {
		*ret_rc = commit_fail_memory(c);
		return NULL;
	}
	replace(c, &k, *ret_slot, object);
	return object;
}

static int tenant_put(struct commit *c, const struct txn_walk *w)
{
	uint16_t slot;
	int rc;
	struct config_tenant *t = put(c, w, &slot, &rc);

	if (t)
		*t = (struct config_tenant){.spec = w->op.entry->tenant, .slot = slot};
	return rc;
}

/* Routes between networks stay as they are when a network gets other settings. */
static int network_put(struct commit *c, const struct txn_walk *w)
{
	uint16_t slot;
	int rc;
	struct config_network *n = put(c, w, &slot, &rc);

	if (!n)
		return rc;
	*n = (struct config_network){.spec = w->op.entry->network, .slot = slot};
	if (c->old->networks[slot])
		n->peers = c->old->networks[slot]->peers;
	commit_stale_network(c, slot);
	return 0;
}

static int router_put(struct commit *c, const struct txn_walk *w)
{
	uint16_t slot;
	int rc;
	struct config_router *r = put(c, w, &slot, &rc);

	if (!r)
		return rc;
	*r = (struct config_router){.spec = w->op.entry->router, .slot = slot};
	if (c->old->routers[slot])
		memcpy(r->lens, c->old->routers[slot]->lens, sizeof(r->lens));
	return 0;
}

static int delete (struct commit *c, const struct txn_walk *w)
{
	struct kind k = kind_of(c, w->op.table);
	uint32_t id = w->op.entry->tenant.id;
	uint16_t slot = slot_find(k.map->ids, &id, c->g);

	if (slot)
		replace(c, &k, slot, NULL);
	return 0;
}

int commit_network_object(struct commit *c, const struct txn_walk *w)
{
	if (w->op.verb == WEFT_OP_DELETE)
		return delete (c, w);
	switch (w->op.table) {
	case WEFT_TABLE_TENANT:
		return tenant_put(c, w);
	case WEFT_TABLE_NETWORK:
		return network_put(c, w);
	default:
		return router_put(c, w);
	}
}

/* The object as this transaction leaves it, made of the old one when no op has named it. */
static void *edit(struct commit *c, enum weft_table table, uint16_t slot)
{
	struct kind k = kind_of(c, table);
	void *object = k.next[slot];

	if (object != k.old[slot])
		return object;
	object = object_new(k.size);
	if (!object)
		return NULL;
	memcpy(object, k.old[slot], k.size);
	replace(c, &k, slot, object);
	return object;
}

struct config_router *commit_router_edit(struct commit *c, uint16_t slot)
{
	return edit(c, WEFT_TABLE_ROUTER, slot);
}

int commit_network_peers(struct commit *c, uint16_t router_slot)
{
	uint16_t slot = c->next->routers[router_slot]->network_slot;
	struct config_network *n;

	if (c->next->networks[slot]->peers)
		return 0;
	n = edit(c, WEFT_TABLE_NETWORK, slot);
	if (!n)
		return commit_fail_memory(c);
	n->peers = true;
	commit_stale_network(c, slot);
	return 0;
}

/* Whether a segment is stateful follows from its network, too. */
static int resolve_segments(struct commit *c, uint16_t slot)
{
	const struct config_network *old = c->old->networks[slot], *n = c->next->networks[slot];

	if (!old || !((old->spec.flags ^ n->spec.flags) & WEFT_NETWORK_METADATA))
		return 0;
	c->op = c->networks.op[slot];
	for (uint32_t i = 1; i < WEFT_MAX_SEGMENTS; i++) {
		const struct config_segment *s = c->old->segments[i];

		if (s && s->network_slot == slot && !commit_draft(c, i))
			return commit_fail_memory(c);
	}
	return 0;
}

static int resolve_network(struct commit *c, uint16_t slot)
{
	struct config_network *n = c->next->networks[slot];

	if (!n)
		return 0;
	n->tenant_slot =
		find(&channel.tenants, (void *const *)c->next->tenants, n->spec.tenant, c->g);
	if (n->tenant_slot)
		return resolve_segments(c, slot);
	return commit_fail_entry(c, ENOENT, c->networks.op[slot], WEFT_TABLE_NETWORK, &n->spec,
		"tenant: there is no tenant %u", n->spec.tenant);
}

static int resolve_router(struct commit *c, uint16_t slot)
{
	const struct config_router *old = c->old->routers[slot];
	struct config_router *r = c->next->routers[slot];

	if (old)
		commit_stale_network(c, old->network_slot);
	if (!r)
		return 0;
	r->network_slot = commit_network(c, r->spec.network);
	if (!r->network_slot)
		return commit_fail_entry(c, ENOENT, c->routers.op[slot], WEFT_TABLE_ROUTER,
			&r->spec, "network: there is no network %u", r->spec.network);
	commit_stale_network(c, r->network_slot);
	return 0;
}

int commit_network_resolve(struct commit *c)
{
	int rc;

	for (uint32_t i = 0; i < c->networks.n; i++)
		if ((rc = resolve_network(c, c->networks.slots[i])))
			return rc;
	for (uint32_t i = 0; i < c->routers.n; i++)
		if ((rc = resolve_router(c, c->routers.slots[i])))
			return rc;
	return 0;
}

/* Those that go. */
static bool goes(const struct kind *k, uint16_t slot)
{
	return k->touched->has[slot] && !k->next[slot];
}

static bool any_goes(const struct kind *k)
{
	for (uint32_t i = 0; i < k->touched->n; i++)
		if (!k->next[k->touched->slots[i]])
			return true;
	return false;
}

static int fail_used(struct commit *c, enum weft_table table, uint16_t slot, const char *by)
{
	struct kind k = kind_of(c, table);

	if (!k.old[slot])
		return 0; /* came and went in this transaction; nobody found it */
	return commit_fail_entry(
		c, EBUSY, k.touched->op[slot], table, k.old[slot], "%s still refer to it", by);
}

static int check_segments(struct commit *c)
{
	struct kind networks = kind_of(c, WEFT_TABLE_NETWORK);
	struct kind routers = kind_of(c, WEFT_TABLE_ROUTER);

	if (!any_goes(&networks) && !any_goes(&routers))
		return 0;
	for (uint32_t i = 1; i < WEFT_MAX_SEGMENTS; i++) {
		const struct config_segment *s = c->next->segments[i];

		if (s && s->network_slot && goes(&networks, s->network_slot))
			return fail_used(c, WEFT_TABLE_NETWORK, s->network_slot, "segments");
		if (s && s->router_slot && goes(&routers, s->router_slot))
			return fail_used(c, WEFT_TABLE_ROUTER, s->router_slot, "segments");
	}
	return 0;
}

static int check_networks(struct commit *c)
{
	struct kind tenants = kind_of(c, WEFT_TABLE_TENANT);
	struct kind networks = kind_of(c, WEFT_TABLE_NETWORK);

	for (uint32_t i = 1; i < WEFT_MAX_NETWORKS && any_goes(&tenants); i++) {
		const struct config_network *n = c->next->networks[i];

		if (n && goes(&tenants, n->tenant_slot))
			return fail_used(c, WEFT_TABLE_TENANT, n->tenant_slot, "networks");
	}
	for (uint32_t i = 1; i < WEFT_MAX_ROUTERS && any_goes(&networks); i++) {
		const struct config_router *r = c->next->routers[i];

		if (r && goes(&networks, r->network_slot))
			return fail_used(c, WEFT_TABLE_NETWORK, r->network_slot, "routers");
	}
	return 0;
}

int commit_network_unused(struct commit *c)
{
	int rc;

	if ((rc = check_segments(c)) || (rc = check_networks(c)))
		return rc;
	for (uint32_t i = 0; i < c->routers.n; i++) {
		uint16_t slot = c->routers.slots[i];

		if (!c->next->routers[slot] && c->refs->router_routes[slot])
			return fail_used(c, WEFT_TABLE_ROUTER, slot, "routes");
	}
	for (uint32_t i = 0; i < c->networks.n; i++) {
		uint16_t slot = c->networks.slots[i];

		if (!c->next->networks[slot] && c->refs->network_dns[slot])
			return fail_used(c, WEFT_TABLE_NETWORK, slot, "DNS names");
	}
	return 0;
}

int commit_network_drop_keys(struct commit *c)
{
	FOR_EACH_KIND(c, k)
	{
		struct vhash_entry *e;
		uint64_t cursor = 0;

		if (!any_goes(&k))
			continue;
		while ((e = vhash_next(k.map->ids, &cursor, c->g)))
			if (!k.next[((struct slot_entry *)e)->slot] &&
				!vhash_delete(k.map->ids, e->key, c->g))
				return commit_fail_memory(c);
	}
	return 0;
}

void commit_network_publish(struct commit *c)
{
	FOR_EACH_KIND(c, k)
	{
		vhash_commit(k.map->ids, c->g);
		for (uint32_t i = 0; i < k.touched->n; i++) {
			uint16_t slot = k.touched->slots[i];

			retire_object(k.old[slot]);
			if (!k.next[slot])
				slot_retire(&k.map->pool, slot);
		}
	}
}

void commit_network_undo(struct commit *c)
{
	FOR_EACH_KIND(c, k)
	{
		vhash_abort(k.map->ids, c->g);
		for (uint32_t i = 0; i < k.touched->n; i++) {
			uint16_t slot = k.touched->slots[i];

			if (k.next[slot] != k.old[slot])
				free(k.next[slot]);
			if (!k.old[slot])
				slot_release(&k.map->pool, slot);
		}
	}
}
