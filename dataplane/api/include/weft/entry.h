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

/* X(number, IDENTIFIER, struct, "name"). Order of numbers = order in which a dump is sent and in
 * which references must exist: ports and segments before what refers to them. */
#define WEFT_TABLES(X)                                                                             \
	X(1, SEGMENT, weft_segment, "segment")                                                     \
	X(2, PORT, weft_port, "port")                                                              \
	X(3, LOCAL_VTEP, weft_local_vtep, "local-vtep")                                            \
	X(4, VTEP, weft_vtep, "vtep")                                                              \
	X(5, FLOOD, weft_flood, "flood")                                                           \
	X(6, FDB, weft_fdb, "fdb")                                                                 \
	X(7, NEIGH, weft_neigh, "neighbour")

enum weft_table {
#define WEFT_TABLE_ENUM(number, id, type, name) WEFT_TABLE_##id = number,
	WEFT_TABLES(WEFT_TABLE_ENUM)
#undef WEFT_TABLE_ENUM
	WEFT_TABLE_MAX = 8
};

/* One L2 domain. Key: vni. */
enum weft_segment_flag {
	WEFT_SEGMENT_FLOOD_UNKNOWN = 1 << 0, /* unknown unicast is flooded, else dropped */
	WEFT_SEGMENT_LEARN_WIRE = 1 << 1,    /* learn MACs from VXLAN, not only local ports */
	WEFT_SEGMENT_PROXY = 1 << 2,	     /* answer ARP and ND from NEIGH */
	WEFT_SEGMENT_INNER_VLAN = 1 << 3,    /* carry frames with a VLAN tag, else drop them */
};
struct weft_segment {
	uint32_t vni;	      /* 1..2^24-1 */
	uint16_t flags;	      /* enum weft_segment_flag */
	uint16_t mtu;	      /* largest IP packet that tenants may send on it */
	uint32_t ageing_s;    /* learned MACs; 0: never age */
	uint32_t max_learned; /* learned MACs on this host; 0: no learning */
	char name[WEFT_NAME_SIZE];
};
static_assert(sizeof(struct weft_segment) == 80, "wire layout");

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
};

enum weft_port_flag {
	WEFT_PORT_ANTISPOOF = 1 << 0, /* only mac and addrs may be sent from */
	WEFT_PORT_LEARN = 1 << 1,     /* learn source MACs behind this port (not with ANTISPOOF) */
	WEFT_PORT_SERVER = 1 << 2,    /* vhost-user, memif: this side listens */
	WEFT_PORT_ADMIN_DOWN = 1 << 3,
	WEFT_PORT_NO_OFFLOAD = 1 << 4, /* offer neither checksum offload nor TSO to the guest */
};

/* An attachment. Key: id. A kind of AF_XDP takes one descriptor with its op: the XSKMAP. */
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
	char name[WEFT_NAME_SIZE];
	char device[WEFT_DEVICE_SIZE];
	struct weft_prefix addrs[WEFT_PORT_ADDRS];
};
static_assert(sizeof(struct weft_prefix) == 17, "wire layout");
static_assert(sizeof(struct weft_port) == 832, "wire layout");

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

/* One VTEP that has members of the segment: flooded frames are copied to it, and VXLAN from it is
 * accepted for this VNI. Key: vni, remote. */
struct weft_flood {
	uint32_t vni;
	struct weft_addr remote;
};
static_assert(sizeof(struct weft_flood) == 20, "wire layout");

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

/* Whose MAC an address is, for ARP and ND answered on the host. Key: vni, addr. */
struct weft_neigh {
	uint32_t vni;
	struct weft_addr addr;
	struct weft_mac mac;
	uint16_t flags;
};
static_assert(sizeof(struct weft_neigh) == 28, "wire layout");

/* Any entry. */
union weft_entry {
	struct weft_segment segment;
	struct weft_port port;
	struct weft_local_vtep local_vtep;
	struct weft_vtep vtep;
	struct weft_flood flood;
	struct weft_fdb fdb;
	struct weft_neigh neigh;
};

/* Size of an entry of that table, 0 when there is no such table. */
uint32_t weft_entry_size(unsigned int table);
/* The entry's key alone, without gaps, in at most WEFT_KEY_SIZE_MAX bytes; returns its size, 0 when
 * there is no such table. Two entries of a table are the same object when their keys are equal. */
#define WEFT_KEY_SIZE_MAX 20
uint32_t weft_entry_key(unsigned int table, const void *entry, uint8_t *ret_key);
bool weft_entry_key_equal(unsigned int table, const void *a, const void *b);
const char *weft_table_name(unsigned int table);
const char *weft_port_kind_name(unsigned int kind);
/* The number of the kind with that name, or 0. */
unsigned int weft_port_kind_by_name(const char *name);

#endif
