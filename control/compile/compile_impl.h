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
 * on any host and hosts without ports are not here. */
struct seg {
	char *name;
	uint32_t vni;
	bool relevant; /* has a port on this host: is programmed; its vni is valid */
	bool touched;
	uint32_t n_local;
	LIST_HEAD(, member) members;
	SLIST_ENTRY(seg) next_touched;
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
	struct hset segs;    /* struct seg *, by name */
	struct hset peers;   /* struct peer *, by name */
	struct hset members; /* struct member *, by seg and peer */
	struct hset locals;  /* struct local, by id */
	struct hset paths;   /* struct underlay_path, by remote */
	struct underlay_link link;
	bool link_known;
	SLIST_HEAD(, seg) touched;
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
	compile_flood, compile_fdb, compile_neigh;

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
/* NULL when it has no port on this host. */
const struct seg *seg_by_vni(const struct compiler *c, uint32_t vni);
bool is_local(const struct compiler *c, const struct port *p);
/* A local port by id, or NULL. */
struct local *local_find(const struct compiler *c, uint32_t id);
/* A port changed; either may be NULL. */
void members_note_port(struct compiler *c, const struct port *before, const struct port *after);
void members_set_vteps(struct compiler *c, const struct host *h);
/* The segment's VNI may have changed. */
void members_touch(struct compiler *c, const char *segment);
/* After the calls above: what became relevant or not, or has another VNI, is marked. */
void members_settle(struct compiler *c);

/* marks.c: what depends on an object, as members.c knows things at the moment. */
void mark_port(struct compiler *c, const struct port *p);
void mark_peer(struct compiler *c, const struct peer *peer);
void mark_member(struct compiler *c, const struct member *m);
void mark_seg(struct compiler *c, const struct seg *seg);
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
	void (*fn)(void *arg, uint32_t vni, const struct port *p), void *arg);
/* fdb.c: where the port is, as seen from this host; false: it can't be reached. */
bool fdb_locate(const struct compiler *c, const struct port *p, struct weft_fdb *ret);
/* neigh.c: calls fn for each address of the port that has a neighbour entry. */
void neigh_of_port(
	const struct port *p, void (*fn)(void *arg, const struct weft_addr *addr), void *arg);

#endif
