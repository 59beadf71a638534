/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft tenant, weft port and so on: the verbs are the same for every kind, their fields come from
 * the description.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weftrpc/text.h>

#include "cli.h"

#define COLUMNS_MAX 40
#define CELL_MAX    80 /* of a list's cell; longer arrays are counted */

/* A name is what an object is known by: "red/web1 name=web2" must not be taken for either. */
static int name_given_twice(const struct command *c, const char *verb)
{
	return usage_error(
		"weft %s %s: the name is given twice; an object can't be renamed: create "
		"another and delete this one",
		c->noun, verb);
}

void object_set_name(const struct command *c, struct json_object *params, const char *name)
{
	const char *slash = strchr(name, '/');

	if (slash != NULL &&
		describe_has_field(describe_fields(describe_kind(c->noun)), "tenant")) {
		json_object_object_add(
			params, "tenant", json_object_new_string_len(name, (int)(slash - name)));
		name = slash + 1;
	}
	json_object_object_add(params, "name", json_object_new_string(name));
}

static struct json_object *concat(struct json_object *a, struct json_object *b)
{
	struct json_object *all = json_object_new_array();

	for (size_t i = 0; i < array_length(a); i++)
		json_object_array_add(all, json_object_get(json_object_array_get_idx(a, i)));
	for (size_t i = 0; i < array_length(b); i++)
		json_object_array_add(all, json_object_get(json_object_array_get_idx(b, i)));
	return all;
}

static const char *past_tense(const char *verb)
{
	if (strcmp(verb, "put") == 0)
		return "put";
	if (strcmp(verb, "create") == 0)
		return "created";
	return strcmp(verb, "update") == 0 ? "updated" : "deleted";
}

static void print_done(
	struct cli *cli, const struct command *c, const char *verb, struct json_object *result)
{
	if (cli->json) {
		print_json(result);
		return;
	}
	printf("%s %s ", c->noun, get_string(result, "name"));
	if (get_bool(result, "dry_run"))
		printf("would be %s; nothing was changed (dry run)\n", past_tense(verb));
	else if (!get_bool(result, "changed"))
		printf("is like that already\n");
	else
		printf("%s; revision %llu\n", past_tense(verb),
			(unsigned long long)get_uint(result, "revision"));
}

/* create, put, update, delete: words to params, one call. */
static int change(struct cli *cli, const struct command *c, const char *verb, int argc, char **argv)
{
	struct json_object *params = json_object_new_object(), *result, *specs;
	const char *name = NULL;
	char method[64];
	int r;

	snprintf(method, sizeof(method), "%s.%s", c->noun, verb);
	specs = concat(describe_params(describe_method(method)),
		get_bool(describe_method(method), "takes_fields")
			? describe_fields(describe_kind(c->noun))
			: NULL);
	r = args_parse(specs, argc, argv, params, &name, 1);
	json_object_put(specs);
	if (r == 0 && name != NULL &&
		(json_object_object_get_ex(params, "name", NULL) ||
			(strchr(name, '/') != NULL &&
				json_object_object_get_ex(params, "tenant", NULL))))
		r = name_given_twice(c, verb);
	else if (r == 0 && name != NULL)
		object_set_name(c, params, name);
	else if (r == 0 && !json_object_object_get_ex(params, "name", NULL))
		r = usage_error("weft %s %s: the name is missing", c->noun, verb);
	if (r != 0) {
		json_object_put(params);
		return r;
	}
	r = cli_call(cli, method, params, &result);
	if (r != CLI_OK)
		return r;
	print_done(cli, c, verb, result);
	json_object_put(result);
	return CLI_OK;
}

static int show(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct json_object *params = json_object_new_object(), *result, *o;
	char method[64];
	int r;

	if (argc != 1) {
		json_object_put(params);
		return usage_error("weft %s show takes one name", c->noun);
	}
	object_set_name(c, params, argv[0]);
	snprintf(method, sizeof(method), "%s.get", c->noun);
	r = cli_call(cli, method, params, &result);
	if (r != CLI_OK)
		return r;
	if (cli->json) {
		print_json(result);
	} else {
		struct table *t = table_new(2, (const char *const[]){"FIELD", "VALUE"});

		json_object_object_get_ex(result, "object", &o);
		json_object_object_foreach(o, key, value)
		{
			char *text = value_text(value);

			table_cell(t, key);
			table_cell(t, text);
			free(text);
		}
		table_cell(t, "id");
		table_cellf(t, "%llu", (unsigned long long)get_uint(result, "id"));
		table_cell(t, "revision");
		table_cellf(t, "%llu", (unsigned long long)get_uint(result, "revision"));
		table_print_free(t);
	}
	json_object_put(result);
	return CLI_OK;
}

/* All pages. Takes params. */
static int fetch_all(
	struct cli *cli, const char *method, struct json_object *params, struct json_object *all)
{
	struct json_object *result, *page, *next;
	int r;

	for (;;) {
		r = cli_call(cli, method, json_object_get(params), &result);
		if (r != CLI_OK)
			break;
		page = get_array(result, "objects");
		for (size_t i = 0; i < array_length(page); i++)
			json_object_array_add(
				all, json_object_get(json_object_array_get_idx(page, i)));
		next = NULL;
		json_object_object_get_ex(result, "next", &next);
		json_object_object_add(params, "after", json_object_get(next));
		json_object_put(result);
		if (next == NULL)
			break;
	}
	json_object_put(params);
	return r;
}

static bool is_default(struct json_object *field, struct json_object *value)
{
	struct json_object *fallback = NULL;

	if (value == NULL ||
		(json_object_is_type(value, json_type_array) && array_length(value) == 0))
		return true;
	return json_object_object_get_ex(field, "default", &fallback) &&
	       json_object_equal(fallback, value);
}

/* Fields in which any of the objects differs from the default; tenant and name are the first
 * column. */
static size_t used_columns(struct json_object *fields, struct json_object *all, const char **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < array_length(fields) && n < COLUMNS_MAX; i++) {
		struct json_object *field = json_object_array_get_idx(fields, i), *v;
		const char *name = get_string(field, "name");
		bool used = false;

		if (strcmp(name, "tenant") == 0 || strcmp(name, "name") == 0)
			continue;
		for (size_t j = 0; j < array_length(all) && !used; j++)
			used = json_object_object_get_ex(
				       json_object_array_get_idx(all, j), name, &v) &&
			       !is_default(field, v);
		if (used)
			ret[n++] = name;
	}
	return n;
}

static void print_objects(const struct command *c, struct json_object *all)
{
	struct json_object *fields = describe_fields(describe_kind(c->noun)), *o, *v;
	const char *columns[COLUMNS_MAX], *headings[COLUMNS_MAX + 1];
	size_t n = used_columns(fields, all, columns);
	char upper[COLUMNS_MAX][32];
	struct table *t;

	headings[0] = "NAME";
	for (size_t i = 0; i < n; i++) {
		snprintf(upper[i], sizeof(upper[i]), "%s", columns[i]);
		for (char *p = upper[i]; *p != 0; p++)
			*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
		headings[i + 1] = upper[i];
	}
	t = table_new(n + 1, headings);
	for (size_t i = 0; i < array_length(all); i++) {
		o = json_object_array_get_idx(all, i);
		table_cellf(t, "%s%s%s", get_string(o, "tenant"),
			get_string(o, "tenant")[0] != 0 ? "/" : "", get_string(o, "name"));
		for (size_t j = 0; j < n; j++) {
			char *text;

			v = NULL;
			json_object_object_get_ex(o, columns[j], &v);
			text = value_text(v);
			if (strlen(text) > CELL_MAX && array_length(get_array(o, columns[j])) > 1)
				table_cellf(t, "%zu %s", array_length(v), columns[j]);
			else
				table_cell(t, text);
			free(text);
		}
	}
	table_print_free(t);
}

static int list(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct json_object *all, *params;
	char method[64];
	int r;

	snprintf(method, sizeof(method), "%s.list", c->noun);
	params = args_params(method, argc, argv, NULL, 0);
	if (params == NULL)
		return CLI_USAGE;
	if (!cli->json)
		json_object_object_add(params, "full", json_object_new_boolean(true));
	all = json_object_new_array();
	r = fetch_all(cli, method, params, all);
	if (r == CLI_OK && cli->json)
		print_json(all);
	else if (r == CLI_OK && array_length(all) == 0)
		printf("no %s\n", get_string(describe_kind(c->noun), "plural"));
	else if (r == CLI_OK)
		print_objects(c, all);
	json_object_put(all);
	return r;
}

const char *const object_verbs[] = {"list", "show", "create", "put", "update", "delete", NULL};

const char *const *extra_verbs(const char *noun)
{
	static const char *const set_verbs[] = {"add", "remove", NULL};
	static const char *const rule_verbs[] = {"rule", NULL};

	if (strcmp(noun, "address-set") == 0)
		return set_verbs;
	return strcmp(noun, "security-group") == 0 || strcmp(noun, "policy") == 0 ? rule_verbs
										  : NULL;
}

static bool is_extra_verb(const char *noun, const char *word)
{
	const char *const *verbs = extra_verbs(noun);

	for (; verbs != NULL && *verbs != NULL; verbs++)
		if (strcmp(*verbs, word) == 0)
			return true;
	return false;
}

bool is_object_verb(const char *noun, const char *word)
{
	if (is_extra_verb(noun, word))
		return true;
	for (size_t i = 0; object_verbs[i] != NULL; i++)
		if (strcmp(object_verbs[i], word) == 0)
			return true;
	return false;
}

int run_object(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct weftrpc_nearest near;
	const char *verb = argc > 0 ? argv[0] : "list";

	if (argc > 0) {
		argc--;
		argv++;
	}
	if (is_extra_verb(c->noun, verb))
		return strcmp(verb, "rule") == 0 ? run_rule(cli, c, argc, argv)
						 : run_address_set(cli, c, verb, argc, argv);
	weftrpc_nearest_init(&near, verb);
	for (size_t i = 0; object_verbs[i] != NULL; i++) {
		weftrpc_nearest_try(&near, object_verbs[i]);
		if (strcmp(object_verbs[i], verb) != 0)
			continue;
		if (i == 0)
			return list(cli, c, argc, argv);
		return i == 1 ? show(cli, c, argc, argv) : change(cli, c, verb, argc, argv);
	}
	return usage_unknown("verb", verb, near.best);
}
