/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policy through real transactions: sets, members, rule sets, rules and ports in any order, every
 * reference refused, limits, epochs, old generations.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <core/rcu.h>
#include <table/policy.h>

#include "fixture_policy.h"
#include "state.h"

#define PUT(t, table, ...)                                                                         \
	do {                                                                                       \
		__auto_type entry_ = __VA_ARGS__;                                                  \
		put(t, WEFT_TABLE_##table, &entry_);                                               \
	} while (0)
#define DEL(t, table, ...)                                                                         \
	do {                                                                                       \
		__auto_type entry_ = __VA_ARGS__;                                                  \
		del(t, WEFT_TABLE_##table, &entry_);                                               \
	} while (0)

/* Denies what its rule sets (0: none) don't allow. */
static struct weft_port a_guarded(uint32_t id, uint32_t vni, uint32_t first, uint32_t second)
{
	struct weft_port p = a_port(id, vni);

	p.flags |= WEFT_PORT_DEFAULT_DENY;
	p.rulesets[0] = first;
	p.rulesets[1] = second;
	p.n_rulesets = second ? 2 : first ? 1 : 0;
	return p;
}

static struct weft_segment a_networked(uint32_t vni, uint32_t network)
{
	struct weft_segment s = a_segment(vni);

	s.network = network;
	return s;
}

static void put_network(struct txn *t, uint32_t id)
{
	struct weft_network n = {.id = id, .tenant = 1};

	PUT(t, TENANT, (struct weft_tenant){.id = 1});
	for (unsigned int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		n.timeout_s[i] = 10;
	PUT(t, NETWORK, n);
}

/* Port 1: rule set 5, whose rule 1 allows port 80 from set 7: 10.1.0.0/16. Port 2 in another
 * network: rule set 6 without sets. */
static void build_policy(void)
{
	struct txn *t = txn_new();

	PUT(t, PORT, a_guarded(1, 100, 5, 0));
	PUT(t, PORT, a_guarded(2, 200, 6, 0));
	PUT(t, RULE, a_rule(5, 1, 80, 7));
	PUT(t, RULE, a_rule(6, 1, 22, 0));
	PUT(t, RULESET, a_ruleset(5));
	PUT(t, RULESET, a_ruleset(6));
	PUT(t, SET_MEMBER, a_member(7, "10.1.0.0/16"));
	PUT(t, SET, a_set(7, 3));
	PUT(t, SEGMENT, a_networked(100, 1));
	PUT(t, SEGMENT, a_networked(200, 2));
	put_network(t, 1);
	put_network(t, 2);
	commit_ok(t);
	fixture_turn(1);
}

static uint16_t slot_of(const struct config *c, uint32_t port)
{
	return slot_find(channel.port_ids, &port, c->generation);
}

/* The id of the rule that lets TCP from there to that port in; 0: denied. */
static uint32_t allowed(const struct config *c, uint32_t port, const char *src, uint16_t l4)
{
	struct policy_flow f = {.proto = 6, .l4 = l4, .has_l4 = true};
	struct policy_verdict v;

	assert_int_equal(weft_addr_parse(src, &f.src), 0);
	f.dst = f.src;
	policy_judge(c, c->ports[slot_of(c, port)], WEFT_RULE_INGRESS, &f, &v);
	return v.action == WEFT_RULE_ALLOW ? v.rule : 0;
}

static uint32_t epoch_of(uint32_t port)
{
	const struct config *c = config_get();

	return c->epoch[c->ports[slot_of(c, port)]->segment_slot];
}

static void test_build_and_delete(void **state)
{
	struct picture empty = picture_take();

	for (int round = 0; round < 3; round++) {
		struct picture p;
		struct txn *t = txn_new();

		build_policy();
		assert_int_equal(allowed(config_get(), 1, "10.1.2.3", 80), 1);
		assert_int_equal(allowed(config_get(), 1, "10.2.2.3", 80), 0);
		assert_int_equal(allowed(config_get(), 2, "10.2.2.3", 22), 1);
		assert_int_equal(allowed(config_get(), 2, "10.2.2.3", 80), 0);
		check_consistent();
		DEL(t, SET, a_set(7, 3));
		DEL(t, RULESET, a_ruleset(5));
		DEL(t, RULESET, a_ruleset(6));
		DEL(t, RULE, a_rule(5, 1, 80, 7));
		DEL(t, RULE, a_rule(6, 1, 22, 0));
		DEL(t, SET_MEMBER, a_member(7, "10.1.0.0/16"));
		DEL(t, PORT, a_port(1, 100));
		DEL(t, PORT, a_port(2, 200));
		DEL(t, SEGMENT, a_segment(100));
		DEL(t, SEGMENT, a_segment(200));
		DEL(t, NETWORK, (struct weft_network){.id = 1});
		DEL(t, NETWORK, (struct weft_network){.id = 2});
		DEL(t, TENANT, (struct weft_tenant){.id = 1});
		commit_ok(t);
		check_consistent();
		p = picture_take();
		assert_true(picture_equal(&p, &empty));
		picture_free(&p);
		fixture_turn(1);
		assert_int_equal(channel.sets.pool.n_free, WEFT_MAX_SETS - 1);
		assert_int_equal(channel.rulesets.pool.n_free, WEFT_MAX_RULESETS - 1);
		assert_int_equal(channel.scopes.pool.n_free, WEFT_MAX_SCOPES - 1);
	}
	picture_free(&empty);
}

static void test_rules_change(void **state)
{
	struct txn *t = txn_new();

	build_policy();
	PUT(t, RULE, a_rule(5, 3, 443, 0));
	PUT(t, RULE, a_rule(5, 2, 444, 0));
	commit_ok(t);
	assert_int_equal(allowed(config_get(), 1, "10.9.0.1", 443), 3);
	assert_int_equal(allowed(config_get(), 1, "10.9.0.1", 444), 2);
	t = txn_new();
	PUT(t, RULE, a_rule(5, 3, 444, 0)); /* replaced, then gone: the last op decides */
	DEL(t, RULE, a_rule(5, 3, 0, 0));
	DEL(t, RULE, a_rule(5, 2, 0, 0));
	PUT(t, RULE, a_rule(5, 2, 445, 0));
	DEL(t, RULE, a_rule(5, 99, 0, 0));
	DEL(t, RULE, a_rule(99, 1, 0, 0));
	DEL(t, RULESET, a_ruleset(99));
	DEL(t, SET, a_set(99, 0));
	DEL(t, SET_MEMBER, a_member(99, "10.0.0.0/8"));
	DEL(t, SET_MEMBER, a_member(7, "10.0.0.0/8"));
	commit_ok(t);
	check_consistent();
	assert_int_equal(allowed(config_get(), 1, "10.9.0.1", 443), 0);
	assert_int_equal(allowed(config_get(), 1, "10.9.0.1", 444), 0);
	assert_int_equal(allowed(config_get(), 1, "10.9.0.1", 445), 2);
	assert_int_equal(allowed(config_get(), 1, "10.1.0.1", 80), 1);
}

#define REFUSED(error, op, text, ...)                                                              \
	do {                                                                                       \
		struct txn *t = txn_new();                                                         \
                                                                                                   \
		__VA_ARGS__;                                                                       \
		commit_refused(t, error, op, text);                                                \
		check_consistent();                                                                \
	} while (0)

static void test_refused(void **state)
{
	build_policy();
	REFUSED(ENOENT, 0, "rule 1 of rule set 9: ruleset: there is no rule set 9",
		PUT(t, RULE, a_rule(9, 1, 80, 0)));
	REFUSED(ENOENT, 0, "rule 2 of rule set 5: set: there is no set 8",
		PUT(t, RULE, a_rule(5, 2, 80, 8)));
	REFUSED(ENOENT, 0, "set: there is no set 8", PUT(t, SET_MEMBER, a_member(8, "::/0")));
	REFUSED(ENOENT, 0, "port 1 (test/port-1): rulesets: there is no rule set 9",
		PUT(t, PORT, a_guarded(1, 100, 5, 9)));
	REFUSED(EBUSY, 1, "set 7 (test/set-7): still has 1 members, and 1 rules refer to it",
		PUT(t, SET, a_set(8, 3));
		DEL(t, SET, a_set(7, 3)));
	REFUSED(EBUSY, 0, "still has 0 members, and 1 rules", DEL(t, SET, a_set(7, 3));
		DEL(t, SET_MEMBER, a_member(7, "10.1.0.0/16")));
	REFUSED(EBUSY, 0, "set 7 (test/set-7): scope: is 3 and can't change",
		PUT(t, SET, a_set(7, 4)));
	REFUSED(EBUSY, 0, "ruleset 5 (test/rules-5): still has 1 rules",
		DEL(t, RULESET, a_ruleset(5)));
	REFUSED(EBUSY, 0, "port 1 (test/port-1) still refers to it", DEL(t, RULESET, a_ruleset(5));
		DEL(t, RULE, a_rule(5, 1, 0, 0)));
	/* What comes in the same transaction is no reference once it goes again. */
	REFUSED(ENOENT, 1, "there is no set 8", PUT(t, SET, a_set(8, 3));
		PUT(t, RULE, a_rule(5, 2, 80, 8)); DEL(t, SET, a_set(8, 3)));
	REFUSED(ENOENT, 2, "there is no rule set 8", PUT(t, RULESET, a_ruleset(8));
		DEL(t, RULESET, a_ruleset(8)); PUT(t, RULE, a_rule(8, 2, 80, 0)));
	/* All that a transaction did before it fails is undone. */
	REFUSED(ENOENT, 9, "there is no segment 999", PUT(t, SET, a_set(8, 4));
		PUT(t, SET, a_set(9, 3)); PUT(t, SET, a_set(7, 3)); PUT(t, RULESET, a_ruleset(8));
		PUT(t, RULE, a_rule(8, 1, 80, 8)); PUT(t, RULE, a_rule(5, 1, 81, 9));
		PUT(t, SET_MEMBER, a_member(7, "10.3.0.0/16"));
		PUT(t, SET_MEMBER, a_member(8, "10.3.0.0/16"));
		DEL(t, SET_MEMBER, a_member(7, "10.1.0.0/16"));
		PUT(t, NEIGH, a_neigh(999, "10.0.0.1", 1)));
	assert_int_equal(allowed(config_get(), 1, "10.1.2.3", 80), 1);
	assert_int_equal(allowed(config_get(), 1, "10.3.2.3", 80), 0);
}

static struct weft_port with_ruleset(struct weft_port p, uint32_t id)
{
	p.rulesets[p.n_rulesets++] = id;
	return p;
}

static void build_limits(void)
{
	struct txn *t = txn_new();

	build_policy();
	for (uint32_t id = 1; id <= WEFT_RULESET_RULES; id++)
		PUT(t, RULE, a_rule(6, id, 80, 0));
	for (uint32_t i = 1; i <= WEFT_PORT_SCOPES + 1; i++)
		PUT(t, SET, a_set(100 + i, 1000 + i));
	PUT(t, RULESET, a_ruleset(8));
	PUT(t, RULESET, a_ruleset(9));
	for (uint32_t i = 1; i <= WEFT_PORT_SCOPES; i++)
		PUT(t, RULE, a_rule(i % 2 ? 8 : 9, i, 80, 100 + i));
	PUT(t, PORT, a_guarded(1, 100, 8, 9));
	commit_ok(t);
}

static void put_and_delete_rule(struct weft_rule comes, struct weft_rule goes)
{
	struct txn *t = txn_new();

	PUT(t, RULE, comes);
	DEL(t, RULE, goes);
	commit_ok(t);
}

static void test_limits(void **state)
{
	build_limits();
	REFUSED(E2BIG, 0, "4097 rules are more than 4096",
		PUT(t, RULE, a_rule(6, WEFT_RULESET_RULES + 1, 80, 0)));
	REFUSED(E2BIG, 0, "port 1 (test/port-1): rulesets: refer to sets of more than 4 scopes",
		PUT(t, RULE, a_rule(8, 9, 80, 105)));
	REFUSED(E2BIG, 0, "port 1 (test/port-1)",
		for (uint32_t i = 1; i <= WEFT_PORT_SCOPES; i++)
			PUT(t, RULE, a_rule(9, i, 80, 101 + i)));
	REFUSED(E2BIG, 2, "port 2 (test/port-2): rulesets: refer", PUT(t, RULESET, a_ruleset(10));
		PUT(t, RULE, a_rule(10, 1, 80, 105));
		PUT(t, PORT, with_ruleset(a_guarded(2, 200, 8, 9), 10)));
	/* One fewer elsewhere in the same transaction. */
	put_and_delete_rule(a_rule(8, 9, 80, 105), a_rule(9, 4, 0, 0));
	check_consistent();
}

static void test_full(void **state)
{
	REFUSED(ENOSPC, WEFT_MAX_RULESETS - 1, "the table is full",
		for (uint32_t id = 1; id <= WEFT_MAX_RULESETS; id++)
			PUT(t, RULESET, a_ruleset(id)));
	REFUSED(ENOSPC, WEFT_MAX_SETS - 1, "the table is full",
		for (uint32_t id = 1; id <= WEFT_MAX_SETS; id++) PUT(t, SET, a_set(id, 1)));
	REFUSED(ENOSPC, WEFT_MAX_SCOPES - 1, "the table is full",
		for (uint32_t id = 1; id <= WEFT_MAX_SCOPES; id++) PUT(t, SET, a_set(id, id)));
}

static struct weft_ruleset of_baseline(struct weft_ruleset r)
{
	r.tier = WEFT_TIER_BASELINE;
	return r;
}

/* Sessions are judged again where what they stand on changed, and nowhere else. */
static void test_epochs(void **state)
{
	uint32_t first, second;
	struct txn *t;

	build_policy();
#define EPOCHS(changed_first, changed_second, ...)                                                 \
	do {                                                                                       \
		t = txn_new();                                                                     \
		first = epoch_of(1);                                                               \
		second = epoch_of(2);                                                              \
		__VA_ARGS__;                                                                       \
		commit_ok(t);                                                                      \
		assert_int_equal(epoch_of(1) != first, changed_first);                             \
		assert_int_equal(epoch_of(2) != second, changed_second);                           \
	} while (0)
	EPOCHS(true, false, PUT(t, SET_MEMBER, a_member(7, "10.2.0.0/16")));
	EPOCHS(true, false, DEL(t, SET_MEMBER, a_member(7, "10.2.0.0/16")));
	EPOCHS(false, false, PUT(t, SET_MEMBER, a_member(7, "10.1.0.0/16")));
	EPOCHS(false, false, DEL(t, SET_MEMBER, a_member(7, "10.2.0.0/16")));
	EPOCHS(false, true, PUT(t, RULE, a_rule(6, 1, 23, 0)));
	EPOCHS(false, false, PUT(t, RULE, a_rule(6, 1, 23, 0)));
	EPOCHS(false, false, PUT(t, RULESET, a_ruleset(6)));
	EPOCHS(false, false, PUT(t, RULESET, a_ruleset(8)); PUT(t, RULE, a_rule(8, 1, 80, 7)));
	EPOCHS(true, true, PUT(t, RULE, a_rule(6, 2, 80, 7));
		PUT(t, SET_MEMBER, a_member(7, "::/0")));
	EPOCHS(true, false, PUT(t, PORT, a_guarded(1, 100, 8, 0)));
	EPOCHS(false, true, PUT(t, RULESET, of_baseline(a_ruleset(6))));
#undef EPOCHS
}

/* A worker that is still in the old generation judges by its members and its rules. */
static void test_old_generation(void **state)
{
	const struct config *old;
	struct txn *t = txn_new();

	build_policy();
	rcu_worker_register(0);
	old = config_get();
	DEL(t, SET_MEMBER, a_member(7, "10.1.0.0/16"));
	PUT(t, SET_MEMBER, a_member(7, "10.2.0.0/24"));
	PUT(t, RULE, a_rule(6, 1, 23, 0));
	commit_ok(t);
	t = txn_new();
	DEL(t, PORT, a_port(1, 100));
	DEL(t, RULE, a_rule(5, 1, 0, 0));
	DEL(t, RULESET, a_ruleset(5));
	DEL(t, SET, a_set(7, 3));
	DEL(t, SET_MEMBER, a_member(7, "10.2.0.0/24"));
	commit_ok(t);
	fixture_turn(1);
	assert_int_equal(allowed(old, 1, "10.1.2.3", 80), 1);
	assert_int_equal(allowed(old, 1, "10.2.0.3", 80), 0);
	assert_int_equal(allowed(old, 2, "10.2.0.3", 22), 1);
	assert_int_equal(allowed(config_get(), 2, "10.2.0.3", 22), 0);
	rcu_worker_unregister(0);
	fixture_turn(1);
	check_consistent();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_build_and_delete),
		TEST(test_rules_change),
		TEST(test_refused),
		TEST(test_limits),
		TEST(test_full),
		TEST(test_epochs),
		TEST(test_old_generation),
	};

	fixture_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
