/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of single entries of policy: good ones, and each field gone bad.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include <weft/codec.h>

/* error 0: accepted; else refused with it, and text names the field. */
static void expect(unsigned int table, const void *entry, int error, const char *field)
{
	char said[WEFT_TEXT_SIZE] = "";
	int rc = weft_entry_check(table, WEFT_OP_PUT, entry, said);

	if (rc != -error)
		fail_msg("%s: %d instead of %d: %s", field, rc, -error, said);
	if (error && !strstr(said, field))
		fail_msg("'%s' instead of '%s'", said, field);
	assert_int_equal(weft_entry_check(table, WEFT_OP_DELETE, entry, said), 0);
}

static struct weft_prefix prefix(const char *text)
{
	struct weft_prefix p;

	assert_int_equal(weft_prefix_parse(text, true, &p), 0);
	return p;
}

static struct weft_set good_set = {.id = 4, .scope = 0, .name = "web"};
static struct weft_ruleset good_ruleset = {.id = 3, .tier = WEFT_TIER_GROUP, .name = "sg"};
static struct weft_rule good_rule = {.ruleset = 3,
	.id = 9,
	.direction = WEFT_RULE_INGRESS,
	.action = WEFT_RULE_ALLOW,
	.proto = WEFT_RULE_ANY_PROTO,
	.port_max = 65535};
static struct weft_port good_port = {.id = 1,
	.vni = 100,
	.kind = WEFT_PORT_FAKE,
	.role = WEFT_ROLE_TENANT,
	.n_queues = 1,
	.mtu = 1500,
	.n_rulesets = 2,
	.rulesets = {7, 3},
	.flags = WEFT_PORT_DEFAULT_DENY,
	.device = "fake"};

#define TRY(table, good, change, error, field)                                                     \
	do {                                                                                       \
		__typeof__(good) e = good;                                                         \
                                                                                                   \
		e.change;                                                                          \
		expect(WEFT_TABLE_##table, &e, error, field);                                      \
	} while (0)

static void test_sets(void **state)
{
	struct weft_set_member m = {.set = 4, .prefix = prefix("10.0.0.0/8")};

	TRY(SET, good_set, scope = 7, 0, "");
	TRY(SET, good_set, id = 0, EINVAL, "id: ");
	TRY(SET, good_set, name[0] = '\n', EINVAL, "name: ");
	TRY(SET_MEMBER, m, prefix = prefix("::/0"), 0, "");
	TRY(SET_MEMBER, m, prefix = prefix("2001:db8::1/128"), 0, "");
	TRY(SET_MEMBER, m, set = 0, EINVAL, "set: ");
	TRY(SET_MEMBER, m, prefix = prefix("10.0.0.1/8"), EINVAL, "prefix: ");
	TRY(SET_MEMBER, m, prefix.len = 129, EINVAL, "prefix: ");
}

static void test_rulesets(void **state)
{
	TRY(RULESET, good_ruleset, tier = WEFT_TIER_OVERRIDE, 0, "");
	TRY(RULESET, good_ruleset, tier = WEFT_TIER_BASELINE, 0, "");
	TRY(RULESET, good_ruleset, tier = 0, EINVAL, "tier: ");
	TRY(RULESET, good_ruleset, tier = 4, EINVAL, "tier: ");
	TRY(RULESET, good_ruleset, id = 0, EINVAL, "id: ");
	TRY(RULESET, good_ruleset, name[0] = 0x7f, EINVAL, "name: ");
}

static void test_rules(void **state)
{
	struct weft_rule tcp = good_rule, v4 = good_rule, v6 = good_rule;

	tcp.proto = 6;
	tcp.port_min = tcp.port_max = 80;
	v4.remote = prefix("10.0.0.0/8");
	v6.remote = prefix("::fffe:0:0/95");
	v6.family = 6;
	TRY(RULE, good_rule, action = WEFT_RULE_PASS, 0, "");
	TRY(RULE, good_rule, ruleset = 0, EINVAL, "ruleset: ");
	TRY(RULE, good_rule, id = 0, EINVAL, "id: ");
	TRY(RULE, good_rule, direction = 0, EINVAL, "direction: ");
	TRY(RULE, good_rule, direction = 3, EINVAL, "direction: ");
	TRY(RULE, good_rule, action = 0, EINVAL, "action: ");
	TRY(RULE, good_rule, action = 5, EINVAL, "action: ");
	TRY(RULE, good_rule, family = 5, EINVAL, "family: ");
	TRY(RULE, good_rule, flags = WEFT_RULE_LOG, 0, "");
	TRY(RULE, good_rule, flags = 2, EINVAL, "flags: ");
	TRY(RULE, good_rule, proto = 257, EINVAL, "proto: ");
	TRY(RULE, good_rule, port_min = 1, EINVAL, "port_min: ");
	TRY(RULE, good_rule, port_max = 65534, EINVAL, "port_min: ");
	TRY(RULE, tcp, port_min = 80, 0, "");
	TRY(RULE, tcp, port_min = 81, EINVAL, "port_max: ");
	TRY(RULE, tcp, proto = 47, EINVAL, "port_min: ");
	TRY(RULE, tcp, proto = 58, 0, "");
	TRY(RULE, v4, family = 4, 0, "");
	TRY(RULE, v4, family = 6, EINVAL, "remote: ");
	TRY(RULE, v4, remote.addr.b[15] = 1, EINVAL, "remote: ");
	TRY(RULE, v4, remote.len = 129, EINVAL, "remote: ");
	TRY(RULE, v6, family = 6, 0, "");
	TRY(RULE, v6, family = 4, EINVAL, "remote: ");
}

static void test_ports(void **state)
{
	TRY(PORT, good_port, n_rulesets = 2, 0, "");
	TRY(PORT, good_port, n_rulesets = WEFT_PORT_RULESETS + 1, E2BIG, "n_rulesets: ");
	TRY(PORT, good_port, n_rulesets = 3, EINVAL, "rulesets: ");
	TRY(PORT, good_port, rulesets[1] = 7, EINVAL, "rulesets: ");
	TRY(PORT, good_port, role = WEFT_ROLE_UPLINK, EINVAL, "vni: ");
	TRY(PORT, good_port, role = WEFT_ROLE_UPLINK; e.vni = 0, EINVAL, "n_rulesets: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_rulesets),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
