/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft fdb: the data plane's MAC table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static void print_entries(struct json_object *result)
{
	struct json_object *entries = get_array(result, "entries"), *e;
	struct table *t = table_new(5, (const char *const[]){"SEGMENT", "VNI", "MAC", "WHERE", ""});

	for (size_t i = 0; i < array_length(entries); i++) {
		e = json_object_array_get_idx(entries, i);
		table_cell(t, get_string(e, "segment"));
		table_number(t, get_uint(e, "vni"));
		table_cell(t, get_string(e, "mac"));
		if (get_string(e, "port")[0] != 0)
			table_cellf(t, "port %s", get_string(e, "port"));
		else
			table_cellf(t, "VTEP %s", get_string(e, "remote"));
		table_cell(t, get_bool(e, "learned") ? "learned" : "");
	}
	table_print_free(t);
	if (get_bool(result, "truncated"))
		printf("%zu of %" PRIu64 "; more with limit=N\n", array_length(entries),
			get_uint(result, "total"));
}

int run_fdb(struct cli *cli, const struct command *c, int argc, char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "list";
	bool flush = strcmp(verb, "flush") == 0;
	struct json_object *params, *result;
	int r;

	if (!flush && strcmp(verb, "list") != 0)
		return usage_unknown("verb", verb, NULL);
	params = args_params(
		flush ? "fdb.flush" : "fdb.list", argc > 0 ? argc - 1 : 0, argv + 1, NULL, 0);
	if (params == NULL)
		return CLI_USAGE;
	r = cli_call(cli, flush ? "fdb.flush" : "fdb.list", params, &result);
	if (r != CLI_OK)
		return r;
	if (cli->json)
		print_json(result);
	else if (flush)
		printf("learned MACs were forgotten\n");
	else
		print_entries(result);
	json_object_put(result);
	return CLI_OK;
}
