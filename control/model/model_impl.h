/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the model, for the files of this folder.
 *
 * An entry is a name's place in the model; objects come and go in it. Two things are derived from
 * the objects: links (an entry knows who refers to it) and claims (what must be unique: VNI, MAC,
 * address, VTEP, device). Both always follow from the entry's present object, or are not there: a
 * put or delete takes them away and model_check makes them again, so that a transaction may swap
 * two VNIs.
 */
#ifndef MODEL_IMPL_H
#define MODEL_IMPL_H

#include <sys/queue.h>

#include <bsd/sys/tree.h>

#include <ccore/hset.h>
#include <model/model.h>

struct entry;

/* A reference from user to target. */
struct link {
	struct entry *target;
	struct entry *user;
	LIST_ENTRY(link) next; /* of the target's users */
};

struct entry {
	const char *name; /* of the object, or of the deleted one until the transaction ends */
	struct object *o; /* NULL: deleted in this transaction */
	enum model_kind kind;
	uint32_t change; /* 1 + index of its change in this transaction, 0: none */
	uint32_t n_users;
	RB_ENTRY(entry) by_name;
	LIST_HEAD(, link) users;
	struct link *links; /* one for each that it refers to */
	uint32_t n_links;
};

RB_HEAD(entry_tree, entry);

struct change {
	struct entry *e;
	struct object *before; /* NULL: created */
	struct object *ghost;  /* created and deleted again: owns the entry's name */
	uint32_t id;	       /* taken for a created one, else 0 */
	bool derived;	       /* links and claims are made, perhaps in part */
};

/* Numbers in use, from 1, given out round robin so that a number rests before it is used again.
 */
struct id_set {
	uint64_t *words;
	uint32_t n_words;
	uint32_t last;
	uint32_t max; /* 0: 2^24-1 */
};

/* Returns 0 when all are taken. */
uint32_t id_take(struct id_set *s);
/* Takes this one; false when it is out of range or taken. */
bool id_take_this(struct id_set *s, uint32_t id);
void id_release(struct id_set *s, uint32_t id);

enum claim_type {
	CLAIM_VNI,
	CLAIM_VTEP,
	CLAIM_DEVICE,	/* on a host */
	CLAIM_MAC,	/* in a segment */
	CLAIM_ADDR,	/* in a segment */
	CLAIM_ROUTED,	/* a segment, by its router */
	CLAIM_ROUTE,	/* in a router */
	CLAIM_PRIORITY, /* of a policy, in its tier */
	N_CLAIM_TYPES,
};

struct model {
	struct entry_tree names[MODEL_KIND_MAX];
	size_t n[MODEL_KIND_MAX]; /* objects */
	struct id_set ids[MODEL_KIND_MAX];
	struct hset claims; /* struct claim */
	size_t n_claims[N_CLAIM_TYPES];
	uint64_t revision;

	/* the transaction */
	bool open;
	bool loading;
	bool checked;
	uint64_t next_revision;
	struct change *changes;
	size_t n_changes, max_changes;
	struct model_change *report;
};

struct entry *entry_find(const struct model *m, enum model_kind kind, const char *name);
/* name must live as long as the entry, or until it points to another. */
struct entry *entry_add(struct model *m, enum model_kind kind, const char *name);
/* Frees its object too. */
void entry_remove(struct model *m, struct entry *e);

/* The router's segment by its place in the field; NULL: no more. The network is linked before. */
const struct entry *entry_segment(const struct entry *router, size_t i);
/* The router's segment, and its subnet, that the address is in. */
const struct entry *entry_router_segment(
	const struct entry *router, const struct weft_addr *addr, const struct subnet **ret_subnet);
/* network_id.c: takes an id that differs from those of the tenant's other networks in its low
 * MODEL_NETWORK_ID_BITS. Returns 0 when there is none. */
uint32_t network_id_take(struct model *m, const struct object *network);
/* Whether its id is such. */
bool network_id_is_good(const struct model *m, const struct object *network);

/* claims.c */
void claims_init(struct model *m);
/* Makes the claims of e's object, or fails with what it clashes with; then some may be made. */
int claims_make(struct model *m, struct entry *e, struct model_error *err);
/* Takes away those of e's object that are made. */
void claims_drop(struct model *m, struct entry *e);
struct entry *claims_find_vni(const struct model *m, uint32_t vni);
struct entry *claims_find_vtep(const struct model *m, const struct weft_addr *addr);
struct entry *claims_find_mac(
	const struct model *m, const struct entry *segment, const struct weft_mac *mac);
struct entry *claims_find_addr(
	const struct model *m, const struct entry *segment, const struct weft_addr *addr);
/* The router that the segment is in. */
struct entry *claims_find_routed(const struct model *m, const struct entry *segment);
struct entry *claims_find_route(
	const struct model *m, const struct entry *router, const struct weft_prefix *prefix);

/* links.c */
int links_make(const struct model *m, struct entry *e, struct model_error *err);
void links_drop(struct entry *e);
/* The first of that kind that it refers to, or NULL. */
struct entry *link_to(const struct entry *e, enum model_kind kind);

/* rules.c: what must hold beyond single fields. */
int rules_check_object(const struct object *o, struct model_error *err);
bool rules_addr_is_unicast(const struct weft_addr *a);
bool rules_is_link_local(const struct weft_addr *a);
bool rules_prefixes_overlap(const struct weft_prefix *a, const struct weft_prefix *b);
int rules_check_port(const struct port *p, const struct segment *s, struct model_error *err);

/* rules_service.c: what a segment tells its ports. */
int rules_check_services(const struct segment *s, struct model_error *err);

/* rules_route.c */
int rules_check_router_object(const struct router *r, struct model_error *err);
int rules_check_route_object(const struct route *r, struct model_error *err);
/* What must hold between routers, their segments, routes and ports. Claims are
 * made. */
int rules_check_router(const struct model *m, const struct entry *router, struct model_error *err);
int rules_check_route(const struct entry *route, struct model_error *err);
int rules_check_routes(const struct entry *router, struct model_error *err);
/* A segment that may only be routed has a router. */
int rules_check_l3_only(
	const struct model *m, const struct entry *segment, struct model_error *err);
/* The same of segments that the router had. */
int rules_check_left(const struct model *m, const struct router *before, struct model_error *err);
/* The port against the router that its segment is in. */
int rules_check_routed_port(
	const struct model *m, const struct entry *port, struct model_error *err);
/* policy_check.c: rules of security groups and policies. */
int policy_check_group(const struct security_group *g, struct model_error *err);
int policy_check_policy(const struct policy *p, struct model_error *err);
/* No port is covered by more policies than fit, as far as p has to do with it; model-wide limits.
 */
int policy_check_coverage(const struct model *m, const struct policy *p, struct model_error *err);

#endif
