/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables that the control daemon programs into the data plane: one struct per entry.
 *
 * Fixed-width, explicitly padded, host byte order except addresses, MACs (wire order) and
 * where a name ends in _be. Keys are chosen by control: a port has an id, a segment its VNI, a
 * VTEP its address, so that entries mean the same before and after a restart of either side.
 * A change of layout changes WEFT_CHANNEL_VERSION (tests/unit/api checks it). Free of DPDK.
 */
#ifndef WEFT_ENTRY_H
#define WEFT_ENTRY_H

#include <assert.h>
#include <stdint.h>

#include <weft/addr.h>
#include <weft/limits.h>

/* X(number, IDENTIFIER, struct, "name"). Order of numbers = order in which a dump is sent; the
 * order of ops within a transaction does not matter. */
#define WEFT_TABLES(X)                                                                             \
	X(1, SEGMENT, weft_segment, "segment")                                                     \
	X(2, PORT, weft_port, "port")                                                              \
	X(3, LOCAL_VTEP, weft_local_vtep, "local-vtep")                                            \
	X(4, VTEP, weft_vtep, "vtep")                                                              \
	X(5, FLOOD, weft_flood, "flood")                                                           \
	X(6, FDB, weft_fdb, "fdb")                                                                 \
	X(7, NEIGH, weft_neigh, "neighbour")                                                       \
	X(8, TENANT, weft_tenant, "tenant")                                                        \
	X(9, NETWORK, weft_network, "network")                                                     \
	X(10, ROUTER, weft_router, "router")                                                       \
	X(11, SUBNET, weft_subnet, "subnet")                                                       \
	X(12, ROUTE, weft_route, "route")                                                          \
	X(13, SET, weft_set, "set")                                                                \
	X(14, SET_MEMBER, weft_set_member, "set-member")                                           \
	X(15, RULESET, weft_ruleset, "ruleset")                                                    \
	X(16, RULE, weft_rule, "rule")                                                             \
	X(17, DNS, weft_dns, "dns")

enum weft_table {
#define WEFT_TABLE_ENUM(number, id, type, name) WEFT_TABLE_##id = number,
	WEFT_TABLES(WEFT_TABLE_ENUM)
#undef WEFT_TABLE_ENUM
	WEFT_TABLE_MAX = 18
};

/* One L2 domain. Key: vni. */
enum weft_segment_flag {
	WEFT_SEGMENT_FLOOD_UNKNOWN = 1 << 0, /* unknown unicast is flooded, else dropped */
	WEFT_SEGMENT_LEARN_WIRE = 1 << 1,    /* learn MACs from VXLAN, not only local ports */
	WEFT_SEGMENT_PROXY = 1 << 2,	     /* answer ARP and ND from NEIGH */
	WEFT_SEGMENT_INNER_VLAN = 1 << 3,    /* carry frames with a VLAN tag, else drop them */
	WEFT_SEGMENT_L3_ONLY = 1 << 4,	     /* only routed unicast; no flooding at all */
};
struct weft_segment {
	uint32_t vni;	      /* 1..2^24-1 */
	uint16_t flags;	      /* enum weft_segment_flag */
	uint16_t mtu;	      /* largest IP packet that tenants may send on it */
	uint32_t ageing_s;    /* learned MACs; 0: never age */
	uint32_t max_learned; /* learned MACs on this host; 0: no learning */
	uint32_t network;     /* id; 0: none, then no sessions, policy or routing */
	uint32_t router;      /* id; 0: none */
	char name[WEFT_NAME_SIZE];
};
static_assert(sizeof(struct weft_segment) == 88, "wire layout");

/* X(number, IDENTIFIER, "name", "what device means") */
#define WEFT_PORT_KINDS(X)                                                                         \
	X(1, VHOST_USER, "vhost-user", "path of the vhost-user socket")                            \
	X(2, TAP, "tap", "name of the TAP interface; made when missing")                           \
	X(3, VETH, "veth", "name of the host's end of a veth pair, or any Ethernet interface")     \
	X(4, MEMIF, "memif", "path of the memif control socket")                                   \
	X(5, ETHDEV, "dpdk", "DPDK devargs: a PCI address or a virtual device")                    \
	X(6, AF_XDP, "af_xdp", "name of the kernel interface")                                     \
	X(7, FAKE, "fake", "test double; data plane built for tests only")

enum weft_port_kind {
#define WEFT_PORT_KIND_ENUM(number, id, name, help) WEFT_PORT_##id = number,
	WEFT_PORT_KINDS(WEFT_PORT_KIND_ENUM)
#undef WEFT_PORT_KIND_ENUM
	WEFT_PORT_KIND_MAX = 8
};

enum weft_port_role {
	WEFT_ROLE_TENANT = 1,
	WEFT_ROLE_UPLINK = 2,
	WEFT_ROLE_SERVICE = 3, /* toward the metadata proxy on this host; at most one */
};

enum weft_port_flag {
	WEFT_PORT_ANTISPOOF = 1 << 0, /* only mac and addrs may be sent from */
	WEFT_PORT_LEARN = 1 << 1,     /* learn source MACs behind this port (not with ANTISPOOF) */
	WEFT_PORT_SERVER = 1 << 2,    /* vhost-user, memif: this side listens */
	WEFT_PORT_ADMIN_DOWN = 1 << 3,
	WEFT_PORT_NO_OFFLOAD = 1 << 4,	 /* offer neither checksum offload nor TSO to the guest */
	WEFT_PORT_DEFAULT_DENY = 1 << 5, /* what no rule of its rule sets decides is denied */
	WEFT_PORT_NO_FASTPATH = 1 << 6,	 /* the kernel carries none of its sessions */
	WEFT_PORT_XDP = 1 << 7,		 /* veth: its other end takes XDP frames (NAPI is on) */
};

/* An attachment. Key: id. A kind of AF_XDP takes one descriptor with its op: the XSKMAP; the
 * service port, of kind TAP, that of its interface. */
struct weft_port {
	uint32_t id;	/* never 0 */
	uint32_t vni;	/* its segment; 0 for an uplink */
	uint8_t kind;	/* enum weft_port_kind */
	uint8_t role;	/* enum weft_port_role */
	uint16_t flags; /* enum weft_port_flag */
	uint16_t n_queues;
	uint16_t mtu; /* largest IP packet toward the device */
	struct weft_mac mac;
	uint16_t n_addrs;
	uint16_t max_learned; /* MACs learned behind this port */
	uint16_t instance;    /* memif: interface id */
	uint32_t flood_pps;   /* broadcast, multicast and unknown unicast sent by it; 0: no limit */
	uint32_t max_sessions;	/* that it began or that began toward it; 0: half of the table */
	uint32_t max_half_open; /* of those, not answered yet; 0: a quarter of the table */
	uint32_t session_rate;	/* new ones per second; 0: no limit of its own */
	uint32_t rulesets[WEFT_PORT_RULESETS]; /* ids, in the order in which they judge */
	uint16_t n_rulesets;
	uint16_t pad;
	char hostname[WEFT_NAME_SIZE]; /* told by DHCP; "" : none */
	char name[WEFT_NAME_SIZE];
	char device[WEFT_DEVICE_SIZE];
	struct weft_prefix addrs[WEFT_PORT_ADDRS];
};
static_assert(sizeof(struct weft_prefix) == 17, "wire layout");
static_assert(sizeof(struct weft_port) == 976, "wire layout");

/* A tunnel address of this host. Key: addr. */
struct weft_local_vtep {
	struct weft_addr addr;
	uint32_t uplink;     /* port id */
	struct weft_mac mac; /* of the uplink; answers ARP and ND when the kernel does not */
	uint16_t flags;
};
static_assert(sizeof(struct weft_local_vtep) == 28, "wire layout");

enum weft_vtep_flag {
	WEFT_VTEP_RESOLVED = 1 << 0,  /* next hop is known; without it packets are dropped */
	WEFT_VTEP_DSCP_COPY = 1 << 1, /* outer DSCP from inner, else dscp below */
};

/* A remote tunnel end point. Key: remote. Frames from any other address are dropped. */
struct weft_vtep {
	struct weft_addr remote;
	struct weft_addr local;	 /* outer source; a LOCAL_VTEP */
	uint32_t uplink;	 /* port id */
	struct weft_mac dst_mac; /* next hop's */
	struct weft_mac src_mac;
	uint16_t path_mtu; /* largest outer IP packet */
	uint16_t flags;	   /* enum weft_vtep_flag */
	uint8_t ttl;
	uint8_t dscp;
	uint8_t pad[2];
};
static_assert(sizeof(struct weft_vtep) == 56, "wire layout");

enum weft_flood_flag {
	WEFT_FLOOD_ACCEPT_ONLY = 1 << 0, /* it only sends into the segment: no copies to it */
};

/* One VTEP that has members of the segment: flooded frames are copied to it, and VXLAN from it is
 * accepted for this VNI. Key: vni, remote. */
struct weft_flood {
	uint32_t vni;
	struct weft_addr remote;
	uint32_t flags; /* enum weft_flood_flag */
};
static_assert(sizeof(struct weft_flood) == 24, "wire layout");

enum weft_fdb_flag {
	WEFT_FDB_LEARNED = 1 << 0, /* in dumps and events only: not programmed */
};

/* Where a MAC is. Key: vni, mac. port is a local port's id, or 0 and remote is the VTEP. */
struct weft_fdb {
	uint32_t vni;
	uint32_t port;
	struct weft_mac mac;
	uint16_t flags; /* enum weft_fdb_flag */
	struct weft_addr remote;
};
static_assert(sizeof(struct weft_fdb) == 32, "wire layout");

enum weft_neigh_flag {
	WEFT_NEIGH_GATEWAY = 1 << 0, /* the router's own address on the segment */
};

/* Whose MAC an address is, for ARP and ND answered on the host and for routing. Key: vni, addr. */
struct weft_neigh {
	uint32_t vni;
	struct weft_addr addr;
	struct weft_mac mac;
	uint16_t flags;
};
static_assert(sizeof(struct weft_neigh) == 28, "wire layout");

/* Quotas of a tenant on this host, over all of its ports; 0: no limit. Key: id. */
struct weft_tenant {
	uint32_t id;
	uint32_t max_sessions; /* 0: four for each place that is free in the table */
	uint32_t max_half_open;
	uint32_t session_rate; /* new ones per second */
	char name[WEFT_NAME_SIZE];
};
static_assert(sizeof(struct weft_tenant) == 80, "wire layout");

/* Seconds until a session without packets ends, by its state. X(number, IDENTIFIER, "name",
 * default) */
#define WEFT_TIMEOUTS(X)                                                                           \
	X(0, TCP_OPENING, "tcp_opening", 30)	       /* SYN seen, handshake not complete */      \
	X(1, TCP_ESTABLISHED, "tcp_established", 7440) /* RFC 5382: at least 2 h 4 min */          \
	X(2, TCP_CLOSING, "tcp_closing", 120)	       /* FIN seen on one or both sides */         \
	X(3, TCP_CLOSED, "tcp_closed", 10)	       /* both FINs acknowledged, or reset */      \
	X(4, UDP_FIRST, "udp_first", 30)	       /* packets of one side only */              \
	X(5, UDP_ANSWERED, "udp_answered", 180)	       /* both; RFC 4787: at least 2 min */        \
	X(6, ICMP, "icmp", 60)			       /* RFC 5508: at least 60 s */               \
	X(7, OTHER, "other", 600)

enum weft_timeout {
#define WEFT_TIMEOUT_ENUM(number, id, name, dflt) WEFT_TIMEOUT_##id = number,
	WEFT_TIMEOUTS(WEFT_TIMEOUT_ENUM)
#undef WEFT_TIMEOUT_ENUM
	WEFT_TIMEOUT_MAX = 8
};

enum weft_network_flag {
	WEFT_NETWORK_TCP_STRICT = 1 << 0, /* TCP begins with SYN only; else picked up on its way */
	WEFT_NETWORK_FULL_STATELESS = 1 << 1, /* no room for a session: judge each packet by itself
						 instead of dropping it */
	WEFT_NETWORK_METADATA = 1 << 2,	      /* the instance metadata addresses are served */
	WEFT_NETWORK_MSS_CLAMP = 1 << 3,      /* TCP SYNs are made to fit the path */
};

/* An isolated routing domain. Key: id. */
struct weft_network {
	uint32_t id;
	uint32_t tenant; /* id */
	uint32_t flags;	 /* enum weft_network_flag */
	uint32_t timeout_s[WEFT_TIMEOUT_MAX];
	char name[WEFT_NAME_SIZE];
};
static_assert(sizeof(struct weft_network) == 108, "wire layout");

/* A router: the same on every host. Segments name it. Key: id. */
struct weft_router {
	uint32_t id;
	uint32_t network;    /* id */
	struct weft_mac mac; /* on all of its segments (anycast) */
	uint16_t flags;
	char name[WEFT_NAME_SIZE];
};
static_assert(sizeof(struct weft_router) == 80, "wire layout");

enum weft_subnet_flag {
	WEFT_SUBNET_DHCP = 1 << 0,	 /* DHCPv4 or DHCPv6 gives ports their addresses in it */
	WEFT_SUBNET_RA = 1 << 1,	 /* IPv6: router advertisements */
	WEFT_SUBNET_AUTONOMOUS = 1 << 2, /* IPv6: with the A flag, hosts make addresses (SLAAC) */
	WEFT_SUBNET_DNS = 1 << 3,	 /* queries to the gateway's address are answered */
};

struct weft_host_route {
	struct weft_prefix prefix;
	uint8_t pad[3];
	struct weft_addr via;
};
static_assert(sizeof(struct weft_host_route) == 36, "wire layout");

/* A subnet of a segment and what its ports are told of it. Key: vni, prefix. */
struct weft_subnet {
	uint32_t vni;
	struct weft_prefix prefix;
	uint8_t flags; /* enum weft_subnet_flag */
	uint8_t n_dns;
	uint8_t n_routes;
	struct weft_addr gateway; /* zero: none */
	uint32_t lease_s;	  /* 0: a day */
	struct weft_addr dns[WEFT_SUBNET_SERVERS];
	struct weft_host_route routes[WEFT_SUBNET_ROUTES]; /* DHCP option 121 */
	char domain[WEFT_NAME_SIZE];
};
static_assert(sizeof(struct weft_subnet) == 460, "wire layout");

enum weft_hop_type {
	WEFT_HOP_CONNECTED = 1, /* the destination itself is on segment ref */
	WEFT_HOP_VIA,		/* the neighbour via on segment ref */
	WEFT_HOP_ROUTER,	/* look further in router ref: another network (peering) */
	WEFT_HOP_BLACKHOLE,	/* drop */
	WEFT_HOP_UNREACHABLE,	/* drop and tell the sender by ICMP */
};

struct weft_hop {
	uint8_t type; /* enum weft_hop_type */
	uint8_t pad[3];
	uint32_t ref; /* a VNI or a router's id */
	struct weft_addr via;
};
static_assert(sizeof(struct weft_hop) == 24, "wire layout");

/* A route; several hops share the flows among them. Key: router, prefix. */
struct weft_route {
	uint32_t router;
	struct weft_prefix prefix;
	uint8_t n_hops;
	uint16_t flags;
	struct weft_hop hops[WEFT_ROUTE_HOPS];
};
static_assert(sizeof(struct weft_route) == 216, "wire layout");

/* A set of addresses that rules refer to. Scope is where an address means the same: sets of one
 * scope are looked up together; it stays with the set. Key: id. */
struct weft_set {
	uint32_t id;
	uint32_t scope; /* chosen by control */
	char name[WEFT_NAME_SIZE];
};
static_assert(sizeof(struct weft_set) == 72, "wire layout");

/* Holds addresses of its family only: ::/0 no IPv4. Key: set, prefix. */
struct weft_set_member {
	uint32_t set;
	struct weft_prefix prefix;
	uint8_t pad[3];
};
static_assert(sizeof(struct weft_set_member) == 24, "wire layout");

enum weft_tier {
	WEFT_TIER_OVERRIDE = 1, /* the operator's, before security groups */
	WEFT_TIER_GROUP,	/* security groups */
	WEFT_TIER_BASELINE,	/* the operator's, for ports without security groups */
};

/* Rules that ports refer to. Key: id. */
struct weft_ruleset {
	uint32_t id;
	uint8_t tier; /* enum weft_tier */
	uint8_t pad[3];
	char name[WEFT_NAME_SIZE];
};
static_assert(sizeof(struct weft_ruleset) == 72, "wire layout");

enum weft_rule_direction {
	WEFT_RULE_INGRESS = 1, /* toward the port; remote is the source */
	WEFT_RULE_EGRESS = 2,  /* from the port; remote is the destination */
};
enum weft_rule_action {
	WEFT_RULE_ALLOW = 1,
	WEFT_RULE_DENY = 2,
	WEFT_RULE_REJECT = 3, /* deny and tell the sender */
	WEFT_RULE_PASS = 4,   /* leave it to the next tier */
};
enum weft_rule_flag {
	WEFT_RULE_LOG = 1 << 0, /* an event for each session that it decides, rate limited */
};
#define WEFT_RULE_ANY_PROTO 256

/* In a rule set the first rule that matches decides: lowest priority first, then lowest id. Key:
 * ruleset, id. */
struct weft_rule {
	uint32_t ruleset;
	uint32_t id;
	uint32_t priority;
	uint8_t direction; /* enum weft_rule_direction */
	uint8_t action;	   /* enum weft_rule_action */
	uint8_t family;	   /* 4, 6 or 0: both */
	uint8_t flags;	   /* enum weft_rule_flag */
	uint16_t proto;	   /* or WEFT_RULE_ANY_PROTO */
	uint16_t port_min; /* destination ports of TCP, UDP, UDP-Lite, SCTP, DCCP; ICMP: type << 8 |
			      code; 0 and 65535: any, and no ports too */
	uint16_t port_max;
	uint8_t pad;
	struct weft_prefix remote; /* length 0: any; one of a family matches that family only */
	uint32_t set;		   /* id of a set that remote must be in as well; 0: any */
};
static_assert(sizeof(struct weft_rule) == 44, "wire layout");

/* A name that is answered by DNS on the host. Key: network, hash, family of addr. */
struct weft_dns {
	uint32_t network; /* id */
	uint8_t hash[16]; /* of name: weft_dns_hash */
	struct weft_addr addr;
	char name[WEFT_DNS_NAME_SIZE]; /* lower case, without the final dot */
};
static_assert(sizeof(struct weft_dns) == 164, "wire layout");

/* Any entry. */
union weft_entry {
	struct weft_segment segment;
	struct weft_port port;
	struct weft_local_vtep local_vtep;
	struct weft_vtep vtep;
	struct weft_flood flood;
	struct weft_fdb fdb;
	struct weft_neigh neigh;
	struct weft_tenant tenant;
	struct weft_network network;
	struct weft_router router;
	struct weft_subnet subnet;
	struct weft_route route;
	struct weft_set set;
	struct weft_set_member set_member;
	struct weft_ruleset ruleset;
	struct weft_rule rule;
	struct weft_dns dns;
};

/* Size of an entry of that table, 0 when there is no such table. */
uint32_t weft_entry_size(unsigned int table);
/* The entry's key alone, without gaps, in at most WEFT_KEY_SIZE_MAX bytes; returns its size, 0 when
 * there is no such table. Two entries of a table are the same object when their keys are equal. */
#define WEFT_KEY_SIZE_MAX 24
uint32_t weft_entry_key(unsigned int table, const void *entry, uint8_t *ret_key);
bool weft_entry_key_equal(unsigned int table, const void *a, const void *b);
const char *weft_table_name(unsigned int table);
/* Of a DNS name in any case, without the final dot; not NUL-terminated. */
void weft_dns_hash(const char *name, uint32_t len, uint8_t ret[16]);
const char *weft_port_kind_name(unsigned int kind);
/* The number of the kind with that name, or 0. */
unsigned int weft_port_kind_by_name(const char *name);

#endif
