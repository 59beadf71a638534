/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One table of the program's own options; those of streams come from the profile's keys.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/log.h>

#include "options.h"
#include "suite.h"

#define KEYS_MAX     64
#define PROFILE_SIZE (1u << 20)

enum option_type {
	OPTION_REAL,
	OPTION_NUMBER,
	OPTION_TEXT,
	OPTION_FLAG,
	OPTION_OTHER
};

/* X(code, "name", type, field, min, max, "ARG", "help") */
#define OPTIONS(X)                                                                                 \
	X('p', "port", OTHER, json, 0, 0, "DEVICE",                                                \
		"DPDK device: net_memif0,role=client,..., or a PCI address; repeatable")           \
	X('f', "profile", OTHER, json, 0, 0, "FILE",                                               \
		"streams, as YAML; options then apply to all")                                     \
	X('b', "both", OTHER, json, 0, 0, NULL, "each stream in the opposite direction, too")      \
	X('d', "duration", OTHER, json, 0, 0, "SECONDS", "of a run (10)")                          \
	X('s', "seed", OTHER, json, 0, 0, "N", "of all that is random (1)")                        \
	X('t', "trial", REAL, trial, 0.01, 3600, "SECONDS", "a search's deciding trials (2)")      \
	X('m', "min-rate", REAL, min_rate, 1, 1e9, "N", "least load of searches (10k)")            \
	X('M', "max-rate", REAL, max_rate, 1, 1e9, "N", "greatest load (measured first)")          \
	X('l', "loss", REAL, loss, 0, 0.99, "RATIO", "that PDR allows (0.005), or rfc2544 (0)")    \
	X('w', "width", REAL, width, 1e-5, 0.5, "RATIO", "searches end so close (0.005)")          \
	X('x', "max-loss", REAL, max_loss, 0, 1, "RATIO",                                          \
		"a run that loses more fails (1; soak 0)")                                         \
	X('r', "repeat", NUMBER, repeat, 1, 1000, "N", "searches of burst (5)")                    \
	X('i', "interval", REAL, interval, 0.005, 3600, "SECONDS",                                 \
		"between lines of progress (1)")                                                   \
	X('P', "prime", REAL, prime, 1, 1e9, "N",                                                  \
		"first, send each flow once, N per second and stream")                             \
	X('v', "verify", OTHER, json, 0, 0, "sample|all|off",                                      \
		"check the checksums of marked packets (sample: 1 of 256)")                        \
	X('T', "tests", OTHER, json, 0, 0, "LIST",                                                 \
		"of rfc8204: throughput,latency,loss,burst,recovery,soak (all)")                   \
	X('q', "quiet", FLAG, quiet, 0, 0, NULL, "no progress")                                    \
	X('j', "json", TEXT, json, 0, 0, "FILE", "write results as JSON (-: to stdout)")           \
	X('c', "csv", TEXT, csv, 0, 0, "FILE", "write results as CSV (-: to stdout)")              \
	X('C', "core", OTHER, json, 0, 0, "CPU", "to run on (the last one)")                       \
	X('B', "burst", NUMBER, burst, 1, GEN_BURST_MAX, "N", "packets per call of a device (64)") \
	X('N', "mbufs", NUMBER, n_mbufs, 1024, 1 << 22, "N",                                       \
		"buffers to send, per size (8192; rfc8204 2048)")                                  \
	X('Q', "queues", NUMBER, n_queues, 1, 64, "N", "receive queues of each port (1)")          \
	X('D', "descriptors", NUMBER, n_desc, 32, 32768, "N", "of each queue (1024)")              \
	X('W', "wait", REAL, wait, 0, 3600, "SECONDS", "for links to come up (10)")                \
	X('H', "no-huge", FLAG, device.no_huge, 0, 0, NULL, "do without hugepages")                \
	X('G', "memory", NUMBER, device.memory_mb, 64, 1 << 20, "MB", "for DPDK (as needed)")      \
	X('E', "eal", OTHER, json, 0, 0, "ARG", "passed on to DPDK's EAL; repeatable")             \
	X('V', "version", OTHER, json, 0, 0, NULL, "print the version")                            \
	X('h', "help", OTHER, json, 0, 0, NULL, "print this")

static const struct option_entry {
	int code;
	const char *name;
	enum option_type type;
	size_t offset;
	double min, max;
	const char *meta, *help;
} entries[] = {
#define ENTRY(code, name, type, field, min, max, meta, help)                                       \
	{code, name, OPTION_##type, offsetof(struct options, field), min, max, meta, help},
	OPTIONS(ENTRY)
#undef ENTRY
};
#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))
#define KEY_CODE  1000 /* and the key's number */

const char *const options_command_names[N_COMMANDS] = {
#define COMMAND_NAME(id, name, help) name,
	COMMANDS(COMMAND_NAME)
#undef COMMAND_NAME
};

/* What is kept until the profile has been read: options come after it. */
struct pending {
	const char *profile;
	bool both;
	uint32_t n_keys;
	struct {
		const char *key, *value;
	} keys[KEYS_MAX];
};

static void option_name(const char *key, char *ret, size_t size)
{
	snprintf(ret, size, "%s", key);
	for (; *ret; ret++)
		if (*ret == '_')
			*ret = '-';
}

static void help_line(const char *name, const char *meta, const char *help)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", name, meta ? " " : "", meta ? meta : "");
	if (strlen(left) > 26)
		printf("  %s\n  %-26s %s\n", left, "", help);
	else
		printf("  %-26s %s\n", left, help);
}

static void print_help(void)
{
	char name[PROFILE_NAME_SIZE];

	printf("Usage: weft-pktgen [COMMAND] --port DEVICE... [OPTION]...\n"
	       "Generates packets on DPDK devices, receives them, and measures what came.\n\n"
	       "Commands:\n");
#define COMMAND_HELP(id, name, help) printf("  %-26s %s\n", name, help);
	COMMANDS(COMMAND_HELP)
#undef COMMAND_HELP
	printf("\nOptions:\n");
	for (unsigned int i = 0; i < N_ENTRIES; i++)
		help_line(entries[i].name, entries[i].meta, entries[i].help);
	printf("\nStreams (keys of profiles, with underscores there):\n");
	for (unsigned int i = 0; i < profile_n_keys; i++) {
		option_name(profile_keys[i].name, name, sizeof(name));
		help_line(name, profile_keys[i].meta, profile_keys[i].help);
	}
	printf("\nExit codes: 0 good, 1 wrong usage or profile, 2 devices, 3 a result that is not\n"
	       "good (loss above --max-loss, packets at another tenant's port, bad checksums), 4\n"
	       "interrupted\n");
}

static int read_number(const struct option_entry *e, const char *text, struct options *opt)
{
	void *field = (char *)opt + e->offset;
	double v;

	if (profile_number(text, e->min, e->max, &v) < 0 ||
		(e->type == OPTION_NUMBER && v != floor(v))) {
		log_error("--%s %s: must be a number from %g to %g", e->name, text, e->min, e->max);
		return -EINVAL;
	}
	if (e->type == OPTION_NUMBER)
		*(uint32_t *)field = v;
	else
		*(double *)field = v;
	return 0;
}

static int set_global(struct options *opt, const char *key, const char *value)
{
	char err[PROFILE_ERROR_SIZE];

	if (profile_set_global(&opt->profile, key, value, err) == 0)
		return 0;
	log_error("--%s", err);
	return -EINVAL;
}

/* For after the profile's own. */
static int keep(struct pending *later, const char *key, const char *value)
{
	later->keys[later->n_keys].key = key;
	later->keys[later->n_keys++].value = value;
	return 0;
}

static int set_verify(struct options *opt, const char *arg)
{
	for (unsigned int i = 0; i < N_VERIFY_MODES; i++) {
		if (strcmp(arg, verify_mode_names[i]) == 0) {
			opt->verify = i;
			return 0;
		}
	}
	log_error("--verify %s: must be sample, all or off", arg);
	return -EINVAL;
}

/* Options that are not a field. Returns 0 or -EINVAL. */
static int apply_other(int code, const char *arg, struct options *opt, struct pending *later)
{
	double v;

	switch (code) {
	case 'p':
		return set_global(opt, "ports", arg);
	case 'f':
		later->profile = arg;
		return 0;
	case 'b':
		later->both = true;
		return 0;
	case 'd':
		return keep(later, "duration", arg);
	case 's':
		return keep(later, "seed", arg);
	case 'T':
		return keep(later, "tests", arg);
	case 'v':
		return set_verify(opt, arg);
	case 'C':
		if (profile_number(arg, 0, 1023, &v) < 0) {
			log_error("--core %s: must be the number of a CPU", arg);
			return -EINVAL;
		}
		opt->device.core = v;
		return 0;
	case 'E':
		if (opt->device.n_eal == DEVICE_EAL_MAX) {
			log_error("--eal: at most %d", DEVICE_EAL_MAX);
			return -EINVAL;
		}
		opt->device.eal[opt->device.n_eal++] = arg;
		return 0;
	}
	return -EINVAL;
}

static int apply(int code, const char *arg, struct options *opt, struct pending *later)
{
	if (later->n_keys == KEYS_MAX) {
		log_error("too many options");
		return -EINVAL;
	}
	if (code >= KEY_CODE)
		return keep(later, profile_keys[code - KEY_CODE].name, arg);
	for (unsigned int i = 0; i < N_ENTRIES; i++) {
		const struct option_entry *e = &entries[i];

		if (e->code != code)
			continue;
		switch (e->type) {
		case OPTION_REAL:
		case OPTION_NUMBER:
			return read_number(e, arg, opt);
		case OPTION_TEXT:
			*(const char **)((char *)opt + e->offset) = arg;
			return 0;
		case OPTION_FLAG:
			*(bool *)((char *)opt + e->offset) = true;
			return 0;
		case OPTION_OTHER:
			return apply_other(code, arg, opt, later);
		}
	}
	return -EINVAL; /* getopt_long has said why */
}

static int read_file(const char *path, char *text, size_t size, size_t *ret)
{
	FILE *f = fopen(path, "re");
	int r = 0;

	if (!f) {
		log_error("%s: %s", path, strerror(errno));
		return -EINVAL;
	}
	*ret = fread(text, 1, size, f);
	if (ferror(f) || !feof(f)) {
		log_error("%s: %s", path, ferror(f) ? strerror(errno) : "is too long");
		r = -EINVAL;
	}
	fclose(f);
	return r;
}

static int read_profile(struct options *opt, const char *path)
{
	static char text[PROFILE_SIZE];
	char err[PROFILE_ERROR_SIZE];
	size_t size;

	if (read_file(path, text, sizeof(text), &size) < 0)
		return -EINVAL;
	if (profile_read(&opt->profile, text, size, err) == 0)
		return 0;
	log_error("%s: %s", path, err);
	return -EINVAL;
}

static bool is_global(const char *key)
{
	for (unsigned int i = 0; i < profile_n_keys; i++)
		if (strcmp(profile_keys[i].name, key) == 0)
			return false;
	return true;
}

/* Profile, then keys on top of it, then what they mean together. */
static int finish_profile(struct options *opt, const struct pending *later)
{
	struct profile *p = &opt->profile;
	char err[PROFILE_ERROR_SIZE];

	if (later->profile && read_profile(opt, later->profile) < 0)
		return -EINVAL;
	if (p->n_streams == 0)
		profile_stream_init(&p->streams[p->n_streams++]);
	for (uint32_t i = 0; i < later->n_keys; i++) {
		const char *key = later->keys[i].key, *value = later->keys[i].value;

		if (is_global(key)) {
			if (set_global(opt, key, value) < 0)
				return -EINVAL;
			continue;
		}
		for (uint32_t k = 0; k < p->n_streams; k++) {
			if (profile_set(&p->streams[k], key, value, err) == 0)
				continue;
			log_error("--%s", err);
			return -EINVAL;
		}
	}
	if (profile_check(p, err) == 0 && (!later->both || profile_both_ways(p, err) == 0))
		return 0;
	log_error("%s", err);
	return -EINVAL;
}

static int read_command(int argc, char **argv, struct options *opt)
{
	if (optind == argc)
		return 0;
	for (unsigned int i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[optind], options_command_names[i]) == 0 && optind + 1 == argc) {
			opt->command = i;
			return 0;
		}
	}
	log_error("%s: unexpected; see --help", argv[optind]);
	return -EINVAL;
}

static void make_long_options(struct option *ret)
{
	static char names[KEYS_MAX][PROFILE_NAME_SIZE];
	unsigned int n = 0;

	for (unsigned int i = 0; i < N_ENTRIES; i++)
		ret[n++] = (struct option){entries[i].name,
			entries[i].meta ? required_argument : no_argument, NULL, entries[i].code};
	for (unsigned int i = 0; i < profile_n_keys; i++) {
		option_name(profile_keys[i].name, names[i], sizeof(names[i]));
		ret[n++] = (struct option){names[i], required_argument, NULL, KEY_CODE + i};
	}
	ret[n] = (struct option){0};
}

/* Rates of packets and of connections can't be added up, so what is searched for is one of them. */
static int check_kinds(const struct profile *p)
{
	const struct stream_spec *first = NULL;

	for (uint32_t i = 0; i < p->n_streams; i++) {
		const struct stream_spec *s = &p->streams[i];

		if (s->background)
			continue;
		if (first && first->kind != s->kind) {
			log_error("streams %s and %s: a search is for packets or for connections; "
				  "make "
				  "one of them background",
				first->name, s->name);
			return -EINVAL;
		}
		first = s;
	}
	return 0;
}

/* What the command makes of the profile and of options that were not given. */
static int finish_command(struct options *opt)
{
	bool runs = opt->command == COMMAND_RUN || opt->command == COMMAND_PINGPONG ||
		    opt->command == COMMAND_SOAK,
	     suite = opt->command == COMMAND_RFC8204;
	char err[PROFILE_ERROR_SIZE];

	if (!runs && check_kinds(&opt->profile) < 0)
		return -EINVAL;
	if (suite && !suite_is_possible(&opt->profile, err)) {
		log_error("%s", err);
		return -EINVAL;
	}
	if (opt->n_mbufs == 0)
		opt->n_mbufs = suite ? 2048 : 8192;
	if (opt->max_loss < 0)
		opt->max_loss = suite || opt->command == COMMAND_SOAK ? 0 : 1;
	if (opt->loss < 0)
		opt->loss = suite || opt->command == COMMAND_RFC2544 ? 0 : 0.005;
	if (opt->max_rate == 0 || opt->max_rate >= opt->min_rate)
		return 0;
	log_error("--max-rate: is below --min-rate");
	return -EINVAL;
}

enum options_result options_parse(int argc, char **argv, struct options *ret)
{
	static struct option long_options[N_ENTRIES + KEYS_MAX + 1];
	struct pending later = {0};
	int code;

	*ret = (struct options){.device = {.core = -1},
		.burst = 64,
		.n_queues = 1,
		.n_desc = 1024,
		.wait = 10,
		.min_rate = 1e4,
		.loss = -1,
		.width = 0.005,
		.trial = 2,
		.max_loss = -1,
		.interval = 1,
		.repeat = 5};
	profile_init(&ret->profile);
	make_long_options(long_options);
	while ((code = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (code == 'h') {
			print_help();
			return OPTIONS_DONE;
		}
		if (code == 'V') {
			printf("weft-pktgen %s\n", WEFT_RELEASE);
			return OPTIONS_DONE;
		}
		if (apply(code, optarg, ret, &later) < 0)
			return OPTIONS_BAD;
	}
	if (read_command(argc, argv, ret) < 0 || finish_profile(ret, &later) < 0 ||
		finish_command(ret) < 0)
		return OPTIONS_BAD;
	return OPTIONS_RUN;
}
