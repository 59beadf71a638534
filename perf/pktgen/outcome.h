/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a trial gave, in numbers that stay: for reports. Times in nanoseconds.
 */
#ifndef PKTGEN_OUTCOME_H
#define PKTGEN_OUTCOME_H

#include "gen.h"

#define OUTCOME_QUANTILES 6

/* Which quantiles are told, and their names. */
extern const double outcome_quantiles[OUTCOME_QUANTILES];
extern const char *const outcome_quantile_names[OUTCOME_QUANTILES];

struct outcome_latency {
	uint64_t count;
	double mean, max;
	double at[OUTCOME_QUANTILES];
};

struct outcome_stream {
	const struct stream_spec *spec;
	uint64_t sent, sent_bytes, refused, missed, no_mbufs;
	uint64_t received, received_bytes, lost;
	uint64_t verified, bad_checksums;
	uint64_t reordered, extent, duplicates, late, gaps;
	struct outcome_latency latency;
	bool is_tcp;
	uint64_t established, accepted, finished, timed_out, bad, dropped;
	uint64_t tcp_sent, tcp_received; /* packets */
};

struct outcome_port {
	uint64_t packets, bytes, unmarked, stale, misdelivered, leaked;
};

struct outcome {
	double seconds;
	struct gen_totals totals;
	uint32_t n_streams, n_ports;
	struct outcome_stream streams[PROFILE_STREAMS_MAX];
	struct outcome_port ports[PROFILE_PORTS_MAX];
};

void outcome_take(const struct gen *g, struct outcome *ret);
/* Packets on ports where their tenant has nothing. */
uint64_t outcome_leaks(const struct outcome *o);
/* Packets that came with a wrong checksum, of those that were looked at. */
uint64_t outcome_bad_checksums(const struct outcome *o);
/* The ratio of foreground packets that were offered and did not arrive. */
double outcome_loss(const struct outcome *o);

#endif
