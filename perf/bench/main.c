/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft-bench: cycles of the packet path's own code, in one process on one thread. --help tells what
 * there is.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include <core/eal.h>
#include <core/log.h>

#include "bed.h"
#include "bench.h"

#define N_SESSIONS (4u << 20)

struct bench_case {
	const char *name;
	const char *argument; /* what it takes, NULL: nothing */
	const char *help;
	void (*run)(const char *argument); /* NULL: without one */
	bool extra;			   /* only when named */
};

static uint32_t number_of(const char *text)
{
	char *end;
	unsigned long n = text ? strtoul(text, &end, 10) : 0;

	if (text && (*end || n == 0 || n > UINT32_MAX)) {
		fprintf(stderr, "weft-bench: not a number: %s\n", text);
		exit(2);
	}
	return n;
}

static void run_forward(const char *n)
{
	static const uint32_t sizes[] = {1, 1000, 100000};

	for (unsigned int i = 0; !n && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		bench_forward(sizes[i]);
	if (n)
		bench_forward(number_of(n));
}

static void run_stages(const char *n)
{
	bench_stages();
}

static void run_sessions(const char *n)
{
	bench_sessions(number_of(n));
}

static void run_routes(const char *n)
{
	bench_routes();
}

static void run_policy(const char *n)
{
	bench_policy();
}

static void run_stateful(const char *n)
{
	bench_stateful(number_of(n));
}

static void run_new(const char *n)
{
	bench_new(number_of(n));
}

static void run_connections(const char *n)
{
	bench_connections();
}

static void run_workers(const char *n)
{
	bench_workers();
}

static void run_counts(const char *n)
{
	bench_forward(1000);
	bench_stateful(1000);
	bench_new(1);
	bench_connections();
}

static void run_scale(const char *n)
{
	bench_scale();
}

static const struct bench_case cases[] = {
	{"forward", "MACS", "switched without sessions: encapsulated, decapsulated, local",
		run_forward, false},
	{"stages", NULL, "single steps: parse, checksums, encapsulation, lookup in the FDB",
		run_stages, false},
	{"sessions", "SESSIONS", "the session table alone: find, miss, insert, age", run_sessions,
		false},
	{"routes", NULL, "longest prefix match", run_routes, false},
	{"policy", NULL, "the classifier, and commits of its rules", run_policy, false},
	{"stateful", "SESSIONS", "established sessions with policy, routing, anti-spoofing",
		run_stateful, false},
	{"new", "RULES", "first packets of sessions, and the sessions' end", run_new, false},
	{"connections", NULL, "whole TCP connections of six packets", run_connections, false},
	{"workers", NULL, "two workers beside each other, on two CPUs", run_workers, true},
	{"main", NULL, "the cases whose instructions are recorded", run_counts, true},
	{"hostile", "ATTACK", "what bystanders keep under each attack", bench_hostile, true},
	{"scale", NULL, "a million sessions under traffic", run_scale, true},
	{"devices", "FILE", "between net_pcap with that file and net_null", bench_devices, true},
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static void usage(FILE *to)
{
	fprintf(to, "Usage: weft-bench [OPTION]... [CASE [ARGUMENT]]\n"
		    "       weft-bench pcap FILE    writes the tenant's frame, for net_pcap\n\n"
		    "TSC cycles of the packet path's own code, the median of many short rounds,\n"
		    "in one process, with fixed seeds. Without a case: all but the last five.\n\n");
	for (unsigned int i = 0; i < N_CASES; i++)
		fprintf(to, "  %-11s %-9s  %s\n", cases[i].name,
			cases[i].argument ? cases[i].argument : "", cases[i].help);
	fprintf(to,
		"\n  -r, --rounds N   rounds of 2,048 packets, 1 to %u (101)\n"
		"  -l, --lowest     the lowest round in place of the median\n"
		"  -j, --json       one JSON document in place of the table\n"
		"  -c, --count      no timing: each measurement is one call of bench_counted, for\n"
		"                   callgrind (perf/bench/instructions does it)\n"
		"  -h, --help       this text\n",
		BENCH_ROUNDS_MAX);
}

/* The classic format of libpcap: little-endian header, one record. */
static int write_pcap(const char *path)
{
	static const uint32_t head[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
	struct weft_mac src = bench_mac(1), dst = bench_mac(2);
	uint8_t frame[128];
	uint32_t len = bench_frame(frame, &src, &dst), record[4] = {0, 0, len, len};
	FILE *f = fopen(path, "we");
	bool ok;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	ok = fwrite(head, sizeof(head), 1, f) == 1 && fwrite(record, sizeof(record), 1, f) == 1 &&
	     fwrite(frame, len, 1, f) == 1;
	return fclose(f) == 0 && ok ? 0 : 1;
}

static void set_rounds(const char *text)
{
	bench_settings.rounds = number_of(text);
	if (bench_settings.rounds <= BENCH_ROUNDS_MAX)
		return;
	fprintf(stderr, "weft-bench: at most %u rounds\n", BENCH_ROUNDS_MAX);
	exit(2);
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
		{"lowest", no_argument, NULL, 'l'}, {"json", no_argument, NULL, 'j'},
		{"count", no_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "r:ljch", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			set_rounds(optarg);
			break;
		case 'l':
			bench_settings.lowest = true;
			break;
		case 'c':
			bench_settings.count = true;
			bench_settings.json = true;
			break;
		case 'j':
			bench_settings.json = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
}

static const struct bench_case *find_case(const char *name)
{
	for (unsigned int i = 0; i < N_CASES; i++) {
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	}
	fprintf(stderr, "weft-bench: no such case: %s\n", name);
	exit(2);
}

static void run(const struct bench_case *only, const char *argument)
{
	char machine[128];

	snprintf(machine, sizeof(machine), "TSC %lu MHz, %s hugepages, %s",
		rte_get_tsc_hz() / 1000000, eal_hugepage_bytes() ? "with" : "without",
		rte_version());
	bench_report_begin(machine);
	for (unsigned int i = 0; i < N_CASES; i++) {
		if (only ? &cases[i] == only : !cases[i].extra)
			cases[i].run(argument);
	}
	bench_report_end();
}

int main(int argc, char **argv)
{
	struct options opt = {
		.n_workers = 1, .cores = {0, 1}, .n_mbufs = 8192, .log_level = LOG_WARNING};
	const struct bench_case *only = NULL;
	const char *argument;

	read_options(argc, argv);
	argument = argc > optind + 1 ? argv[optind + 1] : NULL;
	if (argument && strcmp(argv[optind], "pcap") == 0)
		return write_pcap(argument);
	if (argc > optind && strcmp(argv[optind], "all") != 0)
		only = find_case(argv[optind]);
	if (only && only->run == run_workers)
		opt.n_workers = opt.n_cores = 2;
	log_set_level(LOG_WARNING);
	opt.no_huge = bench_settings.count; /* as far as valgrind goes */
	if (eal_start(&opt) < 0)
		return 1;
	bed_init(opt.n_mbufs, opt.n_workers, N_SESSIONS);
	bench_fix_seed();
	if (!only || only->run != bench_devices)
		bench_port_register();
	run(only, argument);
	bed_fini();
	eal_stop();
	return 0;
}
