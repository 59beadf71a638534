/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routers and routes: each rule with a case that breaks it, and what changes around them may do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build.h"

#define ARRAY_SIZE(a)	     (sizeof(a) / sizeof((a)[0]))
#define NET(prefix, gateway) "{'prefix':'" prefix "','gateway':'" gateway "'}"
#define SEGMENT(name, vni, subnets)                                                                \
	"{'tenant':'red','name':'" name "','network':'net','vni':" vni ",'subnets':[" subnets "]}"

/* Tenant red: lan and dmz are in r1, spare in none, with overlapping addresses, far is of another
 * network, r2 is empty; lan has a port. Tenant blue has a router of the same name. */
static struct model *base_model(void)
{
	struct model *m = model_new();
	struct model_error err;

	model_begin(m);
	for (int i = 0; i < 2; i++) {
		const char *tenant = i ? "blue" : "red";

		build_put(m, MODEL_TENANT, "{'name':'%s'}", tenant);
		build_put(m, MODEL_NETWORK, "{'tenant':'%s','name':'net'}", tenant);
	}
	build_put(m, MODEL_NETWORK, "{'tenant':'red','name':'other'}");
	build_put(m, MODEL_SEGMENT,
		SEGMENT("lan", "1",
			NET("10.0.0.0/24", "10.0.0.1") "," NET("fd00::/64", "fd00::1")));
	build_put(m, MODEL_SEGMENT, SEGMENT("dmz", "2", NET("10.0.1.0/24", "10.0.1.1")));
	build_put(m, MODEL_SEGMENT, SEGMENT("spare", "3", NET("10.0.0.0/23", "10.0.0.254")));
	build_put(m, MODEL_SEGMENT, SEGMENT("bare", "4", "'10.0.2.0/24'"));
	build_put(m, MODEL_SEGMENT,
		"{'tenant':'red','name':'far','network':'other','vni':5,'subnets':[]}");
	build_put(m, MODEL_PORT,
		"{'tenant':'red','name':'p1','segment':'lan','mac':'02:00:00:00:00:01',"
		"'addresses':['10.0.0.5']}");
	build_put(m, MODEL_PORT,
		"{'tenant':'red','name':'p3','segment':'spare','mac':'02:57:45:46:54:01',"
		"'addresses':['10.0.0.5']}");
	build_put(m, MODEL_ROUTER,
		"{'tenant':'red','name':'r1','network':'net','segments':['lan','dmz']}");
	build_put(m, MODEL_ROUTER, "{'tenant':'red','name':'r2','network':'net'}");
	build_put(m, MODEL_ROUTER, "{'tenant':'blue','name':'r1','network':'net'}");
	build_put(m, MODEL_ROUTE,
		"{'tenant':'red','name':'out','router':'r1','prefix':'0.0.0.0/0',"
		"'next_hops':['10.0.0.5','10.0.1.9']}");
	if (model_check(m, &err))
		fail_msg("%s %s %s", err.object, err.field, err.text);
	model_commit(m);
	return m;
}

#define LAN(rest)                                                                                  \
	"{'tenant':'red','name':'lan','network':'net','vni':1,"                                    \
	"'subnets':[" NET("10.0.0.0/24", "10.0.0.1") "," NET("fd00::/64", "fd00::1") "]," rest "}"
#define ROUTER(rest) "{'tenant':'red','name':'x','network':'net'," rest "}"
#define ROUTE(rest)  "{'tenant':'red','name':'x','router':'r1'," rest "}"
#define PORT(rest)   "{'tenant':'red','name':'x','segment':'lan'," rest "}"
static const struct {
	enum model_kind kind;
	const char *text;	    /* put, or the name to delete */
	enum model_error_code code; /* 0: accepted */
	const char *object, *field;
} rules[] = {
	/* routers */
	{MODEL_ROUTER, ROUTER("'segments':[]"), 0, "", ""},
	{MODEL_ROUTER, ROUTER("'segments':['lan']"), MODEL_ERR_CONFLICT, "router red/x",
		"segments[0]"},
	{MODEL_ROUTER, ROUTER("'segments':['no']"), MODEL_ERR_REFERENCE, "router red/x",
		"segments[0]"},
	{MODEL_ROUTER, ROUTER("'segments':['far']"), MODEL_ERR_INVALID, "router red/x",
		"segments[0]"},
	{MODEL_ROUTER, ROUTER("'segments':['bare']"), MODEL_ERR_INVALID, "router red/x",
		"segments[0]"},
	{MODEL_ROUTER, ROUTER("'segments':['spare']"), MODEL_ERR_CONFLICT, "router red/x",
		"segments[0]"}, /* a port has its MAC */
	{MODEL_ROUTER, ROUTER("'segments':['spare'],'mac':'02:00:00:00:00:77'"), 0, "", ""},
	{MODEL_ROUTER, ROUTER("'segments':[],'mac':'01:00:00:00:00:77'"), MODEL_ERR_INVALID,
		"router red/x", "mac"},
	{MODEL_ROUTER,
		"{'tenant':'red','name':'r1','network':'net','segments':['lan','dmz','spare'],"
		"'mac':'02:00:00:00:00:77'}",
		MODEL_ERR_CONFLICT, "router red/r1", "segments[1]"},
	{MODEL_ROUTER, "{'tenant':'red','name':'r1','network':'net','segments':['lan']}",
		MODEL_ERR_INVALID, "route red/out", "next_hops[1]"},
	{MODEL_ROUTER, "{'tenant':'red','name':'r1','network':'other','segments':['dmz','lan']}",
		MODEL_ERR_INVALID, "router red/r1", "segments[0]"},
	{MODEL_ROUTER, "red/r1", MODEL_ERR_IN_USE, "router red/r1", ""},
	{MODEL_ROUTER, "red/r2", 0, "", ""},
	{MODEL_SEGMENT, "red/dmz", MODEL_ERR_IN_USE, "segment red/dmz", ""},
	/* what changes in a router's segments */
	{MODEL_SEGMENT, SEGMENT("dmz", "2", "'10.0.1.0/24'"), MODEL_ERR_INVALID, "router red/r1",
		"segments[0]"},
	{MODEL_SEGMENT, SEGMENT("dmz", "2", NET("10.0.1.0/24", "10.0.1.2")), 0, "", ""},
	{MODEL_SEGMENT, SEGMENT("dmz", "2", NET("10.0.1.0/24", "10.0.1.9")), MODEL_ERR_INVALID,
		"route red/out", "next_hops[1]"},
	{MODEL_SEGMENT, SEGMENT("dmz", "2", NET("10.0.0.128/25", "10.0.0.129")), MODEL_ERR_CONFLICT,
		"router red/r1", "segments[0]"},
	{MODEL_SEGMENT, SEGMENT("lan", "1", NET("10.0.0.0/24", "10.0.0.5")), MODEL_ERR_CONFLICT,
		"router red/r1", "segments[1]"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'dmz','network':'other','vni':2}",
		MODEL_ERR_INVALID, "router red/r1", "segments[0]"},
	/* ports beside a router */
	{MODEL_PORT, PORT("'mac':'02:57:45:46:54:01'"), MODEL_ERR_CONFLICT, "port red/x", "mac"},
	{MODEL_PORT, PORT("'mac':'02:00:00:00:00:09','addresses':['10.0.0.1']"), MODEL_ERR_CONFLICT,
		"port red/x", "addresses[0]"},
	{MODEL_PORT,
		PORT("'mac':'02:00:00:00:00:09','addresses':['10.0.0.7','fe80::57:45ff:fe46:5401'"
		     "]"),
		MODEL_ERR_CONFLICT, "port red/x", "addresses[1]"},
	{MODEL_PORT, PORT("'mac':'02:00:00:00:00:09','addresses':['10.0.0.2']"), 0, "", ""},
	/* a segment that is only routed */
	{MODEL_SEGMENT, SEGMENT("bare", "4", "'10.0.2.0/24'],'l3_only':true,'dns_servers':["),
		MODEL_ERR_INVALID, "segment red/bare", "l3_only"},
	{MODEL_SEGMENT,
		SEGMENT("dmz", "2",
			NET("10.0.1.0/24", "10.0.1.1") "],'l3_only':true,'dns_servers':["),
		0, "", ""},
	/* what a segment tells its ports */
	{MODEL_SEGMENT, LAN("'dhcp':true,'ra':true,'slaac':true,'domain':'lan.Example-1.org'"), 0,
		"", ""},
	{MODEL_SEGMENT, LAN("'slaac':true"), MODEL_ERR_INVALID, "segment red/lan", "slaac"},
	{MODEL_SEGMENT,
		"{'tenant':'red','name':'x','network':'net','vni':9,'ra':true,'slaac':true,"
		"'subnets':['10.0.0.0/24','fd00::/56']}",
		MODEL_ERR_INVALID, "segment red/x", "subnets[1]"},
	{MODEL_SEGMENT, LAN("'domain':'a..b'"), MODEL_ERR_INVALID, "segment red/lan", "domain"},
	{MODEL_SEGMENT, LAN("'domain':'-a.b'"), MODEL_ERR_INVALID, "segment red/lan", "domain"},
	{MODEL_SEGMENT, LAN("'domain':'a.b.'"), MODEL_ERR_INVALID, "segment red/lan", "domain"},
	{MODEL_SEGMENT, LAN("'domain':'a_b'"), MODEL_ERR_INVALID, "segment red/lan", "domain"},
	{MODEL_SEGMENT, LAN("'dns_servers':['10.9.9.9','::1']"), MODEL_ERR_INVALID,
		"segment red/lan", "dns_servers[1]"},
	{MODEL_SEGMENT,
		LAN("'dns_servers':['10.9.9.1','10.9.9.2','10.9.9.3','fd00::9','10.9.9.4']"), 0, "",
		""},
	{MODEL_SEGMENT, LAN("'dns_servers':['9.9.9.1','9.9.9.2','9.9.9.3','9.9.9.4','9.9.9.5']"),
		MODEL_ERR_INVALID, "segment red/lan", "dns_servers[4]"},
	{MODEL_SEGMENT, LAN("'host_routes':[{'prefix':'10.7.0.0/16','via':'10.0.0.7'}]"), 0, "",
		""},
	{MODEL_SEGMENT, LAN("'host_routes':[{'prefix':'10.7.0.0/16','via':'10.0.1.7'}]"),
		MODEL_ERR_INVALID, "segment red/lan", "host_routes[0].via"},
	{MODEL_SEGMENT, LAN("'host_routes':[{'prefix':'fd07::/16','via':'fd00::7'}]"),
		MODEL_ERR_INVALID, "segment red/lan", "host_routes[0].prefix"},
	{MODEL_SEGMENT,
		LAN("'host_routes':[{'prefix':'10.7.0.0/16','via':'10.0.0.7'},"
		    "{'prefix':'10.7.0.0/16','via':'10.0.0.8'}]"),
		MODEL_ERR_INVALID, "segment red/lan", "host_routes[1].prefix"},
	/* routes */
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','blackhole':true"), 0, "", ""},
	{MODEL_ROUTE, ROUTE("'prefix':'::/0','unreachable':true"), 0, "", ""},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16'"), MODEL_ERR_INVALID, "route red/x", ""},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','blackhole':true,'unreachable':true"),
		MODEL_ERR_INVALID, "route red/x", ""},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','peer':'r2','next_hops':['10.0.0.5']"),
		MODEL_ERR_INVALID, "route red/x", ""},
	{MODEL_ROUTE, ROUTE("'prefix':'0.0.0.0/0','blackhole':true"), MODEL_ERR_CONFLICT,
		"route red/x", "prefix"},
	{MODEL_ROUTE, ROUTE("'prefix':'10.0.1.0/24','blackhole':true"), MODEL_ERR_CONFLICT,
		"route red/x", "prefix"},
	{MODEL_ROUTE, ROUTE("'prefix':'10.0.1.0/25','blackhole':true"), 0, "", ""},
	{MODEL_ROUTE, ROUTE("'prefix':'224.0.0.0/4','blackhole':true"), MODEL_ERR_INVALID,
		"route red/x", "prefix"},
	{MODEL_ROUTE, ROUTE("'prefix':'fe80::/10','blackhole':true"), MODEL_ERR_INVALID,
		"route red/x", "prefix"},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','next_hops':['10.0.2.5']"), MODEL_ERR_INVALID,
		"route red/x", "next_hops[0]"},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','next_hops':['10.0.0.1']"), MODEL_ERR_INVALID,
		"route red/x", "next_hops[0]"},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','next_hops':['10.0.0.5','fd00::5']"),
		MODEL_ERR_INVALID, "route red/x", "next_hops[1]"},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','next_hops':['10.0.0.5','10.0.0.5']"),
		MODEL_ERR_INVALID, "route red/x", "next_hops[1]"},
	{MODEL_ROUTE, ROUTE("'prefix':'fd01::/32','next_hops':['fd00::5']"), 0, "", ""},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','peer':'r2'"), 0, "", ""},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','peer':'red/r2'"), 0, "", ""},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','peer':'blue/r1'"), 0, "", ""},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','peer':'blue/r2'"), MODEL_ERR_REFERENCE,
		"route red/x", "peer"},
	{MODEL_ROUTE, ROUTE("'prefix':'10.9.0.0/16','peer':'r1'"), MODEL_ERR_INVALID, "route red/x",
		"peer"},
	{MODEL_ROUTE,
		"{'tenant':'red','name':'x','router':'r3','prefix':'10.9.0.0/16','blackhole':true}",
		MODEL_ERR_REFERENCE, "route red/x", "router"},
};

static void test_rules(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct model *m = base_model();
		struct model_error err = {0};

		model_begin(m);
		if (rules[i].text[0] == '{')
			build_put(m, rules[i].kind, "%s", rules[i].text);
		else
			assert_int_equal(model_delete(m, rules[i].kind, rules[i].text, &err), 0);
		if (!model_check(m, &err) != !rules[i].code || err.code != rules[i].code ||
			strcmp(err.object, rules[i].object) || strcmp(err.field, rules[i].field))
			fail_msg("%s: %d %s: %s: %s", rules[i].text, err.code, err.object,
				err.field, err.text);
		model_rollback(m);
		model_free(m);
	}
}

/* One transaction may move everything. */
static void test_swap(void **state)
{
	struct model *m = base_model();
	const struct weft_prefix def = {.addr = {.b = {[10] = 0xff, [11] = 0xff}}, .len = 96};
	struct model_error err;

	model_begin(m);
	build_put(
		m, MODEL_ROUTER, "{'tenant':'red','name':'r2','network':'net','segments':['dmz']}");
	assert_int_not_equal(model_check(m, &err), 0);
	build_put(
		m, MODEL_ROUTER, "{'tenant':'red','name':'r1','network':'net','segments':['lan']}");
	assert_int_not_equal(model_check(m, &err), 0);
	assert_string_equal(err.object, "route red/out");
	build_put(m, MODEL_ROUTE,
		"{'tenant':'red','name':'out','router':'r1','prefix':'0.0.0.0/0','peer':'r2'}");
	build_put(m, MODEL_ROUTE,
		"{'tenant':'red','name':'x','router':'r2','prefix':'0.0.0.0/0',"
		"'next_hops':['10.0.1.7']}");
	assert_int_equal(model_check(m, &err), 0);
	model_commit(m);
	assert_string_equal(model_segment_router(m, "red/dmz")->o.name, "red/r2");
	assert_string_equal(model_segment_router(m, "red/lan")->o.name, "red/r1");
	assert_null(model_segment_router(m, "red/spare"));
	assert_string_equal(model_route_by_prefix(m, "red/r2", &def)->o.name, "red/x");
	assert_string_equal(model_route_by_prefix(m, "red/r1", &def)->o.name, "red/out");
	model_free(m);
}

/* A router must not leave a segment that is only routed. */
static void test_leave_l3_only(void **state)
{
	struct model *m = base_model();
	struct model_error err;

	model_begin(m);
	build_put(m, MODEL_SEGMENT,
		SEGMENT("dmz", "2",
			NET("10.0.1.0/24", "10.0.1.1") "],'l3_only':true,'host_routes':["));
	assert_int_equal(model_check(m, &err), 0);
	model_commit(m);
	model_begin(m);
	assert_int_equal(model_delete(m, MODEL_ROUTE, "red/out", &err), 0);
	build_put(
		m, MODEL_ROUTER, "{'tenant':'red','name':'r1','network':'net','segments':['lan']}");
	assert_int_not_equal(model_check(m, &err), 0);
	assert_string_equal(err.object, "segment red/dmz");
	assert_int_equal(model_delete(m, MODEL_ROUTER, "red/r1", &err), 0);
	assert_int_not_equal(model_check(m, &err), 0);
	assert_string_equal(err.object, "segment red/dmz");
	build_put(
		m, MODEL_ROUTER, "{'tenant':'red','name':'r2','network':'net','segments':['dmz']}");
	assert_int_equal(model_check(m, &err), 0);
	model_commit(m);
	model_free(m);
}

static void test_peer_in_json(void **state)
{
	static const char *const peers[][2] = {{"r2", "red/r2"}, {"blue/r2", "blue/r2"}};

	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		struct object *o = build_object(MODEL_ROUTE,
			"{'tenant':'red','name':'x','router':'r1','prefix':'::/0','peer':'%s'}",
			peers[i][0]);
		struct json_object *json = object_to_json(o, false), *peer;

		assert_true(json_object_object_get_ex(json, "peer", &peer));
		assert_string_equal(json_object_get_string(peer), peers[i][1]);
		json_object_put(json);
		object_free(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_leave_l3_only),
		cmocka_unit_test(test_peer_in_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
