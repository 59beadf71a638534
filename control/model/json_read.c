/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects from JSON: types, ranges and forms of single fields are checked here by the table of
 * fields, and nowhere else. What depends on other fields or objects is checked by the model.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <model/json.h>
#include <model/schema.h>

/* What is being read: for names in errors, and for references within the tenant. */
struct reader {
	struct object *o;
	struct model_error *err;
	char tenant[MODEL_NAME_MAX + 1];
};

#define FAIL(r, path, ...) model_fail((r)->err, MODEL_ERR_INVALID, (r)->o, path, __VA_ARGS__)
#define FAIL_NAME(r, path)                                                                         \
	FAIL(r, path,                                                                              \
		"must be a name: a letter or digit, then letters, digits, '.', '_' or '-', at "    \
		"most %d characters",                                                              \
		MODEL_NAME_MAX)

static bool name_is_valid(const char *s)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t n = strlen(s);

	return n >= 1 && n <= MODEL_NAME_MAX && strchr(first, s[0]) &&
	       n == strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
}

/* A string without control characters, at most max bytes; *ret stays json's. */
static int read_text(
	struct reader *r, const char *path, struct json_object *json, size_t max, const char **ret)
{
	const char *s;
	size_t n;

	if (!json_object_is_type(json, json_type_string))
		return FAIL(r, path, "must be a string");
	s = json_object_get_string(json);
	n = json_object_get_string_len(json);
	if (n > max)
		return FAIL(r, path, "is longer than %zu bytes", max);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return FAIL(r, path, "must not contain control characters");
	*ret = s;
	return 0;
}

static int read_name(struct reader *r, const char *path, struct json_object *json, const char **ret)
{
	int error = read_text(r, path, json, WEFT_NAME_SIZE, ret);

	if (!error && !name_is_valid(*ret))
		return FAIL_NAME(r, path);
	return error;
}

static int read_string(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, char **member)
{
	const char *s;
	int error = read_text(r, path, json, f->max, &s);

	if (error)
		return error;
	free(*member);
	*member = s[0] ? mem_strdup(s) : NULL;
	return 0;
}

static int read_ref(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, char **member)
{
	const char *s, *slash;
	int error = read_text(r, path, json, WEFT_NAME_SIZE, &s);

	if (error)
		return error;
	/* The full name of what is in the same tenant is fine, too. */
	slash = strchr(s, '/');
	if (slash && model_kind_in_tenant(f->ref) && strlen(r->tenant) == (size_t)(slash - s) &&
		strncmp(s, r->tenant, (size_t)(slash - s)) == 0)
		s = slash + 1;
	else if (slash && model_kind_in_tenant(f->ref))
		return FAIL(r, path, "must be of the same tenant, %s", r->tenant);
	if (!name_is_valid(s))
		return FAIL_NAME(r, path);
	free(*member);
	*member = model_kind_in_tenant(f->ref) ? mem_printf("%s/%s", r->tenant, s) : mem_strdup(s);
	return 0;
}

static int read_bool(struct reader *r, const char *path, struct json_object *json, bool *member)
{
	if (!json_object_is_type(json, json_type_boolean))
		return FAIL(r, path, "must be true or false");
	*member = json_object_get_boolean(json);
	return 0;
}

static int read_uint(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, void *member)
{
	int64_t signed_value;
	uint64_t value;

	if (!json_object_is_type(json, json_type_int))
		return FAIL(r, path, "must be a whole number");
	signed_value = json_object_get_int64(json); /* clamped when it does not fit */
	value = (uint64_t)signed_value;
	if (signed_value < 0 ||
		((value < f->min || value > f->max) && (f->required || value != f->fallback)))
		return FAIL(r, path, "must be from %" PRIu64 " to %" PRIu64 "%s", f->min, f->max,
			!f->required && f->fallback < f->min ? ", or 0" : "");
	memcpy(member, &value, f->size); /* little endian, as all that Weft runs on */
	return 0;
}

static int read_mac(
	struct reader *r, const char *path, struct json_object *json, struct weft_mac *member)
{
	const char *s;
	int error = read_text(r, path, json, WEFT_MAC_STR_SIZE, &s);

	if (error)
		return error;
	if (weft_mac_parse(s, member) < 0)
		return FAIL(r, path, "must be a MAC such as 02:00:00:00:00:01");
	return 0;
}

static int read_enum(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, uint8_t *member)
{
	char all[160] = "";
	const char *s;
	int error = read_text(r, path, json, WEFT_NAME_SIZE, &s);

	if (error)
		return error;
	for (const struct field_enum *e = f->names; e->name; e++) {
		if (strcmp(e->name, s) == 0) {
			*member = e->value;
			return 0;
		}
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", all[0] ? ", " : "",
			e->name);
	}
	return FAIL(r, path, "must be one of %s", all);
}

static int read_addr(
	struct reader *r, const char *path, struct json_object *json, struct weft_addr *ret)
{
	const char *s;
	int error = read_text(r, path, json, WEFT_ADDR_STR_SIZE, &s);

	if (error)
		return error;
	if (weft_addr_parse(s, ret) < 0)
		return FAIL(r, path, "must be an IPv4 or IPv6 address");
	return 0;
}

/* single: an address without a length is taken too. */
static int read_prefix(struct reader *r, const char *path, struct json_object *json, bool single,
	struct weft_prefix *ret)
{
	const char *s;
	int error = read_text(r, path, json, WEFT_PREFIX_STR_SIZE, &s);

	if (error)
		return error;
	if (single && !strchr(s, '/')) {
		ret->len = 128;
		return read_addr(r, path, json, &ret->addr);
	}
	if (!strchr(s, '/') || weft_prefix_parse(s, false, ret) < 0)
		return FAIL(r, path, "must be %sa prefix without host bits, such as 10.0.0.0/24",
			single ? "an address or " : "");
	return 0;
}

static int read_subnet(
	struct reader *r, const char *path, struct json_object *json, struct subnet *ret)
{
	struct json_object *prefix = NULL, *gateway = NULL;
	char sub[112];
	int error;

	if (!json_object_is_type(json, json_type_object))
		return read_prefix(r, path, json, false, &ret->prefix);
	json_object_object_foreach(json, key, value)
	{
		if (strcmp(key, "prefix") == 0)
			prefix = value;
		else if (strcmp(key, "gateway") == 0)
			gateway = value;
		else
			return FAIL(r, path, "has no field \"%.32s\"", key);
	}
	snprintf(sub, sizeof(sub), "%s.prefix", path);
	error = read_prefix(r, sub, prefix, false, &ret->prefix);
	if (error || !gateway)
		return error;
	snprintf(sub, sizeof(sub), "%s.gateway", path);
	return read_addr(r, sub, gateway, &ret->gateway);
}

static int read_element(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, void *element)
{
	if (f->type == FIELD_ADDRS)
		return read_addr(r, path, json, element);
	if (f->type == FIELD_PREFIXES)
		return read_prefix(r, path, json, true, element);
	return read_subnet(r, path, json, element);
}

static int read_array(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, void **member, size_t *count)
{
	size_t n, size = schema_element_size(f);
	char sub[96];
	void *array;

	if (!json_object_is_type(json, json_type_array))
		return FAIL(r, path, "must be an array");
	n = json_object_array_length(json);
	if (n > f->max)
		return FAIL(r, path, "has more than %" PRIu64 " elements", f->max);
	array = n ? mem_zalloc(n * size) : NULL;
	for (size_t i = 0; i < n; i++) {
		snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
		if (read_element(r, sub, f, json_object_array_get_idx(json, i),
			    (uint8_t *)array + i * size) < 0) {
			free(array);
			return -EINVAL;
		}
	}
	free(*member);
	*member = array;
	*count = n;
	return 0;
}

/* What the field is when nobody says anything. */
static void reset_field(const struct field *f, uint8_t *base)
{
	void *member = base + f->offset;
	const uint8_t bytes = f->type == FIELD_UINT ? f->size : 1;

	switch (f->type) {
	case FIELD_STRING:
	case FIELD_REF:
		free(*(char **)member);
		*(char **)member = NULL;
		break;
	case FIELD_BOOL:
	case FIELD_UINT:
	case FIELD_ENUM:
		memcpy(member, &f->fallback, bytes);
		break;
	case FIELD_MAC:
		memset(member, 0, sizeof(struct weft_mac));
		break;
	case FIELD_ADDRS:
	case FIELD_PREFIXES:
	case FIELD_SUBNETS:
		free(*(void **)member);
		*(void **)member = NULL;
		*(size_t *)(base + f->count_offset) = 0;
		break;
	case FIELD_UPLINK:
		free(((struct uplink *)member)->device);
		memset(member, 0, sizeof(struct uplink));
		break;
	case FIELD_NAME:
		break;
	}
}

static int read_fields(struct reader *r, const char *prefix, const struct field *fields,
	struct json_object *json, void *base, bool update);

/* In an update of a host that has an uplink, what is not given stays, as with the host's fields;
 * but a kind begins a new one, as the fields of one kind may be wrong for another. */
static int read_uplink(struct reader *r, const struct field *f, struct json_object *json,
	struct uplink *u, bool update)
{
	if (update && u->kind != 0 && !json_object_object_get_ex(json, "kind", NULL))
		return read_fields(r, "uplink.", schema_uplink, json, u, true);
	reset_field(f, (uint8_t *)u - f->offset);
	for (const struct field *sub = schema_uplink; sub->name; sub++)
		reset_field(sub, (uint8_t *)u);
	return read_fields(r, "uplink.", schema_uplink, json, u, false);
}

static int read_field(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, uint8_t *base, bool update)
{
	void *member = base + f->offset;

	switch (f->type) {
	case FIELD_STRING:
		return read_string(r, path, f, json, member);
	case FIELD_REF:
		return read_ref(r, path, f, json, member);
	case FIELD_BOOL:
		return read_bool(r, path, json, member);
	case FIELD_UINT:
		return read_uint(r, path, f, json, member);
	case FIELD_MAC:
		return read_mac(r, path, json, member);
	case FIELD_ENUM:
		return read_enum(r, path, f, json, member);
	case FIELD_UPLINK:
		return read_uplink(r, f, json, member, update);
	case FIELD_ADDRS:
	case FIELD_PREFIXES:
	case FIELD_SUBNETS:
		return read_array(r, path, f, json, member, (size_t *)(base + f->count_offset));
	case FIELD_NAME:
		break;
	}
	return 0;
}

static const struct field *find_field(const struct field *f, const char *name)
{
	for (; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static int read_fields(struct reader *r, const char *prefix, const struct field *fields,
	struct json_object *json, void *base, bool update)
{
	char buf[64];

	if (!json_object_is_type(json, json_type_object))
		return FAIL(r, prefix[0] ? "uplink" : NULL, "must be an object");
	json_object_object_foreach(json, key, unused)
	{
		(void)unused;
		if (!find_field(fields, key))
			return FAIL(r, NULL, "has no field \"%s%.32s\"", prefix, key);
	}
	for (const struct field *f = fields; f->name; f++) {
		struct json_object *value = NULL;
		bool given = json_object_object_get_ex(json, f->name, &value);
		const char *path = f->name;

		if (prefix[0]) {
			snprintf(buf, sizeof(buf), "%s%s", prefix, f->name);
			path = buf;
		}
		if (schema_is_name(f) || (!given && update))
			continue;
		if (!value && f->required)
			return FAIL(r, path, "is required");
		if (!value)
			reset_field(f, base);
		else if (read_field(r, path, f, value, base, update) < 0)
			return -EINVAL;
	}
	return 0;
}

static int read_full_name(struct reader *r, struct json_object *json, const struct object *base)
{
	bool in_tenant = model_kind_in_tenant(r->o->kind);
	struct json_object *tenant_json, *name_json;
	const char *tenant = NULL, *name = NULL;

	if (json_object_object_get_ex(json, "tenant", &tenant_json) && in_tenant) {
		if (read_name(r, "tenant", tenant_json, &tenant) < 0)
			return -EINVAL;
	} else if (base) {
		tenant = model_name_tenant(base->name, r->tenant);
	}
	if (json_object_object_get_ex(json, "name", &name_json)) {
		if (read_name(r, "name", name_json, &name) < 0)
			return -EINVAL;
	} else if (base) {
		name = object_short_name(base);
	}
	if (!name)
		return FAIL(r, "name", "is required");
	if (in_tenant && !tenant)
		return FAIL(r, "tenant", "is required");
	if (in_tenant && tenant != r->tenant)
		snprintf(r->tenant, sizeof(r->tenant), "%s", tenant);
	free(r->o->name);
	r->o->name = in_tenant ? mem_printf("%s/%s", r->tenant, name) : mem_strdup(name);
	if (base && strcmp(base->name, r->o->name) != 0)
		return FAIL(r, "name", "cannot be changed; delete and create instead");
	return 0;
}

int object_from_json(enum model_kind kind, struct json_object *json, const struct object *base,
	struct object **ret, struct model_error *err)
{
	struct reader r = {.o = base ? object_dup(base) : object_new(kind), .err = err};
	int error = -EINVAL;

	if (!json_object_is_type(json, json_type_object)) {
		FAIL(&r, NULL, "must be an object");
		goto fail;
	}
	if (read_full_name(&r, json, base) < 0)
		goto fail;
	error = read_fields(&r, "", schema_fields(kind), json, r.o, base != NULL);
	if (error)
		goto fail;
	*ret = r.o;
	return 0;
fail:
	object_free(r.o);
	return error;
}
