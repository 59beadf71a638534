/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects to and from JSON, driven by one table of fields per kind (model/schema.h), which also
 * makes the help, the reference page and the shell completion. Pure: no I/O.
 */
#ifndef MODEL_JSON_H
#define MODEL_JSON_H

#include <json-c/json.h>

#include <model/error.h>
#include <model/object.h>

/* Builds an object from JSON such as {"tenant":"red","name":"web1","segment":"lan",...}. Unknown
 * fields, wrong types and bad values are refused with the field's name. When base is not NULL the
 * fields that are absent are taken from it (update), else their defaults. Returns 0 or -EINVAL. */
int object_from_json(enum model_kind kind, struct json_object *json, const struct object *base,
	struct object **ret, struct model_error *err);
/* Fields in schema order; those equal to their default are left out unless full. Caller puts it. */
struct json_object *object_to_json(const struct object *o, bool full);

#endif
