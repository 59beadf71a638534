/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The main thread's book-keeping and the first, empty configuration. Knows no ops and no sockets.
 * Main thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/rcu.h>
#include <observe/counters.h>
#include <observe/recorder.h>
#include <session/session.h>
#include <table/policy.h>
#include <table/route.h>

#include "state.h"

struct channel_state channel;

static int pool_init(struct slot_pool *p, uint32_t n)
{
	p->free = malloc(n * sizeof(p->free[0]));
	if (!p->free)
		return -ENOMEM;
	p->n_free = 0;
	for (uint32_t slot = n - 1; slot > 0; slot--)
		slot_release(p, slot);
	return 0;
}

uint16_t slot_alloc(struct slot_pool *p)
{
	return p->n_free ? p->free[--p->n_free] : 0;
}

void slot_release(struct slot_pool *p, uint16_t slot)
{
	p->free[p->n_free++] = slot;
}

/* In a retired slot's callback argument: the pool's place here, then the slot. */
static struct slot_pool *const pools[] = {
	&channel.ports,
	&channel.segments,
	&channel.vteps,
	&channel.tenants.pool,
	&channel.networks.pool,
	&channel.routers.pool,
	&channel.rulesets.pool,
	&channel.scopes.pool,
	&channel.sets.pool,
};

static void release_retired(void *arg)
{
	struct slot_pool *p = pools[(uintptr_t)arg >> 16];
	uint16_t slot = (uintptr_t)arg & UINT16_MAX;

	if (p == &channel.ports) {
		counters_slot_assign(slot, 0);
		recorder_slot_assign(slot, false);
	}
	slot_release(p, slot);
	if (p == &channel.ports || p == &channel.networks.pool)
		session_sweep();
}

void slot_retire(struct slot_pool *p, uint16_t slot)
{
	uintptr_t i = 0;

	while (pools[i] != p)
		i++;
	rcu_retire(release_retired, (void *)(i << 16 | slot));
}

uint16_t slot_find(const struct vhash *map, const void *key, uint64_t g)
{
	const struct slot_entry *e = (const struct slot_entry *)vhash_find(map, key, g);

	return e ? e->slot : 0;
}

static void config_free(struct config *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < WEFT_MAX_PORTS; i++)
		free(c->ports[i]);
	for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++)
		free(c->segments[i]);
	for (uint32_t i = 0; i < WEFT_MAX_VTEPS; i++)
		free(c->vteps[i]);
	for (uint32_t i = 0; i < WEFT_MAX_TENANTS; i++)
		free(c->tenants[i]);
	for (uint32_t i = 0; i < WEFT_MAX_NETWORKS; i++)
		free(c->networks[i]);
	for (uint32_t i = 0; i < WEFT_MAX_ROUTERS; i++)
		free(c->routers[i]);
	for (uint32_t i = 0; i < WEFT_MAX_RULESETS; i++)
		free(c->rulesets[i]);
	for (uint32_t i = 0; i < WEFT_MAX_SCOPES; i++)
		free(c->scopes[i]);
	free(c->rxqs[0]); /* one block for all workers */
	vhash_free(c->fdb);
	vhash_free(c->neigh);
	vhash_free(c->vni);
	vhash_free(c->vtep);
	vhash_free(c->routes);
	vhash_free(c->dns);
	vhash_free(c->set_members);
	free(c);
}

static struct config *config_new(void)
{
	struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fdb = vhash_new("fdb", sizeof(struct fdb_key), sizeof(struct fdb_entry), WEFT_MAX_FDB);
	c->neigh = vhash_new(
		"neigh", sizeof(struct neigh_key), sizeof(struct neigh_entry), WEFT_MAX_NEIGH);
	c->vni = vhash_new("vni", sizeof(uint32_t), sizeof(struct slot_entry), WEFT_MAX_SEGMENTS);
	c->vtep = vhash_new(
		"vtep", sizeof(struct weft_addr), sizeof(struct slot_entry), WEFT_MAX_VTEPS);
	c->routes = vhash_new(
		"route", sizeof(struct route_key), sizeof(struct route_entry), WEFT_MAX_ROUTES);
	c->dns = vhash_new("dns", sizeof(struct dns_key), sizeof(struct dns_entry), WEFT_MAX_DNS);
	c->set_members = policy_members_new();
	if (c->fdb && c->neigh && c->vni && c->vtep && c->routes && c->dns && c->set_members)
		return c;
	config_free(c);
	return NULL;
}

static int map_init(struct id_map *m, const char *name, uint32_t entry_size, uint32_t n)
{
	m->ids = vhash_new(name, sizeof(uint32_t), entry_size, n);
	return m->ids ? pool_init(&m->pool, n) : -ENOMEM;
}

static void map_free(struct id_map *m)
{
	vhash_free(m->ids);
	free(m->pool.free);
}

static int maps_init(void)
{
	const uint32_t slot_size = sizeof(struct slot_entry);

	if (map_init(&channel.tenants, "tenant", slot_size, WEFT_MAX_TENANTS) ||
		map_init(&channel.networks, "network", slot_size, WEFT_MAX_NETWORKS) ||
		map_init(&channel.routers, "router", slot_size, WEFT_MAX_ROUTERS) ||
		map_init(&channel.rulesets, "ruleset", slot_size, WEFT_MAX_RULESETS) ||
		map_init(&channel.scopes, "scope", slot_size, WEFT_MAX_SCOPES) ||
		map_init(&channel.sets, "set", sizeof(struct set_entry), WEFT_MAX_SETS))
		return -ENOMEM;
	return 0;
}

int state_init(unsigned int n_workers)
{
	memset(&channel, 0, sizeof(channel));
	channel.n_workers = n_workers;
	channel.config = config_new();
	channel.refs = calloc(1, sizeof(*channel.refs));
	channel.port_ids =
		vhash_new("port", sizeof(uint32_t), sizeof(struct slot_entry), WEFT_MAX_PORTS);
	if (!channel.config || !channel.refs || !channel.port_ids ||
		pool_init(&channel.ports, WEFT_MAX_PORTS) ||
		pool_init(&channel.segments, WEFT_MAX_SEGMENTS) ||
		pool_init(&channel.vteps, WEFT_MAX_VTEPS) || maps_init()) {
		state_fini();
		return -ENOMEM;
	}
	atomic_store_explicit(&config_current, channel.config, memory_order_release);
	return 0;
}

void state_fini(void)
{
	recorder_fini();
	atomic_store_explicit(&config_current, NULL, memory_order_release);
	/* Callbacks that wait for a grace period still use what is freed below; no worker runs, so
	 * two rounds (unlink, free) end them all. */
	while (rcu_reclaim() > 0)
		;
	config_free(channel.config);
	vhash_free(channel.port_ids);
	free(channel.refs);
	free(channel.ports.free);
	free(channel.segments.free);
	free(channel.vteps.free);
	map_free(&channel.tenants);
	map_free(&channel.networks);
	map_free(&channel.routers);
	map_free(&channel.rulesets);
	map_free(&channel.scopes);
	map_free(&channel.sets);
	memset(&channel, 0, sizeof(channel));
}
