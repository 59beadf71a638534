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
	const char *port_name, *router;
	char src[64], dst[64]; /* as prefixes */
	char what[64];	       /* as rules have it: "tcp 80", "proto 47" */
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

static void prefix_text(const char *addr, char *buf, size_t size)
{
	if (addr[0] != 0)
		snprintf(buf, size, "%s/%s", addr, strchr(addr, ':') != NULL ? "128" : "32");
}

static void what_text(struct json_object *parsed, char *buf, size_t size)
{
	const char *protocol = get_string(parsed, "protocol");
	bool is_number = protocol[0] >= '0' && protocol[0] <= '9';
	size_t n;

	n = (size_t)snprintf(buf, size, "%s%s", is_number ? "proto " : "", protocol);
	if (json_object_object_get_ex(parsed, "destination_port", NULL) && n < size)
		snprintf(buf + n, size - n, " %s", get_string(parsed, "destination_port"));
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

/* What the steps of a leg say. The caller puts ret->port. */
static void read_facts(struct trace_hosts *h, struct json_object *leg, struct facts *ret)
{
	struct json_object *steps = get_array(leg, "steps"), *parsed = find_step(steps, "parsed");
	struct trace_host *any = NULL;

	ret->port_name = get_string(find_step(steps, "drop"), "rule_port");
	if (ret->port_name[0] == 0)
		ret->port_name = get_string(leg, "port");
	if (strchr(ret->port_name, '/') != NULL)
		hosts_of_port(h, ret->port_name, &any, &ret->port);
	ret->router = get_string(find_step(steps, "route"), "router");
	prefix_text(get_string(parsed, "source"), ret->src, sizeof(ret->src));
	prefix_text(get_string(parsed, "destination"), ret->dst, sizeof(ret->dst));
	what_text(parsed, ret->what, sizeof(ret->what));
}

char *remedy_text(struct trace_hosts *h, struct json_object *leg)
{
	struct json_object *drop = find_step(get_array(leg, "steps"), "drop");
	const char *remedy = remedy_of(get_string(leg, "reason"), drop);
	struct facts facts = {0};
	char *text = NULL;
	size_t size;
	FILE *f;

	if (remedy == NULL)
		return NULL;
	read_facts(h, leg, &facts);
	f = open_memstream(&text, &size);
	if (f != NULL) {
		write_remedy(f, &facts, remedy);
		fclose(f);
	}
	json_object_put(facts.port);
	return text;
}
