/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replication: broadcast, multicast and unknown unicast go to every local member of the segment
 * that is up and, unless they came from a tunnel, to every VTEP that has members (head-end
 * replication with split horizon).
 *
 * Copies share the frame's data: the outer headers of each go into a buffer of their own. What the
 * copies could not share (completing a checksum, cutting a GSO frame) is done before.
 *
 * Drops: FLOOD_LIMIT, NO_MEMBERS, NO_MBUF; POLICY_INGRESS for copies, one by one. Workers.
 */
#include <pkt/cksum.h>
#include <pkt/gso.h>

#include <core/mem.h>

#include "dry.h"
#include "policy.h"
#include "stages.h"
#include "trace.h"

/* The last destination gets the frame itself, those before it copies. */
struct replica {
	struct rte_mbuf *m;
	dest_t pending;
	unsigned int refused; /* copies that policy did not let through to a port */
};

static void replicate_copy(struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	struct rte_mbuf *copy = rte_pktmbuf_clone(m, mem_pools.indirect);

	pl->stats->added++;
	if (unlikely(!copy)) {
		stage_count_drops(pl, WEFT_DROP_NO_MBUF, 1);
		stage_note_drop(pl, pl->in->slot, m, WEFT_DROP_NO_MBUF);
		return;
	}
	*pkt_meta(copy) = *pkt_meta(m);
	forward_to(pl, copy, dest);
}

static void replicate_add(struct pipeline *pl, struct replica *r, dest_t dest)
{
	if (r->pending != DEST_NONE)
		replicate_copy(pl, r->m, r->pending);
	r->pending = dest;
}

/* Counted when all copies are known. */
static void replicate_refused(struct pipeline *pl, struct replica *r)
{
	stage_note_drop(pl, pl->in->slot, r->m, WEFT_DROP_POLICY_INGRESS);
	r->refused++;
}

static void replicate_local(
	struct pipeline *pl, struct replica *r, const struct config_segment *seg)
{
	const struct pkt_meta *meta = pkt_meta(r->m);
	bool judged = seg->stateful && policy_is_asked(meta);

	for (unsigned int i = 0; i < seg->n_ports; i++) {
		const struct config_port *port = pl->cfg->ports[seg->ports[i]];

		if (port->slot == meta->in_port || !port_is_up(port->dev))
			continue;
		if (judged && policy_frame_received(pl, r->m, meta, port) != VERDICT_CONTINUE)
			replicate_refused(pl, r);
		else
			replicate_add(pl, r, port->slot);
	}
	if (judged)
		slow_settle(pl, meta);
}

/* With no other copy, the frame itself is the last one that was refused. */
static void replicate_end(struct pipeline *pl, struct replica *r)
{
	if (r->pending == DEST_NONE && !r->refused) {
		stage_drop(pl, r->m, WEFT_DROP_NO_MEMBERS);
		return;
	}
	stage_count_drops(pl, WEFT_DROP_POLICY_INGRESS, r->refused);
	if (r->pending == DEST_NONE) {
		pl->stats->added += r->refused - 1;
		rte_pktmbuf_free(r->m);
	} else {
		pl->stats->added += r->refused;
		forward_to(pl, r->m, r->pending);
	}
}

static void replicate_frame(struct pipeline *pl, struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	const struct config_segment *seg = stage_segment(pl, meta);
	struct replica r = {.m = m, .pending = DEST_NONE};

	stage_trace(pl, meta, .step = WEFT_TRACE_REPLICATE, .vni = seg->spec.vni);
	replicate_local(pl, &r, seg);
	if (!(meta->flags & PKT_FROM_TUNNEL)) {
		for (unsigned int i = 0; i < seg->n_flood_vteps; i++)
			replicate_add(pl, &r, DEST_VTEP_BIT | seg->flood_vteps[i]);
	}
	replicate_end(pl, &r);
}

static void replicate_gso(struct pipeline *pl, struct rte_mbuf *m)
{
	struct rte_mbuf *segs[PKT_GSO_SEGS_MAX];
	int n = pkt_gso(m, segs, PKT_GSO_SEGS_MAX, 0);

	if (n < 0) {
		stage_drop(pl, m, n == -ENOMEM ? WEFT_DROP_NO_MBUF : WEFT_DROP_BAD_OFFLOAD);
		return;
	}
	pl->stats->added += n - 1;
	for (int i = 0; i < n; i++)
		replicate_frame(pl, segs[i]);
}

void replicate(struct pipeline *pl, struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	uint32_t limit = pl->in->spec.flood_pps;
	uint32_t n = meta->flags & PKT_GSO ? pkt_gso_count(m, meta) : 1;

	if (limit && !stage_quota(pl, QUOTA_FLOOD, pl->in->slot, limit, n)) {
		stage_drop(pl, m, WEFT_DROP_FLOOD_LIMIT);
		return;
	}
	if (unlikely(meta->flags & PKT_GSO)) {
		replicate_gso(pl, m);
		return;
	}
	if (meta->flags & PKT_CKSUM_PARTIAL)
		pkt_l4_complete(m);
	replicate_frame(pl, m);
}
