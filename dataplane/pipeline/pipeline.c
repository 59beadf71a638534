/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The passes over a burst: input (by the role of the port), anti-spoofing, learning, local answers,
 * forwarding, egress. Each is one function over the array; what it takes or drops is gone from the
 * array for the next. In stateful segments the session path stands in for all but the first.
 *
 * Drops of its own: NO_SEGMENT. Workers.
 */
#include <stdlib.h>

#include <rte_ether.h>
#include <rte_malloc.h>

#include <pkt/parse.h>

#include "admit.h"
#include "egress.h"
#include "metadata.h"
#include "service.h"
#include "stages.h"
#include "trace.h"

struct pipeline *pipeline_new(unsigned int worker)
{
	struct pipeline *pl = rte_zmalloc("pipeline", sizeof(*pl), RTE_CACHE_LINE_SIZE);

	if (!pl)
		return NULL;
	pl->worker = worker;
	for (unsigned int i = 0; i < TUNNEL_CACHE; i++)
		pl->tunnels[i].generation = UINT64_MAX; /* none */
	return pl;
}

void pipeline_free(struct pipeline *pl)
{
	if (pl)
		rte_free(pl->dry);
	rte_free(pl);
}

static void pipeline_begin(struct pipeline *pl, const struct config *cfg,
	const struct config_port *port, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = 0;

	pl->cfg = cfg;
	pl->in = port;
	pl->watch = stage_watch_of(pl);
	pl->into = 0;
	pl->burst_steps = 0;
	pl->stats = stage_stats(pl, port->slot);
	for (uint16_t i = 0; i < n; i++) {
		bytes += pkts[i]->pkt_len;
		stage_prefetch(pkts[i]);
	}
	pl->stats->rx_packets += n;
	pl->stats->rx_bytes += bytes;
	stage_mark(pl, WEFT_STAGE_RX);
}

/* What all frames of a tenant's port have in common. */
struct pipeline_origin {
	uint32_t flags;
	uint16_t in_port;
	uint16_t segment;
	bool antispoof; /* no session implies it */
};

/* One frame of a tenant's port: parse and anti-spoofing. */
static inline int pipeline_tenant_frame(
	struct pipeline *pl, struct rte_mbuf *m, const struct pipeline_origin *from)
{
	struct pkt_meta *meta = pkt_meta(m);
	int verdict;

	meta->flags = from->flags;
	meta->in_port = from->in_port;
	meta->segment = from->segment;
	meta->in_vtep = 0;
	meta->outer_tos = 0;
	verdict = pkt_parse(m);
	if (likely(verdict == VERDICT_CONTINUE)) {
		stage_watch(pl, m);
		verdict = admit_frame(pl, m, meta);
	}
	if (likely(verdict == VERDICT_CONTINUE) && from->antispoof)
		verdict = antispoof_check(pl->in, m, meta);
	return verdict;
}

/* *ret_flags: of any of those that are left. */
static inline uint16_t pipeline_tenant_frames(struct pipeline *pl, struct rte_mbuf **pkts,
	uint16_t n, const struct pipeline_origin *from, uint32_t *ret_flags)
{
	uint32_t flags = 0;
	uint16_t left = 0;

	for (uint16_t i = 0; i < n; i++) {
		int verdict = pipeline_tenant_frame(pl, pkts[i], from);

		if (unlikely(verdict != VERDICT_CONTINUE)) {
			stage_drop(pl, pkts[i], verdict);
			continue;
		}
		flags |= pkt_meta(pkts[i])->flags;
		pkts[left++] = pkts[i];
	}
	if (from->antispoof && unlikely(pl->watch))
		trace_antispoof(pl, pkts, left);
	*ret_flags = flags;
	return left;
}

/* What is answered here. serves: the segment has a network, whose services may be asked. */
static inline int pipeline_answer(struct pipeline *pl, struct rte_mbuf *m, bool serves)
{
	const struct pkt_meta *meta = pkt_meta(m);
	int verdict = VERDICT_CONTINUE;

	if (serves && unlikely(service_may_want(meta)))
		verdict = service_packet(pl, m);
	if (verdict == VERDICT_CONTINUE && unlikely(meta->flags & (PKT_ARP | PKT_ND)))
		verdict = responder_segment(pl, m);
	return verdict;
}

static uint16_t pipeline_respond(
	struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n, bool serves)
{
	uint16_t left = 0;

	for (uint16_t i = 0; i < n; i++) {
		int verdict = pipeline_answer(pl, pkts[i], serves);

		if (likely(verdict == VERDICT_CONTINUE))
			pkts[left++] = pkts[i];
		else if (verdict > 0)
			stage_drop(pl, pkts[i], verdict);
	}
	stage_mark(pl, WEFT_STAGE_SLOW);
	return left;
}

static uint16_t pipeline_tenant(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n)
{
	const struct config_segment *seg = pl->cfg->segments[pl->in->segment_slot];
	struct pipeline_origin from = {
		.in_port = pl->in->slot,
		.segment = pl->in->segment_slot,
	};
	uint32_t flags;

	if (unlikely(!seg)) {
		for (uint16_t i = 0; i < n; i++) {
			pkt_meta(pkts[i])->flags = 0;
			stage_drop(pl, pkts[i], WEFT_DROP_NO_SEGMENT);
		}
		return 0;
	}
	if (seg->stateful)
		from.flags = PKT_STATEFUL;
	else
		from.antispoof = pl->in->spec.flags & WEFT_PORT_ANTISPOOF;
	n = pipeline_tenant_frames(pl, pkts, n, &from, &flags);
	if (pl->in->spec.flags & WEFT_PORT_LEARN)
		learn_burst(pl, pkts, n);
	stage_mark(pl, WEFT_STAGE_PARSE);
	if (seg->stateful)
		return session_burst(pl, pkts, n);
	if (likely(!seg->network_slot && !(flags & (PKT_ARP | PKT_ND))))
		return n;
	return pipeline_respond(pl, pkts, n, seg->network_slot != 0);
}

void pipeline_run(struct pipeline *pl, const struct config *cfg, const struct config_port *port,
	struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t got = n;

	pipeline_begin(pl, cfg, port, pkts, n);
	if (port->spec.role == WEFT_ROLE_UPLINK) {
		n = tunnel_input(pl, pkts, n);
		if (pl->into & INTO_LEARNS)
			learn_burst(pl, pkts, n);
		stage_mark(pl, WEFT_STAGE_PARSE);
		if (likely(pl->into & INTO_STATEFUL))
			n = session_burst(pl, pkts, n);
	} else if (likely(port->spec.role == WEFT_ROLE_TENANT)) {
		n = pipeline_tenant(pl, pkts, n);
	} else {
		metadata_burst(pl, pkts, n);
		stage_mark(pl, WEFT_STAGE_SLOW);
		n = 0;
	}
	forward_burst(pl, pkts, n);
	egress_flush(pl);
	stage_mark(pl, WEFT_STAGE_TX);
	if (unlikely(pl->timed))
		stage_timed(pl, got);
}

bool pipeline_tick(struct pipeline *pl, const struct config *cfg)
{
	advertise_tick(pl, cfg);
	slow_expire(pl, cfg);
	return session_age(pl->worker, cfg);
}
