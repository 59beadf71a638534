/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "random.h"

static uint32_t low_word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return ntohl(v);
}

static uint32_t sum32(uint32_t v)
{
	return (v & 0xffff) + (v >> 16);
}

static void fields_of(
	const struct stream_spec *s, const uint32_t digits[N_DIGITS], struct flow_fields *ret)
{
	uint32_t src = digits[DIGIT_SRC_IP], dst = digits[DIGIT_DST_IP], vni = digits[DIGIT_VNI];
	uint32_t addresses;

	ret->src_ip = htonl(low_word(&s->src_ip.b[12]) + src);
	ret->dst_ip = htonl(low_word(&s->dst_ip.b[12]) + dst);
	ret->src_port = htons(s->src_port + digits[DIGIT_SRC_PORT]);
	ret->dst_port = htons(s->dst_port + digits[DIGIT_DST_PORT]);
	addresses = sum32(ret->src_ip) + sum32(ret->dst_ip);
	ret->ip_sum = headers_fold(addresses);
	/* The addresses are part of every pseudo-header but ICMPv4's, which has none. */
	if (s->proto == STREAM_ICMP && s->ip == 4)
		addresses = 0;
	ret->l4_sum = headers_fold(addresses + ret->src_port + ret->dst_port);
	ret->src_mac = htonl(low_word(&s->src_mac.b[2]) + (s->src_macs ? src : 0));
	ret->dst_mac = htonl(low_word(&s->dst_mac.b[2]) + (s->dst_macs ? dst : 0));
	ret->vni = htonl((s->vni + vni) << 8);
	/* VTEPs go with source addresses: each of these lives on one host. */
	ret->outer_src_ip = htonl(low_word(&s->outer_src_ip.b[12]) +
				  (s->outer_src_ips > 1 ? src % s->outer_src_ips : 0));
}

void flow_fields_of(const struct flow_gen *g, uint64_t i, struct flow_fields *ret)
{
	uint32_t digits[N_DIGITS];

	for (unsigned int d = 0; d < N_DIGITS; d++) {
		digits[d] = i % g->counts[d];
		i /= g->counts[d];
	}
	fields_of(&g->spec, digits, ret);
}

/* Fields of the flow that the digits say, which then move on. */
static inline void next_new(struct flow_gen *g, struct flow_fields *ret)
{
	fields_of(&g->spec, g->digits, ret);
	for (unsigned int d = 0; d < N_DIGITS; d++) {
		if (++g->digits[d] < g->counts[d])
			break;
		g->digits[d] = 0;
	}
}

/* Vose's alias method (A Linear Algorithm For Generating Random Numbers With a Given Distribution,
 * 1991) over weights rank^-skew. */
static int make_alias(struct flow_gen *g, double skew)
{
	double *w = calloc(g->n, sizeof(*w)), total = 0;
	uint32_t *small = calloc(g->n, sizeof(*small)), *large = calloc(g->n, sizeof(*large));
	uint32_t n_small = 0, n_large = 0;
	int r = -ENOMEM;

	g->alias = calloc(g->n, sizeof(*g->alias));
	if (!w || !small || !large || !g->alias)
		goto out;
	for (uint32_t i = 0; i < g->n; i++)
		total += w[i] = pow(i + 1, -skew);
	for (uint32_t i = 0; i < g->n; i++) {
		w[i] *= g->n / total;
		g->alias[i] = (struct flow_alias){UINT32_MAX, i};
		if (w[i] < 1)
			small[n_small++] = i;
		else
			large[n_large++] = i;
	}
	while (n_small > 0 && n_large > 0) {
		uint32_t s = small[--n_small], l = large[n_large - 1];

		g->alias[s] = (struct flow_alias){w[s] * 0x1p32, l};
		w[l] -= 1 - w[s];
		if (w[l] < 1) {
			n_large--;
			small[n_small++] = l;
		}
	}
	r = 0;
out:
	free(w);
	free(small);
	free(large);
	return r;
}

int flow_init(struct flow_gen *g, const struct stream_spec *s, uint64_t seed)
{
	*g = (struct flow_gen){.order = s->order,
		.n = s->flows,
		.spec = *s,
		.counts = {s->src_ports, s->dst_ports, s->src_ips, s->dst_ips, s->vnis}};
	flow_restart(g, seed);
	if (s->order == ORDER_NEW)
		return 0;
	g->table = aligned_alloc(64, ((size_t)g->n * sizeof(*g->table) + 63) & ~63ul);
	if (!g->table)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n; i++)
		next_new(g, &g->table[i]);
	return s->order == ORDER_ZIPF ? make_alias(g, s->skew) : 0;
}

void flow_fini(struct flow_gen *g)
{
	free(g->table);
	free(g->alias);
	g->table = NULL;
	g->alias = NULL;
}

void flow_restart(struct flow_gen *g, uint64_t seed)
{
	g->at = 0;
	g->random = seed;
	memset(g->digits, 0, sizeof(g->digits));
}

static void next_zipf(struct flow_gen *g, const struct flow_fields **ret, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t random = random_next(&g->random);
		uint32_t place = random_below(random, g->n);
		const struct flow_alias *a = &g->alias[place];

		ret[i] = &g->table[random >> 32 < a->keep ? place : a->other];
		__builtin_prefetch(ret[i]);
	}
}

void flow_next(
	struct flow_gen *g, const struct flow_fields **ret, struct flow_fields *space, uint32_t n)
{
	switch (g->order) {
	case ORDER_SEQUENCE:
		for (uint32_t i = 0; i < n; i++) {
			ret[i] = &g->table[g->at];
			g->at = g->at + 1 == g->n ? 0 : g->at + 1;
		}
		break;
	case ORDER_UNIFORM:
		for (uint32_t i = 0; i < n; i++) {
			ret[i] = &g->table[random_below(random_next(&g->random), g->n)];
			__builtin_prefetch(ret[i]);
		}
		break;
	case ORDER_ZIPF:
		next_zipf(g, ret, n);
		break;
	case ORDER_NEW:
		for (uint32_t i = 0; i < n; i++) {
			next_new(g, &space[i]);
			ret[i] = &space[i];
		}
		break;
	}
}
