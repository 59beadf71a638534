/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tunnel input: what an uplink receives becomes frames of segments, or is dropped.
 *
 * Accepted is VXLAN to an address of this host on this uplink, from a VTEP that the VNI's flood
 * list names. Drops: what pkt_parse_outer finds, NOT_VXLAN (another host's address), UNKNOWN_VNI,
 * UNKNOWN_VTEP, ECN_DECAP, what pkt_parse finds in the inner frame. Workers.
 */
#include <pkt/parse.h>
#include <tunnel/vxlan.h>

#include "admit.h"
#include "stages.h"
#include "trace.h"

static inline bool tunnel_is_local(const struct pipeline *pl, const struct weft_addr *dst)
{
	for (unsigned int i = 0; i < pl->cfg->n_local_vteps; i++) {
		const struct config_local_vtep *v = &pl->cfg->local_vteps[i];

		if (v->uplink_slot == pl->in->slot && weft_addr_equal(&v->spec.addr, dst))
			return true;
	}
	return false;
}

static const struct slot_entry *tunnel_find(
	const struct pipeline *pl, const struct vhash *h, const void *key)
{
	return (const struct slot_entry *)vhash_find(h, key, pl->cfg->generation);
}

static void tunnel_judge_source(
	const struct pipeline *pl, const struct pkt_outer *outer, struct source_verdict *ret)
{
	const struct slot_entry *seg = tunnel_find(pl, pl->cfg->vni, &outer->vni);
	const struct slot_entry *vtep = tunnel_find(pl, pl->cfg->vtep, &outer->src);

	*ret = (struct source_verdict){
		.generation = pl->cfg->generation,
		.src = outer->src,
		.vni = outer->vni,
	};
	if (!seg) {
		ret->drop = WEFT_DROP_UNKNOWN_VNI;
	} else if (!vtep || !config_segment_has_vtep(pl->cfg->segments[seg->slot], vtep->slot)) {
		ret->drop = WEFT_DROP_UNKNOWN_VTEP;
	} else {
		ret->segment = seg->slot;
		ret->vtep = vtep->slot;
		ret->stateful = pl->cfg->segments[seg->slot]->stateful;
	}
}

/* A cached verdict holds in the generation that it was made in and in no other. */
static inline const struct source_verdict *tunnel_source(
	struct pipeline *pl, const struct pkt_outer *outer)
{
	uint32_t low, hash;
	struct source_verdict *v;

	memcpy(&low, &outer->src.b[12], sizeof(low));
	hash = (low ^ outer->vni) * 0x9e3779b1u;
	v = &pl->sources[hash >> 16 & (SOURCE_CACHE - 1)];
	if (unlikely(v->generation != pl->cfg->generation || v->vni != outer->vni ||
		     !weft_addr_equal(&v->src, &outer->src)))
		tunnel_judge_source(pl, outer, v);
	return v;
}

/* From the outer headers to an inner frame with its segment; the inner one is not parsed yet. */
static inline int tunnel_strip(struct pipeline *pl, struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	const struct source_verdict *source;
	struct pkt_outer outer;
	enum weft_drop drop = pkt_parse_outer(m, &outer);

	meta->flags = 0;
	if (unlikely(drop == WEFT_DROP_NOT_VXLAN))
		return responder_uplink(pl, m);
	if (unlikely(drop))
		return drop;
	if (unlikely(!tunnel_is_local(pl, &outer.dst)))
		return WEFT_DROP_NOT_VXLAN;
	source = tunnel_source(pl, &outer);
	if (unlikely(source->drop))
		return source->drop;
	pl->stateful |= source->stateful;
	rte_pktmbuf_adj(m, outer.inner_off);
	meta->flags = PKT_FROM_TUNNEL;
	meta->in_port = pl->in->slot;
	meta->segment = source->segment;
	meta->in_vtep = source->vtep;
	meta->outer_tos = outer.tos;
	return VERDICT_CONTINUE;
}

static inline int tunnel_inner(struct pipeline *pl, struct rte_mbuf *m)
{
	int verdict = pkt_parse(m);

	if (likely(verdict == VERDICT_CONTINUE)) {
		stage_watch(pl, m);
		verdict = vxlan_merge_ecn(m, pkt_meta(m));
	}
	if (likely(verdict == VERDICT_CONTINUE))
		verdict = admit_frame(pl, m, pkt_meta(m));
	return verdict;
}

uint16_t tunnel_input(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t left = 0;

	for (uint16_t i = 0; i < n; i++)
		stage_prefetch(pkts[i]);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		int verdict = tunnel_strip(pl, m);

		if (likely(verdict == VERDICT_CONTINUE))
			verdict = tunnel_inner(pl, m);
		if (likely(verdict == VERDICT_CONTINUE))
			pkts[left++] = m;
		else if (verdict > 0)
			stage_drop(pl, m, verdict);
	}
	return left;
}
