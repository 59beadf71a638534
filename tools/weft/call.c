/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of weftd, and how their failures are told to people, to scripts (--json) and to the shell
 * (exit codes).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli.h"

static void print_error_json(const struct weftrpc_error *err)
{
	struct json_object *o = json_object_new_object(), *e = json_object_new_object();

	json_object_object_add(e, "code", json_object_new_int(err->code));
	json_object_object_add(e, "message", json_object_new_string(err->text));
	if (err->data != NULL)
		json_object_object_add(e, "data", json_object_get(err->data));
	json_object_object_add(o, "error", e);
	fprintf(stderr, "%s\n",
		json_object_to_json_string_ext(
			o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

int cli_error(struct cli *cli, struct weftrpc_error *err, int error)
{
	if (!cli->quiet && cli->json)
		print_error_json(err);
	else if (!cli->quiet)
		fprintf(stderr, "weft: %s\n", err->text);
	weftrpc_error_clear(err);
	return error == -EREMOTEIO || cli->conn != NULL ? CLI_FAILED : CLI_NO_WEFTD;
}

int cli_connect(struct cli *cli)
{
	struct weftrpc_error err = {0};
	char path[WEFTRPC_PATH_SIZE];
	int r;

	if (cli->conn != NULL)
		return CLI_OK;
	if (weftrpc_socket_path(cli->socket, cli->instance, path) < 0)
		return usage_error("the socket's path is too long");
	r = weftrpc_connect(path, &cli->conn, &err);
	return r < 0 ? cli_error(cli, &err, r) : CLI_OK;
}

int cli_call(
	struct cli *cli, const char *method, struct json_object *params, struct json_object **ret)
{
	struct weftrpc_error err = {0};
	int r = cli_connect(cli);

	if (r != CLI_OK) {
		json_object_put(params);
		return r;
	}
	r = weftrpc_call(cli->conn, method, params,
		cli->timeout_ms > 0 ? cli->timeout_ms : CLI_TIMEOUT_S * 1000, ret, &err);
	return r < 0 ? cli_error(cli, &err, r) : CLI_OK;
}

static bool as_json;

void errors_as_json(bool json)
{
	as_json = json;
}

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list ap)
{
	struct weftrpc_error err = {0};

	vsnprintf(err.text, sizeof(err.text), format, ap);
	if (as_json)
		print_error_json(&err);
	else
		fprintf(stderr, "weft: %s\n", err.text);
}

int usage_error(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	return CLI_USAGE;
}

int failure(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	return CLI_FAILED;
}

int usage_unknown(const char *what, const char *word, const char *suggestion)
{
	if (suggestion != NULL)
		return usage_error(
			"there is no %s \"%s\"; did you mean \"%s\"?", what, word, suggestion);
	return usage_error("there is no %s \"%s\"; --help lists them", what, word);
}
