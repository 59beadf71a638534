/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions of tenants, networks, routers, subnets, routes and names: what they become, what is
 * refused, what stays when they fail, and which sessions a change makes stale. Every commit checks
 * through the dump that what was refused has changed nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include <table/config.h>
#include <table/route.h>

#include "fixture.h"
#include "state.h"

static struct weft_addr addr(const char *text)
{
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(text, &a), 0);
	return a;
}

static struct weft_prefix prefix(const char *text)
{
	struct weft_prefix p;

	assert_int_equal(weft_prefix_parse(text, false, &p), 0);
	return p;
}

static struct weft_tenant a_tenant(uint32_t id)
{
	return (struct weft_tenant){.id = id, .max_sessions = id, .name = "test"};
}

static struct weft_network a_network(uint32_t id, uint32_t tenant)
{
	return (struct weft_network){.id = id, .tenant = tenant, .name = "test/network"};
}

static struct weft_router a_router(uint32_t id, uint32_t network)
{
	return (struct weft_router){.id = id, .network = network, .mac = a_mac(0x99)};
}

static struct weft_segment a_routed(uint32_t vni, uint32_t network, uint32_t router)
{
	struct weft_segment s = a_segment(vni);

	s.network = network;
	s.router = router;
	return s;
}

static struct weft_subnet a_subnet(uint32_t vni, const char *net, const char *gateway)
{
	return (struct weft_subnet){
		.vni = vni, .prefix = prefix(net), .gateway = addr(gateway), .lease_s = 60};
}

static struct weft_route a_route(uint32_t router, const char *net, uint8_t type, uint32_t ref)
{
	return (struct weft_route){.router = router,
		.prefix = prefix(net),
		.n_hops = 1,
		.hops = {{.type = type, .ref = ref}}};
}

static struct weft_dns a_name(uint32_t network, const char *name, const char *address)
{
	struct weft_dns d = {.network = network, .addr = addr(address)};

	strncpy(d.name, name, sizeof(d.name) - 1);
	weft_dns_hash(name, strlen(name), d.hash);
	return d;
}

static void one(enum weft_table table, enum weft_op_verb verb, const void *entry)
{
	struct txn *t = txn_new();

	assert_int_equal(txn_op(t, table, verb, entry, -1), 0);
	commit_ok(t);
	fixture_turn(1);
}

static void one_refused(enum weft_table table, enum weft_op_verb verb, const void *entry, int error,
	const char *text)
{
	struct txn *t = txn_new();

	assert_int_equal(txn_op(t, table, verb, entry, -1), 0);
	commit_refused(t, error, 0, text);
}

#define PUT(table, ...)	   one(WEFT_TABLE_##table, WEFT_OP_PUT, &__VA_ARGS__)
#define DELETE(table, ...) one(WEFT_TABLE_##table, WEFT_OP_DELETE, &__VA_ARGS__)

/* What one() takes the address of. */
#define TENANT(...)  ((struct weft_tenant[]){a_tenant(__VA_ARGS__)})[0]
#define NETWORK(...) ((struct weft_network[]){a_network(__VA_ARGS__)})[0]
#define ROUTER(...)  ((struct weft_router[]){a_router(__VA_ARGS__)})[0]
#define ROUTED(...)  ((struct weft_segment[]){a_routed(__VA_ARGS__)})[0]
#define SUBNET(...)  ((struct weft_subnet[]){a_subnet(__VA_ARGS__)})[0]
#define ROUTE(...)   ((struct weft_route[]){a_route(__VA_ARGS__)})[0]
#define NAME(...)    ((struct weft_dns[]){a_name(__VA_ARGS__)})[0]
#define PORT(...)    ((struct weft_port[]){a_port(__VA_ARGS__)})[0]
#define NEIGH(...)   ((struct weft_neigh[]){a_neigh(__VA_ARGS__)})[0]
#define FDB(...)     ((struct weft_fdb[]){a_local_fdb(__VA_ARGS__)})[0]

/* Networks 1 and 2 of tenant 1, each with router and two segments: 11, 12 and 21, 22; 30 has no
 * network. All in one transaction, in an order by seed. */
static void build(unsigned int seed)
{
	struct {
		enum weft_table table;
		const void *entry;
	} ops[] = {
		{WEFT_TABLE_SEGMENT, &ROUTED(11, 1, 1)},
		{WEFT_TABLE_SEGMENT, &ROUTED(12, 1, 1)},
		{WEFT_TABLE_SEGMENT, &ROUTED(21, 2, 2)},
		{WEFT_TABLE_SEGMENT, &ROUTED(22, 2, 0)},
		{WEFT_TABLE_SEGMENT, &ROUTED(30, 0, 0)},
		{WEFT_TABLE_ROUTE, &ROUTE(1, "10.1.0.0/24", WEFT_HOP_CONNECTED, 11)},
		{WEFT_TABLE_ROUTE, &ROUTE(1, "0.0.0.0/0", WEFT_HOP_BLACKHOLE, 0)},
		{WEFT_TABLE_ROUTE, &ROUTE(2, "fd00:2::/64", WEFT_HOP_CONNECTED, 21)},
		{WEFT_TABLE_SUBNET, &SUBNET(11, "10.1.0.0/24", "10.1.0.1")},
		{WEFT_TABLE_SUBNET, &SUBNET(11, "fd00:1::/64", "fd00:1::1")},
		{WEFT_TABLE_SUBNET, &SUBNET(21, "fd00:2::/64", "fd00:2::1")},
		{WEFT_TABLE_DNS, &NAME(1, "web.example", "10.1.0.5")},
		{WEFT_TABLE_DNS, &NAME(1, "web.example", "fd00:1::5")},
		{WEFT_TABLE_DNS, &NAME(2, "web.example", "10.1.0.5")},
		{WEFT_TABLE_ROUTER, &ROUTER(1, 1)},
		{WEFT_TABLE_ROUTER, &ROUTER(2, 2)},
		{WEFT_TABLE_NETWORK, &NETWORK(1, 1)},
		{WEFT_TABLE_NETWORK, &NETWORK(2, 1)},
		{WEFT_TABLE_TENANT, &TENANT(1)},
	};
	unsigned int n = sizeof(ops) / sizeof(ops[0]);
	struct txn *t = txn_new();

	for (; n > 0; n--) {
		unsigned int i = rand_r(&seed) % n;

		put(t, ops[i].table, ops[i].entry);
		ops[i] = ops[n - 1];
	}
	commit_ok(t);
	fixture_turn(1);
}

static const struct config_segment *segment(uint32_t vni)
{
	const struct config *cfg = config_get();

	return cfg->segments[slot_find(cfg->vni, &vni, cfg->generation)];
}

static uint32_t epoch(uint32_t vni)
{
	return config_get()->epoch[segment(vni)->slot];
}

static void test_what_it_becomes(void **state)
{
	const struct config *cfg;

	for (unsigned int seed = 1; seed <= 8; seed++) {
		const struct config_segment *s;
		struct picture p;

		build(seed);
		cfg = config_get();
		s = segment(11);
		p = picture_take();
		assert_int_equal(p.n_entries, 19);
		picture_free(&p);
		assert_true(s->stateful);
		assert_int_equal(s->n_subnets, 2);
		assert_int_equal(cfg->routers[s->router_slot]->network_slot, s->network_slot);
		assert_int_equal(cfg->networks[s->network_slot]->spec.id, 1);
		assert_int_equal(
			cfg->tenants[cfg->networks[s->network_slot]->tenant_slot]->spec.id, 1);
		assert_false(segment(22)->stateful); /* neither router nor policy */
		assert_false(segment(30)->stateful);
		assert_int_equal(epoch(30), 0);
		fixture_teardown(NULL);
		fixture_setup(NULL);
	}
}

static void test_routes_are_found(void **state)
{
	struct route_result r;
	struct weft_addr to = addr("10.1.0.9"), beside = addr("10.2.0.9"), v6 = addr("fd00:2::9");

	build(1);
	route_find(config_get(), segment(11)->router_slot, &to, 1, &r);
	assert_int_equal(r.drop, 0);
	assert_int_equal(r.segment, segment(11)->slot);
	route_find(config_get(), segment(11)->router_slot, &beside, 1, &r);
	assert_int_equal(r.drop, WEFT_DROP_BLACKHOLE);
	route_find(config_get(), segment(11)->router_slot, &v6, 1, &r);
	assert_int_equal(r.drop, WEFT_DROP_NO_ROUTE);
	PUT(ROUTE, ROUTE(1, "fd00:2::/64", WEFT_HOP_ROUTER, 2));
	route_find(config_get(), segment(11)->router_slot, &v6, 1, &r);
	assert_int_equal(r.segment, segment(21)->slot);
	DELETE(ROUTE, ROUTE(1, "0.0.0.0/0", WEFT_HOP_BLACKHOLE, 0));
	route_find(config_get(), segment(11)->router_slot, &beside, 1, &r);
	assert_int_equal(r.drop, WEFT_DROP_NO_ROUTE);
}

static void test_missing_references(void **state)
{
	build(1);
	one_refused(WEFT_TABLE_NETWORK, WEFT_OP_PUT, &NETWORK(3, 9), ENOENT, "no tenant 9");
	one_refused(WEFT_TABLE_ROUTER, WEFT_OP_PUT, &ROUTER(3, 9), ENOENT, "no network 9");
	one_refused(WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &ROUTED(40, 9, 0), ENOENT, "no network 9");
	one_refused(WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &ROUTED(40, 1, 9), ENOENT, "no router 9");
	one_refused(WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &ROUTED(40, 1, 2), EINVAL, "another network");
	one_refused(WEFT_TABLE_SUBNET, WEFT_OP_PUT, &SUBNET(40, "10.0.0.0/24", "10.0.0.1"), ENOENT,
		"no segment 40");
	one_refused(WEFT_TABLE_ROUTE, WEFT_OP_PUT, &ROUTE(9, "10.0.0.0/8", WEFT_HOP_BLACKHOLE, 0),
		ENOENT, "no router 9");
	one_refused(WEFT_TABLE_ROUTE, WEFT_OP_PUT, &ROUTE(1, "10.0.0.0/8", WEFT_HOP_CONNECTED, 40),
		ENOENT, "no segment 40");
	one_refused(WEFT_TABLE_ROUTE, WEFT_OP_PUT, &ROUTE(1, "10.0.0.0/8", WEFT_HOP_CONNECTED, 21),
		EINVAL, "segment 21 is not of the router's network");
	one_refused(WEFT_TABLE_ROUTE, WEFT_OP_PUT, &ROUTE(1, "10.0.0.0/8", WEFT_HOP_CONNECTED, 30),
		EINVAL, "segment 30 is not of the router's network");
	one_refused(WEFT_TABLE_ROUTE, WEFT_OP_PUT, &ROUTE(1, "10.0.0.0/8", WEFT_HOP_ROUTER, 9),
		ENOENT, "no router 9");
	one_refused(WEFT_TABLE_DNS, WEFT_OP_PUT, &NAME(9, "x", "10.0.0.1"), ENOENT, "no network 9");
}

static void test_still_referred_to(void **state)
{
	build(1);
	one_refused(WEFT_TABLE_TENANT, WEFT_OP_DELETE, &TENANT(1), EBUSY, "networks still");
	one_refused(WEFT_TABLE_NETWORK, WEFT_OP_DELETE, &NETWORK(1, 1), EBUSY, "segments still");
	one_refused(WEFT_TABLE_ROUTER, WEFT_OP_DELETE, &ROUTER(1, 1), EBUSY, "segments still");
	PUT(SEGMENT, ROUTED(11, 1, 0));
	PUT(SEGMENT, ROUTED(12, 1, 0));
	one_refused(WEFT_TABLE_ROUTER, WEFT_OP_DELETE, &ROUTER(1, 1), EBUSY, "routes still");
	one_refused(WEFT_TABLE_SEGMENT, WEFT_OP_DELETE, &ROUTED(11, 1, 0), EBUSY, "2 subnets");
	DELETE(SUBNET, SUBNET(11, "10.1.0.0/24", "10.1.0.1"));
	DELETE(SUBNET, SUBNET(11, "fd00:1::/64", "fd00:1::1"));
	one_refused(WEFT_TABLE_SEGMENT, WEFT_OP_DELETE, &ROUTED(11, 1, 0), EBUSY, "1 routes");
	DELETE(ROUTE, ROUTE(1, "10.1.0.0/24", WEFT_HOP_CONNECTED, 11));
	DELETE(ROUTE, ROUTE(1, "0.0.0.0/0", WEFT_HOP_BLACKHOLE, 0));
	DELETE(ROUTER, ROUTER(1, 1));
	DELETE(SEGMENT, ROUTED(11, 1, 0));
	DELETE(SEGMENT, ROUTED(12, 1, 0));
	one_refused(WEFT_TABLE_NETWORK, WEFT_OP_DELETE, &NETWORK(1, 1), EBUSY, "DNS names still");
	DELETE(DNS, NAME(1, "web.example", "10.1.0.5"));
	DELETE(DNS, NAME(1, "web.example", "fd00:1::5"));
	DELETE(NETWORK, NETWORK(1, 1));
}

/* Deleting what is not there is no error. */
static void test_absent(void **state)
{
	DELETE(TENANT, TENANT(7));
	DELETE(NETWORK, NETWORK(7, 7));
	DELETE(ROUTER, ROUTER(7, 7));
	DELETE(SUBNET, SUBNET(7, "10.0.0.0/24", "10.0.0.1"));
	DELETE(ROUTE, ROUTE(7, "10.0.0.0/24", WEFT_HOP_BLACKHOLE, 0));
	DELETE(DNS, NAME(7, "x", "10.0.0.1"));
}

/* What is replaced keeps its slot, and what goes gives it back. */
static void test_slots_and_replacement(void **state)
{
	uint32_t free_networks, free_routers;
	uint16_t slot;

	build(1);
	slot = segment(11)->network_slot;
	free_networks = channel.networks.pool.n_free;
	free_routers = channel.routers.pool.n_free;
	for (uint32_t id = 100; id < 120; id++) {
		PUT(NETWORK, NETWORK(1, 1));
		PUT(ROUTER, ROUTER(id, 1));
		assert_int_equal(channel.routers.pool.n_free, free_routers - 1);
		DELETE(ROUTER, ROUTER(id, 1));
		assert_int_equal(channel.routers.pool.n_free, free_routers);
	}
	assert_int_equal(segment(11)->network_slot, slot);
	assert_int_equal(channel.networks.pool.n_free, free_networks);
	PUT(SUBNET, SUBNET(11, "10.1.0.0/24", "10.1.0.2"));
	assert_int_equal(segment(11)->n_subnets, 2);
}

/* Which networks have their sessions judged again by what. */
static void expect_stale(bool first, bool second)
{
	uint32_t now = config_get()->generation;

	assert_int_equal(epoch(11) == now, first);
	assert_int_equal(epoch(12) == now, first);
	assert_int_equal(epoch(21) == now, second);
	assert_int_equal(epoch(22) == now, second);
}

static void test_epochs(void **state)
{
	build(1);
	expect_stale(true, true);
	PUT(TENANT, TENANT(1));
	expect_stale(false, false);
	PUT(PORT, PORT(1, 11)); /* one that comes matters to nobody */
	PUT(FDB, FDB(11, 1, 1));
	PUT(NEIGH, NEIGH(11, "10.1.0.5", 1));
	expect_stale(false, false);
	PUT(NEIGH, NEIGH(11, "10.1.0.5", 2)); /* one that changes does */
	expect_stale(true, false);
	DELETE(NEIGH, NEIGH(11, "10.1.0.5", 2));
	expect_stale(true, false);
	PUT(SUBNET, SUBNET(11, "10.1.0.0/24", "10.1.0.3"));
	expect_stale(false, false);
	PUT(ROUTE, ROUTE(2, "10.0.0.0/8", WEFT_HOP_BLACKHOLE, 0));
	expect_stale(false, true);
	DELETE(ROUTE, ROUTE(2, "10.0.0.0/8", WEFT_HOP_BLACKHOLE, 0));
	expect_stale(false, true);
	PUT(NETWORK, NETWORK(2, 1));
	expect_stale(false, true);
	PUT(ROUTER, ROUTER(1, 1));
	expect_stale(true, false);
	DELETE(FDB, FDB(11, 1, 1));
	expect_stale(true, false);
	DELETE(PORT, PORT(1, 11));
	expect_stale(true, false);
	assert_int_equal(epoch(30), 0);
}

static void test_epochs_of_peers(void **state)
{
	build(1);
	PUT(ROUTE, ROUTE(1, "fd00:2::/64", WEFT_HOP_ROUTER, 2));
	expect_stale(true, true);
	PUT(NEIGH, NEIGH(21, "fd00:2::5", 1));
	expect_stale(false, false);
	PUT(NEIGH, NEIGH(21, "fd00:2::5", 2));
	expect_stale(true, true);
	PUT(NETWORK, NETWORK(2, 1)); /* still joined */
	PUT(NEIGH, NEIGH(11, "10.1.0.5", 1));
	PUT(NEIGH, NEIGH(11, "10.1.0.5", 2));
	expect_stale(true, true);
}

static void test_stateful_by_policy(void **state)
{
	struct weft_port p = a_port(1, 22);

	build(1);
	PUT(PORT, p);
	assert_false(segment(22)->stateful);
	p.flags |= WEFT_PORT_DEFAULT_DENY;
	PUT(PORT, p);
	assert_true(segment(22)->stateful);
	assert_int_equal(epoch(22), (uint32_t)config_get()->generation);
	DELETE(PORT, p);
	assert_false(segment(22)->stateful);
}

static void test_flood_lists(void **state)
{
	struct weft_flood f = a_flood(100, "192.0.2.2");

	build_example();
	assert_int_equal(segment(100)->n_vteps, 2);
	assert_int_equal(segment(100)->n_flood_vteps, 2);
	f.flags = WEFT_FLOOD_ACCEPT_ONLY;
	PUT(FLOOD, f);
	assert_int_equal(segment(100)->n_vteps, 2);
	assert_int_equal(segment(100)->n_flood_vteps, 1);
	f.flags = 0;
	PUT(FLOOD, f);
	assert_int_equal(segment(100)->n_flood_vteps, 2);
	f.flags = WEFT_FLOOD_ACCEPT_ONLY;
	PUT(FLOOD, f);
	DELETE(FLOOD, f);
	assert_int_equal(segment(100)->n_vteps, 1);
	assert_int_equal(segment(100)->n_flood_vteps, 1);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_what_it_becomes),
		TEST(test_routes_are_found),
		TEST(test_missing_references),
		TEST(test_still_referred_to),
		TEST(test_absent),
		TEST(test_slots_and_replacement),
		TEST(test_epochs),
		TEST(test_epochs_of_peers),
		TEST(test_stateful_by_policy),
		TEST(test_flood_lists),
	};

	fixture_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
