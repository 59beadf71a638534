/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is wrong with a request, for people and programs: which object, which field, why, remedy.
 */
#ifndef MODEL_ERROR_H
#define MODEL_ERROR_H

enum model_error_code {
	MODEL_ERR_INVALID = 1, /* a field is missing, of the wrong type, or has a bad value */
	MODEL_ERR_NOT_FOUND,   /* the object named in the request does not exist */
	MODEL_ERR_EXISTS,      /* create of a name that exists */
	MODEL_ERR_REFERENCE,   /* refers to an object that does not exist */
	MODEL_ERR_IN_USE,      /* delete of an object that others refer to */
	MODEL_ERR_CONFLICT,    /* clashes with another object: same VNI, same MAC, ... */
	MODEL_ERR_REVISION,    /* the object changed since the revision that the caller read */
	MODEL_ERR_LIMIT,       /* a table of stated size is full */
	MODEL_ERR_INTERNAL,    /* out of memory, store failure */
};

struct model_error {
	enum model_error_code code;
	char object[80]; /* "port red/web1", or "" */
	char field[64];	 /* "addresses[2]", or "" */
	char text[256];	 /* one sentence with the remedy */
};

/* Fills err (may be NULL) and returns -EINVAL, for `return model_fail(...)`. object may be NULL. */
struct object;
int model_fail(struct model_error *err, enum model_error_code code, const struct object *o,
	const char *field, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
