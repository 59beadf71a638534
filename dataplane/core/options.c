/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: one table gives getopt's options and the help text.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/log.h>
#include <core/options.h>

#define OPTIONS_DEFAULT_SOCKET	  "/run/weft/dataplane.sock"
#define OPTIONS_DEFAULT_MBUFS	  32768
#define OPTIONS_DEFAULT_MAX_SLEEP 500

/* X(code, "name", has argument, "ARG", "help") */
#define OPTIONS(X)                                                                                 \
	X('s', "socket", required_argument, "PATH",                                                \
		"channel to the control daemon (" OPTIONS_DEFAULT_SOCKET ")")                      \
	X('w', "workers", required_argument, "N", "packet threads (1, or as many as --cores)")     \
	X('c', "cores", required_argument, "LIST", "CPUs for the workers, one each: 2,3 or 4-7")   \
	X('m', "memory", required_argument, "MB", "DPDK memory (follows from --mbufs)")            \
	X('b', "mbufs", required_argument, "N", "packet buffers (32768)")                          \
	X('n', "max-sessions", required_argument, "N",                                             \
		"tracked connections, 352 to 384 bytes each when used (1048576)")                  \
	X('H', "no-huge", no_argument, NULL, "do without hugepages, slower")                       \
	X('a', "pci", required_argument, "ADDR", "PCI device that DPDK may use; repeatable")       \
	X('p', "poll", no_argument, NULL, "idle workers never sleep")                              \
	X('S', "max-sleep-us", required_argument, "N", "longest sleep of an idle worker (500)")    \
	X('u', "user", required_argument, "NAME", "run as this user")                              \
	X('k', "keep-capabilities", no_argument, NULL, "don't give up capabilities")               \
	X('l', "log-level", required_argument, "LEVEL", "error, warning, info or debug (info)")    \
	X('V', "version", no_argument, NULL, "print the version")                                  \
	X('h', "help", no_argument, NULL, "print this")

static const struct option options_long[] = {
#define OPTIONS_LONG(code, name, arg, meta, help) {name, arg, NULL, code},
	OPTIONS(OPTIONS_LONG)
#undef OPTIONS_LONG
		{NULL, 0, NULL, 0}};

static void options_help_line(const char *name, const char *meta, const char *help)
{
	char left[40];

	snprintf(left, sizeof(left), "--%s%s%s", name, meta ? " " : "", meta ? meta : "");
	printf("  %-24s %s\n", left, help);
}

static void options_help(void)
{
	printf("Usage: weft-dataplane [OPTION]...\n"
	       "Forwards the packets of this host; weftd tells it what to do.\n\n");
#define OPTIONS_HELP(code, name, arg, meta, help) options_help_line(name, meta, help);
	OPTIONS(OPTIONS_HELP)
#undef OPTIONS_HELP
}

/* A whole decimal number in min..max. Returns 0 or -EINVAL; says why. */
static int options_number(
	const char *name, const char *text, unsigned int min, unsigned int max, unsigned int *ret)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || v < min || v > max) {
		log_error("--%s %s: must be a number from %u to %u", name, text, min, max);
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

/* One "N" or "N-M" at *text; moves *text behind it. */
static int options_core_range(const char **text, struct options *opt)
{
	char *end;
	unsigned long first = strtoul(*text, &end, 10), last = first;

	if (end == *text)
		return -EINVAL;
	if (*end == '-') {
		*text = end + 1;
		last = strtoul(*text, &end, 10);
		if (end == *text)
			return -EINVAL;
	}
	if (last < first || last >= CPU_SETSIZE || last - first >= WEFT_MAX_WORKERS - opt->n_cores)
		return -EINVAL;
	for (unsigned long core = first; core <= last; core++)
		opt->cores[opt->n_cores++] = core;
	*text = end;
	return 0;
}

static int options_cores(const char *text, struct options *opt)
{
	const char *at = text;

	opt->n_cores = 0;
	for (;;) {
		if (opt->n_cores == WEFT_MAX_WORKERS || options_core_range(&at, opt) < 0)
			goto bad;
		if (*at == '\0')
			return 0;
		if (*at++ != ',')
			goto bad;
	}
bad:
	log_error("--cores %s: must be a list of at most %d CPUs, such as 2,3 or 4-7", text,
		WEFT_MAX_WORKERS);
	return -EINVAL;
}

static int options_pci(const char *text, struct options *opt)
{
	if (opt->n_pci == OPTIONS_PCI_MAX) {
		log_error("--pci: at most %d devices", OPTIONS_PCI_MAX);
		return -EINVAL;
	}
	opt->pci[opt->n_pci++] = text;
	return 0;
}

static int options_log_level(const char *text, struct options *opt)
{
	opt->log_level = log_level_by_name(text);
	if (opt->log_level > 0)
		return 0;
	log_error("--log-level %s: must be error, warning, info or debug", text);
	return -EINVAL;
}

/* Returns 0 or -EINVAL. */
static int options_apply(int code, const char *arg, struct options *opt)
{
	switch (code) {
	case 's':
		opt->socket = arg;
		return 0;
	case 'w':
		return options_number("workers", arg, 1, WEFT_MAX_WORKERS, &opt->n_workers);
	case 'c':
		return options_cores(arg, opt);
	case 'm':
		return options_number("memory", arg, 64, 1 << 20, &opt->memory_mb);
	case 'b':
		return options_number("mbufs", arg, 2048, 1 << 24, &opt->n_mbufs);
	case 'n':
		return options_number("max-sessions", arg, WEFT_MIN_SESSIONS, WEFT_MAX_SESSIONS,
			&opt->max_sessions);
	case 'H':
		opt->no_huge = true;
		return 0;
	case 'a':
		return options_pci(arg, opt);
	case 'p':
		opt->poll = true;
		return 0;
	case 'S':
		return options_number("max-sleep-us", arg, 1, 100000, &opt->max_sleep_us);
	case 'u':
		opt->user = arg;
		return 0;
	case 'k':
		opt->keep_capabilities = true;
		return 0;
	case 'l':
		return options_log_level(arg, opt);
	default:
		return -EINVAL; /* getopt_long has said why */
	}
}

/* What the options say together. */
static enum options_result options_check(int argc, struct options *opt)
{
	if (optind < argc) {
		log_error("unexpected argument; see --help");
		return OPTIONS_BAD;
	}
	if (opt->n_workers == 0)
		opt->n_workers = opt->n_cores ? opt->n_cores : 1;
	if (opt->n_cores && opt->n_cores != opt->n_workers) {
		log_error("--workers %u but --cores names %u CPUs", opt->n_workers, opt->n_cores);
		return OPTIONS_BAD;
	}
	return OPTIONS_RUN;
}

enum options_result options_parse(int argc, char **argv, struct options *ret)
{
	int code;

	*ret = (struct options){
		.socket = OPTIONS_DEFAULT_SOCKET,
		.n_mbufs = OPTIONS_DEFAULT_MBUFS,
		.max_sessions = WEFT_DEFAULT_SESSIONS,
		.max_sleep_us = OPTIONS_DEFAULT_MAX_SLEEP,
		.log_level = LOG_INFO,
	};
	optind = 0;
	while ((code = getopt_long(argc, argv, "", options_long, NULL)) != -1) {
		if (code == 'h') {
			options_help();
			return OPTIONS_DONE;
		}
		if (code == 'V') {
			printf("weft-dataplane %s\n", WEFT_RELEASE);
			return OPTIONS_DONE;
		}
		if (options_apply(code, optarg, ret) < 0)
			return OPTIONS_BAD;
	}
	return options_check(argc, ret);
}
