/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Differential test of the packet path: random configurations, rules, commits and packets; odd ones
 * first and normal ones after, the reverse, and mixed. Each packet is judged by the data plane with
 * its sessions, by its slow path alone, in a new epoch of its own (policy judges all again), and by
 * a naive oracle (oracle.h): all verdicts and all bytes are the same. As the oracle asks the rules
 * for each packet, that proves that a session lets nothing through that its rules do not.
 *
 * DIFFERENTIAL_PACKETS: how many packets (an order counts each anew). WEFT_TEST_SEED: instead of a
 * seed by the clock. A difference is shrunk and printed with its seed, configuration, packets and
 * verdicts.
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
#include "differential.h"
#include "test_eal.h"

#define QUICK_PACKETS 100000
#define FIXED_SEED    20240229

enum order {
	ODD_FIRST,
	NORMAL_FIRST,
	MIXED,
	ORDERS
};
static const char *const order_names[ORDERS] = {"odd first", "normal first", "mixed"};

static struct scenario scenario;
static const struct setup *committed; /* what the bed has */
static uint64_t n_cut, n_packets, n_passed, n_seen[WEFT_DROP_MAX];

/* Events of a scenario in the order in which they are run. */
struct run {
	unsigned int n;
	unsigned int event[EVENTS_MAX];
};

static struct difference {
	unsigned int at; /* in the run */
	enum judging how;
	struct verdict seen;
	struct expect expected;
} difference;

/* Packets change places; commits stay where they are. */
static void make_run(enum order order, struct run *ret)
{
	const struct scenario *s = &scenario;
	unsigned int packets[EVENTS_MAX], n = 0, next = 0;

	for (unsigned int pass = 0; pass < (order == MIXED ? 1 : 2); pass++) {
		for (unsigned int i = 0; i < s->n_events; i++) {
			if (!s->event[i].commit &&
				(order == MIXED ||
					s->event[i].odd == (pass == (order == ODD_FIRST ? 0 : 1))))
				packets[n++] = i;
		}
	}
	ret->n = s->n_events;
	for (unsigned int i = 0; i < s->n_events; i++)
		ret->event[i] = s->event[i].commit ? i : packets[next++];
}

static void go_to(const struct setup *c)
{
	if (committed != c) {
		setup_commit(committed, c);
		world_changed();
	}
	committed = c;
}

static uint64_t digest(const struct verdict *v)
{
	uint64_t h = 0xcbf29ce484222325;

	for (unsigned int i = 0; i < v->n_drop; i++)
		h = (h ^ v->drop[i]) * 0x100000001b3;
	for (unsigned int i = 0; i < v->n_out; i++) {
		h = (h ^ v->out[i].port) * 0x100000001b3;
		for (uint32_t k = 0; k < v->out[i].len; k++)
			h = (h ^ v->out[i].b[k]) * 0x100000001b3;
	}
	return h;
}

static void count(const struct verdict *v)
{
	n_packets++;
	n_passed += v->n_out > 0;
	for (unsigned int i = 0; i < v->n_drop; i++)
		n_seen[v->drop[i]]++;
}

/* Runs events until verdicts differ: from the oracle's in the fast world, from digests in others.
 * True: they did, difference tells. */
static bool run_world(const struct run *run, enum judging how, uint64_t *digests)
{
	static struct verdict seen;
	static struct expect expected;
	static bool away[EVENTS_MAX];
	bool strayed = false;

	go_to(&scenario.version[0]);
	world_forget();
	oracle_reset(&scenario.version[0], scenario.forging);
	oracle_ms = 0;
	for (unsigned int i = 0; i < run->n; i++) {
		const struct event *e = &scenario.event[run->event[i]];

		if (e->commit) {
			go_to(&scenario.version[e->version]);
			oracle_setup(committed);
			continue;
		}
		world_step();
		oracle_ms += WORLD_STEP_MS;
		world_judge(how, e, &seen);
		if (how == JUDGING_FAST) {
			digests[i] = digest(&seen);
			oracle_judge(e, &expected);
			away[i] = expected.away;
			count(&seen);
		}
		strayed |= away[i];
		if (how != JUDGING_FAST && strayed && digests[i] != digest(&seen)) {
			n_cut++; /* either will do, but the worlds are not the same any more */
			return false;
		}
		if (how == JUDGING_FAST ? !verdict_fits(&seen, &expected)
					: digests[i] != digest(&seen)) {
			difference.at = i;
			difference.how = how;
			difference.seen = seen;
			difference.expected = expected;
			return true;
		}
		if (how == JUDGING_FAST)
			oracle_learn(&seen);
	}
	return false;
}

static bool differs(const struct run *run)
{
	static uint64_t digests[EVENTS_MAX];

	for (enum judging how = 0; how < JUDGINGS; how++) {
		/* Who is told apart by when something was judged: whoever forges. */
		if (how == JUDGING_STALE && scenario.forging)
			continue;
		if (run_world(run, how, digests))
			return true;
	}
	return false;
}

/* Leaves out what is not needed for a difference. */
static void shrink(struct run *run)
{
	struct run try;

	run->n = difference.at + 1;
	for (unsigned int size = run->n / 2; size > 0; size /= 2) {
		for (unsigned int from = 0; from < run->n;) {
			unsigned int gone = size < run->n - from ? size : run->n - from;

			try.n = run->n - gone;
			memcpy(try.event, run->event, from * sizeof(from));
			memcpy(try.event + from, run->event + from + gone,
				(try.n - from) * sizeof(from));
			if (try.n && differs(&try)) {
				*run = try;
				run->n = difference.at + 1;
			} else {
				from += size;
			}
		}
	}
	differs(run);
}

static void print_event(const struct event *e)
{
	char src[WEFT_ADDR_STR_SIZE], dst[WEFT_ADDR_STR_SIZE];
	uint32_t outer = e->port == UPLINK_ID ? OUTER : 0;
	struct view v = {0};

	if (e->commit) {
		printf("commit of version %u\n", e->version);
		return;
	}
	printf("in %u%s: ", e->port, e->odd ? " (odd)" : "");
	for (uint32_t i = 0; i < e->len; i++)
		printf("%02x", e->b[i]);
	putchar('\n');
	if (e->len <= outer || !view_parse(&v, e->b + outer, e->len - outer)) {
		printf("  malformed\n");
		return;
	}
	if (outer)
		printf("  vni %u from .%u", read32(e->b + 46) >> 8, e->b[29]);
	printf("  ipv%u %s > %s proto %u %u > %u (0x%x) ttl %u%s%s\n", v.family,
		weft_addr_format(&v.src, src), weft_addr_format(&v.dst, dst), v.proto, v.sport,
		v.dport, v.sport, v.ttl, v.fragment ? " fragment" : "", v.vlan ? " vlan" : "");
	if (v.proto == 6 && v.has_l4)
		printf("  tcp flags 0x%x seq %u ack %u\n", v.b[v.l4 + 13], read32(v.b + v.l4 + 4),
			read32(v.b + v.l4 + 8));
}

/* What is said of all that led to the difference. */
static void print_run(const struct run *run, enum judging how)
{
	static struct verdict seen;

	go_to(&scenario.version[0]);
	world_forget();
	for (unsigned int i = 0; i < run->n; i++) {
		const struct event *e = &scenario.event[run->event[i]];

		print_event(e);
		if (e->commit) {
			go_to(&scenario.version[e->version]);
			continue;
		}
		world_step();
		world_judge(how, e, &seen);
		verdict_print(judging_names[how], &seen);
	}
}

static void report(enum order order, struct run *run)
{
	shrink(run);
	printf("DIFFERENCE: seed %lu, %s, %s, in the %s\n", scenario.seed,
		scenario.forging ? "forging" : "homely", order_names[order],
		judging_names[difference.how]);
	for (unsigned int i = 0; i < run->n; i++) {
		const struct event *e = &scenario.event[run->event[i]];

		if (e->commit || i == 0) {
			printf("version %u\n", e->commit ? e->version : 0);
			setup_print(&scenario.version[e->commit ? e->version : 0]);
		}
	}
	print_run(run, JUDGING_FAST);
	if (difference.how == JUDGING_FAST)
		expect_print(&difference.expected);
	else
		print_run(run, difference.how);
	fflush(stdout);
}

static void run_scenario(uint64_t seed, bool forging)
{
	struct run run;

	worlds_fini(); /* it remembers generations, which begin anew */
	bed_reset();
	worlds_init();
	committed = NULL;
	scenario_make(&scenario, seed, forging);
	for (enum order order = 0; order < ORDERS; order++) {
		make_run(order, &run);
		if (differs(&run)) {
			report(order, &run);
			fail();
		}
	}
	world_forget();
	assert_int_equal(world_leaks(), 0);
}

static void run_packets(uint64_t seed, uint64_t n)
{
	uint64_t end = n_packets + n;

	for (uint64_t i = 0; n_packets < end; i++)
		run_scenario(seed * 1000003 + i, i % 3 == 2);
}

static void test_fixed(void **state)
{
	run_packets(FIXED_SEED, QUICK_PACKETS);
}

static uint64_t seed_of_run, packets_of_run = QUICK_PACKETS;

static void test_random_seed(void **state)
{
	run_packets(seed_of_run, packets_of_run);
}

/* A run in which nearly all is dropped, or nothing, would prove little. */
static void test_variety(void **state)
{
	unsigned int n_reasons = 0;

	for (unsigned int r = 1; r < WEFT_DROP_MAX; r++) {
		if (n_seen[r])
			printf("%s %lu, ", weft_drop_name(r), n_seen[r]);
		n_reasons += n_seen[r] > 0;
	}
	printf("\n%lu packets, %lu passed, %u drop reasons; left to the tracker %lu, vague %lu, "
	       "runs cut %lu\n",
		n_packets, n_passed, n_reasons, oracle_n_may_track, oracle_n_vague, n_cut);
	assert_true(n_passed * 5 > n_packets && n_reasons >= 30);
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
	test_eal_init(128);
	bed_init(4096, 1, 65536);
	worlds_init();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	worlds_fini();
	bed_fini();
	return r;
}
