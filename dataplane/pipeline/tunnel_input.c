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

static uint8_t tunnel_into(const struct config_segment *seg)
{
	return (seg->stateful ? INTO_STATEFUL : 0) |
	       (seg->spec.flags & WEFT_SEGMENT_LEARN_WIRE ? INTO_LEARNS : 0);
}

static void tunnel_judge(
	const struct pipeline *pl, const struct pkt_outer *outer, struct tunnel_verdict *ret)
{
	const struct slot_entry *seg = tunnel_find(pl, pl->cfg->vni, &outer->vni);
	const struct slot_entry *vtep = tunnel_find(pl, pl->cfg->vtep, &outer->src);

	*ret = (struct tunnel_verdict){
		.generation = pl->cfg->generation,
		.src = outer->src,
		.dst = outer->dst,
		.vni = outer->vni,
		.in = pl->in->slot,
	};
	if (!tunnel_is_local(pl, &outer->dst)) {
		ret->drop = WEFT_DROP_NOT_VXLAN;
	} else if (!seg) {
		ret->drop = WEFT_DROP_UNKNOWN_VNI;
	} else if (!vtep || !config_segment_has_vtep(pl->cfg->segments[seg->slot], vtep->slot)) {
		ret->drop = WEFT_DROP_UNKNOWN_VTEP;
	} else {
		ret->segment = seg->slot;
		ret->vtep = vtep->slot;
		ret->into = tunnel_into(pl->cfg->segments[seg->slot]);
		ret->flags = PKT_FROM_TUNNEL | (ret->into & INTO_STATEFUL ? PKT_STATEFUL : 0);
	}
}

/* A cached verdict holds in the generation that it was made in and in no other. */
static inline const struct tunnel_verdict *tunnel_verdict(
	struct pipeline *pl, const struct pkt_outer *outer)
{
	uint32_t low, hash;
	struct tunnel_verdict *v;

	memcpy(&low, &outer->src.b[12], sizeof(low));
	hash = (low ^ outer->vni) * 0x9e3779b1u;
	v = &pl->tunnels[hash >> 16 & (TUNNEL_CACHE - 1)];
	if (unlikely(v->generation != pl->cfg->generation || v->vni != outer->vni ||
		     v->in != pl->in->slot || !weft_addr_equal(&v->src, &outer->src) ||
		     !weft_addr_equal(&v->dst, &outer->dst)))
		tunnel_judge(pl, outer, v);
	return v;
}

/* From the outer headers to an inner frame with its segment; the inner one is not parsed yet. */
static inline int tunnel_strip(struct pipeline *pl, struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	const struct tunnel_verdict *v;
	struct pkt_outer outer;
	enum weft_drop drop = pkt_parse_outer(m, &outer);

	meta->flags = 0;
	if (unlikely(drop == WEFT_DROP_NOT_VXLAN))
		return responder_uplink(pl, m);
	if (unlikely(drop))
		return drop;
	v = tunnel_verdict(pl, &outer);
	if (unlikely(v->drop))
		return v->drop;
	pl->into |= v->into;
	rte_pktmbuf_adj(m, outer.inner_off);
	meta->flags = v->flags;
	meta->in_port = v->in;
	meta->segment = v->segment;
	meta->in_vtep = v->vtep;
	meta->outer_tos = outer.tos;
	return VERDICT_CONTINUE;
}

static inline int tunnel_inner(struct pipeline *pl, struct rte_mbuf *m)
{
	int verdict = pkt_parse(m);

	if (likely(verdict == VERDICT_CONTINUE)) {
		stage_watch(pl, m);
		/* no ECN field says least: nothing is to be merged (RFC 6040 figure 4) */
		if (unlikely(pkt_meta(m)->outer_tos & VXLAN_ECN_MASK))
			verdict = vxlan_merge_ecn(m, pkt_meta(m));
	}
	if (likely(verdict == VERDICT_CONTINUE))
		verdict = admit_frame(pl, m, pkt_meta(m));
	return verdict;
}

uint16_t tunnel_input(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t left = 0;

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
