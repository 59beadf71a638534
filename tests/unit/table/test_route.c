/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes: random ones of all lengths in many routers against a naive oracle, next hops of every
 * kind, how flows spread over several hops, peers and circles, memory at a million routes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/rcu.h>
#include <table/route.h>

#define N_ROUTERS 8
#define N_ROUTES  1500
#define SEGMENTS  16 /* slots 1.. of segments that are there; 17 is not */

static struct config *cfg;
static struct config_router *routers;
static struct config_segment segments[SEGMENTS + 1];

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % n;
}

static int setup(void **state)
{
	assert_int_equal(rcu_init(0), 0);
	cfg = calloc(1, sizeof(*cfg));
	routers = calloc(WEFT_MAX_ROUTERS, sizeof(*routers));
	assert_true(cfg && routers);
	cfg->generation = 1;
	cfg->routes = vhash_new(
		"routes", sizeof(struct route_key), sizeof(struct route_entry), WEFT_MAX_ROUTES);
	assert_non_null(cfg->routes);
	for (unsigned int i = 1; i < WEFT_MAX_ROUTERS; i++) {
		routers[i].slot = i;
		cfg->routers[i] = &routers[i];
	}
	for (unsigned int i = 1; i <= SEGMENTS; i++) {
		segments[i] = (struct config_segment){.slot = i, .router_slot = i % 3};
		cfg->segments[i] = &segments[i];
	}
	return 0;
}

static int teardown(void **state)
{
	vhash_free(cfg->routes);
	free(cfg);
	free(routers);
	rcu_fini();
	return 0;
}

static struct weft_addr addr_of(const char *text)
{
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(text, &a), 0);
	return a;
}

static struct weft_prefix prefix_of(const char *text)
{
	struct weft_prefix p;

	assert_int_equal(weft_prefix_parse(text, false, &p), 0);
	return p;
}

/* As the writer of the table does it. */
static struct route_entry *put(uint16_t router, const struct weft_prefix *p)
{
	struct route_key key = {.router_slot = router, .len = p->len, .prefix = p->addr};
	struct route_entry *e = (struct route_entry *)vhash_put(cfg->routes, &key, cfg->generation);

	assert_non_null(e);
	routers[router].lens[p->len / 64] |= 1ull << p->len % 64;
	return e;
}

static void put_hop(struct route_entry *e, uint8_t type, uint16_t slot, const char *via)
{
	struct route_hop *h = &e->hops[e->n_hops++];

	*h = (struct route_hop){.type = type, .slot = slot};
	if (via)
		h->via = addr_of(via);
}

static void put_route(
	uint16_t router, const char *prefix, uint8_t type, uint16_t slot, const char *via)
{
	struct weft_prefix p = prefix_of(prefix);

	put_hop(put(router, &p), type, slot, via);
}

static struct route_result find(uint16_t router, const char *dst, uint32_t hash)
{
	struct weft_addr a = addr_of(dst);
	struct route_result r;

	memset(&r, 0xee, sizeof(r));
	route_find(cfg, router, &a, hash, &r);
	return r;
}

struct naive_route {
	struct weft_prefix prefix;
	uint16_t router;
	bool gone;
};

static struct naive_route naive[N_ROUTES];

/* Few bits vary, at all places, so that prefixes contain each other. */
static struct weft_addr random_addr(bool v4)
{
	struct weft_addr a = {.b = {[10] = v4 ? 0xff : 0, [11] = v4 ? 0xff : 0}};

	for (unsigned int i = v4 ? 12 : 0; i < 16; i++)
		a.b[i] = random_below(4) ? 0 : 1 << random_below(8);
	if (!v4)
		a.b[0] |= 0x20;
	return a;
}

static struct weft_prefix random_prefix(void)
{
	bool v4 = random_below(2);
	struct weft_prefix p = {
		.addr = random_addr(v4), .len = v4 ? 96 + random_below(33) : random_below(129)};

	for (unsigned int bit = p.len; bit < 128; bit++)
		p.addr.b[bit / 8] &= ~(0x80 >> bit % 8);
	return p;
}

static bool is_v4_prefix(const struct weft_prefix *p)
{
	return p->len >= 96 && weft_addr_is_v4(&p->addr);
}

static const struct naive_route *naive_find(uint16_t router, const struct weft_addr *dst)
{
	const struct naive_route *best = NULL;

	for (unsigned int i = 0; i < N_ROUTES; i++) {
		const struct naive_route *n = &naive[i];

		if (n->gone || n->router != router ||
			is_v4_prefix(&n->prefix) != weft_addr_is_v4(dst))
			continue;
		if (weft_prefix_contains(&n->prefix, dst) &&
			(!best || n->prefix.len > best->prefix.len))
			best = n;
	}
	return best;
}

static bool naive_has(uint16_t router, const struct weft_prefix *p)
{
	for (unsigned int i = 0; i < N_ROUTES; i++) {
		if (!naive[i].gone && naive[i].router == router && naive[i].prefix.len == p->len &&
			weft_addr_equal(&naive[i].prefix.addr, &p->addr))
			return true;
	}
	return false;
}

static void check_one(uint16_t router, const struct weft_addr *dst)
{
	const struct naive_route *want = naive_find(router, dst);
	struct route_result r;

	route_find(cfg, router, dst, random_below(1u << 31), &r);
	if (!want) {
		assert_int_equal(r.drop, WEFT_DROP_NO_ROUTE);
		assert_true(r.unreachable);
		return;
	}
	assert_int_equal(r.drop, 0);
	assert_int_equal(r.prefix_len, want->prefix.len);
	assert_int_equal(r.by_router, router);
	assert_int_equal(r.segment, 1 + (want - naive) % SEGMENTS);
	assert_int_equal(r.router, r.segment % 3 ? r.segment % 3 : router);
	assert_memory_equal(&r.neighbour, dst, sizeof(*dst));
}

static void check_many(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct naive_route *near = &naive[random_below(N_ROUTES)];
		struct weft_addr dst = random_addr(random_below(2));

		if (random_below(2)) { /* inside of some prefix, or just beside it */
			dst = near->prefix.addr;
			for (unsigned int k = 0; k < 3; k++)
				dst.b[15 - random_below(weft_addr_is_v4(&dst) ? 4 : 14)] ^=
					1 << random_below(8);
		}
		check_one(1 + random_below(N_ROUTERS), &dst);
	}
}

static void test_random(void **state)
{
	for (unsigned int i = 0; i < N_ROUTES; i++) {
		naive[i].gone = true;
		naive[i].prefix = random_prefix();
		naive[i].router = 1 + random_below(N_ROUTERS - 1); /* the last one has none */
		if (naive_has(naive[i].router, &naive[i].prefix))
			continue;
		naive[i].gone = false;
		put_hop(put(naive[i].router, &naive[i].prefix), WEFT_HOP_CONNECTED,
			1 + i % SEGMENTS, NULL);
	}
	check_many(40000);
	vhash_commit(cfg->routes, cfg->generation++);
	for (unsigned int i = 0; i < N_ROUTES; i++) {
		struct route_key key = {.router_slot = naive[i].router,
			.len = naive[i].prefix.len,
			.prefix = naive[i].prefix.addr};

		if (naive[i].gone || random_below(2))
			continue;
		assert_true(vhash_delete(cfg->routes, &key, cfg->generation));
		naive[i].gone = true;
	}
	check_many(40000);
}

/* Every length of both families in one router. */
static void test_all_lengths(void **state)
{
	struct weft_addr v4 = addr_of("255.255.255.255"), v6;
	struct weft_prefix p;

	memset(&v6, 0xff, sizeof(v6));
	for (unsigned int len = 0; len <= 128; len++) {
		for (int is_v4 = 0; is_v4 <= (len >= 96); is_v4++) {
			p = (struct weft_prefix){.addr = is_v4 ? v4 : v6, .len = len};
			for (unsigned int bit = len; bit < 128; bit++)
				p.addr.b[bit / 8] &= ~(0x80 >> bit % 8);
			put_hop(put(1, &p), WEFT_HOP_CONNECTED, 1 + len % SEGMENTS, NULL);
		}
	}
	for (int is_v4 = 0; is_v4 < 2; is_v4++) {
		for (unsigned int len = is_v4 ? 96 : 0; len <= 128; len++) {
			struct weft_addr dst = is_v4 ? v4 : v6;
			struct route_result r;

			if (len < 128)
				dst.b[len / 8] ^= 0x80 >> len % 8;
			route_find(cfg, 1, &dst, 1, &r);
			assert_int_equal(r.drop, 0);
			assert_int_equal(r.prefix_len, len);
		}
	}
}

static void test_hops(void **state)
{
	struct route_result r;
	struct weft_addr via = addr_of("10.0.0.9");

	put_route(1, "10.0.0.0/24", WEFT_HOP_CONNECTED, 4, NULL);
	put_route(1, "0.0.0.0/0", WEFT_HOP_VIA, 5, "10.0.0.9");
	put_route(1, "10.9.0.0/16", WEFT_HOP_BLACKHOLE, 0, NULL);
	put_route(1, "10.8.0.0/16", WEFT_HOP_UNREACHABLE, 0, NULL);
	put_route(1, "10.7.0.0/16", WEFT_HOP_CONNECTED, SEGMENTS + 1, NULL);
	put_route(1, "10.6.0.0/16", WEFT_HOP_ROUTER, 0, NULL);

	r = find(1, "10.0.0.7", 1);
	assert_int_equal(r.drop, 0);
	assert_int_equal(r.segment, 4);
	assert_int_equal(r.router, 1);
	assert_int_equal(r.neighbour.b[15], 7);
	assert_int_equal(r.prefix_len, 120);
	r = find(1, "192.0.2.1", 1);
	assert_int_equal(r.drop, 0);
	assert_int_equal(r.segment, 5);
	assert_int_equal(r.router, 2);
	assert_true(weft_addr_equal(&r.neighbour, &via));
	assert_int_equal(r.prefix_len, 96);
	r = find(1, "10.9.1.1", 1);
	assert_int_equal(r.drop, WEFT_DROP_BLACKHOLE);
	assert_false(r.unreachable);
	r = find(1, "10.8.1.1", 1);
	assert_int_equal(r.drop, WEFT_DROP_BLACKHOLE);
	assert_true(r.unreachable);
	r = find(1, "10.7.1.1", 1); /* its segment is not here */
	assert_int_equal(r.drop, WEFT_DROP_NO_ROUTE);
	segments[4].network_slot = 1; /* its VNI became another network's */
	assert_int_equal(find(1, "10.0.0.7", 1).drop, WEFT_DROP_NO_ROUTE);
	segments[4].network_slot = 0;
	r = find(1, "10.6.1.1", 1); /* nor that router */
	assert_int_equal(r.drop, WEFT_DROP_NO_ROUTE);
	r = find(1, "fd00::1", 1); /* an IPv4 default route is none for IPv6 */
	assert_int_equal(r.drop, WEFT_DROP_NO_ROUTE);
	assert_true(r.unreachable);
	put_route(1, "::/0", WEFT_HOP_CONNECTED, 4, NULL);
	assert_int_equal(find(1, "fd00::1", 1).prefix_len, 0);
	r = find(2, "10.0.0.7", 1);
	assert_int_equal(r.drop, WEFT_DROP_NO_ROUTE);
	assert_int_equal(r.by_router, 2);
	assert_int_equal(r.prefix_len, 0);
}

static void test_same_address_in_two_routers(void **state)
{
	put_route(1, "10.0.0.0/24", WEFT_HOP_CONNECTED, 1, NULL);
	put_route(2, "10.0.0.0/24", WEFT_HOP_CONNECTED, 2, NULL);
	assert_int_equal(find(1, "10.0.0.1", 1).segment, 1);
	assert_int_equal(find(2, "10.0.0.1", 1).segment, 2);
}

static void test_peers(void **state)
{
	unsigned int last = 1 + ROUTE_PEERS_MAX;
	struct route_result r;

	for (unsigned int i = 1; i < last; i++)
		put_route(i, "10.0.0.0/8", WEFT_HOP_ROUTER, i + 1, NULL);
	put_route(last, "10.0.0.0/24", WEFT_HOP_CONNECTED, 3, NULL);
	r = find(1, "10.0.0.1", 1);
	assert_int_equal(r.drop, 0);
	assert_int_equal(r.segment, 3);
	assert_int_equal(r.by_router, last);
	assert_int_equal(r.router, last); /* the segment names none */
	assert_int_equal(r.prefix_len, 120);
	assert_int_equal(find(1, "10.0.1.1", 1).drop, WEFT_DROP_NO_ROUTE);

	put_route(100, "10.0.0.0/8", WEFT_HOP_ROUTER, 1, NULL); /* one more */
	assert_int_equal(find(100, "10.0.0.1", 1).drop, WEFT_DROP_ROUTE_LOOP);
	put_route(200, "10.0.0.0/8", WEFT_HOP_ROUTER, 201, NULL);
	put_route(201, "10.0.0.0/8", WEFT_HOP_ROUTER, 200, NULL);
	put_route(202, "10.0.0.0/8", WEFT_HOP_ROUTER, 202, NULL);
	r = find(200, "10.0.0.1", 1);
	assert_int_equal(r.drop, WEFT_DROP_ROUTE_LOOP);
	assert_true(r.unreachable);
	assert_int_equal(find(202, "10.0.0.1", 1).drop, WEFT_DROP_ROUTE_LOOP);
}

#define FLOWS 40000

static uint32_t flow_hash(unsigned int i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	return z ^ z >> 32;
}

static void check_spread(const unsigned int *n, unsigned int hops)
{
	for (unsigned int i = 0; i < hops; i++)
		assert_in_range(n[i], FLOWS / hops * 0.93, FLOWS / hops * 1.07);
}

static void test_spread(void **state)
{
	static uint8_t before[FLOWS];
	struct weft_prefix p = prefix_of("0.0.0.0/0");
	struct route_entry *e = put(1, &p);

	for (unsigned int hops = 1; hops <= WEFT_ROUTE_HOPS; hops++) {
		unsigned int n[WEFT_ROUTE_HOPS] = {0}, moved = 0;
		char via[32];

		snprintf(via, sizeof(via), "10.0.0.%u", hops - 1);
		put_hop(e, WEFT_HOP_VIA, 1, via);
		for (unsigned int i = 0; i < FLOWS; i++) {
			struct route_result r = find(1, "192.0.2.1", flow_hash(i));
			uint8_t hop = r.neighbour.b[15];

			n[hop]++;
			assert_int_equal(hop, find(1, "192.0.2.9", flow_hash(i)).neighbour.b[15]);
			if (hops > 1 && hop != before[i]) {
				assert_int_equal(hop, hops - 1); /* only to the new one */
				moved++;
			}
			before[i] = hop;
		}
		check_spread(n, hops);
		assert_int_equal(moved, hops > 1 ? n[hops - 1] : 0);
	}
}

/* What one router chose must not decide what the next one does. */
static void test_spread_in_a_row(void **state)
{
	struct weft_prefix p = prefix_of("0.0.0.0/0");
	unsigned int n[4] = {0};
	struct route_entry *e = put(1, &p);

	put_hop(e, WEFT_HOP_ROUTER, 2, NULL);
	put_hop(e, WEFT_HOP_ROUTER, 3, NULL);
	for (uint16_t router = 2; router <= 3; router++) {
		e = put(router, &p);
		put_hop(e, WEFT_HOP_VIA, router, "10.0.0.1");
		put_hop(e, WEFT_HOP_VIA, router, "10.0.0.2");
	}
	for (unsigned int i = 0; i < FLOWS; i++) {
		struct route_result r = find(1, "192.0.2.1", flow_hash(i));

		n[(r.segment - 2) * 2 + r.neighbour.b[15] - 1]++;
	}
	check_spread(n, 4);
}

#define MANY 1000000u

static uint64_t bytes_of(unsigned int n_routers)
{
	uint64_t bytes;

	for (uint32_t i = 0; i < MANY; i++) {
		uint8_t v4[4] = {10, i >> 16, i >> 8, i};
		struct weft_prefix p = {.addr = weft_addr_from_v4(v4), .len = 128};

		put_hop(put(1 + i % n_routers, &p), WEFT_HOP_CONNECTED, 1 + i % SEGMENTS, NULL);
	}
	vhash_commit(cfg->routes, cfg->generation);
	for (uint32_t i = 0; i < MANY; i += 997) {
		uint8_t v4[4] = {10, i >> 16, i >> 8, i};
		struct weft_addr dst = weft_addr_from_v4(v4);
		struct route_result r;

		route_find(cfg, 1 + i % n_routers, &dst, 1, &r);
		assert_int_equal(r.segment, 1 + i % SEGMENTS);
	}
	bytes = vhash_bytes(cfg->routes);
	vhash_free(cfg->routes);
	cfg->routes = vhash_new(
		"routes", sizeof(struct route_key), sizeof(struct route_entry), WEFT_MAX_ROUTES);
	return bytes;
}

static void test_a_million(void **state)
{
	uint64_t one = bytes_of(1), many = bytes_of(1000);

	print_message("%u routes: %.0f bytes each in 1000 routers, %.0f in one; %zu per router\n",
		MANY, (double)many / MANY, (double)one / MANY, sizeof(struct config_router));
	assert_true(many < 300ull * MANY);
	assert_true(many <= one + one / 100);
	assert_true(sizeof(struct config_router) <= 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_address_in_two_routers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spread_in_a_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_million, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
