/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole desired states: apply takes a document, export gives one. A document is an object with an
 * array of objects for each kind, under the kind's plural name. On weftd's event loop.
 */
#include <stdio.h>
#include <string.h>

#include <model/json.h>
#include <weftrpc/text.h>

#include "oplist.h"

static int unknown_member(const char *key, struct model_error *err)
{
	struct weftrpc_nearest near;

	weftrpc_nearest_init(&near, key);
	for (int kind = 1; kind < MODEL_KIND_MAX; kind++)
		weftrpc_nearest_try(&near, model_kind_plural(kind));
	if (near.best != NULL)
		return model_fail(err, MODEL_ERR_INVALID, NULL, key,
			"is nothing that a document has; did you mean \"%s\"?", near.best);
	return model_fail(err, MODEL_ERR_INVALID, NULL, key,
		"is nothing that a document has: an array for each kind (tenants, ports, ...)");
}

/* Its form only. A document that says nothing is refused, as applied it would delete everything. */
static int check_document(struct json_object *doc, struct model_error *err)
{
	size_t n_kinds = 0;

	json_object_object_foreach(doc, key, value)
	{
		enum model_kind kind = model_kind_by_name(key);

		if (kind == 0 || strcmp(key, model_kind_plural(kind)) != 0)
			return unknown_member(key, err);
		if (!json_object_is_type(value, json_type_array))
			return model_fail(
				err, MODEL_ERR_INVALID, NULL, key, "must be an array of objects");
		n_kinds++;
	}
	if (n_kinds == 0)
		return model_fail(err, MODEL_ERR_INVALID, NULL, "document",
			"is empty; to delete everything say so, with an empty array of tenants");
	return 0;
}

static int add_objects(
	struct oplist *l, enum model_kind kind, struct json_object *array, struct model_error *err)
{
	char name[256], path[64];

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *o = json_object_array_get_idx(array, i);

		snprintf(path, sizeof(path), "%s[%zu]", model_kind_plural(kind), i);
		if (!json_object_is_type(o, json_type_object))
			return model_fail(err, MODEL_ERR_INVALID, NULL, path,
				"must be an object with fields");
		if (param_full_name(kind, o, name, sizeof(name), err) < 0) {
			snprintf(err->object, sizeof(err->object), "%s", path);
			return -1;
		}
		if (oplist_has(l, kind, name)) {
			model_fail(err, MODEL_ERR_CONFLICT, NULL, NULL,
				"is in the document twice, again as %s", path);
			error_name_object(err, kind, name);
			return -1;
		}
		if (oplist_add(l, ENGINE_PUT, kind, o, 0, err) < 0) {
			if (err->object[0] == 0)
				snprintf(err->object, sizeof(err->object), "%s", path);
			return -1;
		}
	}
	return 0;
}

/* Deletes come behind what is put, so that names in the list are those of the document; the engine
 * judges the outcome, not the way there. */
static void add_prune(struct oplist *l)
{
	for (int kind = MODEL_KIND_MAX - 1; kind > 0; kind--) {
		const struct object *o = model_next(l->model, kind, NULL);

		for (; o != NULL; o = model_next(l->model, kind, o->name))
			if (!oplist_has(l, kind, o->name))
				oplist_add_delete(l, kind, o->name, 0);
	}
}

void handle_apply(struct request *rq)
{
	struct json_object *doc = json_object_object_get(rq->params, "document"), *array;
	struct model_error err = {0};
	struct oplist l;
	int r;

	oplist_init(&l, engine_model(rq->rpc->engine));
	r = check_document(doc, &err);
	for (int kind = 1; r == 0 && kind < MODEL_KIND_MAX; kind++)
		if (json_object_object_get_ex(doc, model_kind_plural(kind), &array))
			r = add_objects(&l, kind, array, &err);
	if (r < 0) {
		request_refuse(rq, &err, SIZE_MAX);
	} else {
		if (param_bool(rq, "prune"))
			add_prune(&l);
		oplist_run(&l, rq, true, NULL, NULL);
	}
	oplist_clear(&l);
}

/* "port red/web1": where the next page starts. 0 is the beginning. */
static int read_after(const char *after, enum model_kind *ret_kind, const char **ret_name)
{
	char kind[32];
	size_t len;

	*ret_kind = MODEL_TENANT;
	*ret_name = NULL;
	if (after == NULL)
		return 0;
	len = strcspn(after, " ");
	if (after[len] == 0 || len >= sizeof(kind))
		return -1;
	memcpy(kind, after, len);
	kind[len] = 0;
	*ret_kind = model_kind_by_name(kind);
	*ret_name = after + len + 1;
	return *ret_kind == 0 ? -1 : 0;
}

/* Adds the kind's objects behind name to doc, n at most. Returns the last one added when more are
 * left, else NULL. */
static const struct object *export_kind(const struct model *m, enum model_kind kind,
	const char *name, bool full, uint64_t *n, struct json_object *doc)
{
	const struct object *o = model_next(m, kind, name), *last = NULL;
	struct json_object *array = json_object_new_array();

	for (; o != NULL && *n > 0; o = model_next(m, kind, o->name), (*n)--) {
		json_object_array_add(array, object_to_json(o, full));
		last = o;
	}
	json_object_object_add(doc, model_kind_plural(kind), array);
	return o != NULL ? last : NULL;
}

void handle_export(struct request *rq)
{
	const struct model *m = engine_model(rq->rpc->engine);
	struct json_object *answer, *doc;
	const struct object *last = NULL;
	uint64_t limit = param_uint(rq, "limit");
	bool full = param_bool(rq, "full");
	struct model_error err = {0};
	enum model_kind kind;
	const char *name;
	char next[128];

	if (read_after(param_string(rq, "after"), &kind, &name) < 0) {
		model_fail(&err, MODEL_ERR_INVALID, NULL, "after",
			"must be what \"next\" of the page before was");
		request_refuse(rq, &err, SIZE_MAX);
		return;
	}
	doc = json_object_new_object();
	for (; kind < MODEL_KIND_MAX && last == NULL && limit > 0; kind++, name = NULL)
		last = export_kind(m, kind, name, full, &limit, doc);
	answer = json_object_new_object();
	json_object_object_add(answer, "document", doc);
	if (last != NULL)
		snprintf(next, sizeof(next), "%s %s", model_kind_name(last->kind), last->name);
	else if (kind < MODEL_KIND_MAX)
		snprintf(next, sizeof(next), "%s ", model_kind_name(kind));
	json_object_object_add(answer, "next",
		last != NULL || kind < MODEL_KIND_MAX ? json_object_new_string(next) : NULL);
	json_object_object_add(answer, "revision", json_object_new_uint64(model_revision(m)));
	request_result(rq, answer);
}
