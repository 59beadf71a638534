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
/* Calls fn for each port of that segment, in no order; stops when fn returns non-zero. */
int model_segment_ports(const struct model *m, const char *segment,
	int (*fn)(const struct port *p, void *arg), void *arg);
uint64_t model_revision(const struct model *m);

/* One object that a transaction changed: before or after may be NULL (created, deleted). */
struct model_change {
	enum model_kind kind;
	const char *name;
	const struct object *before;
	const struct object *after;
};

/* At most one transaction at a time. */
void model_begin(struct model *m);
/* Adds or replaces; takes ownership of o, also on error. Gives o its id (kept when it replaces or is
 * not 0, as when the store loads it) and revision. */
int model_put(struct model *m, struct object *o, struct model_error *err);
int model_delete(
	struct model *m, enum model_kind kind, const char *name, struct model_error *err);
/* Validates the state that the transaction leads to. 0 or -EINVAL. */
int model_check(struct model *m, struct model_error *err);
/* What changed so far, without objects that ended equal; in order of kind. Valid until the end of
 * the transaction. */
const struct model_change *model_changes(struct model *m, size_t *ret_n);
void model_commit(struct model *m);
void model_rollback(struct model *m);

#endif
