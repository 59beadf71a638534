/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worker loop: a round over the receive queues of this worker whose turn it is (turns.h), a
 * quiescent state, and back-off when there is nothing to do.
 *
 * One generation holds for a whole round, in which sessions age too. An idle worker first spins for
 * some rounds, then sleeps for times that double up to the bound; it is offline for RCU meanwhile,
 * so that a sleeping worker delays nobody. The first packet ends the back-off.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_pause.h>

#include <core/eal.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <pipeline/probe.h>
#include <pipeline/worker.h>
#include <port/port.h>
#include <session/offload.h>

#include "rounds.h"
#include "turns.h"

#define WORKER_SPIN_ROUNDS    256
#define WORKER_FIRST_SLEEP_US 8
#define WORKER_BURST_MAX_US   200 /* bursts that take longer are not worked on all the time */

struct worker {
	unsigned int index;
	struct pipeline *pl;
	struct weft_worker_stats *stats;
	uint64_t tsc;	      /* when the last round ended */
	uint64_t long_cycles; /* a round of so many is a long one */
	uint32_t idle_rounds;
	uint32_t sleep_us;
	uint32_t until_timed; /* bursts */
	struct turns turns;
};

static struct worker workers[WEFT_MAX_WORKERS];
static unsigned int n_workers;
static struct worker_options worker_options;
static _Atomic bool worker_stop;

static void worker_count_burst(struct worker *w, uint16_t n)
{
	unsigned int log2 = 31 - __builtin_clz(n);

	w->stats->bursts++;
	w->stats->packets += n;
	w->stats->burst_sizes[log2 < 7 ? log2 : 7]++;
}

/* Returns the number of packets that came. */
static uint16_t worker_poll(struct worker *w, const struct config *cfg, const struct config_rxq *q)
{
	const struct config_port *port = cfg->ports[q->port_slot];
	struct rte_mbuf *pkts[PIPELINE_BURST];
	uint64_t start;
	uint16_t n;

	if (!port_is_up(port->dev) || unlikely(!turns_may(&w->turns, q->port_slot)))
		return 0;
	start = rte_rdtsc();
	n = port_rx(port->dev, q->queue, pkts, PIPELINE_BURST);
	if (n == 0)
		return 0;
	worker_count_burst(w, n);
	if (unlikely(--w->until_timed == 0)) {
		w->until_timed = WEFT_STAGE_EVERY;
		pipeline_time(w->pl, start);
	}
	pipeline_run(w->pl, cfg, port, pkts, n);
	turns_used(&w->turns, q->port_slot, n, rte_rdtsc() - start);
	return n;
}

static unsigned int worker_round(struct worker *w, const struct config *cfg)
{
	unsigned int got = 0;

	if (!cfg || unlikely(offload_is_adopting()))
		return 0;
	if (unlikely(probe_waits(w->index)))
		probe_run(w->pl, w->index, cfg);
	turns_begin(&w->turns);
	for (unsigned int i = 0; i < cfg->n_rxqs[w->index]; i++)
		got += worker_poll(w, cfg, &cfg->rxqs[w->index][i]);
	turns_end(&w->turns);
	return got;
}

static uint64_t worker_lap(struct worker *w)
{
	uint64_t now = rte_rdtsc(), cycles = now - w->tsc;

	w->tsc = now;
	return cycles;
}

/* The time since the last round ended, without sleep. */
static uint64_t worker_lap_of_round(struct worker *w)
{
	uint64_t cycles = worker_lap(w);

	if (unlikely(cycles >= w->long_cycles))
		rounds_count_long(w->stats, cycles, w->long_cycles);
	return cycles;
}

static void worker_sleep(struct worker *w)
{
	struct timespec ts = {.tv_nsec = (long)w->sleep_us * 1000};

	rcu_worker_offline(w->index);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	rcu_worker_online(w->index);
	w->stats->cycles_asleep += worker_lap(w);
	w->stats->sleeps++;
	w->sleep_us *= 2;
	if (w->sleep_us > worker_options.max_sleep_us)
		w->sleep_us = worker_options.max_sleep_us;
}

static void worker_idle(struct worker *w, bool may_sleep)
{
	w->stats->cycles_idle += worker_lap_of_round(w);
	if (worker_options.poll || !may_sleep || ++w->idle_rounds < WORKER_SPIN_ROUNDS) {
		rte_pause();
		return;
	}
	worker_sleep(w);
}

static void worker_busy(struct worker *w)
{
	w->stats->cycles_busy += worker_lap_of_round(w);
	w->idle_rounds = 0;
	w->sleep_us = WORKER_FIRST_SLEEP_US < worker_options.max_sleep_us
			      ? WORKER_FIRST_SLEEP_US
			      : worker_options.max_sleep_us;
}

static int worker_main(void *arg)
{
	struct worker *w = arg;

	prctl(PR_SET_TIMERSLACK, 1); /* ns; the default of 50 us is longer than most sleeps */
	rcu_worker_online(w->index);
	w->tsc = rte_rdtsc();
	worker_busy(w);
	while (!atomic_load_explicit(&worker_stop, memory_order_relaxed)) {
		const struct config *cfg = config_get();
		unsigned int got = worker_round(w, cfg);
		bool more = pipeline_tick(w->pl, cfg);

		if (got)
			worker_busy(w);
		else
			worker_idle(w, !more);
		rcu_worker_quiescent(w->index);
	}
	rcu_worker_offline(w->index);
	return 0;
}

static int worker_start(unsigned int index)
{
	struct worker *w = &workers[index];
	int r;

	memset(w, 0, sizeof(*w));
	w->index = index;
	w->stats = counters_worker(index);
	w->until_timed = WEFT_STAGE_EVERY;
	w->long_cycles = rte_get_tsc_hz() / 1000000 * WEFT_LONG_ROUND_US;
	w->turns.most = rte_get_tsc_hz() / 1000000 * WORKER_BURST_MAX_US;
	w->pl = pipeline_new(index);
	if (!w->pl)
		return -ENOMEM;
	rcu_worker_register(index);
	r = rte_eal_remote_launch(worker_main, w, eal_lcore_of_worker(index));
	if (r < 0) {
		rcu_worker_unregister(index);
		pipeline_free(w->pl);
	}
	return r;
}

int workers_start(unsigned int n, const struct worker_options *options)
{
	worker_options = *options;
	atomic_store(&worker_stop, false);
	for (n_workers = 0; n_workers < n; n_workers++) {
		int r = worker_start(n_workers);

		if (r < 0) {
			workers_stop();
			return r;
		}
	}
	return 0;
}

void workers_stop(void)
{
	atomic_store(&worker_stop, true);
	for (unsigned int i = 0; i < n_workers; i++) {
		rte_eal_wait_lcore(eal_lcore_of_worker(i));
		rcu_worker_unregister(i);
		pipeline_free(workers[i].pl);
		probe_forget(i);
	}
	n_workers = 0;
}
