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
	FIELD_UINT, /* min..max or fallback, stored in size bytes */
	FIELD_MAC,
	FIELD_ADDRS,	/* array of addresses */
	FIELD_PREFIXES, /* array of addresses or prefixes */
	FIELD_SUBNETS,	/* array of prefixes, or of {"prefix":..., "gateway":...} */
	FIELD_ENUM,	/* names in field.names, stored as uint8_t */
	FIELD_UPLINK,	/* object with the fields of schema_uplink */
};

struct field_enum {
	const char *name;
	uint8_t value;
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;	     /* in the kind's struct; "tenant" and "name" share the full name */
	size_t count_offset; /* arrays: of the number of elements */
	uint8_t size;	     /* FIELD_UINT: bytes of the member */
	uint64_t min,
		max; /* FIELD_UINT: the value; FIELD_STRING: max bytes; arrays: max elements */
	uint64_t fallback; /* of FIELD_UINT, FIELD_BOOL, FIELD_ENUM when absent */
	enum model_kind ref;
	const struct field_enum *names;
	bool required;
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

#endif
