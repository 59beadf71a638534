/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values to text, and the members of answers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

void print_json(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
}

const char *get_string(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v) ||
		v == NULL)
		return "";
	return json_object_get_string(v);
}

uint64_t get_uint(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_uint64(v) : 0;
}

bool get_bool(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_get_boolean(v);
}

struct json_object *get_array(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v) ||
		!json_object_is_type(v, json_type_array))
		return NULL;
	return v;
}

size_t array_length(struct json_object *a)
{
	return a == NULL ? 0 : json_object_array_length(a);
}

/* null, false and 0 of a field's fields would hide the others. */
static bool says_nothing(struct json_object *v)
{
	return v == NULL ||
	       (json_object_is_type(v, json_type_boolean) && !json_object_get_boolean(v)) ||
	       (json_object_is_type(v, json_type_int) && json_object_get_int64(v) == 0);
}

/* An element of an array, or a value by itself. */
static void write_value(FILE *f, struct json_object *v)
{
	if (v == NULL)
		return;
	if (json_object_is_type(v, json_type_object) &&
		json_object_object_get_ex(v, "prefix", NULL)) {
		const char *at = get_string(v, "gateway"); /* of a subnet; or of a route: */

		at = at[0] != 0 ? at : get_string(v, "via");
		fprintf(f, "%s%s%s", get_string(v, "prefix"), at[0] != 0 ? "@" : "", at);
	} else if (json_object_object_get_ex(v, "direction", NULL)) {
		rule_write(f, v);
	} else if (json_object_is_type(v, json_type_object)) {
		const char *comma = "";

		json_object_object_foreach(v, key, member)
		{
			if (says_nothing(member))
				continue;
			fprintf(f, "%s%s=", comma, key);
			write_value(f, member);
			comma = " ";
		}
	} else if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++) {
			struct json_object *element = json_object_array_get_idx(v, i);
			bool is_rule = json_object_object_get_ex(element, "direction", NULL);

			fprintf(f, "%s", i == 0 ? "" : is_rule ? "; " : ",");
			write_value(f, element);
		}
	} else {
		fprintf(f, "%s", json_object_get_string(v));
	}
}

char *value_text(struct json_object *value)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	write_value(f, value);
	fclose(f);
	return text;
}

const char *duration_text(uint64_t ms, char *buf, size_t size)
{
	uint64_t s = ms / 1000;

	if (s < 120)
		snprintf(buf, size, "%" PRIu64 " s", s);
	else if (s < 2 * 3600)
		snprintf(buf, size, "%" PRIu64 " min", s / 60);
	else if (s < 48 * 3600)
		snprintf(buf, size, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(buf, size, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
	return buf;
}

void print_safe(const char *text)
{
	for (; *text != 0; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

void end_text(struct json_object *o, const char *addr, const char *port, char *buf, size_t size)
{
	const char *text = get_string(o, addr);

	if (get_uint(o, port) == 0)
		snprintf(buf, size, "%s", text);
	else
		snprintf(buf, size, strchr(text, ':') != NULL ? "[%s]:%" PRIu64 : "%s:%" PRIu64,
			text, get_uint(o, port));
}
