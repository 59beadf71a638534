/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dry run tells the truth: for random packets under configurations that change, with sessions,
 * quotas and links that come and go, what it says is what then happens, drop by drop and frame by
 * frame; and it leaves everything as it was. In one of the segments, which needs no sessions, they
 * are made for a fast path. The seed is printed; WEFT_TEST_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <rte_hash_crc.h>

#include <core/clock.h>
#include <core/mem.h>
#include <core/quota.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <observe/recorder.h>
#include <pipeline/pipeline.h>
#include <pkt/meta.h>
#include <session/offload.h>
#include <session/session.h>
#include <table/learn.h>
#include <table/policy_log.h>

#include "bed.h"
#include "test_eal.h"
#include "trace_world.h"

#define CHUNKS	  50
#define PER_CHUNK 2000
#define PORTS	  9
#define MBUFS	  4096

#define SAME_PACKET   20000
#define STALE_PACKETS 10

static struct pipeline *pl, *dry;
static const struct config *cfg;
static struct pipeline_report report;
static uint64_t n_frames, n_drops, n_waited, reasons[WEFT_DROP_MAX], steps[WEFT_TRACE_STEP_MAX];

#define FAST_BUCKETS 1024
#define FAST_DIRS    4096

static struct offload_tables fast;

static uint64_t n_logged, n_stale; /* records of policy; packets tried by quotas_stay */

static uint64_t offload; /* what a guest asks for */

static struct rte_mbuf *mbuf_of(const uint8_t *b, unsigned int len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);

	assert_non_null(m);
	memset(pkt_meta(m), 0xa5, sizeof(struct pkt_meta)); /* nobody may rely on what was there */
	memcpy(rte_pktmbuf_append(m, len), b, len);
	m->ol_flags |= offload;
	m->tso_segsz = 500;
	return m;
}

static struct weft_port_stats *stats_of(uint32_t id)
{
	return counters_port(0, bed_port(id)->slot);
}

static void drops_sum(uint64_t sum[WEFT_DROP_MAX])
{
	memset(sum, 0, WEFT_DROP_MAX * sizeof(*sum));
	for (uint32_t id = 1; id <= PORTS; id++)
		for (unsigned int r = 1; id != 8 && r < WEFT_DROP_MAX; r++)
			sum[r] += stats_of(id)->dropped[r];
}

/* All that a dry run might change, as one number. */
static uint64_t state_sum(void)
{
	struct session_stats s;
	struct session *session;
	uint32_t cursor = 0, budget = UINT32_MAX;
	uint64_t h = 1;

	learn_process(UINT32_MAX, clock_s());
	session_stats(&s);
	h = rte_hash_crc(&s, sizeof(s), h);
	while ((session = session_next(&cursor, &budget)))
		h = h * 31 + rte_hash_crc(session, sizeof(*session), 7);
	for (uint32_t id = 1; id <= PORTS; id++) {
		struct weft_drop_record records[RECORDER_SIZE];
		unsigned int n;

		if (id == 8)
			continue;
		h = h * 31 + rte_hash_crc(stats_of(id), sizeof(struct weft_port_stats), 7);
		n = recorder_read(bed_port(id)->slot, records, RECORDER_SIZE);
		h = h * 31 + rte_hash_crc(records, n * sizeof(records[0]), 7);
		h = h * 31 + session_count_port(bed_port(id)->slot);
	}
	return h * 31 + learn_count();
}

static void try_dry(uint32_t id, const uint8_t *b, unsigned int len)
{
	rcu_main_enter();
	pipeline_dry_start(dry, &report);
	pipeline_dry_run(dry, cfg, cfg->ports[bed_port(id)->slot], mbuf_of(b, len));
	rcu_main_leave();
	assert_int_equal(policy_log_process(UINT32_MAX), 0);
}

/* Of every bucket that the world has: would it give to the rate of which a burst is SAME_PACKET? */
static uint64_t quotas(void)
{
	uint64_t n = 0;

	for (unsigned int kind = 0; kind < QUOTA_KIND_MAX; kind++)
		for (uint16_t slot = 0; slot < 2 * PORTS; slot++)
			n += quota_has(kind, slot, SAME_PACKET * (1000 / QUOTA_BURST_MS));
	return n;
}

/* Packets of stale sessions that are refused, and those that policy tells of, take of quotas
 * wherever it is not dry. */
static void quotas_stay(uint32_t id, const uint8_t *b, unsigned int len)
{
	uint64_t before = quotas();
	bool stale = false, refused = false;

	for (unsigned int i = 0; i < report.n_steps; i++) {
		stale |= report.steps[i].step == WEFT_TRACE_SESSION_STALE;
		refused |= report.steps[i].step == WEFT_TRACE_DROP;
	}
	if (!stale || !refused || n_stale == STALE_PACKETS)
		return;
	n_stale++;
	for (unsigned int i = 0; i < 2 * SAME_PACKET; i++) {
		pipeline_report_clear(&report);
		try_dry(id, b, len);
	}
	assert_true(quotas() == before);
}

static bool same_bytes(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	static uint8_t x[65536], y[65536];
	const void *p = rte_pktmbuf_read(a, 0, a->pkt_len, x);
	const void *q = rte_pktmbuf_read(b, 0, b->pkt_len, y);

	return a->pkt_len == b->pkt_len && memcmp(p, q, a->pkt_len) == 0;
}

/* The frames that left by that port are those of the report, in its order. */
static void compare_port(uint32_t id)
{
	uint16_t slot = bed_port(id)->slot;
	struct rte_mbuf *m;
	unsigned int i = 0;

	while ((m = fake_capture_any(bed_port(id)))) {
		while (i < report.n_frames && report.frames[i].port != slot)
			i++;
		if (report.n_waiting == 0) {
			assert_true(i < report.n_frames);
			assert_true(same_bytes(m, report.frames[i].m));
		}
		i++;
		n_frames++;
		rte_pktmbuf_free(m);
	}
	while (i < report.n_frames && report.frames[i].port != slot)
		i++;
	assert_true(i >= report.n_frames || report.n_waiting);
}

static void compare_drops(const uint64_t before[WEFT_DROP_MAX])
{
	uint64_t after[WEFT_DROP_MAX];

	drops_sum(after);
	for (unsigned int r = 1; r < WEFT_DROP_MAX; r++) {
		uint64_t n = after[r] - before[r];

		if (n != report.dropped[r] && report.n_waiting == 0)
			fail_msg("%s: %lu dropped, %u foreseen", weft_drop_name(r), n,
				report.dropped[r]);
		reasons[r] += n;
		n_drops += n;
	}
}

static void note_steps(void)
{
	bool said_drop = false;
	uint32_t dropped = 0;

	for (unsigned int i = 0; i < report.n_steps; i++) {
		steps[report.steps[i].step]++;
		said_drop |= report.steps[i].step == WEFT_TRACE_DROP;
	}
	for (unsigned int r = 1; r < WEFT_DROP_MAX; r++)
		dropped += report.dropped[r];
	assert_int_equal(report.steps[0].step, WEFT_TRACE_RECEIVED);
	assert_true(report.n_more_steps || said_drop == (dropped > 0));
}

static void one_packet(unsigned int number)
{
	uint32_t id = roll(3) == 0 ? WORLD_UPLINK : 1 + roll(7);
	uint8_t b[WORLD_FRAME];
	unsigned int len = world_frame(id, b);
	uint64_t before[WEFT_DROP_MAX], sum = 0;
	struct rte_mbuf *m;

	offload = 0;
	if (id != WORLD_UPLINK && roll(10) == 0)
		offload = RTE_MBUF_F_RX_L4_CKSUM_NONE | (roll(2) ? RTE_MBUF_F_RX_LRO : 0);
	if (number % 64 == 0)
		sum = state_sum();
	try_dry(id, b, len);
	if (number % 64 == 0)
		assert_true(sum == state_sum());
	quotas_stay(id, b, len);
	note_steps();
	n_waited += report.n_waiting > 0;
	drops_sum(before);
	m = mbuf_of(b, len);
	pipeline_run(pl, cfg, cfg->ports[bed_port(id)->slot], &m, 1);
	n_logged += policy_log_process(UINT32_MAX);
	compare_drops(before);
	for (uint32_t port = 1; port <= PORTS; port++)
		if (port != 8)
			compare_port(port);
	pipeline_report_clear(&report);
}

static void go_on(void)
{
	struct port *p = bed_port(1 + roll(7));

	if (roll(50) == 0) {
		fake_set_link(p, roll(8));
		port_poll_state(p);
	}
	if (roll(20) == 0)
		clock_warp(roll(20));
	if (roll(50) == 0) {
		learn_process(UINT32_MAX, clock_s());
		learn_age(clock_s());
		pipeline_tick(pl, cfg);
		for (uint32_t id = 1; id <= PORTS; id++) {
			struct rte_mbuf *m;

			while (id != 8 && (m = fake_capture_any(bed_port(id))))
				rte_pktmbuf_free(m);
		}
	}
	offload_tick();
	rcu_worker_quiescent(0);
	rcu_reclaim();
}

static void *memory(size_t size)
{
	void *p = aligned_alloc(64, RTE_ALIGN_CEIL(size, (size_t)64));

	assert_non_null(p);
	memset(p, 0, size);
	return p;
}

static void fast_attach(void)
{
	fast = (struct offload_tables){.control = memory(sizeof(*fast.control)),
		.epochs = memory(WEFT_MAX_SEGMENTS * sizeof(*fast.epochs)),
		.buckets = memory(FAST_BUCKETS * sizeof(*fast.buckets)),
		.dirs = memory(FAST_DIRS * sizeof(*fast.dirs)),
		.tunnels = memory(WEFT_MAX_VTEPS * sizeof(*fast.tunnels)),
		.n_buckets = FAST_BUCKETS,
		.n_dirs = FAST_DIRS};
	assert_int_equal(offload_attach(&fast, 1), 0);
	learn_set_revoker(offload_moved);
}

static void fast_detach(void)
{
	learn_set_revoker(NULL);
	offload_detach();
	free(fast.control);
	free(fast.epochs);
	free(fast.buckets);
	free(fast.dirs);
	free(fast.tunnels);
}

/* Ports of segment 200 and the uplink are the kernel's. */
static void fast_set_ports(void)
{
	for (uint32_t id = 6; id <= WORLD_UPLINK; id++)
		if (id != 8)
			offload_set_port(bed_port(id)->slot,
				&(struct offload_port){.ifindex = id, .max_l3 = 1500});
}

static uint64_t n_plain(void)
{
	uint32_t cursor = 0, budget = UINT32_MAX;
	struct session *s;
	uint64_t n = 0;

	while ((s = session_next(&cursor, &budget)))
		n += (s->flags & SESSION_PLAIN) && !(s->flags & SESSION_HALF_OPEN);
	return n;
}

static void check_variety(void)
{
	unsigned int n_reasons = 0, n_steps = 0;

	for (unsigned int r = 1; r < WEFT_DROP_MAX; r++)
		n_reasons += reasons[r] > 0;
	for (unsigned int s = 1; s < WEFT_TRACE_STEP_MAX; s++) {
		if (!steps[s])
			printf("no step %s\n", weft_trace_name(s));
		n_steps += steps[s] > 0;
	}
	printf("%lu frames, %lu drops of %u reasons, %u kinds of steps, %lu with waiting "
	       "fragments, %lu logged\n",
		n_frames, n_drops, n_reasons, n_steps, n_waited, n_logged);
	assert_true(n_logged > 0 && n_stale == STALE_PACKETS);
	assert_true(n_frames > CHUNKS * PER_CHUNK / 10 && n_reasons >= 25 && n_steps >= 22);
}

static void test_truth(void **state)
{
	uint64_t plain = 0;

	for (unsigned int chunk = 0; chunk < CHUNKS; chunk++) {
		plain += n_plain();
		cfg = chunk ? world_change() : world_build();
		fast_set_ports();
		for (unsigned int i = 0; i < PER_CHUNK; i++) {
			one_packet(i);
			go_on();
		}
	}
	assert_true(plain > CHUNKS);
	check_variety();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truth),
	};
	const char *seed = getenv("WEFT_TEST_SEED");
	unsigned int n = seed ? strtoul(seed, NULL, 0) : (unsigned int)time(NULL);
	int r;

	printf("seed %u\n", n);
	srandom(n);
	test_eal_init(96);
	bed_init(MBUFS, 1, 4096);
	pl = pipeline_new(0);
	dry = pipeline_new_dry();
	assert_true(pl && dry);
	fast_attach();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	pipeline_free(dry);
	pipeline_free(pl);
	fast_detach();
	bed_fini();
	return r;
}
