/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The objects of intent: what operators say should be. Plain data, no I/O.
 *
 * Every object starts with struct object. Names: tenants and hosts have a plain name ("red");
 * networks, segments and ports live in a tenant and their full name is "tenant/name"; references
 * between them hold full names. Strings are owned by the object.
 */
#ifndef MODEL_OBJECT_H
#define MODEL_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/addr.h>
#include <weft/entry.h>

/* X(number, IDENTIFIER, "singular", "plural", struct). The store knows kinds by number. */
#define MODEL_KINDS(X)                                                                             \
	X(1, TENANT, "tenant", "tenants", tenant)                                                  \
	X(2, NETWORK, "network", "networks", network)                                              \
	X(3, SEGMENT, "segment", "segments", segment)                                              \
	X(4, HOST, "host", "hosts", host)                                                          \
	X(5, PORT, "port", "ports", port)                                                          \
	X(6, ROUTER, "router", "routers", router)                                                  \
	X(7, ROUTE, "route", "routes", route)                                                      \
	X(8, ADDRESS_SET, "address-set", "address-sets", address_set)                              \
	X(9, SECURITY_GROUP, "security-group", "security-groups", security_group)                  \
	X(10, POLICY, "policy", "policies", policy)

enum model_kind {
#define MODEL_KIND_ENUM(number, id, one, many, type) MODEL_##id = number,
	MODEL_KINDS(MODEL_KIND_ENUM)
#undef MODEL_KIND_ENUM
	MODEL_KIND_MAX = 11
};

struct object {
	enum model_kind kind;
	uint32_t id;	   /* given by the model when created, kept by the store, never 0 */
	uint64_t revision; /* of the transaction that last changed it */
	char *name;	   /* full name */
	char *description; /* or NULL */
};

/* Of TCP, UDP and the like; 0 and 0: none given. */
struct port_range {
	uint16_t min;
	uint16_t max;
};

/* The length of a prefix that is not given. */
#define PREFIX_NONE 0xff

/* Quotas count what its ports on one host have together; 0: no limit. */
struct tenant {
	struct object o;
	uint32_t max_sessions;
	uint32_t max_half_open;
	uint32_t session_rate; /* new ones per second */
};

enum when_full {
	WHEN_FULL_DROP,
	WHEN_FULL_STATELESS,
};

struct timeouts {
	uint32_t s[WEFT_TIMEOUT_MAX]; /* by enum weft_timeout */
};

/* An isolated routing domain (VRF). */
struct network {
	struct object o;
	bool tcp_strict;
	bool mss_clamp;
	bool metadata;
	uint8_t when_full; /* enum when_full */
	struct timeouts timeouts;
};

struct subnet {
	struct weft_prefix prefix;
	struct weft_addr gateway; /* zero: none */
};

/* A route that ports are told of. */
struct host_route {
	struct weft_prefix prefix;
	struct weft_addr via;
};

struct segment {
	struct object o;
	char *network;
	uint32_t vni;
	uint32_t mtu; /* 0: what the underlay allows */
	uint32_t ageing_s;
	uint32_t max_learned;
	bool flood_unknown;
	bool learn_from_wire;
	bool answer_locally; /* ARP and ND from known neighbours */
	bool carry_vlan;
	struct subnet *subnets;
	size_t n_subnets;
	bool l3_only;
	/* what ports are told on their own host */
	bool dhcp;
	bool ra;
	bool slaac;
	bool dns_local;
	uint32_t lease_s;
	char *domain;
	struct weft_addr *dns_servers;
	size_t n_dns_servers;
	struct host_route *host_routes;
	size_t n_host_routes;
};

enum uplink_kind {
	UPLINK_AF_XDP = WEFT_PORT_AF_XDP,
	UPLINK_DPDK = WEFT_PORT_ETHDEV,
	UPLINK_MEMIF = WEFT_PORT_MEMIF,
	UPLINK_VETH = WEFT_PORT_VETH,
};

/* How a host reaches the underlay. Used on the host itself only. */
struct uplink {
	uint8_t kind; /* enum weft_port_kind */
	char *device;
	uint16_t queues;
	uint16_t instance;	      /* memif interface id */
	bool server;		      /* memif: this side listens */
	uint32_t mtu;		      /* 0: the kernel's, or 1500 without a kernel interface */
	struct weft_mac mac;	      /* not for kernel interfaces */
	struct weft_mac next_hop_mac; /* not for kernel interfaces: all VTEPs are behind it */
};

struct host {
	struct object o;
	struct weft_addr *vteps; /* tunnel addresses, at most one per family */
	size_t n_vteps;
	struct uplink uplink;
	uint8_t ttl;
	uint8_t dscp;
	bool dscp_copy;
	char *metadata; /* endpoint of instance metadata (model/endpoint.h), or NULL */
};

struct port {
	struct object o;
	char *segment;
	char *host; /* or NULL: not bound yet */
	struct weft_mac mac;
	struct weft_prefix
		*addresses; /* what it may send from; single addresses also resolve by ARP/ND */
	size_t n_addresses;
	uint8_t kind; /* enum weft_port_kind */
	char *device;
	uint16_t queues;
	uint16_t instance;
	uint32_t mtu; /* 0: the segment's */
	uint32_t flood_pps;
	uint32_t max_learned;
	bool anti_spoof;
	bool learn;
	bool server;
	bool enabled;
	bool offload;
	bool fast_path;
	bool xdp_delivery;
	char **security_groups; /* full names, in order */
	size_t n_security_groups;
	uint32_t max_sessions; /* 0: no limit, as for tenants */
	uint32_t max_half_open;
	uint32_t session_rate;
	char *hostname; /* or NULL: port_hostname */
};

/* Connects segments of a network, on every host that has to do with one of them. */
#define ROUTER_SEGMENTS_MAX 1024
struct router {
	struct object o;
	char *network;
	char **segments; /* full names */
	size_t n_segments;
	struct weft_mac mac; /* zero: ROUTER_MAC */
};

/* What a router does with a prefix that is none of its own subnets. */
struct route {
	struct object o;
	char *router;
	struct weft_prefix prefix;
	/* exactly one of these */
	struct weft_addr *next_hops; /* in subnets of the router's segments */
	size_t n_next_hops;
	char *peer; /* another router, of any tenant */
	bool blackhole;
	bool unreachable;
};

/* Addresses that rules refer to. */
struct address_set {
	struct object o;
	struct weft_prefix *prefixes; /* in order of bytes, each once */
	size_t n_prefixes;
};

/* A rule of a security group (which only allows) or of a policy. At most one of remote,
 * remote_group and address_set is given. */
struct rule {
	uint8_t direction; /* enum weft_rule_direction */
	uint8_t action;	   /* enum weft_rule_action */
	uint8_t family;	   /* 4, 6 or 0: both */
	uint16_t protocol; /* or WEFT_RULE_ANY_PROTO */
	struct port_range ports;
	uint16_t icmp_type; /* or RULE_ICMP_ANY */
	uint16_t icmp_code;
	struct weft_prefix remote;
	char *remote_group;
	char *address_set;
	bool log;
	char *description;
};
#define RULE_ICMP_ANY 256

struct security_group {
	struct object o;
	struct rule *rules;
	size_t n_rules;
};

/* The operator's rules, in order. Covers every port when neither tenants nor networks are given,
 * else those of these. */
struct policy {
	struct object o;
	uint8_t tier; /* enum weft_tier, not GROUP */
	uint32_t priority;
	char **tenants; /* in order */
	size_t n_tenants;
	char **networks;
	size_t n_networks;
	struct rule *rules;
	size_t n_rules;
};

/* So many that all of one port's rule sets fit WEFT_PORT_RULESETS, and their scopes
 * WEFT_PORT_SCOPES: the tenant's address sets, the network's groups, and those of policies. */
#define MODEL_PORT_GROUPS     10
#define MODEL_PORT_POLICIES   6 /* of one tier that cover one port */
#define MODEL_POLICY_SCOPES   2 /* tenants whose address sets policies refer to */
#define MODEL_SET_PREFIXES    1000000
#define MODEL_POLICY_LIST     64 /* tenants or networks of a policy */
#define MODEL_GROUP_ID_BITS   20
#define MODEL_NETWORK_ID_BITS 11 /* of its id: differ among the networks of a tenant */
#define MODEL_TENANT_NETWORKS (1 << MODEL_NETWORK_ID_BITS)
#define MODEL_SECURITY_GROUPS ((1 << MODEL_GROUP_ID_BITS) - 1)
#define MODEL_PAIR_ID	      0x80000000u

/* Longest plain name; with a tenant's it fits WEFT_NAME_SIZE. */
#define MODEL_NAME_MAX 31

/* Frees any kind. Accepts NULL and half-built objects. */
void object_free(struct object *o);
/* Zeroed object of that kind with its defaults filled in; never NULL for a valid kind. */
struct object *object_new(enum model_kind kind);
/* Deep copy. */
struct object *object_dup(const struct object *o);
bool object_equal(const struct object *a, const struct object *b); /* id and revision apart */

/* True for kinds that live in a tenant, so that their full name is "tenant/name". */
bool model_kind_in_tenant(enum model_kind kind);
/* The part of the full name behind the tenant's, or all of it. */
const char *object_short_name(const struct object *o);
/* Copies the tenant's part of a full name to buf ("" when it has none); returns buf. */
char *model_name_tenant(const char *name, char buf[MODEL_NAME_MAX + 1]);

/* The port's device, or the one that follows from its name when none is given: vhost-user ports
 * have TENANT+NAME.sock in this directory, others none (""). Returns buf. */
#define PORT_SOCKET_DIR "/run/weft/vhost/"
char *port_device(const struct port *p, char buf[WEFT_DEVICE_SIZE]);
/* The MAC of a router on all of its segments and hosts. */
#define ROUTER_MAC                                                                                 \
	{                                                                                          \
		.b = { 0x02, 0x57, 0x45, 0x46, 0x54, 0x01 }                                        \
	}
struct weft_mac router_mac(const struct router *r);
/* The subnet of the segment that the address is in, or NULL. */
const struct subnet *segment_subnet(const struct segment *s, const struct weft_addr *addr);
/* Its host name: the one given, else its short name when that is a host name, else "". */
const char *port_hostname(const struct port *p);
/* One label of letters, digits and inner hyphens (RFC 1123 section 2.1). */
bool is_hostname(const char *s);
/* An id for a security group as seen in a network of its tenant, where its members and so its rules
 * mean something else than in other networks. No two pairs have the same, and it is as lasting as
 * the two ids that it is made of. Has MODEL_PAIR_ID set, which no object's id has. */
uint32_t group_network_id(const struct security_group *g, const struct network *n);
/* tenant and network: full names of a port's, or NULL: of one that no policy names. */
bool policy_covers(const struct policy *p, const char *tenant, const char *network);
bool address_set_has(const struct address_set *s, const struct weft_prefix *p);
/* Calls fn, in order, for each prefix that is in only one of both; added: in b. NULL is an empty
 * set. */
void address_set_diff(const struct address_set *a, const struct address_set *b,
	void (*fn)(void *arg, const struct weft_prefix *p, bool added), void *arg);
bool segment_same_subnets(const struct segment *a, const struct segment *b);
/* The link-local address that follows from a MAC (RFC 4291 appendix A). */
struct weft_addr mac_link_local(const struct weft_mac *mac);

const char *model_kind_name(enum model_kind kind);
const char *model_kind_plural(enum model_kind kind);
enum model_kind model_kind_by_name(const char *name); /* singular or plural; 0: none */

#endif
