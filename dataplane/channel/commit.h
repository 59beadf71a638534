/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A commit under way: the next configuration as a draft, and what is needed to undo or to finish
 * it. Shared by the commit_*.c files. Main thread; one at a time.
 */
#ifndef CHANNEL_COMMIT_H
#define CHANNEL_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "slot_list.h"
#include "state.h"
#include "txn_priv.h"

/* Slots of one table that ops name, each once, with the last op that named it. */
struct touched {
	uint32_t n;
	uint16_t slots[WEFT_MAX_SEGMENTS];
	bool has[WEFT_MAX_SEGMENTS];
	uint32_t op[WEFT_MAX_SEGMENTS];
};

static_assert(WEFT_MAX_SETS <= WEFT_MAX_SEGMENTS, "struct touched has room for every table");

/* A segment while its members change. */
struct segment_draft {
	bool present;
	struct weft_segment spec;
	struct slot_list ports;
	struct slot_list vteps;	      /* of all flood entries */
	struct slot_list flood_vteps; /* of those that get copies */
	uint32_t n_subnets;
	struct config_subnet *subnets; /* room for WEFT_SEGMENT_SUBNETS, or NULL */
};

/* A learned entry that the transaction ends. */
struct learned_end {
	uint16_t segment_slot;
	dest_t dest;
};

struct commit {
	uint64_t g; /* the generation being made */
	const struct config *old;
	struct config *next;
	struct refs *refs;
	struct weft_msg_txn_result *result;
	uint32_t op; /* being applied */
	struct touched ports, segments, vteps, tenants, networks, routers, sets, scopes, rulesets;
	bool any_stale; /* some of these are set */
	bool stale_networks[WEFT_MAX_NETWORKS];
	bool stale_segments[WEFT_MAX_SEGMENTS];
	struct segment_draft *drafts[WEFT_MAX_SEGMENTS];
	struct ruleset_draft *ruleset_drafts[WEFT_MAX_RULESETS];
	bool ruleset_stale[WEFT_MAX_RULESETS]; /* what it says may have changed */
	bool set_goes[WEFT_MAX_SETS];
	bool set_changed[WEFT_MAX_SETS]; /* its members */
	bool any_set_changed;
	int *port_fd[WEFT_MAX_PORTS]; /* descriptor that came with the op; in the transaction */
	bool local_touched;
	uint32_t local_op;
	bool learned_affected; /* learned entries may have lost what they stand on */
	uint32_t added_port_fdb[WEFT_MAX_PORTS]; /* FDB entries of this generation, by port */
	struct learned_end *learned;
	uint32_t n_learned, learned_capacity;
	uint8_t rxq_owner[WEFT_MAX_PORTS][WEFT_PORT_QUEUES];
	uint32_t last_vni; /* one-entry cache of commit_segment */
	uint16_t last_segment;
};

/* Notes the first failure, naming the op; returns -error. */
int commit_fail(struct commit *c, int error, uint32_t op, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int commit_fail_memory(struct commit *c);
/* "TABLE KEY: " and the sentence. */
int commit_fail_entry(struct commit *c, int error, uint32_t op, unsigned int table,
	const void *entry, const char *format, ...) __attribute__((format(printf, 6, 7)));

void touch(struct touched *t, uint16_t slot, uint32_t op);

/* Slots by key as the transaction leaves them, 0: none. Valid once commit_object has run. */
uint16_t commit_segment(struct commit *c, uint32_t vni);
uint16_t commit_port(const struct commit *c, uint32_t id);
uint16_t commit_vtep(const struct commit *c, const struct weft_addr *remote);
bool commit_segment_present(const struct commit *c, uint16_t slot);
/* The segment's draft, made of the old one when there is none yet. NULL: out of memory. */
struct segment_draft *commit_draft(struct commit *c, uint16_t slot);
void draft_free(struct segment_draft *d);

/* Zeroed memory of whole cache lines. */
void *object_new(size_t size);
/* Frees it once no worker can hold it; NULL is fine. */
void retire_object(const void *object);

/* The slot of a key, with a new one when it has none. Returns 0 or a failure of the commit. */
int slot_obtain(struct commit *c, struct vhash *map, struct slot_pool *pool, const void *key,
	const struct txn_walk *w, uint16_t *ret);
/* vhash_put has failed: errno says how. Returns a failure of the commit. */
int entry_refused(struct commit *c, const struct txn_walk *w);
int segment_unknown(struct commit *c, const struct txn_walk *w, uint32_t vni);

/* commit_epoch.c: sessions of that network, or of that segment's network, are judged again in the
 * generation being made. */
void commit_stale_network(struct commit *c, uint16_t network_slot);
void commit_stale_segment(struct commit *c, uint16_t segment_slot);
/* Writes the epochs; after all objects are built. */
void commit_epochs(struct commit *c);

/* commit_network.c: ops on tenants, networks and routers. */
int commit_network_object(struct commit *c, const struct txn_walk *w);
/* What those refer to; after all of them. */
int commit_network_resolve(struct commit *c);
/* Nothing that goes may be referred to any more; after segments are built. */
int commit_network_unused(struct commit *c);
uint16_t commit_network(const struct commit *c, uint32_t id);
uint16_t commit_router(const struct commit *c, uint32_t id);
/* A route leads from that router into another network, or from another into it. Returns 0 or a
 * failure. */
int commit_network_peers(struct commit *c, uint16_t router_slot);
/* The router as the transaction leaves it, to be changed. NULL: out of memory. */
struct config_router *commit_router_edit(struct commit *c, uint16_t slot);
/* Keys of what goes lose their slot. Returns 0 or a failure. */
int commit_network_drop_keys(struct commit *c);
void commit_network_publish(struct commit *c);
void commit_network_undo(struct commit *c);

/* commit_route.c: ops on subnets, routes and DNS names. */
int commit_route_entry(struct commit *c, const struct txn_walk *w);

/* commit_policy.c, commit_set.c: ops on address sets and rule sets, then on members and rules. */
int commit_policy_object(struct commit *c, const struct txn_walk *w);
int commit_policy_entry(struct commit *c, const struct txn_walk *w);
/* The slots of a port's rule sets; after all objects. */
int commit_policy_port(struct commit *c, struct config_port *p, uint32_t op);
/* Builds rule sets, says whose sessions are stale, ends what goes; after all ops. */
int commit_policy_build(struct commit *c);
void commit_policy_publish(struct commit *c);
void commit_policy_undo(struct commit *c);
void commit_policy_clear(struct commit *c);

/* commit_object.c: ops on segments, ports, local VTEPs and VTEPs. */
int commit_object(struct commit *c, const struct txn_walk *w);
/* What those refer to; after all of them. */
int commit_resolve(struct commit *c);
/* Nothing that goes may be referred to any more; after all ops. */
int commit_check_unused(struct commit *c);

/* commit_entry.c: ops on flood, FDB and neighbours. */
int commit_entry(struct commit *c, const struct txn_walk *w);
/* Ends learned entries whose port, VTEP or segment has gone or may not teach any more. */
int commit_end_learned(struct commit *c);

/* commit_rxq.c: which worker polls which queue. Returns 0 or -ENOMEM. */
int commit_rxqs(struct commit *c);

#endif
