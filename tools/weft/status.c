/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft status: what runs, what it holds and what is wrong.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, key, &v);
	return v;
}

static void print_processes(struct json_object *status)
{
	struct json_object *weftd = member(status, "weftd"), *dp = member(status, "dataplane");
	char up[32];

	printf("host %s, revision %" PRIu64 "\n\n", get_string(status, "host"),
		get_uint(weftd, "revision"));
	printf("weftd           running for %s, pid %" PRIu64 ", release %s\n",
		duration_text(get_uint(weftd, "uptime_ms"), up, sizeof(up)), get_uint(weftd, "pid"),
		get_string(weftd, "release"));
	if (!get_bool(dp, "connected")) {
		printf("weft-dataplane  not connected\n");
		return;
	}
	printf("weft-dataplane  ");
	if (member(dp, "uptime_ms") != NULL)
		printf("running for %s, ",
			duration_text(get_uint(dp, "uptime_ms"), up, sizeof(up)));
	else
		printf("connected, ");
	printf("pid %" PRIu64 ", release %s, workers %" PRIu64 ", generation %" PRIu64 ", %s\n",
		get_uint(dp, "pid"), get_string(dp, "release"), get_uint(dp, "workers"),
		get_uint(dp, "generation"), get_bool(dp, "in_sync") ? "in sync" : "not in sync");
}

static void print_objects(struct json_object *objects)
{
	const char *comma = "";

	printf("\nobjects: ");
	json_object_object_foreach(objects, kind, n)
	{
		if (json_object_get_uint64(n) == 0)
			continue;
		printf("%s%" PRIu64 " %s", comma, json_object_get_uint64(n), kind);
		comma = ", ";
	}
	printf("%s\n", comma[0] == 0 ? "none" : "");
}

/* As with kinds, those without any are not worth a word. */
static void print_tables(struct json_object *tables)
{
	const char *comma = "";

	if (tables == NULL)
		return;
	printf("tables:  ");
	json_object_object_foreach(tables, name, t)
	{
		if (get_uint(t, "entries") == 0)
			continue;
		printf("%s%" PRIu64 " %s", comma, get_uint(t, "entries"), name);
		comma = ", ";
	}
	printf("%s\n", comma[0] == 0 ? "empty" : "");
}

static void print_sessions(struct json_object *s)
{
	if (s == NULL)
		return;
	printf("sessions: %" PRIu64 " of %" PRIu64 ", %" PRIu64 " not answered yet; %" PRIu64
	       " made since start, %" PRIu64 " refused\n",
		get_uint(s, "now"), get_uint(s, "max"), get_uint(s, "half_open"),
		get_uint(s, "created"), get_uint(s, "refused"));
}

static void print_carried(struct json_object *sessions)
{
	uint64_t n_left;

	if (sessions == NULL)
		return;
	n_left = get_uint(sessions, "no_place") + get_uint(sessions, "no_room");
	printf(", carries %" PRIu64 " of at most %" PRIu64 " sessions", get_uint(sessions, "now"),
		get_uint(sessions, "max"));
	if (n_left > 0)
		printf("; %" PRIu64 " found no room since start", n_left);
}

static void print_fastpath(struct json_object *f)
{
	struct json_object *interfaces;
	size_t n_fast = 0;

	if (f == NULL)
		return;
	interfaces = get_array(f, "interfaces");
	for (size_t i = 0; i < array_length(interfaces); i++)
		n_fast += get_bool(json_object_array_get_idx(interfaces, i), "fast");
	printf("fast path: %s", get_string(f, "state"));
	if (strcmp(get_string(f, "state"), "on") == 0) {
		printf(", on %zu of %zu interfaces", n_fast, array_length(interfaces));
		print_carried(member(f, "sessions"));
	}
	printf("\n");
}

static void add_programs(struct table *t, struct json_object *programs)
{
	char text[200] = "";
	size_t used = 0;

	for (size_t i = 0; i < array_length(programs); i++) {
		struct json_object *p = json_object_array_get_idx(programs, i);
		int n = snprintf(text + used, sizeof(text) - used, "%s%s (%s)", i > 0 ? ", " : "",
			get_string(p, "name"), get_string(p, "mode"));

		if (n < 0 || used + (size_t)n >= sizeof(text))
			break;
		used += (size_t)n;
	}
	table_cell(t, text);
}

static void print_interfaces(struct json_object *interfaces)
{
	struct table *t;

	if (array_length(interfaces) == 0)
		return;
	printf("\n");
	t = table_new(
		5, (const char *const[]){"INTERFACE", "PORT", "FAST PATH", "PROGRAMS", "REPAIRED"});
	for (size_t i = 0; i < array_length(interfaces); i++) {
		struct json_object *p = json_object_array_get_idx(interfaces, i);

		table_cell(t, get_string(p, "interface"));
		table_cell(t, get_string(p, "port"));
		table_cell(t, get_bool(p, "fast") ? "on" : "off");
		add_programs(t, get_array(p, "programs"));
		table_number(t, get_uint(p, "repaired"));
	}
	table_print_free(t);
}

static void print_metadata(struct json_object *m)
{
	if (m == NULL || member(m, "endpoint") == NULL)
		return;
	printf("metadata: %s, state %s; %" PRIu64 " requests, %" PRIu64 " failed\n",
		get_string(m, "endpoint"), get_string(m, "state"), get_uint(m, "requests"),
		get_uint(m, "failed"));
}

static void print_ports(struct json_object *ports)
{
	struct table *t;

	if (array_length(ports) == 0)
		return;
	printf("\n");
	t = table_new(5, (const char *const[]){"PORT", "SEGMENT", "KIND", "STATE", ""});
	for (size_t i = 0; i < array_length(ports); i++) {
		struct json_object *p = json_object_array_get_idx(ports, i);

		table_cell(t, get_string(p, "name"));
		table_cell(t, get_string(p, "segment"));
		table_cell(t, get_string(p, "kind"));
		table_cell(t, get_string(p, "state"));
		table_cell(t, get_string(p, "text"));
	}
	table_print_free(t);
}

static void print_vteps(struct json_object *vteps)
{
	struct table *t;

	if (array_length(vteps) == 0)
		return;
	printf("\n");
	t = table_new(5, (const char *const[]){"VTEP", "FROM", "NEXT HOP", "MTU", "STATE"});
	for (size_t i = 0; i < array_length(vteps); i++) {
		struct json_object *v = json_object_array_get_idx(vteps, i);

		table_cell(t, get_string(v, "remote"));
		table_cell(t, get_string(v, "local"));
		table_cell(t, get_string(v, "next_hop_mac"));
		table_cell(t, get_string(v, "path_mtu"));
		table_cell(t, get_bool(v, "resolved") ? "resolved" : "unresolved");
	}
	table_print_free(t);
}

static void print_warnings(struct json_object *warnings)
{
	if (array_length(warnings) == 0) {
		printf("\nNothing is wrong.\n");
		return;
	}
	printf("\nWhat is wrong:\n");
	for (size_t i = 0; i < array_length(warnings); i++) {
		printf("* ");
		print_safe(json_object_get_string(json_object_array_get_idx(warnings, i)));
		printf("\n");
	}
}

int run_status(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct json_object *status;
	int r;

	if (argc > 0)
		return usage_error("weft status takes no arguments");
	r = cli_call(cli, "status", NULL, &status);
	if (r != CLI_OK)
		return r;
	if (cli->json) {
		print_json(status);
	} else {
		print_processes(status);
		print_objects(member(status, "objects"));
		print_tables(member(member(status, "dataplane"), "tables"));
		print_sessions(member(member(status, "dataplane"), "sessions"));
		print_fastpath(member(status, "fastpath"));
		print_metadata(member(status, "metadata"));
		print_ports(get_array(status, "ports"));
		if (member(status, "fastpath") != NULL)
			print_interfaces(get_array(member(status, "fastpath"), "interfaces"));
		print_vteps(get_array(status, "vteps"));
		print_warnings(get_array(status, "warnings"));
	}
	json_object_put(status);
	return CLI_OK;
}
