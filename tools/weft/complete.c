/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft complete WORD...: what the last word may become, a line each; used by completion.bash. Names
 * of objects come from weftd; without it there are none, and never an error.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define NAMES_MAX 1000
#define WAIT_MS	  1000

static void offer(const char *word, const char *candidate)
{
	if (strncmp(candidate, word, strlen(word)) == 0)
		puts(candidate);
}

static void offer_all(const char *word, const char *const *candidates)
{
	for (; *candidates != NULL; candidates++)
		offer(word, *candidates);
}

/* Full names of a kind, each behind prefix ("segment="). */
static void offer_names(struct cli *cli, const char *kind, const char *prefix, const char *word)
{
	struct json_object *params = json_object_new_object(), *result, *objects, *o;
	char method[64], text[256];

	snprintf(method, sizeof(method), "%s.list", kind);
	json_object_object_add(params, "limit", json_object_new_int(NAMES_MAX));
	cli->timeout_ms = WAIT_MS;
	if (cli_call(cli, method, params, &result) != CLI_OK)
		return;
	objects = get_array(result, "objects");
	for (size_t i = 0; i < array_length(objects); i++) {
		o = json_object_array_get_idx(objects, i);
		snprintf(text, sizeof(text), "%s%s%s%s", prefix, get_string(o, "tenant"),
			get_string(o, "tenant")[0] != 0 ? "/" : "", get_string(o, "name"));
		offer(word, text);
	}
	json_object_put(result);
}

/* prefix: "kind=", and each value behind it. */
static void offer_values(
	struct cli *cli, struct json_object *spec, const char *prefix, const char *word)
{
	struct json_object *values = get_array(spec, "values");
	const char *name = get_string(spec, "name"), *ref = get_string(spec, "ref");
	char text[128];

	/* A filter names the kind that it is about. */
	if (ref[0] == 0 && strcmp(get_string(spec, "type"), "string") == 0 &&
		describe_kind(name) != NULL)
		ref = name;
	if (ref[0] != 0)
		offer_names(cli, ref, prefix, word);
	if (strcmp(get_string(spec, "type"), "bool") == 0) {
		snprintf(text, sizeof(text), "%strue", prefix);
		offer(word, text);
		snprintf(text, sizeof(text), "%sfalse", prefix);
		offer(word, text);
	}
	for (size_t i = 0; i < array_length(values); i++) {
		snprintf(text, sizeof(text), "%s%s", prefix,
			json_object_get_string(json_object_array_get_idx(values, i)));
		offer(word, text);
	}
}

/* "name=" of each field, or the values of the one that word has begun. prefix: "uplink." within a
 * field that has fields, else "". */
static void offer_fields(
	struct cli *cli, struct json_object *specs, const char *prefix, const char *word)
{
	const char *equals = strchr(word, '=');

	for (size_t i = 0; i < array_length(specs); i++) {
		struct json_object *spec = json_object_array_get_idx(specs, i);
		const char *name = get_string(spec, "name");
		char text[64];

		snprintf(text, sizeof(text), "%s%s=", prefix, name);
		if (strcmp(get_string(spec, "type"), "object") == 0 &&
			get_array(spec, "fields") != NULL) {
			snprintf(text, sizeof(text), "%s.", name);
			offer_fields(cli, get_array(spec, "fields"), text, word);
		} else if (equals != NULL) {
			if (strncmp(text, word, strlen(text)) == 0)
				offer_values(cli, spec, text, word);
		} else if (strcmp(name, "name") != 0) {
			offer(word, text);
		}
	}
}

/* Words of a rule have no order that a word could be known by. */
static void complete_rule(struct cli *cli, const char *kind, int argc, char **argv)
{
	static const char *const verbs[] = {"add", "remove", "list", NULL};
	static const char *const words[] = {"ingress", "egress", "ipv4", "ipv6", "tcp", "udp",
		"icmp", "icmpv6", "sctp", "from", "to", "group", "set", "log", NULL};
	static const char *const actions[] = {"allow", "deny", "reject", "pass", NULL};

	if (argc == 1)
		offer_all(argv[0], verbs);
	else if (argc == 2)
		offer_names(cli, kind, "", argv[1]);
	else if (strcmp(argv[0], "list") != 0)
		offer_all(argv[argc - 1], words);
	if (argc > 2 && strcmp(argv[0], "list") != 0 && strcmp(kind, "policy") == 0)
		offer_all(argv[argc - 1], actions);
}

static void complete_object(struct cli *cli, const char *kind, int argc, char **argv)
{
	const char *word = argv[argc - 1];
	char method[64];

	if (argc == 1) {
		offer_all(word, object_verbs);
		if (extra_verbs(kind) != NULL)
			offer_all(word, extra_verbs(kind));
		return;
	}
	if (strcmp(argv[0], "rule") == 0) {
		complete_rule(cli, kind, argc - 1, argv + 1);
		return;
	}
	snprintf(method, sizeof(method), "%s.%s", kind,
		strcmp(argv[0], "show") == 0 ? "get" : argv[0]);
	if (argc == 2 && strcmp(argv[0], "list") != 0 && strcmp(argv[0], "create") != 0)
		offer_names(cli, kind, "", word);
	if (get_bool(describe_method(method), "takes_fields"))
		offer_fields(cli, describe_fields(describe_kind(kind)), "", word);
	if (strcmp(argv[0], "show") != 0)
		offer_fields(cli, describe_params(describe_method(method)), "", word);
}

/* Nouns whose words are methods' parameters. */
static void complete_table(struct cli *cli, const char *noun, int argc, char **argv)
{
	static const char *const fdb_verbs[] = {"list", "flush", NULL};
	static const char *const session_verbs[] = {"list", "show", "flush", NULL};
	static const char *const list_only[] = {"list", NULL};
	char method[64];

	if (argc == 1) {
		offer_all(argv[0], strcmp(noun, "fdb") == 0	  ? fdb_verbs
				   : strcmp(noun, "session") == 0 ? session_verbs
								  : list_only);
		return;
	}
	snprintf(method, sizeof(method), "%s.%s", noun, argv[0]);
	offer_fields(cli, describe_params(describe_method(method)), "", argv[argc - 1]);
}

static void complete_drops(struct cli *cli, int argc, char **argv)
{
	static const char *const options[] = {"--last", "--reason", NULL};
	static const char *const verbs[] = {"show", NULL};
	const char *word = argv[argc - 1];

	offer_names(cli, "port", "", word);
	if (argc == 2)
		offer_all(word, verbs);
	else if (strcmp(argv[1], "show") == 0)
		offer_all(word, options);
}

/* Ports' names, and what the words of a packet or a filter may be. */
static void complete_trace(struct cli *cli, int argc, char **argv)
{
	static const char *const packet[] = {"tcp", "udp", "sctp", "icmp", "icmpv6", "arp", "proto",
		"--from", "--sport", "--src-mac", "--dst-mac", "--ttl", "--dscp", "--flags", "--id",
		"--size", "--vlan", "--df", "--fragment-offset", "--more-fragments", "--pcap",
		"--number", "--hex", "--from-vtep", "--vni", "--peer", "--answer", "--live", NULL};
	static const char *const filter[] = {"port", "segment", "host", "net", "src", "dst",
		"proto", "tcp", "udp", "sctp", "icmp", "icmpv6", "arp", "ip", "ip6", "and",
		"--count", "--for", "--rate", "--peer", NULL};
	const char *word = argv[argc - 1], *before = argv[argc - 2];
	bool live = false;

	for (int i = 1; i < argc; i++)
		live = live || strcmp(argv[i], "--live") == 0;
	if (live && strcmp(before, "segment") == 0)
		offer_names(cli, "segment", "", word);
	else if (live ? strcmp(before, "port") == 0 : argc == 2)
		offer_names(cli, "port", "", word);
	if (live)
		offer_all(word, filter);
	else if (argc > 2 || word[0] == '-')
		offer_all(word, packet);
}

static void complete_check(struct cli *cli, int argc, char **argv)
{
	static const char *const verbs[] = {"reach", NULL};
	static const char *const protocols[] = {"tcp/", "udp/", "sctp/", "icmp", "icmpv6", NULL};
	static const char *const options[] = {"--peer", "--probe", "--from", "--sport", NULL};
	const char *word = argv[argc - 1];

	if (argc == 2)
		offer_all(word, verbs);
	else if (argc <= 4)
		offer_names(cli, "port", "", word);
	else
		offer_all(word, protocols);
	if (word[0] == '-')
		offer_all(word, options);
}

static void complete_words(struct cli *cli, int argc, char **argv)
{
	static const char *const stats[] = {"ports", "workers", "fastpath", NULL};
	static const char *const stats_fastpath[] = {"--interval", NULL};
	static const char *const events[] = {
		"port", "fdb", "policy", "commit", "dataplane", "fastpath", "--count", NULL};
	static const char *const apply[] = {"-f", "--dry-run", "--no-prune", NULL};
	static const char *const export[] = {"--full", NULL};
	const char *noun = argv[0], *word = argv[argc - 1];

	if (describe_kind(noun) != NULL)
		complete_object(cli, noun, argc - 1, argv + 1);
	else if (strcmp(noun, "fdb") == 0 || strcmp(noun, "neighbour") == 0 ||
		 strcmp(noun, "session") == 0)
		complete_table(cli, noun, argc - 1, argv + 1);
	else if (strcmp(noun, "drops") == 0)
		complete_drops(cli, argc, argv);
	else if (strcmp(noun, "trace") == 0)
		complete_trace(cli, argc, argv);
	else if (strcmp(noun, "check") == 0)
		complete_check(cli, argc, argv);
	else if ((strcmp(noun, "stats") == 0 && argc == 3 && strcmp(argv[1], "ports") == 0))
		offer_names(cli, "port", "", word);
	else if (strcmp(noun, "stats") == 0 && argc > 2 && strcmp(argv[1], "fastpath") == 0)
		offer_all(word, stats_fastpath);
	else if (strcmp(noun, "stats") == 0)
		offer_all(word, stats);
	else if (strcmp(noun, "events") == 0)
		offer_all(word, events);
	else if (strcmp(noun, "apply") == 0)
		offer_all(word, apply);
	else if (strcmp(noun, "export") == 0)
		offer_all(word, export);
}

static void offer_methods(const char *word)
{
	struct json_object *methods = describe_list("methods");

	for (size_t i = 0; i < array_length(methods); i++)
		offer(word, get_string(json_object_array_get_idx(methods, i), "name"));
}

int run_complete(struct cli *cli, const struct command *c, int argc, char **argv)
{
	static const char *const general[] = {
		"--json", "--help", "--socket", "--instance", "--timeout", NULL};
	char *words[64];
	int n = 0;

	cli->quiet = true;
	/* General options stand anywhere; those with a value say where weftd is. */
	for (int i = 0; i < argc && n < 64; i++) {
		if (i + 1 < argc && strcmp(argv[i], "--socket") == 0)
			cli->socket = argv[++i];
		else if (i + 1 < argc && strcmp(argv[i], "--instance") == 0)
			cli->instance = argv[++i];
		else if (i + 1 < argc && strncmp(argv[i], "--socket=", 9) == 0)
			cli->socket = argv[i] + 9;
		else if (i + 1 < argc && strncmp(argv[i], "--instance=", 11) == 0)
			cli->instance = argv[i] + 11;
		else if (i + 2 < argc && strcmp(argv[i], "--timeout") == 0)
			i++;
		else if (i + 1 < argc && (strcmp(argv[i], "--json") == 0 ||
						 strncmp(argv[i], "--timeout=", 10) == 0 ||
						 (n == 0 && strcmp(argv[i], "help") == 0)))
			continue; /* help is followed by what it is about */
		else
			words[n++] = argv[i];
	}
	if (n == 0)
		return CLI_OK;
	if (words[n - 1][0] == '-')
		offer_all(words[n - 1], general);
	if (n > 1 && strcmp(words[0], "rpc") == 0)
		offer_methods(words[n - 1]);
	else if (n > 1)
		complete_words(cli, n, words);
	for (const struct command *k = commands; n == 1 && k->noun != NULL; k++)
		if (k->help != NULL)
			offer(words[0], k->noun);
	return CLI_OK;
}
