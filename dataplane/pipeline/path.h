/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a unicast packet of a stateful segment goes, decided once per session and direction: within
 * its segment by MAC, or through the segment's router when it is addressed to the router's MAC (or
 * the segment is L3-only). Private to this folder. Workers.
 */
#ifndef PIPELINE_PATH_H
#define PIPELINE_PATH_H

#include <pkt/bytes.h>
#include <pkt/cksum.h>
#include <pkt/craft.h>
#include <pkt/mss.h>
#include <session/session.h>

#include "stage.h"

/* The neighbour that a router hands a packet to, and where that is. */
struct path_next {
	uint16_t segment; /* slot */
	bool learned;	  /* dest may move without a new epoch */
	bool gateway;	  /* it is a router's own address: nothing else is filled in but segment */
	struct weft_mac mac;
	struct weft_mac router; /* the router's MAC on that segment */
	struct weft_addr hop;	/* the neighbour's address */
	uint16_t by_router;	/* slot, and the prefix length of the route that decided */
	uint8_t prefix_len;
	dest_t dest;
};
/* From that router to dst; hash as in route_find. 0, or a drop with what is to be told in *ret_tell
 * (0: nothing). */
enum weft_drop path_route(const struct pipeline *pl, uint16_t router_slot,
	const struct weft_addr *dst, uint32_t hash, struct path_next *ret,
	enum pkt_error *ret_tell);

/* What path_route said of a packet, so that it is asked once. */
struct path_routed {
	bool known; /* it was asked: the rest holds */
	enum weft_drop drop;
	enum pkt_error tell;
	struct path_next next;
};
/* Asks path_route about m, of a segment with a router, unless it was asked already. */
void path_route_packet(struct pipeline *pl, const struct rte_mbuf *m, struct path_routed *routed);

/* Fills ret for m, a parsed unicast IP packet from a port or a tunnel, of which path_gateway has
 * found out as much as routed says: dest, in, out_segment,
 * match_macs (what m has), and with SESSION_DIR_ROUTED rewrite_macs; SESSION_DIR_FDB when the
 * place of the destination's MAC was learned; mss when the network clamps it. A packet from a
 * tunnel is only switched, never routed, and never goes to a tunnel again. Returns
 * VERDICT_CONTINUE, or a drop: UNKNOWN_UNICAST, SAME_PORT, VTEP_UNRESOLVED, NO_ROUTE, BLACKHOLE,
 * NO_NEIGHBOUR, ROUTE_LOOP, NOT_ROUTABLE, L3_ONLY; the sender was told by ICMP where it is to be.
 * Sends answers, changes nothing else. */
int path_find(struct pipeline *pl, struct rte_mbuf *m, struct path_routed *routed,
	struct session_decision *ret);

/* Where a decision with SESSION_DIR_FDB leads now: *ret_dest. VERDICT_CONTINUE, or the drop. */
int path_dest(const struct pipeline *pl, const struct pkt_meta *meta,
	const struct session_decision *d, dest_t *ret_dest);

/* TTL or hop limit of m is used up: the sender is told. Returns TTL_EXPIRED. */
int path_expired(struct pipeline *pl, const struct rte_mbuf *m);

/* One hop: MACs, TTL. False: none is left, m is unchanged. */
static inline bool path_hop(struct rte_mbuf *m, const struct pkt_meta *meta, const uint8_t *macs)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + meta->l3_off;

	if (likely(meta->flags & PKT_IPV4)) {
		if (unlikely(ip[8] <= 1))
			return false;
		cksum_ipv4_hop(ip);
	} else {
		if (unlikely(ip[7] <= 1))
			return false;
		ip[7]--;
	}
	memcpy(frame, macs, 12);
	return true;
}

/* Carries out the rewriting of a decision on m: MACs and TTL (with SESSION_DIR_ROUTED), MSS. meta
 * stays true; meta->segment becomes out_segment. Returns VERDICT_CONTINUE, or TTL_EXPIRED after the
 * sender was told (RFC 792, RFC 4443), then m is unchanged. Inline part of the fast path. */
static inline int path_apply(
	struct pipeline *pl, struct rte_mbuf *m, const struct session_decision *d)
{
	struct pkt_meta *meta = pkt_meta(m);

	if ((d->flags & SESSION_DIR_ROUTED) && unlikely(!path_hop(m, meta, d->rewrite_macs)))
		return path_expired(pl, m);
	meta->segment = d->out_segment;
	if (d->mss && unlikely(pkt_is_syn(m, meta)))
		pkt_clamp_mss(m, d->mss);
	return VERDICT_CONTINUE;
}

/* Packets for the router's own addresses (neighbour entries that are gateways): echo is answered,
 * anything else of TCP and UDP is told to be unreachable. VERDICT_CONTINUE: not for the gateway;
 * VERDICT_CONSUMED: m became the answer; or a drop. Fills routed when it asked path_route. */
int path_gateway(struct pipeline *pl, struct rte_mbuf *m, struct path_routed *routed);

/* ICMP errors to the sender of m, within the quota of its port (of its segment, when it came from a
 * tunnel); m stays the caller's. The source is the gateway's address on the sender's segment when
 * it has one, else m's destination. m may have been rewritten by path_apply. */
void path_tell(struct pipeline *pl, const struct rte_mbuf *m, enum pkt_error error);
/* PKT_ERROR_TOO_BIG with that MTU. */
void path_tell_mtu(struct pipeline *pl, const struct rte_mbuf *m, uint16_t mtu);
/* Policy rejects m: TCP gets a reset (RFC 9293 section 3.10.7.1), all else PKT_ERROR_PROHIBITED,
 * toward where m came from: a port, or the VTEP of a tunnel packet. */
void path_reject(struct pipeline *pl, const struct rte_mbuf *m);

#endif
