/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * transact: any number of ops as one transaction. On weftd's event loop.
 */
#include <stdio.h>
#include <string.h>

#include "oplist.h"

struct verb {
	const char *name;
	enum engine_verb verb;
};

static const struct verb verbs[] = {
	{"create", ENGINE_CREATE},
	{"put", ENGINE_PUT},
	{"update", ENGINE_UPDATE},
	{"delete", ENGINE_DELETE},
};

static const char *member_string(struct json_object *op, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(op, key, &v) || !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}

static int read_verb(struct json_object *op, enum engine_verb *ret, struct model_error *err)
{
	const char *name = member_string(op, "verb");

	for (size_t i = 0; name != NULL && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		*ret = verbs[i].verb;
		return 0;
	}
	return model_fail(
		err, MODEL_ERR_INVALID, NULL, "verb", "must be create, put, update or delete");
}

static int read_kind(struct json_object *op, enum model_kind *ret, struct model_error *err)
{
	const char *name = member_string(op, "kind");

	*ret = name == NULL ? 0 : model_kind_by_name(name);
	if (*ret == 0)
		return model_fail(err, MODEL_ERR_INVALID, NULL, "kind",
			"must be one of the kinds that rpc.describe lists");
	return 0;
}

static int check_keys(struct json_object *op, struct model_error *err)
{
	static const char *const keys[] = {
		"verb", "kind", "object", "name", "tenant", "if_revision"};

	json_object_object_foreach(op, key, value)
	{
		size_t i = 0;

		while (i < sizeof(keys) / sizeof(keys[0]) && strcmp(keys[i], key) != 0)
			i++;
		if (i == sizeof(keys) / sizeof(keys[0]))
			return model_fail(err, MODEL_ERR_INVALID, NULL, key,
				"an op has verb, kind, object or name, and if_revision");
	}
	return 0;
}

static int read_revision(struct json_object *op, uint64_t *ret, struct model_error *err)
{
	struct json_object *v;

	*ret = 0;
	if (!json_object_object_get_ex(op, "if_revision", &v))
		return 0;
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
		return model_fail(
			err, MODEL_ERR_INVALID, NULL, "if_revision", "must be a whole number");
	*ret = json_object_get_uint64(v);
	return 0;
}

static int add_op(struct oplist *l, struct json_object *op, struct model_error *err)
{
	enum engine_verb verb = ENGINE_PUT;
	enum model_kind kind;
	struct json_object *o;
	uint64_t if_revision;
	char name[256];

	if (check_keys(op, err) < 0 || read_verb(op, &verb, err) < 0 ||
		read_kind(op, &kind, err) < 0 || read_revision(op, &if_revision, err) < 0)
		return -1;
	if (verb == ENGINE_DELETE) {
		if (!json_object_object_get_ex(op, "object", &o))
			o = op;
		if (!json_object_is_type(o, json_type_object))
			return model_fail(
				err, MODEL_ERR_INVALID, NULL, "object", "must be an object");
		if (param_full_name(kind, o, name, sizeof(name), err) < 0)
			return -1;
		oplist_add_delete(l, kind, name, if_revision);
		return 0;
	}
	if (!json_object_object_get_ex(op, "object", &o) ||
		!json_object_is_type(o, json_type_object))
		return model_fail(err, MODEL_ERR_INVALID, NULL, "object",
			"is missing: the object with its fields");
	return oplist_add(l, verb, kind, o, if_revision, err);
}

void handle_transact(struct request *rq)
{
	struct json_object *ops = json_object_object_get(rq->params, "ops");
	struct model_error err = {0};
	struct oplist l;
	size_t i;
	int r = 0;

	oplist_init(&l, engine_model(rq->rpc->engine));
	for (i = 0; r == 0 && i < json_object_array_length(ops); i++)
		r = add_op(&l, json_object_array_get_idx(ops, i), &err);
	if (r < 0)
		request_refuse(rq, &err, i - 1);
	else
		oplist_run(&l, rq, param_bool(rq, "changes"), NULL, NULL);
	oplist_clear(&l);
}
