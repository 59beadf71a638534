/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects for tests from short JSON texts. Used by the tests of everything above the model too.
 */
#ifndef TESTS_MODEL_BUILD_H
#define TESTS_MODEL_BUILD_H

#include <model/json.h>
#include <model/model.h>

/* Parses text with ' for " and makes an object; ends the program with a message when it cannot. */
struct object *build_object(enum model_kind kind, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* As build_object, but returns what object_from_json returned. */
int build_try(enum model_kind kind, const char *text, const struct object *base,
	struct object **ret, struct model_error *err);
/* Puts it into the model in the open transaction. */
void build_put(struct model *m, enum model_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
