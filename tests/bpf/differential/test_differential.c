/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One verdict: the fast path's programs and the data plane judge the same frames in the same state.
 * Random configurations (routed, switched with and without policy and learning, several tenants,
 * rules, tunnels over IPv4 and IPv6),
 * conversations in them, odd packets, frames of established sessions that were changed a little,
 * commits and restarts of the data plane in between. What a program carries the data plane lets
 * pass too, with the same bytes, by the same port, with the same numbers of the session and the
 * ports; what the data plane drops, answers, floods or holds back no program carries. What a
 * program leaves to the data plane is as it came, and gets there.
 *
 * Ports are of all kinds of delivery: out of the device, into its other end, by weft_devs. What is
 * compared of these is what a program asks for (verdict, mark, metadata), since a test run ends
 * with the program: test_devices.c has real interfaces.
 *
 * GSO frames are the tenants', between two ports. Into a tunnel and out of one they are misses
 * here: a frame of a test run has a GSO size but no type, and the kernel puts headers in front of
 * no such frame (bpf_skb_adjust_room). Nor can it have metadata in front, which weft_deliver reads:
 * what that does is in test_devices.c.
 *
 * No difference is intended.
 *
 * DIFFERENTIAL_PACKETS: how many frames. WEFT_TEST_SEED: instead of a seed by the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "bed.h"
#include "mutate.h"
#include "shadow.h"
#include "test_eal.h"

#define QUICK_PACKETS 100000
#define FIXED_SEED    20261122
#define KEPT	      32 /* carried frames, to be changed and sent again */
#define RESTARTS      2	 /* of the data plane, in a scenario */

static struct scenario scenario;
static struct judged kept[KEPT];
static unsigned int n_kept;
static uint64_t n_hits, n_changed_hits, n_gso_hits;

static void keep(const struct judged *j)
{
	kept[n_kept < KEPT ? n_kept++ : roll(KEPT)] = *j;
}

static void judge_one(const struct judged *j, bool changed)
{
	switch (judge(j)) {
	case JUDGED_DIFFERS:
		printf("seed %lu\n", scenario.seed);
		fail();
		break;
	case JUDGED_HIT:
		n_hits++;
		n_changed_hits += changed;
		n_gso_hits += j->gso_size != 0;
		if (j->gso_size == 0)
			keep(j);
		break;
	case JUDGED_MISS:
		break;
	}
	judge_step();
}

static void judge_event(const struct event *e)
{
	struct judged j = {.port = e->port, .len = e->len};

	memcpy(j.b, e->b, e->len);
	judge_one(&j, false);
	for (unsigned int i = roll(4); i > 0 && n_kept; i--) {
		struct judged again = kept[roll(n_kept)];

		mutate(&again);
		judge_one(&again, true);
	}
}

static void restart(const struct setup *now)
{
	judge_reset(true);
	judge_commit(NULL, now);
	for (unsigned int i = 0; i < 20; i++)
		judge_step();
}

static void run_scenario(uint64_t seed)
{
	const struct setup *now = &scenario.version[0];

	scenario_make(&scenario, seed, seed % 3 == 2);
	if (seed % 2)
		scenario_to_v6(&scenario);
	if (seed % 5 < 3)
		scenario_to_plain(&scenario, seed % 5 == 0);
	n_kept = 0;
	judge_reset(false);
	judge_commit(NULL, now);
	for (unsigned int i = 0; i < scenario.n_events; i++) {
		const struct event *e = &scenario.event[i];

		if (e->commit) {
			judge_commit(now, &scenario.version[e->version]);
			now = &scenario.version[e->version];
		} else {
			judge_event(e);
		}
		if (roll(EVENTS_MAX / RESTARTS) == 0)
			restart(now);
	}
}

static void run_packets(uint64_t seed, uint64_t n)
{
	uint64_t end = judge_counts.frames + n;

	for (uint64_t i = 0; judge_counts.frames < end; i++)
		run_scenario(seed * 1000003 + i);
}

static void test_fixed(void **state)
{
	run_packets(FIXED_SEED, QUICK_PACKETS / 4);
}

static uint64_t seed_of_run, packets_of_run = QUICK_PACKETS;

static void test_random_seed(void **state)
{
	run_packets(seed_of_run, packets_of_run);
}

/* A run in which programs carry next to nothing would prove little. */
static void test_variety(void **state)
{
	printf("%lu frames, the data plane let %lu pass, programs %lu, of which %lu were changed, "
	       "%lu of GSO and %lu plain; %lu sessions adopted\n",
		judge_counts.frames, judge_counts.carried, n_hits, n_changed_hits, n_gso_hits,
		judge_counts.plain, judge_counts.adopted);
	shadow_print_misses();
	assert_true(n_hits * 10 > judge_counts.frames);
	assert_true(n_changed_hits * 4 > n_hits);
	assert_true(n_gso_hits * 100 > n_hits);
	assert_true(judge_counts.plain * 20 > n_hits);
	assert_true(judge_counts.adopted > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_random_seed),
		cmocka_unit_test(test_variety),
	};
	const char *seed = getenv("WEFT_TEST_SEED"), *n = getenv("DIFFERENTIAL_PACKETS");
	int r;

	seed_of_run = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	if (n)
		packets_of_run = strtoull(n, NULL, 0);
	printf("seed %lu\n", seed_of_run);
	judge_begin();
	test_eal_init(128);
	bed_init(4096, 1, 65536);
	judge_init();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	judge_fini();
	bed_fini();
	return r;
}
