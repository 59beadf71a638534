/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft rpc: any method, parameters as JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* The first JSON value of standard input. */
static struct json_object *read_stdin(void)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o = NULL;
	char buf[65536];
	size_t n;

	while (o == NULL && (n = fread(buf, 1, sizeof(buf), stdin)) > 0) {
		o = json_tokener_parse_ex(t, buf, (int)n);
		if (o == NULL && json_tokener_get_error(t) != json_tokener_continue)
			break;
	}
	json_tokener_free(t);
	return o;
}

int run_rpc(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct json_object *params = NULL, *result;
	int r;

	if (argc < 1 || argc > 2)
		return usage_error("weft rpc METHOD [PARAMS|-]");
	if (argc == 2) {
		params = strcmp(argv[1], "-") == 0 ? read_stdin() : json_tokener_parse(argv[1]);
		if (!json_object_is_type(params, json_type_object) &&
			!json_object_is_type(params, json_type_array)) {
			json_object_put(params);
			return usage_error(
				"weft rpc: the parameters must be a JSON object or array");
		}
	}
	r = cli_call(cli, argv[0], params, &result);
	if (r != CLI_OK)
		return r;
	print_json(result);
	json_object_put(result);
	return CLI_OK;
}
