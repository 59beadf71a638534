/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams: set up once, told what to do for each trial.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mempool.h>

#include <core/log.h>

#include "gen.h"
#include "mark.h"
#include "random.h"
#include "tcp.h"

#define POOL_CACHE 512

static struct gen_port *port_at(struct gen *g, int32_t i)
{
	return i < 0 ? NULL : &g->ports[i];
}

/* All packets have the same size. */
static void plan_size(struct gen_stream *s, uint32_t size)
{
	s->n_sizes = 1;
	s->sizes[0] = size;
	s->at_size = 0;
	for (uint32_t i = 0; i < GEN_BURST_MAX; i++)
		s->pending_size[i] = size;
}

/* All sizes as often as their weights say, in an order that the seed mixes. */
static void plan_sizes(struct gen_stream *s, uint64_t seed)
{
	if (s->spec->n_sizes == 1) {
		plan_size(s, 0);
		return;
	}
	for (uint32_t i = 0; i < s->spec->n_sizes; i++)
		for (uint32_t k = 0; k < s->spec->sizes[i].weight; k++)
			s->sizes[s->n_sizes++] = i;
	for (uint32_t i = s->n_sizes - 1; i > 0; i--) {
		uint32_t with = random_below(random_next(&seed), i + 1);
		uint8_t v = s->sizes[i];

		s->sizes[i] = s->sizes[with];
		s->sizes[with] = v;
	}
}

static int make_pool(struct gen *g, struct gen_stream *s, uint32_t size)
{
	uint32_t room = s->headers[size].frame_size + RTE_PKTMBUF_HEADROOM;
	char name[RTE_MEMPOOL_NAMESIZE];

	if (room < RTE_MBUF_DEFAULT_BUF_SIZE)
		room = RTE_MBUF_DEFAULT_BUF_SIZE;
	snprintf(name, sizeof(name), "tx-%u-%u", s->index, size);
	s->pools[size] = rte_pktmbuf_pool_create(
		name, g->n_mbufs, POOL_CACHE, 0, RTE_ALIGN(room, 64), SOCKET_ID_ANY);
	if (s->pools[size])
		return 0;
	log_error("stream %s: no memory for %u packets of %u bytes: %s", s->spec->name, g->n_mbufs,
		room, rte_strerror(rte_errno));
	return -ENOMEM;
}

static int init_sender(struct gen *g, struct gen_stream *s)
{
	const struct stream_spec *spec = s->spec;
	int r = 0;

	headers_layout(spec, &s->layout);
	s->vary_macs = spec->src_macs || spec->dst_macs;
	s->plain = !s->vary_macs && tx_is_plain(&s->layout);
	s->headers = calloc(spec->n_sizes, sizeof(s->headers[0]));
	s->pools = calloc(spec->n_sizes, sizeof(s->pools[0]));
	if (!s->headers || !s->pools)
		return -ENOMEM;
	plan_sizes(s, g->profile->seed + s->index);
	for (uint32_t i = 0; i < spec->n_sizes && r == 0; i++) {
		headers_build(spec, &s->layout, spec->sizes[i].size, &s->headers[i]);
		r = make_pool(g, s, i);
	}
	if (r == 0)
		r = flow_init(&s->flows, spec, g->profile->seed + s->index);
	if (r < 0 || spec->kind != STREAM_CONNECTIONS)
		return r;
	s->tcp = tcp_new(s, g->hz, g->profile->seed + s->index);
	return s->tcp ? 0 : -ENOMEM;
}

static int init_receiver(struct gen *g, struct gen_stream *s)
{
	struct gen_port *p = s->rx;

	p->receives = true;
	p->tenants[s->spec->tenant / 64] |= 1ull << s->spec->tenant % 64;
	if (s->tcp) {
		p->connections[p->n_connections++] = s->tcp;
		if (s->tx != p)
			s->tx->connections[s->tx->n_connections++] = s->tcp;
		s->tx->receives = true;
		return 0;
	}
	if (s->spec->mark)
		return 0;
	if (p->unmarked_stream) {
		log_error("streams %s and %s: without marks they can't be told apart on port %d",
			p->unmarked_stream->spec->name, s->spec->name, s->spec->rx);
		return -EINVAL;
	}
	p->unmarked_stream = s;
	return 0;
}

static int init_stream(struct gen *g, const struct stream_spec *spec)
{
	struct gen_stream *s = rte_zmalloc("stream", sizeof(*s), RTE_CACHE_LINE_SIZE);
	int r = 0;

	if (!s)
		return -ENOMEM;
	s->spec = spec;
	s->index = g->n_streams;
	s->tx = port_at(g, spec->tx);
	s->rx = port_at(g, spec->rx);
	g->streams[g->n_streams++] = s;
	if (s->tx)
		r = init_sender(g, s);
	if (r == 0 && s->rx)
		r = init_receiver(g, s);
	return r;
}

int gen_init(struct gen *g)
{
	int r = 0;

	for (uint32_t i = 0; i < g->profile->n_streams && r == 0; i++)
		r = init_stream(g, &g->profile->streams[i]);
	if (r == -ENOMEM)
		log_error("no memory for the streams: fewer flows, or --memory");
	if (r < 0)
		gen_fini(g);
	return r;
}

void gen_fini(struct gen *g)
{
	for (uint32_t i = 0; i < g->n_streams; i++) {
		struct gen_stream *s = g->streams[i];

		tcp_free(s->tcp);
		rte_pktmbuf_free_bulk(s->pending, s->n_pending);
		flow_fini(&s->flows);
		free(s->headers);
		free(s->pools); /* the pools stay: ports may hold mbufs of theirs */
		rte_free(s);
	}
	g->n_streams = 0;
}

void gen_select(struct gen *g, const char *scenario, uint32_t size)
{
	for (uint32_t i = 0; i < g->n_streams; i++) {
		struct gen_stream *s = g->streams[i];

		s->off = s->spec->scenario[0] && strcmp(s->spec->scenario, scenario) != 0;
		if (s->tx && gen_is_foreground(s))
			plan_size(s, size);
	}
}

uint64_t gen_stream_lost(const struct gen_stream *s)
{
	if (!s->tx || !s->rx)
		return s->seq_tracker.missing;
	if (s->spec->mark)
		return seq_lost(&s->seq_tracker, 0, s->sent);
	return s->sent > s->received ? s->sent - s->received : 0;
}

void gen_totals(const struct gen *g, struct gen_totals *ret)
{
	*ret = (struct gen_totals){.seconds = (double)(g->ended - g->began) / g->hz};
	if (ret->seconds > 0)
		ret->cpu = g->cpu_ns / 1e9 / ret->seconds;
	for (uint32_t i = 0; i < g->n_streams; i++) {
		const struct gen_stream *s = g->streams[i];

		if (!gen_is_foreground(s))
			continue;
		ret->sent += s->sent;
		ret->refused += s->refused;
		ret->received += s->received;
		if (s->rx)
			ret->lost += gen_stream_lost(s);
	}
	ret->offered = ret->sent + ret->refused;
}
