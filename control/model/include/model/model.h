/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model: all objects of intent, indexed, with transactions that cost what they change.
 *
 * Single-threaded, no I/O. A transaction puts and deletes objects in place with an undo log;
 * model_check validates only what changed and what refers to it; commit or rollback ends it.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <model/error.h>
#include <model/object.h>

struct model;

struct model *model_new(void);
void model_free(struct model *m);

/* By full name; NULL when absent. The object is the model's and immutable. */
const struct object *model_find(const struct model *m, enum model_kind kind, const char *name);
const struct segment *model_segment_by_vni(const struct model *m, uint32_t vni);
/* In order of name; after == NULL starts, else continues behind that full name (which need not
 * exist any more). NULL at the end. */
const struct object *model_next(const struct model *m, enum model_kind kind, const char *after);
size_t model_count(const struct model *m, enum model_kind kind);
/* Calls fn for each port of that segment or host, in no order; stops when fn returns non-zero, and
 * returns that. */
int model_segment_ports(const struct model *m, const char *segment,
	int (*fn)(const struct port *p, void *arg), void *arg);
int model_host_ports(const struct model *m, const char *host,
	int (*fn)(const struct port *p, void *arg), void *arg);
/* Of any objects of kind "of" that refer to that object; each once. Like those above it knows a
 * transaction's changes from its model_check on. */
int model_users(const struct model *m, enum model_kind kind, const char *name, enum model_kind of,
	int (*fn)(const struct object *user, void *arg), void *arg);
/* By what is unique; NULL when absent. The address must be a single one of the port's. These and
 * model_segment_by_vni know a transaction's changes from its model_check on. */
const struct port *model_port_by_mac(
	const struct model *m, const char *segment, const struct weft_mac *mac);
const struct port *model_port_by_addr(
	const struct model *m, const char *segment, const struct weft_addr *addr);
const struct host *model_host_by_vtep(const struct model *m, const struct weft_addr *addr);
/* The router that the segment is in. */
const struct router *model_segment_router(const struct model *m, const char *segment);
const struct route *model_route_by_prefix(
	const struct model *m, const char *router, const struct weft_prefix *prefix);
/* The segment of the router, and its subnet, that the address is in. */
const struct segment *model_router_segment(const struct model *m, const char *router,
	const struct weft_addr *addr, const struct subnet **ret_subnet);
uint64_t model_revision(const struct model *m);

/* One object that a transaction changed: before or after may be NULL (created, deleted). */
struct model_change {
	enum model_kind kind;
	const char *name;
	const struct object *before;
	const struct object *after;
};

/* Objects of a kind and their sum at which model_check refuses more: no host's tables can then
 * overflow (weft/limits.h). Half of the FDB is left to learned MACs. */
#define MODEL_MAX_HOSTS	     WEFT_MAX_VTEPS
#define MODEL_MAX_PORTS	     (WEFT_MAX_FDB / 2)
#define MODEL_MAX_NEIGHBOURS WEFT_MAX_NEIGH /* addresses of ports, link-local ones included */
#define MODEL_MAX_ROUTES     (WEFT_MAX_ROUTES / 2) /* half is left to the subnets of segments */
#define MODEL_MAX_HOST_PORTS (WEFT_MAX_PORTS - 2)  /* less slot 0 and the uplink */

/* At most one transaction at a time. */
void model_begin(struct model *m);
/* As model_begin, for the store: objects keep their ids and revisions, and the model has this
 * revision after the commit. */
void model_begin_load(struct model *m, uint64_t revision);
/* Adds or replaces; takes ownership of o, also on error. Gives o its id (kept when it replaces) and
 * revision. Nothing happens when an equal one is there. */
int model_put(struct model *m, struct object *o, struct model_error *err);
int model_delete(struct model *m, enum model_kind kind, const char *name, struct model_error *err);
/* Validates the state that the transaction leads to. 0 or -EINVAL. */
int model_check(struct model *m, struct model_error *err);
/* What changed so far, without objects that ended equal; in order of kind. Valid until the end of
 * the transaction. */
const struct model_change *model_changes(struct model *m, size_t *ret_n);
/* Only after a model_check that returned 0, with no put or delete since. Never fails. */
void model_commit(struct model *m);
void model_rollback(struct model *m);

#endif
