/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft address-set add|remove: some prefixes of a set.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* Words to params: the name, prefixes (commas or blanks between them), options. */
static int read_words(const struct command *c, const char *verb, int argc, char **argv,
	struct json_object *params)
{
	struct json_object *prefixes = json_object_new_array();
	int n_words = 0;

	json_object_object_add(params, "prefixes", prefixes);
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--dry-run") == 0 || strcmp(argv[i], "dry_run=true") == 0) {
			json_object_object_add(params, "dry_run", json_object_new_boolean(true));
			continue;
		}
		if (argv[i][0] == '-' || strchr(argv[i], '=') != NULL)
			return usage_error("weft address-set %s: what is \"%s\"?", verb, argv[i]);
		if (n_words++ == 0) {
			object_set_name(c, params, argv[i]);
			continue;
		}
		for (const char *p = argv[i]; *p != 0; p += *p == ',') {
			size_t len = strcspn(p, ",");

			json_object_array_add(prefixes, json_object_new_string_len(p, (int)len));
			p += len;
		}
	}
	if (n_words < 2)
		return usage_error("weft address-set %s NAME PREFIX...", verb);
	return CLI_OK;
}

int run_address_set(
	struct cli *cli, const struct command *c, const char *verb, int argc, char **argv)
{
	struct json_object *params = json_object_new_object(), *result;
	char method[32];
	int r = read_words(c, verb, argc, argv, params);

	if (r != CLI_OK) {
		json_object_put(params);
		return r;
	}
	snprintf(method, sizeof(method), "address-set.%s", verb);
	r = cli_call(cli, method, params, &result);
	if (r != CLI_OK)
		return r;
	if (cli->json)
		print_json(result);
	else
		printf("address-set %s %s; %llu prefixes; revision %llu\n",
			get_string(result, "name"),
			!get_bool(result, "changed")  ? "is like that already"
			: get_bool(result, "dry_run") ? "would be changed (dry run)"
						      : "changed",
			(unsigned long long)get_uint(result, "prefixes"),
			(unsigned long long)get_uint(result, "revision"));
	json_object_put(result);
	return CLI_OK;
}
