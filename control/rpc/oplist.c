/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ops of one transaction (oplist.h): used by the single verbs, transact and apply alike, so
 * that all of them are one way. On weftd's event loop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <model/json.h>

#include "oplist.h"

/* Longer than any name that the model takes: what is cut can't be equal to one. */
#define KEY_SIZE 256
/* One character for each kind, so that no key of one is one of another. */
#define KIND_LETTER(kind) ('@' + (char)(kind))

void oplist_init(struct oplist *l, const struct model *m)
{
	*l = (struct oplist){.model = m};
}

void oplist_clear(struct oplist *l)
{
	struct oplist_object *o, *tmp;

	HASH_ITER (hh, l->objects, o, tmp) {
		HASH_DEL(l->objects, o);
		free(o);
	}
	for (size_t i = 0; i < l->n; i++) {
		object_free(l->ops[i].object);
		free((char *)l->ops[i].name);
	}
	free(l->ops);
	*l = (struct oplist){0};
}

static struct oplist_object *lookup(const struct oplist *l, enum model_kind kind, const char *name)
{
	struct oplist_object *o;
	char key[KEY_SIZE];

	snprintf(key, sizeof(key), "%c%s", KIND_LETTER(kind), name);
	HASH_FIND_STR(l->objects, key, o);
	return o;
}

static void note(
	struct oplist *l, enum model_kind kind, const char *name, const struct object *object)
{
	struct oplist_object *o = lookup(l, kind, name);
	size_t size;

	if (o == NULL) {
		size = strlen(name) + 2 < KEY_SIZE ? strlen(name) + 2 : KEY_SIZE;
		o = mem_zalloc(sizeof(*o) + size);
		snprintf(o->key, size, "%c%s", KIND_LETTER(kind), name);
		HASH_ADD_STR(l->objects, key, o);
	}
	o->object = object;
}

const struct object *oplist_find(const struct oplist *l, enum model_kind kind, const char *name)
{
	const struct oplist_object *o = lookup(l, kind, name);

	return o != NULL ? o->object : model_find(l->model, kind, name);
}

bool oplist_has(const struct oplist *l, enum model_kind kind, const char *name)
{
	return lookup(l, kind, name) != NULL;
}

static struct engine_op *append(struct oplist *l)
{
	if (l->n == l->room) {
		l->room = l->room == 0 ? 16 : 2 * l->room;
		l->ops = mem_realloc(l->ops, l->room, sizeof(*l->ops));
	}
	l->ops[l->n] = (struct engine_op){0};
	return &l->ops[l->n++];
}

int oplist_add(struct oplist *l, enum engine_verb verb, enum model_kind kind,
	struct json_object *json, uint64_t if_revision, struct model_error *err)
{
	const struct object *base = NULL;
	struct engine_op *op;
	struct object *o;
	char name[KEY_SIZE];
	int r;

	if (param_full_name(kind, json, name, sizeof(name), err) < 0 ||
		object_check_names(kind, name, json, err) < 0)
		return -1;
	if (verb == ENGINE_UPDATE) {
		base = oplist_find(l, kind, name);
		if (base == NULL) {
			r = model_fail(err, MODEL_ERR_NOT_FOUND, NULL, NULL,
				"does not exist; create it first");
			error_name_object(err, kind, name);
			return r;
		}
	}
	r = object_from_json(kind, json, base, &o, err);
	if (r < 0)
		return r;
	op = append(l);
	op->verb = verb;
	op->kind = kind;
	op->object = o;
	op->if_revision = if_revision;
	note(l, kind, o->name, o);
	return 0;
}

void oplist_add_object(struct oplist *l, struct object *o, uint64_t if_revision)
{
	struct engine_op *op = append(l);

	op->verb = ENGINE_UPDATE;
	op->kind = o->kind;
	op->object = o;
	op->if_revision = if_revision;
	note(l, o->kind, o->name, o);
}

void oplist_add_delete(
	struct oplist *l, enum model_kind kind, const char *name, uint64_t if_revision)
{
	struct engine_op *op = append(l);

	op->verb = ENGINE_DELETE;
	op->kind = kind;
	op->name = mem_strdup(name);
	op->if_revision = if_revision;
	note(l, kind, name, NULL);
}

void oplist_run(struct oplist *l, struct request *rq, bool wants_changes,
	struct json_object *(*build)(struct request *rq, struct json_object *result, void *arg),
	void *arg)
{
	struct diff *d = diff_new(wants_changes);
	struct engine_result res = {0};
	struct model_error err = {0};
	struct json_object *result;
	bool dry_run = param_bool(rq, "dry_run");
	size_t op = SIZE_MAX;
	int r;

	r = engine_transact(rq->rpc->engine, l->ops, l->n, dry_run, diff_note, d, &res, &op, &err);
	/* The engine has the objects now, whatever came of it. */
	for (size_t i = 0; i < l->n; i++)
		l->ops[i].object = NULL;
	if (r < 0) {
		/* Of several ops the caller wants to know which. */
		request_refuse(rq, &err, l->n > 1 ? op : SIZE_MAX);
	} else {
		result = diff_result(d, &res, dry_run);
		request_result(rq, build != NULL ? build(rq, result, arg) : result);
	}
	diff_free(d);
}
