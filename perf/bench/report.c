/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The report: a line for each result, of a table or of a JSON document. Names have nothing that
 * JSON would have to escape.
 */
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include "bench.h"

static bool first = true;

void bench_report_begin(const char *machine)
{
	if (bench_settings.json)
		printf("{\"build\": \"%s, %s\", \"tsc_hz\": %lu, \"packets_counted\": %u, "
		       "\"results\": [",
			BENCH_BUILD, rte_version(), rte_get_tsc_hz(), BENCH_COUNT_PKTS);
	else
		printf("%s\n", machine);
}

static void put_json(
	const char *name, unsigned int n, const char *of, const char *per, double cycles)
{
	printf("%s\n  {\"name\": \"%s\", \"n\": %u, \"of\": \"%s\", \"per\": \"%s\", ",
		first ? "" : ",", name, n, of, per);
	if (bench_settings.count)
		printf("\"counts\": %u}", bench_counts());
	else
		printf("\"cycles\": %.2f}", cycles);
	first = false;
}

void bench_report_of(
	const char *name, unsigned int n, const char *of, const char *per, double cycles)
{
	if (bench_settings.json)
		put_json(name, n, of, per, cycles);
	else
		printf("%-24s %8u %s %8.1f cycles/%s %8.1f ns\n", name, n, of, cycles, per,
			cycles * 1e9 / rte_get_tsc_hz());
	fflush(stdout);
}

void bench_report(const char *name, unsigned int n_macs, double cycles)
{
	bench_report_of(name, n_macs, "MACs", "packet", cycles);
}

void bench_report_us(const char *name, double us)
{
	if (bench_settings.json)
		put_json(name, 1, "times", "commit", us * rte_get_tsc_hz() / 1e6);
	else
		printf("%-56s %10.1f us\n", name, us);
}

void bench_report_ratio(const char *name, double middle, double low, double high)
{
	if (bench_settings.json)
		printf("%s\n  {\"name\": \"%s\", \"ratio\": %.3f, \"low\": %.3f, \"high\": %.3f}",
			first ? "" : ",", name, middle, low, high);
	else
		printf("%-33s %8.2f times (%.2f to %.2f in 8 of 10 rounds)\n", name, middle, low,
			high);
	first = false;
}

void bench_report_end(void)
{
	if (bench_settings.json)
		printf("\n]}\n");
}
