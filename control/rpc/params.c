/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks a request's parameters against its method's table and hands them to the handler by name.
 * Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <model/schema.h>
#include <weftrpc/text.h>

#include "server.h"

static const struct rpc_param *param_find(
	const struct rpc_param *params, enum model_kind kind, const char *name)
{
	for (const struct rpc_param *p = params; p->name != NULL; p++)
		if (strcmp(p->name, name) == 0 && (kind == 0 || rpc_param_fits_kind(p, kind)))
			return p;
	return NULL;
}

static int check_uint(const struct rpc_param *p, struct json_object *v, struct model_error *err)
{
	/* json-c clamps what does not fit, so the largest value is none that was meant. */
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0 ||
		json_object_get_uint64(v) < p->min || json_object_get_uint64(v) > p->max)
		return model_fail(err, MODEL_ERR_INVALID, NULL, p->name,
			"must be a whole number from %llu to %llu", (unsigned long long)p->min,
			(unsigned long long)p->max);
	return 0;
}

static int check_array(const struct rpc_param *p, struct json_object *v, enum json_type of,
	const char *what, struct model_error *err)
{
	if (!json_object_is_type(v, json_type_array))
		return model_fail(
			err, MODEL_ERR_INVALID, NULL, p->name, "must be an array of %s", what);
	if (json_object_array_length(v) > p->max)
		return model_fail(err, MODEL_ERR_INVALID, NULL, p->name,
			"has more than %llu elements", (unsigned long long)p->max);
	for (size_t i = 0; i < json_object_array_length(v); i++)
		if (!json_object_is_type(json_object_array_get_idx(v, i), of))
			return model_fail(err, MODEL_ERR_INVALID, NULL, p->name,
				"element %zu must be one of the %s", i, what);
	return 0;
}

static int check_members(const struct rpc_param *p, const char *path, struct json_object *o,
	struct model_error *err);

static int check_objects(const struct rpc_param *p, struct json_object *v, struct model_error *err)
{
	int r = check_array(p, v, json_type_object, "objects", err);
	char path[48];

	for (size_t i = 0; r == 0 && p->of != NULL && i < json_object_array_length(v); i++) {
		snprintf(path, sizeof(path), "%s[%zu]", p->name, i);
		r = check_members(p->of, path, json_object_array_get_idx(v, i), err);
	}
	return r;
}

static int check_value(const struct rpc_param *p, struct json_object *v, struct model_error *err)
{
	switch (p->type) {
	case RPC_BOOL:
		if (!json_object_is_type(v, json_type_boolean))
			return model_fail(
				err, MODEL_ERR_INVALID, NULL, p->name, "must be true or false");
		return 0;
	case RPC_UINT:
		return check_uint(p, v, err);
	case RPC_STRING:
		if (!json_object_is_type(v, json_type_string) ||
			strlen(json_object_get_string(v)) != (size_t)json_object_get_string_len(v))
			return model_fail(
				err, MODEL_ERR_INVALID, NULL, p->name, "must be a string");
		return 0;
	case RPC_STRINGS:
		return check_array(p, v, json_type_string, "strings", err);
	case RPC_OBJECTS:
		return check_objects(p, v, err);
	case RPC_OBJECT:
		if (!json_object_is_type(v, json_type_object))
			return model_fail(
				err, MODEL_ERR_INVALID, NULL, p->name, "must be an object");
		return p->of == NULL ? 0 : check_members(p->of, p->name, v, err);
	}
	return -EINVAL;
}

static int unknown_param(const struct rpc_param *params, enum model_kind kind, const char *name,
	struct model_error *err)
{
	struct weftrpc_nearest near;

	weftrpc_nearest_init(&near, name);
	for (const struct rpc_param *p = params; p->name != NULL; p++)
		if (kind == 0 || rpc_param_fits_kind(p, kind))
			weftrpc_nearest_try(&near, p->name);
	if (near.best != NULL)
		return model_fail(err, MODEL_ERR_INVALID, NULL, name,
			"no such parameter; did you mean \"%s\"?", near.best);
	return model_fail(err, MODEL_ERR_INVALID, NULL, name,
		"no such parameter; rpc.describe lists those of each method");
}

static int check_required(const struct rpc_param *p, struct json_object *o, struct model_error *err)
{
	for (; p->name != NULL; p++)
		if (p->required && !json_object_object_get_ex(o, p->name, NULL))
			return model_fail(
				err, MODEL_ERR_INVALID, NULL, p->name, "is missing: %s", p->help);
	return 0;
}

/* path: of o, which has the members p. */
static int check_members(
	const struct rpc_param *p, const char *path, struct json_object *o, struct model_error *err)
{
	int r = check_required(p, o, err);

	json_object_object_foreach(o, key, value)
	{
		const struct rpc_param *member = param_find(p, 0, key);

		if (r == 0)
			r = member == NULL ? unknown_param(p, 0, key, err)
					   : check_value(member, value, err);
	}
	if (r < 0)
		error_add_path(err, path);
	return r;
}

/* Parameters by position are those of the table, in its order. */
static int by_position(const struct rpc_method *m, enum model_kind kind, struct json_object *array,
	struct json_object *ret, struct model_error *err)
{
	const struct rpc_param *p = m->params;

	if (m->takes_fields)
		return model_fail(err, MODEL_ERR_INVALID, NULL, "params",
			"this method takes its parameters by name, not by position");
	for (size_t i = 0; i < json_object_array_length(array); i++, p++) {
		while (p->name != NULL && kind != 0 && !rpc_param_fits_kind(p, kind))
			p++;
		if (p->name == NULL)
			return model_fail(err, MODEL_ERR_INVALID, NULL, "params",
				"more parameters than the method has");
		json_object_object_add(
			ret, p->name, json_object_get(json_object_array_get_idx(array, i)));
	}
	return 0;
}

static int take(const struct rpc_method *m, enum model_kind kind, struct json_object *params,
	struct json_object *by_name, struct json_object *fields, struct model_error *err)
{
	json_object_object_foreach(params, key, value)
	{
		const struct rpc_param *p = param_find(m->params, kind, key);
		int r;

		if (p == NULL && fields == NULL)
			return unknown_param(m->params, kind, key, err);
		if (p == NULL) {
			json_object_object_add(fields, key, json_object_get(value));
			continue;
		}
		r = check_value(p, value, err);
		if (r < 0)
			return r;
		json_object_object_add(by_name, key, json_object_get(value));
	}
	return check_required(m->params, params, err);
}

int params_check(const struct rpc_method *m, enum model_kind kind, struct json_object *params,
	struct json_object **ret, struct json_object **ret_fields, struct model_error *err)
{
	struct json_object *named = json_object_new_object(), *by_name = json_object_new_object();
	struct json_object *fields = m->takes_fields ? json_object_new_object() : NULL;
	int r = 0;

	if (json_object_is_type(params, json_type_array))
		r = by_position(m, kind, params, named, err);
	if (r == 0)
		r = take(m, kind, json_object_is_type(params, json_type_object) ? params : named,
			by_name, fields, err);
	json_object_put(named);
	if (r < 0) {
		json_object_put(by_name);
		json_object_put(fields);
		return r;
	}
	*ret = by_name;
	*ret_fields = fields;
	return 0;
}

struct params params_of(const struct request *rq)
{
	return (struct params){rq->method->params, rq->params};
}

bool params_object(const struct params *p, const char *name, size_t i, struct params *ret)
{
	const struct rpc_param *found = param_find(p->table, 0, name);
	struct json_object *v;

	if (!json_object_object_get_ex(p->values, name, &v))
		return false;
	if (found->type == RPC_OBJECTS)
		v = json_object_array_get_idx(v, i);
	*ret = (struct params){found->of, v};
	return v != NULL;
}

bool params_has(const struct params *p, const char *name)
{
	return json_object_object_get_ex(p->values, name, NULL);
}

const char *params_string(const struct params *p, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(p->values, name, &v) ? json_object_get_string(v) : NULL;
}

uint64_t params_uint(const struct params *p, const char *name)
{
	struct json_object *v;

	if (json_object_object_get_ex(p->values, name, &v))
		return json_object_get_uint64(v);
	return param_find(p->table, 0, name)->fallback;
}

bool params_bool(const struct params *p, const char *name)
{
	struct json_object *v;

	if (json_object_object_get_ex(p->values, name, &v))
		return json_object_get_boolean(v);
	return param_find(p->table, 0, name)->fallback != 0;
}

const char *param_string(const struct request *rq, const char *name)
{
	struct params p = params_of(rq);

	return params_string(&p, name);
}

uint64_t param_uint(const struct request *rq, const char *name)
{
	struct params p = params_of(rq);

	return params_uint(&p, name);
}

bool param_bool(const struct request *rq, const char *name)
{
	struct params p = params_of(rq);

	return params_bool(&p, name);
}

static int want_string(
	struct json_object *o, const char *field, const char **ret, struct model_error *err)
{
	struct json_object *v;

	*ret = NULL;
	if (!json_object_object_get_ex(o, field, &v))
		return 0;
	if (!json_object_is_type(v, json_type_string))
		return model_fail(err, MODEL_ERR_INVALID, NULL, field, "must be a string");
	*ret = json_object_get_string(v);
	return 0;
}

/* Names of fields within a value: of a struct, or of the structs in an array. */
static int check_inner_names(const struct field *f, const char *path, struct json_object *value,
	struct model_error *err);

/* path: of what has the fields; "" is the object itself. */
static int check_field_names(const struct field *fields, const char *path, struct json_object *o,
	struct model_error *err)
{
	const char *dot = path[0] != 0 ? "." : "";
	struct weftrpc_nearest near;
	char sub[112];

	json_object_object_foreach(o, key, value)
	{
		const struct field *f = fields;

		snprintf(sub, sizeof(sub), "%s%s%s", path, dot, key);
		while (f->name != NULL && strcmp(f->name, key) != 0)
			f++;
		if (f->name != NULL && f->fields != NULL &&
			check_inner_names(f, sub, value, err) < 0)
			return -EINVAL;
		if (f->name != NULL)
			continue;
		weftrpc_nearest_init(&near, key);
		for (f = fields; f->name != NULL; f++)
			weftrpc_nearest_try(&near, f->name);
		return model_fail(err, MODEL_ERR_INVALID, NULL, sub, "there is no such field%s%s%s",
			near.best != NULL ? "; did you mean \"" : "",
			near.best != NULL ? near.best : "", near.best != NULL ? "\"?" : "");
	}
	return 0;
}

static int check_inner_names(
	const struct field *f, const char *path, struct json_object *value, struct model_error *err)
{
	char sub[112];

	if (json_object_is_type(value, json_type_object))
		return check_field_names(f->fields, path, value, err);
	if (!json_object_is_type(value, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *o = json_object_array_get_idx(value, i);

		snprintf(sub, sizeof(sub), "%.80s[%zu]", path, i);
		if (json_object_is_type(o, json_type_object) &&
			check_field_names(f->fields, sub, o, err) < 0)
			return -EINVAL;
	}
	return 0;
}

int object_check_names(
	enum model_kind kind, const char *name, struct json_object *o, struct model_error *err)
{
	int r = check_field_names(schema_fields(kind), "", o, err);

	if (r < 0)
		error_name_object(err, kind, name);
	return r;
}

void error_add_path(struct model_error *err, const char *path)
{
	char field[sizeof(err->field)];

	snprintf(field, sizeof(field), "%.31s.%.31s", path, err->field);
	memcpy(err->field, field, sizeof(field));
}

void error_name_object(struct model_error *err, enum model_kind kind, const char *name)
{
	snprintf(err->object, sizeof(err->object), "%s %.64s", model_kind_name(kind), name);
}

int param_full_name(enum model_kind kind, struct json_object *o, char *ret, size_t size,
	struct model_error *err)
{
	const char *name, *tenant;
	int n;

	if (want_string(o, "name", &name, err) < 0 || want_string(o, "tenant", &tenant, err) < 0)
		return -EINVAL;
	if (name == NULL)
		return model_fail(err, MODEL_ERR_INVALID, NULL, "name", "is missing");
	if (tenant == NULL || !model_kind_in_tenant(kind) || strchr(name, '/') != NULL)
		n = snprintf(ret, size, "%s", name);
	else
		n = snprintf(ret, size, "%s/%s", tenant, name);
	if (n >= (int)size)
		return model_fail(err, MODEL_ERR_INVALID, NULL, "name", "is too long");
	return 0;
}
