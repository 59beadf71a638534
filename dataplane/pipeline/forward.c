/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Forwarding: a frame goes to where its segment's FDB says its destination MAC is.
 *
 * Unicast is looked up in bulk. What is not known, and what has a group address, is flooded
 * (replicate.c) or dropped. A frame never goes to another segment, never back to where it came
 * from, and never from a tunnel to a tunnel (split horizon, RFC 7348 section 4.2 leaves loops to
 * us).
 *
 * Drops: UNKNOWN_UNICAST, NOT_ROUTABLE, SAME_PORT, VTEP_UNRESOLVED, NO_UPLINK, TX_TOO_LONG,
 * NO_MBUF. Workers.
 */
#include <rte_ether.h>

#include <core/mem.h>
#include <session/offload.h>
#include <tunnel/encap.h>

#include "decide.h"
#include "egress.h"
#include "stages.h"

/* The outer headers in a buffer of their own, with m behind it: when m has no room, or is shared.
 * NULL: there is no buffer, m is as it was. */
static __rte_noinline struct rte_mbuf *forward_encap_apart(struct rte_mbuf *m,
	const struct pkt_meta *meta, const struct config_vtep *vtep, uint32_t vni)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(mem_pools.packet);

	if (!head)
		return NULL;
	if (rte_pktmbuf_chain(head, m) != 0 || !vxlan_encap(head, meta, vtep, vni)) {
		head->next = NULL;
		head->nb_segs = 1;
		rte_pktmbuf_free(head);
		return NULL;
	}
	*pkt_meta(head) = *meta;
	return head;
}

/* m can't go there. */
static __rte_noinline void forward_refuse(
	struct pipeline *pl, struct rte_mbuf *m, dest_t dest, enum weft_drop reason)
{
	pl->blame.dest = dest;
	stage_drop(pl, m, reason);
}

/* Apart, so that the few lines of the common way need few registers. */
static __rte_noinline void forward_drop(
	struct pipeline *pl, struct rte_mbuf *m, enum weft_drop reason)
{
	stage_drop(pl, m, reason);
}

static __rte_always_inline void forward_emit_tunnel(
	struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	const struct pkt_meta *meta = pkt_meta(m);
	const struct config_vtep *vtep = pl->cfg->vteps[DEST_SLOT(dest)];
	const struct config_port *uplink = pl->cfg->ports[vtep->uplink_slot];
	uint32_t vni = stage_segment(pl, meta)->spec.vni;

	if (unlikely(!(vtep->spec.flags & WEFT_VTEP_RESOLVED))) {
		forward_refuse(pl, m, dest, WEFT_DROP_VTEP_UNRESOLVED);
		return;
	}
	if (unlikely(!uplink)) {
		forward_refuse(pl, m, dest, WEFT_DROP_NO_UPLINK);
		return;
	}
	if (unlikely(RTE_MBUF_CLONED(m) || !vxlan_encap(m, meta, vtep, vni))) {
		struct rte_mbuf *head = forward_encap_apart(m, meta, vtep, vni);

		if (!head) {
			forward_drop(pl, m, WEFT_DROP_NO_MBUF);
			return;
		}
		m = head;
	}
	if (unlikely(m->pkt_len > uplink->dev->max_frame)) {
		forward_refuse(pl, m, dest, WEFT_DROP_TX_TOO_LONG);
		return;
	}
	egress_put(pl, uplink, m);
}

/* What came through a tunnel may be longer than the port takes: a router can tell its sender. */
static __rte_noinline void forward_too_long(
	struct pipeline *pl, struct rte_mbuf *m, const struct config_port *port)
{
	const struct pkt_meta *meta = pkt_meta(m);
	uint32_t room = port->dev->max_frame - RTE_MAX(meta->l3_off, PORT_FRAME_OVERHEAD);

	if ((meta->flags & PKT_FROM_TUNNEL) && stage_segment(pl, meta)->router_slot)
		mtu_too_big(pl, m, port->slot, room);
	else
		forward_refuse(pl, m, port->slot, WEFT_DROP_TX_TOO_LONG);
}

static __rte_always_inline void forward_emit_port(
	struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	const struct config_port *port = pl->cfg->ports[DEST_SLOT(dest)];

	if (unlikely(m->pkt_len > port->dev->max_frame) && !(pkt_meta(m)->flags & PKT_GSO)) {
		forward_too_long(pl, m, port);
		return;
	}
	egress_put(pl, port, m);
}

static __rte_always_inline void forward_out(struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	if (dest & DEST_VTEP_BIT)
		forward_emit_tunnel(pl, m, dest);
	else
		forward_emit_port(pl, m, dest);
}

void forward_emit(struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	forward_out(pl, m, dest);
}

/* The largest IP packet that may go there. The segment's MTU is a promise of its tenants' hosts, so
 * it is not asked again of what another host let through. A port may take less than its segment. */
static inline uint32_t forward_limit(
	const struct pipeline *pl, const struct pkt_meta *meta, dest_t dest)
{
	uint32_t limit =
		meta->flags & PKT_FROM_TUNNEL ? UINT16_MAX : stage_segment(pl, meta)->spec.mtu;

	if (dest & DEST_VTEP_BIT) {
		/* inner_mtu knows of no VLAN tags */
		uint32_t tags = meta->l3_off - RTE_ETHER_HDR_LEN;

		return RTE_MIN(limit, decide_mtu(pl, dest) - tags);
	}
	if (meta->flags & PKT_FROM_TUNNEL)
		return limit;
	return RTE_MIN(limit, decide_mtu(pl, dest));
}

/* What the device does itself; through a tunnel header it does neither checksums nor segments. */
static uint32_t forward_offloads(const struct pipeline *pl, dest_t dest)
{
	const struct config_port *uplink;

	if (!(dest & DEST_VTEP_BIT))
		return pl->cfg->ports[DEST_SLOT(dest)]->dev->offloads;
	uplink = pl->cfg->ports[pl->cfg->vteps[DEST_SLOT(dest)]->uplink_slot];
	return uplink ? uplink->dev->offloads & PORT_OFFLOAD_MULTISEG : 0;
}

/* What does not fit as it is. */
static __rte_noinline void forward_fit(
	struct pipeline *pl, struct rte_mbuf *m, dest_t dest, uint32_t limit)
{
	mtu_fit(pl, m, dest, limit, forward_offloads(pl, dest));
}

static __rte_always_inline void forward_one(struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	const struct pkt_meta *meta = pkt_meta(m);
	uint32_t limit = forward_limit(pl, meta, dest);

	if (likely(stage_l3_size(m, meta) <= limit &&
		    !(meta->flags & (PKT_GSO | PKT_CKSUM_PARTIAL))))
		forward_out(pl, m, dest);
	else
		forward_fit(pl, m, dest, limit);
}

void forward_to(struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	forward_one(pl, m, dest);
}

static __rte_always_inline void forward_judged(struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	const struct pkt_meta *meta = pkt_meta(m);
	int verdict = decide_dest(pl, meta, meta->segment, dest);

	if (unlikely(verdict != VERDICT_CONTINUE))
		forward_drop(pl, m, verdict);
	else
		forward_one(pl, m, dest);
}

/* One function for each kind of destination: both then need few registers. */
static __rte_noinline void forward_judged_tunnel(
	struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	if (!(dest & DEST_VTEP_BIT))
		__builtin_unreachable();
	forward_judged(pl, m, dest);
}

static __rte_noinline void forward_judged_port(struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	if (dest & DEST_VTEP_BIT)
		__builtin_unreachable();
	forward_judged(pl, m, dest);
}

void forward_decided(struct pipeline *pl, struct rte_mbuf *m, dest_t dest)
{
	if (dest & DEST_VTEP_BIT)
		forward_judged_tunnel(pl, m, dest);
	else
		forward_judged_port(pl, m, dest);
}

/* The router has nothing to do with frames of any other kind than those of sessions. */
static void forward_unknown(struct pipeline *pl, struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct config_segment *seg = stage_segment(pl, meta);
	const struct weft_mac *router = stage_router_mac(pl, seg);

	if (router && memcmp(rte_pktmbuf_mtod(m, void *), router->b, sizeof(router->b)) == 0)
		stage_drop(pl, m, WEFT_DROP_NOT_ROUTABLE);
	else if (seg->spec.flags & WEFT_SEGMENT_FLOOD_UNKNOWN)
		replicate(pl, m);
	else
		stage_drop(pl, m, WEFT_DROP_UNKNOWN_UNICAST);
}

/* For all of a burst at once: the other packets then pay nothing for it. */
static __rte_cold void forward_trace(
	struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n, struct vhash_entry *const *found)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct fdb_entry *e = (const struct fdb_entry *)found[i];

		if (e && stage_traced(pkt_meta(pkts[i])))
			trace_dest(pl, pkt_meta(pkts[i]),
				rte_pktmbuf_mtod(pkts[i], const uint8_t *), e->dest);
	}
}

static void forward_known(
	struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n, const void *const *keys)
{
	struct vhash_entry *found[PIPELINE_BURST];

	vhash_find_bulk(pl->cfg->fdb, keys, n, pl->cfg->generation, found);
	stage_mark(pl, WEFT_STAGE_LOOKUP);
	if (unlikely(pl->watch))
		forward_trace(pl, pkts, n, found);
	if (unlikely(offload_port_at(pl->in->slot).ifindex))
		plain_burst(pl, pkts, n, found);
	for (uint16_t i = 0; i < n; i++) {
		const struct fdb_entry *e = (const struct fdb_entry *)found[i];

		if (likely(e))
			forward_judged(pl, pkts[i], e->dest);
		else
			forward_unknown(pl, pkts[i], pkt_meta(pkts[i]));
	}
}

void forward_burst(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n)
{
	struct fdb_key keys[PIPELINE_BURST];
	const void *key_ptrs[PIPELINE_BURST];
	uint16_t n_unicast = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct pkt_meta *meta = pkt_meta(m);

		if (unlikely(meta->flags & PKT_GROUP)) {
			replicate(pl, m);
			continue;
		}
		keys[n_unicast] = fdb_key_of(meta->segment, rte_pktmbuf_mtod(m, const uint8_t *));
		key_ptrs[n_unicast] = &keys[n_unicast];
		pkts[n_unicast++] = m;
	}
	if (n_unicast)
		forward_known(pl, pkts, n_unicast, key_ptrs);
	stage_mark(pl, WEFT_STAGE_APPLY);
}
