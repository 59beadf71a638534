/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes of all routers in one versioned hash: longest prefix match as one lookup per prefix length
 * that the router has in use, longest first. No memory per router beyond its routes.
 *
 * route_find: workers, lock-free, under one configuration. Sessions keep what it says, so its cost
 * is paid once per session.
 */
#ifndef TABLE_ROUTE_H
#define TABLE_ROUTE_H

#include <stdint.h>

#include <table/config.h>
#include <weft/drop_reason.h>

#define ROUTE_PEERS_MAX 4 /* routers that one lookup goes on in, behind the first */

struct route_key {
	struct weft_addr prefix;
	uint16_t router_slot;
	uint16_t len;
};
static_assert(sizeof(struct route_key) == 20, "hashed without padding");

struct route_hop {
	uint8_t type; /* enum weft_hop_type */
	uint8_t pad;
	uint16_t slot; /* of the segment or router */
	struct weft_addr via;
};

struct route_entry {
	struct vhash_entry v;
	uint8_t n_hops;
	uint8_t pad[3];
	struct route_hop hops[WEFT_ROUTE_HOPS];
};

/* Where a packet goes next. */
struct route_result {
	enum weft_drop drop; /* 0; or NO_ROUTE, BLACKHOLE, ROUTE_LOOP */
	bool unreachable;    /* with drop: the sender is to be told by ICMP */
	uint16_t segment;    /* slot */
	uint16_t router;     /* slot of the router that has that segment: its MAC is the source */
	struct weft_addr neighbour; /* whose MAC the packet gets: the destination or a next hop */
	uint8_t prefix_len; /* of the route that decided, and the router: for explanations */
	uint16_t by_router;
};

/* hash chooses among several hops, the same for all packets of a flow (rendezvous hashing: when a
 * hop comes or goes, other hops keep their flows). Where the router or the segment that a route
 * leads to is not on this host: NO_ROUTE. */
void route_find(const struct config *cfg, uint16_t router_slot, const struct weft_addr *dst,
	uint32_t hash, struct route_result *ret);

#endif
