/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions: each rule with a case that breaks it, then random transactions against an oracle
 * that holds objects in a plain array and judges the whole state anew each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Two tenants; red has a segment with subnets and two ports, blue one without subnets. */
static struct model *base_model(void)
{
	struct model *m = model_new();
	struct model_error err;

	model_begin(m);
	build_put(m, MODEL_TENANT, "{'name':'red'}");
	build_put(m, MODEL_TENANT, "{'name':'blue'}");
	build_put(m, MODEL_NETWORK, "{'tenant':'red','name':'net'}");
	build_put(m, MODEL_NETWORK, "{'tenant':'blue','name':'net'}");
	build_put(m, MODEL_HOST,
		"{'name':'a','vteps':['192.0.2.1'],"
		"'uplink':{'kind':'af_xdp','device':'eth1'}}");
	build_put(m, MODEL_HOST, "{'name':'b','vteps':['192.0.2.2','2001:db8::2']}");
	build_put(m, MODEL_SEGMENT,
		"{'tenant':'red','name':'lan','network':'net','vni':1,"
		"'subnets':['10.0.0.0/24','fd00::/64']}");
	build_put(m, MODEL_SEGMENT, "{'tenant':'blue','name':'lan','network':'net','vni':2}");
	build_put(m, MODEL_PORT,
		"{'tenant':'red','name':'p1','segment':'lan','host':'a',"
		"'mac':'02:00:00:00:00:01','addresses':['10.0.0.1','fd00::1']}");
	build_put(m, MODEL_PORT,
		"{'tenant':'red','name':'p2','segment':'lan','host':'b',"
		"'mac':'02:00:00:00:00:02','kind':'tap','device':'tap2'}");
	if (model_check(m, &err))
		fail_msg("%s %s %s", err.object, err.field, err.text);
	model_commit(m);
	return m;
}

#define P(name, rest) "{'tenant':'red','name':'" name "','segment':'lan'," rest "}"
#define MAC3	      "'mac':'02:00:00:00:00:03'"
static const struct {
	enum model_kind kind;
	const char *text;	    /* put, or the name to delete */
	enum model_error_code code; /* 0: accepted */
	const char *object, *field;
} rules[] = {
	/* references */
	{MODEL_NETWORK, "{'tenant':'green','name':'x'}", MODEL_ERR_REFERENCE, "network green/x",
		"tenant"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'x','network':'y','vni':9}", MODEL_ERR_REFERENCE,
		"segment red/x", "network"},
	{MODEL_PORT, "{'tenant':'red','name':'x','segment':'y'," MAC3 "}", MODEL_ERR_REFERENCE,
		"port red/x", "segment"},
	{MODEL_PORT, P("x", MAC3 ",'host':'c'"), MODEL_ERR_REFERENCE, "port red/x", "host"},
	{MODEL_TENANT, "red", MODEL_ERR_IN_USE, "tenant red", ""},
	{MODEL_NETWORK, "red/net", MODEL_ERR_IN_USE, "network red/net", ""},
	{MODEL_SEGMENT, "red/lan", MODEL_ERR_IN_USE, "segment red/lan", ""},
	{MODEL_HOST, "a", MODEL_ERR_IN_USE, "host a", ""},
	{MODEL_PORT, "red/p1", 0, "", ""},
	{MODEL_SEGMENT, "blue/lan", 0, "", ""},
	/* unique values */
	{MODEL_SEGMENT, "{'tenant':'blue','name':'x','network':'net','vni':1}", MODEL_ERR_CONFLICT,
		"segment blue/x", "vni"},
	{MODEL_HOST, "{'name':'c','vteps':['192.0.2.3','2001:db8::2']}", MODEL_ERR_CONFLICT,
		"host c", "vteps[1]"},
	{MODEL_PORT, P("x", "'mac':'02:00:00:00:00:01'"), MODEL_ERR_CONFLICT, "port red/x", "mac"},
	{MODEL_PORT, "{'tenant':'blue','name':'x','segment':'lan','mac':'02:00:00:00:00:01'}", 0,
		"", ""},
	{MODEL_PORT, P("x", MAC3 ",'addresses':['10.0.0.9','fd00::1']"), MODEL_ERR_CONFLICT,
		"port red/x", "addresses[1]"},
	{MODEL_PORT, P("x", MAC3 ",'addresses':['10.0.0.9','10.0.0.9']"), MODEL_ERR_CONFLICT,
		"port red/x", "addresses[1]"},
	{MODEL_PORT, P("x", MAC3 ",'addresses':['10.0.0.0/25','10.0.0.0/25']"), 0, "", ""},
	{MODEL_PORT, P("x", MAC3 ",'host':'b','kind':'veth','device':'tap2'"), MODEL_ERR_CONFLICT,
		"port red/x", "device"},
	{MODEL_PORT, P("x", MAC3 ",'host':'a','kind':'veth','device':'tap2'"), 0, "", ""},
	{MODEL_PORT, P("x", MAC3 ",'kind':'veth','device':'tap2'"), 0, "", ""},
	{MODEL_PORT, P("x", MAC3 ",'host':'b','kind':'veth','device':'lo'"), MODEL_ERR_INVALID,
		"port red/x", "device"},
	{MODEL_PORT, P("x", MAC3 ",'host':'a','kind':'veth','device':'eth1'"), MODEL_ERR_CONFLICT,
		"port red/x", "device"},
	{MODEL_PORT, P("x", MAC3 ",'device':'/run/weft/vhost/red+p1.sock'"), MODEL_ERR_INVALID,
		"port red/x", "device"},
	{MODEL_PORT, P("x", MAC3 ",'host':'a','device':'/run/weft/vhost/x.sock'"), 0, "", ""},
	/* addresses and subnets */
	{MODEL_PORT, P("x", MAC3 ",'addresses':['10.0.1.1']"), MODEL_ERR_INVALID, "port red/x",
		"addresses[0]"},
	{MODEL_PORT, P("x", MAC3 ",'addresses':['fe80::1','172.16.0.0/12','10.0.0.2']"), 0, "", ""},
	{MODEL_PORT, P("x", MAC3 ",'addresses':['224.0.0.1']"), MODEL_ERR_INVALID, "port red/x",
		"addresses[0]"},
	{MODEL_PORT, P("x", MAC3 ",'addresses':['ff02::1']"), MODEL_ERR_INVALID, "port red/x",
		"addresses[0]"},
	{MODEL_PORT,
		"{'tenant':'blue','name':'x','segment':'lan'," MAC3 ",'addresses':['10.9.9.9']}", 0,
		"", ""},
	{MODEL_SEGMENT,
		"{'tenant':'red','name':'lan','network':'net','vni':1,"
		"'subnets':['10.0.0.0/31']}",
		MODEL_ERR_INVALID, "port red/p1", "addresses[1]"},
	{MODEL_SEGMENT, "{'tenant':'red','name':'lan','network':'net','vni':1}", 0, "", ""},
	{MODEL_SEGMENT,
		"{'tenant':'red','name':'x','network':'net','vni':9,"
		"'subnets':['10.0.0.0/24','10.0.0.128/25']}",
		MODEL_ERR_INVALID, "segment red/x", "subnets[1]"},
	{MODEL_SEGMENT,
		"{'tenant':'red','name':'x','network':'net','vni':9,"
		"'subnets':[{'prefix':'10.0.0.0/24','gateway':'10.0.1.1'}]}",
		MODEL_ERR_INVALID, "segment red/x", "subnets[0].gateway"},
	{MODEL_SEGMENT,
		"{'tenant':'red','name':'x','network':'net','vni':9,"
		"'subnets':['ff00::/8']}",
		MODEL_ERR_INVALID, "segment red/x", "subnets[0]"},
	/* hosts */
	{MODEL_HOST, "{'name':'c','vteps':['192.0.2.3','192.0.2.4']}", MODEL_ERR_INVALID, "host c",
		"vteps[1]"},
	{MODEL_HOST, "{'name':'c','vteps':['127.0.0.1']}", MODEL_ERR_INVALID, "host c", "vteps[0]"},
	{MODEL_HOST, "{'name':'c','vteps':['fe80::1']}", MODEL_ERR_INVALID, "host c", "vteps[0]"},
	{MODEL_HOST, "{'name':'c','uplink':{'kind':'dpdk','device':'x'}}", MODEL_ERR_INVALID,
		"host c", "uplink.mac"},
	{MODEL_HOST, "{'name':'c','uplink':{'kind':'veth','device':'e','mac':'02:00:00:00:00:01'}}",
		MODEL_ERR_INVALID, "host c", "uplink.mac"},
	{MODEL_HOST,
		"{'name':'a','uplink':{'kind':'memif','device':'/m','mac':'02:00:00:00:00:01',"
		"'next_hop_mac':'02:00:00:00:00:02','instance':1}}",
		0, "", ""},
	{MODEL_HOST, "{'name':'c','metadata':'/run/x.sock'}", MODEL_ERR_INVALID, "host c",
		"metadata"},
	{MODEL_HOST, "{'name':'c','metadata':'unix:x.sock'}", MODEL_ERR_INVALID, "host c",
		"metadata"},
	{MODEL_HOST, "{'name':'c','metadata':'http://localhost:80'}", MODEL_ERR_INVALID, "host c",
		"metadata"},
	{MODEL_HOST, "{'name':'c','metadata':'http://::1:80'}", MODEL_ERR_INVALID, "host c",
		"metadata"},
	{MODEL_HOST, "{'name':'c','metadata':'http://10.0.0.1'}", MODEL_ERR_INVALID, "host c",
		"metadata"},
	{MODEL_HOST, "{'name':'c','metadata':'http://10.0.0.1:0'}", MODEL_ERR_INVALID, "host c",
		"metadata"},
	{MODEL_HOST, "{'name':'c','metadata':'http://10.0.0.1:80/path'}", MODEL_ERR_INVALID,
		"host c", "metadata"},
	{MODEL_HOST, "{'name':'c','metadata':'https://10.0.0.1:443'}", MODEL_ERR_INVALID, "host c",
		"metadata"},
	{MODEL_HOST, "{'name':'c','uplink':{'kind':'af_xdp','device':'a/b'}}", MODEL_ERR_INVALID,
		"host c", "uplink.device"},
	/* ports */
	{MODEL_PORT, P("x", "'mac':'01:00:00:00:00:03'"), MODEL_ERR_INVALID, "port red/x", "mac"},
	{MODEL_PORT, P("x", "'mac':'00:00:00:00:00:00'"), MODEL_ERR_INVALID, "port red/x", "mac"},
	{MODEL_PORT, P("x", MAC3 ",'learn':true"), MODEL_ERR_INVALID, "port red/x", "learn"},
	{MODEL_PORT, P("x", MAC3 ",'learn':true,'anti_spoof':false"), 0, "", ""},
	{MODEL_PORT, P("x", MAC3 ",'kind':'tap'"), 0, "", ""},
	{MODEL_PORT, P("x", MAC3 ",'kind':'tap','fast_path':false"), 0, "", ""},
	{MODEL_PORT, P("x", MAC3 ",'kind':'tap','xdp_delivery':true"), MODEL_ERR_INVALID,
		"port red/x", "xdp_delivery"},
	{MODEL_PORT, P("x", MAC3 ",'kind':'veth','device':'p0','xdp_delivery':true"), 0, "", ""},
	{MODEL_PORT, P("x", MAC3 ",'kind':'tap','host':'a'"), MODEL_ERR_INVALID, "port red/x",
		"device"},
	{MODEL_PORT, P("x", MAC3 ",'kind':'tap','device':'0123456789abcdef'"), MODEL_ERR_INVALID,
		"port red/x", "device"},
	{MODEL_PORT, P("x", MAC3 ",'kind':'tap','device':'..'"), MODEL_ERR_INVALID, "port red/x",
		"device"},
	{MODEL_PORT, P("x", MAC3 ",'device':'x.sock'"), MODEL_ERR_INVALID, "port red/x", "device"},
	{MODEL_PORT, P("x", MAC3 ",'device':'/run/../etc/x'"), MODEL_ERR_INVALID, "port red/x",
		"device"},
	{MODEL_PORT, P("x", MAC3 ",'device':'/run//x'"), MODEL_ERR_INVALID, "port red/x", "device"},
	{MODEL_PORT, P("x", MAC3 ",'device':'/run/x/'"), MODEL_ERR_INVALID, "port red/x", "device"},
	{MODEL_PORT, P("x", MAC3 ",'kind':'memif','device':'/run/x..y'"), 0, "", ""},
};

static void test_rules(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct model *m = base_model();
		struct model_error err = {0};
		int error;

		model_begin(m);
		if (rules[i].text[0] == '{')
			build_put(m, rules[i].kind, "%s", rules[i].text);
		else
			assert_int_equal(model_delete(m, rules[i].kind, rules[i].text, &err), 0);
		error = model_check(m, &err);
		if (!error != !rules[i].code || err.code != rules[i].code ||
			strcmp(err.object, rules[i].object) || strcmp(err.field, rules[i].field))
			fail_msg("%s: %d %s: %s: %s", rules[i].text, err.code, err.object,
				err.field, err.text);
		if (error)
			model_rollback(m);
		else
			model_commit(m);
		model_free(m);
	}
}

static void test_swap_and_memif(void **state)
{
	struct model *m = base_model();
	struct model_error err;
	size_t n;

	model_begin(m);
	build_put(m, MODEL_SEGMENT, "{'tenant':'red','name':'lan','network':'net','vni':2}");
	assert_int_not_equal(model_check(m, &err), 0);
	build_put(m, MODEL_SEGMENT, "{'tenant':'blue','name':'lan','network':'net','vni':1}");
	assert_int_equal(model_check(m, &err), 0);
	assert_string_equal(model_segment_by_vni(m, 1)->o.name, "blue/lan");
	/* one memif socket carries several interfaces */
	build_put(m, MODEL_PORT, P("m1", MAC3 ",'host':'a','kind':'memif','device':'/m'"));
	build_put(m, MODEL_PORT,
		P("m2", "'mac':'02:00:00:00:00:04','host':'a','kind':'memif',"
			"'device':'/m','instance':1"));
	assert_int_equal(model_check(m, &err), 0);
	/* created and deleted: leaves no trace */
	build_put(m, MODEL_TENANT, "{'name':'gone'}");
	assert_int_equal(model_delete(m, MODEL_TENANT, "gone", &err), 0);
	assert_int_equal(model_check(m, &err), 0);
	model_changes(m, &n);
	assert_int_equal(n, 4);
	model_commit(m);
	assert_null(model_find(m, MODEL_TENANT, "gone"));
	assert_int_equal(model_revision(m), 2);
	/* nothing changed: no new revision */
	model_begin(m);
	build_put(m, MODEL_TENANT, "{'name':'red'}");
	assert_int_equal(model_delete(m, MODEL_PORT, "red/p1", &err), 0);
	build_put(m, MODEL_PORT,
		"{'tenant':'red','name':'p1','segment':'lan','host':'a',"
		"'mac':'02:00:00:00:00:01','addresses':['10.0.0.1','fd00::1']}");
	assert_int_equal(model_check(m, &err), 0);
	model_changes(m, &n);
	assert_int_equal(n, 0);
	model_commit(m);
	assert_int_equal(model_revision(m), 2);
	model_free(m);
}

static void test_host_limit(void **state)
{
	struct model *m = base_model();
	struct model_error err;

	model_begin(m);
	for (int i = 0; i < MODEL_MAX_HOST_PORTS; i++)
		build_put(m, MODEL_PORT,
			"{'tenant':'red','name':'n%d','segment':'lan','host':'a',"
			"'mac':'02:00:00:01:%02x:%02x'}",
			i, i >> 8, i & 0xff);
	assert_int_not_equal(model_check(m, &err), 0);
	assert_int_equal(err.code, MODEL_ERR_LIMIT);
	assert_int_equal(model_delete(m, MODEL_PORT, "red/n77", &err), 0);
	assert_int_equal(model_check(m, &err), 0);
	model_rollback(m);
	model_free(m);
}

/* --- the oracle --- */

struct oracle {
	struct object *objects[256];
	size_t n;
};

static struct object **oracle_slot(struct oracle *w, enum model_kind kind, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->objects[i]->kind == kind && strcmp(w->objects[i]->name, name) == 0)
			return &w->objects[i];
	return NULL;
}

static void oracle_put(struct oracle *w, struct object *o)
{
	struct object **slot = oracle_slot(w, o->kind, o->name);

	if (!slot)
		slot = &w->objects[w->n++];
	else
		object_free(*slot);
	*slot = o;
}

static bool oracle_delete(struct oracle *w, enum model_kind kind, const char *name)
{
	struct object **slot = oracle_slot(w, kind, name);

	if (!slot)
		return false;
	object_free(*slot);
	*slot = w->objects[--w->n];
	return true;
}

static void oracle_copy(struct oracle *to, const struct oracle *from)
{
	for (size_t i = 0; i < to->n; i++)
		object_free(to->objects[i]);
	to->n = from->n;
	for (size_t i = 0; i < from->n; i++)
		to->objects[i] = object_dup(from->objects[i]);
}

static bool ports_clash(const struct port *a, const struct port *b)
{
	char da[WEFT_DEVICE_SIZE], db[WEFT_DEVICE_SIZE];

	if (a->host && b->host && strcmp(a->host, b->host) == 0 &&
		strcmp(port_device(a, da), port_device(b, db)) == 0)
		return true;
	if (strcmp(a->segment, b->segment) != 0)
		return false;
	if (weft_mac_equal(&a->mac, &b->mac))
		return true;
	for (size_t i = 0; i < a->n_addresses; i++)
		for (size_t k = 0; k < b->n_addresses; k++)
			if (weft_addr_equal(&a->addresses[i].addr, &b->addresses[k].addr))
				return true;
	return false;
}

static bool objects_clash(const struct object *x, const struct object *y)
{
	const struct host *h = (const struct host *)x, *g = (const struct host *)y;

	if (x->kind != y->kind)
		return false;
	switch (x->kind) {
	case MODEL_SEGMENT:
		return ((const struct segment *)x)->vni == ((const struct segment *)y)->vni;
	case MODEL_HOST:
		return h->n_vteps && g->n_vteps && weft_addr_equal(&h->vteps[0], &g->vteps[0]);
	case MODEL_PORT:
		return ports_clash((const struct port *)x, (const struct port *)y);
	default:
		return false;
	}
}

static bool object_valid(struct oracle *w, const struct object *o)
{
	const struct segment *s = (const struct segment *)o;
	const struct port *p = (const struct port *)o;
	struct object **seg;

	if (o->kind == MODEL_NETWORK)
		return oracle_slot(w, MODEL_TENANT, "t");
	if (o->kind == MODEL_SEGMENT)
		return oracle_slot(w, MODEL_NETWORK, s->network);
	if (o->kind != MODEL_PORT)
		return true;
	seg = oracle_slot(w, MODEL_SEGMENT, p->segment);
	if (!seg || (p->host && !oracle_slot(w, MODEL_HOST, p->host)))
		return false;
	s = (const struct segment *)*seg;
	for (size_t i = 0; i < p->n_addresses && s->n_subnets; i++)
		if (!weft_prefix_contains(&s->subnets[0].prefix, &p->addresses[i].addr))
			return false;
	return true;
}

static bool oracle_valid(struct oracle *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!object_valid(w, w->objects[i]))
			return false;
		for (size_t k = 0; k < i; k++)
			if (objects_clash(w->objects[i], w->objects[k]))
				return false;
	}
	return true;
}

static int count_port(const struct port *p, void *arg)
{
	++*(size_t *)arg;
	return 0;
}

static void compare_unique(struct model *m, const struct object *o)
{
	const struct port *p = (const struct port *)o;
	const struct host *h = (const struct host *)o;
	const struct segment *s = (const struct segment *)o;

	if (o->kind == MODEL_SEGMENT)
		assert_string_equal(model_segment_by_vni(m, s->vni)->o.name, o->name);
	if (o->kind == MODEL_HOST && h->n_vteps)
		assert_string_equal(model_host_by_vtep(m, &h->vteps[0])->o.name, o->name);
	if (o->kind != MODEL_PORT)
		return;
	assert_string_equal(model_port_by_mac(m, p->segment, &p->mac)->o.name, o->name);
	for (size_t i = 0; i < p->n_addresses; i++)
		assert_string_equal(
			model_port_by_addr(m, p->segment, &p->addresses[i].addr)->o.name, o->name);
}

static void compare(struct model *m, struct oracle *w)
{
	size_t n = 0, in_segments = 0, n_ports = 0;
	struct weft_mac mac = {.b = {2}};
	size_t by_mac = 0;

	for (int kind = 1; kind < MODEL_KIND_MAX; kind++) {
		const struct object *o = NULL;
		char last[WEFT_NAME_SIZE] = "";

		while ((o = model_next(m, kind, o ? o->name : NULL))) {
			struct object **mine = oracle_slot(w, kind, o->name);

			assert_non_null(mine);
			assert_true(object_equal(o, *mine));
			assert_true(strcmp(last, o->name) < 0);
			snprintf(last, sizeof(last), "%s", o->name);
			assert_ptr_equal(o, model_find(m, kind, o->name));
			compare_unique(m, o);
			if (kind == MODEL_SEGMENT) {
				model_segment_ports(m, o->name, count_port, &in_segments);
				for (int i = 0; i < 6; i++) {
					mac.b[5] = i;
					by_mac += model_port_by_mac(m, o->name, &mac) != NULL;
				}
			}
			n_ports += kind == MODEL_PORT;
			n++;
		}
	}
	assert_int_equal(n, w->n);
	assert_int_equal(in_segments, n_ports);
	assert_int_equal(by_mac, n_ports);
}

static struct object *random_object(enum model_kind kind)
{
	int a = random() % 6, b = random() % 6, c = random() % 6;

	switch (kind) {
	case MODEL_TENANT:
		return build_object(kind, "{'name':'t','description':'%d'}", a);
	case MODEL_NETWORK:
		return build_object(kind, "{'tenant':'t','name':'n%d'}", a % 2);
	case MODEL_SEGMENT:
		return build_object(kind, "{'tenant':'t','name':'s%d','network':'n%d','vni':%d%s}",
			a % 3, b % 2, 1 + c, b < 2 ? ",'subnets':['10.0.0.0/30']" : "");
	case MODEL_HOST:
		return build_object(kind,
			b % 3 ? "{'name':'h%d','vteps':['192.0.2.%d']}" : "{'name':'h%d','ttl':%d}",
			a % 3, 1 + c);
	default:
		return build_object(kind,
			"{'tenant':'t','name':'p%d','segment':'s%d','mac':'02:00:00:00:00:0%d',"
			"'addresses':[%s'10.0.0.%d'],'kind':'tap','device':'tap%ld'%s%d%s}",
			a, b % 3, c, random() % 2 ? "'10.0.0.8'," : "", 1 + b, random() % 5,
			random() % 3 ? ",'host':'h" : ",'description':'", a % 3, "'");
	}
}

static void random_op(struct model *m, struct oracle *w)
{
	enum model_kind kind = random() % 2 ? MODEL_PORT : 1 + random() % MODEL_PORT;
	struct object *o = random_object(kind);
	struct model_error err;

	if (random() % 4 == 0) {
		bool had = oracle_delete(w, kind, o->name);

		assert_int_equal(model_delete(m, kind, o->name, &err) == 0, had);
		object_free(o);
		return;
	}
	oracle_put(w, object_dup(o));
	assert_int_equal(model_put(m, o, &err), 0);
}

/* The changes lead from the state before to the state after, one for each difference. */
static void check_changes(struct model *m, struct oracle *before, struct oracle *after)
{
	size_t n, differences = 0;
	const struct model_change *c = model_changes(m, &n);

	for (size_t i = 0; i < n; i++) {
		struct object **x = oracle_slot(before, c[i].kind, c[i].name);
		struct object **y = oracle_slot(after, c[i].kind, c[i].name);

		assert_int_equal(c[i].before != NULL, x != NULL);
		assert_int_equal(c[i].after != NULL, y != NULL);
		assert_true(!x || object_equal(*x, c[i].before));
		assert_true(!y || object_equal(*y, c[i].after));
		assert_true(i == 0 || c[i - 1].kind <= c[i].kind);
		if (x && y)
			assert_int_equal(c[i].before->id, c[i].after->id);
	}
	for (size_t i = 0; i < after->n; i++) {
		struct object **x =
			oracle_slot(before, after->objects[i]->kind, after->objects[i]->name);

		differences += !x || !object_equal(*x, after->objects[i]);
	}
	for (size_t i = 0; i < before->n; i++)
		differences +=
			!oracle_slot(after, before->objects[i]->kind, before->objects[i]->name);
	assert_int_equal(n, differences);
}

static void test_random(void **state)
{
	struct oracle committed = {0}, working = {0};
	struct model *m = model_new();
	struct model_error err;
	int n_good = 0, n_bad = 0;

	srandom(42);
	for (int round = 0; round < 6000; round++) {
		bool valid = false;

		oracle_copy(&working, &committed);
		model_begin(m);
		for (int n = random() % 6; n >= 0; n--) {
			random_op(m, &working);
			if (random() % 3 == 0 || n == 0) {
				valid = oracle_valid(&working);
				if ((model_check(m, &err) == 0) != valid)
					fail_msg("round %d: valid %d: %s %s %s", round, valid,
						err.object, err.field, err.text);
			}
		}
		check_changes(m, &committed, &working);
		n_good += valid;
		n_bad += !valid;
		if (valid && random() % 8) {
			oracle_copy(&committed, &working);
			model_commit(m);
		} else {
			model_rollback(m);
		}
		compare(m, &committed);
	}
	assert_true(n_good > 500 && n_bad > 500);
	model_free(m);
	oracle_copy(&working, &(struct oracle){0});
	oracle_copy(&committed, &(struct oracle){0});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_swap_and_memif),
		cmocka_unit_test(test_host_limit),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
