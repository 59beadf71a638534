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

/* The full name of what an object without a tenant refers to: TENANT/NAME when that has one. */
static int read_full_ref(
	struct reader *r, const char *path, const struct field *f, const char *s, char **ret)
{
	char tenant[MODEL_NAME_MAX + 1];
	const char *slash = strchr(s, '/');

	if (!slash && model_kind_in_tenant(f->ref))
		return FAIL(r, path, "must be TENANT/NAME of a %s", model_kind_name(f->ref));
	if (slash && (!name_is_valid(model_name_tenant(s, tenant)) ||
			     strlen(tenant) != (size_t)(slash - s)))
		return FAIL_NAME(r, path);
	if (!name_is_valid(slash && model_kind_in_tenant(f->ref) ? slash + 1 : s))
		return FAIL_NAME(r, path);
	*ret = mem_strdup(s);
	return 0;
}

/* *ret is a new string. */
static int read_ref_name(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, char **ret)
{
	const char *s, *slash;
	int error = read_text(r, path, json, WEFT_NAME_SIZE, &s);

	if (error)
		return error;
	if (!r->tenant[0] || !model_kind_in_tenant(f->ref))
		return read_full_ref(r, path, f, s, ret);
	/* The full name of what is in the same tenant is fine, too. */
	slash = strchr(s, '/');
	if (slash && f->any_tenant)
		return read_full_ref(r, path, f, s, ret);
	if (slash && strlen(r->tenant) == (size_t)(slash - s) &&
		strncmp(s, r->tenant, (size_t)(slash - s)) == 0)
		s = slash + 1;
	else if (slash)
		return FAIL(r, path, "must be of the same tenant, %s", r->tenant);
	if (!name_is_valid(s))
		return FAIL_NAME(r, path);
	*ret = mem_printf("%s/%s", r->tenant, s);
	return 0;
}

static int read_ref(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, char **member)
{
	char *name;
	int error = read_ref_name(r, path, f, json, &name);

	if (error)
		return error;
	free(*member);
	*member = name;
	return 0;
}

static int read_bool(struct reader *r, const char *path, struct json_object *json, bool *member)
{
	if (!json_object_is_type(json, json_type_boolean))
		return FAIL(r, path, "must be true or false");
	*member = json_object_get_boolean(json);
	return 0;
}

/* The value of a name, or -1 after adding all names to a sentence. */
static int find_name(const struct field *f, const char *s, char *all, size_t size)
{
	for (const struct field_enum *e = f->names; e->name; e++) {
		if (strcmp(e->name, s) == 0)
			return e->value;
		snprintf(
			all + strlen(all), size - strlen(all), "%s%s", all[0] ? ", " : "", e->name);
	}
	return -1;
}

static int read_named_uint(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, void *member)
{
	char all[160] = "";
	const char *s;
	int error = read_text(r, path, json, WEFT_NAME_SIZE, &s);
	int64_t value;

	if (error)
		return error;
	value = find_name(f, s, all, sizeof(all));
	if (value < 0)
		return FAIL(r, path, "must be one of %s, or a number from %" PRIu64 " to %" PRIu64,
			all, f->min, f->max);
	memcpy(member, &value, f->size); /* little endian, as all that Weft runs on */
	return 0;
}

static int read_uint(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, void *member)
{
	bool or_fallback = !f->required && !f->optional && !f->names;
	int64_t signed_value;
	uint64_t value;

	if (f->names && json_object_is_type(json, json_type_string))
		return read_named_uint(r, path, f, json, member);
	if (!json_object_is_type(json, json_type_int))
		return FAIL(r, path, "must be a whole number");
	signed_value = json_object_get_int64(json); /* clamped when it does not fit */
	value = (uint64_t)signed_value;
	if (signed_value < 0 ||
		((value < f->min || value > f->max) && (!or_fallback || value != f->fallback)))
		return FAIL(r, path, "must be from %" PRIu64 " to %" PRIu64 "%s", f->min, f->max,
			or_fallback && f->fallback < f->min ? ", or 0" : "");
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
	int error = read_text(r, path, json, WEFT_NAME_SIZE, &s), value;

	if (error)
		return error;
	value = find_name(f, s, all, sizeof(all));
	if (value < 0)
		return FAIL(r, path, "must be one of %s", all);
	*member = (uint8_t)value;
	return 0;
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

/* A port number at *s, which moves on; 0 when it is none. */
static uint16_t read_port(const char **s)
{
	uint32_t n = 0;
	size_t digits = strspn(*s, "0123456789");

	if (digits == 0 || digits > 5 || (*s)[0] == '0')
		return 0;
	for (; digits > 0; digits--)
		n = n * 10 + (uint32_t)(*(*s)++ - '0');
	return n <= UINT16_MAX ? (uint16_t)n : 0;
}

static int read_ports(
	struct reader *r, const char *path, struct json_object *json, struct port_range *ret)
{
	struct port_range range = {0};
	const char *s;

	/* YAML makes a number of a single one. */
	if (!json_object_is_type(json, json_type_int) &&
		!json_object_is_type(json, json_type_string))
		return FAIL(r, path, "must be a port or a range of ports such as \"1000-2000\"");
	s = json_object_get_string(json);
	range.min = range.max = read_port(&s);
	if (*s == '-') {
		s++;
		range.max = read_port(&s);
	}
	if (*s || !range.min || range.max < range.min)
		return FAIL(r, path,
			"must be a port from 1 to 65535, or a range of ports such as "
			"\"1000-2000\"");
	*ret = range;
	return 0;
}

static int read_fields(struct reader *r, const char *path, const struct field *fields,
	struct json_object *json, void *base, bool update);

static int read_field(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, uint8_t *base, bool update);

static int read_struct_element(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, void *element)
{
	fields_fill_defaults(element, f->fields);
	if (f->shorthand && !json_object_is_type(json, json_type_object))
		return read_field(r, path, f->fields, json, element, false);
	return read_fields(r, path, f->fields, json, element, false);
}

static int read_element(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, void *element)
{
	switch (f->type) {
	case FIELD_ADDRS:
		return read_addr(r, path, json, element);
	case FIELD_REFS:
		return read_ref(r, path, f, json, element);
	case FIELD_STRUCTS:
		return read_struct_element(r, path, f, json, element);
	default:
		return read_prefix(r, path, json, true, element);
	}
}

static int compare_prefixes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weft_prefix));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Puts a set in order; returns how many are left without duplicates. */
static size_t order_set(const struct field *f, uint8_t *array, size_t n)
{
	int (*compare)(const void *, const void *) =
		f->type == FIELD_REFS ? compare_names : compare_prefixes;
	size_t size = schema_element_size(f), kept = 0;

	if (n == 0)
		return 0;
	qsort(array, n, size, compare);
	for (size_t i = 1; i < n; i++) {
		if (compare(array + kept * size, array + i * size) != 0)
			memcpy(array + ++kept * size, array + i * size, size);
		else if (f->type == FIELD_REFS)
			free(*(char **)(array + i * size));
	}
	return kept + 1;
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
			array_free(f, array, n);
			return -EINVAL;
		}
	}
	array_free(f, *member, *count);
	*member = array;
	*count = f->is_set ? order_set(f, array, n) : n;
	return 0;
}

/* What the field is when nobody says anything. */
static void reset_field(const struct field *f, uint8_t *base)
{
	const struct field only[2] = {*f, {.name = NULL}};
	void *member = base + f->offset;

	if (schema_is_name(f))
		return;
	fields_free(base, only);
	switch (f->type) {
	case FIELD_STRING:
	case FIELD_REF:
		*(char **)member = NULL;
		break;
	case FIELD_MAC:
		memset(member, 0, sizeof(struct weft_mac));
		break;
	case FIELD_ADDR:
		memset(member, 0, sizeof(struct weft_addr));
		break;
	case FIELD_PREFIX:
		memset(member, 0, sizeof(struct weft_prefix));
		break;
	case FIELD_PORTS:
		memset(member, 0, sizeof(struct port_range));
		break;
	case FIELD_STRUCT:
		memset(member, 0, f->size);
		break;
	default:
		if (!field_is_array(f))
			break;
		*(void **)member = NULL;
		*(size_t *)(base + f->count_offset) = 0;
	}
	fields_fill_defaults(base, only);
}

/* In an update what is not given of a struct stays, as with the object's own fields; but when its
 * first field is required, giving that begins a new one: a host's uplink of another kind may have
 * other fields. */
static int read_struct(struct reader *r, const char *path, const struct field *f,
	struct json_object *json, uint8_t *base, bool update)
{
	uint8_t *member = base + f->offset;
	const struct field *first = f->fields;
	bool begins =
		first->required &&
		(member[first->offset] == 0 || json_object_object_get_ex(json, first->name, NULL));

	if (update && !begins)
		return read_fields(r, path, f->fields, json, member, true);
	reset_field(f, base);
	return read_fields(r, path, f->fields, json, member, false);
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
	case FIELD_ADDR:
		return read_addr(r, path, json, member);
	case FIELD_PREFIX:
		return read_prefix(r, path, json, false, member);
	case FIELD_PORTS:
		return read_ports(r, path, json, member);
	case FIELD_ENUM:
		return read_enum(r, path, f, json, member);
	case FIELD_STRUCT:
		return read_struct(r, path, f, json, base, update);
	case FIELD_ADDRS:
	case FIELD_PREFIXES:
	case FIELD_REFS:
	case FIELD_STRUCTS:
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

/* path: of what has the fields; "" is the object itself. */
static int read_fields(struct reader *r, const char *path, const struct field *fields,
	struct json_object *json, void *base, bool update)
{
	const char *dot = path[0] ? "." : "";
	char sub[112];

	if (!json_object_is_type(json, json_type_object))
		return FAIL(r, path, "must be an object");
	json_object_object_foreach(json, key, unused)
	{
		(void)unused;
		if (!find_field(fields, key))
			return FAIL(r, path, "has no field \"%.32s\"", key);
	}
	for (const struct field *f = fields; f->name; f++) {
		struct json_object *value = NULL;
		bool given = json_object_object_get_ex(json, f->name, &value);

		if (schema_is_name(f) || (!given && update))
			continue;
		snprintf(sub, sizeof(sub), "%s%s%s", path, dot, f->name);
		if (!value && f->required)
			return FAIL(r, sub, "is required");
		if (!value)
			reset_field(f, base);
		else if (read_field(r, sub, f, value, base, update) < 0)
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
