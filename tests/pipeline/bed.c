/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The test bed. Builds generations by hand: plain copies, nothing incremental.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/mem.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <port/port.h>
#include <table/learn.h>
#include <tunnel/vxlan.h>

#include "bed.h"

#define BED_CONFIGS 4096

static struct config *bed_next;
static struct config *bed_old[BED_CONFIGS];
static unsigned int bed_n_old;
static unsigned int bed_workers;

static void bed_need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "test bed: %s\n", what);
	abort();
}

static void *bed_alloc(size_t size)
{
	void *p = calloc(1, size);

	bed_need(p, "out of memory");
	return p;
}

static struct config *bed_empty(void)
{
	struct config *c = bed_alloc(sizeof(*c));

	c->generation = 1;
	c->fdb = vhash_new("fdb", sizeof(struct fdb_key), sizeof(struct fdb_entry), WEFT_MAX_FDB);
	c->neigh = vhash_new(
		"neigh", sizeof(struct neigh_key), sizeof(struct neigh_entry), WEFT_MAX_NEIGH);
	c->vni = vhash_new("vni", sizeof(uint32_t), sizeof(struct slot_entry), WEFT_MAX_SEGMENTS);
	c->vtep = vhash_new(
		"vtep", sizeof(struct weft_addr), sizeof(struct slot_entry), WEFT_MAX_VTEPS);
	bed_need(c->fdb && c->neigh && c->vni && c->vtep, "out of memory");
	for (unsigned int w = 0; w < bed_workers; w++)
		c->rxqs[w] = bed_alloc(WEFT_MAX_PORTS * sizeof(struct config_rxq));
	return c;
}

void bed_init(unsigned int n_mbufs, unsigned int n_workers)
{
	bed_workers = n_workers;
	if (rcu_init(n_workers) < 0 || mem_init(n_mbufs) < 0 || learn_init() < 0 ||
		counters_init(n_workers, 1) < 0) {
		printf("skipped: not enough memory for packet buffers\n");
		exit(77);
	}
	fake_register();
	bed_next = bed_empty();
}

static uint32_t bed_slot(struct vhash *h, const void *key)
{
	struct slot_entry *e = (struct slot_entry *)vhash_find(h, key, bed_next->generation);

	return e ? e->slot : 0;
}

static void bed_slot_put(struct vhash *h, const void *key, uint16_t slot)
{
	struct slot_entry *e = (struct slot_entry *)vhash_put(h, key, bed_next->generation);

	bed_need(e, "table is full");
	e->slot = slot;
}

static struct config_segment *bed_segment(uint32_t vni)
{
	uint32_t slot = bed_slot(bed_next->vni, &vni);

	bed_need(slot, "no such segment");
	return bed_next->segments[slot];
}

static uint16_t bed_vtep_slot(const struct weft_addr *remote)
{
	uint16_t slot = bed_slot(bed_next->vtep, remote);

	bed_need(slot, "no such vtep");
	return slot;
}

static uint16_t bed_port_slot(uint32_t id)
{
	for (unsigned int i = 1; i < WEFT_MAX_PORTS; i++) {
		if (bed_next->ports[i] && bed_next->ports[i]->spec.id == id)
			return i;
	}
	return 0;
}

struct port *bed_port(uint32_t id)
{
	uint16_t slot = bed_port_slot(id);

	return slot ? bed_next->ports[slot]->dev : NULL;
}

static unsigned int bed_free_slot(void *const *slots, unsigned int max)
{
	for (unsigned int i = 1; i < max; i++) {
		if (!slots[i])
			return i;
	}
	bed_need(false, "no free slot");
	return 0;
}

static void bed_put_segment(const struct weft_segment *e)
{
	uint32_t slot = bed_slot(bed_next->vni, &e->vni);

	if (!slot) {
		slot = bed_free_slot((void **)bed_next->segments, WEFT_MAX_SEGMENTS);
		bed_next->segments[slot] = bed_alloc(sizeof(struct config_segment));
		bed_next->segments[slot]->slot = slot;
		bed_slot_put(bed_next->vni, &e->vni, slot);
	}
	bed_next->segments[slot]->spec = *e;
}

static const uint16_t *bed_list_add(const uint16_t *list, uint16_t *n, uint16_t slot)
{
	uint16_t *more = bed_alloc((*n + 1) * sizeof(*more));
	unsigned int i = 0;

	for (; i < *n && list[i] < slot; i++)
		more[i] = list[i];
	more[i] = slot;
	for (; i < *n; i++)
		more[i + 1] = list[i];
	free((void *)list);
	*n += 1;
	return more;
}

static void bed_own_queues(const struct config_port *p)
{
	for (uint16_t q = 0; q < p->dev->n_rxq; q++) {
		unsigned int w = q % bed_workers;

		bed_next->rxqs[w][bed_next->n_rxqs[w]++] =
			(struct config_rxq){.port_slot = p->slot, .queue = q};
	}
}

static void bed_put_port(const struct weft_port *e)
{
	uint16_t slot = bed_port_slot(e->id);
	struct config_port *p;

	if (slot) {
		p = bed_next->ports[slot];
		p->spec = *e;
		port_update(p->dev, e);
		return;
	}
	slot = bed_free_slot((void **)bed_next->ports, WEFT_MAX_PORTS);
	p = bed_alloc(sizeof(*p));
	p->spec = *e;
	if (p->spec.device[0] == '\0') /* a device has one port only */
		snprintf(p->spec.device, sizeof(p->spec.device), "fake%u", e->id);
	p->slot = slot;
	p->dev = port_new(&p->spec, slot);
	bed_need(p->dev && port_open(p->dev, -1, bed_workers) == 0, "port doesn't open");
	bed_next->ports[slot] = p;
	counters_slot_assign(slot, e->id);
	if (e->vni) {
		struct config_segment *seg = bed_segment(e->vni);

		p->segment_slot = seg->slot;
		seg->ports = bed_list_add(seg->ports, &seg->n_ports, slot);
	}
	bed_own_queues(p);
}

static void bed_put_local_vtep(const struct weft_local_vtep *e)
{
	struct config_local_vtep *v = &bed_next->local_vteps[bed_next->n_local_vteps++];

	v->spec = *e;
	v->uplink_slot = bed_port_slot(e->uplink);
}

static void bed_put_vtep(const struct weft_vtep *e)
{
	uint32_t slot = bed_slot(bed_next->vtep, &e->remote);
	struct config_vtep *v;

	if (!slot) {
		slot = bed_free_slot((void **)bed_next->vteps, WEFT_MAX_VTEPS);
		bed_next->vteps[slot] = bed_alloc(sizeof(struct config_vtep));
		bed_slot_put(bed_next->vtep, &e->remote, slot);
	}
	v = bed_next->vteps[slot];
	v->spec = *e;
	v->slot = slot;
	v->uplink_slot = bed_port_slot(e->uplink);
	vxlan_prepare(v);
}

static void bed_put_flood(const struct weft_flood *e)
{
	struct config_segment *seg = bed_segment(e->vni);

	seg->vteps = bed_list_add(seg->vteps, &seg->n_vteps, bed_vtep_slot(&e->remote));
}

static void bed_put_fdb(const struct weft_fdb *e)
{
	struct fdb_key key = {.segment_slot = bed_segment(e->vni)->slot, .mac = e->mac};
	struct fdb_entry *f =
		(struct fdb_entry *)vhash_put(bed_next->fdb, &key, bed_next->generation);

	bed_need(f, "fdb is full");
	f->dest = e->port ? bed_port_slot(e->port) : DEST_VTEP_BIT | bed_vtep_slot(&e->remote);
	f->learned = e->flags & WEFT_FDB_LEARNED;
}

static void bed_put_neigh(const struct weft_neigh *e)
{
	struct neigh_key key = {.segment_slot = bed_segment(e->vni)->slot, .addr = e->addr};
	struct neigh_entry *n =
		(struct neigh_entry *)vhash_put(bed_next->neigh, &key, bed_next->generation);

	bed_need(n, "neighbour table is full");
	n->mac = e->mac;
}

void bed_put(enum weft_table table, const void *entry)
{
	switch (table) {
	case WEFT_TABLE_SEGMENT:
		bed_put_segment(entry);
		break;
	case WEFT_TABLE_PORT:
		bed_put_port(entry);
		break;
	case WEFT_TABLE_LOCAL_VTEP:
		bed_put_local_vtep(entry);
		break;
	case WEFT_TABLE_VTEP:
		bed_put_vtep(entry);
		break;
	case WEFT_TABLE_FLOOD:
		bed_put_flood(entry);
		break;
	case WEFT_TABLE_FDB:
		bed_put_fdb(entry);
		break;
	case WEFT_TABLE_NEIGH:
		bed_put_neigh(entry);
		break;
	case WEFT_TABLE_MAX:
		bed_need(false, "no such table");
	}
}

/* A new struct config, everything behind its pointers shared: readers of the old generation may see
 * small objects change, which a test that cares for it leaves alone. */
const struct config *bed_commit(void)
{
	struct config *now = bed_next;

	bed_next = bed_alloc(sizeof(*bed_next));
	*bed_next = *now;
	bed_next->generation++;
	for (unsigned int w = 0; w < bed_workers; w++) {
		bed_next->rxqs[w] = bed_alloc(WEFT_MAX_PORTS * sizeof(struct config_rxq));
		memcpy(bed_next->rxqs[w], now->rxqs[w], now->n_rxqs[w] * sizeof(struct config_rxq));
	}
	vhash_commit(now->fdb, now->generation);
	vhash_commit(now->neigh, now->generation);
	vhash_commit(now->vni, now->generation);
	vhash_commit(now->vtep, now->generation);
	bed_need(bed_n_old < BED_CONFIGS, "too many generations for one test");
	bed_old[bed_n_old++] = now;
	atomic_store_explicit(&config_current, now, memory_order_release);
	return now;
}

static void bed_free_config(struct config *c)
{
	for (unsigned int w = 0; w < bed_workers; w++)
		free(c->rxqs[w]);
	free(c);
}

static void bed_free_objects(struct config *c)
{
	for (unsigned int i = 1; i < WEFT_MAX_PORTS; i++) {
		if (c->ports[i]) {
			port_free(c->ports[i]->dev);
			counters_slot_assign(i, 0);
		}
		free(c->ports[i]);
	}
	for (unsigned int i = 1; i < WEFT_MAX_SEGMENTS; i++) {
		if (c->segments[i]) {
			free((void *)c->segments[i]->ports);
			free((void *)c->segments[i]->vteps);
		}
		free(c->segments[i]);
	}
	for (unsigned int i = 1; i < WEFT_MAX_VTEPS; i++)
		free(c->vteps[i]);
	vhash_free(c->fdb);
	vhash_free(c->neigh);
	vhash_free(c->vni);
	vhash_free(c->vtep);
}

static void bed_forget(void)
{
	atomic_store(&config_current, NULL);
	bed_free_objects(bed_next);
	bed_free_config(bed_next);
	while (bed_n_old)
		bed_free_config(bed_old[--bed_n_old]);
	rcu_reclaim();
}

void bed_reset(void)
{
	bed_forget();
	learn_fini(); /* with its counts of what was learned */
	bed_need(learn_init() == 0, "out of memory");
	bed_next = bed_empty();
}

void bed_fini(void)
{
	bed_forget();
	learn_fini();
	counters_fini();
	mem_fini();
	rcu_fini();
}
