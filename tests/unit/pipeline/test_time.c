/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stages are timed when it is asked for, and only then: all of a burst's time is some stage's, and
 * it is booked with as many packets as came.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_cycles.h>

#include <core/mem.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>

#include "bed.h"
#include "test_eal.h"
#include "trace_world.h"

#define TRIES 20 /* a burst that loses its processor for long is not counted */

static struct pipeline *pl;
static const struct config *cfg;

static void run_burst(uint32_t port)
{
	struct rte_mbuf *pkts[PIPELINE_BURST];
	uint8_t b[WORLD_FRAME];

	for (unsigned int i = 0; i < PIPELINE_BURST; i++) {
		unsigned int len = world_frame(port, b);

		pkts[i] = rte_pktmbuf_alloc(mem_pools.packet);
		assert_non_null(pkts[i]);
		memcpy(rte_pktmbuf_append(pkts[i], len), b, len);
	}
	pipeline_run(pl, cfg, cfg->ports[bed_port(port)->slot], pkts, PIPELINE_BURST);
}

static uint64_t sum_of(const struct weft_worker_stats *s)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WEFT_STAGE_MAX; i++) {
		sum += s->stage_cycles[i];
		assert_true(s->stage_cycles[i] == 0 || weft_stage_name(i));
	}
	return sum;
}

static void check_timed(uint32_t port)
{
	struct weft_worker_stats *s = counters_worker(0), before = *s;
	uint64_t start = 0, end = 0;

	for (unsigned int i = 0; i < TRIES && s->timed_bursts == before.timed_bursts; i++) {
		start = rte_rdtsc();
		pipeline_time(pl, start);
		run_burst(port);
		end = rte_rdtsc();
	}
	assert_int_equal(s->timed_bursts, before.timed_bursts + 1);
	assert_int_equal(s->timed_packets, before.timed_packets + PIPELINE_BURST);
	for (unsigned int i = WEFT_STAGE_RX; i <= WEFT_STAGE_TX; i++)
		assert_true(s->stage_cycles[i] > before.stage_cycles[i]);
	assert_true(sum_of(s) - sum_of(&before) <= end - start);
}

static void test_timed(void **state)
{
	check_timed(1);		   /* a tenant's */
	check_timed(WORLD_UPLINK); /* tunnels */
}

static void test_not_timed(void **state)
{
	struct weft_worker_stats before;

	check_timed(1);
	before = *counters_worker(0);
	run_burst(1);
	run_burst(WORLD_UPLINK);
	assert_memory_equal(counters_worker(0), &before, sizeof(before));
}

/* What took so long was not a stage. */
static void test_lost_processor(void **state)
{
	struct weft_worker_stats before = *counters_worker(0);

	pipeline_time(pl, rte_rdtsc() - rte_get_tsc_hz());
	run_burst(1);
	assert_memory_equal(counters_worker(0), &before, sizeof(before));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timed),
		cmocka_unit_test(test_not_timed),
		cmocka_unit_test(test_lost_processor),
	};
	int r;

	test_eal_init(96);
	bed_init(4096, 1, 4096);
	pl = pipeline_new(0);
	assert_non_null(pl);
	cfg = world_build();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	pipeline_free(pl);
	bed_fini();
	return r;
}
