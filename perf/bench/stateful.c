/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session path: n established UDP sessions with policy at the local ends, routed between two
 * segments, to a VTEP, from one and on this host; and how fast new ones are made and end.
 *
 * Sessions differ in their ports. The tenant's rules are such that the last of them allows it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/clock.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <session/session.h>

#include "bed.h"
#include "bench.h"
#include "cloud.h"

#define TENANT	1
#define N_RULES 10
#define CLIENT	cloud_port_id(TENANT, CLOUD_CLIENT)
#define SERVER	cloud_port_id(TENANT, CLOUD_SERVER)

#define STAGE_BURSTS 20000

/* In which sessions end after so much fewer packets, when each is counted. */
#define COUNT_HURRY 50

enum way {
	WAY_ENCAP,
	WAY_DECAP,
	WAY_LOCAL,
};

static const char *const way_names[] = {"encap", "decap", "local"};

struct run {
	struct pipeline *pl;
	const struct config *cfg;
	const struct config_port *in;
	struct port *sink;
	unsigned int n_rules;  /* for each direction */
	uint32_t ms_per_burst; /* how the clock goes */
};

static void put_end(enum cloud_end end, bool here)
{
	struct weft_port p = cloud_port(TENANT, end);

	p.max_sessions = p.max_half_open = SESSION_MAX;
	cloud_put_end(TENANT, end, here ? &p : NULL);
}

static void prepare(struct run *r, enum way way, bool v6, uint32_t n)
{
	bed_reset();
	bench_fix_seed();
	cloud_put_network(TENANT);
	cloud_put_rules(TENANT, r->n_rules);
	cloud_put_uplink();
	cloud_put_flood(TENANT);
	put_end(CLOUD_CLIENT, way != WAY_DECAP);
	put_end(CLOUD_SERVER, way != WAY_ENCAP);
	r->cfg = bed_commit();
	r->in = r->cfg->ports[bed_port(way == WAY_DECAP ? CLOUD_UPLINK : CLIENT)->slot];
	r->sink = bed_port(way == WAY_ENCAP ? CLOUD_UPLINK : SERVER);
	cloud_load(r->in->dev,
		&(struct cloud_packet){.tenant = TENANT, .from_wire = way == WAY_DECAP, .v6 = v6},
		n);
}

static uint64_t run_pipeline(void *arg, uint64_t n)
{
	struct run *r = arg;
	struct rte_mbuf *pkts[BENCH_BURST];
	uint64_t done = 0;

	while (done < n) {
		uint16_t got = port_rx(r->in->dev, 0, pkts, BENCH_BURST);

		pipeline_run(r->pl, r->cfg, r->in, pkts, got);
		if (r->ms_per_burst) {
			clock_warp(r->ms_per_burst);
			while (pipeline_tick(r->pl, r->cfg))
				;
		}
		done += got;
	}
	return done;
}

static uint64_t run_io(void *arg, uint64_t n)
{
	struct run *r = arg;
	struct rte_mbuf *pkts[BENCH_BURST];
	uint64_t done = 0;

	while (done < n) {
		uint16_t got = port_rx(r->in->dev, 0, pkts, BENCH_BURST);

		done += port_tx(r->sink, 0, pkts, got);
	}
	return done;
}

static void check_sent(const struct run *r)
{
	const struct weft_port_stats *s = counters_port(0, r->in->slot);

	if (s->sent == s->rx_packets)
		return;
	fprintf(stderr, "bench: %lu of %lu packets were sent\n", s->sent, s->rx_packets);
	for (unsigned int i = 0; i < WEFT_DROP_MAX; i++) {
		if (s->dropped[i])
			fprintf(stderr, "bench: %lu %s\n", s->dropped[i], weft_drop_name(i));
	}
	exit(1);
}

/* What each stage takes, of bursts that are all timed: reading the TSC adds a few cycles. */
static void report_stages(struct run *r, const char *name, uint32_t n)
{
	struct weft_worker_stats *s = counters_worker(0), before = *s;
	struct rte_mbuf *pkts[BENCH_BURST];

	for (unsigned int i = 0; i < STAGE_BURSTS; i++) {
		uint64_t start = rte_rdtsc();
		uint16_t got = port_rx(r->in->dev, 0, pkts, BENCH_BURST);

		pipeline_time(r->pl, start);
		pipeline_run(r->pl, r->cfg, r->in, pkts, got);
	}
	for (unsigned int i = 0; weft_stage_name(i); i++) {
		char of[64];

		snprintf(of, sizeof(of), "  %s, %s", name, weft_stage_name(i));
		bench_report_of(of, n, "sessions", "packet",
			(double)(s->stage_cycles[i] - before.stage_cycles[i]) /
				(s->timed_packets - before.timed_packets));
	}
}

static void bench_hit(struct run *r, enum way way, bool v6, uint32_t n)
{
	struct session_stats before, after;
	double own, io;
	char name[64];

	prepare(r, way, v6, n);
	r->ms_per_burst = 1; /* below the slow path's rate */
	run_pipeline(r, 4ull * n + BENCH_BURST);
	r->ms_per_burst = 0;
	session_stats(&before);
	bench_cycles_pair(run_pipeline, run_io, r, &own, &io);
	session_stats(&after);
	check_sent(r);
	if (after.created != before.created) {
		fprintf(stderr, "bench: %lu sessions were made meanwhile\n",
			after.created - before.created);
		exit(1);
	}
	snprintf(name, sizeof(name), "session hit, %s, IPv%c%s", way_names[way], v6 ? '6' : '4',
		r->n_rules == N_RULES ? "" : ", 1000 rules");
	bench_report_of(name, n, "sessions", "packet", own - io);
	if (!bench_settings.count && r->n_rules == N_RULES)
		report_stages(r, way_names[way], n);
}

/* Every packet is the first of its session; each ends two seconds later. */
static void bench_first(struct run *r, bool v6)
{
	struct weft_network net = cloud_network(TENANT);
	double own, io;
	char name[64];

	prepare(r, WAY_ENCAP, v6, UINT32_MAX);
	for (unsigned int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		net.timeout_s[i] = 1;
	bed_put(WEFT_TABLE_NETWORK, &net);
	r->cfg = bed_commit();
	r->in = r->cfg->ports[bed_port(CLIENT)->slot];
	r->ms_per_burst = bench_settings.count ? COUNT_HURRY : 1;
	bench_cycles_pair(run_pipeline, run_io, r, &own, &io);
	r->ms_per_burst = 0;
	check_sent(r);
	snprintf(name, sizeof(name), "new session, encap, IPv%c", v6 ? '6' : '4');
	bench_report_of(name, r->n_rules, "rules", "session", own - io);
}

void bench_stateful(uint32_t only)
{
	static const uint32_t sizes[] = {64, 1000, 65536, 1000000};
	struct run r = {.pl = pipeline_new(0), .n_rules = N_RULES};

	for (unsigned int v6 = 0; v6 < 2; v6++) {
		for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
			for (unsigned int way = WAY_ENCAP; way <= WAY_LOCAL; way++) {
				if (!only || only == sizes[i])
					bench_hit(&r, way, v6, sizes[i]);
			}
		}
		r.n_rules = 1000;
		if (!only)
			bench_hit(&r, WAY_ENCAP, v6, 1000);
		r.n_rules = N_RULES;
	}
	pipeline_free(r.pl);
}

void bench_new(uint32_t n_rules)
{
	struct run r = {.pl = pipeline_new(0)};

	for (unsigned int v6 = 0; v6 < 2; v6++) {
		for (r.n_rules = 1; r.n_rules <= 1000; r.n_rules *= 1000) {
			if (!n_rules || n_rules == r.n_rules)
				bench_first(&r, v6);
		}
	}
	pipeline_free(r.pl);
}
