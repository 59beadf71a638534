/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What rules log, to those clients of the channel that listen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <table/config.h>
#include <table/policy_log.h>

#include "fixture.h"
#include "fixture_policy.h"
#include "state.h"
#include "talk.h"

static const struct policy_flow a_flow = {.src = {{[10] = 0xff, 0xff, 10, 0, 0, 1}},
	.dst = {{[10] = 0xff, 0xff, 10, 0, 0, 2}},
	.proto = 17,
	.l4 = 53,
	.sport = 4000,
	.has_l4 = true};

/* The rule set 70 of port 1 has a rule 3 that denies and logs. */
static void log_denied(void)
{
	const struct config *c = config_get();
	const uint32_t id = 1;
	const struct config_port *port = c->ports[slot_find(channel.port_ids, &id, c->generation)];
	struct policy_verdict v;

	policy_judge(c, port, WEFT_RULE_INGRESS, &a_flow, &v);
	assert_int_equal(v.flags, WEFT_RULE_LOG);
	policy_log_post(c, port, WEFT_RULE_INGRESS, &a_flow, &v);
}

static void build_logging(void)
{
	struct weft_ruleset rs = a_ruleset(70);
	struct weft_rule r = a_rule(70, 3, 53, 0);
	struct weft_port p = a_port(1, 100);
	struct txn *t;

	build_example();
	r.proto = 17;
	r.action = WEFT_RULE_DENY;
	r.flags = WEFT_RULE_LOG;
	p.n_rulesets = 1;
	p.rulesets[0] = 70;
	t = txn_new();
	put(t, WEFT_TABLE_RULESET, &rs);
	put(t, WEFT_TABLE_RULE, &r);
	put(t, WEFT_TABLE_PORT, &p);
	commit_ok(t);
}

static void test_policy_events(void **state)
{
	struct weft_client *c, *deaf;
	const struct weft_event_policy *e;

	build_logging();
	deaf = greeted_client(0);
	c = greeted_client(WEFT_HELLO_EVENTS);
	for (int i = 0; i < 4; i++)
		expect(c, WEFT_MSG_EVENT_PORT, 0);
	log_denied();
	fixture_turn(1);
	e = expect(c, WEFT_MSG_EVENT_POLICY, 0);
	assert_memory_equal(&e->src, &a_flow.src, sizeof(e->src));
	assert_memory_equal(&e->dst, &a_flow.dst, sizeof(e->dst));
	assert_int_equal(e->vni, 100);
	assert_int_equal(e->port, 1);
	assert_int_equal(e->ruleset, 70);
	assert_int_equal(e->rule, 3);
	assert_int_equal(e->sport, 4000);
	assert_int_equal(e->dport, 53);
	assert_int_equal(e->proto, 17);
	assert_int_equal(e->has_l4, 1);
	assert_int_equal(e->direction, WEFT_RULE_INGRESS);
	assert_int_equal(e->action, WEFT_RULE_DENY);
	assert_int_equal(e->suppressed, 0);
	weft_client_close(c);
	weft_client_close(deaf);
}

/* A listener that reads none of them is told how many it missed. */
static void test_policy_events_lost(void **state)
{
	struct weft_client *slow;
	struct weft_client_msg *m;
	uint64_t n = 0, n_lost = 0;

	build_logging();
	slow = greeted_client(WEFT_HELLO_EVENTS);
	for (uint32_t i = 0; i < 5000; i++) {
		log_denied();
		fixture_turn(1000);
	}
	while (n_lost == 0) {
		assert_int_equal(receive(slow, &m), 1);
		if (m->hdr->type == WEFT_MSG_EVENTS_LOST)
			n_lost = ((const struct weft_event_lost *)m->payload)->n;
		else if (m->hdr->type == WEFT_MSG_EVENT_POLICY)
			n++;
	}
	assert_int_equal(n + n_lost, 5000);
	assert_true(n >= 512);
	weft_client_close(slow);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_socket, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_policy_events),
		TEST(test_policy_events_lost),
	};

	fixture_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
