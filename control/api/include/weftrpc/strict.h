/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strict JSON (RFC 8259) from json-c, whatever its version.
 *
 * json-c 0.17 and later take every byte beyond ASCII for a control character when they are told to
 * be strict. So such characters are handed to it as the \u escapes that mean the same.
 */
#ifndef WEFTRPC_STRICT_H
#define WEFTRPC_STRICT_H

#include <stddef.h>

#include <json-c/json.h>

/* As json_tokener_parse_ex of a tokener with JSON_TOKENER_STRICT, for text that is UTF-8 and ends
 * between two characters. *ret_used is how many of its bytes were taken. NULL as the tokener's
 * error says. Ends the program when memory runs out. */
struct json_object *weftrpc_parse_strict(
	struct json_tokener *t, const char *text, size_t len, size_t *ret_used);

/* len without a last character that is not whole yet. */
size_t weftrpc_whole_characters(const char *text, size_t len);

#endif
