/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending. A packet is the copy of a template, the fields of its flow, and a mark at its end;
 * checksums follow by addition. What lies between headers and mark is zero from the pool's
 * beginning, since each size has a pool of its own.
 */
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_prefetch.h>

#include "gen.h"
#include "mark.h"

#define LINE 64

/* The fields that a free mbuf may have wrong (rte_mbuf_raw_alloc), in two stores. */
static inline void reset_mbuf(struct rte_mbuf *m, uint16_t size)
{
	static const struct rte_mbuf fresh = {.data_off = RTE_PKTMBUF_HEADROOM,
		.refcnt = 1,
		.nb_segs = 1,
		.port = RTE_MBUF_PORT_INVALID};

	memcpy(&m->rearm_data, &fresh.rearm_data, sizeof(uint64_t));
	m->ol_flags = 0;
	m->pkt_len = size;
	m->data_len = size;
}

static inline void put(uint8_t *p, const void *v, uint32_t n)
{
	memcpy(p, v, n);
}

static inline uint16_t finish_sum(uint32_t sum)
{
	uint16_t v = ~headers_fold(sum);

	return v ? v : 0xffff; /* zero would mean that UDP has none */
}

/* A source port of RFC 7348 section 5: 49152 to 65535, the same for all packets of a flow. */
static inline uint16_t outer_port(const struct flow_fields *f)
{
	uint32_t ports;

	memcpy(&ports, &f->src_port, sizeof(ports));
	return rte_cpu_to_be_16(
		0xc000 | ((f->src_ip ^ f->dst_ip * 31 ^ ports * 0x9e3779b1u) * 0x85ebca6bu) >> 18);
}

static inline void fill_tunnel(uint8_t *p, const struct headers_layout *l, const struct headers *h,
	const struct flow_fields *f)
{
	uint16_t port = outer_port(f), sum;

	put(p + l->outer_src_ip, &f->outer_src_ip, 4);
	put(p + l->outer_src_port, &port, 2);
	put(p + l->vni, &f->vni, 4);
	if (l->outer_ip_sum) {
		sum = ~headers_fold(
			h->outer_ip_sum + (f->outer_src_ip & 0xffff) + (f->outer_src_ip >> 16));
		put(p + l->outer_ip_sum, &sum, 2);
	}
}

/* The commonest layout, so that its loop has constant offsets. */
static const struct headers_layout plain_udp4 = {.size = 42,
	.l3 = 14,
	.l4 = 34,
	.src_ip = 26,
	.dst_ip = 30,
	.ip_sum = 24,
	.l4_sum = 40,
	.ports = 34,
	.src_mac = 8,
	.dst_mac = 2};

bool tx_is_plain(const struct headers_layout *l)
{
	return memcmp(l, &plain_udp4, sizeof(*l)) == 0;
}

static __rte_always_inline uint8_t *fill(const struct headers_layout *l, bool vary_macs,
	const struct headers *h, struct rte_mbuf *m, const struct flow_fields *f)
{
	uint8_t *p = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
	uint16_t sum;

	reset_mbuf(m, h->frame_size);
	memcpy(p, h->bytes, LINE);
	if (l->size > LINE)
		memcpy(p + LINE, h->bytes + LINE, LINE);
	if (l->size > 2 * LINE)
		memcpy(p + 2 * LINE, h->bytes + 2 * LINE, LINE);
	put(p + l->src_ip, &f->src_ip, 4);
	put(p + l->dst_ip, &f->dst_ip, 4);
	put(p + l->ports, &f->src_port, 4);
	if (l->ip_sum) {
		sum = ~headers_fold(h->ip_sum + f->ip_sum);
		put(p + l->ip_sum, &sum, 2);
	}
	sum = finish_sum(h->l4_sum + f->l4_sum);
	put(p + l->l4_sum, &sum, 2);
	if (vary_macs) {
		put(p + l->dst_mac, &f->dst_mac, 4);
		put(p + l->src_mac, &f->src_mac, 4);
	}
	if (l->l2)
		fill_tunnel(p, l, h, f);
	return p + h->frame_size - MARK_SIZE;
}

void tx_fill(const struct gen_stream *s, const struct headers *h, struct rte_mbuf *m,
	const struct flow_fields *f)
{
	fill(&s->layout, s->vary_macs, h, m, f);
}

/* Puts n fresh mbufs behind the pending ones, for the sizes that are next. */
static int take_mbufs(struct gen_stream *s, uint32_t n)
{
	struct rte_mbuf **pkts = s->pending + s->n_pending;
	uint8_t size;

	if (s->n_sizes == 1)
		return rte_mempool_get_bulk(s->pools[s->sizes[0]], (void **)pkts, n);
	for (uint32_t i = 0; i < n; i++) {
		size = s->sizes[s->at_size];
		if (rte_mempool_get(s->pools[size], (void **)&pkts[i]) < 0) {
			rte_pktmbuf_free_bulk(pkts, i);
			return -ENOBUFS;
		}
		s->pending_size[s->n_pending + i] = size;
		s->at_size = s->at_size + 1 == s->n_sizes ? 0 : s->at_size + 1;
	}
	return 0;
}

static __rte_always_inline void fill_all(struct gen_stream *s, const struct headers_layout *l,
	bool vary_macs, const struct flow_fields **flows, uint32_t n, uint64_t stamp)
{
	struct rte_mbuf **pkts = s->pending + s->n_pending;
	const uint16_t *size = s->pending_size + s->n_pending;
	const struct headers *headers = s->headers;
	bool mark = s->spec->mark;
	uint32_t id = s->id, seq = s->seq;

	for (uint32_t i = 0; i < n; i++) {
		uint8_t *end = fill(l, vary_macs, &headers[size[i]], pkts[i], flows[i]);

		if (mark)
			mark_write(end, id, seq + i, stamp);
	}
}

static void build(struct gen_stream *s, uint32_t n, uint64_t stamp)
{
	const struct flow_fields *flows[GEN_BURST_MAX];
	struct flow_fields space[GEN_BURST_MAX];

	if (unlikely(take_mbufs(s, n) < 0)) {
		s->no_mbufs++;
		return;
	}
	flow_next(&s->flows, flows, space, n);
	if (s->plain)
		fill_all(s, &plain_udp4, false, flows, n, stamp);
	else
		fill_all(s, &s->layout, s->vary_macs, flows, n, stamp);
	s->seq += n;
	s->n_pending += n;
}

/* Packets that the port had no room for leave with a new time. */
static void stamp_again(struct gen_stream *s, uint64_t stamp)
{
	for (uint32_t i = 0; i < s->n_pending; i++) {
		struct rte_mbuf *m = s->pending[i];

		memcpy(rte_pktmbuf_mtod(m, uint8_t *) + m->data_len - MARK_SIZE + MARK_TIME_OFF,
			&stamp, sizeof(stamp));
	}
}

static uint64_t bytes_of(const struct gen_stream *s, uint32_t n)
{
	uint64_t bytes = 0;

	if (s->n_sizes == 1)
		return (uint64_t)n * s->headers[s->sizes[0]].frame_size;
	for (uint32_t i = 0; i < n; i++)
		bytes += s->headers[s->pending_size[i]].frame_size;
	return bytes;
}

void tx_poll(struct gen *g, struct gen_stream *s, uint64_t now)
{
	uint32_t due = s->paced ? pace_due(&s->pace, now) : g->burst, sent;
	uint64_t stamp;

	if (due == 0)
		return;
	if (due > g->burst)
		due = g->burst;
	if (due > s->limit - s->sent - s->refused)
		due = s->limit - s->sent - s->refused;
	stamp = mark_stamp(now);
	if (s->n_pending > 0 && s->spec->mark)
		stamp_again(s, stamp);
	if (due > s->n_pending)
		build(s, due - s->n_pending, stamp);
	if (due > s->n_pending)
		due = s->n_pending;
	sent = rte_eth_tx_burst(s->tx->id, 0, s->pending, due);
	s->sent += sent;
	s->sent_bytes += bytes_of(s, sent);
	s->n_pending -= sent;
	s->pace.done += s->full_drops ? due : sent;
	if (likely(s->n_pending == 0))
		return;
	if (s->full_drops && due > sent) {
		s->refused += due - sent;
		s->last_refused = now;
	}
	memmove(s->pending, s->pending + sent, s->n_pending * sizeof(s->pending[0]));
	memmove(s->pending_size, s->pending_size + sent, s->n_pending * sizeof(s->pending_size[0]));
}
