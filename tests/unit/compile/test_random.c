/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Incremental = full = what the oracle finds: thousands of random transactions and underlay events.
 * At every moment the applied entries refer only to what is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <build.h>

#include "oracle.h"
#include "random_policy.h"

#define SELF	"h0"
#define N_PATHS 12

struct world {
	struct model *m;
	struct compiler *c;
	struct applied applied;
	struct underlay_path paths[N_PATHS];
	struct underlay_link link;
	bool link_known;
};

static int below(int n)
{
	return (int)(random() % n);
}

static struct object *random_host(void)
{
	/* the number of queues goes into each */
	static const char *const uplinks[] = {"", "",
		",'uplink':{'kind':'af_xdp','device':'eth1','queues':%d}",
		",'uplink':{'kind':'af_xdp','device':'eth1','mtu':9000,'queues':%d}",
		",'uplink':{'kind':'veth','device':'eth2','queues':%d}",
		",'uplink':{'kind':'dpdk','device':'0:1.0','mac':'02:00:00:00:00:aa',"
		"'next_hop_mac':'02:00:00:00:00:bb','queues':%d}",
		",'uplink':{'kind':'memif','device':'/m','mac':'02:00:00:00:00:aa','server':true,"
		"'instance':3,'next_hop_mac':'02:00:00:00:00:bb','queues':%d}"};
	char vteps[80], uplink[200];
	int i = below(4), four = below(8), six = below(8);

	snprintf(uplink, sizeof(uplink), uplinks[below(7)], 1 + below(2));
	snprintf(vteps, sizeof(vteps),
		four < 6 && six < 6 ? "'192.0.2.%d','2001:db8::%d'"
		: four < 6	    ? "'192.0.2.%d'%.0d"
		: six < 6	    ? "%.0d'2001:db8::%d'"
				    : "%.0d%.0d",
		four < 6 ? four + 1 : 0, six < 6 ? six + 1 : 0);
	return build_object(MODEL_HOST, "{'name':'h%d','vteps':[%s],'ttl':%d,'dscp_copy':%s%s%s}",
		i, vteps, 60 + below(2), below(4) ? "false" : "true", uplink,
		(four + six) % 3 ? "" : ",'metadata':'unix:/m'");
}

static struct object *random_port(void)
{
	static const char *const addresses[] = {"", "'10.0.0.%d'", "'10.0.0.%d','fd00::1'",
		"'fe80::ff:fe00:%d'", "'10.1.0.0/16','10.0.0.%d'"};
	static const char *const hostnames[] = {
		"", "", ",'hostname':'Web'", ",'hostname':'p3'", ",'hostname':'db'"};
	static const char *const fast[] = {
		"", "", ",'fast_path':false", ",'kind':'veth','device':'v%d','xdp_delivery':true"};
	char list[80], host[32] = "", how[64];
	int number = below(14);

	snprintf(list, sizeof(list), addresses[below(5)], 1 + below(5));
	snprintf(how, sizeof(how), fast[below(4)], number);
	if (below(6))
		snprintf(host, sizeof(host), ",'host':'h%d'", below(3) ? below(4) : 0);
	return build_object(MODEL_PORT,
		"{'tenant':'t','name':'p%d','segment':'s%d','mac':'02:00:00:00:00:0%d',"
		"'addresses':[%s],'enabled':%s,'anti_spoof':false,'learn':%s,'mtu':%d%s%s%s}",
		number, below(4), 1 + below(7), list, below(5) ? "true" : "false",
		below(5) ? "false" : "true", below(5) ? 0 : 1400, host, hostnames[below(5)], how);
}

static struct object *random_segment(void)
{
#define NET(prefix, gateway) "{'prefix':'" prefix "','gateway':'" gateway "'}"
	static const char *const subnets[] = {"", "'10.0.0.0/8'",
		NET("10.0.0.0/8", "10.9.9.9") "," NET("fd00::/64", "fd00::ff"),
		NET("10.0.0.0/8", "10.9.9.8"),
		NET("10.%d.0.0/16", "10.%d.9.9") "," NET("fd0%d::/16", "fd0%d::ff"),
		NET("10.%d.0.0/16", "10.%d.9.9")};
	static const char *const services[] = {"", "", "'dhcp':true,", "'l3_only':true,",
		"'ra':true,'dns_servers':['10.0.0.8','fd00::8','10.0.0.9'],",
		"'dhcp':true,'lease_s':600,'domain':'x.org','dns_local':true,"
		"'dns_servers':['192.0.2.7'],",
		"'slaac':true,'ra':true,", "'dns_local':true,'domain':'Y.org',",
		"'dns_local':true,'host_routes':[{'prefix':'10.7.0.0/16','via':'10.0.0.7'}],"};
	int i = below(4), k = below(3) ? i : below(4);
	char list[200];

	snprintf(list, sizeof(list), subnets[below(6)], k, k, k, k);
	return build_object(MODEL_SEGMENT,
		"{'tenant':'t','name':'s%d','network':'%s','vni':%d,'mtu':%d,'flood_unknown':%s,"
		"%s'subnets':[%s]}",
		i, below(8) ? "n" : "n2", 1 + below(7), below(3) ? 0 : 1300,
		below(2) ? "true" : "false", services[below(9)], list);
}

static struct object *random_router(void)
{
	char list[80] = "";
	int n = below(4), first = below(4);

	for (int i = 0; i < n; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s's%d'", i ? "," : "",
			(first + i) % 4);
	return build_object(MODEL_ROUTER,
		"{'tenant':'t','name':'r%d','network':'n','segments':[%s]%s}", below(6), list,
		below(4) ? "" : ",'mac':'02:00:00:00:00:99'");
}

static struct object *random_route(void)
{
	static const char *const prefixes[] = {"0.0.0.0/0", "10.0.0.0/7", "10.1.0.0/16",
		"10.1.1.0/24", "10.2.0.0/16", "::/0", "fd01::/32"};
	int i = below(7);
	char to[80];

	if (below(3))
		snprintf(to, sizeof(to), "'peer':'t/r%d'", below(6));
	else if (below(3) == 0)
		snprintf(to, sizeof(to), "'%s':true", below(2) ? "blackhole" : "unreachable");
	else
		snprintf(to, sizeof(to),
			i < 5 ? "'next_hops':['10.%d.1.1']" : "'next_hops':['fd0%d::1']", below(3));
	return build_object(MODEL_ROUTE,
		"{'tenant':'t','name':'x%d','router':'r%d','prefix':'%s',%s}", below(10), below(6),
		prefixes[i], to);
}

static struct object *random_object(void)
{
	int kind = below(20);

	if (kind == 0)
		return build_object(MODEL_TENANT, "{'name':'t','description':'%d'}", below(3));
	if (kind == 1)
		return build_object(
			MODEL_NETWORK, "{'tenant':'t','name':'%s'}", below(2) ? "n" : "n2");
	if (kind == 2 || kind == 3)
		return random_segment();
	if (kind >= 12)
		return kind < 16 ? random_router() : random_route();
	return kind <= 5 ? random_host() : random_port();
}

static void random_transaction(struct world *w)
{
	const struct model_change *changes;
	struct model_error err;
	size_t n;

	model_begin(w->m);
	for (int i = below(4); i >= 0; i--) {
		struct object *o = below(3) ? random_object() : random_policy_object();

		if (below(3)) {
			assert_int_equal(model_put(w->m, o, &err), 0);
		} else {
			model_delete(w->m, o->kind, o->name, &err);
			object_free(o);
		}
	}
	if (model_check(w->m, &err)) {
		model_rollback(w->m);
		return;
	}
	changes = model_changes(w->m, &n);
	compile_note(w->c, changes, n);
	model_commit(w->m);
}

static void random_path(struct world *w)
{
	int i = below(N_PATHS);
	struct underlay_path *p = &w->paths[i];

	p->resolved = below(3);
	p->mtu = below(2) ? 1500 : 9000;
	p->dst_mac = (struct weft_mac){{2, 1, 0, 0, 0, 1 + below(3)}};
	p->src_mac = (struct weft_mac){{2, 2, 0, 0, 0, 1}};
	compile_note_path(w->c, p);
}

static void random_link(struct world *w)
{
	w->link_known = true;
	w->link.mtu = below(2) ? 1500 : 1600;
	w->link.up = below(2);
	w->link.mac = (struct weft_mac){{below(3) ? 2 : 0, 0, 0, 0, 0, 0}};
	if (w->link.mac.b[0])
		w->link.mac.b[5] = below(2);
	compile_note_link(w->c, &w->link);
}

static void check_remotes(void *arg, const struct weft_addr *local, const struct weft_addr *remote)
{
	++*(size_t *)arg;
	assert_int_equal(weft_addr_is_v4(local), weft_addr_is_v4(remote));
}

static void check(struct world *w)
{
	struct oracle_underlay u = {w->paths, N_PATHS, w->link_known ? &w->link : NULL};
	struct applied full = {0}, expected = {0};
	size_t n_ops, n_remotes = 0;

	w->applied.check_order = true;
	compile_run(w->c, applied_op, &w->applied);
	compile_full(w->c, applied_op, &full);
	oracle_entries(w->m, SELF, &u, &expected);
	applied_compare(&full, "full", &expected, "oracle");
	applied_compare(&w->applied, "incremental", &expected, "oracle");
	n_ops = w->applied.n_ops;
	compile_run(w->c, applied_op, &w->applied);
	assert_int_equal(w->applied.n_ops, n_ops);
	compile_remotes(w->c, check_remotes, &n_remotes);
	if (n_remotes && w->link_known && w->link.mac.b[0])
		assert_int_equal(n_remotes, w->applied.n[WEFT_TABLE_VTEP]);
	applied_clear(&full);
	applied_clear(&expected);
}

/* Entries that only routers between segments lead to. */
static size_t count_routed(const struct applied *a, enum weft_table table)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n[table]; i++) {
		const union weft_entry *e = &a->entries[table][i];

		n += table == WEFT_TABLE_FLOOD ? e->flood.flags == WEFT_FLOOD_ACCEPT_ONLY
					       : e->route.hops[0].type == WEFT_HOP_ROUTER;
	}
	return n;
}

static void run(unsigned int seed, int rounds)
{
	struct world w = {.m = model_new()};
	size_t most[WEFT_TABLE_MAX] = {0}, n_accepts = 0, n_peerings = 0;

	srandom(seed);
	for (int i = 0; i < N_PATHS; i++) {
		char text[32];

		snprintf(text, sizeof(text), i % 2 ? "192.0.2.%d" : "2001:db8::%d", i / 2 + 1);
		assert_int_equal(weft_addr_parse(text, &w.paths[i].remote), 0);
	}
	w.c = compile_new(w.m, SELF);
	for (int round = 0; round < rounds; round++) {
		int what = below(20);

		if (what == 0)
			random_link(&w);
		else if (what <= 2)
			random_path(&w);
		else
			random_transaction(&w);
		if (below(500) == 0) { /* a restart: first run emits all */
			compile_free(w.c);
			applied_clear(&w.applied);
			w.c = compile_new(w.m, SELF);
			w.link_known = false;
			for (int i = 0; i < N_PATHS; i++)
				w.paths[i].resolved = false;
		}
		if (below(3))
			check(&w);
		for (int t = 1; t < WEFT_TABLE_MAX; t++)
			if (w.applied.n[t] > most[t])
				most[t] = w.applied.n[t];
		n_accepts += count_routed(&w.applied, WEFT_TABLE_FLOOD);
		n_peerings += count_routed(&w.applied, WEFT_TABLE_ROUTE);
	}
	check(&w);
	assert_true((n_accepts >= 20 && n_peerings >= 20) || rounds < 4000);
	for (int t = 1; t < WEFT_TABLE_MAX; t++)
		assert_true(most[t] >= 2 || rounds < 4000); /* every table is reached */
	compile_free(w.c);
	model_free(w.m);
	applied_clear(&w.applied);
}

static void test_random(void **state)
{
	const char *rounds = getenv("WEFT_TEST_ROUNDS");

	for (unsigned int seed = 1; seed <= 4; seed++)
		run(seed, rounds ? atoi(rounds) : 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
