/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Help: the list of commands, and for objects the fields with their meaning.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const char general[] =
	"  --json           print JSON; errors too, on standard error\n"
	"  --socket PATH    weftd's socket; else $WEFT_SOCKET, else /run/weft/weftd.sock\n"
	"  --instance NAME  the weftd at /run/weft/NAME/weftd.sock\n"
	"  --timeout SEC    give up after so many seconds\n"
	"  -h, --help       of a command: weft port create --help\n";

void help_all(void)
{
	printf("usage: weft COMMAND [ARGUMENT...] [OPTION...]\n\n");
	for (const struct command *c = commands; c->noun != NULL; c++)
		if (c->help != NULL)
			printf("  %-14s %s\n", c->noun, c->help);
	printf("\n%s\nExit status: 0 done, 1 refused or failed, 2 wrong usage, 3 can't connect to "
	       "weftd.\nSee weft(1).\n",
		general);
}

static void print_spec(struct json_object *spec, const char *prefix);

/* The fields of a field. */
static void print_inner(struct json_object *fields, const char *name, const char *between)
{
	char prefix[72];

	snprintf(prefix, sizeof(prefix), "%s%s", name, between);
	for (size_t i = 0; i < array_length(fields); i++)
		print_spec(json_object_array_get_idx(fields, i), prefix);
}

static void print_spec(struct json_object *spec, const char *prefix)
{
	struct json_object *values = get_array(spec, "values"), *fields = get_array(spec, "fields");
	struct json_object *fallback = NULL;
	char name[64];

	snprintf(name, sizeof(name), "%s%s", prefix, get_string(spec, "name"));
	if (fields != NULL && strcmp(get_string(spec, "type"), "object") == 0) {
		print_inner(fields, name, ".");
		return;
	}
	printf("  %-20s %s", name, get_string(spec, "help"));
	for (size_t i = 0; i < array_length(values); i++)
		printf("%s%s", i == 0 ? "; one of " : ", ",
			json_object_get_string(json_object_array_get_idx(values, i)));
	json_object_object_get_ex(spec, "default", &fallback);
	if (get_bool(spec, "required"))
		printf(" (required)");
	else if (fallback != NULL && strcmp(get_string(spec, "type"), "enum") != 0 &&
		 strcmp(json_object_get_string(fallback), "0") != 0)
		printf(" (default %s)", json_object_get_string(fallback));
	else if (fallback != NULL && json_object_is_type(fallback, json_type_string))
		printf(" (default %s)", json_object_get_string(fallback));
	printf("\n");
	print_inner(fields, name, "[].");
}

static void print_specs(const char *title, struct json_object *specs)
{
	if (array_length(specs) == 0)
		return;
	printf("\n%s:\n", title);
	for (size_t i = 0; i < array_length(specs); i++)
		print_spec(json_object_array_get_idx(specs, i), "");
}

/* The method behind a verb of the command line; NULL: it is none by itself. */
static struct json_object *describe_method_of(const char *kind, const char *verb)
{
	char method[64];

	snprintf(method, sizeof(method), "%s.%s", kind, strcmp(verb, "show") == 0 ? "get" : verb);
	return describe_method(method);
}

static void help_object(const char *kind, const char *verb)
{
	struct json_object *k = describe_kind(kind), *m;

	m = describe_method_of(kind, verb == NULL ? "put" : verb);
	if (verb != NULL)
		printf("\n%s\n", get_string(m, "help"));
	if (get_bool(m, "takes_fields"))
		print_specs("fields", describe_fields(k));
	if (verb != NULL)
		print_specs("options", describe_params(m));
	printf("\nNAME is %s. A field is given as name=value or --name value; lists with commas.\n",
		describe_has_field(describe_fields(k), "tenant") ? "TENANT/NAME" : "a plain name");
}

int help_command(const struct command *c, const char *verb)
{
	const char *line = c->synopsis, *end;

	if (c->run == run_object && verb != NULL && !is_object_verb(c->noun, verb))
		return usage_unknown("verb", verb, NULL);

	for (const char *lead = "usage: "; *line != 0; lead = "       ", line = end) {
		end = line + strcspn(line, "\n");
		printf("%sweft %.*s\n", lead, (int)(end - line), line);
		end += *end == '\n';
	}
	if (c->help != NULL)
		printf("\n%s\n", c->help);
	if (c->run == run_object && (verb == NULL || describe_method_of(c->noun, verb) != NULL))
		help_object(c->noun, verb);
	if (strcmp(c->noun, "fdb") == 0)
		print_specs("filters", describe_params(describe_method("fdb.list")));
	if (c->more != NULL)
		printf("\n%s", c->more);
	printf("\nGeneral options:\n%s", general);
	return CLI_OK;
}
