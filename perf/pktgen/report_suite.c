/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The matrix of RFC 8204: a line for each size of each scenario.
 */
#include <string.h>

#include "json.h"
#include "report.h"
#include "suite.h"

static bool has(const struct suite_cell *c, enum profile_test test)
{
	return c->tests >> test & 1;
}

static void text(FILE *f, bool there, int width, int digits, double v)
{
	if (there)
		fprintf(f, " %*.*f", width, digits, v);
	else
		fprintf(f, " %*s", width, "-");
}

static void table_line(const struct suite_cell *c, FILE *f)
{
	bool rate = has(c, PROFILE_TEST_THROUGHPUT) && c->throughput.lower > 0;

	fprintf(f, "%6u", c->size);
	text(f, rate, 14, 4, c->throughput.lower / 1e6);
	text(f, rate, 8, 3, c->throughput.lower * c->size * 8e-9);
	for (uint32_t i = 0; i < MEASURE_LATENCIES; i++) {
		const struct outcome_latency *l = &c->latencies[i].latency;
		bool there = has(c, PROFILE_TEST_LATENCY) && i < c->n_latencies && l->count > 0;

		text(f, there, 9, 1, l->at[0] / 1e3);
		text(f, there, 8, 1, l->at[2] / 1e3);
	}
	text(f, c->n_losses > 0, 8, 3, c->losses[0].loss * 100);
	text(f, c->n_bursts > 0, 10, 0, c->burst_mean);
	text(f, has(c, PROFILE_TEST_RECOVERY), 10, 6, c->recovery_s);
	text(f, c->soak_rate > 0, 9, 5, c->soak_loss * 100);
	fprintf(f, "%s\n", c->undecided ? "  too unsteady for --width" : "");
}

static void table_head(const char *scenario, FILE *f)
{
	if (*scenario)
		fprintf(f, "\n%s\n", scenario);
	fprintf(f, "\n%6s %14s %8s %18s %17s %17s %8s %10s %10s %9s\n", "", "", "", "us at 10 %",
		"at 50 %", "at 90 %", "loss at", "", "", "");
	fprintf(f, "%6s %14s %8s %9s %8s %8s %8s %8s %8s %8s %10s %10s %9s\n", "bytes",
		"throughput M/s", "Gbit/s", "p50", "p99", "p50", "p99", "p50", "p99", "100 % %",
		"burst", "recovery s", "soak %");
}

void report_suite_table(const struct measure *m, FILE *f)
{
	uint32_t limited = 0;

	for (uint32_t i = 0; i < m->suite->n_cells; i++) {
		const struct suite_cell *c = &m->suite->cells[i];

		if (i == 0 || strcmp(c->scenario, c[-1].scenario) != 0)
			table_head(c->scenario, f);
		table_line(c, f);
		limited += c->n_limited;
	}
	if (limited > 0)
		fprintf(f, "\nin %u trials the generator, not the device, was the limit\n",
			limited);
}

static void json_latencies(struct json *j, const struct suite_cell *c)
{
	json_open(j, "latencies", '[');
	for (uint32_t i = 0; i < c->n_latencies; i++) {
		const struct suite_latency *l = &c->latencies[i];

		json_open(j, NULL, '{');
		json_real(j, "share", l->share);
		json_real(j, "rate", l->rate);
		json_real(j, "loss", l->loss);
		report_json_latency(j, &l->latency);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_cell(struct json *j, const struct suite_cell *c)
{
	json_open(j, NULL, '{');
	json_string(j, "scenario", c->scenario);
	json_count(j, "size", c->size);
	json_real(j, "max_rate", c->max_rate);
	json_bool(j, "undecided", c->undecided);
	json_count(j, "generator_limited_trials", c->n_limited);
	if (has(c, PROFILE_TEST_THROUGHPUT)) {
		json_open(j, "throughput", '{');
		report_json_bounds(j, &c->throughput);
		json_close(j, '}');
	}
	if (has(c, PROFILE_TEST_LATENCY))
		json_latencies(j, c);
	if (has(c, PROFILE_TEST_LOSS))
		report_json_losses(j, c->losses, c->n_losses);
	if (has(c, PROFILE_TEST_BURST)) {
		json_open(j, "burst", '{');
		json_real(j, "mean", c->burst_mean);
		json_real(j, "least", c->burst_least);
		json_real(j, "most", c->burst_most);
		json_count(j, "count", c->n_bursts);
		json_close(j, '}');
	}
	if (has(c, PROFILE_TEST_RECOVERY)) {
		json_open(j, "recovery", '{');
		json_real(j, "overload_rate", c->overload_rate);
		json_real(j, "recovery_rate", c->recovery_rate);
		json_real(j, "seconds", c->recovery_s);
		json_close(j, '}');
	}
	if (has(c, PROFILE_TEST_SOAK)) {
		json_open(j, "soak", '{');
		json_real(j, "rate", c->soak_rate);
		json_real(j, "loss", c->soak_loss);
		json_real(j, "slowest_interval", c->soak_worst);
		json_close(j, '}');
	}
	json_close(j, '}');
}

void report_suite_json(const struct measure *m, struct json *j)
{
	json_open(j, "matrix", '[');
	for (uint32_t i = 0; i < m->suite->n_cells; i++)
		json_cell(j, &m->suite->cells[i]);
	json_close(j, ']');
}

/* Empty: not tested. */
static void csv_value(FILE *f, bool there, double v)
{
	if (there)
		fprintf(f, ",%.9g", v);
	else
		fputc(',', f);
}

void report_suite_csv(const struct measure *m, FILE *f)
{
	fprintf(f, "scenario,size,max_rate,throughput,p50_ns_10,p99_ns_10,p50_ns_50,p99_ns_50,"
		   "p50_ns_90,p99_ns_90,loss_100,burst,recovery_seconds,soak_rate,soak_loss\n");
	for (uint32_t i = 0; i < m->suite->n_cells; i++) {
		const struct suite_cell *c = &m->suite->cells[i];

		fprintf(f, "%s,%u,%.9g", c->scenario, c->size, c->max_rate);
		csv_value(f, has(c, PROFILE_TEST_THROUGHPUT), c->throughput.lower);
		for (uint32_t k = 0; k < MEASURE_LATENCIES; k++) {
			csv_value(f, k < c->n_latencies, c->latencies[k].latency.at[0]);
			csv_value(f, k < c->n_latencies, c->latencies[k].latency.at[2]);
		}
		csv_value(f, c->n_losses > 0, c->losses[0].loss);
		csv_value(f, c->n_bursts > 0, c->burst_mean);
		csv_value(f, has(c, PROFILE_TEST_RECOVERY), c->recovery_s);
		csv_value(f, has(c, PROFILE_TEST_SOAK), c->soak_rate);
		csv_value(f, has(c, PROFILE_TEST_SOAK), c->soak_loss);
		fputc('\n', f);
	}
}
