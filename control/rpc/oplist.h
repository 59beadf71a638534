/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gathers the ops of one transaction from JSON, and carries them out. Private to control/rpc.
 */
#ifndef RPC_OPLIST_H
#define RPC_OPLIST_H

#include <uthash.h>

#include "server.h"

/* What an object will be once the ops gathered so far are done. */
struct oplist_object {
	UT_hash_handle hh;
	const struct object *object; /* an op's, or NULL: deleted */
	char key[];		     /* the kind's letter, then the full name */
};

struct oplist {
	const struct model *model;
	struct engine_op *ops;
	size_t n, room;
	struct oplist_object *objects;
};

void oplist_init(struct oplist *l, const struct model *m);
void oplist_clear(struct oplist *l);

/* The object of that name after the ops so far, or NULL. */
const struct object *oplist_find(const struct oplist *l, enum model_kind kind, const char *name);
/* Whether an op for that object is in the list. */
bool oplist_has(const struct oplist *l, enum model_kind kind, const char *name);
/* Adds an op that puts the object that json describes (update: onto what is there). */
int oplist_add(struct oplist *l, enum engine_verb verb, enum model_kind kind,
	struct json_object *json, uint64_t if_revision, struct model_error *err);
/* The same with a ready object, which it takes; it must exist. */
void oplist_add_object(struct oplist *l, struct object *o, uint64_t if_revision);
void oplist_add_delete(
	struct oplist *l, enum model_kind kind, const char *name, uint64_t if_revision);
/* Hands everything to the engine and answers the request; build makes the answer. */
void oplist_run(struct oplist *l, struct request *rq, bool wants_changes,
	struct json_object *(*build)(struct request *rq, struct json_object *result, void *arg),
	void *arg);

#endif
