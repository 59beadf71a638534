/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects to JSON, in the order of the table of fields. What it writes, json_read.c reads back to
 * an equal object.
 */
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

static struct json_object *write_subnet(const struct subnet *s)
{
	struct json_object *json;

	if (weft_addr_is_zero(&s->gateway))
		return write_prefix(&s->prefix, false);
	json = json_object_new_object();
	json_object_object_add(json, "prefix", write_prefix(&s->prefix, false));
	json_object_object_add(json, "gateway", write_addr(&s->gateway));
	return json;
}

static struct json_object *write_array(const struct field *f, const uint8_t *array, size_t n)
{
	struct json_object *json = json_object_new_array_ext((int)n);
	size_t size = schema_element_size(f);

	for (size_t i = 0; i < n; i++) {
		const void *element = array + i * size;
		struct json_object *value;

		if (f->type == FIELD_ADDRS)
			value = write_addr(element);
		else if (f->type == FIELD_PREFIXES)
			value = write_prefix(element, true);
		else
			value = write_subnet(element);
		json_object_array_add(json, value);
	}
	return json;
}

static struct json_object *write_enum(const struct field *f, uint8_t value)
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

/* References within the tenant are written without it. */
static struct json_object *write_string(const struct field *f, const char *s)
{
	const char *slash = f->type == FIELD_REF && s ? strchr(s, '/') : NULL;

	return s ? json_object_new_string(slash ? slash + 1 : s) : NULL;
}

static struct json_object *write_fields(const struct field *fields, const void *base, bool full);

static uint64_t number(const struct field *f, const void *member)
{
	uint64_t value = 0;

	memcpy(&value, member, f->type == FIELD_UINT ? f->size : 1);
	return value;
}

static struct json_object *write_field(const struct field *f, const uint8_t *base, bool full)
{
	const void *member = base + f->offset;

	if (schema_is_name(f))
		return write_name(f, (const struct object *)base);
	switch (f->type) {
	case FIELD_BOOL:
		return json_object_new_boolean(number(f, member));
	case FIELD_UINT:
		return json_object_new_int64((int64_t)number(f, member));
	case FIELD_ENUM:
		return write_enum(f, *(const uint8_t *)member);
	case FIELD_MAC:
		return write_mac(member);
	case FIELD_UPLINK:
		if (!((const struct uplink *)member)->kind)
			return NULL;
		return write_fields(schema_uplink, member, full);
	case FIELD_ADDRS:
	case FIELD_PREFIXES:
	case FIELD_SUBNETS:
		return write_array(
			f, *(void *const *)member, *(const size_t *)(base + f->count_offset));
	default:
		return write_string(f, *(char *const *)member);
	}
}

static bool is_default(const struct field *f, const uint8_t *base)
{
	if (f->required)
		return false;
	switch (f->type) {
	case FIELD_BOOL:
	case FIELD_UINT:
	case FIELD_ENUM:
		return number(f, base + f->offset) == f->fallback;
	case FIELD_ADDRS:
	case FIELD_PREFIXES:
	case FIELD_SUBNETS:
		return *(const size_t *)(base + f->count_offset) == 0;
	default:
		return false; /* written as NULL when absent */
	}
}

static struct json_object *write_fields(const struct field *fields, const void *base, bool full)
{
	struct json_object *json = json_object_new_object(), *value;

	for (const struct field *f = fields; f->name; f++) {
		if (!full && is_default(f, base))
			continue;
		value = write_field(f, base, full);
		if (value || full)
			json_object_object_add_ex(json, f->name, value,
				JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
	}
	return json;
}

struct json_object *object_to_json(const struct object *o, bool full)
{
	return write_fields(schema_fields(o->kind), o, full);
}
