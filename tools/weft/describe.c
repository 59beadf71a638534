/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Look-ups in the description of methods and kinds.
 */
#include <string.h>

#include "cli.h"
#include "describe.h"

struct json_object *describe_list(const char *list)
{
	static struct json_object *all; /* for the life of the process */

	if (all == NULL)
		all = json_tokener_parse(describe_text);
	return get_array(all, list);
}

static struct json_object *find(const char *list, const char *name)
{
	struct json_object *array = describe_list(list), *o;

	for (size_t i = 0; i < array_length(array); i++) {
		o = json_object_array_get_idx(array, i);
		if (strcmp(get_string(o, "name"), name) == 0)
			return o;
	}
	return NULL;
}

struct json_object *describe_kind(const char *name)
{
	return find("kinds", name);
}

struct json_object *describe_method(const char *name)
{
	return find("methods", name);
}

struct json_object *describe_fields(struct json_object *kind)
{
	return get_array(kind, "fields");
}

struct json_object *describe_params(struct json_object *method)
{
	return get_array(method, "params");
}

bool describe_has_field(struct json_object *specs, const char *name)
{
	for (size_t i = 0; i < array_length(specs); i++)
		if (strcmp(get_string(json_object_array_get_idx(specs, i), "name"), name) == 0)
			return true;
	return false;
}
