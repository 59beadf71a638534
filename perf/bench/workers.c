/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two workers in one process, each with a tenant, a port, sessions and a source of its own, and one
 * uplink for both: what a packet costs with the other worker at rest, and with it at work. In
 * processor time, so that other programs do not count; and the same of source and sink alone, which
 * says what of it is the machine's.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_pause.h>

#include <core/clock.h>
#include <core/eal.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <session/session.h>

#include "bed.h"
#include "bench.h"
#include "cloud.h"
#include "meter.h"

#define N_WORKERS  2
#define N_RULES	   10
#define N_SESSIONS 1000
#define ROUND_MS   20
#define ROUNDS	   50

struct lane {
	unsigned int worker;
	struct pipeline *pl;
	const struct config *cfg;
	const struct config_port *in;
	_Atomic bool work;    /* a round has begun */
	_Atomic bool working; /* and not ended */
	double cycles;	      /* per packet of the last round */
} __attribute__((aligned(64)));

static struct lane lanes[N_WORKERS];
static _Atomic bool stop;
static bool devices_only; /* source and sink: between rounds */
static struct port *uplink;

static uint64_t run_bursts(struct lane *l, unsigned int n)
{
	struct rte_mbuf *pkts[BENCH_BURST];
	uint64_t done = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint16_t got = port_rx(l->in->dev, 0, pkts, BENCH_BURST);

		if (devices_only)
			port_tx(uplink, l->worker, pkts, got);
		else
			pipeline_run(l->pl, l->cfg, l->in, pkts, got);
		done += got;
	}
	return done;
}

static void run_round(struct lane *l)
{
	uint64_t end = rte_rdtsc() + meter_cycles_of_ms(ROUND_MS), start = meter_cpu_ns(), done = 0;

	while (rte_rdtsc() < end)
		done += run_bursts(l, 64);
	l->cycles = (double)(meter_cpu_ns() - start) * rte_get_tsc_hz() / 1e9 / done;
}

static int lane_main(void *arg)
{
	struct lane *l = arg;

	while (!atomic_load(&stop)) {
		if (!atomic_exchange(&l->work, false)) {
			rte_delay_us_sleep(100);
			continue;
		}
		run_round(l);
		atomic_store(&l->working, false);
	}
	return 0;
}

static void begin(struct lane *l)
{
	atomic_store(&l->working, true);
	atomic_store(&l->work, true);
}

static void wait_for(struct lane *l)
{
	while (atomic_load(&l->working))
		rte_delay_us_sleep(500); /* it may need this CPU */
}

static void put_tenant(unsigned int tenant)
{
	struct weft_port p = cloud_port(tenant, CLOUD_CLIENT);

	cloud_put_network(tenant);
	cloud_put_rules(tenant, N_RULES);
	cloud_put_flood(tenant);
	cloud_put_end(tenant, CLOUD_CLIENT, &p);
	cloud_put_end(tenant, CLOUD_SERVER, NULL);
}

static void prepare_lane(struct lane *l, unsigned int worker, const struct config *cfg)
{
	unsigned int tenant = worker + 1;

	*l = (struct lane){.worker = worker, .pl = pipeline_new(worker), .cfg = cfg};
	l->in = cfg->ports[bed_port(cloud_port_id(tenant, CLOUD_CLIENT))->slot];
	cloud_load(l->in->dev, &(struct cloud_packet){.tenant = tenant}, N_SESSIONS);
	for (unsigned int i = 0; i < N_SESSIONS; i++) {
		run_bursts(l, 1);
		clock_warp(1);
	}
}

/* Sessions are made here, one worker's after another's. */
static void prepare(void)
{
	const struct config *cfg;

	bed_reset();
	bench_fix_seed();
	cloud_put_uplink();
	for (unsigned int i = 0; i < N_WORKERS; i++)
		put_tenant(i + 1);
	cfg = bed_commit();
	uplink = bed_port(CLOUD_UPLINK);
	for (unsigned int i = 0; i < N_WORKERS; i++)
		prepare_lane(&lanes[i], i, cfg);
}

static void check_sent(void)
{
	for (unsigned int i = 0; i < N_WORKERS; i++) {
		const struct weft_port_stats *s = counters_port(i, lanes[i].in->slot);

		if (s->sent == s->rx_packets)
			continue;
		fprintf(stderr, "bench: %lu of %lu packets were sent\n", s->sent, s->rx_packets);
		exit(1);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* What a packet costs each of so many workers. */
static double round_of(unsigned int n)
{
	double sum = 0;

	for (unsigned int i = 0; i < n; i++)
		begin(&lanes[i]);
	for (unsigned int i = 0; i < n; i++)
		wait_for(&lanes[i]);
	for (unsigned int i = 0; i < n; i++)
		sum += lanes[i].cycles;
	return sum / n;
}

static void run_rounds(const char *what)
{
	double alone[ROUNDS], both[ROUNDS], times[ROUNDS];
	char name[64];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		alone[i] = round_of(1);
		both[i] = round_of(2);
		times[i] = 2 * alone[i] / both[i];
	}
	qsort(alone, ROUNDS, sizeof(alone[0]), compare);
	qsort(both, ROUNDS, sizeof(both[0]), compare);
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	snprintf(name, sizeof(name), "one worker, %s", what);
	bench_report_of(name, 1, "workers", "packet", alone[ROUNDS / 2]);
	snprintf(name, sizeof(name), "two workers, %s", what);
	bench_report_of(name, 2, "workers", "packet", both[ROUNDS / 2]);
	snprintf(name, sizeof(name), "two workers : one, %s", what);
	bench_report_ratio(
		name, times[ROUNDS / 2], times[ROUNDS / 10], times[ROUNDS - 1 - ROUNDS / 10]);
}

void bench_workers(void)
{
	prepare();
	for (unsigned int i = 0; i < N_WORKERS; i++)
		rte_eal_remote_launch(lane_main, &lanes[i], eal_lcore_of_worker(i));
	run_rounds("devices too");
	devices_only = true;
	run_rounds("devices only");
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < N_WORKERS; i++) {
		rte_eal_wait_lcore(eal_lcore_of_worker(i));
		pipeline_free(lanes[i].pl);
	}
	check_sent();
}
