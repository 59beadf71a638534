/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * YAML to JSON by libyaml's events (yaml_json.h). Input may be hostile: depth and the size that
 * aliases expand to are bounded.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "yaml_json.h"

#define DEPTH_MAX 32
#define NODES_MAX (8u << 20) /* after expansion of aliases */

struct anchor {
	struct anchor *next;
	struct json_object *value;
	size_t n_nodes;
	char name[];
};

struct reader {
	yaml_parser_t parser;
	struct anchor *anchors;
	size_t n_nodes;
	char *err;
	size_t err_size;
};

static int read_node(
	struct reader *r, yaml_event_t *e, unsigned int depth, struct json_object **ret);

__attribute__((format(printf, 3, 4))) static int fail(
	struct reader *r, const yaml_mark_t *mark, const char *format, ...)
{
	int n = snprintf(r->err, r->err_size, "line %zu: ", mark->line + 1);
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->err + n, r->err_size - (size_t)n, format, ap);
	va_end(ap);
	return -EINVAL;
}

static int next_event(struct reader *r, yaml_event_t *e)
{
	if (yaml_parser_parse(&r->parser, e))
		return 0;
	if (r->parser.problem == NULL)
		return fail(r, &r->parser.problem_mark, "out of memory");
	/* Where reading bytes fails libyaml knows no line. */
	if (r->parser.error == YAML_READER_ERROR)
		return fail(r, &r->parser.mark, "%s", r->parser.problem);
	return fail(r, &r->parser.problem_mark, "%s%s%s", r->parser.problem,
		r->parser.context != NULL ? " " : "",
		r->parser.context != NULL ? r->parser.context : "");
}

static void set_line(struct json_object *o, const yaml_mark_t *mark)
{
	/* json-c keeps the format of a floating-point number there. */
	if (o != NULL && !json_object_is_type(o, json_type_double))
		json_object_set_userdata(o, (void *)(uintptr_t)(mark->line + 1), NULL);
}

static bool is_one_of(const char *s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(s, *words) == 0)
			return true;
	return false;
}

/* Returns 1 when s is an integer. A leading zero means octal to some readers of YAML and nothing to
 * others, so it is refused. */
static int read_integer(
	struct reader *r, const yaml_event_t *e, const char *s, struct json_object **ret)
{
	const char *digits = s + (*s == '-' || *s == '+');
	int base = 10;
	long long v;

	if (strncmp(digits, "0x", 2) == 0 || strncmp(digits, "0o", 2) == 0) {
		base = digits[1] == 'x' ? 16 : 8;
		digits += 2;
	}
	if (*digits == 0 || digits[strspn(digits, base == 16  ? "0123456789abcdefABCDEF"
						  : base == 8 ? "01234567"
							      : "0123456789")] != 0)
		return 0;
	if (base == 10 && digits[0] == '0' && digits[1] != 0)
		return fail(r, &e->start_mark,
			"%s may mean two things; drop the leading zero, or quote it", s);
	errno = 0;
	v = strtoll(digits, NULL, base);
	if (errno != 0)
		return fail(r, &e->start_mark, "the number %s is too large", s);
	*ret = json_object_new_int64(*s == '-' ? -v : v);
	return 1;
}

static bool read_float(const char *s, struct json_object **ret)
{
	char *end;
	double v;

	if (s[strspn(s, "+-.0123456789eE")] != 0 || strpbrk(s, "0123456789") == NULL ||
		strspn(s, "+-.") > 2)
		return false;
	v = strtod(s, &end);
	if (*end != 0)
		return false;
	*ret = json_object_new_double(v);
	return true;
}

static int read_plain(
	struct reader *r, const yaml_event_t *e, const char *s, struct json_object **ret)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	int n;

	if (is_one_of(s, nulls)) {
		*ret = NULL;
		return 0;
	}
	if (is_one_of(s, trues) || is_one_of(s, falses)) {
		*ret = json_object_new_boolean(is_one_of(s, trues));
		set_line(*ret, &e->start_mark);
		return 0;
	}
	n = read_integer(r, e, s, ret);
	if (n < 0)
		return n;
	if (n == 0 && read_float(s, ret))
		return 0;
	if (n == 0)
		*ret = json_object_new_string(s);
	set_line(*ret, &e->start_mark);
	return 0;
}

static int read_scalar(struct reader *r, const yaml_event_t *e, struct json_object **ret)
{
	const char *s = (const char *)e->data.scalar.value;
	const char *tag = (const char *)e->data.scalar.tag;

	if (strlen(s) != e->data.scalar.length)
		return fail(r, &e->start_mark, "a zero byte can't be part of a value");
	if (tag != NULL && strcmp(tag, YAML_STR_TAG) != 0 && strcmp(tag, "!") != 0)
		return fail(r, &e->start_mark, "the tag %s is not supported", tag);
	if (tag == NULL && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return read_plain(r, e, s, ret);
	*ret = json_object_new_string(s);
	set_line(*ret, &e->start_mark);
	return 0;
}

static int read_sequence(
	struct reader *r, const yaml_event_t *start, unsigned int depth, struct json_object **ret)
{
	struct json_object *array = json_object_new_array(), *v;
	yaml_event_t e;
	int n = 0;

	set_line(array, &start->start_mark);
	for (;;) {
		n = next_event(r, &e);
		if (n < 0)
			break;
		if (e.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&e);
			*ret = array;
			return 0;
		}
		v = NULL;
		n = read_node(r, &e, depth + 1, &v);
		yaml_event_delete(&e);
		if (n < 0)
			break;
		json_object_array_add(array, v);
	}
	json_object_put(array);
	return n;
}

static int read_key(struct reader *r, const yaml_event_t *e, struct json_object *o)
{
	const char *key = (const char *)e->data.scalar.value;

	if (e->type != YAML_SCALAR_EVENT || strlen(key) != e->data.scalar.length)
		return fail(r, &e->start_mark, "a key must be a string");
	if (strcmp(key, "<<") == 0 && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return fail(r, &e->start_mark, "merge keys (<<) are not supported");
	if (json_object_object_get_ex(o, key, NULL))
		return fail(r, &e->start_mark, "the key \"%.100s\" is there twice", key);
	return 0;
}

/* One key and its value. Returns 1 at the end of the mapping. */
static int read_pair(struct reader *r, unsigned int depth, struct json_object *o)
{
	struct json_object *v = NULL;
	yaml_event_t key, e;
	int n = next_event(r, &key);

	if (n < 0)
		return n;
	if (key.type == YAML_MAPPING_END_EVENT) {
		yaml_event_delete(&key);
		return 1;
	}
	n = read_key(r, &key, o);
	if (n == 0)
		n = next_event(r, &e);
	if (n == 0) {
		n = read_node(r, &e, depth + 1, &v);
		/* People look for the key; a list's elements may begin below it. */
		if (n == 0 && e.type != YAML_ALIAS_EVENT)
			set_line(v, &key.start_mark);
		yaml_event_delete(&e);
	}
	if (n == 0)
		json_object_object_add(o, (const char *)key.data.scalar.value, v);
	yaml_event_delete(&key);
	return n;
}

static int read_mapping(
	struct reader *r, const yaml_event_t *start, unsigned int depth, struct json_object **ret)
{
	struct json_object *o = json_object_new_object();
	int n;

	set_line(o, &start->start_mark);
	do {
		n = read_pair(r, depth, o);
	} while (n == 0);
	if (n < 0) {
		json_object_put(o);
		return n;
	}
	*ret = o;
	return 0;
}

static int read_alias(struct reader *r, const yaml_event_t *e, struct json_object **ret)
{
	const char *name = (const char *)e->data.alias.anchor;

	for (struct anchor *a = r->anchors; a != NULL; a = a->next) {
		if (strcmp(a->name, name) != 0)
			continue;
		r->n_nodes += a->n_nodes;
		if (r->n_nodes > NODES_MAX)
			return fail(r, &e->start_mark, "aliases make the document too large");
		*ret = json_object_get(a->value);
		return 0;
	}
	return fail(r, &e->start_mark, "there is no anchor \"%.100s\" before this", name);
}

/* Later anchors of a name hide earlier ones. */
static void keep_anchor(
	struct reader *r, const yaml_char_t *name, struct json_object *value, size_t n_nodes)
{
	size_t len;
	struct anchor *a;

	if (name == NULL)
		return;
	len = strlen((const char *)name);
	a = malloc(sizeof(*a) + len + 1);
	if (a == NULL)
		return; /* its aliases will be reported */
	memcpy(a->name, name, len + 1);
	a->value = json_object_get(value);
	a->n_nodes = n_nodes;
	a->next = r->anchors;
	r->anchors = a;
}

static int read_collection(
	struct reader *r, yaml_event_t *e, unsigned int depth, struct json_object **ret)
{
	bool is_map = e->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *tag = is_map ? e->data.mapping_start.tag : e->data.sequence_start.tag;

	if (tag != NULL && strcmp((const char *)tag, YAML_MAP_TAG) != 0 &&
		strcmp((const char *)tag, YAML_SEQ_TAG) != 0)
		return fail(r, &e->start_mark, "the tag %s is not supported", (const char *)tag);
	return is_map ? read_mapping(r, e, depth, ret) : read_sequence(r, e, depth, ret);
}

static int read_node(
	struct reader *r, yaml_event_t *e, unsigned int depth, struct json_object **ret)
{
	size_t before = r->n_nodes++;
	const yaml_char_t *anchor;
	int n;

	if (depth > DEPTH_MAX)
		return fail(r, &e->start_mark, "nested deeper than %d", DEPTH_MAX);
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return read_alias(r, e, ret);
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		n = read_scalar(r, e, ret);
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		n = read_collection(r, e, depth, ret);
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		n = read_collection(r, e, depth, ret);
		break;
	default:
		return fail(r, &e->start_mark, "a value is missing");
	}
	if (n == 0)
		keep_anchor(r, anchor, *ret, r->n_nodes - before);
	return n;
}

/* The stream's only document. *ret NULL without an error: there is none. */
static int read_stream(struct reader *r, struct json_object **ret)
{
	bool seen = false, end = false;
	yaml_event_t e;
	int n = 0;

	while (n == 0 && !end) {
		n = next_event(r, &e);
		if (n < 0)
			return n;
		switch (e.type) {
		case YAML_DOCUMENT_START_EVENT:
			if (seen)
				n = fail(r, &e.start_mark,
					"a second document begins; a file has one");
			seen = true;
			break;
		case YAML_STREAM_END_EVENT:
			end = true;
			break;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		default:
			n = read_node(r, &e, 0, ret);
		}
		yaml_event_delete(&e);
	}
	return n;
}

struct json_object *yaml_parse(const char *text, size_t size, char *err, size_t err_size)
{
	struct reader r = {.err = err, .err_size = err_size};
	struct json_object *value = NULL;
	struct anchor *a;
	int n;

	if (!yaml_parser_initialize(&r.parser)) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
	n = read_stream(&r, &value);
	if (n == 0 && value == NULL)
		snprintf(err, err_size, "the document is empty");
	if (n < 0) {
		json_object_put(value);
		value = NULL;
	}
	while ((a = r.anchors) != NULL) {
		r.anchors = a->next;
		json_object_put(a->value);
		free(a);
	}
	yaml_parser_delete(&r.parser);
	return value;
}
