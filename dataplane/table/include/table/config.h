/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane's configuration as one generation: what a worker reads for a whole burst.
 *
 * Immutable once published through config_current, except for the members marked live. Built by
 * the main thread (channel/commit.c): small objects are copied on write into a new struct config;
 * large tables (fdb, neigh) are shared between generations and versioned by vhash. Retired by RCU.
 * A worker loads config_current once per burst and uses only that pointer and its generation, so
 * a packet is judged by one generation as a whole.
 */
#ifndef TABLE_CONFIG_H
#define TABLE_CONFIG_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <table/vhash.h>
#include <weft/entry.h>

struct port; /* port/port.h: a higher layer */

/* A place where a frame can go: a port slot, a VTEP slot, or nowhere. */
typedef uint32_t dest_t;
#define DEST_NONE     0u
#define DEST_VTEP_BIT 0x80000000u
#define DEST_SLOT(d)  ((d)&0xffffu)

/* Sessions of what these are made of are judged again in a new epoch: see epoch of struct config.
 */
struct config_tenant {
	struct weft_tenant spec;
	uint16_t slot;
};

struct config_network {
	struct weft_network spec;
	uint16_t slot;
	uint16_t tenant_slot;
	bool peers; /* a route leads into it from another network, or out of it */
};

struct config_router {
	struct weft_router spec;
	uint16_t slot;
	uint16_t network_slot;
	uint64_t lens[3]; /* bit n: it may have a route with prefix length n */
};

struct config_subnet {
	struct weft_subnet spec;
};

struct policy_ruleset; /* table/policy.h */
struct policy_scope;

struct config_port {
	struct weft_port spec;
	struct port *dev; /* never NULL; its state says whether it can be used */
	uint16_t slot;
	uint16_t segment_slot; /* 0: none */
	uint64_t since;	       /* generation in which the slot became this port's */
	uint16_t n_rulesets;
	uint16_t rulesets[WEFT_PORT_RULESETS]; /* slots, in the order in which they judge */
};

/* Ready to copy in front of a frame: Ethernet, IPv4 or IPv6, UDP, VXLAN. Filled by tunnel/vxlan.h;
 * lengths, DSCP/ECN, source port, VNI and the IPv4 checksum are patched per packet. */
#define TUNNEL_HDR_MAX 70
struct tunnel_hdr {
	uint8_t bytes[TUNNEL_HDR_MAX];
	uint8_t size; /* 50 or 70 */
	uint8_t is_v6;
	uint16_t ip_cksum; /* IPv4: one's complement sum of the header with length and TOS zero */
	uint8_t tos;
	uint8_t tos_copied; /* bits of the inner TOS that are taken over */
};

struct config_vtep {
	struct tunnel_hdr hdr;
	struct weft_vtep spec;
	uint16_t slot;
	uint16_t uplink_slot; /* port slot; 0: missing */
	uint16_t inner_mtu;   /* largest inner IP packet: path_mtu less the encapsulation */
	uint64_t since;	      /* generation in which the slot became this VTEP's */
};

struct config_segment {
	struct weft_segment spec;
	uint64_t since; /* generation in which the slot became this segment's */
	uint16_t slot;
	uint16_t n_ports;
	uint16_t n_vteps;
	uint16_t n_flood_vteps;
	uint16_t n_subnets;
	uint16_t network_slot; /* 0: none */
	uint16_t router_slot;  /* 0: none */
	bool stateful; /* unicast IP goes through sessions: it has a router or metadata, or a port
			  has policy */
	const uint16_t *ports; /* slots of local members */
	const struct config_subnet *subnets;
	const uint16_t *vteps;	     /* slots of VTEPs that may send into it, sorted */
	const uint16_t *flood_vteps; /* of those, the ones that get copies, sorted */
};

struct config_local_vtep {
	struct weft_local_vtep spec;
	uint16_t uplink_slot;
};

/* One receive queue of one port, owned by one worker. */
struct config_rxq {
	uint16_t port_slot;
	uint16_t queue;
};

struct config {
	uint64_t generation;
	struct vhash *fdb;	   /* struct fdb_entry */
	struct vhash *neigh;	   /* struct neigh_entry */
	struct vhash *routes;	   /* table/route.h */
	struct vhash *set_members; /* table/policy.h */
	struct vhash *dns;	   /* struct dns_entry */
	struct vhash *vni;	   /* key: uint32_t vni; struct slot_entry -> segment slot */
	struct vhash *vtep;	   /* key: struct weft_addr; struct slot_entry -> VTEP slot */
	uint16_t n_local_vteps;
	struct config_local_vtep local_vteps[WEFT_MAX_LOCAL_VTEPS];
	uint16_t n_rxqs[WEFT_MAX_WORKERS];
	struct config_rxq *rxqs[WEFT_MAX_WORKERS];
	struct config_port *ports[WEFT_MAX_PORTS];
	struct config_segment *segments[WEFT_MAX_SEGMENTS];
	struct config_vtep *vteps[WEFT_MAX_VTEPS];
	struct config_tenant *tenants[WEFT_MAX_TENANTS];
	struct config_network *networks[WEFT_MAX_NETWORKS];
	struct config_router *routers[WEFT_MAX_ROUTERS];
	struct policy_ruleset *rulesets[WEFT_MAX_RULESETS];
	struct policy_scope *scopes[WEFT_MAX_SCOPES];
	struct config_port *service; /* the port with WEFT_ROLE_SERVICE, or NULL */
	/* By segment slot: the low half of the generation in which something last changed that a
	 * session of the segment may stand on (policy, routes, bindings; of its network and of
	 * those it has routes to). 0: no session. A session is valid while its epoch equals this
	 * one. */
	uint32_t epoch[WEFT_MAX_SEGMENTS];
};

extern const struct config *_Atomic config_current;

/* Key: struct fdb_key. */
struct fdb_entry {
	struct vhash_entry v;
	dest_t dest;
	_Atomic uint32_t seen_s; /* live: coarse seconds; workers store it at most once a second */
	uint8_t learned;
	uint8_t n_moves;  /* main thread: moves in second moved_s */
	uint16_t moved_s; /* main thread: low bits of the second */
	/* live: learned, and sessions in the kernel may stand on it (table/learn.h) */
	_Atomic uint8_t carried;
};

struct neigh_entry {
	struct vhash_entry v;
	struct weft_mac mac;
	uint8_t gateway; /* the router's own address */
	uint8_t pad[5];
};

/* Key: struct dns_key. */
struct dns_entry {
	struct vhash_entry v;
	struct weft_addr addr;
	char name[WEFT_DNS_NAME_SIZE];
};

struct slot_entry {
	struct vhash_entry v;
	uint16_t slot;
	uint8_t pad[2];
};

struct fdb_key {
	uint16_t segment_slot;
	struct weft_mac mac;
};
static_assert(sizeof(struct fdb_key) == 8, "hashed without padding");

/* Made as one word: a lookup reads it as one, and would wait for two stores. */
static inline struct fdb_key fdb_key_of(uint16_t segment_slot, const uint8_t *mac)
{
	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the slot comes first");
	struct fdb_key key;
	uint64_t word;
	uint32_t first;
	uint16_t rest;

	memcpy(&first, mac, sizeof(first));
	memcpy(&rest, mac + sizeof(first), sizeof(rest));
	word = segment_slot | (uint64_t)first << 16 | (uint64_t)rest << 48;
	memcpy(&key, &word, sizeof(key));
	return key;
}

/* The address first, for the same reason. */
struct neigh_key {
	struct weft_addr addr;
	uint32_t segment_slot;
};
static_assert(sizeof(struct neigh_key) == 20, "hashed without padding");

struct dns_key {
	uint16_t network_slot;
	uint16_t family; /* 4 or 6 */
	uint8_t hash[16];
};
static_assert(sizeof(struct dns_key) == 20, "hashed without padding");

static inline const struct config *config_get(void)
{
	return atomic_load_explicit(&config_current, memory_order_acquire);
}

/* Whether VTEP slot has members of the segment. */
bool config_segment_has_vtep(const struct config_segment *s, uint16_t vtep_slot);

#endif
