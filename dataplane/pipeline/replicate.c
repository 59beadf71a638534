/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replication: broadcast, multicast and unknown unicast go to every local member of the segment
 * that is up and, unless they came from a tunnel, to every VTEP that has members (head-end
 * replication with split horizon).
 *
 * Copies share the frame's data: the outer headers of each go into a buffer of their own. What the
 * copies could not share (completing a checksum, cutting a GSO frame) is done before.
 *
 * Drops: FLOOD_LIMIT, NO_MEMBERS, NO_MBUF. Workers.
 */
#include <pkt/cksum.h>
#include <pkt/gso.h>

#include <core/mem.h>
#include <core/quota.h>

#include "stages.h"

/* The last destination gets the frame itself, those before it copies. */
struct replica {
	struct rte_mbuf *m;
	dest_t pending;
};

static void replicate_copy(struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	struct rte_mbuf *copy = rte_pktmbuf_clone(m, mem_pools.indirect);

	pl->stats->added++;
	if (unlikely(!copy)) {
		stage_count_drops(pl, WEFT_DROP_NO_MBUF, 1);
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

static void replicate_local(
	struct pipeline *pl, struct replica *r, const struct config_segment *seg, uint16_t in_port)
{
	for (unsigned int i = 0; i < seg->n_ports; i++) {
		uint16_t slot = seg->ports[i];

		if (slot != in_port && port_is_up(pl->cfg->ports[slot]->dev))
			replicate_add(pl, r, slot);
	}
}

static void replicate_frame(struct pipeline *pl, struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	const struct config_segment *seg = stage_segment(pl, meta);
	struct replica r = {.m = m, .pending = DEST_NONE};

	replicate_local(pl, &r, seg, meta->in_port);
	if (!(meta->flags & PKT_FROM_TUNNEL)) {
		for (unsigned int i = 0; i < seg->n_flood_vteps; i++)
			replicate_add(pl, &r, DEST_VTEP_BIT | seg->flood_vteps[i]);
	}
	if (r.pending == DEST_NONE)
		stage_drop(pl, m, WEFT_DROP_NO_MEMBERS);
	else
		forward_to(pl, m, r.pending);
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

	if (limit && !quota_take(QUOTA_FLOOD, pl->in->slot, limit, n)) {
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
