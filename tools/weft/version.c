/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft version: of this program, and of weftd when it runs.
 */
#include <stdio.h>

#include "cli.h"

int run_version(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct json_object *result = NULL, *o;

	if (argc > 0)
		return usage_error("weft version takes no arguments");
	/* Without weftd this program still has a version. */
	cli->quiet = true;
	if (cli_call(cli, "version", NULL, &result) != CLI_OK)
		result = NULL;
	if (cli->json) {
		o = json_object_new_object();
		json_object_object_add(o, "weft", json_object_new_string(WEFT_RELEASE));
		json_object_object_add(o, "weftd", json_object_get(result));
		print_json(o);
		json_object_put(o);
	} else {
		printf("weft   %s\n", WEFT_RELEASE);
		if (result != NULL)
			printf("weftd  %s on host %s; you may %s\n", get_string(result, "release"),
				get_string(result, "host"), get_string(result, "access"));
		else
			printf("weftd  can't be reached: weft status says why\n");
	}
	json_object_put(result);
	return CLI_OK;
}
