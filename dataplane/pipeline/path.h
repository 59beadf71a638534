/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a unicast packet of a stateful segment goes, decided once per session and direction: within
 * its segment by MAC, or through the segment's router when it is addressed to the router's MAC (or
 * the segment is L3-only). Private to this folder. Workers.
 */
#ifndef PIPELINE_PATH_H
#define PIPELINE_PATH_H

#include <session/session.h>

#include "stage.h"

/* Fills ret for m, a parsed unicast IP packet from a port or a tunnel: dest, in, out_segment,
 * match_macs (what m has), and with SESSION_DIR_ROUTED rewrite_macs; SESSION_DIR_FDB when the
 * destination's MAC was learned; mss when the network clamps it. A packet from a tunnel is only
 * switched, never routed, and never goes to a tunnel again. Returns VERDICT_CONTINUE, or a drop:
 * UNKNOWN_UNICAST, SAME_PORT, VTEP_UNRESOLVED, NO_ROUTE, BLACKHOLE, NO_NEIGHBOUR, ROUTE_LOOP,
 * NOT_ROUTABLE; the sender was told by ICMP where it is to be. Sends answers, changes nothing else.
 */
int path_find(struct pipeline *pl, struct rte_mbuf *m, struct session_decision *ret);

/* Carries out the rewriting of a decision on m: MACs and TTL (with SESSION_DIR_ROUTED), MSS. meta
 * stays true; meta->segment becomes out_segment. Returns VERDICT_CONTINUE, or TTL_EXPIRED after the
 * sender was told (RFC 792, RFC 4443), then m is unchanged. Inline part of the fast path. */
int path_apply(struct pipeline *pl, struct rte_mbuf *m, const struct session_decision *d);

/* Packets for the router's own addresses (neighbour entries that are gateways): echo is answered,
 * anything else of TCP and UDP is told to be unreachable. VERDICT_CONTINUE: not for the gateway;
 * VERDICT_CONSUMED: m became the answer; or a drop. */
int path_gateway(struct pipeline *pl, struct rte_mbuf *m);

/* ICMP errors to the sender of m, within its port's quota of such; m stays the caller's. The source
 * is the gateway's address on its segment when it has one, else m's destination. */
enum path_error {
	PATH_ERROR_TTL = 1,    /* time exceeded */
	PATH_ERROR_NO_ROUTE,   /* network unreachable; ICMPv6: no route */
	PATH_ERROR_HOST,       /* host unreachable; ICMPv6: address unreachable */
	PATH_ERROR_PORT,       /* port unreachable */
	PATH_ERROR_PROHIBITED, /* administratively prohibited */
};
void path_tell(struct pipeline *pl, const struct rte_mbuf *m, enum path_error error);
/* Policy rejects m: TCP gets a reset (RFC 9293 section 3.10.7.1), all else PATH_ERROR_PROHIBITED,
 * toward where m came from: a port, or the VTEP of a tunnel packet. */
void path_reject(struct pipeline *pl, const struct rte_mbuf *m);

#endif
