/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watching real packets: what is told of a packet is what a dry run foresaw of it, of every packet
 * that passes the filter and of no other; nothing makes a worker wait. The seed is printed;
 * WEFT_TEST_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>

#include <core/clock.h>
#include <core/mem.h>
#include <core/rcu.h>
#include <observe/trace_ring.h>
#include <pipeline/pipeline.h>
#include <pipeline/watch.h>
#include <pkt/meta.h>

#include "bed.h"
#include "test_eal.h"
#include "trace_world.h"

#define FILTERS	   400
#define PER_FILTER 50
#define PORTS	   9
#define WORKERS	   2

static const struct weft_watch_filter all = {.rate = WEFT_WATCH_RATE_MAX};

static struct pipeline *pl[WORKERS], *dry;
static const struct config *cfg;
static struct pipeline_report report;
static struct weft_trace_record told[PIPELINE_REPORT_STEPS];
static uint64_t n_passed, n_steps[WEFT_TRACE_STEP_MAX];

static struct rte_mbuf *mbuf_of(const uint8_t *b, unsigned int len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);

	assert_non_null(m);
	memset(pkt_meta(m), 0xff, sizeof(struct pkt_meta)); /* nobody may rely on what was there */
	memcpy(rte_pktmbuf_append(m, len), b, len);
	return m;
}

static const struct config_port *port_of(uint32_t id)
{
	return cfg->ports[bed_port(id)->slot];
}

static void foresee(uint32_t id, const uint8_t *b, unsigned int len)
{
	rcu_main_enter();
	pipeline_dry_start(dry, &report);
	pipeline_dry_run(dry, cfg, port_of(id), mbuf_of(b, len));
	rcu_main_leave();
	pipeline_report_clear(&report);
}

static void run(unsigned int worker, uint32_t id, const uint8_t *b, unsigned int len)
{
	struct rte_mbuf *m = mbuf_of(b, len);

	pipeline_run(pl[worker], cfg, port_of(id), &m, 1);
	for (uint32_t port = 1; port <= PORTS; port++)
		while (port != 8 && (m = fake_capture_any(bed_port(port))))
			rte_pktmbuf_free(m);
}

static void set(const struct weft_watch_filter *f)
{
	assert_null(weft_watch_wrong(f));
	assert_int_equal(watch_set(f), 0);
	rcu_reclaim();
}

/* ---- what is foreseen ---- */

static const struct weft_trace_record *parsed_of(void)
{
	for (unsigned int i = 0; i < report.n_steps; i++)
		if (report.steps[i].step == WEFT_TRACE_PARSED)
			return &report.steps[i];
	return NULL;
}

static bool bits_equal(const struct weft_prefix *p, const struct weft_addr *a)
{
	for (unsigned int bit = 0; bit < p->len; bit++)
		if ((p->addr.b[bit / 8] ^ a->b[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return true;
}

/* Does it pass, as these ends? */
static bool ends_pass(const struct weft_watch_filter *f, const struct weft_addr *src,
	const struct weft_addr *dst, uint16_t sport, uint16_t dport)
{
	return bits_equal(&f->src, src) && bits_equal(&f->dst, dst) &&
	       (f->sport == 0 || f->sport == sport) && (f->dport == 0 || f->dport == dport);
}

static bool passes(const struct weft_watch_filter *f, const struct weft_trace_record *p)
{
	bool ip = !weft_addr_is_zero(&p->dst), icmp = p->proto == 1 || p->proto == 58;

	if (f->port && f->port != p->port)
		return false;
	if (f->vni && f->vni != p->vni)
		return false;
	if (f->ethertype && (!ip || f->ethertype != (weft_addr_is_v4(&p->dst) ? 0x800 : 0x86dd)))
		return false;
	if (f->proto && (!ip || f->proto != p->proto))
		return false;
	if (!ip)
		return !f->src.len && !f->dst.len && !f->sport && !f->dport;
	if (ends_pass(f, &p->src, &p->dst, p->sport, p->dport))
		return true;
	return (f->flags & WEFT_WATCH_EITHER) &&
	       ends_pass(
		       f, &p->dst, &p->src, icmp ? f->sport : p->dport, icmp ? p->dport : p->sport);
}

static bool is_told(const struct weft_watch_filter *f, unsigned int step, bool dropped)
{
	bool came = step == WEFT_TRACE_RECEIVED || step == WEFT_TRACE_TUNNEL ||
		    step == WEFT_TRACE_PARSED;

	return !(f->flags & WEFT_WATCH_DROPPED) || (dropped && (came || step == WEFT_TRACE_DROP));
}

static bool foresees_drop(void)
{
	for (unsigned int i = 0; i < report.n_steps; i++)
		if (report.steps[i].step == WEFT_TRACE_DROP)
			return true;
	return false;
}

/* As in the report, but for what only real packets have, and the size of what a tunnel brought. */
static void compare(const struct weft_trace_record *t, const struct weft_trace_record *foreseen,
	unsigned int worker)
{
	struct weft_trace_record f = *foreseen;

	f.packet = t->packet;
	f.worker = worker;
	if (f.step == WEFT_TRACE_RECEIVED)
		f.size = t->size;
	if (memcmp(&f, t, sizeof(f)) != 0)
		fail_msg("%s told, %s foreseen, or other members", weft_trace_name(t->step),
			weft_trace_name(f.step));
}

static void check_told(const struct weft_watch_filter *f, unsigned int worker)
{
	const struct weft_trace_record *parsed = parsed_of();
	unsigned int n = watch_drain(told, PIPELINE_REPORT_STEPS), at = 0;
	bool dropped = foresees_drop();

	if (!parsed || !passes(f, parsed)) {
		assert_int_equal(n, 0);
		return;
	}
	n_passed++;
	if (report.n_more_steps || report.n_waiting)
		return;
	for (unsigned int i = 0; i < report.n_steps; i++) {
		if (!is_told(f, report.steps[i].step, dropped))
			continue;
		assert_true(at < n);
		assert_int_equal(told[at].packet >> 24, worker);
		assert_int_equal(told[at].packet, told[0].packet);
		n_steps[told[at].step]++;
		compare(&told[at++], &report.steps[i], worker);
	}
	assert_int_equal(at, n);
}

/* ---- filters ---- */

static struct weft_prefix some_prefix(const struct weft_addr *a)
{
	struct weft_prefix p = {.addr = *a, .len = 96 + roll(33)};

	if (roll(4) == 0)
		p.addr.b[15] ^= 1;
	for (unsigned int bit = p.len; bit < 128; bit++)
		p.addr.b[bit / 8] &= ~(0x80 >> bit % 8);
	return p;
}

/* One that the packet with that record may well pass. */
static struct weft_watch_filter some_filter(const struct weft_trace_record *p)
{
	struct weft_watch_filter f = {.rate = WEFT_WATCH_RATE_MAX, .flags = roll(4)};
	bool back = roll(3) == 0;

	if (!p)
		return f;
	f.port = roll(6) ? 0 : p->port;
	f.vni = roll(4) ? 0 : p->vni;
	f.proto = roll(4) ? 0 : p->proto;
	f.ethertype = roll(6) ? 0 : roll(2) ? 0x800 : 0x86dd;
	if (roll(3) == 0)
		f.src = some_prefix(back ? &p->dst : &p->src);
	if (roll(3) == 0)
		f.dst = some_prefix(back ? &p->src : &p->dst);
	f.sport = roll(6) ? 0 : back ? p->dport : p->sport;
	f.dport = roll(6) ? 0 : back ? p->sport : p->dport;
	return f;
}

static uint32_t some_frame(uint8_t *b, unsigned int *ret_len)
{
	uint32_t id = roll(3) == 0 ? WORLD_UPLINK : 1 + roll(7);

	*ret_len = world_frame(id, b);
	return id;
}

static void test_truth(void **state)
{
	unsigned int len, variety = 0;
	uint8_t b[WORLD_FRAME];

	for (unsigned int i = 0; i < FILTERS; i++) {
		uint32_t id = some_frame(b, &len);
		struct weft_watch_filter f;

		foresee(id, b, len);
		f = some_filter(parsed_of());
		set(&f);
		for (unsigned int j = 0; j < PER_FILTER; j++) {
			unsigned int worker = roll(WORKERS);

			foresee(id, b, len);
			run(worker, id, b, len);
			check_told(&f, worker);
			id = some_frame(b, &len);
		}
		if (i % 20 == 0)
			cfg = world_change();
		clock_warp(1000);
	}
	for (unsigned int s = 1; s < WEFT_TRACE_STEP_MAX; s++)
		variety += n_steps[s] > 0;
	printf("%lu packets told of, %u kinds of steps\n", n_passed, variety);
	assert_true(n_passed > FILTERS && variety >= 20);
	assert_true(n_steps[WEFT_TRACE_TUNNEL] && n_steps[WEFT_TRACE_SESSION_HIT] &&
		    n_steps[WEFT_TRACE_REPLICATE] && n_steps[WEFT_TRACE_DROP]);
}

/* ---- limits ---- */

/* Of host 6's, which is never refused by the parser. */
static unsigned int good_frame(uint8_t *b)
{
	unsigned int len;

	do {
		len = world_frame(6, b);
		foresee(6, b, len);
	} while (!parsed_of());
	return len;
}

static unsigned int drain_all(unsigned int *ret_packets)
{
	unsigned int n = 0, got;

	*ret_packets = 0;
	while ((got = watch_drain(told, PIPELINE_REPORT_STEPS)) > 0) {
		for (unsigned int i = 0; i < got; i++)
			*ret_packets += told[i].step == WEFT_TRACE_RECEIVED;
		n += got;
	}
	return n;
}

static void test_rate(void **state)
{
	struct weft_watch_filter f = {.rate = 5};
	struct watch_missed missed;
	unsigned int packets;
	uint8_t b[WORLD_FRAME];
	unsigned int len = good_frame(b);

	for (unsigned int second = 1; second <= 3; second++) {
		clock_warp(1000);
		if (second == 1)
			set(&f);
		for (unsigned int i = 0; i < 20; i++)
			run(1, 6, b, len);
		drain_all(&packets);
		assert_int_equal(packets, 5);
		watch_missed(&missed);
		assert_int_equal(missed.skipped, second * 15);
		assert_int_equal(missed.lost, 0);
	}
	set(&f);
	watch_missed(&missed);
	assert_int_equal(missed.skipped, 0);
}

/* What finds no room is lost and counted, and the ring goes on. */
static void test_full(void **state)
{
	uint64_t foreseen = 0;
	struct watch_missed missed;
	unsigned int packets, len;
	uint8_t b[WORLD_FRAME];

	clock_warp(1000);
	set(&all);
	while (foreseen < 2 * TRACE_RING_SIZE) {
		len = good_frame(b);
		foreseen += report.n_steps;
		run(0, 6, b, len);
	}
	watch_missed(&missed);
	assert_int_equal(missed.lost, foreseen - TRACE_RING_SIZE);
	assert_int_equal(drain_all(&packets), TRACE_RING_SIZE);
	len = good_frame(b);
	run(0, 6, b, len);
	assert_int_equal(drain_all(&packets), report.n_steps);
	assert_int_equal(packets, 1);
}

/* Fewer at once than there are, from both workers in turn. */
static void test_workers(void **state)
{
	unsigned int n[WORKERS] = {0}, len;
	uint32_t last[WORKERS] = {0};
	struct weft_trace_record r[3];
	uint8_t b[WORLD_FRAME];

	clock_warp(1000);
	set(&all);
	for (unsigned int i = 0; i < 40; i++) {
		len = good_frame(b);
		run(i % WORKERS, 6, b, len);
	}
	for (unsigned int got = 1; got > 0;) {
		got = watch_drain(r, 3);
		assert_in_range(got, 0, 3);
		for (unsigned int i = 0; i < got; i++) {
			uint8_t w = r[i].worker;

			assert_true(w < WORKERS && r[i].packet >> 24 == w);
			assert_true(r[i].packet == last[w] || r[i].step == WEFT_TRACE_RECEIVED);
			assert_true(
				r[i].packet == last[w] || !last[w] || r[i].packet == last[w] + 1);
			n[w] += r[i].packet != last[w];
			last[w] = r[i].packet;
		}
	}
	assert_int_equal(n[0], 20);
	assert_int_equal(n[1], 20);
}

/* Nobody gets what another has asked for. */
static void test_change(void **state)
{
	struct weft_watch_filter none = {.rate = 1, .port = 12345};
	unsigned int packets, len;
	uint8_t b[WORLD_FRAME];

	clock_warp(1000);
	len = good_frame(b);
	set(&all);
	run(0, 6, b, len);
	set(&none);
	run(0, 6, b, len);
	assert_int_equal(drain_all(&packets), 0);
	set(&all);
	run(0, 6, b, len);
	watch_clear();
	run(0, 6, b, len);
	assert_int_equal(drain_all(&packets), 0);
	assert_int_equal(watch_drain(told, 1), 0);
}

/* ---- under traffic ---- */

static _Atomic bool stop;
static _Atomic uint64_t rounds;
static uint8_t frames[32][WORLD_FRAME];
static unsigned int lengths[32];

static void *traffic(void *arg)
{
	rcu_worker_online(0);
	while (!stop) {
		unsigned int i = rounds++ % RTE_DIM(frames);

		run(0, 6, frames[i], lengths[i]);
		rcu_worker_quiescent(0);
	}
	rcu_worker_offline(0);
	return NULL;
}

/* Waits for some record of a filter; all are of packets that pass it. */
static void check_filter(const struct weft_watch_filter *f)
{
	unsigned int n = 0;

	for (uint64_t start = rounds; n == 0 && rounds < start + 100000;) {
		clock_warp(1000);
		n = watch_drain(told, PIPELINE_REPORT_STEPS);
		for (unsigned int i = 0; i < n; i++)
			if (told[i].step == WEFT_TRACE_PARSED)
				assert_true(passes(f, &told[i]));
	}
	assert_true(n > 0);
}

static void test_traffic(void **state)
{
	static const struct weft_watch_filter f[] = {
		{.rate = 10000, .proto = IPPROTO_TCP},
		{.rate = 10000, .proto = IPPROTO_UDP, .flags = WEFT_WATCH_EITHER},
		{.rate = 100, .vni = 200},
	};
	struct watch_missed missed;
	pthread_t thread;

	for (unsigned int i = 0; i < RTE_DIM(frames); i++)
		lengths[i] = good_frame(frames[i]);
	rcu_worker_register(0);
	assert_int_equal(pthread_create(&thread, NULL, traffic, NULL), 0);
	for (unsigned int i = 0; i < 300; i++) {
		assert_int_equal(watch_set(&f[i % RTE_DIM(f)]), 0);
		if (i % 3)
			check_filter(&f[i % RTE_DIM(f)]);
		if (i % 10 == 0)
			watch_clear();
		rcu_reclaim();
	}
	/* Nobody takes, and traffic goes on. */
	assert_int_equal(watch_set(&all), 0);
	do {
		clock_warp(1000);
		watch_missed(&missed);
	} while (missed.lost < TRACE_RING_SIZE);
	stop = true;
	pthread_join(thread, NULL);
	rcu_worker_unregister(0);
	watch_clear();
	assert_int_equal(rcu_reclaim(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truth),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_traffic),
	};
	const char *seed = getenv("WEFT_TEST_SEED");
	unsigned int n = seed ? strtoul(seed, NULL, 0) : (unsigned int)time(NULL);
	int r;

	printf("seed %u\n", n);
	srandom(n);
	test_eal_init(96);
	bed_init(4096, WORKERS, 4096);
	for (unsigned int i = 0; i < WORKERS; i++) {
		pl[i] = pipeline_new(i);
		assert_non_null(pl[i]);
	}
	dry = pipeline_new_dry();
	assert_non_null(dry);
	cfg = world_build();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	pipeline_free(dry);
	for (unsigned int i = 0; i < WORKERS; i++)
		pipeline_free(pl[i]);
	bed_fini();
	return r;
}
