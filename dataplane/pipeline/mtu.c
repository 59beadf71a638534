/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cut to fit: what can't go to its destination as it is.
 *
 * GSO frames stay whole for a device that segments by itself, else they are segmented here; partial
 * checksums are left to such a device or completed here. A packet longer than the limit is
 * fragmented when it is IPv4 without DF; else the sender is told by ICMP (RFC 1191, RFC 8201), at a
 * bounded rate, and it is dropped. What came from a tunnel is answered only where a router can: its
 * sender's host knows the limits of the segment, but not of a port here.
 *
 * Drops: TOO_BIG, NO_MBUF, BAD_OFFLOAD. Workers.
 */
#include <errno.h>
#include <netinet/in.h>

#include <pkt/cksum.h>
#include <pkt/frag.h>
#include <pkt/gso.h>

#include "path.h"
#include "stages.h"
#include "trace.h"

static void mtu_fragment(struct pipeline *pl, struct rte_mbuf *m, dest_t dest, uint32_t limit)
{
	struct rte_mbuf *frags[PKT_FRAGS_MAX];
	int n = pkt_fragment(m, limit, frags, PKT_FRAGS_MAX);

	if (n < 0) {
		stage_drop(pl, m, n == -ENOMEM ? WEFT_DROP_NO_MBUF : WEFT_DROP_TOO_BIG);
		return;
	}
	stage_trace(pl, pkt_meta(frags[0]), .step = WEFT_TRACE_FRAGMENT, .n = n);
	pl->stats->added += n - 1;
	for (int i = 0; i < n; i++)
		forward_emit(pl, frags[i], dest);
}

void mtu_too_big(struct pipeline *pl, struct rte_mbuf *m, dest_t dest, uint32_t limit)
{
	const struct pkt_meta *meta = pkt_meta(m);

	stage_trace(
		pl, meta, .step = WEFT_TRACE_TOO_BIG, .size = stage_l3_size(m, meta), .n = limit);
	if ((meta->flags & (PKT_IPV4 | PKT_DF)) == PKT_IPV4) {
		mtu_fragment(pl, m, dest, limit);
		return;
	}
	if (!(meta->flags & PKT_FROM_TUNNEL) || stage_segment(pl, meta)->router_slot)
		path_tell_mtu(pl, m, limit);
	stage_drop(pl, m, WEFT_DROP_TOO_BIG);
}

static bool mtu_device_segments(const struct pkt_meta *meta, uint32_t offloads)
{
	uint32_t need = meta->l4_proto == IPPROTO_TCP ? PORT_OFFLOAD_TSO : PORT_OFFLOAD_USO;

	need |= PORT_OFFLOAD_CKSUM;
	return (offloads & need) == need;
}

static void mtu_segment(
	struct pipeline *pl, struct rte_mbuf *m, dest_t dest, uint32_t limit, uint32_t offloads)
{
	struct rte_mbuf *segs[PKT_GSO_SEGS_MAX];
	unsigned int flags = 0;
	int n;

	if (offloads & PORT_OFFLOAD_CKSUM)
		flags |= PKT_GSO_CKSUM_PARTIAL;
	if (!(offloads & PORT_OFFLOAD_MULTISEG))
		flags |= PKT_GSO_LINEAR;
	n = pkt_gso(m, segs, PKT_GSO_SEGS_MAX, flags);
	if (n < 0) {
		stage_drop(pl, m, n == -ENOMEM ? WEFT_DROP_NO_MBUF : WEFT_DROP_BAD_OFFLOAD);
		return;
	}
	stage_trace(pl, pkt_meta(segs[0]), .step = WEFT_TRACE_SEGMENT, .n = n);
	pl->stats->added += n - 1;
	for (int i = 0; i < n; i++)
		mtu_fit(pl, segs[i], dest, limit, offloads);
}

void mtu_fit(
	struct pipeline *pl, struct rte_mbuf *m, dest_t dest, uint32_t limit, uint32_t offloads)
{
	struct pkt_meta *meta = pkt_meta(m);
	bool gso = meta->flags & PKT_GSO;
	uint32_t size = gso ? pkt_l3_max(meta) : stage_l3_size(m, meta);

	if (size > limit && (!gso || (meta->flags & PKT_DF))) {
		mtu_too_big(pl, m, dest, limit);
		return;
	}
	if (gso && (size > limit || !mtu_device_segments(meta, offloads))) {
		mtu_segment(pl, m, dest, limit, offloads);
		return;
	}
	if (meta->flags & PKT_CKSUM_PARTIAL) {
		if (offloads & PORT_OFFLOAD_CKSUM)
			pkt_tx_offload(m);
		else
			pkt_l4_complete(m);
	}
	forward_emit(pl, m, dest);
}
