/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Results for people (a table), for programs (JSON), for spreadsheets (CSV). Rates are per second,
 * times in nanoseconds where their name doesn't say otherwise.
 */
#ifndef PKTGEN_REPORT_H
#define PKTGEN_REPORT_H

#include <stdio.h>

#include "json.h"
#include "measure.h"

void report_table(const struct measure *m, FILE *f);
void report_json(const struct measure *m, const struct progress *p, FILE *f);
/* One line per trial of a search or cell of a matrix, else per stream; names first. */
void report_csv(const struct measure *m, FILE *f);

/* rfc8204. */
void report_suite_table(const struct measure *m, FILE *f);
void report_suite_json(const struct measure *m, struct json *j);
void report_suite_csv(const struct measure *m, FILE *f);

/* Parts that several reports have. */
void report_json_latency(struct json *j, const struct outcome_latency *l);
void report_json_bounds(struct json *j, const struct search_bounds *b);
void report_json_losses(struct json *j, const struct measure_loss *losses, uint32_t n);

/* Writes what the options ask for. Returns 0 or -EIO; says why. */
int report_write(const struct measure *m, const struct progress *p);

#endif
