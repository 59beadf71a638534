/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft stats: counters of ports, and where the workers' time goes.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static uint64_t sum_of(struct json_object *counts)
{
	struct json_object_iter it;
	uint64_t n = 0;

	json_object_object_foreachC(counts, it) n += json_object_get_uint64(it.val);
	return n;
}

static void print_ports(struct json_object *result)
{
	struct json_object *ports = get_array(result, "ports"), *p, *dropped;
	struct table *t =
		table_new(8, (const char *const[]){"PORT", "RX PACKETS", "RX BYTES", "TX PACKETS",
				     "TX BYTES", "ADDED", "SENT", "DROPPED"});

	for (size_t i = 0; i < array_length(ports); i++) {
		p = json_object_array_get_idx(ports, i);
		table_cell(t, get_string(p, "name"));
		table_number(t, get_uint(p, "rx_packets"));
		table_number(t, get_uint(p, "rx_bytes"));
		table_number(t, get_uint(p, "tx_packets"));
		table_number(t, get_uint(p, "tx_bytes"));
		table_number(t, get_uint(p, "added"));
		table_number(t, get_uint(p, "sent"));
		table_number(
			t, json_object_object_get_ex(p, "dropped", &dropped) ? sum_of(dropped) : 0);
	}
	table_print_free(t);
}

static void add_share(struct table *t, uint64_t part, uint64_t whole)
{
	table_cellf(t, "%.1f %%", whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole);
}

/* What no worker had to do with. */
static void add_kernel(struct table *t, struct json_object *result)
{
	struct json_object *kernel;

	if (!json_object_object_get_ex(result, "kernel", &kernel))
		return;
	table_cell(t, "kernel");
	for (int i = 0; i < 3; i++)
		table_cell(t, "-");
	table_number(t, get_uint(kernel, "packets"));
	for (int i = 0; i < 4; i++)
		table_cell(t, "-");
}

static void print_workers(struct json_object *result)
{
	struct json_object *workers = get_array(result, "workers"), *w;
	struct table *t =
		table_new(9, (const char *const[]){"WORKER", "BUSY", "IDLE", "ASLEEP", "PACKETS",
				     "BURSTS", "PACKETS/BURST", "CYCLES/PACKET", "LONGEST ROUND"});
	double tsc_khz = get_uint(result, "tsc_hz") / 1e3;

	for (size_t i = 0; i < array_length(workers); i++) {
		uint64_t busy, idle, asleep, packets, bursts;

		w = json_object_array_get_idx(workers, i);
		busy = get_uint(w, "busy_cycles");
		idle = get_uint(w, "idle_cycles");
		asleep = get_uint(w, "asleep_cycles");
		packets = get_uint(w, "packets");
		bursts = get_uint(w, "bursts");
		table_number(t, get_uint(w, "worker"));
		add_share(t, busy, busy + idle + asleep);
		add_share(t, idle, busy + idle + asleep);
		add_share(t, asleep, busy + idle + asleep);
		table_number(t, packets);
		table_number(t, bursts);
		table_cellf(t, "%.1f", bursts == 0 ? 0.0 : (double)packets / (double)bursts);
		table_cellf(t, "%.0f", packets == 0 ? 0.0 : (double)busy / (double)packets);
		table_cellf(t, "%.2f ms",
			tsc_khz > 0 ? get_uint(w, "longest_round_cycles") / tsc_khz : 0.0);
	}
	add_kernel(t, result);
	table_print_free(t);
}

/* Cycles per packet by what the workers do with a burst. */
static void print_stages(struct json_object *result)
{
	static const char *const names[] = {"rx", "parse", "lookup", "apply", "slow_path", "tx"};
	struct json_object *workers = get_array(result, "workers"), *w, *cycles;
	struct table *t = table_new(8, (const char *const[]){"WORKER", "TIMED PACKETS", "RX",
					       "PARSE", "LOOKUP", "APPLY", "SLOW PATH", "TX"});

	for (size_t i = 0; i < array_length(workers); i++) {
		uint64_t packets;

		w = json_object_array_get_idx(workers, i);
		packets = get_uint(w, "timed_packets");
		if (!json_object_object_get_ex(w, "stage_cycles", &cycles))
			continue;
		table_number(t, get_uint(w, "worker"));
		table_number(t, packets);
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			table_cellf(t, "%.1f",
				packets == 0 ? 0.0 : (double)get_uint(cycles, names[k]) / packets);
	}
	printf("\nCycles per packet, in one burst of 61:\n");
	table_print_free(t);
}

int run_stats(struct cli *cli, const struct command *c, int argc, char **argv)
{
	const char *what = argc > 0 ? argv[0] : "ports";
	bool workers = strcmp(what, "workers") == 0 || strcmp(what, "--workers") == 0;
	struct json_object *params = NULL, *result;
	int r;

	if (strcmp(what, "fastpath") == 0)
		return stats_fastpath(cli, argc - 1, argv + 1);
	if ((!workers && strcmp(what, "ports") != 0) || argc > (workers ? 1 : 2))
		return usage_error(
			"weft stats [ports [PORT]|workers|fastpath [--interval SECONDS]]");
	if (argc == 2) {
		params = json_object_new_object();
		json_object_object_add(params, "port", json_object_new_string(argv[1]));
	}
	r = cli_call(cli, workers ? "stats.workers" : "stats.ports", params, &result);
	if (r != CLI_OK)
		return r;
	if (cli->json)
		print_json(result);
	else if (!workers)
		print_ports(result);
	else {
		print_workers(result);
		print_stages(result);
	}
	json_object_put(result);
	return CLI_OK;
}
