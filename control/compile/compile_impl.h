/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the compiler, for the files of this folder.
 *
 * Each output table has one file with two functions: get says what the entry of a key should be,
 * from the model and the state below; walk gives every key that may have an entry. Everything else
 * is one loop: a change marks keys, a run gets the marked ones and compares with what was emitted.
 */
#ifndef COMPILE_IMPL_H
#define COMPILE_IMPL_H

#include <sys/queue.h>

#include <ccore/hset.h>
#include <compile/compile.h>

/* As weft_entry_key makes it, the rest zero. */
union key {
	uint8_t bytes[WEFT_KEY_SIZE_MAX];
	struct weft_addr addr;
	struct {
		uint32_t id; /* a VNI or a port's id */
		union {
			struct weft_addr addr;
			struct weft_mac mac;
			uint32_t sub; /* a rule's id */
			uint8_t hash[16];
		};
		uint8_t len; /* of a prefix; the family of a DNS name */
		uint8_t zero[3];
	} in;
};
static_assert(sizeof(union key) == WEFT_KEY_SIZE_MAX, "hashed without padding");

/* Which ports of which host are in which segment, and what follows from it. Segments without a port
 * on any host and without a router, and hosts without ports, are not here. */
struct seg {
	char *name;
	uint32_t vni;
	bool relevant; /* is programmed here; its vni is valid */
	bool local;    /* has a port on this host, as the last settling saw it */
	bool touched;
	uint32_t n_local;
	LIST_HEAD(, member) members;
	SLIST_ENTRY(seg) next_touched;
	struct use *network; /* while relevant */
	struct rtr *rtr;     /* or NULL */
	LIST_ENTRY(seg) of_rtr;
	struct seg_dns {
		struct dns_net *net; /* NULL: not relevant */
		char *domain;	     /* or NULL */
		bool answers;
		bool named; /* its ports' names are in the index */
		LIST_ENTRY(seg) of_net;
	} dns;
};

/* Every router. Two routers are near when a lookup that begins in one of them can end in the other,
 * by at most ROUTING_HOPS_MAX routes to peers. */
struct rtr {
	char *name;
	uint32_t id;
	struct weft_mac mac;
	bool relevant; /* it or one near it has a segment with a port here: is programmed */
	bool touched;
	uint32_t n_local;    /* segments with a port on this host */
	struct use *network; /* while relevant */
	LIST_HEAD(, seg) segs;
	LIST_HEAD(, peering) out, in;
	LIST_HEAD(, presence) presences;
	SLIST_ENTRY(rtr) next_touched;
};

/* A route to a peer. */
struct peering {
	uint32_t route; /* id */
	struct rtr *from, *to;
	struct weft_prefix prefix;
	LIST_ENTRY(peering) of_from, of_to;
};

/* A host has ports in segments of a router: it may send into those of all routers near it. */
struct presence {
	struct rtr *rtr;
	struct peer *peer;
	uint32_t n_members;
	LIST_ENTRY(presence) of_rtr;
};

struct peer {
	char *name;
	bool is_self;
	struct weft_addr vteps[2];
	size_t n_vteps;
	uint32_t n_members;
	uint32_t n_relevant; /* members whose segment is relevant */
	LIST_HEAD(, member) members;
};

struct member {
	struct seg *seg;
	struct peer *peer;
	uint32_t n_ports;
	LIST_ENTRY(member) of_seg, of_peer;
};

/* A port of this host. */
struct local {
	uint32_t id;
	char name[WEFT_NAME_SIZE];
};

struct compiler {
	const struct model *m;
	char *host;
	struct hset segs;		/* struct seg *, by name */
	struct hset peers;		/* struct peer *, by name */
	struct hset members;		/* struct member *, by seg and peer */
	struct hset locals;		/* struct local, by id */
	struct hset rtrs;		/* struct rtr *, by name */
	struct hset rtr_ids;		/* the same, by id */
	struct hset peerings;		/* struct peering *, by route */
	struct hset presences;		/* struct presence *, by rtr and peer */
	struct hset dns_nets;		/* struct dns_net *, by name */
	struct hset dns_names;		/* struct dns_name, by network and hash */
	struct hset uses;		/* struct use *, by table and id */
	const struct policy **policies; /* all, by tier and priority */
	size_t n_policies;
	bool has_built;	   /* a use is_built */
	struct hset paths; /* struct underlay_path, by remote */
	struct underlay_link link;
	bool link_known;
	SLIST_HEAD(, seg) touched;
	SLIST_HEAD(, rtr) touched_rtrs;
	SLIST_HEAD(, dns_net) touched_nets;
	bool all;			     /* everything is to be looked at; nothing is marked */
	struct hset marked[WEFT_TABLE_MAX];  /* struct mark */
	struct hset emitted[WEFT_TABLE_MAX]; /* entries */
};

typedef void (*key_fn)(void *arg, const union key *k);

struct compile_table {
	/* False: there should be no such entry. Fills all bytes of the table's entry. */
	bool (*get)(const struct compiler *c, const union key *k, union weft_entry *ret);
	void (*walk)(const struct compiler *c, key_fn fn, void *arg);
};
extern const struct compile_table compile_segment, compile_port, compile_local_vtep, compile_vtep,
	compile_flood, compile_fdb, compile_neigh, compile_router, compile_subnet, compile_route,
	compile_tenant, compile_network, compile_set, compile_set_member, compile_ruleset,
	compile_rule, compile_dns;

static inline union key key_id(uint32_t id)
{
	return (union key){.in = {.id = id}};
}

static inline union key key_vni_addr(uint32_t vni, const struct weft_addr *addr)
{
	return (union key){.in = {.id = vni, .addr = *addr}};
}

static inline union key key_vni_mac(uint32_t vni, const struct weft_mac *mac)
{
	union key k = key_id(vni);

	k.in.mac = *mac;
	return k;
}

static inline union key key_prefix(uint32_t id, const struct weft_prefix *p)
{
	return (union key){.in = {.id = id, .addr = p->addr, .len = p->len}};
}

static inline union key key_rule(uint32_t ruleset, uint32_t id)
{
	union key k = key_id(ruleset);

	k.in.sub = id;
	return k;
}

static inline struct weft_prefix prefix_of_key(const union key *k)
{
	return (struct weft_prefix){.addr = k->in.addr, .len = k->in.len};
}

static inline union key key_addr(const struct weft_addr *addr)
{
	union key k = key_id(0);

	k.addr = *addr;
	return k;
}

/* compile.c: this key is to be looked at in the next run. */
void mark(struct compiler *c, enum weft_table table, union key k);
/* Every key is. */
void mark_all(struct compiler *c);

/* members.c */
void members_init(struct compiler *c);
void members_clear(struct compiler *c);
struct seg *seg_find(const struct compiler *c, const char *name);
struct peer *peer_find(const struct compiler *c, const char *name);
struct member *member_find(
	const struct compiler *c, const struct seg *seg, const struct peer *peer);
/* The one to change, made when it was not there. It goes in the next settling if nothing needs it.
 */
struct seg *seg_get(struct compiler *c, const char *name);
/* NULL when it is not programmed here. */
const struct seg *seg_by_vni(const struct compiler *c, uint32_t vni);
bool is_local(const struct compiler *c, const struct port *p);
/* A local port by id, or NULL. */
struct local *local_find(const struct compiler *c, uint32_t id);
/* A port changed; either may be NULL. */
void members_note_port(struct compiler *c, const struct port *before, const struct port *after);
void members_set_vteps(struct compiler *c, const struct host *h);
/* The segment's VNI may have changed. */
void members_touch(struct compiler *c, const char *segment);
void seg_touch(struct compiler *c, struct seg *seg);
/* After the calls above: what became relevant or not, or has another VNI, is marked. */
void members_settle(struct compiler *c);

/* routing.c */
#define ROUTING_HOPS_MAX 4
void routing_init(struct compiler *c);
void routing_clear(struct compiler *c);
struct rtr *rtr_find(const struct compiler *c, const char *name);
/* NULL when it is not programmed here. */
const struct rtr *rtr_by_id(const struct compiler *c, uint32_t id);
/* Calls fn for the router and those near it, some of them several times; stops when it returns
 * true, and returns that. */
bool rtr_near(struct rtr *r, bool (*fn)(void *arg, struct rtr *near), void *arg);
/* The host has ports in segments of the router or of one near it. */
bool rtr_is_near_peer(const struct compiler *c, struct rtr *r, const struct peer *peer);
/* What changed; either may be NULL. */
void routing_note_router(
	struct compiler *c, const struct router *before, const struct router *after);
/* Its subnets, or its VNI. */
void routing_note_segment(
	struct compiler *c, const struct segment *before, const struct segment *after);
void routing_note_route(struct compiler *c, const struct route *before, const struct route *after);
/* Marks that hosts with ports near the segment's router may send into it. */
void mark_seg_near(struct compiler *c, const struct seg *seg);
/* A host's first port in a segment came, or its last one goes. */
void routing_note_member(struct compiler *c, const struct member *m, bool is);
/* Marks that the member's host may send into segments near that one. */
void routing_mark_peer(struct compiler *c, const struct member *m);
/* First half of settling: which segments have ports here; which routers are relevant. */
void routing_settle(struct compiler *c);

/* dns.c */
void dns_init(struct compiler *c);
void dns_clear(struct compiler *c);
/* A port changed; either may be NULL. */
void dns_note_port(struct compiler *c, const struct port *before, const struct port *after);
/* Takes over what the segment is now. */
void dns_settle_seg(struct compiler *c, struct seg *seg);
/* After all segments: which ports have names. */
void dns_settle(struct compiler *c);

/* marks.c: what depends on an object, as members.c knows things at the moment. */
void mark_port(struct compiler *c, const struct port *p);
void mark_peer(struct compiler *c, const struct peer *peer);
void mark_member(struct compiler *c, const struct member *m);
void mark_seg(struct compiler *c, const struct seg *seg);
/* What follows from the segment's subnets and router; s may be as it was before. */
void mark_subnets(struct compiler *c, uint32_t vni, const struct rtr *r, const struct segment *s);
/* Routes with next hops. */
void mark_routes_via(struct compiler *c, const struct rtr *r);
void mark_router(struct compiler *c, const struct router *r);
/* All that is there because the router is relevant, but its segments. */
void mark_rtr(struct compiler *c, const struct rtr *r);
void mark_route(struct compiler *c, const struct route *r);
/* That the host may send into the segments of r that have ports here. */
void mark_accepts(struct compiler *c, const struct rtr *r, const struct peer *peer);
void mark_local_ports(struct compiler *c, const char *segment);
/* What has the underlay's MTU or the uplink's MAC in it. */
void mark_underlay(struct compiler *c);

/* underlay.c */
const struct host *underlay_self(const struct compiler *c);
/* This host's uplink, or NULL. */
const struct uplink *underlay_uplink(const struct compiler *c);
bool uplink_is_kernel(const struct uplink *u);
/* The uplink's MAC; NULL while there is no uplink or its MAC is not known. */
const struct weft_mac *underlay_mac(const struct compiler *c);
uint16_t underlay_mtu(const struct compiler *c);
/* The tunnel addresses that this host and the peer use between them; false when there are none. */
bool underlay_pair(const struct compiler *c, const struct peer *peer,
	const struct weft_addr **ret_local, const struct weft_addr **ret_remote);
/* As underlay_pair, when the peer can be reached: this host has an uplink. */
const struct weft_addr *underlay_remote(const struct compiler *c, const struct peer *peer);
const struct underlay_path *underlay_path_find(
	const struct compiler *c, const struct weft_addr *remote);
void underlay_init(struct compiler *c);
/* What is known of the way to that VTEP, or NULL. */
const struct underlay_path *compile_path(const struct compiler *c, const struct weft_addr *remote);

/* segment.c */
uint16_t segment_mtu(const struct compiler *c, const struct segment *s);
/* Calls fn for every port of every relevant segment. */
void segment_walk_ports(const struct compiler *c,
	void (*fn)(void *arg, const struct seg *seg, const struct port *p), void *arg);
/* fdb.c: where the port is, as seen from this host; false: it can't be reached. */
bool fdb_locate(const struct compiler *c, const struct port *p, struct weft_fdb *ret);
/* neigh.c: calls fn for each address of the port that has a neighbour entry. */
void neigh_of_port(
	const struct port *p, void (*fn)(void *arg, const struct weft_addr *addr), void *arg);

#endif
