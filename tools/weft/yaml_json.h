/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * YAML to JSON. Pure but for memory.
 *
 * One document, the core schema of YAML 1.2: only true and false are booleans, only numbers are
 * numbers; no, yes, on and off are strings, and so are MACs and times. Keys must be strings that
 * occur once. Anchors and aliases work; merge keys and tags other than the core's are refused.
 */
#ifndef WEFT_YAML_H
#define WEFT_YAML_H

#include <stddef.h>

#include <json-c/json.h>

/* NULL on error, with a sentence in err that begins with the line. Every value but null and
 * floating point carries its line as userdata. */
struct json_object *yaml_parse(const char *text, size_t size, char *err, size_t err_size);

#endif
