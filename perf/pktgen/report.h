/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Results for people (a table), for programs (JSON), for spreadsheets (CSV). Rates are per second,
 * times in nanoseconds where their name doesn't say otherwise.
 */
#ifndef PKTGEN_REPORT_H
#define PKTGEN_REPORT_H

#include <stdio.h>

#include "measure.h"

void report_table(const struct measure *m, FILE *f);
void report_json(const struct measure *m, const struct progress *p, FILE *f);
/* One line per trial of a search, else per stream; names first. */
void report_csv(const struct measure *m, FILE *f);

/* Writes what the options ask for. Returns 0 or -EIO; says why. */
int report_write(const struct measure *m, const struct progress *p);

#endif
