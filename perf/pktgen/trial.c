/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One trial: the loop that sends and receives, on one thread, without system calls.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "gen.h"
#include "mark.h"
#include "tcp.h"

/* After sending: what is on its way may take so long, or until nothing came for a while. */
#define DRAIN_MAX_S  1.0
#define DRAIN_IDLE_S 0.1
#define PING_MAX_S   0.01 /* then a packet is lost */

/* What the loop goes through. */
struct work {
	struct gen_stream *senders[PROFILE_STREAMS_MAX];
	struct gen_stream *connections[PROFILE_STREAMS_MAX];
	struct gen_port *receivers[PROFILE_PORTS_MAX];
	uint32_t n_senders, n_connections, n_receivers;
};

static void gather(struct gen *g, struct work *w)
{
	*w = (struct work){0};
	for (uint32_t i = 0; i < g->n_streams; i++) {
		if (g->streams[i]->off)
			continue;
		if (g->streams[i]->tcp)
			w->connections[w->n_connections++] = g->streams[i];
		else if (g->streams[i]->tx)
			w->senders[w->n_senders++] = g->streams[i];
	}
	for (uint32_t i = 0; i < g->n_ports; i++)
		if (g->ports[i].receives)
			w->receivers[w->n_receivers++] = &g->ports[i];
}

static void clear_port(struct gen_port *p)
{
	p->packets = p->bytes = p->unmarked = p->stale = p->misdelivered = p->leaked = 0;
	p->unverified = 0;
}

static void clear_stream(struct gen *g, struct gen_stream *s)
{
	s->seq = 0;
	s->id = mark_id(g->epoch, s->index, s->spec->tenant);
	s->sent = s->sent_bytes = s->refused = s->last_refused = s->no_mbufs = 0;
	s->missed = s->pace.missed = 0;
	s->received = s->received_bytes = s->verified = s->bad_checksums = 0;
	s->synced = s->tx != NULL;
	seq_init(&s->seq_tracker, 0);
	hdr_clear(&s->latency);
	if (s->tcp)
		tcp_clear(s->tcp);
}

static double weight(const struct stream_spec *s)
{
	return s->rate > 0 ? s->rate : 1;
}

/* The rate of a stream under this load; 0: as fast as it goes. */
static double rate_of(const struct gen *g, const struct gen_stream *s, const struct gen_load *load)
{
	double all = 0;

	if (load->prime)
		return load->rate;
	if (s->spec->background)
		return s->spec->rate;
	if (load->packets > 0 || load->ping_pong)
		return 0;
	if (load->rate <= 0)
		return s->spec->rate;
	for (uint32_t i = 0; i < g->n_streams; i++)
		if (g->streams[i]->tx && gen_is_foreground(g->streams[i]))
			all += weight(g->streams[i]->spec);
	return load->rate * weight(s->spec) / all;
}

/* What streams send from now on. */
static void set_pace(struct gen *g, const struct gen_load *load, uint64_t now)
{
	for (uint32_t i = 0; i < g->n_streams; i++) {
		struct gen_stream *s = g->streams[i];
		bool counted = load->packets > 0 && !s->spec->background;
		double rate = rate_of(g, s, load);

		s->missed += s->pace.missed;
		s->paced = rate > 0;
		s->limit = counted ? load->packets : load->prime ? s->spec->flows : UINT64_MAX;
		s->full_drops = s->spec->full == FULL_AUTO ? s->paced || counted
							   : s->spec->full == FULL_DROP;
		s->full_drops &= !load->prime && !load->ping_pong;
		pace_init(&s->pace, rate, g->hz, g->burst, now);
	}
}

static void prepare(struct gen *g, const struct gen_load *load)
{
	g->epoch++;
	for (uint32_t i = 0; i < g->n_ports; i++)
		clear_port(&g->ports[i]);
	for (uint32_t i = 0; i < g->n_streams; i++)
		clear_stream(g, g->streams[i]);
	/* Last, for it takes time to clear. */
	g->began = g->changed = g->ended = rte_rdtsc();
	set_pace(g, load, g->began);
}

static bool all_sent(const struct gen *g)
{
	for (uint32_t i = 0; i < g->n_streams; i++) {
		const struct gen_stream *s = g->streams[i];

		if (s->tx && !s->off && s->limit < UINT64_MAX && s->sent + s->refused < s->limit)
			return false;
	}
	return true;
}

static void send_and_receive(struct gen *g, const struct work *w, uint64_t end, bool limited)
{
	uint64_t now;

	while ((now = rte_rdtsc()) < end && !g->stop) {
		for (uint32_t i = 0; i < w->n_senders; i++)
			tx_poll(g, w->senders[i], now);
		for (uint32_t i = 0; i < w->n_connections; i++)
			tcp_poll(g, w->connections[i]->tcp, now, true);
		for (uint32_t i = 0; i < w->n_receivers; i++)
			rx_poll(g, w->receivers[i]);
		if (limited && all_sent(g))
			break;
	}
	g->ended = rte_rdtsc();
}

/* Sends one packet and receives until it is back, but not longer than PING_MAX_S. */
static void ping(struct gen *g, struct gen_stream *s, uint64_t end)
{
	uint64_t received = s->received, now = rte_rdtsc(), until = now + g->hz * PING_MAX_S;

	s->limit = s->sent + 1;
	while (s->sent < s->limit && now < end && !g->stop) {
		tx_poll(g, s, now);
		now = rte_rdtsc();
	}
	while (s->received == received && now < until && !g->stop) {
		rx_poll(g, s->rx);
		now = rte_rdtsc();
	}
}

/* Foreground streams take turns. */
static void ping_pong(struct gen *g, const struct work *w, uint64_t end)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->n_senders; i++)
		n += gen_is_foreground(w->senders[i]) && w->senders[i]->rx;
	while (n > 0 && rte_rdtsc() < end && !g->stop)
		for (uint32_t i = 0; i < w->n_senders; i++)
			if (gen_is_foreground(w->senders[i]) && w->senders[i]->rx)
				ping(g, w->senders[i], end);
	g->ended = rte_rdtsc();
}

/* True when nothing more can come. */
static bool all_received(const struct gen *g)
{
	for (uint32_t i = 0; i < g->n_streams; i++) {
		const struct gen_stream *s = g->streams[i];

		if (s->off)
			continue;
		if (s->rx && (!s->tx || s->received < s->sent))
			return false;
		if (s->tcp && s->tcp->finished < s->sent) /* the last packet is the server's */
			return false;
	}
	return true;
}

static void drain(struct gen *g, const struct work *w)
{
	uint64_t now = rte_rdtsc(), end = now + g->hz * DRAIN_MAX_S;
	uint64_t idle_since = now, idle = g->hz * DRAIN_IDLE_S;

	while (now < end && now - idle_since < idle && !g->stop && !all_received(g)) {
		now = rte_rdtsc();
		for (uint32_t i = 0; i < w->n_connections; i++)
			tcp_poll(g, w->connections[i]->tcp, now, false);
		for (uint32_t i = 0; i < w->n_receivers; i++)
			if (rx_poll(g, w->receivers[i]) > 0)
				idle_since = now;
	}
}

static uint64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

int gen_trial(struct gen *g, const struct gen_load *load)
{
	uint64_t cpu, end;
	struct work w;

	gather(g, &w);
	prepare(g, load);
	g->active = true;
	cpu = cpu_time();
	end = g->began + (uint64_t)(load->duration * g->hz);
	if (load->ping_pong)
		ping_pong(g, &w, end);
	else
		send_and_receive(g, &w, end, load->packets > 0 || load->prime);
	if (load->then_rate > 0) {
		struct gen_load then = {.rate = load->then_rate};

		g->changed = g->ended;
		set_pace(g, &then, g->changed);
		send_and_receive(
			g, &w, g->changed + (uint64_t)(load->then_duration * g->hz), false);
	}
	g->cpu_ns = cpu_time() - cpu;
	drain(g, &w);
	g->active = false;
	for (uint32_t i = 0; i < g->n_streams; i++) {
		struct gen_stream *s = g->streams[i];

		rte_pktmbuf_free_bulk(s->pending, s->n_pending);
		s->n_pending = 0;
		s->missed += s->pace.missed;
		s->pace.missed = 0;
	}
	return g->stop ? -EINTR : 0;
}
