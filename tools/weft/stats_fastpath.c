/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft stats fastpath: what the kernel's programs carry, and why they leave the rest to the data
 * plane.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static uint64_t sum_of(struct json_object *counts)
{
	struct json_object_iter it;
	uint64_t n = 0;

	json_object_object_foreachC(counts, it) n += json_object_get_uint64(it.val);
	return n;
}

static void print_programs(struct json_object *result)
{
	struct json_object *programs = get_array(result, "programs"), *p;
	bool measured = get_uint(result, "interval_ms") > 0;
	struct table *t = table_new(8, (const char *const[]){"PROGRAM", "ID", "HITS", "MISSES",
					       "PASSED", "DROPPED", "VERIFIED", "NS/PACKET"});

	for (size_t i = 0; i < array_length(programs); i++) {
		struct json_object *misses = NULL;
		uint64_t packets;

		p = json_object_array_get_idx(programs, i);
		packets = get_uint(p, "packets");
		json_object_object_get_ex(p, "misses", &misses);
		table_cell(t, get_string(p, "name"));
		table_number(t, get_uint(p, "id"));
		table_number(t, get_uint(p, "hits"));
		table_number(t, misses != NULL ? sum_of(misses) : 0);
		table_number(t, get_uint(p, "passed"));
		table_number(t, get_uint(p, "dropped"));
		table_number(t, get_uint(p, "verified"));
		if (measured && packets > 0)
			table_cellf(t, "%.0f", (double)get_uint(p, "run_ns") / (double)packets);
		else
			table_cell(t, "-");
	}
	table_print_free(t);
}

static void print_misses(struct json_object *result)
{
	struct json_object *programs = get_array(result, "programs"), *p, *misses;
	struct table *t = table_new(3, (const char *const[]){"PROGRAM", "LEFT FOR", "PACKETS"});

	printf("\n");
	for (size_t i = 0; i < array_length(programs); i++) {
		p = json_object_array_get_idx(programs, i);
		if (!json_object_object_get_ex(p, "misses", &misses))
			continue;
		json_object_object_foreach(misses, cause, n)
		{
			table_cell(t, get_string(p, "name"));
			table_cell(t, cause);
			table_number(t, json_object_get_uint64(n));
		}
	}
	table_print_free(t);
}

static void print_fastpath(struct json_object *result)
{
	if (strcmp(get_string(result, "state"), "on") != 0) {
		printf("The fast path is not on (%s)", get_string(result, "state"));
		if (get_string(result, "text")[0] != 0) {
			printf(": ");
			print_safe(get_string(result, "text"));
		}
		printf("\n");
	}
	if (array_length(get_array(result, "programs")) == 0)
		return;
	print_programs(result);
	print_misses(result);
}

int stats_fastpath(struct cli *cli, int argc, char **argv)
{
	struct json_object *params = NULL, *result;
	double seconds;
	char *end;
	int r;

	if (argc > 0) {
		seconds = argc == 2 ? strtod(argv[1], &end) : 0;
		if (argc != 2 || strcmp(argv[0], "--interval") != 0 || *end != 0 ||
			seconds < 0.001 || seconds > 60)
			return usage_error(
				"weft stats fastpath [--interval SECONDS], at most 60 of them");
		params = json_object_new_object();
		json_object_object_add(
			params, "interval_ms", json_object_new_uint64((uint64_t)(seconds * 1000)));
	}
	r = cli_call(cli, "stats.fastpath", params, &result);
	if (r != CLI_OK)
		return r;
	if (cli->json)
		print_json(result);
	else
		print_fastpath(result);
	json_object_put(result);
	return CLI_OK;
}
