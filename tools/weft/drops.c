/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft drops: dropped packets by port and reason, with what each reason means.
 */
#include <stdio.h>

#include "cli.h"

int run_drops(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct json_object *params = NULL, *result, *drops, *d;
	struct table *t;
	int r;

	if (argc > 1)
		return usage_error("weft drops [PORT]");
	if (argc == 1) {
		params = json_object_new_object();
		json_object_object_add(params, "port", json_object_new_string(argv[0]));
	}
	r = cli_call(cli, "drops", params, &result);
	if (r != CLI_OK)
		return r;
	drops = get_array(result, "drops");
	if (cli->json) {
		print_json(result);
	} else if (array_length(drops) == 0) {
		printf("nothing was dropped\n");
	} else {
		t = table_new(4, (const char *const[]){"PORT", "REASON", "PACKETS", "MEANING"});
		for (size_t i = 0; i < array_length(drops); i++) {
			d = json_object_array_get_idx(drops, i);
			table_cell(t, get_string(d, "port"));
			table_cell(t, get_string(d, "reason"));
			table_number(t, get_uint(d, "packets"));
			table_cell(t, get_string(d, "help"));
		}
		table_print_free(t);
	}
	json_object_put(result);
	return CLI_OK;
}
