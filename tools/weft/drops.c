/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft drops: dropped packets by port and reason, with what each reason means; and the last of them
 * one by one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void print_counts(struct json_object *drops)
{
	struct table *t =
		table_new(4, (const char *const[]){"PORT", "REASON", "PACKETS", "MEANING"});

	for (size_t i = 0; i < array_length(drops); i++) {
		struct json_object *d = json_object_array_get_idx(drops, i);

		table_cell(t, get_string(d, "port"));
		table_cell(t, get_string(d, "reason"));
		table_number(t, get_uint(d, "packets"));
		table_cell(t, get_string(d, "help"));
	}
	table_print_free(t);
}

/* What it was because of, beside the reason. */
static void because(struct json_object *d, char *buf, size_t size)
{
	static const char *const words[][2] = {{"rule", ""}, {"to_port", "to port "},
		{"to_vtep", "to VTEP "}, {"from_vtep", "from VTEP "}};
	struct json_object *session;
	size_t n = 0;

	buf[0] = 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *value = get_string(d, words[i][0]);

		if (value[0] != 0 && n < size)
			n += (size_t)snprintf(
				buf + n, size - n, "%s%s%s", n > 0 ? ", " : "", words[i][1], value);
	}
	if (json_object_object_get_ex(d, "session", &session) && n < size)
		snprintf(buf + n, size - n, "%ssession of %s with %s", n > 0 ? ", " : "",
			get_string(session, "source"), get_string(session, "destination"));
}

static void print_records(struct json_object *drops)
{
	struct table *t = table_new(
		5, (const char *const[]){"AGO", "PORT", "REASON", "PACKET", "BECAUSE OF"});
	char text[512];

	for (size_t i = 0; i < array_length(drops); i++) {
		struct json_object *d = json_object_array_get_idx(drops, i);
		size_t n = 0;
		uint8_t *frame = decode_hex(get_string(d, "frame"), &n);

		table_cell(t, duration_text(get_uint(d, "age_ms"), text, sizeof(text)));
		table_cell(t, get_string(d, "port"));
		table_cell(t, get_string(d, "reason"));
		table_cell(t, decode_frame(frame, n, get_uint(d, "size"), text, sizeof(text)));
		because(d, text, sizeof(text));
		table_cell(t, text);
		free(frame);
	}
	table_print_free(t);
}

static int ask(struct cli *cli, const char *method, struct json_object *params,
	void (*print)(struct json_object *drops), const char *none)
{
	struct json_object *result;
	int r = cli_call(cli, method, params, &result);

	if (r != CLI_OK)
		return r;
	if (cli->json)
		print_json(result);
	else if (array_length(get_array(result, "drops")) == 0)
		printf("%s\n", none);
	else
		print(get_array(result, "drops"));
	json_object_put(result);
	return CLI_OK;
}

static int run_show(struct cli *cli, int argc, char **argv)
{
	const char *port = NULL;
	char last[] = "--limit";
	struct json_object *params;

	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--last") == 0)
			argv[i] = last;
	params = args_params("drops.list", argc, argv, &port, 1);
	if (params == NULL)
		return CLI_USAGE;
	if (port != NULL)
		json_object_object_add(params, "port", json_object_new_string(port));
	return ask(cli, "drops.list", params, print_records, "no dropped packet is on record");
}

int run_drops(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct json_object *params = NULL;

	if (argc > 0 && strcmp(argv[0], "show") == 0)
		return run_show(cli, argc - 1, argv + 1);
	if (argc > 1)
		return usage_error("weft drops [PORT], or weft drops show [PORT] [--last N]");
	if (argc == 1) {
		params = json_object_new_object();
		json_object_object_add(params, "port", json_object_new_string(argv[0]));
	}
	return ask(cli, "drops", params, print_counts, "nothing was dropped");
}
