/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log of policy: what a record says, the quota of a port, what is suppressed, a full queue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/clock.h>
#include <table/policy_log.h>

#include "test_eal.h"

static struct config *cfg;
static struct policy_ruleset ruleset = {.spec = {.id = 70}, .slot = 2};
static const struct policy_verdict denied = {
	.action = WEFT_RULE_DENY, .flags = WEFT_RULE_LOG, .ruleset_slot = 2, .rule = 5};

static struct {
	unsigned int n;
	uint64_t suppressed;
	struct weft_event_policy last;
} told;

static void listen_events(const struct weft_event_policy *e)
{
	told.n++;
	told.suppressed += e->suppressed;
	told.last = *e;
}

static int setup(void **state)
{
	assert_int_equal(policy_log_init(), 0);
	policy_log_set_listener(listen_events);
	memset(&told, 0, sizeof(told));
	cfg = calloc(1, sizeof(*cfg));
	cfg->rulesets[2] = &ruleset;
	clock_warp(100000); /* full buckets */
	return 0;
}

static int teardown(void **state)
{
	free(cfg);
	policy_log_fini();
	return 0;
}

static struct config_port port_of(uint16_t slot, uint32_t id)
{
	return (struct config_port){.slot = slot, .spec = {.id = id, .vni = 100}};
}

static void post_flow(const struct config_port *port, const struct policy_flow *flow)
{
	policy_log_post(cfg, port, WEFT_RULE_EGRESS, flow, &denied);
}

static void post(const struct config_port *port, unsigned int n)
{
	const struct policy_flow flow = {.proto = 6, .l4 = 80, .sport = 1000, .has_l4 = true};

	while (n-- > 0)
		post_flow(port, &flow);
}

static void test_record(void **state)
{
	const struct config_port port = port_of(1, 11);
	struct policy_flow flow = {
		.src = {{1}}, .dst = {{2}}, .proto = 6, .l4 = 80, .sport = 1000, .has_l4 = true};

	post_flow(&port, &flow);
	assert_int_equal(policy_log_process(10), 1);
	assert_memory_equal(&told.last.src, &flow.src, sizeof(flow.src));
	assert_memory_equal(&told.last.dst, &flow.dst, sizeof(flow.dst));
	assert_int_equal(told.last.vni, 100);
	assert_int_equal(told.last.port, 11);
	assert_int_equal(told.last.ruleset, 70);
	assert_int_equal(told.last.rule, 5);
	assert_int_equal(told.last.proto, 6);
	assert_int_equal(told.last.sport, 1000);
	assert_int_equal(told.last.dport, 80);
	assert_int_equal(told.last.has_l4, 1);
	assert_int_equal(told.last.direction, WEFT_RULE_EGRESS);
	assert_int_equal(told.last.action, WEFT_RULE_DENY);
	/* A later fragment has no ports. */
	flow.has_l4 = false;
	post_flow(&port, &flow);
	policy_log_process(10);
	assert_int_equal(told.last.has_l4, 0);
	assert_int_equal(told.last.dport, 0);
}

static void test_quota(void **state)
{
	const struct config_port port = port_of(1, 11), other = port_of(2, 12);

	post(&port, 1000);
	assert_int_equal(policy_log_process(UINT32_MAX), POLICY_LOG_BURST);
	assert_int_equal(told.suppressed, 0);
	/* The other port has its own. */
	post(&other, 1);
	assert_int_equal(policy_log_process(UINT32_MAX), 1);
	assert_int_equal(told.suppressed, 0);
	/* The next one says how many there were; only once. */
	clock_warp(1000);
	post(&port, POLICY_LOG_RATE + 5);
	assert_int_equal(policy_log_process(UINT32_MAX), POLICY_LOG_RATE);
	assert_int_equal(told.suppressed, 1000 - POLICY_LOG_BURST);
	clock_warp(1000);
	post(&port, 1);
	policy_log_process(UINT32_MAX);
	assert_int_equal(told.last.suppressed, 5);
}

/* A slot that gets a new port: the old one's are not told as its. */
static void test_new_owner(void **state)
{
	const struct config_port port = port_of(1, 11), next = port_of(1, 13);

	post(&port, 1000);
	post(&next, 3);
	clock_warp(1000);
	post(&next, 1);
	policy_log_process(UINT32_MAX);
	assert_int_equal(told.last.port, 13);
	assert_int_equal(told.last.suppressed, 3);
	post(&port, 100);
	clock_warp(1000);
	post(&next, 1);
	policy_log_process(UINT32_MAX);
	assert_int_equal(told.last.suppressed, 0);
}

/* Many ports at once: what the queue does not take counts as suppressed. */
static void test_full_queue(void **state)
{
	unsigned int n = 0;

	for (uint16_t slot = 1; slot < WEFT_MAX_PORTS; slot++) {
		const struct config_port port = port_of(slot, slot);

		post(&port, POLICY_LOG_BURST + 1);
		n += POLICY_LOG_BURST + 1;
	}
	assert_int_equal(policy_log_process(100), 100);
	while (policy_log_process(UINT32_MAX) > 0)
		;
	assert_in_range(told.n, 1000, 10000);
	clock_warp(10000);
	for (uint16_t slot = 1; slot < WEFT_MAX_PORTS; slot++) {
		const struct config_port port = port_of(slot, slot);

		post(&port, 1);
		n++;
		policy_log_process(UINT32_MAX);
	}
	assert_int_equal(told.n + told.suppressed, n);
}

static void test_nobody_listens(void **state)
{
	const struct config_port port = port_of(1, 11);

	policy_log_set_listener(NULL);
	post(&port, 3);
	assert_int_equal(policy_log_process(UINT32_MAX), 3);
	assert_int_equal(policy_log_process(UINT32_MAX), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_record),
		TEST(test_quota),
		TEST(test_new_owner),
		TEST(test_full_queue),
		TEST(test_nobody_listens),
	};

	test_eal_init(64);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
