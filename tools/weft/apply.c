/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft apply: a document from a file to weftd, and the difference that it made.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct apply_args {
	const char *path;
	bool dry_run, no_prune;
};

static int read_args(int argc, char **argv, struct apply_args *ret)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--dry-run") == 0)
			ret->dry_run = true;
		else if (strcmp(argv[i], "--no-prune") == 0)
			ret->no_prune = true;
		else if ((strcmp(argv[i], "-f") == 0 || strcmp(argv[i], "--file") == 0) &&
			 i + 1 < argc && ret->path == NULL)
			ret->path = argv[++i];
		else if ((strcmp(argv[i], "-f") == 0 || strcmp(argv[i], "--file") == 0) &&
			 ret->path == NULL)
			return usage_error("weft apply: %s: the file is missing", argv[i]);
		else
			return usage_error("weft apply -f FILE|- [--dry-run] [--no-prune]: what is "
					   "\"%s\"?",
				argv[i]);
	}
	if (ret->path == NULL)
		return usage_error("weft apply: -f FILE is missing; - reads standard input");
	return CLI_OK;
}

static void print_change(struct json_object *change)
{
	const char *action = get_string(change, "action");
	struct json_object *fields;

	printf("%c %s %s\n",
		strcmp(action, "create") == 0	? '+'
		: strcmp(action, "delete") == 0 ? '-'
						: '~',
		get_string(change, "kind"), get_string(change, "name"));
	if (!json_object_object_get_ex(change, "fields", &fields))
		return;
	json_object_object_foreach(fields, name, value)
	{
		struct json_object *from = NULL, *to = NULL;

		json_object_object_get_ex(value, "from", &from);
		json_object_object_get_ex(value, "to", &to);
		print_difference(name, from, to);
	}
}

static void print_result(struct json_object *result)
{
	struct json_object *changes = get_array(result, "changes");
	bool dry_run = get_bool(result, "dry_run");

	for (size_t i = 0; i < array_length(changes); i++)
		print_change(json_object_array_get_idx(changes, i));
	if (array_length(changes) == 0)
		printf("nothing to change; revision %llu\n",
			(unsigned long long)get_uint(result, "revision"));
	else
		printf("%llu created, %llu changed, %llu deleted; %s %llu\n",
			(unsigned long long)get_uint(result, "created"),
			(unsigned long long)get_uint(result, "updated"),
			(unsigned long long)get_uint(result, "deleted"),
			dry_run ? "dry run, nothing was changed; revision" : "revision",
			(unsigned long long)get_uint(result, "revision"));
}

/* Puts "FILE:LINE: " before what weftd says of an object or field of the document. */
static void add_line(struct weftrpc_error *err, struct json_object *doc, const struct apply_args *a)
{
	unsigned int line =
		document_line(doc, get_string(err->data, "object"), get_string(err->data, "field"));
	char text[sizeof(err->text)];

	if (line == 0)
		return;
	snprintf(text, sizeof(text), "%s", err->text);
	snprintf(err->text, sizeof(err->text), "%.100s:%u: %.*s",
		strcmp(a->path, "-") == 0 ? "standard input" : a->path, line,
		(int)sizeof(text) - 120, text);
}

static int call(struct cli *cli, const struct apply_args *a, struct json_object *doc,
	struct json_object **ret)
{
	struct json_object *params = json_object_new_object();
	struct weftrpc_error err = {0};
	int r;

	json_object_object_add(params, "document", json_object_get(doc));
	json_object_object_add(params, "dry_run", json_object_new_boolean(a->dry_run));
	json_object_object_add(params, "prune", json_object_new_boolean(!a->no_prune));
	r = weftrpc_call(cli->conn, "apply", params,
		cli->timeout_ms > 0 ? cli->timeout_ms : CLI_APPLY_TIMEOUT_S * 1000, ret, &err);
	if (r == 0)
		return CLI_OK;
	if (err.data != NULL)
		add_line(&err, doc, a);
	return cli_error(cli, &err, r);
}

int run_apply(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct apply_args a = {0};
	struct json_object *doc, *result;
	int r = read_args(argc, argv, &a);

	if (r != CLI_OK)
		return r;
	doc = document_load(a.path);
	if (doc == NULL)
		return CLI_FAILED;
	r = cli_connect(cli);
	if (r == CLI_OK)
		r = call(cli, &a, doc, &result);
	json_object_put(doc);
	if (r != CLI_OK)
		return r;
	if (cli->json)
		print_json(result);
	else
		print_result(result);
	json_object_put(result);
	return CLI_OK;
}
