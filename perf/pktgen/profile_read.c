/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Profile files: YAML of a fixed shape by libyaml's events. Keys of the profile, a mapping of
 * defaults, and a list of streams; values are scalars. Anything else, anchors and aliases included,
 * is refused with its line.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "profile.h"

#define TEXT_MAX (1u << 20)

struct reader {
	yaml_parser_t parser;
	struct profile *profile;
	struct stream_spec defaults;
	char *err;
};

__attribute__((format(printf, 3, 4))) static int refuse(
	struct reader *r, const yaml_mark_t *at, const char *format, ...)
{
	int n = snprintf(r->err, PROFILE_ERROR_SIZE, "line %zu: ", at->line + 1);
	va_list args;

	va_start(args, format);
	vsnprintf(r->err + n, PROFILE_ERROR_SIZE - n, format, args);
	va_end(args);
	return -EINVAL;
}

static int next_event(struct reader *r, yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL;

	if (!yaml_parser_parse(&r->parser, e))
		return refuse(r,
			r->parser.error == YAML_READER_ERROR ? &r->parser.mark
							     : &r->parser.problem_mark,
			"%s", r->parser.problem ? r->parser.problem : "out of memory");
	if (e->type == YAML_SCALAR_EVENT)
		anchor = e->data.scalar.anchor;
	else if (e->type == YAML_MAPPING_START_EVENT)
		anchor = e->data.mapping_start.anchor;
	else if (e->type == YAML_SEQUENCE_START_EVENT)
		anchor = e->data.sequence_start.anchor;
	if (anchor == NULL && e->type != YAML_ALIAS_EVENT)
		return 0;
	refuse(r, &e->start_mark, "anchors and aliases are not supported");
	yaml_event_delete(e);
	return -EINVAL;
}

/* Takes the next event, which must be of that type. Returns 0 or a negative error. */
static int expect(struct reader *r, yaml_event_type_t type, const char *what, yaml_event_t *e)
{
	int n = next_event(r, e);

	if (n < 0 || e->type == type)
		return n;
	refuse(r, &e->start_mark, "%s expected", what);
	yaml_event_delete(e);
	return -EINVAL;
}

/* The text of a scalar, or NULL when a zero byte is part of it. */
static const char *text_of(const yaml_event_t *e)
{
	const char *s = (const char *)e->data.scalar.value;

	return strlen(s) == e->data.scalar.length ? s : NULL;
}

/* Takes the next key of a mapping. Returns 1 with *ret filled, 0 at the mapping's end. */
static int next_key(struct reader *r, yaml_event_t *ret)
{
	int n = next_event(r, ret);

	if (n < 0)
		return n;
	if (ret->type == YAML_SCALAR_EVENT && text_of(ret))
		return 1;
	if (ret->type != YAML_MAPPING_END_EVENT)
		n = refuse(r, &ret->start_mark, "a key expected");
	yaml_event_delete(ret);
	return n;
}

/* Sets one key of s (NULL: of the profile) from the next event. */
static int read_value(struct reader *r, struct stream_spec *s, const char *key)
{
	char err[PROFILE_ERROR_SIZE];
	yaml_event_t e;
	int n = expect(r, YAML_SCALAR_EVENT, key, &e);

	if (n < 0)
		return n;
	if (text_of(&e) == NULL)
		n = refuse(r, &e.start_mark, "%s: a zero byte can't be part of a value", key);
	else if ((s ? profile_set(s, key, text_of(&e), err)
		    : profile_set_global(r->profile, key, text_of(&e), err)) < 0)
		n = refuse(r, &e.start_mark, "%s", err);
	yaml_event_delete(&e);
	return n;
}

static bool seen_before(uint64_t *seen, const char *key)
{
	for (unsigned int i = 0; i < profile_n_keys; i++) {
		if (strcmp(profile_keys[i].name, key) == 0) {
			bool again = *seen >> i & 1;

			*seen |= 1ull << i;
			return again;
		}
	}
	return false;
}

/* The keys of a stream behind the start of its mapping. */
static int read_stream(struct reader *r, struct stream_spec *s)
{
	uint64_t seen = 0;
	yaml_event_t key;
	int n;

	while ((n = next_key(r, &key)) > 0) {
		if (seen_before(&seen, text_of(&key)))
			n = refuse(r, &key.start_mark, "%s: is there twice", text_of(&key));
		else
			n = read_value(r, s, text_of(&key));
		yaml_event_delete(&key);
		if (n < 0)
			break;
	}
	return n;
}

static int read_streams(struct reader *r)
{
	struct profile *p = r->profile;
	yaml_event_t e;
	int n = expect(r, YAML_SEQUENCE_START_EVENT, "streams: a list", &e);

	if (n < 0)
		return n;
	for (;;) {
		yaml_event_delete(&e);
		n = next_event(r, &e);
		if (n < 0)
			return n;
		if (e.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (e.type != YAML_MAPPING_START_EVENT)
			n = refuse(r, &e.start_mark, "streams: a mapping expected");
		else if (p->n_streams == PROFILE_STREAMS_MAX)
			n = refuse(r, &e.start_mark, "streams: at most %d", PROFILE_STREAMS_MAX);
		if (n == 0) {
			p->streams[p->n_streams] = r->defaults;
			n = read_stream(r, &p->streams[p->n_streams++]);
		}
		if (n < 0)
			break;
	}
	yaml_event_delete(&e);
	return n;
}

static int read_ports(struct reader *r)
{
	char err[PROFILE_ERROR_SIZE];
	yaml_event_t e;
	int n = expect(r, YAML_SEQUENCE_START_EVENT, "ports: a list", &e);

	if (n < 0)
		return n;
	for (;;) {
		yaml_event_delete(&e);
		n = next_event(r, &e);
		if (n < 0)
			return n;
		if (e.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (e.type != YAML_SCALAR_EVENT || text_of(&e) == NULL)
			n = refuse(r, &e.start_mark, "ports: a device expected");
		else if (profile_set_global(r->profile, "ports", text_of(&e), err) < 0)
			n = refuse(r, &e.start_mark, "%s", err);
		if (n < 0)
			break;
	}
	yaml_event_delete(&e);
	return n;
}

static int read_defaults(struct reader *r, const yaml_mark_t *at)
{
	yaml_event_t e;
	int n;

	if (r->profile->n_streams > 0)
		return refuse(r, at, "defaults: must stand before streams");
	n = expect(r, YAML_MAPPING_START_EVENT, "defaults: a mapping", &e);
	if (n < 0)
		return n;
	yaml_event_delete(&e);
	return read_stream(r, &r->defaults);
}

static int read_profile(struct reader *r)
{
	yaml_event_t e;
	int n = expect(r, YAML_MAPPING_START_EVENT, "a mapping", &e);

	if (n < 0)
		return n;
	yaml_event_delete(&e);
	while ((n = next_key(r, &e)) > 0) {
		if (strcmp(text_of(&e), "streams") == 0)
			n = read_streams(r);
		else if (strcmp(text_of(&e), "defaults") == 0)
			n = read_defaults(r, &e.start_mark);
		else if (strcmp(text_of(&e), "ports") == 0)
			n = read_ports(r);
		else
			n = read_value(r, NULL, text_of(&e));
		yaml_event_delete(&e);
		if (n < 0)
			break;
	}
	return n;
}

static int read_document(struct reader *r)
{
	static const struct {
		yaml_event_type_t type;
		const char *what;
	} end[] = {{YAML_DOCUMENT_END_EVENT, "the end of the document"},
		{YAML_STREAM_END_EVENT, "the end of the file"}};
	yaml_event_t e;
	int n = expect(r, YAML_STREAM_START_EVENT, "a stream", &e);

	if (n < 0)
		return n;
	yaml_event_delete(&e);
	n = expect(r, YAML_DOCUMENT_START_EVENT, "a document", &e);
	if (n < 0)
		return n;
	yaml_event_delete(&e);
	n = read_profile(r);
	for (unsigned int i = 0; i < 2 && n == 0; i++) {
		n = expect(r, end[i].type, end[i].what, &e);
		if (n == 0)
			yaml_event_delete(&e);
	}
	return n;
}

int profile_read(struct profile *p, const char *text, size_t size, char *err)
{
	struct reader r = {.profile = p, .err = err};
	int n;

	if (size > TEXT_MAX) {
		snprintf(err, PROFILE_ERROR_SIZE, "a profile has at most %u bytes", TEXT_MAX);
		return -E2BIG;
	}
	profile_stream_init(&r.defaults);
	if (!yaml_parser_initialize(&r.parser)) {
		snprintf(err, PROFILE_ERROR_SIZE, "out of memory");
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
	n = read_document(&r);
	yaml_parser_delete(&r.parser);
	return n;
}
