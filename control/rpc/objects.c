/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verbs of single objects: create, put, update, delete, get and list, alike for every kind. On
 * weftd's event loop.
 */
#include <stdio.h>
#include <string.h>

#include <model/json.h>
#include <weftrpc/codes.h>

#include "oplist.h"

#define NAME_SIZE 256

/* {name, id, revision, changed} from the outcome of a one-op transaction. */
static struct json_object *one_object(struct request *rq, struct json_object *result, void *arg)
{
	const struct object *o = model_find(engine_model(rq->rpc->engine), rq->kind, arg);
	struct json_object *answer = json_object_new_object(), *n;
	uint64_t changed = 0;
	static const char *const counts[] = {"created", "updated", "deleted"};

	for (size_t i = 0; i < 3; i++)
		if (json_object_object_get_ex(result, counts[i], &n))
			changed += json_object_get_uint64(n);
	json_object_object_add(answer, "name", json_object_new_string(arg));
	if (o != NULL && rq->method->id != RPC_DELETE)
		json_object_object_add(answer, "id", json_object_new_int64(o->id));
	json_object_object_get_ex(result, "revision", &n);
	json_object_object_add(answer, "revision", json_object_get(n));
	json_object_object_add(answer, "changed", json_object_new_boolean(changed > 0));
	if (param_bool(rq, "dry_run"))
		json_object_object_add(answer, "dry_run", json_object_new_boolean(true));
	json_object_put(result);
	return answer;
}

static void put_object(struct request *rq, enum engine_verb verb, uint64_t if_revision)
{
	struct model_error err = {0};
	struct oplist l;
	char name[NAME_SIZE];

	oplist_init(&l, engine_model(rq->rpc->engine));
	if (oplist_add(&l, verb, rq->kind, rq->fields, if_revision, &err) < 0) {
		request_refuse(rq, &err, SIZE_MAX);
	} else {
		snprintf(name, sizeof(name), "%s", l.ops[0].object->name);
		oplist_run(&l, rq, false, one_object, name);
	}
	oplist_clear(&l);
}

void handle_object_create(struct request *rq)
{
	put_object(rq, ENGINE_CREATE, 0);
}

void handle_object_put(struct request *rq)
{
	put_object(rq, ENGINE_PUT, param_uint(rq, "if_revision"));
}

void handle_object_update(struct request *rq)
{
	put_object(rq, ENGINE_UPDATE, param_uint(rq, "if_revision"));
}

void handle_object_delete(struct request *rq)
{
	struct model_error err = {0};
	struct oplist l;
	char name[NAME_SIZE];

	if (param_full_name(rq->kind, rq->params, name, sizeof(name), &err) < 0) {
		request_refuse(rq, &err, SIZE_MAX);
		return;
	}
	oplist_init(&l, engine_model(rq->rpc->engine));
	oplist_add_delete(&l, rq->kind, name, param_uint(rq, "if_revision"));
	oplist_run(&l, rq, false, one_object, name);
	oplist_clear(&l);
}

void handle_object_get(struct request *rq)
{
	struct model_error err = {0};
	struct json_object *answer;
	const struct object *o;
	char name[NAME_SIZE];

	if (param_full_name(rq->kind, rq->params, name, sizeof(name), &err) < 0) {
		request_refuse(rq, &err, SIZE_MAX);
		return;
	}
	o = model_find(engine_model(rq->rpc->engine), rq->kind, name);
	if (o == NULL) {
		model_fail(&err, MODEL_ERR_NOT_FOUND, NULL, NULL, "does not exist%s",
			model_kind_in_tenant(rq->kind) && strchr(name, '/') == NULL
				? "; it is named TENANT/NAME"
				: "");
		error_name_object(&err, rq->kind, name);
		request_refuse(rq, &err, SIZE_MAX);
		return;
	}
	answer = json_object_new_object();
	json_object_object_add(answer, "object", object_to_json(o, true));
	json_object_object_add(answer, "id", json_object_new_int64(o->id));
	json_object_object_add(answer, "revision", json_object_new_uint64(o->revision));
	request_result(rq, answer);
}

/* list's filters. A member is NULL when it was not given. */
struct filter {
	const char *tenant, *network, *segment, *host, *router;
};

static bool equal(const char *wanted, const char *is)
{
	return wanted == NULL || (is != NULL && strcmp(wanted, is) == 0);
}

static bool passes(const struct filter *f, const struct object *o)
{
	char tenant[MODEL_NAME_MAX + 1];

	if (f->tenant != NULL && strcmp(f->tenant, model_name_tenant(o->name, tenant)) != 0)
		return false;
	switch (o->kind) {
	case MODEL_SEGMENT:
		return equal(f->network, ((const struct segment *)o)->network);
	case MODEL_PORT:
		return equal(f->segment, ((const struct port *)o)->segment) &&
		       equal(f->host, ((const struct port *)o)->host);
	case MODEL_ROUTER:
		return equal(f->network, ((const struct router *)o)->network);
	case MODEL_ROUTE:
		return equal(f->router, ((const struct route *)o)->router);
	default:
		return true;
	}
}

/* Nothing passes a filter with a wrong name, which would look like an answer. */
static int check_filter(const struct model *m, const struct filter *f, struct model_error *err)
{
	const struct {
		enum model_kind kind;
		const char *name;
	} wanted[] = {
		{MODEL_TENANT, f->tenant},
		{MODEL_NETWORK, f->network},
		{MODEL_SEGMENT, f->segment},
		{MODEL_HOST, f->host},
		{MODEL_ROUTER, f->router},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (wanted[i].name == NULL || model_find(m, wanted[i].kind, wanted[i].name) != NULL)
			continue;
		return model_fail(err, MODEL_ERR_NOT_FOUND, NULL, model_kind_name(wanted[i].kind),
			"there is no %s \"%.64s\"%s", model_kind_name(wanted[i].kind),
			wanted[i].name,
			model_kind_in_tenant(wanted[i].kind) && strchr(wanted[i].name, '/') == NULL
				? "; it is named TENANT/NAME"
				: "");
	}
	return 0;
}

/* So many objects are looked at for one page: a filter that lets few pass must not keep others
 * waiting. The page is then short, and next says where to go on. */
#define LOOK_MAX 50000

void handle_object_list(struct request *rq)
{
	const struct model *m = engine_model(rq->rpc->engine);
	const struct filter f = {param_string(rq, "tenant"), param_string(rq, "network"),
		param_string(rq, "segment"), param_string(rq, "host"), param_string(rq, "router")};
	struct json_object *answer, *objects;
	struct model_error err = {0};
	uint64_t limit = param_uint(rq, "limit"), n = 0;
	const char *after = param_string(rq, "after");
	bool full = param_bool(rq, "full");
	const struct object *o = model_next(m, rq->kind, after);

	if (check_filter(m, &f, &err) < 0) {
		request_refuse(rq, &err, SIZE_MAX);
		return;
	}
	answer = json_object_new_object();
	objects = json_object_new_array();
	for (size_t looked = 0; o != NULL && n < limit && looked < LOOK_MAX; looked++) {
		if (passes(&f, o)) {
			json_object_array_add(objects, object_to_json(o, full));
			n++;
		}
		after = o->name;
		o = model_next(m, rq->kind, after);
	}
	json_object_object_add(answer, "objects", objects);
	json_object_object_add(answer, "next", o == NULL ? NULL : json_object_new_string(after));
	json_object_object_add(answer, "revision", json_object_new_uint64(model_revision(m)));
	request_result(rq, answer);
}
