/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft neighbour: the addresses that the data plane answers ARP and ND for.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

int run_neighbour(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct json_object *params, *result, *entries, *e;
	struct table *t;
	int r;

	if (argc > 0 && strcmp(argv[0], "list") != 0)
		return usage_unknown("verb", argv[0], "list");
	params = args_params("neighbour.list", argc > 0 ? argc - 1 : 0, argv + 1, NULL, 0);
	if (params == NULL)
		return CLI_USAGE;
	r = cli_call(cli, "neighbour.list", params, &result);
	if (r != CLI_OK)
		return r;
	if (cli->json) {
		print_json(result);
	} else {
		entries = get_array(result, "entries");
		t = table_new(4, (const char *const[]){"SEGMENT", "VNI", "ADDRESS", "MAC"});
		for (size_t i = 0; i < array_length(entries); i++) {
			e = json_object_array_get_idx(entries, i);
			table_cell(t, get_string(e, "segment"));
			table_number(t, get_uint(e, "vni"));
			table_cell(t, get_string(e, "address"));
			table_cell(t, get_string(e, "mac"));
		}
		table_print_free(t);
		if (get_bool(result, "truncated"))
			printf("%zu of %" PRIu64 "; more with limit=N\n", array_length(entries),
				get_uint(result, "total"));
	}
	json_object_put(result);
	return CLI_OK;
}
