/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft session: the data plane's tracked connections. A list is printed page by page as it comes,
 * so that a million of them need no memory here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define ROW "%-7s %-12s %-24s %-24s %-18s %-22s %-10s %10s %6s %7s\n"

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, key, &v);
	return v;
}

/* Where packets of that way go. */
static void where_text(struct json_object *way, char *buf, size_t size)
{
	if (get_string(way, "out_port")[0] != 0)
		snprintf(buf, size, "port %s", get_string(way, "out_port"));
	else if (get_string(way, "vtep")[0] != 0)
		snprintf(buf, size, "VTEP %s", get_string(way, "vtep"));
	else
		snprintf(buf, size, "-");
}

static void print_row(struct json_object *s)
{
	struct json_object *forward = member(s, "forward"), *reply = member(s, "reply");
	char src[80], dst[80], where[160], packets[24], idle[24], ends[24], row[512];

	end_text(forward, "src", "sport", src, sizeof(src));
	end_text(forward, "dst", "dport", dst, sizeof(dst));
	where_text(forward, where, sizeof(where));
	snprintf(packets, sizeof(packets), "%" PRIu64,
		get_uint(forward, "packets") + get_uint(reply, "packets"));
	snprintf(idle, sizeof(idle), "%" PRIu64 " s", get_uint(s, "idle_s"));
	snprintf(ends, sizeof(ends), "%" PRIu64 " s", get_uint(s, "ends_s"));
	snprintf(row, sizeof(row), ROW, get_string(s, "proto"), get_string(s, "state"), src, dst,
		get_string(s, "network"), where, get_bool(s, "offloaded") ? "kernel" : "data plane",
		packets, idle, ends);
	row[strcspn(row, "\n")] = 0;
	print_safe(row);
	putchar('\n');
}

/* As one JSON object, written as it comes. */
static void print_page(struct cli *cli, struct json_object *sessions, bool *first)
{
	for (size_t i = 0; i < array_length(sessions); i++) {
		struct json_object *s = json_object_array_get_idx(sessions, i);

		if (cli->json)
			printf("%s%s", *first ? "{\"sessions\": [\n" : ",\n",
				json_object_to_json_string_ext(s,
					JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		else if (*first)
			printf(ROW, "PROTO", "STATE", "FROM", "TO", "NETWORK", "WHERE",
				"CARRIED BY", "PACKETS", "IDLE", "ENDS IN");
		if (!cli->json)
			print_row(s);
		*first = false;
	}
}

static void print_end(struct cli *cli, bool none, const char *next)
{
	if (cli->json && next != NULL)
		printf("%s], \"next\": \"%s\"}\n", none ? "{\"sessions\": [" : "\n", next);
	else if (cli->json)
		printf("%s], \"next\": null}\n", none ? "{\"sessions\": [" : "\n");
	else if (next != NULL)
		printf("more with after=%s\n", next);
	else if (none)
		printf("no sessions\n");
}

/* With a limit one page, else all of them. */
static int list(struct cli *cli, int argc, char **argv)
{
	struct json_object *params = args_params("session.list", argc, argv, NULL, 0), *result;
	bool first = true, one_page;
	char next[32] = "";
	int r;

	if (params == NULL)
		return CLI_USAGE;
	one_page = member(params, "limit") != NULL;
	do {
		r = cli_call(cli, "session.list", json_object_get(params), &result);
		if (r != CLI_OK)
			break;
		print_page(cli, get_array(result, "sessions"), &first);
		snprintf(next, sizeof(next), "%s", get_string(result, "next"));
		json_object_put(result);
		json_object_object_add(params, "after", json_object_new_string(next));
	} while (next[0] != 0 && !one_page);
	json_object_put(params);
	if (r == CLI_OK)
		print_end(cli, first, next[0] != 0 ? next : NULL);
	return r;
}

static void add_fields(struct table *t, const char *prefix, struct json_object *o)
{
	json_object_object_foreach(o, key, value)
	{
		char *text;

		if (json_object_is_type(value, json_type_object)) {
			add_fields(t, key, value);
			continue;
		}
		text = value_text(value);
		table_cellf(t, "%s%s%s", prefix, prefix[0] != 0 ? "." : "", key);
		table_cell(t, text);
		free(text);
	}
}

static int show(struct cli *cli, int argc, char **argv)
{
	struct json_object *params = args_params("session.show", argc, argv, NULL, 0), *result;
	struct table *t;
	int r;

	if (params == NULL)
		return CLI_USAGE;
	r = cli_call(cli, "session.show", params, &result);
	if (r != CLI_OK)
		return r;
	if (cli->json) {
		print_json(result);
	} else {
		t = table_new(2, (const char *const[]){"FIELD", "VALUE"});
		add_fields(t, "", member(result, "session"));
		table_print_free(t);
	}
	json_object_put(result);
	return CLI_OK;
}

static int flush(struct cli *cli, int argc, char **argv)
{
	struct json_object *params = args_params("session.flush", argc, argv, NULL, 0), *result;
	int r;

	if (params == NULL)
		return CLI_USAGE;
	r = cli_call(cli, "session.flush", params, &result);
	if (r != CLI_OK)
		return r;
	if (cli->json)
		print_json(result);
	else
		printf("%" PRIu64 " sessions were ended\n", get_uint(result, "flushed"));
	json_object_put(result);
	return CLI_OK;
}

int run_session(struct cli *cli, const struct command *c, int argc, char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "list";
	int n = argc > 0 ? argc - 1 : 0;

	if (strcmp(verb, "list") == 0)
		return list(cli, n, argv + 1);
	if (strcmp(verb, "show") == 0)
		return show(cli, n, argv + 1);
	if (strcmp(verb, "flush") == 0)
		return flush(cli, n, argv + 1);
	return usage_unknown("verb", verb, NULL);
}
