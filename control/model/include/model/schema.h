/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fields of every kind as data: the one table behind parsing, printing, help, the reference
 * page and completion.
 */
#ifndef MODEL_SCHEMA_H
#define MODEL_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include <model/object.h>

enum field_type {
	FIELD_STRING = 1,
	FIELD_NAME, /* [A-Za-z0-9][A-Za-z0-9._-]*, 31 characters at most */
	FIELD_REF,  /* name of another object (field.ref), within the tenant when that has one */
	FIELD_BOOL,
	FIELD_UINT, /* min..max or fallback, or a name in field.names; stored in size bytes */
	FIELD_MAC,
	FIELD_ADDR,	/* zero: none */
	FIELD_PREFIX,	/* PREFIX_NONE: none */
	FIELD_PORTS,	/* struct port_range: "80", 80 or "1000-2000" */
	FIELD_ENUM,	/* names in field.names, stored as uint8_t */
	FIELD_ADDRS,	/* array of addresses */
	FIELD_PREFIXES, /* array of addresses or prefixes */
	FIELD_REFS,	/* array of names of other objects (field.ref) */
	FIELD_STRUCTS,	/* array of objects with the fields of field.fields */
	/* Object with the fields of field.fields. When the first of them is required, it says by
	 * not being zero that the object is there. */
	FIELD_STRUCT,
};

struct field_enum {
	const char *name;
	uint16_t value;
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;	     /* in the kind's struct; "tenant" and "name" share the full name */
	size_t count_offset; /* arrays: of the number of elements */
	uint16_t size;	     /* FIELD_UINT: bytes of the member; of FIELD_STRUCT(S): of one */
	uint64_t min,
		max; /* FIELD_UINT: the value; FIELD_STRING: max bytes; arrays: max elements */
	uint64_t fallback; /* of FIELD_UINT, FIELD_BOOL, FIELD_ENUM when absent */
	enum model_kind ref;
	const struct field_enum *names;
	const struct field *fields; /* FIELD_STRUCT(S): ended as those of a kind */
	bool required;
	bool optional;	  /* FIELD_UINT: fallback is no number but says that there is none */
	bool shorthand;	  /* FIELD_STRUCTS: an element may be the value of its first field alone */
	bool any_tenant;  /* FIELD_REF: may name what another tenant has, by its full name */
	bool is_set;	  /* arrays: kept in order and without duplicates */
	const char *help; /* one line */
};

/* The fields of a kind, ended by one whose name is NULL. "tenant" and "name" come first where the
 * kind has them. */
const struct field *schema_fields(enum model_kind kind);
/* Size of the kind's struct. */
size_t schema_size(enum model_kind kind);
/* True for the fields "tenant" and "name", which together are the object's full name. */
bool schema_is_name(const struct field *f);
/* Size of one element of an array field, 0 for other fields. */
size_t schema_element_size(const struct field *f);
extern const struct field schema_uplink[];

/* True for arrays. */
static inline bool field_is_array(const struct field *f)
{
	return schema_element_size(f) != 0;
}

/* object.c: memory of what has these fields: an object, or a struct in one. */
void fields_free(void *base, const struct field *f);
/* Sets them to their defaults; nothing is freed. */
void fields_fill_defaults(void *base, const struct field *f);
bool fields_equal(const void *a, const void *b, const struct field *f);
/* Frees an array of n elements with all that is theirs. */
void array_free(const struct field *f, void *array, size_t n);

#endif
