/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects to and from JSON: what is written reads back equal, and what is wrong names its field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <model/schema.h>

#include "build.h"

static const struct {
	enum model_kind kind;
	const char *text;
} good[] = {
	{MODEL_TENANT, "{'name':'red'}"},
	{MODEL_TENANT, "{'name':'red-2_x.y','description':'the red ones \\u00e4'}"},
	{MODEL_NETWORK, "{'tenant':'red','name':'prod'}"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'lan','network':'prod','vni':100}"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'lan','network':'prod','vni':16777215,'mtu':9000,"
			"'ageing_s':0,'max_learned':0,'flood_unknown':true,'learn_from_wire':true,"
			"'answer_locally':false,'carry_vlan':true,'subnets':['10.0.0.0/24',"
			"{'prefix':'fd00::/64','gateway':'fd00::1'}]}"},
	{MODEL_HOST, "{'name':'a'}"},
	{MODEL_HOST, "{'name':'a','vteps':['192.0.2.1','2001:db8::1'],'ttl':3,'dscp':46,"
		     "'dscp_copy':true,'uplink':{'kind':'af_xdp','device':'eth1','queues':4}}"},
	{MODEL_HOST, "{'name':'a','vteps':['192.0.2.1'],'uplink':{'kind':'dpdk',"
		     "'device':'0000:3b:00.0','mtu':9000,'mac':'02:00:00:00:00:01',"
		     "'next_hop_mac':'02:00:00:00:00:02'}}"},
	{MODEL_PORT, "{'tenant':'red','name':'web','segment':'lan','mac':'02:00:00:00:00:01'}"},
	{MODEL_PORT, "{'tenant':'red','name':'web','segment':'lan','mac':'02:00:00:00:00:01',"
		     "'host':'a','addresses':['10.0.0.5','fd00::5','10.1.0.0/16','0.0.0.0/0'],"
		     "'kind':'memif','device':'/run/m.sock','queues':2,'instance':7,'mtu':1400,"
		     "'flood_pps':4294967295,'max_learned':5,'anti_spoof':false,'learn':true,"
		     "'server':true,'enabled':false,'offload':false}"},
	{MODEL_PORT, "{'tenant':'red','name':'web','segment':'lan','mac':'02:00:00:00:00:01',"
		     "'kind':'veth','device':'p0','fast_path':false,'xdp_delivery':true}"},
};

static void test_round_trip(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (int full = 0; full < 2; full++) {
			struct object *o = build_object(good[i].kind, "%s", good[i].text), *again;
			struct json_object *json = object_to_json(o, full);
			struct model_error err;

			assert_int_equal(
				object_from_json(good[i].kind, json, NULL, &again, &err), 0);
			assert_true(object_equal(o, again));
			json_object_put(json);
			object_free(again);
			again = object_dup(o);
			assert_true(object_equal(o, again));
			object_free(o);
			object_free(again);
		}
}

static void test_shortest_form(void **state)
{
	struct object *o = build_object(MODEL_PORT,
		"{'tenant':'red','name':'web','segment':'lan','mac':'02:00:00:00:00:01',"
		"'queues':1,'enabled':true,'host':null,'addresses':[],'device':''}");
	struct json_object *json = object_to_json(o, false);

	assert_string_equal(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
		"{\"tenant\":\"red\",\"name\":\"web\",\"segment\":\"lan\","
		"\"mac\":\"02:00:00:00:00:01\"}");
	json_object_put(json);
	object_free(o);
}

#define PORT "'tenant':'red','name':'web','segment':'lan','mac':'02:00:00:00:00:01'"
#define SEG  "'tenant':'red','name':'lan','network':'prod','vni':1"
static const struct {
	enum model_kind kind;
	const char *text;
	const char *object, *field;
} bad[] = {
	{MODEL_TENANT, "null", "tenant without a name", ""},
	{MODEL_TENANT, "[]", "tenant without a name", ""},
	{MODEL_TENANT, "{}", "tenant without a name", "name"},
	{MODEL_TENANT, "{'name':5}", "tenant without a name", "name"},
	{MODEL_TENANT, "{'name':''}", "tenant without a name", "name"},
	{MODEL_TENANT, "{'name':'-x'}", "tenant without a name", "name"},
	{MODEL_TENANT, "{'name':'a/b'}", "tenant without a name", "name"},
	{MODEL_TENANT, "{'name':'a\\u0000b'}", "tenant without a name", "name"},
	{MODEL_TENANT, "{'name':'0123456789012345678901234567890x'}", "tenant without a name",
		"name"},
	{MODEL_TENANT, "{'name':'red','nmae':1}", "tenant red", ""},
	{MODEL_TENANT, "{'name':'red','description':'a\\nb'}", "tenant red", "description"},
	{MODEL_NETWORK, "{'name':'prod'}", "network without a name", "tenant"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'lan','network':'prod'}", "segment red/lan", "vni"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'lan','network':'prod','vni':0}", "segment red/lan",
		"vni"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'lan','network':'prod','vni':16777216}",
		"segment red/lan", "vni"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'lan','network':'prod','vni':'1'}",
		"segment red/lan", "vni"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'lan','network':'prod','vni':1.5}",
		"segment red/lan", "vni"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'lan','network':'blue/prod','vni':1}",
		"segment red/lan", "network"},
	{MODEL_SEGMENT, "{" SEG ",'mtu':575}", "segment red/lan", "mtu"},
	{MODEL_SEGMENT, "{" SEG ",'mtu':-1}", "segment red/lan", "mtu"},
	{MODEL_SEGMENT, "{" SEG ",'mtu':99999999999999999999999}", "segment red/lan", "mtu"},
	{MODEL_SEGMENT, "{" SEG ",'subnets':'10.0.0.0/8'}", "segment red/lan", "subnets"},
	{MODEL_SEGMENT, "{" SEG ",'subnets':['10.0.0.1/8']}", "segment red/lan", "subnets[0]"},
	{MODEL_SEGMENT, "{" SEG ",'subnets':['10.0.0.0']}", "segment red/lan", "subnets[0]"},
	{MODEL_SEGMENT, "{" SEG ",'subnets':[{'gateway':'10.0.0.1'}]}", "segment red/lan",
		"subnets[0].prefix"},
	{MODEL_SEGMENT, "{" SEG ",'subnets':[{'prefix':'10.0.0.0/8','gateway':'x'}]}",
		"segment red/lan", "subnets[0].gateway"},
	{MODEL_SEGMENT, "{" SEG ",'subnets':[{'prefix':'10.0.0.0/8','gate':'x'}]}",
		"segment red/lan", "subnets[0]"},
	{MODEL_HOST, "{'name':'a','vteps':['1.2.3.4','::1','::2']}", "host a", "vteps"},
	{MODEL_HOST, "{'name':'a','vteps':[7]}", "host a", "vteps[0]"},
	{MODEL_HOST, "{'name':'a','uplink':7}", "host a", "uplink"},
	{MODEL_HOST, "{'name':'a','uplink':{}}", "host a", "uplink.kind"},
	{MODEL_HOST, "{'name':'a','uplink':{'kind':'tap','device':'x'}}", "host a", "uplink.kind"},
	{MODEL_HOST, "{'name':'a','uplink':{'kind':'dpdk'}}", "host a", "uplink.device"},
	{MODEL_HOST, "{'name':'a','uplink':{'kind':'dpdk','device':'x','queues':0}}", "host a",
		"uplink.queues"},
	{MODEL_HOST, "{'name':'a','uplink':{'kind':'dpdk','device':'x','foo':0}}", "host a",
		"uplink"},
	{MODEL_HOST, "{'name':'a','ttl':0}", "host a", "ttl"},
	{MODEL_PORT, "{'tenant':'red','name':'web','segment':'lan'}", "port red/web", "mac"},
	{MODEL_PORT, "{'tenant':'red','name':'web','mac':'02:00:00:00:00:01'}", "port red/web",
		"segment"},
	{MODEL_PORT, "{" PORT ",'kind':'af_xdp'}", "port red/web", "kind"},
	{MODEL_PORT, "{" PORT ",'addresses':['10.0.0.300']}", "port red/web", "addresses[0]"},
	{MODEL_PORT, "{" PORT ",'addresses':['10.0.0.3','10.0.0.3/24']}", "port red/web",
		"addresses[1]"},
	{MODEL_PORT, "{" PORT ",'addresses':[null]}", "port red/web", "addresses[0]"},
	{MODEL_PORT, "{" PORT ",'enabled':1}", "port red/web", "enabled"},
	{MODEL_PORT, "{" PORT ",'revision':1}", "port red/web", ""},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct object *o = NULL;
		struct model_error err = {0};

		if (build_try(bad[i].kind, bad[i].text, NULL, &o, &err) == 0)
			fail_msg("accepted: %s", bad[i].text);
		if (strcmp(err.object, bad[i].object) || strcmp(err.field, bad[i].field) ||
			!err.text[0])
			fail_msg("%s: %s: %s: %s", bad[i].text, err.object, err.field, err.text);
		assert_int_equal(err.code, MODEL_ERR_INVALID);
		assert_null(o);
	}
}

static void test_update(void **state)
{
	struct object *base =
		build_object(MODEL_HOST, "{'name':'a','ttl':9,'vteps':['192.0.2.1'],"
					 "'uplink':{'kind':'dpdk','device':'x','queues':3}}");
	struct model_error err;
	struct object *o;
	struct host *h;

	assert_int_equal(build_try(MODEL_HOST, "{'dscp':5}", base, &o, &err), 0);
	h = (struct host *)o;
	assert_int_equal(h->ttl, 9);
	assert_int_equal(h->dscp, 5);
	assert_int_equal(h->uplink.queues, 3);
	object_free(o);
	/* an uplink is replaced as a whole; null goes back to the default */
	assert_int_equal(build_try(MODEL_HOST,
				 "{'uplink':{'kind':'veth','device':'y'},'ttl':null,'vteps':null}",
				 base, &o, &err),
		0);
	h = (struct host *)o;
	assert_int_equal(h->uplink.queues, 1);
	assert_int_equal(h->ttl, 64);
	assert_int_equal(h->n_vteps, 0);
	object_free(o);
	assert_int_not_equal(build_try(MODEL_HOST, "{'name':'b'}", base, &o, &err), 0);
	assert_string_equal(err.field, "name");
	object_free(base);
}

/* Any text of right or wrong types in any field: no crash, and an object that is accepted can be
 * written and read back. */
static void test_random(void **state)
{
	static const char *const values[] = {"0", "1", "-5", "1e3", "true", "null", "{}", "[]",
		"'x'", "''", "'10.0.0.0/8'", "'10.0.0.1'", "'::1'", "['10.0.0.1']", "['fd00::/64']",
		"'02:00:00:00:00:01'", "[[]]", "[{'prefix':'10.0.0.0/8'}]", "'tap'", "1500",
		"{'kind':'dpdk','device':'a'}", "'\\u0001'", "18446744073709551615"};

	srandom(1);
	for (int round = 0; round < 20000; round++) {
		enum model_kind kind = 1 + random() % (MODEL_KIND_MAX - 1);
		struct object *o, *again;
		struct model_error err;
		char text[2048] = "{";
		size_t n = 1;

		for (const struct field *f = schema_fields(kind); f->name; f++)
			if (f->required || random() % 4 == 0)
				n += snprintf(text + n, sizeof(text) - n, "%s'%s':%s",
					n > 1 ? "," : "", f->name,
					schema_is_name(f) && random() % 4
						? "'n'"
						: values[random() %
							  (sizeof(values) / sizeof(values[0]))]);
		snprintf(text + n, sizeof(text) - n, "}");
		if (build_try(kind, text, NULL, &o, &err) == 0) {
			struct json_object *json = object_to_json(o, random() % 2);

			assert_int_equal(object_from_json(kind, json, NULL, &again, &err), 0);
			assert_true(object_equal(o, again));
			json_object_put(json);
			object_free(o);
			object_free(again);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_shortest_form),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
