/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft export: everything as one document, from pages. When something changes between pages it
 * starts again, as a document must be of one revision.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define PAGE  10000
#define TRIES 5

static void append_page(struct json_object *doc, struct json_object *page)
{
	json_object_object_foreach(page, kind, array)
	{
		struct json_object *all = get_array(doc, kind);

		if (all == NULL) {
			json_object_object_add(doc, kind, json_object_get(array));
			continue;
		}
		for (size_t i = 0; i < array_length(array); i++)
			json_object_array_add(
				all, json_object_get(json_object_array_get_idx(array, i)));
	}
}

/* One page behind *after, which moves on (NULL at the end). */
static int fetch_page(struct cli *cli, bool full, struct json_object **after,
	struct json_object *doc, uint64_t *ret_revision)
{
	struct json_object *params = json_object_new_object(), *result, *v;
	int r;

	json_object_object_add(params, "limit", json_object_new_int(PAGE));
	json_object_object_add(params, "full", json_object_new_boolean(full));
	if (*after != NULL)
		json_object_object_add(params, "after", *after);
	*after = NULL;
	r = cli_call(cli, "export", params, &result);
	if (r != CLI_OK)
		return r;
	*ret_revision = get_uint(result, "revision");
	if (json_object_object_get_ex(result, "document", &v))
		append_page(doc, v);
	if (json_object_object_get_ex(result, "next", &v))
		*after = json_object_get(v);
	json_object_put(result);
	return CLI_OK;
}

/* *ret NULL: something changed meanwhile. */
static int fetch(struct cli *cli, bool full, struct json_object **ret)
{
	struct json_object *doc = json_object_new_object(), *after = NULL;
	uint64_t revision, first;
	int r = fetch_page(cli, full, &after, doc, &first);

	revision = first;
	while (r == CLI_OK && after != NULL && revision == first)
		r = fetch_page(cli, full, &after, doc, &revision);
	json_object_put(after);
	*ret = r == CLI_OK && revision == first ? json_object_get(doc) : NULL;
	json_object_put(doc);
	return r;
}

int run_export(struct cli *cli, const struct command *c, int argc, char **argv)
{
	bool full = argc == 1 && strcmp(argv[0], "--full") == 0;
	struct json_object *doc = NULL;
	int r = CLI_OK;

	if (argc > full)
		return usage_error("weft export [--full]: what is \"%s\"?", argv[full]);
	for (int i = 0; i < TRIES && r == CLI_OK && doc == NULL; i++)
		r = fetch(cli, full, &doc);
	if (r != CLI_OK)
		return r;
	if (doc == NULL)
		return failure("too much is being changed to export; try again");
	print_json(doc);
	json_object_put(doc);
	return CLI_OK;
}
