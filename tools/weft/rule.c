/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft security-group rule and weft policy rule: single rules in words. A group's rules are one
 * field, so add and remove read the object, change the list and write it back unless somebody else
 * was faster. What the words may be together is for weftd to say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* A member of a rule: not absent, not null. */
static struct json_object *given(struct json_object *rule, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(rule, key, &v) ? v : NULL;
}

static void write_protocol(FILE *f, struct json_object *rule)
{
	const char *protocol = get_string(rule, "protocol");

	if (strcmp(protocol, "any") == 0 || protocol[0] == 0)
		return;
	fprintf(f,
		json_object_is_type(given(rule, "protocol"), json_type_int) ? " proto %s" : " %s",
		protocol);
	if (given(rule, "ports") != NULL)
		fprintf(f, " %s", get_string(rule, "ports"));
	if (given(rule, "icmp_type") != NULL)
		fprintf(f, " %s", get_string(rule, "icmp_type"));
	if (given(rule, "icmp_code") != NULL)
		fprintf(f, "/%s", get_string(rule, "icmp_code"));
}

void rule_write(FILE *f, struct json_object *rule)
{
	const char *direction = get_string(rule, "direction"), *family = get_string(rule, "family");
	const char *side = strcmp(direction, "egress") == 0 ? "to" : "from";

	if (given(rule, "action") != NULL)
		fprintf(f, "%s ", get_string(rule, "action"));
	fprintf(f, "%s", direction);
	if (family[0] != 0 && strcmp(family, "any") != 0)
		fprintf(f, " %s", family);
	write_protocol(f, rule);
	if (given(rule, "remote") != NULL)
		fprintf(f, " %s %s", side, get_string(rule, "remote"));
	if (given(rule, "remote_group") != NULL)
		fprintf(f, " %s group %s", side, get_string(rule, "remote_group"));
	if (given(rule, "address_set") != NULL)
		fprintf(f, " %s set %s", side, get_string(rule, "address_set"));
	if (get_bool(rule, "log"))
		fprintf(f, " log");
}

static void set(struct json_object *rule, const char *key, const char *value)
{
	json_object_object_add(rule, key, json_object_new_string(value));
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static bool is_number(const char *word)
{
	return word != NULL && word[0] != 0 && word[strspn(word, "0123456789")] == 0;
}

/* A number, or the text for weftd to judge. */
static void set_number(struct json_object *rule, const char *key, const char *value)
{
	if (is_number(value))
		json_object_object_add(rule, key, json_object_new_int64(strtoll(value, NULL, 10)));
	else
		set(rule, key, value);
}

/* "tcp 80-90", "icmp 8/0", "proto 89": takes the words behind the protocol's that belong to it.
 * Returns how many. */
static int read_protocol(struct json_object *rule, const char *protocol, char **rest, int n_rest)
{
	bool icmp = strncmp(protocol, "icmp", 4) == 0;
	char *slash;

	set_number(rule, "protocol", protocol);
	if (n_rest < 1 || rest[0][0] < '0' || rest[0][0] > '9')
		return 0;
	slash = strchr(rest[0], '/');
	if (!icmp) {
		set(rule, "ports", rest[0]);
		return 1;
	}
	if (slash != NULL) {
		*slash = 0;
		set_number(rule, "icmp_code", slash + 1);
	}
	set_number(rule, "icmp_type", rest[0]);
	return 1;
}

/* "from 10.0.0.0/8", "from group web", "to set hosts". Returns the words taken, 0: one is missing.
 */
static int read_side(struct json_object *rule, char **words, int n)
{
	if (n >= 2 && strcmp(words[1], "group") != 0 && strcmp(words[1], "set") != 0) {
		set(rule, "remote", words[1]);
		return 2;
	}
	if (n < 3)
		return 0;
	set(rule, strcmp(words[1], "group") == 0 ? "remote_group" : "address_set", words[2]);
	return 3;
}

/* One part of a rule at words[0]. Returns how many words it takes, 0 after printing why not. */
static int read_part(struct json_object *rule, char **words, int n, size_t *ret_at)
{
	static const char *const directions[] = {"ingress", "egress", NULL};
	static const char *const actions[] = {"allow", "deny", "reject", "pass", NULL};
	static const char *const families[] = {"ipv4", "ipv6", NULL};
	static const char *const protocols[] = {
		"tcp", "udp", "icmp", "icmpv6", "sctp", "any", NULL};
	int took = 1;

	if (is_one_of(words[0], directions))
		set(rule, "direction", words[0]);
	else if (is_one_of(words[0], actions))
		set(rule, "action", words[0]);
	else if (is_one_of(words[0], families))
		set(rule, "family", words[0]);
	else if (is_one_of(words[0], protocols))
		took = 1 + read_protocol(rule, words[0], words + 1, n - 1);
	else if (strcmp(words[0], "proto") == 0 && n >= 2)
		took = 2 + read_protocol(rule, words[1], words + 2, n - 2);
	else if (strcmp(words[0], "from") == 0 || strcmp(words[0], "to") == 0)
		took = read_side(rule, words, n);
	else if (strcmp(words[0], "log") == 0)
		json_object_object_add(rule, "log", json_object_new_boolean(true));
	else if (strncmp(words[0], "description=", 12) == 0)
		set(rule, "description", words[0] + 12);
	else if (strcmp(words[0], "at") == 0 && n >= 2 && is_number(words[1])) {
		*ret_at = strtoul(words[1], NULL, 10);
		took = 2;
	} else
		took = 0;
	if (took == 0)
		usage_error("rule: what is \"%s\"? See weft security-group --help", words[0]);
	return took;
}

/* NULL after printing why. *ret_at: where it goes, from 1; 0: not said. */
static struct json_object *read_rule(int argc, char **argv, size_t *ret_at)
{
	struct json_object *rule = json_object_new_object();
	int took;

	for (int i = 0; i < argc; i += took) {
		took = read_part(rule, argv + i, argc - i, ret_at);
		if (took == 0) {
			json_object_put(rule);
			return NULL;
		}
	}
	if (given(rule, "direction") == NULL) {
		usage_error("rule: ingress or egress is missing");
		json_object_put(rule);
		return NULL;
	}
	return rule;
}

static int fetch(
	struct cli *cli, const struct command *c, const char *name, struct json_object **ret)
{
	struct json_object *params = json_object_new_object();
	char method[64];

	object_set_name(c, params, name);
	snprintf(method, sizeof(method), "%s.get", c->noun);
	return cli_call(cli, method, params, ret);
}

static struct json_object *rules_of(struct json_object *got)
{
	return get_array(given(got, "object"), "rules");
}

static int list(struct cli *cli, struct json_object *got)
{
	struct json_object *rules = rules_of(got);
	struct table *t;

	if (cli->json) {
		print_json(rules);
		return CLI_OK;
	}
	if (array_length(rules) == 0) {
		printf("no rules\n");
		return CLI_OK;
	}
	t = table_new(3, (const char *const[]){"N", "RULE", "DESCRIPTION"});
	for (size_t i = 0; i < array_length(rules); i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);
		char *text = value_text(rule);

		table_number(t, i + 1);
		table_cell(t, text);
		table_cell(t, get_string(rule, "description"));
		free(text);
	}
	table_print_free(t);
	return CLI_OK;
}

/* The place of a rule that reads the same, from 1; 0: there is none. */
static size_t find_rule(struct json_object *rules, struct json_object *rule)
{
	char *wanted = value_text(rule), *text;
	size_t found = 0;

	for (size_t i = 0; i < array_length(rules) && found == 0; i++) {
		text = value_text(json_object_array_get_idx(rules, i));
		found = strcmp(text, wanted) == 0 ? i + 1 : 0;
		free(text);
	}
	free(wanted);
	return found;
}

/* The rules with one more; takes rule. NULL after printing why. */
static struct json_object *with_rule(struct json_object *rules, struct json_object *rule, size_t at)
{
	struct json_object *all = json_object_new_array();
	size_t n = array_length(rules);

	if (at > n + 1) {
		usage_error("rule add: at %zu: there are %zu rules", at, n);
		json_object_put(all);
		json_object_put(rule);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (i + 1 == at)
			json_object_array_add(all, json_object_get(rule));
		json_object_array_add(all, json_object_get(json_object_array_get_idx(rules, i)));
	}
	if (at == 0 || at == n + 1)
		json_object_array_add(all, json_object_get(rule));
	json_object_put(rule);
	return all;
}

/* The rules without the one that words say: a number, or a rule. NULL after printing why. */
static struct json_object *without_rule(struct json_object *rules, int argc, char **argv)
{
	struct json_object *all, *rule;
	size_t at = 0;

	if (argc == 1 && is_number(argv[0])) {
		at = strtoul(argv[0], NULL, 10);
	} else {
		rule = read_rule(argc, argv, &at);
		if (rule == NULL)
			return NULL;
		at = find_rule(rules, rule);
		json_object_put(rule);
	}
	if (at == 0 || at > array_length(rules)) {
		failure("rule remove: there is no such rule; see rule list");
		return NULL;
	}
	all = json_object_new_array();
	for (size_t i = 0; i < array_length(rules); i++)
		if (i + 1 != at)
			json_object_array_add(
				all, json_object_get(json_object_array_get_idx(rules, i)));
	return all;
}

/* Writes the rules back; takes them. */
static int store(struct cli *cli, const struct command *c, const char *name,
	struct json_object *got, struct json_object *rules)
{
	struct json_object *params = json_object_new_object(), *result;
	char method[64];
	int r;

	object_set_name(c, params, name);
	json_object_object_add(params, "rules", rules);
	json_object_object_add(
		params, "if_revision", json_object_new_uint64(get_uint(got, "revision")));
	snprintf(method, sizeof(method), "%s.update", c->noun);
	r = cli_call(cli, method, params, &result);
	if (r != CLI_OK)
		return r;
	if (cli->json)
		print_json(result);
	else
		printf("%s %s updated; %zu rules; revision %llu\n", c->noun,
			get_string(result, "name"), array_length(rules),
			(unsigned long long)get_uint(result, "revision"));
	json_object_put(result);
	return CLI_OK;
}

/* add and remove: argv is what follows the name. */
static int change(
	struct cli *cli, const struct command *c, bool add, const char *name, int argc, char **argv)
{
	struct json_object *got, *rule = NULL, *rules;
	size_t at = 0;
	int r;

	if (add) {
		rule = read_rule(argc, argv, &at);
		if (rule == NULL)
			return CLI_USAGE;
	}
	r = fetch(cli, c, name, &got);
	if (r != CLI_OK) {
		json_object_put(rule);
		return r;
	}
	rules = add ? with_rule(rules_of(got), rule, at) : without_rule(rules_of(got), argc, argv);
	r = CLI_FAILED;
	if (rules != NULL) {
		r = store(cli, c, name, got, json_object_get(rules));
		json_object_put(rules);
	}
	json_object_put(got);
	return r;
}

int run_rule(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct json_object *got;
	int r;

	if (argc >= 3 && (strcmp(argv[0], "add") == 0 || strcmp(argv[0], "remove") == 0))
		return change(cli, c, strcmp(argv[0], "add") == 0, argv[1], argc - 2, argv + 2);
	if (argc != 2 || strcmp(argv[0], "list") != 0)
		return usage_error("weft %s rule list NAME, or rule add|remove NAME RULE; see "
				   "--help",
			c->noun);
	r = fetch(cli, c, argv[1], &got);
	if (r != CLI_OK)
		return r;
	r = list(cli, got);
	json_object_put(got);
	return r;
}
