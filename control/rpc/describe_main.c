/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Build-time program: prints rpc.describe as JSON, as a C string for the CLI, or as the reference
 * page. Links the tables only.
 */
#include <stdio.h>
#include <string.h>

#include <rpc/method.h>
#include <rpc/rpc.h>

static struct json_object *describe(void)
{
	struct rpc_limits limits = {0};
	struct json_object *o = rpc_describe();

	rpc_limits_fill(&limits);
	json_object_object_add(o, "limits", rpc_limits_describe(&limits));
	return o;
}

/* As bytes: string literals have a length that compilers must support, and it is short. */
static void print_c(struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	size_t n = 0;

	printf("/* SPDX-License-Identifier: BSD-3-Clause */\n"
	       "/* Made by control/rpc/describe_main.c. */\n"
	       "#include \"describe.h\"\n\nconst char describe_text[] = {");
	for (; *text != 0; text++)
		printf("%s%d,", n++ % 20 == 0 ? "\n\t" : " ", (unsigned char)*text);
	printf("\n\t0};\n");
}

static const char *string(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_object_get(o, key);

	return v == NULL ? "" : json_object_get_string(v);
}

/* A pipe would end the cell. */
static void print_cell(const char *text)
{
	for (; *text != 0; text++)
		printf(*text == '|' ? "\\|" : "%c", *text);
}

static void print_range(struct json_object *o)
{
	struct json_object *min = json_object_object_get(o, "min");
	struct json_object *max = json_object_object_get(o, "max");
	struct json_object *most = json_object_object_get(o, "max_elements");
	struct json_object *values = json_object_object_get(o, "values");

	if (max != NULL && json_object_get_uint64(max) < UINT64_MAX - 1)
		printf(" %s..%s", min == NULL ? "0" : json_object_get_string(min),
			json_object_get_string(max));
	if (most != NULL)
		printf(", at most %s", json_object_get_string(most));
	for (size_t i = 0; values != NULL && i < json_object_array_length(values); i++)
		printf("%s%s", i == 0 ? ": " : ", ",
			json_object_get_string(json_object_array_get_idx(values, i)));
	if (string(o, "ref")[0] != 0)
		printf(strcmp(string(o, "type"), "references") == 0 ? " to %ss" : " to a %s",
			string(o, "ref"));
}

static void print_row(struct json_object *o, const char *prefix)
{
	struct json_object *fields = json_object_object_get(o, "fields");
	struct json_object *fallback = json_object_object_get(o, "default");
	char inner[128];

	printf("| `%s%s` | %s", prefix, string(o, "name"), string(o, "type"));
	print_range(o);
	printf(" | %s | ", json_object_get_boolean(json_object_object_get(o, "required"))
				   ? "required"
				   : (fallback == NULL ? "" : json_object_get_string(fallback)));
	print_cell(string(o, "help"));
	printf(" |\n");
	snprintf(inner, sizeof(inner), "%s%s%s.", prefix, string(o, "name"),
		strcmp(string(o, "type"), "objects") == 0 ? "[]" : "");
	for (size_t i = 0; fields != NULL && i < json_object_array_length(fields); i++)
		print_row(json_object_array_get_idx(fields, i), inner);
}

static void print_rows(struct json_object *rows)
{
	if (json_object_array_length(rows) == 0)
		return;
	printf("\n| name | type | default | meaning |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		print_row(json_object_array_get_idx(rows, i), "");
}

static void print_method(struct json_object *m, const char *name)
{
	printf("\n### %s\n\n%s", name, string(m, "help"));
	if (strcmp(string(m, "access"), "write") == 0)
		printf(" Operators only.");
	printf("\n\nAnswers: %s.\n", string(m, "result"));
	print_rows(json_object_object_get(m, "params"));
}

static void print_methods(struct json_object *methods)
{
	char name[64];

	printf("\n## Methods of every kind\n\nWith KIND one of the kinds above. Those that take "
	       "the "
	       "kind's fields take them beside the\nparameters listed; list filters by what the "
	       "kind refers to.\n");
	for (size_t i = 0; i < json_object_array_length(methods); i++) {
		struct json_object *m = json_object_array_get_idx(methods, i);

		/* A port refers to most, so it has all filters. */
		if (strcmp(string(m, "kind"), "port") != 0)
			continue;
		snprintf(name, sizeof(name), "KIND%s", strrchr(string(m, "name"), '.'));
		print_method(m, name);
	}
	printf("\n## Other methods\n");
	for (size_t i = 0; i < json_object_array_length(methods); i++) {
		struct json_object *m = json_object_array_get_idx(methods, i);

		if (string(m, "kind")[0] == 0)
			print_method(m, string(m, "name"));
	}
}

static void print_kinds(struct json_object *kinds)
{
	printf("\n## Kinds and their fields\n");
	for (size_t i = 0; i < json_object_array_length(kinds); i++) {
		struct json_object *k = json_object_array_get_idx(kinds, i);

		printf("\n### %s\n\nIn documents: `%s`.\n", string(k, "name"), string(k, "plural"));
		print_rows(json_object_object_get(k, "fields"));
	}
}

static void print_list(struct json_object *rows, const char *title, const char *first)
{
	printf("\n## %s\n\n| %s | name | meaning |\n| --- | --- | --- |\n", title, first);
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *o = json_object_array_get_idx(rows, i);

		printf("| %s | %s | ", string(o, first), string(o, "name"));
		print_cell(string(o, "help"));
		printf(" |\n");
	}
}

static void print_reference(struct json_object *o)
{
	printf("# The JSON-RPC interface of weftd\n\n"
	       "Made from the tables that check requests; do not edit: `ninja -C build "
	       "rpc-reference`.\n\n"
	       "JSON-RPC 2.0 on a Unix stream socket: one JSON value after another, with or "
	       "without "
	       "white space\nbetween them; each answer ends with a newline. Batches, notifications "
	       "and "
	       "parameters by position\nare as the specification has them; methods that take a "
	       "kind's "
	       "fields take parameters by name only.\nAnswers to requests in hand at the same time "
	       "may "
	       "come in another order. After a parse error weftd\ncloses the connection.\n\n"
	       "Root, weftd's own user and members of the operators' group may call everything; "
	       "whoever "
	       "else may\nopen the socket may read. `weft rpc METHOD PARAMS` calls any method.\n");
	print_kinds(json_object_object_get(o, "kinds"));
	print_methods(json_object_object_get(o, "methods"));
	print_list(json_object_object_get(o, "errors"), "Error codes", "code");
	printf("\nAn error's `data` has `reason` (the name above) and, where known, `object`, "
	       "`field` "
	       "and `op` (index).\n");
	print_list(json_object_object_get(o, "limits"), "Limits", "value");
}

int main(int argc, char **argv)
{
	struct json_object *o = describe();
	int r = 0;

	if (argc == 2 && strcmp(argv[1], "--c") == 0) {
		print_c(o);
	} else if (argc == 2 && strcmp(argv[1], "--reference") == 0) {
		print_reference(o);
	} else if (argc == 1) {
		printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY));
	} else {
		fprintf(stderr, "usage: %s [--c | --reference]\n", argv[0]);
		r = 2;
	}
	json_object_put(o);
	return r;
}
