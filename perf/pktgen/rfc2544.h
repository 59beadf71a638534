/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tests of RFC 2544 section 26 and those that grew beside them, each for the streams that are
 * selected. Results are in the measure. All return 0, -EINTR, or another negative error and say
 * why.
 */
#ifndef PKTGEN_RFC2544_H
#define PKTGEN_RFC2544_H

#include "measure.h"

/* One trial, whose leaks and bad checksums count for the measure. */
int rfc2544_trial(struct measure *m, const struct gen_load *load, struct outcome *ret);

/* Section 26.1, and the search of several goals at once: bounds. */
int rfc2544_throughput(struct measure *m);
int rfc2544_mlr(struct measure *m);
/* Section 26.2: at 10, 50, 90 % of a rate. */
int rfc2544_latency(struct measure *m, double rate);
/* Section 26.3: at 100, 90, ... % of the greatest load, until twice nothing is lost. */
int rfc2544_loss(struct measure *m);
/* Section 26.4 and RFC 9004. */
int rfc2544_burst(struct measure *m);
/* Section 26.5. */
int rfc2544_recovery(struct measure *m);
/* Sends for the duration at a rate, or at that of the profile (0): outcome, worst_received. */
int rfc2544_soak(struct measure *m, double rate);

/* True when the rates of searches are connections per second. */
bool rfc2544_of_connections(const struct measure *m);

#endif
