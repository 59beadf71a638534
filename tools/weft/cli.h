/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the CLI share. It has no business logic: it turns words into calls of weftd
 * and answers into text. One thread; errors are printed where they are found.
 */
#ifndef WEFT_CLI_H
#define WEFT_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include <weftrpc/client.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,	  /* weftd refused, or the call failed */
	CLI_USAGE = 2,	  /* the command line makes no sense */
	CLI_NO_WEFTD = 3, /* nobody listens, or no permission to connect */
	CLI_DIFFERS = 4	  /* what happened is not what was foretold */
};

#define CLI_TIMEOUT_S	    60
#define CLI_APPLY_TIMEOUT_S 600

struct cli {
	const char *socket;   /* --socket, or NULL */
	const char *instance; /* --instance, or NULL */
	bool json;
	bool help;
	bool quiet;	/* completion: say nothing when something fails */
	int timeout_ms; /* 0: the command's own */
	struct weftrpc *conn;
};

struct command {
	const char *noun;
	const char *synopsis; /* what follows "weft " in its usage; lines for several */
	const char *help;     /* one line */
	/* Takes what follows the noun. Returns an enum cli_exit. */
	int (*run)(struct cli *cli, const struct command *c, int argc, char **argv);
	const char *more; /* details for --help, or NULL */
};

/* Ended by one whose noun is NULL. */
extern const struct command commands[];

/* Ended by NULL. */
extern const char *const object_verbs[];
bool is_object_verb(const char *noun, const char *word);
/* Verbs that only this noun has, ended by NULL; NULL: none. */
const char *const *extra_verbs(const char *noun);
int run_object(struct cli *cli, const struct command *c, int argc, char **argv);
int run_apply(struct cli *cli, const struct command *c, int argc, char **argv);
int run_export(struct cli *cli, const struct command *c, int argc, char **argv);
int run_status(struct cli *cli, const struct command *c, int argc, char **argv);
int run_stats(struct cli *cli, const struct command *c, int argc, char **argv);
/* weft stats fastpath ...; the words after it. */
int stats_fastpath(struct cli *cli, int argc, char **argv);
int run_drops(struct cli *cli, const struct command *c, int argc, char **argv);
int run_fdb(struct cli *cli, const struct command *c, int argc, char **argv);
int run_neighbour(struct cli *cli, const struct command *c, int argc, char **argv);
int run_session(struct cli *cli, const struct command *c, int argc, char **argv);
int run_events(struct cli *cli, const struct command *c, int argc, char **argv);
int run_trace(struct cli *cli, const struct command *c, int argc, char **argv);
int run_check(struct cli *cli, const struct command *c, int argc, char **argv);
int run_rpc(struct cli *cli, const struct command *c, int argc, char **argv);
int run_version(struct cli *cli, const struct command *c, int argc, char **argv);
int run_complete(struct cli *cli, const struct command *c, int argc, char **argv);

/* call.c. Connects at the first call. Takes params. On failure prints the error and returns the
 * exit code; *ret is then untouched. */
int cli_call(
	struct cli *cli, const char *method, struct json_object *params, struct json_object **ret);
int cli_connect(struct cli *cli);
/* Prints err, with remedy; clears it. Returns the exit code that goes with it. */
int cli_error(struct cli *cli, struct weftrpc_error *err, int error);
/* What this program says itself, as --json wants it, from now on. */
void errors_as_json(bool json);
__attribute__((format(printf, 1, 2))) int usage_error(const char *format, ...);
/* When something else than weftd failed. Returns CLI_FAILED. */
__attribute__((format(printf, 1, 2))) int failure(const char *format, ...);
/* For words that are none of the command's. */
int usage_unknown(const char *what, const char *word, const char *suggestion);

/* help.c */
void help_all(void);
/* verb NULL: all of them. Returns an enum cli_exit. */
int help_command(const struct command *c, const char *verb);

/* args.c. specs: an array of {"name", "type"} of fields or parameters, see rpc.describe. Reads
 * "name=value" and "--name value" words into ret; other words go to positional, in order, up to
 * n_positional. Returns 0 or CLI_USAGE after printing why. */
int args_parse(struct json_object *specs, int argc, char **argv, struct json_object *ret,
	const char **positional, int n_positional);
/* The parameters of a method, from the command line. NULL after printing why. */
struct json_object *args_params(
	const char *method, int argc, char **argv, const char **positional, int n_positional);

/* Reads --name VALUE or --name=VALUE at argv[i]. Returns the words taken, *ret NULL when there is
 * no value; 0: another option. */
int option_value(int argc, char **argv, int i, const char *name, const char **ret);

/* describe.c: the description that this program was built with. */
struct json_object *describe_list(const char *list);   /* "methods", "kinds" */
struct json_object *describe_kind(const char *name);   /* singular; NULL: none */
struct json_object *describe_method(const char *name); /* NULL: none */
struct json_object *describe_fields(struct json_object *kind);
struct json_object *describe_params(struct json_object *method);
bool describe_has_field(struct json_object *specs, const char *name);

/* rule.c: weft security-group|policy rule add|remove|list. Takes what follows "rule". */
int run_rule(struct cli *cli, const struct command *c, int argc, char **argv);
/* A rule as its words on the command line: "ingress tcp 80 from 10.0.0.0/8". */
void rule_write(FILE *f, struct json_object *rule);

/* address_set.c: weft address-set add|remove. Takes what follows the verb. */
int run_address_set(
	struct cli *cli, const struct command *c, const char *verb, int argc, char **argv);

/* object.c: "red/web1" to the members tenant and name. */
void object_set_name(const struct command *c, struct json_object *params, const char *name);

/* difference.c: what was and is of a field, in lines. */
void print_difference(const char *name, struct json_object *from, struct json_object *to);

/* output.c */
void print_json(struct json_object *o);
const char *get_string(struct json_object *o, const char *key); /* "" when absent */
uint64_t get_uint(struct json_object *o, const char *key);
bool get_bool(struct json_object *o, const char *key);
struct json_object *get_array(struct json_object *o, const char *key); /* NULL when absent */
size_t array_length(struct json_object *a);			       /* 0 for NULL */
/* A value in one line, as the command line would take it. Caller frees. */
char *value_text(struct json_object *value);
/* "3 d 4 h", "12 s" */
const char *duration_text(uint64_t ms, char *buf, size_t size);
/* Without control characters, so that a name from elsewhere can't drive the terminal. */
void print_safe(const char *text);
/* The members addr and port of o: "10.0.0.1:80", "[fd00::1]:80", or the address alone. */
void end_text(struct json_object *o, const char *addr, const char *port, char *buf, size_t size);

/* decode.c: a frame in one line, as far as the n bytes tell of which a frame of size bytes begins
 * with: "10.0.0.1:4000 > 10.0.0.2:80 tcp S". Returns buf. */
const char *decode_frame(const uint8_t *b, size_t n, size_t size, char *buf, size_t buf_size);
/* The bytes of hex digits; spaces and colons are passed over. NULL when it is something else; the
 * caller frees. */
uint8_t *decode_hex(const char *hex, size_t *ret_n);

/* table.c */
struct table;
struct table *table_new(size_t n_columns, const char *const *headings);
/* Copies. Cells come row by row. */
void table_cell(struct table *t, const char *text);
__attribute__((format(printf, 2, 3))) void table_cellf(struct table *t, const char *format, ...);
void table_number(struct table *t, uint64_t n); /* aligned right */
void table_print_free(struct table *t);

/* file.c: a document from a file ("-": standard input). NULL after printing why. */
struct json_object *document_load(const char *path);
/* The line of an object ("port red/web1") and field in the document, 0 when unknown. */
unsigned int document_line(struct json_object *doc, const char *object, const char *field);

#endif
