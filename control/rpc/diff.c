/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a transaction changed, as JSON: kind, name, action, and for updates the fields with their
 * old and new values. Pure.
 */
#include <stdlib.h>

#include <ccore/mem.h>
#include <model/json.h>

#include "server.h"

struct diff {
	struct json_object *changes; /* NULL: not wanted */
};

struct diff *diff_new(bool wants_changes)
{
	struct diff *d = mem_zalloc(sizeof(*d));

	if (wants_changes)
		d->changes = json_object_new_array();
	return d;
}

void diff_free(struct diff *d)
{
	if (d == NULL)
		return;
	json_object_put(d->changes);
	free(d);
}

static void add_ref(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add(o, key, json_object_get(value));
}

/* {"mtu": {"from": 1500, "to": 9000}} */
static struct json_object *fields_changed(const struct object *before, const struct object *after)
{
	struct json_object *from = object_to_json(before, true), *to = object_to_json(after, true);
	struct json_object *fields = json_object_new_object(), *old, *pair;

	json_object_object_foreach(to, key, value)
	{
		json_object_object_get_ex(from, key, &old);
		if (json_object_equal(old, value))
			continue;
		pair = json_object_new_object();
		add_ref(pair, "from", old);
		add_ref(pair, "to", value);
		json_object_object_add(fields, key, pair);
	}
	json_object_put(from);
	json_object_put(to);
	return fields;
}

void diff_note(void *arg, const struct model_change *c)
{
	const char *action = c->before == NULL ? "create" : c->after == NULL ? "delete" : "update";
	struct diff *d = arg;
	struct json_object *o;

	if (d->changes == NULL)
		return;
	o = json_object_new_object();
	json_object_object_add(o, "kind", json_object_new_string(model_kind_name(c->kind)));
	json_object_object_add(o, "name", json_object_new_string(c->name));
	json_object_object_add(o, "action", json_object_new_string(action));
	if (c->before != NULL && c->after != NULL)
		json_object_object_add(o, "fields", fields_changed(c->before, c->after));
	json_object_array_add(d->changes, o);
}

struct json_object *diff_result(struct diff *d, const struct engine_result *res, bool dry_run)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "revision", json_object_new_uint64(res->revision));
	json_object_object_add(o, "created", json_object_new_uint64(res->n_created));
	json_object_object_add(o, "updated", json_object_new_uint64(res->n_updated));
	json_object_object_add(o, "deleted", json_object_new_uint64(res->n_deleted));
	json_object_object_add(o, "dry_run", json_object_new_boolean(dry_run));
	if (d->changes != NULL)
		add_ref(o, "changes", d->changes);
	return o;
}
