/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest prefix match at a million routes over 1,000 routers, by the number of prefix lengths that
 * each router has in use: what a new session pays.
 */
#include <stdlib.h>

#include <table/route.h>

#include "bench.h"

#define ROUTES	1000000u
#define ROUTERS 1000u
#define SPREAD	65536u

struct routes {
	struct config *cfg;
	struct config_router routers[ROUTERS + 1];
	struct config_segment segment;
	struct weft_addr dst[SPREAD];
	uint16_t router[SPREAD];
	uint64_t sink;
};

static uint64_t run_find(void *arg, uint64_t n)
{
	struct routes *r = arg;
	struct route_result result;
	static uint32_t at;

	for (uint64_t done = 0; done < n; done++) {
		uint32_t i = at++ % SPREAD;

		route_find(r->cfg, r->router[i], &r->dst[i], i, &result);
		r->sink += result.segment + result.prefix_len;
	}
	return n;
}

static struct weft_addr addr_of(uint32_t v4)
{
	uint8_t b[4] = {v4 >> 24, v4 >> 16, v4 >> 8, v4};

	return weft_addr_from_v4(b);
}

static void put(struct routes *r, uint16_t router, uint32_t v4, unsigned int len)
{
	struct route_key key = {.router_slot = router,
		.len = 96 + len,
		.prefix = addr_of(len ? v4 & UINT32_MAX << (32 - len) : 0)};
	struct route_entry *e = (struct route_entry *)vhash_put(r->cfg->routes, &key, 1);

	if (!e)
		abort();
	e->n_hops = 1;
	e->hops[0] = (struct route_hop){.type = WEFT_HOP_CONNECTED, .slot = 1};
	r->routers[router].lens[key.len / 64] |= 1ull << key.len % 64;
}

/* The shortest lengths have few prefixes: routes of equal prefix are one. */
static void fill(struct routes *r, unsigned int longest, unsigned int n_lens)
{
	for (uint32_t i = 0; i < ROUTES; i++) {
		uint32_t at = i * 0x9e3779b1u;
		uint16_t router = 1 + i % ROUTERS;

		put(r, router, at, longest - i / ROUTERS % n_lens);
		if (i % (ROUTES / SPREAD) == 0 && i / (ROUTES / SPREAD) < SPREAD) {
			r->dst[i / (ROUTES / SPREAD)] = addr_of(at);
			r->router[i / (ROUTES / SPREAD)] = router;
		}
	}
	vhash_commit(r->cfg->routes, 1);
}

static void bench_lens(const char *name, unsigned int longest, unsigned int n_lens)
{
	struct routes *r = calloc(1, sizeof(*r));

	if (!r || !(r->cfg = calloc(1, sizeof(*r->cfg))))
		abort();
	r->cfg->generation = 1;
	r->cfg->routes = vhash_new(
		"bench", sizeof(struct route_key), sizeof(struct route_entry), WEFT_MAX_ROUTES);
	if (!r->cfg->routes)
		abort();
	r->cfg->segments[1] = &r->segment;
	for (unsigned int i = 1; i <= ROUTERS; i++) {
		r->routers[i].slot = i;
		r->cfg->routers[i] = &r->routers[i];
	}
	fill(r, longest, n_lens);
	bench_report_of(
		name, vhash_count(r->cfg->routes), "routes", "lookup", bench_cycles(run_find, r));
	vhash_free(r->cfg->routes);
	free(r->cfg);
	free(r);
}

void bench_routes(void)
{
	bench_lens("route, 1 length in use", 24, 1);
	bench_lens("route, 8 lengths in use", 28, 8);
	bench_lens("route, 33 lengths in use", 32, 33);
}
