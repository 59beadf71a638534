/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects to JSON, in the order of the table of fields. What it writes, json_read.c reads back to
 * an equal object.
 */
#include <stdio.h>
#include <string.h>

#include <model/json.h>
#include <model/schema.h>

static struct json_object *write_addr(const struct weft_addr *a)
{
	char text[WEFT_ADDR_STR_SIZE];

	return json_object_new_string(weft_addr_format(a, text));
}

static struct json_object *write_prefix(const struct weft_prefix *p, bool single)
{
	char text[WEFT_PREFIX_STR_SIZE];

	if (single && p->len == 128)
		return write_addr(&p->addr);
	return json_object_new_string(weft_prefix_format(p, text));
}

static struct json_object *write_ports(const struct port_range *p)
{
	char text[16];

	if (!p->min)
		return NULL;
	snprintf(text, sizeof(text), p->min == p->max ? "%u" : "%u-%u", p->min, p->max);
	return json_object_new_string(text);
}

/* What is being written. */
struct writer {
	bool in_tenant; /* the object is: references within the tenant are written without it */
	bool full;
};

static struct json_object *write_ref(const struct writer *w, const char *s)
{
	const char *slash = w->in_tenant ? strchr(s, '/') : NULL;

	return json_object_new_string(slash ? slash + 1 : s);
}

static struct json_object *write_element(
	const struct writer *w, const struct field *f, const void *element);

static struct json_object *write_array(
	const struct writer *w, const struct field *f, const uint8_t *array, size_t n)
{
	struct json_object *json = json_object_new_array_ext((int)n);
	size_t size = schema_element_size(f);

	for (size_t i = 0; i < n; i++)
		json_object_array_add(json, write_element(w, f, array + i * size));
	return json;
}

static struct json_object *write_name_of(const struct field *f, uint64_t value)
{
	for (const struct field_enum *e = f->names; e->name; e++)
		if (e->value == value)
			return json_object_new_string(e->name);
	return NULL;
}

static struct json_object *write_mac(const struct weft_mac *mac)
{
	char text[WEFT_MAC_STR_SIZE];

	return weft_mac_is_zero(mac) ? NULL : json_object_new_string(weft_mac_format(mac, text));
}

static struct json_object *write_name(const struct field *f, const struct object *o)
{
	char tenant[MODEL_NAME_MAX + 1];

	return json_object_new_string(
		f->type == FIELD_NAME ? object_short_name(o) : model_name_tenant(o->name, tenant));
}

static uint64_t number(const struct field *f, const void *member)
{
	uint64_t value = 0;

	memcpy(&value, member, f->type == FIELD_UINT ? f->size : 1);
	return value;
}

static struct json_object *write_uint(const struct field *f, uint64_t value)
{
	struct json_object *name = f->names ? write_name_of(f, value) : NULL;

	if (name || (f->optional && value == f->fallback))
		return name;
	return json_object_new_int64((int64_t)value);
}

static struct json_object *write_fields(
	const struct writer *w, const struct field *fields, const void *base);

static struct json_object *write_struct(
	const struct writer *w, const struct field *f, const uint8_t *member)
{
	if (f->fields->required && !member[f->fields->offset])
		return NULL;
	return write_fields(w, f->fields, member);
}

/* NULL: there is none. */
static struct json_object *write_field(
	const struct writer *w, const struct field *f, const uint8_t *base)
{
	const void *member = base + f->offset;
	const struct weft_prefix *prefix = member;
	const char *string;

	if (schema_is_name(f))
		return write_name(f, (const struct object *)base);
	if (field_is_array(f))
		return write_array(
			w, f, *(void *const *)member, *(const size_t *)(base + f->count_offset));
	switch (f->type) {
	case FIELD_BOOL:
		return json_object_new_boolean(number(f, member));
	case FIELD_UINT:
		return write_uint(f, number(f, member));
	case FIELD_ENUM:
		return write_name_of(f, number(f, member));
	case FIELD_MAC:
		return write_mac(member);
	case FIELD_ADDR:
		return weft_addr_is_zero(member) ? NULL : write_addr(member);
	case FIELD_PREFIX:
		return prefix->len == PREFIX_NONE ? NULL : write_prefix(prefix, false);
	case FIELD_PORTS:
		return write_ports(member);
	case FIELD_STRUCT:
		return write_struct(w, f, member);
	default:
		string = *(char *const *)member;
		if (string && f->type == FIELD_REF && !f->any_tenant)
			return write_ref(w, string);
		return string ? json_object_new_string(string) : NULL;
	}
}

static bool is_default(const struct field *f, const uint8_t *base)
{
	if (f->required)
		return false;
	if (field_is_array(f))
		return *(const size_t *)(base + f->count_offset) == 0;
	switch (f->type) {
	case FIELD_BOOL:
	case FIELD_UINT:
	case FIELD_ENUM:
		return number(f, base + f->offset) == f->fallback;
	default:
		return false; /* written as NULL when absent */
	}
}

/* Only what is not a default, unless w->full. */
static struct json_object *write_fields(
	const struct writer *w, const struct field *fields, const void *base)
{
	struct json_object *json = json_object_new_object(), *value;

	for (const struct field *f = fields; f->name; f++) {
		if (!w->full && is_default(f, base))
			continue;
		value = write_field(w, f, base);
		if (!w->full && f->type == FIELD_STRUCT && value &&
			json_object_object_length(value) == 0) {
			json_object_put(value);
			continue;
		}
		if (value || w->full)
			json_object_object_add_ex(json, f->name, value,
				JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
	}
	return json;
}

/* An object, or its first field alone when that says it all. */
static struct json_object *write_struct_element(
	const struct writer *w, const struct field *f, const void *element)
{
	const struct writer brief = {.in_tenant = w->in_tenant};
	struct json_object *json;

	if (!f->shorthand)
		return write_fields(w, f->fields, element);
	json = write_fields(&brief, f->fields, element);
	if (json_object_object_length(json) > 1) {
		json_object_put(json);
		return write_fields(w, f->fields, element);
	}
	json_object_put(json);
	return write_field(w, f->fields, element);
}

static struct json_object *write_element(
	const struct writer *w, const struct field *f, const void *element)
{
	switch (f->type) {
	case FIELD_ADDRS:
		return write_addr(element);
	case FIELD_REFS:
		return write_ref(w, *(char *const *)element);
	case FIELD_STRUCTS:
		return write_struct_element(w, f, element);
	default:
		return write_prefix(element, true);
	}
}

struct json_object *object_to_json(const struct object *o, bool full)
{
	const struct writer w = {.in_tenant = model_kind_in_tenant(o->kind), .full = full};

	return write_fields(&w, schema_fields(o->kind), o);
}
