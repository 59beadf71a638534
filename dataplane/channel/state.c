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

#define RETIRE(pool)                                                                               \
	static void release_##pool(void *slot)                                                     \
	{                                                                                          \
		slot_release(&channel.pool, (uintptr_t)slot);                                      \
	}
RETIRE(segments)
RETIRE(vteps)
#undef RETIRE

static void release_ports(void *slot)
{
	counters_slot_assign((uintptr_t)slot, 0);
	slot_release(&channel.ports, (uintptr_t)slot);
}

void slot_retire(struct slot_pool *p, uint16_t slot)
{
	void (*release)(void *) = p == &channel.ports	   ? release_ports
				  : p == &channel.segments ? release_segments
							   : release_vteps;

	rcu_retire(release, (void *)(uintptr_t)slot);
}

uint16_t slot_find(const struct vhash *map, const void *key, uint64_t g)
{
	const struct slot_entry *e = (const struct slot_entry *)vhash_find(map, key, g);

	return e ? e->slot : 0;
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
	return c;
}

int state_init(unsigned int n_workers)
{
	memset(&channel, 0, sizeof(channel));
	channel.n_workers = n_workers;
	channel.config = config_new();
	channel.refs = calloc(1, sizeof(*channel.refs));
	channel.port_ids =
		vhash_new("port", sizeof(uint32_t), sizeof(struct slot_entry), WEFT_MAX_PORTS);
	if (!channel.config || !channel.config->fdb || !channel.config->neigh ||
		!channel.config->vni || !channel.config->vtep || !channel.refs ||
		!channel.port_ids || pool_init(&channel.ports, WEFT_MAX_PORTS) ||
		pool_init(&channel.segments, WEFT_MAX_SEGMENTS) ||
		pool_init(&channel.vteps, WEFT_MAX_VTEPS)) {
		state_fini();
		return -ENOMEM;
	}
	atomic_store_explicit(&config_current, channel.config, memory_order_release);
	return 0;
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
	free(c->rxqs[0]); /* one block for all workers */
	vhash_free(c->fdb);
	vhash_free(c->neigh);
	vhash_free(c->vni);
	vhash_free(c->vtep);
	free(c);
}

void state_fini(void)
{
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
	memset(&channel, 0, sizeof(channel));
}
