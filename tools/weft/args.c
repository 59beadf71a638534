/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words of the command line to JSON, by the types in the description: "mtu=1400", "--mtu 1400",
 * "addresses=10.0.0.1,fd00::1", "subnets=10.0.0.0/24@10.0.0.1", "uplink.device=eth1", "host=". What
 * a value may be is for weftd to say.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weftrpc/text.h>

#include "cli.h"

int option_value(int argc, char **argv, int i, const char *name, const char **ret)
{
	size_t len = strlen(name);

	if (strncmp(argv[i], name, len) != 0)
		return 0;
	if (argv[i][len] == '=') {
		*ret = argv[i] + len + 1;
		return 1;
	}
	if (argv[i][len] != 0)
		return 0;
	*ret = i + 1 < argc ? argv[i + 1] : NULL;
	return 2;
}

static struct json_object *find_spec(struct json_object *specs, const char *name, size_t len)
{
	for (size_t i = 0; i < array_length(specs); i++) {
		struct json_object *spec = json_object_array_get_idx(specs, i);
		const char *s = get_string(spec, "name");

		if (strlen(s) == len && strncmp(s, name, len) == 0)
			return spec;
	}
	return NULL;
}

static int unknown_field(struct json_object *specs, const char *name, size_t len)
{
	struct weftrpc_nearest near;
	char word[64];

	snprintf(word, sizeof(word), "%.*s", (int)len, name);
	weftrpc_nearest_init(&near, word);
	for (size_t i = 0; i < array_length(specs); i++)
		weftrpc_nearest_try(&near, get_string(json_object_array_get_idx(specs, i), "name"));
	return usage_unknown("field or option", word, near.best);
}

static int read_bool(const char *name, const char *value, struct json_object **ret)
{
	static const char *const words[] = {
		"false", "true", "no", "yes", "off", "on", "0", "1", NULL};

	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], value) != 0)
			continue;
		*ret = json_object_new_boolean(i % 2);
		return 0;
	}
	return usage_error("%s: must be true or false, not \"%s\"", name, value);
}

static int read_uint(const char *name, const char *value, struct json_object **ret)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 0);
	if (value[0] < '0' || value[0] > '9' || *end != 0 || errno != 0)
		return usage_error("%s: must be a whole number, not \"%s\"", name, value);
	*ret = json_object_new_uint64(n);
	return 0;
}

static int read_json(const char *name, const char *value, struct json_object **ret)
{
	enum json_tokener_error error;

	*ret = json_tokener_parse_verbose(value, &error);
	if (error != json_tokener_success)
		return usage_error("%s: not JSON: %s", name, json_tokener_error_desc(error));
	return 0;
}

/* VALUE or VALUE@VALUE: the first and the second of an element's fields. */
static struct json_object *read_shorthand(struct json_object *fields, const char *text, size_t len)
{
	const char *at = memchr(text, '@', len);
	struct json_object *o;

	if (at == NULL)
		return json_object_new_string_len(text, (int)len);
	o = json_object_new_object();
	json_object_object_add(o, get_string(json_object_array_get_idx(fields, 0), "name"),
		json_object_new_string_len(text, (int)(at - text)));
	json_object_object_add(o, get_string(json_object_array_get_idx(fields, 1), "name"),
		json_object_new_string_len(at + 1, (int)(len - (size_t)(at - text) - 1)));
	return o;
}

/* fields: of elements that have some, else NULL. */
static struct json_object *read_list(const char *value, struct json_object *fields)
{
	struct json_object *a = json_object_new_array();

	while (*value != 0) {
		size_t len = strcspn(value, ",");

		json_object_array_add(a, fields != NULL
						 ? read_shorthand(fields, value, len)
						 : json_object_new_string_len(value, (int)len));
		value += len;
		value += *value == ',';
	}
	return a;
}

static int read_value(struct json_object *spec, const char *value, struct json_object **ret)
{
	const char *type = get_string(spec, "type"), *name = get_string(spec, "name");

	*ret = NULL;
	if (value[0] == 0)
		return 0; /* null: back to the default */
	if (strcmp(type, "bool") == 0)
		return read_bool(name, value, ret);
	if (strcmp(type, "uint") == 0 &&
		(get_array(spec, "values") == NULL || (value[0] >= '0' && value[0] <= '9')))
		return read_uint(name, value, ret);
	if (strcmp(type, "addresses") == 0 || strcmp(type, "prefixes") == 0 ||
		strcmp(type, "references") == 0 || strcmp(type, "strings") == 0 ||
		get_bool(spec, "shorthand")) {
		if (value[0] == '[')
			return read_json(name, value, ret);
		*ret = read_list(value, get_array(spec, "fields"));
		return 0;
	}
	if (strncmp(type, "object", 6) == 0)
		return read_json(name, value, ret);
	*ret = json_object_new_string(value);
	return 0;
}

/* A field, or one of the fields of a field ("uplink.device"). Finds where it goes. */
static int set_field(struct json_object *specs, const char *name, size_t len, const char *value,
	struct json_object *ret)
{
	const char *dot = memchr(name, '.', len);
	size_t head = dot == NULL ? len : (size_t)(dot - name);
	struct json_object *spec = find_spec(specs, name, head), *inner, *v = NULL;
	int r;

	if (spec == NULL)
		return unknown_field(specs, name, len);
	if (dot != NULL) {
		if (strcmp(get_string(spec, "type"), "object") != 0)
			return unknown_field(specs, name, len);
		if (!json_object_object_get_ex(ret, get_string(spec, "name"), &inner)) {
			inner = json_object_new_object();
			json_object_object_add(ret, get_string(spec, "name"), inner);
		}
		return set_field(get_array(spec, "fields"), dot + 1, len - head - 1, value, inner);
	}
	if (json_object_object_get_ex(ret, get_string(spec, "name"), NULL))
		return usage_error("%s is given twice", get_string(spec, "name"));
	r = read_value(spec, value, &v);
	if (r == 0)
		json_object_object_add(ret, get_string(spec, "name"), v);
	return r;
}

/* "--mtu 1400", "--mtu=1400", "--learn". Fields have underscores, options may have dashes. Returns
 * how many words it took, or -1. */
static int read_option(struct json_object *specs, int argc, char **argv, struct json_object *ret)
{
	char name[64];
	const char *value = strchr(argv[0], '=');
	size_t len = value == NULL ? strlen(argv[0]) - 2 : (size_t)(value - argv[0]) - 2;
	struct json_object *spec;
	int took = 1;

	snprintf(name, sizeof(name), "%.*s", (int)len, argv[0] + 2);
	for (char *p = name; *p != 0; p++)
		if (*p == '-')
			*p = '_';
	spec = find_spec(specs, name, strlen(name));
	if (value != NULL) {
		value++;
	} else if (spec != NULL && strcmp(get_string(spec, "type"), "bool") == 0 &&
		   (argc < 2 || strncmp(argv[1], "--", 2) == 0 || strchr(argv[1], '='))) {
		value = "true";
	} else if (argc >= 2) {
		value = argv[1];
		took = 2;
	} else if (spec == NULL) {
		unknown_field(specs, name, strlen(name));
		return -1;
	} else {
		usage_error("%s: a value is missing", argv[0]);
		return -1;
	}
	return set_field(specs, name, strlen(name), value, ret) == 0 ? took : -1;
}

int args_parse(struct json_object *specs, int argc, char **argv, struct json_object *ret,
	const char **positional, int n_positional)
{
	int n_taken = 0, n;

	for (int i = 0; i < argc; i += n) {
		const char *equals = strchr(argv[i], '=');

		n = 1;
		if (strncmp(argv[i], "--", 2) == 0 && argv[i][2] != 0) {
			n = read_option(specs, argc - i, argv + i, ret);
			if (n < 0)
				return CLI_USAGE;
		} else if (equals != NULL) {
			if (set_field(specs, argv[i], (size_t)(equals - argv[i]), equals + 1,
				    ret) != 0)
				return CLI_USAGE;
		} else if (n_taken < n_positional) {
			positional[n_taken++] = argv[i];
		} else {
			return usage_error(
				"\"%s\" is one word too many; fields are name=value", argv[i]);
		}
	}
	return 0;
}

struct json_object *args_params(
	const char *method, int argc, char **argv, const char **positional, int n_positional)
{
	struct json_object *params = json_object_new_object();

	if (args_parse(describe_params(describe_method(method)), argc, argv, params, positional,
		    n_positional) == 0)
		return params;
	json_object_put(params);
	return NULL;
}
