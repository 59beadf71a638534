/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Documents from files: JSON or YAML, told apart by what they are, and where in them an object or a
 * field stands, so that weftd's errors can name the line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unistd.h>

#include <weftrpc/strict.h>

#include "cli.h"
#include "yaml_json.h"

#define FILE_SIZE_MAX  (64u << 20)
#define LINES_SIZE_MAX (4u << 20) /* larger JSON is not read a second time for its lines */
#define DEPTH_MAX      32

static char *read_all(int fd, size_t *ret_size)
{
	size_t size = 0, room = 65536;
	char *text = malloc(room + 1), *more;
	ssize_t n = 1;

	while (text != NULL && n > 0) {
		if (size == room) {
			room *= 2;
			more = size > FILE_SIZE_MAX ? NULL : realloc(text, room + 1);
			if (more == NULL) {
				free(text);
				errno = EFBIG;
				return NULL;
			}
			text = more;
		}
		n = read(fd, text + size, room - size);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			break;
		else
			size += (size_t)n;
	}
	if (text == NULL || n < 0) {
		free(text);
		return NULL;
	}
	text[size] = 0;
	*ret_size = size;
	return text;
}

/* Members of all objects in a value. */
static size_t count_members(struct json_object *v)
{
	struct json_object_iter it;
	size_t n = 0;

	if (json_object_is_type(v, json_type_object)) {
		json_object_object_foreachC(v, it) n += 1 + count_members(it.val);
	} else if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++)
			n += count_members(json_object_array_get_idx(v, i));
	}
	return n;
}

/* Members as written: each has one colon outside of strings. */
static size_t count_colons(const char *text, size_t size)
{
	bool in_string = false;
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\\' && in_string)
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (text[i] == ':' && !in_string)
			n++;
	}
	return n;
}

static unsigned int line_at(const char *text, size_t offset)
{
	unsigned int line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

/* NULL when it is no JSON, with a sentence in err. */
static struct json_object *json_parse(const char *text, size_t size, char *err, size_t err_size)
{
	struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *o;
	size_t end;

	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = weftrpc_parse_strict(t, text, size + 1, &end);
	if (json_tokener_get_error(t) != json_tokener_success) {
		snprintf(err, err_size, "line %u: %s", line_at(text, end),
			json_tokener_error_desc(json_tokener_get_error(t)));
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	return o;
}

/* Takes o, parsed from text. A key that is there twice would silently lose the first. */
static struct json_object *check_json(
	struct json_object *o, const char *text, size_t size, char *err, size_t err_size)
{
	bool twice = count_colons(text, size) != count_members(o);
	struct json_object *with_lines = NULL;

	if (twice || size <= LINES_SIZE_MAX)
		with_lines = yaml_parse(text, size, err, err_size);
	if (with_lines != NULL && !twice && json_object_equal(o, with_lines)) {
		json_object_put(o);
		return with_lines;
	}
	if (twice) {
		if (with_lines != NULL)
			snprintf(err, err_size, "a key is there twice in one object");
		json_object_put(o);
		o = NULL;
	}
	json_object_put(with_lines);
	return o;
}

static struct json_object *parse(
	const char *text, size_t size, bool is_json, char *err, size_t err_size)
{
	struct json_object *o = NULL;
	size_t skip = strspn(text, " \t\r\n");

	if (is_json || text[skip] == '{' || text[skip] == '[') {
		o = json_parse(text, size, err, err_size);
		if (o != NULL)
			return check_json(o, text, size, err, err_size);
	}
	return is_json ? NULL : yaml_parse(text, size, err, err_size);
}

struct json_object *document_load(const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "standard input" : path, *dot = strrchr(path, '.');
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct json_object *o = NULL;
	char err[512], *text = NULL;
	size_t size;

	if (fd >= 0)
		text = read_all(fd, &size);
	if (text == NULL) {
		failure("can't read %s: %s", name, strerror(errno));
	} else {
		o = parse(text, size, dot != NULL && strcmp(dot, ".json") == 0, err, sizeof(err));
		if (o != NULL && !json_object_is_type(o, json_type_object)) {
			snprintf(err, sizeof(err), "not a document: tenants, networks and so on");
			json_object_put(o);
			o = NULL;
		}
		if (o == NULL)
			failure("%s: %s", name, err);
	}
	free(text);
	if (fd > STDIN_FILENO)
		close(fd);
	return o;
}

static unsigned int line_of(struct json_object *o)
{
	if (o == NULL || json_object_is_type(o, json_type_double))
		return 0;
	return (unsigned int)(uintptr_t)json_object_get_userdata(o);
}

static bool has_name(struct json_object *o, const char *full)
{
	const char *tenant = get_string(o, "tenant"), *name = get_string(o, "name");
	size_t len = strlen(tenant);

	if (strcmp(name, full) == 0)
		return true;
	return len > 0 && strncmp(full, tenant, len) == 0 && full[len] == '/' &&
	       strcmp(full + len + 1, name) == 0;
}

/* "port red/web1" or "ports[3]" */
static struct json_object *find_object(struct json_object *doc, const char *object)
{
	const char *space = strchr(object, ' '), *bracket = strchr(object, '[');
	struct json_object *array, *kind;
	char key[64];

	if (space == NULL) {
		snprintf(key, sizeof(key), "%.*s",
			bracket == NULL ? (int)strlen(object) : (int)(bracket - object), object);
		array = get_array(doc, key);
		return array == NULL || bracket == NULL
			       ? array
			       : json_object_array_get_idx(array, strtoul(bracket + 1, NULL, 10));
	}
	snprintf(key, sizeof(key), "%.*s", (int)(space - object), object);
	kind = describe_kind(key);
	array = kind == NULL ? NULL : get_array(doc, get_string(kind, "plural"));
	for (size_t i = 0; i < array_length(array); i++)
		if (has_name(json_object_array_get_idx(array, i), space + 1))
			return json_object_array_get_idx(array, i);
	return NULL;
}

/* One step of "uplink.device" or "subnets[1].gateway": *path moves on. NULL: no such thing. */
static struct json_object *step_into(struct json_object *o, const char **path)
{
	struct json_object *v = NULL;
	char key[64];
	size_t len;

	if (**path == '[') {
		if (json_object_is_type(o, json_type_array))
			v = json_object_array_get_idx(o, strtoul(*path + 1, NULL, 10));
		*path += strcspn(*path, "]");
		*path += **path == ']';
		return v;
	}
	*path += **path == '.';
	len = strcspn(*path, ".[");
	snprintf(key, sizeof(key), "%.*s", (int)len, *path);
	*path += len;
	if (len > 0 && json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, key, &v);
	return v;
}

unsigned int document_line(struct json_object *doc, const char *object, const char *field)
{
	struct json_object *o = object[0] != 0 ? find_object(doc, object) : doc;
	unsigned int line = object[0] != 0 ? line_of(o) : 0;

	while (o != NULL && *field != 0) {
		o = step_into(o, &field);
		if (line_of(o) != 0)
			line = line_of(o);
	}
	return line;
}
