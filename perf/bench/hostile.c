/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bystander beside an attacker on one worker: what it gets through, with the attack and without.
 *
 * The real worker loop runs on a thread of its own. The bystander, tenant 1, offers half of what
 * the worker can do for it alone, its share of two busy ports, over 1000 routed sessions with
 * policy, into a queue of 1024 packets, as long as a device's; what finds it full is lost. The
 * attacker's queue is always full. Windows with and without the attack alternate.
 *
 * Time is the worker's own processor time, quotas' time included, so that neither other processes
 * nor the kernel are counted.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include <core/clock.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <pipeline/worker.h>
#include <session/session.h>
#include <table/learn.h>

#include "attack.h"
#include "bed.h"
#include "bench.h"
#include "cloud.h"
#include "meter.h"

#define BYSTANDER  1
#define N_SESSIONS 1000
#define RING	   1024
#define N_WINDOWS  5 /* of each sort */
#define FULL_MS	   30
#define QUIET_MS   60
#define ATTACK_MS  200 /* quotas hold 100 ms of their rates */
#define LEARN_TICK 4096

enum phase {
	PHASE_PRIME, /* sessions are made */
	PHASE_FULL,  /* as much as the worker can do */
	PHASE_QUIET,
	PHASE_ATTACK,
	PHASE_DONE,
};

struct window {
	uint64_t cycles;
	uint64_t sent, attacked;
};

/* All but done is the worker's. */
struct hostile {
	const struct attack *attack;
	struct meter meter;
	uint64_t ms; /* told to the clock */
	enum phase phase;
	uint64_t phase_end;
	uint64_t rate;	  /* cycles for a packet; 0: as many as are asked for */
	uint64_t offered; /* cycle until which packets were offered */
	const struct weft_port_stats *bystander, *attacker;
	struct window start;
	struct window windows[PHASE_DONE][N_WINDOWS];
	unsigned int n_windows[PHASE_DONE];
	_Atomic bool done;
};

static struct hostile hostile;

/* Moves processor time on, and the clock by it. */
static void advance(struct hostile *h)
{
	meter_advance(&h->meter);
	for (; meter_cycles_of_ms(h->ms + 1) <= h->meter.cycles; h->ms++)
		clock_warp(1);
}

static struct window now(const struct hostile *h)
{
	return (struct window){h->meter.cycles, h->bystander->sent, h->attacker->rx_packets};
}

static void end_window(struct hostile *h)
{
	struct window *w = &h->windows[h->phase][h->n_windows[h->phase]++], end = now(h);

	w->cycles = end.cycles - h->start.cycles;
	w->sent = end.sent - h->start.sent;
	w->attacked = end.attacked - h->start.attacked;
}

/* Half of what went through at full load, from here on. */
static void set_rate(struct hostile *h)
{
	const struct window *w = &h->windows[PHASE_FULL][h->n_windows[PHASE_FULL] - 1];

	h->rate = 2 * w->cycles / w->sent;
	h->offered = h->meter.cycles;
}

static void next_phase(struct hostile *h)
{
	static const uint64_t length_ms[PHASE_DONE] = {
		[PHASE_FULL] = FULL_MS, [PHASE_QUIET] = QUIET_MS, [PHASE_ATTACK] = ATTACK_MS};

	if (h->phase != PHASE_PRIME)
		end_window(h);
	if (h->phase == PHASE_FULL)
		set_rate(h);
	if (h->phase == PHASE_ATTACK && h->n_windows[PHASE_ATTACK] == N_WINDOWS)
		h->phase = PHASE_DONE;
	else if (h->phase == PHASE_ATTACK)
		h->phase = PHASE_FULL;
	else
		h->phase++;
	if (h->phase == PHASE_FULL)
		h->rate = 0;
	h->start = now(h);
	if (h->phase == PHASE_DONE)
		atomic_store(&h->done, true);
	else
		h->phase_end = h->meter.cycles + meter_cycles_of_ms(length_ms[h->phase]);
}

static uint16_t allow_bystander(void *arg, uint16_t n)
{
	struct hostile *h = arg;
	uint64_t due;

	advance(h);
	if (h->phase == PHASE_DONE)
		return 0;
	if (h->phase == PHASE_PRIME && h->bystander->sent < 8 * N_SESSIONS)
		return n;
	if (h->phase == PHASE_PRIME || h->meter.cycles >= h->phase_end)
		next_phase(h);
	if (!h->rate)
		return n;
	due = (h->meter.cycles - h->offered) / h->rate;
	if (due > RING) {
		h->offered += (due - RING) * h->rate;
		due = RING;
	}
	n = RTE_MIN((uint64_t)n, due);
	h->offered += n * h->rate;
	return n;
}

static uint16_t allow_attacker(void *arg, uint16_t n)
{
	const struct hostile *h = arg;

	return h->phase == PHASE_ATTACK ? n : 0;
}

static void change_attacker(void *arg, struct rte_mbuf *m)
{
	const struct hostile *h = arg;

	h->attack->change(m);
}

static void put_host(const struct attack *a)
{
	struct weft_port p = cloud_port(BYSTANDER, CLOUD_CLIENT);

	cloud_put_uplink();
	for (unsigned int t = BYSTANDER; t <= ATTACKER; t++) {
		cloud_put_network(t);
		cloud_put_rules(t, 10);
		cloud_put_flood(t);
	}
	cloud_put_end(BYSTANDER, CLOUD_CLIENT, &p);
	cloud_put_end(BYSTANDER, CLOUD_SERVER, NULL);
	p = cloud_port(ATTACKER, CLOUD_CLIENT);
	cloud_put_end(ATTACKER, CLOUD_CLIENT, a->from_wire ? NULL : &p);
	p = cloud_port(ATTACKER, CLOUD_SERVER);
	cloud_put_end(ATTACKER, CLOUD_SERVER, &p);
	if (a->put)
		a->put();
}

static const struct config_port *port_of(const struct config *cfg, uint32_t id)
{
	return cfg->ports[bed_port(id)->slot];
}

static void wait_done(struct hostile *h)
{
	const struct worker_options options = {.poll = true};
	const struct timespec ms = {.tv_nsec = 1000000};

	if (workers_start(1, &options) < 0)
		exit(1);
	while (!atomic_load(&h->done)) {
		nanosleep(&ms, NULL);
		learn_process(LEARN_TICK, clock_s());
		session_prepare();
		rcu_reclaim();
	}
	workers_stop();
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double per_cycle(const struct window *w, bool attacked)
{
	return (double)(attacked ? w->attacked : w->sent) / w->cycles;
}

static double median(double v[N_WINDOWS])
{
	qsort(v, N_WINDOWS, sizeof(v[0]), compare);
	return v[N_WINDOWS / 2];
}

/* Million packets per second. */
static double rate_of(const struct hostile *h, enum phase phase, bool attacked)
{
	double v[N_WINDOWS];

	for (unsigned int i = 0; i < N_WINDOWS; i++)
		v[i] = per_cycle(&h->windows[phase][i], attacked) * rte_get_tsc_hz() / 1e6;
	return median(v);
}

/* What the bystander kept, of windows that follow each other. */
static double kept(const struct hostile *h)
{
	double v[N_WINDOWS];

	for (unsigned int i = 0; i < N_WINDOWS; i++)
		v[i] = per_cycle(&h->windows[PHASE_ATTACK][i], false) /
		       per_cycle(&h->windows[PHASE_QUIET][i], false);
	return median(v);
}

/* Why most of the attacker's packets were dropped. */
static const char *main_drop(const struct weft_port_stats *s)
{
	unsigned int most = 0;

	for (unsigned int i = 1; i < WEFT_DROP_MAX; i++) {
		if (s->dropped[i] > s->dropped[most])
			most = i;
	}
	return s->dropped[most] ? weft_drop_name(most) : "-";
}

static void report(const struct attack *a, const struct hostile *h)
{
	printf("hostile: %-32s kept %5.3f  bystander %5.2f -> %5.2f Mpps  attacker %5.2f Mpps %s\n",
		a->name, kept(h), rate_of(h, PHASE_QUIET, false), rate_of(h, PHASE_ATTACK, false),
		rate_of(h, PHASE_ATTACK, true), main_drop(h->attacker));
	fflush(stdout);
}

static void run(const struct attack *a)
{
	struct hostile *h = &hostile;
	struct bench_traffic bystander = {.allow = allow_bystander, .arg = h};
	struct bench_traffic attacker = {
		.allow = allow_attacker, .change = change_attacker, .arg = h};
	const struct config_port *by, *att;
	const struct config *cfg;

	bed_reset();
	put_host(a);
	cfg = bed_commit();
	memset(h, 0, sizeof(*h));
	h->attack = a;
	by = port_of(cfg, cloud_port_id(BYSTANDER, CLOUD_CLIENT));
	att = port_of(cfg, a->from_wire ? CLOUD_UPLINK : cloud_port_id(ATTACKER, CLOUD_CLIENT));
	h->bystander = counters_port(0, by->slot);
	h->attacker = counters_port(0, att->slot);
	cloud_load(by->dev, &(struct cloud_packet){.tenant = BYSTANDER}, N_SESSIONS);
	cloud_load(att->dev,
		&(struct cloud_packet){.tenant = ATTACKER, .from_wire = a->from_wire, .v6 = a->v6},
		1);
	bench_port_traffic(by->dev, &bystander);
	bench_port_traffic(att->dev, &attacker);
	wait_done(h);
	report(a, h);
}

void bench_hostile(const char *only)
{
	for (unsigned int i = 0; i < n_attacks; i++) {
		if (!only || strcmp(only, attacks[i].name) == 0)
			run(&attacks[i]);
	}
}
