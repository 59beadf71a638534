/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

int build_try(enum model_kind kind, const char *text, const struct object *base,
	struct object **ret, struct model_error *err)
{
	char *copy = strdup(text);
	struct json_object *json;
	int error;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = json_tokener_parse(copy);
	if (!json && strcmp(copy, "null") != 0) {
		fprintf(stderr, "test: not JSON: %s\n", copy);
		abort();
	}
	error = object_from_json(kind, json, base, ret, err);
	json_object_put(json);
	free(copy);
	return error;
}

static struct object *build(enum model_kind kind, const char *format, va_list ap)
{
	struct model_error err;
	struct object *o;
	char text[4096];

	vsnprintf(text, sizeof(text), format, ap);
	if (build_try(kind, text, NULL, &o, &err) < 0) {
		fprintf(stderr, "test: %s: %s %s %s\n", text, err.object, err.field, err.text);
		abort();
	}
	return o;
}

struct object *build_object(enum model_kind kind, const char *format, ...)
{
	struct object *o;
	va_list ap;

	va_start(ap, format);
	o = build(kind, format, ap);
	va_end(ap);
	return o;
}

void build_put(struct model *m, enum model_kind kind, const char *format, ...)
{
	struct model_error err;
	va_list ap;

	va_start(ap, format);
	if (model_put(m, build(kind, format, ap), &err) < 0) {
		fprintf(stderr, "test: %s %s %s\n", err.object, err.field, err.text);
		abort();
	}
	va_end(ap);
}
