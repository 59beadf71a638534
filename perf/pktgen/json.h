/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing JSON, which needs no library: names come from here, and text of others is escaped.
 */
#ifndef PKTGEN_JSON_H
#define PKTGEN_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Where a value is put: behind a comma unless it is the first of its object or list. */
struct json {
	FILE *f;
	bool more;
};

/* A comma when it is needed; then the key, unless it is an element of a list (NULL). */
void json_key(struct json *j, const char *key);
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_string(struct json *j, const char *key, const char *text);
void json_count(struct json *j, const char *key, uint64_t v);
void json_real(struct json *j, const char *key, double v);
void json_bool(struct json *j, const char *key, bool v);

#endif
