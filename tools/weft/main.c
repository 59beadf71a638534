/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft, the operator's command: general options, then the noun's file does the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weftrpc/text.h>

#include "cli.h"

static int read_timeout(struct cli *cli, const char *value)
{
	char *end;
	double s = strtod(value, &end);

	if (*end != 0 || !(s >= 0.001) || s > 86400)
		return usage_error("--timeout: must be seconds, from 0.001 to 86400");
	cli->timeout_ms = (int)(s * 1000);
	return CLI_OK;
}

/* One general option at argv[i], wherever it stands. Returns the words taken, 0: none, -1: usage.
 */
static int general_option(struct cli *cli, int argc, char **argv, int i)
{
	const char *value = "";
	int n;

	if (strcmp(argv[i], "--json") == 0) {
		cli->json = true;
		return 1;
	}
	if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
		cli->help = true;
		return 1;
	}
	n = option_value(argc, argv, i, "--socket", &cli->socket);
	if (n > 0) {
		value = cli->socket;
	} else if ((n = option_value(argc, argv, i, "--instance", &cli->instance)) > 0) {
		value = cli->instance;
	} else if ((n = option_value(argc, argv, i, "--timeout", &value)) > 0) {
		if (value != NULL && read_timeout(cli, value) != CLI_OK)
			return -1;
	}
	if (value == NULL) {
		usage_error("%s: a value is missing", argv[i]);
		return -1;
	}
	return n;
}

static const struct command *find_command(const char *noun)
{
	for (const struct command *c = commands; c->noun != NULL; c++)
		if (strcmp(c->noun, noun) == 0)
			return c;
	return NULL;
}

static int unknown_command(const char *noun)
{
	struct weftrpc_nearest near;

	weftrpc_nearest_init(&near, noun);
	for (const struct command *c = commands; c->noun != NULL; c++)
		weftrpc_nearest_try(&near, c->noun);
	return usage_unknown("command", noun, near.best);
}

static int run(struct cli *cli, int argc, char **argv)
{
	const struct command *c;

	if (argc == 0 && !cli->help) {
		help_all();
		return CLI_USAGE;
	}
	if (argc > 0 && strcmp(argv[0], "help") == 0) {
		cli->help = true;
		argc--;
		argv++;
	}
	if (argc == 0) {
		help_all();
		return CLI_OK;
	}
	c = find_command(argv[0]);
	if (c == NULL)
		return unknown_command(argv[0]);
	if (cli->help) {
		return help_command(c, argc > 1 ? argv[1] : NULL);
	}
	return c->run(cli, c, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	struct cli cli = {0};
	char **rest = calloc((size_t)argc + 1, sizeof(*rest));
	int n_rest = 0, n, r = CLI_OK;

	if (rest == NULL)
		return CLI_FAILED;
	for (int i = 1; i < argc && r == CLI_OK; i += n) {
		/* What is to be completed are other people's words. */
		bool verbatim = n_rest > 0 && strcmp(rest[0], "complete") == 0;

		n = verbatim ? 0 : general_option(&cli, argc, argv, i);
		errors_as_json(cli.json);
		if (n < 0)
			r = CLI_USAGE;
		if (n == 0) {
			rest[n_rest++] = argv[i];
			n = 1;
		}
	}
	if (r == CLI_OK)
		r = run(&cli, n_rest, rest);
	weftrpc_close(cli.conn);
	free(rest);
	if (fflush(stdout) != 0 && r == CLI_OK)
		r = CLI_FAILED;
	return r;
}
