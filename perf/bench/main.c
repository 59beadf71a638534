/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft-bench: cycles of the packet path's own code, in one process on one thread.
 *
 *   weft-bench [all|forward|stages|sessions|routes|stateful|policy]  the report
 *   weft-bench stateful N [ROUNDS]       the session path with N sessions
 *   weft-bench hostile [ATTACK]          what bystanders keep under each attack
 *   weft-bench scale                     millions of sessions under traffic
 *   weft-bench forward N_MACS [ROUNDS]   one size; many rounds for a profiler
 *   weft-bench pcap FILE                 writes the tenant's frame, for net_pcap
 *   weft-bench devices FILE              between net_pcap with that file and net_null
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/eal.h>
#include <core/log.h>

#include "bed.h"
#include "bench.h"

#define ROUNDS	     101
#define ROUNDS_MAX   20001
#define ROUND_PKTS   (64 * BENCH_BURST)
#define WARM_UP_PKTS 200000
#define N_SESSIONS   (4u << 20)

static unsigned int n_rounds = ROUNDS;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double one_round(bench_fn fn, void *arg)
{
	uint64_t start = rte_rdtsc_precise(), done = fn(arg, ROUND_PKTS);

	return (double)(rte_rdtsc_precise() - start) / done;
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

double bench_cycles(bench_fn fn, void *arg)
{
	static double v[ROUNDS_MAX];

	fn(arg, WARM_UP_PKTS);
	for (unsigned int i = 0; i < n_rounds; i++)
		v[i] = one_round(fn, arg);
	return median(v, n_rounds);
}

void bench_cycles_pair(bench_fn a, bench_fn b, void *arg, double *ret_a, double *ret_b)
{
	static double va[ROUNDS_MAX], vb[ROUNDS_MAX];

	a(arg, WARM_UP_PKTS);
	b(arg, WARM_UP_PKTS);
	for (unsigned int i = 0; i < n_rounds; i++) {
		va[i] = one_round(a, arg);
		vb[i] = one_round(b, arg);
	}
	*ret_a = median(va, n_rounds);
	*ret_b = median(vb, n_rounds);
}

void bench_report_of(
	const char *name, unsigned int n, const char *of, const char *per, double cycles)
{
	printf("%-24s %8u %s %8.1f cycles/%s %8.1f ns\n", name, n, of, cycles, per,
		cycles * 1e9 / rte_get_tsc_hz());
	fflush(stdout);
}

void bench_report(const char *name, unsigned int n_macs, double cycles)
{
	bench_report_of(name, n_macs, "MACs", "packet", cycles);
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

static void run(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "all";
	bool all = strcmp(what, "all") == 0;

	if (argc > 2 && strcmp(what, "devices") == 0) {
		bench_devices(argv[2]);
		return;
	}
	if (strcmp(what, "hostile") == 0) {
		bench_hostile(argv[2]);
		return;
	}
	if (strcmp(what, "scale") == 0) {
		bench_scale();
		return;
	}
	if (argc > 3 && (unsigned int)atoi(argv[3]) - 1u < ROUNDS_MAX)
		n_rounds = atoi(argv[3]);
	if (argc > 2 && strcmp(what, "stateful") == 0) {
		bench_stateful(atoi(argv[2]));
		return;
	}
	if (argc > 2 && atoi(argv[2]) > 0) {
		bench_forward(atoi(argv[2]));
		return;
	}
	if (all || strcmp(what, "forward") == 0) {
		bench_forward(1);
		bench_forward(1000);
		bench_forward(100000);
	}
	if (all || strcmp(what, "stages") == 0)
		bench_stages();
	if (all || strcmp(what, "sessions") == 0)
		bench_sessions();
	if (all || strcmp(what, "routes") == 0)
		bench_routes();
	if (all || strcmp(what, "policy") == 0)
		bench_policy();
	if (all || strcmp(what, "stateful") == 0)
		bench_stateful(0);
}

int main(int argc, char **argv)
{
	struct options opt = {.n_workers = 1, .n_mbufs = 8192, .log_level = LOG_WARNING};

	if (argc == 3 && strcmp(argv[1], "pcap") == 0)
		return write_pcap(argv[2]);
	log_set_level(LOG_WARNING);
	if (eal_start(&opt) < 0)
		return 1;
	bed_init(opt.n_mbufs, 1, N_SESSIONS);
	if (argc < 2 || strcmp(argv[1], "devices") != 0)
		bench_port_register();
	printf("TSC %lu MHz, %s hugepages\n", rte_get_tsc_hz() / 1000000,
		eal_hugepage_bytes() ? "with" : "without");
	run(argc, argv);
	bed_fini();
	eal_stop();
	return 0;
}
