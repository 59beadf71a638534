/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an operator can do about a packet that was dropped, by the reason.
 */
#include <stdio.h>
#include <string.h>

#include "trace.h"

/* {src} and {dst} of the packet, {what} as in "tcp 80", {port} whose policy refused it, {group} of
 * that port, {router} that had no way. */
static const struct {
	const char *reason, *remedy;
} remedies[] = {
	{"policy-egress", "let a rule allow it: weft security-group rule add {group} egress {what} "
			  "to {dst}"},
	{"policy-ingress",
		"let a rule allow it: weft security-group rule add {group} ingress {what} "
		"from {src}"},
	{"spoofed-mac", "send from the port's own MAC, or weft port update {port} mac=..."},
	{"spoofed-addr", "add the address to the port's: weft port update {port} addresses=..."},
	{"no-route", "put the destination's segment into the router, or weft route create ... "
		     "router={router} prefix={dst} ..."},
	{"blackhole", "weft route list router={router} shows the route that says so"},
	{"no-neighbour", "give a port of that segment the address: weft port list shows them"},
	{"unknown-unicast", "give a port of that segment the MAC: weft port list shows them"},
	{"route-loop", "weft route list shows routes to peers; one of them leads back"},
	{"vtep-unresolved", "weft status of that host says what its underlay lacks"},
	{"no-uplink", "weft status of that host says what its uplink lacks"},
	{"port-down", "weft status of that host says what the port lacks"},
	{"ttl-expired", "send it with a larger TTL"},
	{"unknown-vtep", "the hosts' documents differ: apply the same one on both"},
	{"unknown-vni", "the hosts' documents differ: apply the same one on both"},
	{"session-table-full", "weft session list shows who holds them"},
	{"session-port-limit", "weft session list port={port} shows them; max_sessions bounds "
			       "them"},
	{"session-tenant-limit", "weft session list shows them; the tenant's max_sessions bounds "
				 "them"},
};

struct facts {
	struct json_object *port; /* fields of the port that refused, or NULL */
	const char *port_name, *src, *dst, *router, *what;
};

/* The first security group of the port that refused, with its tenant. */
static void write_group(FILE *f, const struct facts *facts)
{
	struct json_object *groups = get_array(facts->port, "security_groups");
	const char *name = array_length(groups) > 0
				   ? json_object_get_string(json_object_array_get_idx(groups, 0))
				   : "";

	if (name[0] == 0)
		fprintf(f, "GROUP");
	else if (strchr(name, '/') != NULL)
		fprintf(f, "%s", name);
	else
		fprintf(f, "%s/%s", get_string(facts->port, "tenant"), name);
}

static void write_placeholder(FILE *f, const struct facts *facts, const char *name, size_t len)
{
	const struct {
		const char *name, *value, *otherwise;
	} values[] = {{"src", facts->src, "SOURCE"}, {"dst", facts->dst, "DESTINATION"},
		{"port", facts->port_name, "PORT"}, {"router", facts->router, "ROUTER"},
		{"what", facts->what, ""}};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (strlen(values[i].name) == len && strncmp(values[i].name, name, len) == 0)
			fprintf(f, "%s",
				values[i].value[0] != 0 ? values[i].value : values[i].otherwise);
	if (len == 5 && strncmp(name, "group", len) == 0)
		write_group(f, facts);
}

static void write_remedy(FILE *f, const struct facts *facts, const char *remedy)
{
	while (*remedy != 0) {
		size_t len = strcspn(remedy, "{");

		fprintf(f, "%.*s", (int)len, remedy);
		remedy += len;
		if (*remedy != '{')
			continue;
		len = strcspn(++remedy, "}");
		write_placeholder(f, facts, remedy, len);
		remedy += len + 1;
	}
}

/* "tcp/80" as rules have it: "tcp 80"; "132" is "proto 132". */
static void what_text(const char *what, char *buf, size_t size)
{
	if (what[0] >= '0' && what[0] <= '9')
		snprintf(buf, size, "proto %.*s", (int)strcspn(what, "/"), what);
	else
		snprintf(buf, size, "%.*s %s", (int)strcspn(what, "/"), what,
			strchr(what, '/') != NULL ? strchr(what, '/') + 1 : "");
	if (buf[0] != 0 && buf[strlen(buf) - 1] == ' ')
		buf[strlen(buf) - 1] = 0;
}

/* By the reason; a policy's rule is another matter than a group that allows nothing. */
static const char *remedy_of(const char *reason, struct json_object *drop)
{
	if (strncmp(get_string(drop, "rule"), "policy ", 7) == 0)
		return "weft policy rule list shows that rule; only a rule before it lets this "
		       "pass";
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (strcmp(remedies[i].reason, reason) == 0)
			return remedies[i].remedy;
	return NULL;
}

char *remedy_text(struct trace_hosts *h, struct json_object *leg, const char *what)
{
	struct json_object *steps = get_array(leg, "steps"), *parsed, *drop, *route;
	const char *remedy;
	struct facts facts = {0};
	struct trace_host *any = NULL;
	char what_buf[64], *text = NULL;
	size_t size;
	FILE *f;

	drop = find_step(steps, "drop");
	parsed = find_step(steps, "parsed");
	route = find_step(steps, "route");
	remedy = remedy_of(get_string(leg, "reason"), drop);
	if (remedy == NULL)
		return NULL;
	what_text(what, what_buf, sizeof(what_buf));
	facts = (struct facts){NULL, get_string(drop, "rule_port"), get_string(parsed, "source"),
		get_string(parsed, "destination"), get_string(route, "router"), what_buf};
	if (facts.port_name[0] == 0)
		facts.port_name = get_string(leg, "port");
	if (strchr(facts.port_name, '/') != NULL)
		hosts_of_port(h, facts.port_name, &any, &facts.port);
	f = open_memstream(&text, &size);
	if (f != NULL) {
		write_remedy(f, &facts, remedy);
		fclose(f);
	}
	json_object_put(facts.port);
	return text;
}
