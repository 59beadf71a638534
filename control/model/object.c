/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of an object: made with its defaults, copied, compared and freed by the table of its fields,
 * so that a new field needs no code here. Pure; used by all of control.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <model/schema.h>

static void *member(const void *base, const struct field *f)
{
	return (uint8_t *)base + f->offset;
}

static size_t *count_of(const void *base, const struct field *f)
{
	return (size_t *)((uint8_t *)base + f->count_offset);
}

static bool is_string(const struct field *f)
{
	return f->type == FIELD_STRING || f->type == FIELD_NAME || f->type == FIELD_REF;
}

/* "tenant" and "name" are two views of one string: only "name" owns it. */
static bool is_view(const struct field *f)
{
	return schema_is_name(f) && f->type != FIELD_NAME;
}

static void set_number(void *base, const struct field *f, uint64_t value)
{
	uint16_t size = f->type == FIELD_UINT ? f->size : 1;

	memcpy(member(base, f), &value, size); /* little endian, as all that Weft runs on */
}

void fields_fill_defaults(void *base, const struct field *f)
{
	for (; f->name; f++) {
		if (f->type == FIELD_UINT || f->type == FIELD_BOOL || f->type == FIELD_ENUM)
			set_number(base, f, f->fallback);
		else if (f->type == FIELD_PREFIX)
			((struct weft_prefix *)member(base, f))->len = PREFIX_NONE;
		else if (f->type == FIELD_STRUCT)
			fields_fill_defaults(member(base, f), f->fields);
	}
}

struct object *object_new(enum model_kind kind)
{
	struct object *o = mem_zalloc(schema_size(kind));

	o->kind = kind;
	fields_fill_defaults(o, schema_fields(kind));
	return o;
}

static void *element(const struct field *f, void *array, size_t i)
{
	return (uint8_t *)array + i * schema_element_size(f);
}

/* Elements that are all of themselves: copied and compared by their bytes. */
static bool is_plain(const struct field *f)
{
	return f->type != FIELD_REFS && f->type != FIELD_STRUCTS;
}

void array_free(const struct field *f, void *array, size_t n)
{
	for (size_t i = 0; i < n && !is_plain(f); i++) {
		if (f->type == FIELD_REFS)
			free(*(char **)element(f, array, i));
		else if (f->type == FIELD_STRUCTS)
			fields_free(element(f, array, i), f->fields);
	}
	free(array);
}

void fields_free(void *base, const struct field *f)
{
	for (; f->name; f++) {
		if (f->type == FIELD_STRUCT)
			fields_free(member(base, f), f->fields);
		else if (field_is_array(f))
			array_free(f, *(void **)member(base, f), *count_of(base, f));
		else if (is_string(f) && !is_view(f))
			free(*(void **)member(base, f));
	}
}

void object_free(struct object *o)
{
	if (!o)
		return;
	fields_free(o, schema_fields(o->kind));
	free(o);
}

static void dup_fields(void *base, const struct field *f);

static void *dup_array(const struct field *f, const void *array, size_t n)
{
	void *copy = mem_dup(array, n * schema_element_size(f));

	for (size_t i = 0; i < n && !is_plain(f); i++) {
		char **p = element(f, copy, i);

		if (f->type == FIELD_REFS)
			*p = mem_strdup(*p);
		else if (f->type == FIELD_STRUCTS)
			dup_fields(p, f->fields);
	}
	return copy;
}

/* base is a copy of all bytes of another; gives it memory of its own. */
static void dup_fields(void *base, const struct field *f)
{
	for (; f->name; f++) {
		void **p = member(base, f);

		if (f->type == FIELD_STRUCT)
			dup_fields(p, f->fields);
		else if (is_string(f) && !is_view(f))
			*p = mem_strdup(*p);
		else if (field_is_array(f))
			*p = dup_array(f, *p, *count_of(base, f));
	}
}

struct object *object_dup(const struct object *o)
{
	struct object *copy = mem_dup(o, schema_size(o->kind));

	dup_fields(copy, schema_fields(o->kind));
	return copy;
}

static bool string_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool array_equal(const struct field *f, void *a, void *b, size_t n)
{
	if (is_plain(f))
		return n == 0 || memcmp(a, b, n * schema_element_size(f)) == 0;
	for (size_t i = 0; i < n; i++) {
		void *x = element(f, a, i), *y = element(f, b, i);

		if (f->type == FIELD_REFS ? !string_equal(*(char **)x, *(char **)y)
					  : !fields_equal(x, y, f->fields))
			return false;
	}
	return true;
}

static bool field_equal(const void *a, const void *b, const struct field *f)
{
	const void *x = member(a, f), *y = member(b, f);

	if (is_string(f))
		return string_equal(*(char *const *)x, *(char *const *)y);
	if (field_is_array(f))
		return *count_of(a, f) == *count_of(b, f) &&
		       array_equal(f, *(void *const *)x, *(void *const *)y, *count_of(a, f));
	switch (f->type) {
	case FIELD_STRUCT:
		return fields_equal(x, y, f->fields);
	case FIELD_MAC:
		return weft_mac_equal(x, y);
	case FIELD_ADDR:
		return weft_addr_equal(x, y);
	case FIELD_PREFIX:
		return memcmp(x, y, sizeof(struct weft_prefix)) == 0;
	case FIELD_PORTS:
		return memcmp(x, y, sizeof(struct port_range)) == 0;
	case FIELD_UINT:
		return memcmp(x, y, f->size) == 0;
	default:
		return *(const uint8_t *)x == *(const uint8_t *)y;
	}
}

bool fields_equal(const void *a, const void *b, const struct field *f)
{
	for (; f->name; f++)
		if (!field_equal(a, b, f))
			return false;
	return true;
}

bool object_equal(const struct object *a, const struct object *b)
{
	return a->kind == b->kind && fields_equal(a, b, schema_fields(a->kind));
}

bool model_kind_in_tenant(enum model_kind kind)
{
	return schema_fields(kind)->type == FIELD_REF;
}

const char *object_short_name(const struct object *o)
{
	const char *slash = strchr(o->name, '/');

	return slash ? slash + 1 : o->name;
}

char *model_name_tenant(const char *name, char buf[MODEL_NAME_MAX + 1])
{
	const char *slash = strchr(name, '/');
	size_t n = slash ? (size_t)(slash - name) : 0;

	if (n > MODEL_NAME_MAX)
		n = MODEL_NAME_MAX;
	memcpy(buf, name, n);
	buf[n] = '\0';
	return buf;
}

char *port_device(const struct port *p, char buf[WEFT_DEVICE_SIZE])
{
	char tenant[MODEL_NAME_MAX + 1];

	buf[0] = '\0';
	if (p->device)
		snprintf(buf, WEFT_DEVICE_SIZE, "%s", p->device);
	else if (p->kind == WEFT_PORT_VHOST_USER)
		snprintf(buf, WEFT_DEVICE_SIZE, PORT_SOCKET_DIR "%s+%s.sock",
			model_name_tenant(p->o.name, tenant), object_short_name(&p->o));
	return buf;
}

struct weft_mac router_mac(const struct router *r)
{
	return weft_mac_is_zero(&r->mac) ? (struct weft_mac)ROUTER_MAC : r->mac;
}

const struct subnet *segment_subnet(const struct segment *s, const struct weft_addr *addr)
{
	for (size_t i = 0; i < s->n_subnets; i++)
		if (weft_prefix_contains(&s->subnets[i].prefix, addr))
			return &s->subnets[i];
	return NULL;
}

bool is_hostname(const char *s)
{
	static const char inner[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	size_t n = strlen(s);

	return n > 0 && n < WEFT_NAME_SIZE && strspn(s, inner) == n && s[0] != '-' &&
	       s[n - 1] != '-';
}

const char *port_hostname(const struct port *p)
{
	const char *name = p->hostname ? p->hostname : object_short_name(&p->o);

	return is_hostname(name) ? name : "";
}

uint32_t group_network_id(const struct security_group *g, const struct network *n)
{
	return MODEL_PAIR_ID | g->o.id << MODEL_NETWORK_ID_BITS |
	       (n->o.id & (MODEL_TENANT_NETWORKS - 1));
}

bool segment_same_subnets(const struct segment *a, const struct segment *b)
{
	return a->n_subnets == b->n_subnets &&
	       (a->n_subnets == 0 ||
		       memcmp(a->subnets, b->subnets, a->n_subnets * sizeof(*a->subnets)) == 0);
}

struct weft_addr mac_link_local(const struct weft_mac *mac)
{
	const uint8_t *b = mac->b;

	return (struct weft_addr){
		.b = {0xfe, 0x80, [8] = b[0] ^ 2, b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5]}};
}

static const struct {
	const char *one, *many;
} kind_names[MODEL_KIND_MAX] = {
#define KIND_NAME(number, id, singular, plural, type) [number] = {singular, plural},
	MODEL_KINDS(KIND_NAME)
#undef KIND_NAME
};

const char *model_kind_name(enum model_kind kind)
{
	return kind_names[kind].one;
}

const char *model_kind_plural(enum model_kind kind)
{
	return kind_names[kind].many;
}

enum model_kind model_kind_by_name(const char *name)
{
	for (int kind = 1; kind < MODEL_KIND_MAX; kind++)
		if (strcmp(name, kind_names[kind].one) == 0 ||
			strcmp(name, kind_names[kind].many) == 0)
			return kind;
	return 0;
}
