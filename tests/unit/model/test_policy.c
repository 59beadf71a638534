/* SPDX-License-Identifier: BSD-3-Clause */
/* Address sets, security groups, policies and the limits of tenants, networks and ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What is written in the shortest form: the text itself, or what it becomes. */
static const struct {
	enum model_kind kind;
	const char *text, *written;
} forms[] = {
	{MODEL_TENANT, "{'name':'t','max_sessions':5,'max_half_open':4,'session_rate':3}", NULL},
	{MODEL_NETWORK, "{'tenant':'t','name':'n','timeouts_s':{}}", "{'tenant':'t','name':'n'}"},
	{MODEL_NETWORK,
		"{'tenant':'t','name':'n','tcp_strict':true,'when_full':'stateless',"
		"'mss_clamp':true,'metadata':true,'timeouts_s':{'tcp_established':60,'other':5}}",
		NULL},
	{MODEL_ADDRESS_SET,
		"{'tenant':'t','name':'s','prefixes':['fd00::/8','10.0.0.9','10.0.0.0/8',"
		"'10.0.0.9/32']}",
		"{'tenant':'t','name':'s','prefixes':['10.0.0.0/8','10.0.0.9','fd00::/8']}"},
	{MODEL_SECURITY_GROUP, "{'tenant':'t','name':'g','rules':[{'direction':'ingress'}]}", NULL},
	{MODEL_SECURITY_GROUP,
		"{'tenant':'t','name':'g','rules':[{'direction':'egress','family':'ipv6',"
		"'protocol':'tcp','ports':'80','remote':'::/0','log':true,'description':'x'},"
		"{'direction':'ingress','protocol':6,'ports':1000,'remote_group':'t/other'},"
		"{'direction':'ingress','protocol':89,'address_set':'s'},"
		"{'direction':'ingress','protocol':'icmp','icmp_type':0,'icmp_code':255},"
		"{'direction':'ingress','protocol':'udp','ports':'1-65535','remote':'0.0.0.0/0'},"
		"{'direction':'ingress','protocol':'any','ports':null}]}",
		"{'tenant':'t','name':'g','rules':[{'direction':'egress','family':'ipv6',"
		"'protocol':'tcp','ports':'80','remote':'::/0','log':true,'description':'x'},"
		"{'direction':'ingress','protocol':'tcp','ports':'1000','remote_group':'other'},"
		"{'direction':'ingress','protocol':89,'address_set':'s'},"
		"{'direction':'ingress','protocol':'icmp','icmp_type':0,'icmp_code':255},"
		"{'direction':'ingress','protocol':'udp','ports':'1-65535','remote':'0.0.0.0/0'},"
		"{'direction':'ingress'}]}"},
	{MODEL_POLICY,
		"{'name':'p','tier':'override','priority':7,'tenants':['t','s'],"
		"'networks':['t/n'],'rules':[{'direction':'ingress','action':'reject',"
		"'address_set':'t/s'}]}",
		"{'name':'p','tier':'override','priority':7,'tenants':['s','t'],"
		"'networks':['t/n'],'rules':[{'direction':'ingress','action':'reject',"
		"'address_set':'t/s'}]}"},
};

static void check_form(enum model_kind kind, const char *text, const char *written)
{
	struct object *o = build_object(kind, "%s", text), *again, *copy = object_dup(o);
	struct json_object *brief = object_to_json(o, false), *full = object_to_json(o, true);
	char *got = strdup(json_object_to_json_string_ext(
		brief, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	struct model_error err;

	for (char *p = got; *p; p++)
		if (*p == '"')
			*p = '\'';
	assert_string_equal(got, written ? written : text);
	assert_int_equal(object_from_json(kind, full, NULL, &again, &err), 0);
	assert_true(object_equal(o, again));
	assert_true(object_equal(o, copy));
	free(got);
	json_object_put(brief);
	json_object_put(full);
	object_free(o);
	object_free(again);
	object_free(copy);
}

static void test_forms(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		check_form(forms[i].kind, forms[i].text, forms[i].written);
}

#define GROUP(rule) MODEL_SECURITY_GROUP, "{'tenant':'t','name':'g','rules':[" rule "]}"
#define IN	    "'direction':'ingress'"
/* Refused where JSON is read. */
static const struct {
	enum model_kind kind;
	const char *text, *field;
} bad_forms[] = {
	{MODEL_NETWORK, "{'tenant':'t','name':'n','timeouts_s':{'tcp':5}}", "timeouts_s"},
	{MODEL_NETWORK, "{'tenant':'t','name':'n','timeouts_s':{'icmp':0}}", "timeouts_s.icmp"},
	{MODEL_NETWORK, "{'tenant':'t','name':'n','when_full':'pass'}", "when_full"},
	{MODEL_ADDRESS_SET, "{'tenant':'t','name':'s','prefixes':['::1','10.0.0.1/8']}",
		"prefixes[1]"},
	{GROUP("{'protocol':'tcp'}"), "rules[0].direction"},
	{GROUP("{" IN "},{'direction':'in'}"), "rules[1].direction"},
	{GROUP("{" IN ",'action':'deny'}"), "rules[0]"},
	{GROUP("7"), "rules[0]"},
	{GROUP("{" IN ",'protocol':'tpc'}"), "rules[0].protocol"},
	{GROUP("{" IN ",'protocol':256}"), "rules[0].protocol"},
	{GROUP("{" IN ",'icmp_type':256}"), "rules[0].icmp_type"},
	{GROUP("{" IN ",'ports':0}"), "rules[0].ports"},
	{GROUP("{" IN ",'ports':-1}"), "rules[0].ports"},
	{GROUP("{" IN ",'ports':65536}"), "rules[0].ports"},
	{GROUP("{" IN ",'ports':'080'}"), "rules[0].ports"},
	{GROUP("{" IN ",'ports':'20-10'}"), "rules[0].ports"},
	{GROUP("{" IN ",'ports':'1-2-3'}"), "rules[0].ports"},
	{GROUP("{" IN ",'ports':'99999999999999999999'}"), "rules[0].ports"},
	{GROUP("{" IN ",'ports':['80']}"), "rules[0].ports"},
	{GROUP("{" IN ",'remote':'10.0.0.1'}"), "rules[0].remote"},
	{GROUP("{" IN ",'remote':'10.0.0.1/24'}"), "rules[0].remote"},
	{GROUP("{" IN ",'remote_group':'u/g'}"), "rules[0].remote_group"},
	{MODEL_POLICY, "{'name':'p','tier':'group','priority':1}", "tier"},
	{MODEL_POLICY, "{'name':'p','tier':'baseline','priority':0}", "priority"},
	{MODEL_POLICY, "{'name':'p','tier':'baseline','priority':1,'networks':['n']}",
		"networks[0]"},
	{MODEL_POLICY, "{'name':'p','tier':'baseline','priority':1,'networks':['/n']}",
		"networks[0]"},
	{MODEL_POLICY, "{'name':'p','tier':'baseline','priority':1,'networks':['a/b/c']}",
		"networks[0]"},
	{MODEL_POLICY, "{'name':'p','tier':'baseline','priority':1,'rules':[{" IN "}]}",
		"rules[0].action"},
	{MODEL_PORT,
		"{'tenant':'t','name':'p','segment':'s','mac':'02:00:00:00:00:01',"
		"'security_groups':['a','b','c','d','e','f','g','h','i','j','k']}",
		"security_groups"},
	{MODEL_PORT,
		"{'tenant':'t','name':'p','segment':'s','mac':'02:00:00:00:00:01',"
		"'security_groups':['u/a']}",
		"security_groups[0]"},
};

static void test_bad_forms(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_forms); i++) {
		struct object *o = NULL;
		struct model_error err = {0};

		if (build_try(bad_forms[i].kind, bad_forms[i].text, NULL, &o, &err) == 0)
			fail_msg("accepted: %s", bad_forms[i].text);
		if (strcmp(err.field, bad_forms[i].field) != 0)
			fail_msg("%s: %s: %s", bad_forms[i].text, err.field, err.text);
	}
}

static void test_update(void **state)
{
	struct object *base = build_object(MODEL_NETWORK,
			      "{'tenant':'t','name':'n','timeouts_s':{'icmp':70,'other':80}}"),
		      *o;
	struct model_error err;
	const struct network *n;

	assert_int_equal(build_try(MODEL_NETWORK, "{'timeouts_s':{'icmp':90}}", base, &o, &err), 0);
	n = (const struct network *)o;
	assert_int_equal(n->timeouts.s[WEFT_TIMEOUT_ICMP], 90);
	assert_int_equal(n->timeouts.s[WEFT_TIMEOUT_OTHER], 80);
	assert_int_equal(n->timeouts.s[WEFT_TIMEOUT_TCP_ESTABLISHED], 7440);
	object_free(o);
	assert_int_equal(build_try(MODEL_NETWORK, "{'timeouts_s':null}", base, &o, &err), 0);
	n = (const struct network *)o;
	assert_int_equal(n->timeouts.s[WEFT_TIMEOUT_ICMP], 60);
	object_free(o);
	object_free(base);
}

static struct model *base_model(void)
{
	struct model *m = model_new();
	struct model_error err;

	model_begin(m);
	build_put(m, MODEL_TENANT, "{'name':'t'}");
	build_put(m, MODEL_TENANT, "{'name':'u'}");
	build_put(m, MODEL_TENANT, "{'name':'v'}");
	build_put(m, MODEL_NETWORK, "{'tenant':'t','name':'n'}");
	build_put(m, MODEL_SEGMENT, "{'tenant':'t','name':'s','network':'n','vni':1}");
	build_put(m, MODEL_ADDRESS_SET, "{'tenant':'t','name':'as','prefixes':['10.0.0.0/8']}");
	build_put(m, MODEL_ADDRESS_SET, "{'tenant':'u','name':'as'}");
	build_put(m, MODEL_ADDRESS_SET, "{'tenant':'v','name':'as'}");
	build_put(m, MODEL_SECURITY_GROUP,
		"{'tenant':'t','name':'web','rules':[{" IN ",'remote_group':'web'},"
		"{" IN ",'address_set':'as'}]}");
	build_put(m, MODEL_PORT,
		"{'tenant':'t','name':'p','segment':'s','mac':'02:00:00:00:00:01',"
		"'security_groups':['web']}");
	if (model_check(m, &err))
		fail_msg("%s %s %s", err.object, err.field, err.text);
	model_commit(m);
	return m;
}

#define POLICY(n, rest) "{'name':'" n "','tier':'override'," rest "}"
static const struct {
	enum model_kind kind;
	const char *text;	    /* put, or the name to delete */
	enum model_error_code code; /* 0: accepted */
	const char *field;
} rules[] = {
	{GROUP("{" IN ",'ports':'80'}"), MODEL_ERR_INVALID, "rules[0].ports"},
	{GROUP("{" IN ",'protocol':'icmp','ports':'80'}"), MODEL_ERR_INVALID, "rules[0].ports"},
	{GROUP("{" IN ",'protocol':136,'ports':'80'}"), 0, ""},
	{GROUP("{" IN "},{" IN ",'protocol':'tcp','icmp_type':8}"), MODEL_ERR_INVALID,
		"rules[1].icmp_type"},
	{GROUP("{" IN ",'protocol':'icmp','icmp_code':8}"), MODEL_ERR_INVALID,
		"rules[0].icmp_code"},
	{GROUP("{" IN ",'protocol':'icmp','family':'ipv6'}"), MODEL_ERR_INVALID,
		"rules[0].protocol"},
	{GROUP("{" IN ",'protocol':'icmpv6','family':'ipv4'}"), MODEL_ERR_INVALID,
		"rules[0].protocol"},
	{GROUP("{" IN ",'protocol':'icmp','remote':'fd00::/8'}"), MODEL_ERR_INVALID,
		"rules[0].remote"},
	{GROUP("{" IN ",'family':'ipv4','remote':'::/0'}"), MODEL_ERR_INVALID, "rules[0].remote"},
	{GROUP("{" IN ",'family':'ipv4','remote':'0.0.0.0/0'}"), 0, ""},
	{GROUP("{" IN ",'remote':'10.0.0.0/8','remote_group':'web'}"), MODEL_ERR_INVALID,
		"rules[0].remote_group"},
	{GROUP("{" IN ",'remote':'10.0.0.0/8','address_set':'as'}"), MODEL_ERR_INVALID,
		"rules[0].address_set"},
	{GROUP("{" IN "},{" IN ",'remote_group':'gone'}"), MODEL_ERR_REFERENCE,
		"rules[1].remote_group"},
	{GROUP("{" IN ",'address_set':'gone'}"), MODEL_ERR_REFERENCE, "rules[0].address_set"},
	{GROUP("{" IN ",'remote_group':'g'}"), 0, ""},
	{MODEL_PORT,
		"{'tenant':'t','name':'q','segment':'s','mac':'02:00:00:00:00:02',"
		"'security_groups':['web','gone']}",
		MODEL_ERR_REFERENCE, "security_groups[0]"},
	{MODEL_PORT,
		"{'tenant':'t','name':'q','segment':'s','mac':'02:00:00:00:00:02',"
		"'hostname':'a_b'}",
		MODEL_ERR_INVALID, "hostname"},
	{MODEL_SECURITY_GROUP, "t/web", MODEL_ERR_IN_USE, ""},
	{MODEL_ADDRESS_SET, "t/as", MODEL_ERR_IN_USE, ""},
	{MODEL_POLICY, POLICY("a", "'priority':5,'tenants':['gone']"), MODEL_ERR_REFERENCE,
		"tenants[0]"},
	{MODEL_POLICY, POLICY("a", "'priority':5,'networks':['t/n']"), 0, ""},
	{MODEL_POLICY, POLICY("b", "'priority':5"), MODEL_ERR_CONFLICT, "priority"},
	{MODEL_POLICY, "{'name':'b','tier':'baseline','priority':5}", 0, ""},
	{MODEL_NETWORK, "t/n", MODEL_ERR_IN_USE, ""},
	{MODEL_POLICY,
		POLICY("c", "'priority':6,'rules':[{" IN ",'action':'deny',"
			    "'address_set':'t/as'},{" IN ",'action':'deny',"
			    "'address_set':'u/as'}]"),
		0, ""},
	{MODEL_POLICY,
		POLICY("d", "'priority':7,'rules':[{" IN ",'action':'deny',"
			    "'address_set':'v/as'}]"),
		MODEL_ERR_LIMIT, ""},
	/* a, c and these cover t/n: one too many */
	{MODEL_POLICY, POLICY("e", "'priority':8,'tenants':['t','u']"), 0, ""},
	{MODEL_POLICY, POLICY("f", "'priority':9,'networks':['t/n']"), 0, ""},
	{MODEL_POLICY, POLICY("g", "'priority':10,'tenants':['u']"), 0, ""},
	{MODEL_POLICY, POLICY("h", "'priority':11"), 0, ""},
	{MODEL_POLICY, POLICY("i", "'priority':12,'tenants':['t']"), 0, ""},
	{MODEL_POLICY, POLICY("j", "'priority':13"), MODEL_ERR_LIMIT, ""},
	{MODEL_POLICY, POLICY("j", "'priority':13,'tenants':['u']"), 0, ""},
	{MODEL_POLICY, POLICY("k", "'priority':14,'tenants':['t']"), MODEL_ERR_LIMIT, ""},
	{MODEL_POLICY, "{'name':'k','tier':'baseline','priority':14,'tenants':['t']}", 0, ""},
};

/* Those that are accepted stay. */
static void test_rules(void **state)
{
	struct model *m = base_model();

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct model_error err = {0};
		int error = 0;

		model_begin(m);
		if (rules[i].text[0] == '{')
			build_put(m, rules[i].kind, "%s", rules[i].text);
		else
			error = model_delete(m, rules[i].kind, rules[i].text, &err);
		if (!error)
			error = model_check(m, &err);
		if (error)
			model_rollback(m);
		else
			model_commit(m);
		if (err.code != rules[i].code || strcmp(err.field, rules[i].field) != 0)
			fail_msg("%s: %d: %s: %s", rules[i].text, err.code, err.field, err.text);
	}
	model_free(m);
}

/* Groups that refer to each other, and their ports, go in one transaction. */
static void test_delete_circle(void **state)
{
	struct model *m = base_model();
	struct model_error err;

	model_begin(m);
	build_put(m, MODEL_SECURITY_GROUP,
		"{'tenant':'t','name':'db','rules':[{" IN ",'remote_group':'web'}]}");
	build_put(m, MODEL_SECURITY_GROUP,
		"{'tenant':'t','name':'web','rules':[{" IN ",'remote_group':'db'}]}");
	assert_int_equal(model_check(m, &err), 0);
	model_commit(m);
	model_begin(m);
	assert_int_equal(model_delete(m, MODEL_SECURITY_GROUP, "t/web", &err), 0);
	assert_int_equal(model_delete(m, MODEL_SECURITY_GROUP, "t/db", &err), 0);
	assert_int_not_equal(model_check(m, &err), 0); /* the port */
	assert_int_equal(model_delete(m, MODEL_PORT, "t/p", &err), 0);
	assert_int_equal(model_check(m, &err), 0);
	model_commit(m);
	model_free(m);
}

static uint32_t id_of(const struct model *m, const char *network)
{
	return model_find(m, MODEL_NETWORK, network)->id;
}

/* Whatever is added and deleted, a group has another id in each network of its tenant. */
static void test_network_ids(void **state)
{
	struct model *m = base_model();
	const struct security_group *g =
		(const struct security_group *)model_find(m, MODEL_SECURITY_GROUP, "t/web");
	struct model_error err;
	char name[32];

	for (int i = 0; i < MODEL_TENANT_NETWORKS; i++) {
		model_begin(m);
		build_put(m, MODEL_NETWORK, "{'tenant':'u','name':'n%d'}", i);
		if (i >= 3) /* so that low bits come round for t */
			assert_int_equal(
				model_delete(m, MODEL_NETWORK, "u/n2", &err), i == 3 ? 0 : -22);
		assert_int_equal(model_check(m, &err), 0);
		model_commit(m);
	}
	for (int i = 0; i < 20; i++) {
		model_begin(m);
		build_put(m, MODEL_NETWORK, "{'tenant':'t','name':'x%d'}", i);
		assert_int_equal(model_check(m, &err), 0);
		model_commit(m);
	}
	for (int i = 0; i < 20; i++) {
		const struct network *x;
		uint32_t id;

		snprintf(name, sizeof(name), "t/x%d", i);
		x = (const struct network *)model_find(m, MODEL_NETWORK, name);
		id = group_network_id(g, x);
		assert_true(id & MODEL_PAIR_ID);
		assert_int_not_equal(
			id_of(m, "t/n") % MODEL_TENANT_NETWORKS, x->o.id % MODEL_TENANT_NETWORKS);
		for (int k = 0; k < i; k++) {
			snprintf(name, sizeof(name), "t/x%d", k);
			assert_int_not_equal(
				id, group_network_id(g, (const struct network *)model_find(
								m, MODEL_NETWORK, name)));
		}
	}
	/* u has 2047; one more fits */
	model_begin(m);
	build_put(m, MODEL_NETWORK, "{'tenant':'u','name':'last'}");
	assert_int_equal(
		model_put(m, build_object(MODEL_NETWORK, "{'tenant':'u','name':'beyond'}"), &err),
		-22);
	assert_int_equal(err.code, MODEL_ERR_LIMIT);
	model_rollback(m);
	model_free(m);
}

static void test_hostname(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {{"'name':'web-1'", "web-1"}, {"'name':'web_1'", ""}, {"'name':'a.b'", ""},
		{"'name':'web_1','hostname':'Web'", "Web"}, {"'name':'a-'", ""}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct object *o = build_object(MODEL_PORT,
			"{'tenant':'t','segment':'s','mac':'02:00:00:00:00:01',%s}", cases[i].text);

		assert_string_equal(port_hostname((const struct port *)o), cases[i].expected);
		object_free(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_bad_forms),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_delete_circle),
		cmocka_unit_test(test_network_ids),
		cmocka_unit_test(test_hostname),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
