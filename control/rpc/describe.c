/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc.describe: the tables of methods, kinds, errors and drop reasons as JSON. Pure.
 */
#include <stdio.h>

#include <model/schema.h>
#include <rpc/method.h>
#include <weftrpc/codes.h>

static const char *type_name(enum rpc_type type)
{
	static const char *const names[] = {
		[RPC_BOOL] = "bool",
		[RPC_UINT] = "uint",
		[RPC_STRING] = "string",
		[RPC_STRINGS] = "strings",
		[RPC_OBJECT] = "object",
		[RPC_OBJECTS] = "objects",
	};

	return names[type];
}

static const char *field_type_name(enum field_type type)
{
	static const char *const names[] = {
		[FIELD_STRING] = "string",
		[FIELD_NAME] = "name",
		[FIELD_REF] = "reference",
		[FIELD_BOOL] = "bool",
		[FIELD_UINT] = "uint",
		[FIELD_MAC] = "mac",
		[FIELD_ADDR] = "address",
		[FIELD_PREFIX] = "prefix",
		[FIELD_PORTS] = "ports",
		[FIELD_ENUM] = "enum",
		[FIELD_ADDRS] = "addresses",
		[FIELD_PREFIXES] = "prefixes",
		[FIELD_REFS] = "references",
		[FIELD_STRUCTS] = "objects",
		[FIELD_STRUCT] = "object",
	};

	return names[type];
}

static void add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void add_range(struct json_object *o, uint64_t min, uint64_t max)
{
	if (min != 0)
		json_object_object_add(o, "min", json_object_new_uint64(min));
	if (max != 0)
		json_object_object_add(o, "max", json_object_new_uint64(max));
}

static struct json_object *describe_params(const struct rpc_param *p, enum model_kind kind);

static struct json_object *describe_param(const struct rpc_param *p)
{
	struct json_object *o = json_object_new_object();

	add_string(o, "name", p->name);
	add_string(o, "type", type_name(p->type));
	json_object_object_add(o, "required", json_object_new_boolean(p->required));
	add_range(o, p->min, p->max);
	if (p->type == RPC_BOOL)
		json_object_object_add(o, "default", json_object_new_boolean(p->fallback != 0));
	else if (p->type == RPC_UINT)
		json_object_object_add(o, "default", json_object_new_uint64(p->fallback));
	add_string(o, "help", p->help);
	if (p->of != NULL)
		json_object_object_add(o, "fields", describe_params(p->of, 0));
	return o;
}

static struct json_object *describe_params(const struct rpc_param *p, enum model_kind kind)
{
	struct json_object *a = json_object_new_array();

	for (; p->name != NULL; p++)
		if (kind == 0 || rpc_param_fits_kind(p, kind))
			json_object_array_add(a, describe_param(p));
	return a;
}

static struct json_object *describe_method(const struct rpc_method *m, enum model_kind kind)
{
	struct json_object *o = json_object_new_object();
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", kind == 0 ? "" : model_kind_name(kind),
		kind == 0 ? "" : ".", m->name);
	add_string(o, "name", name);
	add_string(o, "access", m->access == RPC_WRITE ? "write" : "read");
	if (kind != 0)
		add_string(o, "kind", model_kind_name(kind));
	json_object_object_add(o, "takes_fields", json_object_new_boolean(m->takes_fields));
	json_object_object_add(o, "params", describe_params(m->params, kind));
	add_string(o, "help", m->help);
	add_string(o, "result", m->result);
	return o;
}

static struct json_object *describe_methods(void)
{
	struct json_object *a = json_object_new_array();

	for (int kind = 1; kind < MODEL_KIND_MAX; kind++)
		for (int id = 1; id < RPC_ID_MAX; id++)
			if (rpc_methods[id].of_kind)
				json_object_array_add(a, describe_method(&rpc_methods[id], kind));
	for (int id = 1; id < RPC_ID_MAX; id++)
		if (!rpc_methods[id].of_kind)
			json_object_array_add(a, describe_method(&rpc_methods[id], 0));
	return a;
}

static struct json_object *describe_fields(const struct field *fields);

static void add_default(struct json_object *o, const struct field *f)
{
	if (f->required || f->optional)
		return;
	if (f->type == FIELD_BOOL)
		json_object_object_add(o, "default", json_object_new_boolean(f->fallback != 0));
	else if (f->type == FIELD_UINT && f->names == NULL)
		json_object_object_add(o, "default", json_object_new_uint64(f->fallback));
	for (const struct field_enum *n = f->names; n != NULL && n->name != NULL; n++)
		if (n->value == f->fallback)
			add_string(o, "default", n->name);
}

static struct json_object *describe_field(const struct field *f)
{
	struct json_object *o = json_object_new_object(), *names;

	add_string(o, "name", f->name);
	add_string(o, "type", field_type_name(f->type));
	json_object_object_add(o, "required", json_object_new_boolean(f->required));
	add_default(o, f);
	if (f->type == FIELD_UINT)
		add_range(o, f->min, f->max);
	if (f->type == FIELD_REF || f->type == FIELD_REFS)
		add_string(o, "ref", model_kind_name(f->ref));
	if (f->names != NULL) {
		names = json_object_new_array();
		for (const struct field_enum *n = f->names; n->name != NULL; n++)
			json_object_array_add(names, json_object_new_string(n->name));
		json_object_object_add(o, "values", names);
	}
	if (field_is_array(f))
		json_object_object_add(o, "max_elements", json_object_new_uint64(f->max));
	if (f->shorthand)
		json_object_object_add(o, "shorthand", json_object_new_boolean(true));
	if (f->fields != NULL)
		json_object_object_add(o, "fields", describe_fields(f->fields));
	add_string(o, "help", f->help != NULL ? f->help : "");
	return o;
}

static struct json_object *describe_fields(const struct field *fields)
{
	struct json_object *a = json_object_new_array();

	for (const struct field *f = fields; f->name != NULL; f++)
		json_object_array_add(a, describe_field(f));
	return a;
}

static struct json_object *describe_kinds(void)
{
	struct json_object *a = json_object_new_array();

	for (int kind = 1; kind < MODEL_KIND_MAX; kind++) {
		struct json_object *o = json_object_new_object();

		add_string(o, "name", model_kind_name(kind));
		add_string(o, "plural", model_kind_plural(kind));
		json_object_object_add(o, "fields", describe_fields(schema_fields(kind)));
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *describe_errors(void)
{
	struct json_object *a = json_object_new_array(), *o;

#define DESCRIBE_ERROR(code, id, name, text)                                                       \
	o = json_object_new_object();                                                              \
	json_object_object_add(o, "code", json_object_new_int(code));                              \
	add_string(o, "name", name);                                                               \
	add_string(o, "help", text);                                                               \
	json_object_array_add(a, o);
	WEFTRPC_CODES(DESCRIBE_ERROR)
#undef DESCRIBE_ERROR
	return a;
}

struct json_object *rpc_describe(void)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "methods", describe_methods());
	json_object_object_add(o, "kinds", describe_kinds());
	json_object_object_add(o, "errors", describe_errors());
	return o;
}
