/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Telling senders: ICMP errors and TCP resets, to the port or to the VTEP that a packet came from.
 *
 * A packet that a router has sent into its segment, here or on another host, bears the router's
 * MAC: its sender is on another segment, and the answer is routed there by this host, as the
 * answers of tenants are. Called by any stage on workers, for few packets: there is a quota.
 */
#include <netinet/in.h>

#include "dry.h"
#include "path.h"
#include "stages.h"
#include "trace.h"

#define TELL_RATE 100 /* per second, toward one port, or one segment's tunnels */

/* How an answer gets to the sender of a packet. */
struct tell_way {
	dest_t dest;
	uint16_t segment;
	bool routed; /* then the MACs are: */
	struct weft_mac dst, src;
	struct weft_addr gateway; /* on the sender's segment; zero: none */
};

/* A router's address on the segment: of the subnet that a is in, else of any of its family. */
static struct weft_addr tell_gateway(
	const struct pipeline *pl, const struct config_segment *seg, const struct weft_addr *a)
{
	struct weft_addr any = {0};

	if (!stage_router_mac(pl, seg))
		return any;
	for (unsigned int i = 0; i < seg->n_subnets; i++) {
		const struct weft_subnet *s = &seg->subnets[i].spec;

		if (weft_addr_is_zero(&s->gateway) ||
			weft_addr_is_v4(&s->gateway) != weft_addr_is_v4(a))
			continue;
		if (weft_prefix_contains(&s->prefix, a))
			return s->gateway;
		any = s->gateway;
	}
	return any;
}

static bool tell_is_from_router(
	const struct pipeline *pl, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct weft_mac *router = stage_router_mac(pl, stage_segment(pl, meta));

	return router &&
	       memcmp(rte_pktmbuf_mtod(m, const uint8_t *) + 6, router->b, sizeof(router->b)) == 0;
}

static bool tell_find_way(const struct pipeline *pl, const struct rte_mbuf *m, struct tell_way *ret)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	bool tunnel = meta->flags & PKT_FROM_TUNNEL;
	uint16_t segment = tunnel ? meta->segment : pl->in->segment_slot;
	struct weft_addr sender = stage_addr(m, meta, false);
	struct path_next next;
	enum pkt_error tell;

	*ret = (struct tell_way){.segment = segment};
	if (!pl->cfg->segments[segment])
		return false; /* from the service port */
	ret->dest = tunnel ? DEST_VTEP_BIT | meta->in_vtep : pl->in->slot;
	if (tell_is_from_router(pl, m, meta)) {
		if (path_route(pl, pl->cfg->segments[segment]->router_slot, &sender, meta->hash,
			    &next, &tell) != 0 ||
			next.gateway || (!tunnel && next.dest != ret->dest))
			return false;
		ret->routed = true;
		ret->dest = next.dest;
		ret->segment = next.segment;
		ret->dst = next.mac;
		ret->src = next.router;
	}
	ret->gateway = tell_gateway(pl, pl->cfg->segments[ret->segment], &sender);
	return true;
}

static void tell_send(struct pipeline *pl, struct rte_mbuf *a, const struct tell_way *way)
{
	uint8_t *frame = rte_pktmbuf_mtod(a, uint8_t *);

	if (way->routed) {
		memcpy(frame, way->dst.b, 6);
		memcpy(frame + 6, way->src.b, 6);
	}
	pkt_meta(a)->segment = way->segment;
	stage_trace(pl, pkt_meta(a), .step = WEFT_TRACE_ANSWER, .port = pl->in->spec.id);
	pl->stats->added++;
	pl->stats->answered++;
	forward_emit(pl, a, way->dest);
}

static bool tell_may(const struct pipeline *pl, const struct pkt_meta *meta)
{
	return meta->flags & PKT_FROM_TUNNEL
		       ? stage_quota(pl, QUOTA_ICMP_WIRE, meta->segment, TELL_RATE, 1)
		       : stage_quota(pl, QUOTA_ICMP, meta->in_port, TELL_RATE, 1);
}

static void tell_error(
	struct pipeline *pl, const struct rte_mbuf *m, enum pkt_error error, uint16_t mtu)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	struct tell_way way;
	struct rte_mbuf *a;

	if (!(meta->flags & (PKT_IPV4 | PKT_IPV6)) || !tell_may(pl, meta) ||
		!tell_find_way(pl, m, &way))
		return;
	a = pkt_craft_error(m, error, mtu, weft_addr_is_zero(&way.gateway) ? NULL : &way.gateway);
	if (a)
		tell_send(pl, a, &way);
}

void path_tell(struct pipeline *pl, const struct rte_mbuf *m, enum pkt_error error)
{
	tell_error(pl, m, error, 0);
}

void path_tell_mtu(struct pipeline *pl, const struct rte_mbuf *m, uint16_t mtu)
{
	tell_error(pl, m, PKT_ERROR_TOO_BIG, mtu);
}

void path_reject(struct pipeline *pl, const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	struct tell_way way;
	struct rte_mbuf *a;

	if ((meta->flags & (PKT_L4 | PKT_FRAGMENT)) != PKT_L4 || meta->l4_proto != IPPROTO_TCP) {
		path_tell(pl, m, PKT_ERROR_PROHIBITED);
		return;
	}
	if (!tell_may(pl, meta) || !tell_find_way(pl, m, &way))
		return;
	a = pkt_craft_reset(m);
	if (a)
		tell_send(pl, a, &way);
}
