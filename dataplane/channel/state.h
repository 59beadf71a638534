/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the main thread knows beside the published configuration: slots, counts of references, and
 * which worker owns which receive queue. Changed only by a commit that succeeds.
 */
#ifndef CHANNEL_STATE_H
#define CHANNEL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <table/config.h>
#include <weft/limits.h>

/* Free slot numbers of one table. Slot 0 is never given out. */
struct slot_pool {
	uint16_t *free;
	uint32_t n_free;
};

/* How often an object is referred to by programmed entries; deleting it needs zero. By slot. */
struct refs {
	uint32_t segment_fdb[WEFT_MAX_SEGMENTS];
	uint32_t segment_neigh[WEFT_MAX_SEGMENTS];
	uint32_t port_fdb[WEFT_MAX_PORTS];
	uint32_t port_uplink[WEFT_MAX_PORTS]; /* VTEPs and local VTEPs that use it */
	uint32_t vtep_fdb[WEFT_MAX_VTEPS];
	uint32_t vtep_flood[WEFT_MAX_VTEPS];
	uint32_t segment_routes[WEFT_MAX_SEGMENTS]; /* hops */
	uint32_t router_routes[WEFT_MAX_ROUTERS];   /* its own, and hops into it */
	uint32_t network_dns[WEFT_MAX_NETWORKS];
	uint32_t set_members[WEFT_MAX_SETS];
	uint32_t set_rules[WEFT_MAX_SETS];
	uint32_t n_set_members; /* of all sets */
};

/* Objects that entries name by an id: id -> struct slot_entry. */
struct id_map {
	struct vhash *ids;
	struct slot_pool pool;
};

/* An address set; workers only know its slot. */
struct set_entry {
	struct slot_entry base;
	uint16_t scope_slot;
	struct weft_set spec;
};

struct channel_state {
	struct config *config;	/* what config_current points to */
	struct vhash *port_ids; /* uint32_t id -> struct slot_entry */
	struct refs *refs;
	struct slot_pool ports;
	struct slot_pool segments;
	struct slot_pool vteps;
	struct id_map tenants, networks, routers, rulesets, scopes;
	struct id_map sets;		 /* of struct set_entry */
	uint32_t set_ids[WEFT_MAX_SETS]; /* by slot; valid while the set exists */
	unsigned int n_workers;
	uint64_t commit_last_ns;
	/* worker that polls the queue, plus one; 0: nobody */
	uint8_t rxq_owner[WEFT_MAX_PORTS][WEFT_PORT_QUEUES];
};
extern struct channel_state channel;

/* Publishes the empty configuration. Returns 0 or -ENOMEM. */
int state_init(unsigned int n_workers);
void state_fini(void);

/* Returns a slot, or 0 when all are taken. */
uint16_t slot_alloc(struct slot_pool *p);
void slot_release(struct slot_pool *p, uint16_t slot);
/* The slot is free once no worker can hold a configuration that has it. */
void slot_retire(struct slot_pool *p, uint16_t slot);

/* Slot of a key in one of the maps to struct slot_entry, 0: none. */
uint16_t slot_find(const struct vhash *map, const void *key, uint64_t g);

#endif
