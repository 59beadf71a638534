/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft events: a line for each thing that happens.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void print_commit(struct json_object *e)
{
	struct json_object *changes = get_array(e, "changes");

	printf("commit revision %llu:", (unsigned long long)get_uint(e, "revision"));
	for (size_t i = 0; i < array_length(changes); i++) {
		struct json_object *c = json_object_array_get_idx(changes, i);

		printf(" %s %s %s%s", get_string(c, "action"), get_string(c, "kind"),
			get_string(c, "name"), i + 1 < array_length(changes) ? "," : "");
	}
	if (get_uint(e, "total") > array_length(changes))
		printf(" and %llu more",
			(unsigned long long)(get_uint(e, "total") - array_length(changes)));
}

/* "deny ingress red/w1: tcp 10.0.0.1:1000 to 10.0.0.2:80, security-group red/web rule 3 (text)" */
static void print_policy(struct json_object *e)
{
	char src[80], dst[80];

	end_text(e, "src", "sport", src, sizeof(src));
	end_text(e, "dst", "dport", dst, sizeof(dst));
	printf("policy %s %s %s: %s %s to %s", get_string(e, "action"), get_string(e, "direction"),
		get_string(e, "port"), get_string(e, "proto"), src, dst);
	if (json_object_object_get_ex(e, "icmp_type", NULL))
		printf(" type %llu code %llu", (unsigned long long)get_uint(e, "icmp_type"),
			(unsigned long long)get_uint(e, "icmp_code"));
	printf(", %s", get_string(e, "rule"));
	if (get_string(e, "description")[0] != 0) {
		printf(" (");
		print_safe(get_string(e, "description"));
		printf(")");
	}
	if (get_uint(e, "suppressed") > 0)
		printf("; %llu before it were not told",
			(unsigned long long)get_uint(e, "suppressed"));
}

static void print_event(struct json_object *e)
{
	const char *type = get_string(e, "type");

	printf("%s ", get_string(e, "time"));
	if (strcmp(type, "port") == 0) {
		printf("port %s is %s", get_string(e, "port"), get_string(e, "state"));
		if (get_string(e, "text")[0] != 0)
			printf(": %s", get_string(e, "text"));
	} else if (strcmp(type, "fdb") == 0) {
		printf("fdb %s %s %s %s", get_string(e, "event"), get_string(e, "segment"),
			get_string(e, "mac"),
			get_string(e, "port")[0] != 0 ? get_string(e, "port")
						      : get_string(e, "remote"));
	} else if (strcmp(type, "policy") == 0) {
		print_policy(e);
	} else if (strcmp(type, "commit") == 0) {
		print_commit(e);
	} else if (strcmp(type, "dataplane") == 0) {
		printf("data plane %s", get_bool(e, "connected") ? "connected" : "lost");
	} else if (strcmp(type, "fastpath") == 0) {
		printf("fastpath %s on interface %s of port %s: ", get_string(e, "event"),
			get_string(e, "interface"), get_string(e, "port"));
		print_safe(get_string(e, "what"));
	} else {
		printf("%s", json_object_to_json_string_ext(e, JSON_C_TO_STRING_PLAIN));
	}
	printf("\n");
}

static int follow(struct cli *cli, unsigned long count)
{
	struct weftrpc_error err = {0};
	struct json_object *n, *params;
	int r = 0;

	for (unsigned long i = 0; count == 0 || i < count; i++) {
		r = weftrpc_notification(
			cli->conn, cli->timeout_ms > 0 ? cli->timeout_ms : -1, &n, &err);
		if (r < 0)
			return cli_error(cli, &err, r);
		if (json_object_object_get_ex(n, "params", &params)) {
			if (cli->json)
				puts(json_object_to_json_string_ext(params,
					JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
			else
				print_event(params);
			fflush(stdout);
		}
		json_object_put(n);
	}
	return CLI_OK;
}

static int read_count(const char *text, unsigned long *ret)
{
	char *end;

	*ret = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != 0 || *ret == 0)
		return usage_error("--count: must be a whole number from 1, not \"%s\"", text);
	return CLI_OK;
}

int run_events(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct json_object *params = json_object_new_object();
	struct json_object *events = json_object_new_array(), *result;
	unsigned long count = 0;
	int r = CLI_OK;

	for (int i = 0; i < argc && r == CLI_OK; i++) {
		if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
			r = read_count(argv[++i], &count);
		else if (strncmp(argv[i], "--count=", 8) == 0)
			r = read_count(argv[i] + 8, &count);
		else if (argv[i][0] == '-')
			r = usage_error("weft events [port] [fdb] [policy] [commit] [dataplane] "
					"[--count N]");
		else
			json_object_array_add(events, json_object_new_string(argv[i]));
	}
	if (array_length(events) > 0)
		json_object_object_add(params, "events", events);
	else
		json_object_put(events);
	if (r != CLI_OK) {
		json_object_put(params);
		return r;
	}
	r = cli_call(cli, "events.subscribe", params, &result);
	if (r != CLI_OK)
		return r;
	json_object_put(result);
	return follow(cli, count);
}
