/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "outcome.h"
#include "tcp.h"

const double outcome_quantiles[OUTCOME_QUANTILES] = {0.5, 0.9, 0.99, 0.999, 0.9999, 0};
const char *const outcome_quantile_names[OUTCOME_QUANTILES] = {
	"p50", "p90", "p99", "p99.9", "p99.99", "min"};

static void take_latency(const struct hdr *h, double ns_per_cycle, struct outcome_latency *ret)
{
	ret->count = h->count;
	ret->mean = hdr_mean(h) * ns_per_cycle;
	ret->max = h->max * ns_per_cycle;
	for (unsigned int i = 0; i < OUTCOME_QUANTILES; i++)
		ret->at[i] = hdr_quantile(h, outcome_quantiles[i]) * ns_per_cycle;
}

static void take_stream(const struct gen *g, const struct gen_stream *s, struct outcome_stream *ret)
{
	const struct seq_tracker *t = &s->seq_tracker;
	const struct tcp *tcp = s->tcp;

	*ret = (struct outcome_stream){
		.spec = s->spec,
		.sent = s->sent,
		.sent_bytes = s->sent_bytes,
		.refused = s->refused,
		.missed = s->missed,
		.no_mbufs = s->no_mbufs,
		.received = s->received,
		.received_bytes = s->received_bytes,
		.lost = s->rx ? gen_stream_lost(s) : 0,
		.verified = s->verified,
		.bad_checksums = s->bad_checksums,
		.reordered = t->reordered,
		.extent = t->extent,
		.duplicates = t->duplicates,
		.late = t->late,
		.gaps = t->gaps,
		.is_tcp = tcp != NULL,
	};
	take_latency(&s->latency, 1e9 / g->hz, &ret->latency);
	if (!tcp)
		return;
	ret->established = tcp->established;
	ret->accepted = tcp->accepted;
	ret->finished = tcp->finished;
	ret->timed_out = tcp->timed_out;
	ret->bad = tcp->bad;
	ret->dropped = tcp->dropped;
	ret->tcp_sent = tcp->packets_sent;
	ret->tcp_received = tcp->packets_received;
}

void outcome_take(const struct gen *g, struct outcome *ret)
{
	gen_totals(g, &ret->totals);
	ret->seconds = ret->totals.seconds;
	ret->n_streams = g->n_streams;
	ret->n_ports = g->n_ports;
	for (uint32_t i = 0; i < g->n_streams; i++)
		take_stream(g, g->streams[i], &ret->streams[i]);
	for (uint32_t i = 0; i < g->n_ports; i++) {
		const struct gen_port *p = &g->ports[i];

		ret->ports[i] = (struct outcome_port){
			p->packets, p->bytes, p->unmarked, p->stale, p->misdelivered, p->leaked};
	}
}

uint64_t outcome_leaks(const struct outcome *o)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < o->n_ports; i++)
		n += o->ports[i].leaked;
	return n;
}

uint64_t outcome_bad_checksums(const struct outcome *o)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < o->n_streams; i++)
		n += o->streams[i].bad_checksums;
	return n;
}

double outcome_loss(const struct outcome *o)
{
	const struct gen_totals *t = &o->totals;

	return t->offered ? (double)(t->lost + t->refused) / t->offered : 0;
}
