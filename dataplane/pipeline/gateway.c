/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The router as a host: packets of tenants to a gateway's address, of any segment that the router
 * leads to.
 *
 * Drops: SERVICE_LIMIT, NOT_ROUTABLE. Workers.
 */
#include <netinet/in.h>

#include "dry.h"
#include "path.h"
#include "stages.h"
#include "trace.h"

#define GATEWAY_ECHO_RATE 100 /* replies per second toward one port */

static bool gateway_is_own(struct pipeline *pl, const struct rte_mbuf *m,
	const struct weft_addr *dst, struct path_routed *routed)
{
	const struct neigh_entry *neigh = stage_neighbour(pl, pkt_meta_const(m)->segment, dst);

	if (neigh)
		return neigh->gateway;
	path_route_packet(pl, m, routed);
	return !routed->drop && routed->next.gateway;
}

static bool gateway_is_echo(const struct pkt_meta *meta)
{
	return (meta->flags & PKT_L4) &&
	       (meta->l4_proto == IPPROTO_ICMP || meta->l4_proto == IPPROTO_ICMPV6);
}

static int gateway_echo(struct pipeline *pl, struct rte_mbuf *m)
{
	if (!stage_quota(pl, QUOTA_ICMP, pl->in->slot, GATEWAY_ECHO_RATE, 1))
		return WEFT_DROP_SERVICE_LIMIT;
	if (!pkt_craft_echo_reply(m))
		return WEFT_DROP_NOT_ROUTABLE;
	pl->stats->answered++;
	forward_emit(pl, m, pl->in->slot);
	return VERDICT_CONSUMED;
}

int path_gateway(struct pipeline *pl, struct rte_mbuf *m, struct path_routed *routed)
{
	const struct pkt_meta *meta = pkt_meta(m);
	const struct weft_mac *router = stage_router_mac(pl, stage_segment(pl, meta));
	struct weft_addr dst;

	if (!router || (meta->flags & (PKT_FROM_TUNNEL | PKT_GROUP)) ||
		!(meta->flags & (PKT_IPV4 | PKT_IPV6)))
		return VERDICT_CONTINUE;
	if (memcmp(rte_pktmbuf_mtod(m, const uint8_t *), router->b, sizeof(router->b)) != 0 &&
		!(stage_segment(pl, meta)->spec.flags & WEFT_SEGMENT_L3_ONLY))
		return VERDICT_CONTINUE;
	dst = stage_addr(m, meta, true);
	if (!gateway_is_own(pl, m, &dst, routed))
		return VERDICT_CONTINUE;
	stage_trace(pl, meta, .step = WEFT_TRACE_GATEWAY, .dst = dst);
	if (gateway_is_echo(meta))
		return gateway_echo(pl, m);
	if ((meta->flags & PKT_L4) &&
		(meta->l4_proto == IPPROTO_TCP || meta->l4_proto == IPPROTO_UDP))
		path_tell(pl, m, PKT_ERROR_PORT);
	return WEFT_DROP_NOT_ROUTABLE;
}
