/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest prefix match over the hash of all routes: the lengths that a router uses are looked up
 * together in small groups, longest first, so that their cache misses overlap. Called by the
 * pipeline once per session; writes nothing but its result.
 */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include <table/route.h>

#define ROUTE_GROUP 8 /* lengths that are looked up at once */
#define V4_LEN_MIN  96

/* The lengths of the destination's family that are left to try, from long to short. */
struct route_lens {
	const uint64_t *bits;
	int next;
	int min;
};

/* The next length in use, or -1. */
static int route_next_len(struct route_lens *l)
{
	while (l->next >= l->min) {
		int word = l->next / 64, shift = 63 - l->next % 64;
		uint64_t left = l->bits[word] << shift;

		if (left) {
			int len = l->next - __builtin_clzll(left);

			l->next = len - 1;
			return len >= l->min ? len : -1;
		}
		l->next = word * 64 - 1;
	}
	return -1;
}

static void route_cut(struct weft_addr *a, unsigned int len)
{
	uint64_t half[2];

	memcpy(half, a, sizeof(half));
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int keep = len > i * 64 ? RTE_MIN(len - i * 64, 64u) : 0;

		half[i] &= keep ? rte_cpu_to_be_64(UINT64_MAX << (64 - keep)) : 0;
	}
	memcpy(a, half, sizeof(half));
}

static const struct route_entry *route_match(
	const struct config *cfg, const struct config_router *router, const struct weft_addr *dst)
{
	struct route_lens lens = {
		.bits = router->lens, .next = 128, .min = weft_addr_is_v4(dst) ? V4_LEN_MIN : 0};
	struct route_key keys[ROUTE_GROUP];
	const void *key_ptrs[ROUTE_GROUP];
	struct vhash_entry *found[ROUTE_GROUP];
	unsigned int n;

	do {
		int len;

		for (n = 0; n < ROUTE_GROUP && (len = route_next_len(&lens)) >= 0; n++) {
			keys[n] = (struct route_key){
				.router_slot = router->slot, .len = len, .prefix = *dst};
			route_cut(&keys[n].prefix, len);
			key_ptrs[n] = &keys[n];
		}
		if (n == 1)
			return (const struct route_entry *)vhash_find(
				cfg->routes, &keys[0], cfg->generation);
		if (n && vhash_find_bulk(cfg->routes, key_ptrs, n, cfg->generation, found)) {
			for (unsigned int i = 0; i < n; i++) {
				if (found[i])
					return (const struct route_entry *)found[i];
			}
		}
	} while (n == ROUTE_GROUP);
	return NULL;
}

static uint64_t route_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 r =
		(unsigned __int128)(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xd1b54a32d192ed03);

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* The hop with the highest weight for this flow (rendezvous hashing): a hop that comes or goes
 * moves only the flows that it gets or had. What a hop is goes into its weight, so that the choices
 * of routers in a row do not depend on each other. */
static const struct route_hop *route_choose(const struct route_entry *e, uint32_t hash)
{
	const struct route_hop *best = &e->hops[0];
	uint64_t best_weight = 0;

	if (e->n_hops == 1)
		return best;
	for (unsigned int i = 0; i < e->n_hops; i++) {
		const struct route_hop *h = &e->hops[i];
		uint64_t via[2], weight;

		memcpy(via, &h->via, sizeof(via));
		weight = route_mix(via[0] ^ h->slot, via[1] ^ h->type);
		weight = route_mix(weight, hash);
		if (weight > best_weight) {
			best_weight = weight;
			best = h;
		}
	}
	return best;
}

static bool route_none(struct route_result *ret)
{
	ret->drop = WEFT_DROP_NO_ROUTE;
	ret->unreachable = true;
	return true;
}

/* Onto a segment. One that is gone, or has become another network's, makes the route useless. */
static bool route_arrive(const struct config *cfg, const struct route_hop *hop,
	const struct weft_addr *neighbour, struct route_result *ret)
{
	const struct config_segment *seg = cfg->segments[hop->slot];

	if (!seg || seg->network_slot != cfg->routers[ret->by_router]->network_slot)
		return route_none(ret);
	ret->segment = hop->slot;
	ret->router = seg->router_slot ? seg->router_slot : ret->by_router;
	ret->neighbour = *neighbour;
	return true;
}

/* What router *slot says. False: the router that is *slot now goes on, else ret is complete. */
static bool route_step(const struct config *cfg, uint16_t *slot, const struct weft_addr *dst,
	uint32_t hash, struct route_result *ret)
{
	const struct config_router *router = cfg->routers[*slot];
	const struct route_entry *e = router ? route_match(cfg, router, dst) : NULL;
	const struct route_hop *hop;

	ret->by_router = *slot;
	ret->prefix_len = 0;
	if (!e || e->n_hops == 0)
		return route_none(ret);
	hop = route_choose(e, hash);
	ret->prefix_len = ((const struct route_key *)e->v.key)->len;
	switch ((enum weft_hop_type)hop->type) {
	case WEFT_HOP_CONNECTED:
		return route_arrive(cfg, hop, dst, ret);
	case WEFT_HOP_VIA:
		return route_arrive(cfg, hop, &hop->via, ret);
	case WEFT_HOP_ROUTER:
		*slot = hop->slot;
		return false;
	case WEFT_HOP_BLACKHOLE:
	case WEFT_HOP_UNREACHABLE:
		ret->drop = WEFT_DROP_BLACKHOLE;
		ret->unreachable = hop->type == WEFT_HOP_UNREACHABLE;
		return true;
	}
	return route_none(ret);
}

void route_find(const struct config *cfg, uint16_t router_slot, const struct weft_addr *dst,
	uint32_t hash, struct route_result *ret)
{
	uint16_t slot = router_slot;

	*ret = (struct route_result){0};
	for (unsigned int peers = 0; peers <= ROUTE_PEERS_MAX; peers++) {
		if (route_step(cfg, &slot, dst, hash, ret))
			return;
	}
	ret->drop = WEFT_DROP_ROUTE_LOOP;
	ret->unreachable = true;
}
