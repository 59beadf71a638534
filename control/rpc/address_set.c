/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * address-set.add and address-set.remove: some of a set's prefixes, so that nobody sends a hundred
 * thousand to change one. On weftd's event loop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <model/json.h>

#include "oplist.h"

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weft_prefix));
}

/* The prefixes of the request as an address set of that name. */
static struct address_set *read_prefixes(
	struct request *rq, const struct object *present, struct model_error *err)
{
	struct json_object *json = json_object_new_object();
	struct object *o = NULL;

	json_object_object_add(
		json, "prefixes", json_object_get(json_object_object_get(rq->params, "prefixes")));
	if (object_from_json(MODEL_ADDRESS_SET, json, present, &o, err) < 0)
		o = NULL;
	json_object_put(json);
	return (struct address_set *)o;
}

/* Both are in order; ret has room for all of both. Returns how many are in the result. */
static size_t merge(
	const struct address_set *a, const struct address_set *b, bool add, struct weft_prefix *ret)
{
	size_t i = 0, k = 0, n = 0;

	while (i < a->n_prefixes || (add && k < b->n_prefixes)) {
		int order = i == a->n_prefixes	 ? 1
			    : k == b->n_prefixes ? -1
						 : compare(&a->prefixes[i], &b->prefixes[k]);

		if (order < 0 || (order == 0 && add))
			ret[n++] = a->prefixes[i];
		else if (order > 0 && add)
			ret[n++] = b->prefixes[k];
		i += order <= 0;
		k += order >= 0;
	}
	return n;
}

static struct json_object *answer(struct request *rq, struct json_object *result, void *arg)
{
	const struct object *o = model_find(engine_model(rq->rpc->engine), MODEL_ADDRESS_SET, arg);
	struct json_object *a = json_object_new_object(), *revision;

	json_object_object_get_ex(result, "revision", &revision);
	json_object_object_add(a, "name", json_object_new_string(arg));
	json_object_object_add(a, "revision", json_object_get(revision));
	json_object_object_add(a, "changed",
		json_object_new_boolean(
			json_object_get_uint64(json_object_object_get(result, "updated")) > 0));
	json_object_object_add(
		a, "prefixes", json_object_new_uint64(((const struct address_set *)o)->n_prefixes));
	if (param_bool(rq, "dry_run"))
		json_object_object_add(a, "dry_run", json_object_new_boolean(true));
	json_object_put(result);
	return a;
}

static void change(struct request *rq, const struct object *present, bool add)
{
	const struct address_set *is = (const struct address_set *)present;
	struct model_error err = {0};
	struct address_set *given = read_prefixes(rq, present, &err);
	struct weft_prefix *merged, *all;
	struct oplist l;
	char name[WEFT_NAME_SIZE];

	if (given == NULL) {
		request_refuse(rq, &err, SIZE_MAX);
		return;
	}
	all = mem_alloc((is->n_prefixes + given->n_prefixes + 1) * sizeof(*all));
	merged = given->prefixes;
	given->n_prefixes = merge(is, given, add, all);
	given->prefixes = all;
	free(merged);
	if (given->n_prefixes > MODEL_SET_PREFIXES) {
		model_fail(&err, MODEL_ERR_LIMIT, present, "prefixes", "would be more than %d",
			MODEL_SET_PREFIXES);
		request_refuse(rq, &err, SIZE_MAX);
		object_free(&given->o);
		return;
	}
	snprintf(name, sizeof(name), "%s", present->name);
	oplist_init(&l, engine_model(rq->rpc->engine));
	oplist_add_object(&l, &given->o, param_uint(rq, "if_revision"));
	oplist_run(&l, rq, false, answer, name);
	oplist_clear(&l);
}

static void handle(struct request *rq, bool add)
{
	struct model_error err = {0};
	const struct object *o;
	char name[256];

	if (param_full_name(MODEL_ADDRESS_SET, rq->params, name, sizeof(name), &err) < 0) {
		request_refuse(rq, &err, SIZE_MAX);
		return;
	}
	o = model_find(engine_model(rq->rpc->engine), MODEL_ADDRESS_SET, name);
	if (o != NULL) {
		change(rq, o, add);
		return;
	}
	model_fail(&err, MODEL_ERR_NOT_FOUND, NULL, NULL, "does not exist; create it first");
	error_name_object(&err, MODEL_ADDRESS_SET, name);
	request_refuse(rq, &err, SIZE_MAX);
}

void handle_address_set_add(struct request *rq)
{
	handle(rq, true);
}

void handle_address_set_remove(struct request *rq)
{
	handle(rq, false);
}
