/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Millions of sessions: what they take, and what a change of policy and a listing of all of them do
 * to a worker that has traffic over all.
 *
 * The real worker loop runs on a thread of its own. Tenant 1 has the sessions and always more
 * packets; tenant 2 offers a fifth of what it gets through alone into a queue of 1024. Stalls and
 * loss are in the worker's processor time, durations in the wall's. Processor time contains what
 * interrupts and the hypervisor take of it: how much that is, an empty loop in the worker's place
 * shows, and the same traffic while nothing happens. Windows are of the same length.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_launch.h>

#include <channel/channel.h>
#include <core/clock.h>
#include <core/eal.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <pipeline/worker.h>
#include <session/session.h>
#include <weft/client.h>

#include "bed.h"
#include "bench.h"
#include "cloud.h"
#include "meter.h"

#define MANY	  1
#define FEW	  2
#define MILLION	  1000000u
#define N_FEW	  1000
#define N_RULES	  1000
#define RING	  1024
#define SHARE	  5
#define CALIBRATE 200000 /* packets of tenant 2 alone */
#define VNI_AT	  46	 /* in a frame to the wire */
#define SETTLE_MS 300
#define WINDOW_MS 4000
#define STALL_US  5
#define N_STALLS  1000
#define RARE	  10000		/* one of so many polls may come later than what is reported */
#define LAST_RULE (2 * N_RULES) /* the one that lets the client send */
#define LINE	  "scale: %-46s "

/* Of the worker, but for what the main thread sets while nobody runs. */
struct world {
	struct meter meter;
	uint64_t started, rate, offered, taken; /* tenant 2's: cycles */
	_Atomic uint64_t lost;
	_Atomic uint64_t longest;	       /* cycles between two polls, but for the wait */
	_Atomic uint64_t waited;	       /* the longest wait for the processor, in cycles */
	_Atomic uint32_t stalls[N_STALLS + 1]; /* how many of so many STALL_US */
	_Atomic uint64_t last_many; /* TSC: when the wire last got a packet of tenant 1 */
	_Atomic bool many;	    /* tenant 1 sends */
};

static struct world world;

static uint64_t memory_used(void)
{
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
		abort();
	fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

static double ms_of(uint64_t cycles)
{
	return cycles * 1e3 / rte_get_tsc_hz();
}

static void put_client(unsigned int tenant)
{
	struct weft_port p = cloud_port(tenant, CLOUD_CLIENT);

	p.max_sessions = p.max_half_open = SESSION_MAX;
	cloud_put_network(tenant);
	cloud_put_flood(tenant);
	cloud_put_rules(tenant, N_RULES);
	cloud_put_end(tenant, CLOUD_CLIENT, &p);
	cloud_put_end(tenant, CLOUD_SERVER, NULL);
	bed_put(WEFT_TABLE_TENANT,
		&(struct weft_tenant){.id = tenant, .name = "scale", .max_sessions = SESSION_MAX});
}

static const struct config_port *client_port(unsigned int tenant)
{
	return config_get()->ports[bed_port(cloud_port_id(tenant, CLOUD_CLIENT))->slot];
}

/* Until there are n more; on this thread, faster than the slow path's rate. */
static void begin_sessions(struct pipeline *pl, unsigned int tenant, uint32_t n)
{
	const struct config_port *in = client_port(tenant);
	struct session_stats before, now;
	struct rte_mbuf *pkts[BENCH_BURST];

	cloud_load(in->dev, &(struct cloud_packet){.tenant = tenant}, n);
	session_stats(&before);
	do {
		for (unsigned int i = 0; i < 1024; i++) {
			uint16_t got = port_rx(in->dev, 0, pkts, BENCH_BURST);

			pipeline_run(pl, config_get(), in, pkts, got);
			clock_warp(1);
		}
		session_prepare();
		session_stats(&now);
	} while (now.n < before.n + n);
}

static void put_world(uint32_t n, const char *socket)
{
	struct pipeline *pl;

	bed_listen(socket);
	cloud_put_uplink();
	put_client(MANY);
	put_client(FEW);
	bed_commit();
	pl = pipeline_new(0);
	begin_sessions(pl, FEW, N_FEW);
	begin_sessions(pl, MANY, n);
	pipeline_free(pl);
}

static void bench_memory(uint32_t n)
{
	uint64_t before;
	struct session_stats stats;

	bed_reset();
	before = memory_used();
	put_world(n, NULL);
	session_stats(&stats);
	printf(LINE "%8.1f bytes/session, of %zu + %.1f in the table\n",
		"memory of sessions, resident", (double)(memory_used() - before) / stats.n,
		SESSION_SIZE, (double)stats.bytes / stats.n - SESSION_SIZE);
	printf(LINE "%8lu\n", "... sessions", stats.n);
	fflush(stdout);
}

static void see_longest(_Atomic uint64_t *longest, uint64_t cycles)
{
	if (cycles > atomic_load_explicit(longest, memory_order_relaxed))
		atomic_store_explicit(longest, cycles, memory_order_relaxed);
}

static void see_poll(struct world *w)
{
	uint64_t cycles = meter_advance(&w->meter), at = cycles / meter_cycles_of_us(STALL_US);
	_Atomic uint32_t *stall = &w->stalls[at < N_STALLS ? at : N_STALLS];

	see_longest(&w->longest, cycles);
	see_longest(&w->waited, w->meter.waited);
	atomic_store_explicit(
		stall, atomic_load_explicit(stall, memory_order_relaxed) + 1, memory_order_relaxed);
}

static uint16_t allow_many(void *arg, uint16_t n)
{
	struct world *w = arg;

	see_poll(w);
	return atomic_load_explicit(&w->many, memory_order_relaxed) ? n : 0;
}

static uint16_t allow_none(void *arg, uint16_t n)
{
	return 0;
}

/* At first as fast as it goes, then its share of that. */
static uint16_t allow_few(void *arg, uint16_t n)
{
	struct world *w = arg;
	uint64_t due;

	see_poll(w);
	if (!w->rate && w->taken == 0)
		w->started = w->meter.cycles;
	if (!w->rate && w->taken < CALIBRATE) {
		w->taken += n;
		return n;
	}
	if (!w->rate) {
		w->rate = SHARE * (w->meter.cycles - w->started) / w->taken;
		w->offered = w->meter.cycles;
	}
	due = (w->meter.cycles - w->offered) / w->rate;
	if (due > RING) {
		atomic_fetch_add(&w->lost, due - RING);
		w->offered += (due - RING) * w->rate;
		due = RING;
	}
	if (n > due)
		n = due;
	w->offered += n * w->rate;
	return n;
}

static void see_sent(void *arg, struct rte_mbuf **pkts, uint16_t n)
{
	struct world *w = arg;
	uint32_t vni = cloud_vni(MANY, CLOUD_SERVER);
	const uint8_t want[3] = {vni >> 16, vni >> 8, vni};

	for (uint16_t i = 0; i < n; i++) {
		if (memcmp(rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, VNI_AT), want, 3) != 0)
			continue;
		atomic_store_explicit(&w->last_many, rte_rdtsc(), memory_order_relaxed);
		return;
	}
}

static void main_tick(void)
{
	static uint64_t last;

	channel_poll(1);
	if (rte_rdtsc() - last > rte_get_tsc_hz() / 1000) {
		clock_warp(1 + (last ? ms_of(rte_rdtsc() - last) : 0));
		last = rte_rdtsc();
	}
	channel_tick(clock_ms());
	session_prepare();
	rcu_reclaim();
}

static void main_run(unsigned int ms)
{
	uint64_t end = rte_rdtsc() + meter_cycles_of_ms(ms);

	while (rte_rdtsc() < end)
		main_tick();
}

static uint64_t sent_by(unsigned int tenant)
{
	return counters_port(0, client_port(tenant)->slot)->sent;
}

static void forget(void)
{
	atomic_store(&world.lost, 0);
	atomic_store(&world.longest, 0);
	atomic_store(&world.waited, 0);
	for (unsigned int i = 0; i <= N_STALLS; i++)
		atomic_store(&world.stalls[i], 0);
}

/* All but one in RARE polls came sooner after the one before. */
static unsigned int rare_stall_us(void)
{
	uint64_t n = 0, left = 0;
	unsigned int i;

	for (i = 0; i <= N_STALLS; i++)
		n += atomic_load(&world.stalls[i]);
	for (i = N_STALLS; i > 0; i--) {
		left += atomic_load(&world.stalls[i]);
		if (left > n / RARE)
			break;
	}
	return (i + 1) * STALL_US;
}

static void report_stall(const char *name)
{
	printf(LINE "%8.3f ms (waits for the processor, up to %.1f ms, not counted)\n", name,
		ms_of(atomic_load(&world.longest)), ms_of(atomic_load(&world.waited)));
	printf(LINE "%8.3f ms\n", "... all but one in 10,000 are shorter than",
		rare_stall_us() / 1e3);
	printf(LINE "%8lu packets\n", "... lost by the other tenant", atomic_load(&world.lost));
	fflush(stdout);
}

/* In the worker's place. */
static int poll_nothing(void *arg)
{
	struct world *w = arg;
	uint64_t end;

	w->meter = (struct meter){0};
	see_poll(w);
	end = w->meter.tsc + meter_cycles_of_ms(WINDOW_MS);
	while (w->meter.tsc < end)
		see_poll(w);
	w->meter = (struct meter){0};
	return 0;
}

static void bench_machine(void)
{
	forget();
	if (rte_eal_remote_launch(poll_nothing, &world, eal_lcore_of_worker(0)) != 0)
		abort();
	main_run(WINDOW_MS);
	rte_eal_wait_lcore(eal_lcore_of_worker(0));
	report_stall("no worker but an empty loop: longest stall");
}

static void bench_quiet(void)
{
	forget();
	main_run(WINDOW_MS);
	report_stall("nothing happens: longest stall of the worker");
}

/* The rules that let tenant 1 send go. */
static void bench_revoke(void)
{
	struct weft_rule r = {.ruleset = MANY, .id = LAST_RULE};
	uint64_t start, done, last, left_ms = 0;
	struct session_stats stats;

	forget();
	bed_delete(WEFT_TABLE_RULE, &r);
	r.id++;
	bed_delete(WEFT_TABLE_RULE, &r);
	start = rte_rdtsc();
	bed_commit();
	done = rte_rdtsc();
	do {
		main_run(10);
		left_ms += 10;
		session_stats(&stats);
	} while (stats.n > N_FEW && left_ms < WINDOW_MS);
	last = atomic_load(&world.last_many);
	printf(LINE "%8.3f ms\n", "revocation: the commit", ms_of(done - start));
	printf(LINE "%8.3f ms after its start\n", "... last forbidden packet",
		last > start ? ms_of(last - start) : 0);
	printf(LINE "%8lu of %u after %lu ms\n", "... sessions that no packet has ended",
		stats.n - N_FEW, MILLION, left_ms);
	report_stall("... longest stall of the worker");
}

/* The same policy by another rule: everything is judged again, nothing may be lost. */
static void bench_rejudge(void)
{
	struct weft_rule r = {.ruleset = MANY,
		.id = LAST_RULE + 1,
		.direction = WEFT_RULE_EGRESS,
		.action = WEFT_RULE_ALLOW,
		.proto = WEFT_RULE_ANY_PROTO,
		.port_max = UINT16_MAX};
	const struct weft_port_stats *s = counters_port(0, client_port(MANY)->slot);
	uint64_t before = sent_by(MANY), came = s->rx_packets;

	forget();
	bed_put(WEFT_TABLE_RULE, &r);
	bed_commit();
	main_run(WINDOW_MS);
	came = s->rx_packets - came;
	before = sent_by(MANY) - before;
	printf(LINE "%8ld of %lu packets\n", "a million sessions judged again: not sent",
		(long)(came - before), came);
	report_stall("... longest stall of the worker");
}

struct lister {
	const char *socket;
	uint64_t n;
	_Atomic bool done;
};

static void wait_for(
	struct weft_client *c, enum weft_msg_type type, uint64_t *ret_n, uint32_t *ret_at)
{
	struct weft_client_msg *m;
	struct pollfd p = {.fd = weft_client_fd(c), .events = POLLIN};

	for (;;) {
		int r = weft_client_recv(c, &m);

		if (r < 0)
			abort();
		if (r == 0) {
			poll(&p, 1, -1);
			continue;
		}
		if (m->hdr->type == WEFT_MSG_SESSION_END) {
			const struct weft_msg_session_end *end = m->payload;

			*ret_n += end->n;
			*ret_at = end->cursor;
		}
		if (m->hdr->type == type)
			return;
	}
}

static void *list_all(void *arg)
{
	struct lister *l = arg;
	struct weft_msg_session_list request = {.max = UINT32_MAX};
	struct weft_client *c;

	if (weft_client_open(l->socket, &c) < 0 || weft_client_hello(c, "bench", 0, NULL) < 0)
		abort();
	wait_for(c, WEFT_MSG_HELLO_ACK, NULL, NULL);
	do {
		if (weft_client_send(c, WEFT_MSG_SESSION_LIST, &request, sizeof(request), NULL) < 0)
			abort();
		wait_for(c, WEFT_MSG_SESSION_END, &l->n, &request.cursor);
	} while (request.cursor);
	weft_client_close(c);
	atomic_store(&l->done, true);
	return NULL;
}

static void bench_list(const char *socket)
{
	struct lister l = {.socket = socket};
	uint64_t start = rte_rdtsc();
	pthread_t thread;

	forget();
	if (pthread_create(&thread, NULL, list_all, &l) != 0)
		abort();
	while (!atomic_load(&l.done))
		main_tick();
	pthread_join(thread, NULL);
	printf(LINE "%8.0f ms for %lu\n", "all sessions listed by a client of the channel",
		ms_of(rte_rdtsc() - start), l.n);
	report_stall("... longest stall of the worker");
}

static void bench_traffic_over_million(void)
{
	const struct bench_traffic many = {.allow = allow_many, .arg = &world},
				   few = {.allow = allow_few, .arg = &world},
				   wire = {.allow = allow_none, .sent = see_sent, .arg = &world};
	const struct worker_options options = {.poll = true};
	char socket[64];

	snprintf(socket, sizeof(socket), "/tmp/weft-bench-%d.sock", getpid());
	put_world(MILLION, socket);
	bench_port_traffic(client_port(MANY)->dev, &many);
	bench_port_traffic(client_port(FEW)->dev, &few);
	bench_port_traffic(bed_port(CLOUD_UPLINK), &wire);
	bench_machine();
	if (workers_start(1, &options) < 0)
		exit(1);
	main_run(SETTLE_MS);
	atomic_store(&world.many, true);
	main_run(SETTLE_MS);
	bench_quiet();
	bench_list(socket);
	bench_rejudge();
	bench_revoke();
	workers_stop();
	bed_listen(NULL);
	unlink(socket);
}

void bench_scale(void)
{
	bench_traffic_over_million();
	bench_memory(MILLION);
	bench_memory(4 * MILLION);
}
