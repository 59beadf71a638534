/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receiving: to whom does a packet belong, did it come where it should, what came before it.
 */
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "gen.h"
#include "mark.h"
#include "tcp.h"

#define PREFETCH 4

static inline bool read_mark(const struct rte_mbuf *m, struct mark *ret)
{
	uint8_t space[MARK_SIZE];
	const uint8_t *p;

	if (likely(m->nb_segs == 1)) {
		if (unlikely(m->data_len < MARK_SIZE))
			return false;
		return mark_read(
			rte_pktmbuf_mtod(m, const uint8_t *) + m->data_len - MARK_SIZE, ret);
	}
	if (m->pkt_len < MARK_SIZE)
		return false;
	p = rte_pktmbuf_read(m, m->pkt_len - MARK_SIZE, MARK_SIZE, space);
	return p && mark_read(p, ret);
}

/* A marked packet that is not of a stream which ends here, or not of this trial. */
static void count_stranger(struct gen *g, struct gen_port *p, const struct mark *mark)
{
	uint8_t tenant = mark_id_tenant(mark->id);

	if (!(p->tenants[tenant / 64] >> tenant % 64 & 1))
		p->leaked++;
	if (mark_id_epoch(mark->id) != g->epoch)
		p->stale++;
	else
		p->misdelivered++;
}

/* The stream of this trial that ends here and that a mark is of; NULL: none. Senders elsewhere have
 * epochs of their own. */
static inline struct gen_stream *stream_of(
	struct gen *g, const struct gen_port *p, const struct mark *mark)
{
	uint32_t index = mark_id_stream(mark->id);
	struct gen_stream *s = index < g->n_streams ? g->streams[index] : NULL;

	if (unlikely(!s || s->rx != p || mark_id_tenant(mark->id) != s->spec->tenant ||
		     (mark->id != s->id && s->tx)))
		return NULL;
	return s;
}

static inline void count_marked(struct gen *g, struct gen_port *p, const struct rte_mbuf *m,
	const struct mark *mark, uint64_t now)
{
	struct gen_stream *s = stream_of(g, p, mark);

	if (unlikely(!s)) {
		count_stranger(g, p, mark);
		return;
	}
	if (unlikely(!s->synced)) {
		seq_init(&s->seq_tracker, mark->seq);
		s->synced = true;
	}
	s->received++;
	s->received_bytes += m->pkt_len;
	seq_add(&s->seq_tracker, mark->seq, now);
	hdr_add(&s->latency, (now - mark->time) & MARK_CLOCK_MASK);
}

/* True: the mbuf is the connections' now. */
static inline bool count_unmarked(
	struct gen *g, struct gen_port *p, struct rte_mbuf *m, uint64_t now)
{
	struct gen_stream *s = p->unmarked_stream;

	if (p->n_connections > 0 && tcp_input(p, m, now))
		return true;
	if (!s) {
		p->unmarked++;
		return false;
	}
	s->received++;
	s->received_bytes += m->pkt_len;
	return false;
}

static void verify_one(struct gen *g, struct gen_port *p, const struct rte_mbuf *m)
{
	struct mark mark;
	struct gen_stream *s;

	if (!read_mark(m, &mark))
		return;
	s = stream_of(g, p, &mark);
	if (!s)
		return;
	s->verified++;
	s->bad_checksums += !verify_packet(m);
}

/* Behind the loop over a burst, which so costs no more for it. */
static void verify_burst(struct gen *g, struct gen_port *p, struct rte_mbuf **pkts, uint32_t n)
{
	p->unverified = 0;
	if (g->verify == VERIFY_SAMPLE)
		verify_one(g, p, pkts[g->verify_at++ % n]);
	else
		for (uint32_t i = 0; i < n; i++)
			verify_one(g, p, pkts[i]);
}

static inline bool verify_due(const struct gen *g, struct gen_port *p, uint32_t n)
{
	p->unverified += n;
	switch (g->verify) {
	case VERIFY_SAMPLE:
		return n > 0 && (p->unverified >= VERIFY_SAMPLE_EACH || n <= VERIFY_SAMPLE_FEW);
	case VERIFY_ALL:
		return true;
	default:
		return false;
	}
}

uint32_t rx_poll(struct gen *g, struct gen_port *p)
{
	struct rte_mbuf *pkts[GEN_BURST_MAX];
	uint32_t n_all = 0, n, kept;
	uint64_t now, bytes;
	struct mark mark = {0};

	for (uint16_t q = 0; q < p->n_rxq; q++) {
		n = rte_eth_rx_burst(p->id, q, pkts, g->burst);
		if (n == 0)
			continue;
		now = rte_rdtsc();
		bytes = 0;
		kept = 0;
		for (uint32_t i = 0; i < n; i++) {
			struct rte_mbuf *m = pkts[i];

			if (i + PREFETCH < n)
				rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH], void *));
			bytes += m->pkt_len;
			if (likely(read_mark(m, &mark)))
				count_marked(g, p, m, &mark, now);
			else if (count_unmarked(g, p, m, now))
				continue;
			pkts[kept++] = m;
		}
		if (verify_due(g, p, kept))
			verify_burst(g, p, pkts, kept);
		rte_pktmbuf_free_bulk(pkts, kept);
		p->packets += n;
		p->bytes += bytes;
		n_all += n;
	}
	return n_all;
}
