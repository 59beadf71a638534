/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The path of a session's packets: switched within their segment by the FDB, or routed by the
 * sender's host to the destination's segment, neighbour and place, in one hop (the receiver's host
 * only switches). Called when a session is made or judged again; what it finds is carried out by
 * path_apply. Workers.
 */
#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include <table/route.h>

#include "decide.h"
#include "path.h"
#include "trace.h"

static const struct fdb_entry *path_fdb(
	const struct pipeline *pl, uint16_t segment, const uint8_t *mac)
{
	struct fdb_key key = fdb_key_of(segment, mac);

	return (const struct fdb_entry *)vhash_find(pl->cfg->fdb, &key, pl->cfg->generation);
}

static bool path_ipv4_routable(const uint8_t *a)
{
	return a[0] != 0 && a[0] != 127 && a[0] < 224 && !(a[0] == 169 && a[1] == 254);
}

/* ::/80 has no hosts: unspecified, loopback, IPv4-compatible. */
static bool path_ipv6_routable(const uint8_t *a)
{
	static const uint8_t zero[10];

	return a[0] != 0xff && !(a[0] == 0xfe && (a[1] & 0xc0) == 0x80) &&
	       memcmp(a, zero, sizeof(zero)) != 0;
}

/* RFC 1812 section 5.3.7, RFC 6890, RFC 4291 section 2.5.6. */
static bool path_routable(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off);

	if (meta->flags & (PKT_VLAN | PKT_ND | PKT_GROUP))
		return false;
	if (meta->flags & PKT_IPV4)
		return path_ipv4_routable(ip + 12) && path_ipv4_routable(ip + 16);
	return (meta->flags & PKT_IPV6) && path_ipv6_routable(ip + 8) &&
	       path_ipv6_routable(ip + 24);
}

enum weft_drop path_route(const struct pipeline *pl, uint16_t router_slot,
	const struct weft_addr *dst, uint32_t hash, struct path_next *ret, enum pkt_error *ret_tell)
{
	const struct neigh_entry *neigh;
	const struct fdb_entry *fdb;
	struct route_result route;

	*ret = (struct path_next){0};
	*ret_tell = 0;
	route_find(pl->cfg, router_slot, dst, hash, &route);
	ret->by_router = route.by_router;
	ret->prefix_len = route.prefix_len;
	if (route.drop) {
		*ret_tell = route.unreachable ? PKT_ERROR_NO_ROUTE : 0;
		return route.drop;
	}
	ret->segment = route.segment;
	ret->hop = route.neighbour;
	ret->router = pl->cfg->routers[route.router]->spec.mac;
	neigh = stage_neighbour(pl, route.segment, &route.neighbour);
	if (neigh && neigh->gateway) {
		ret->gateway = true;
		return 0;
	}
	fdb = neigh ? path_fdb(pl, route.segment, neigh->mac.b) : NULL;
	if (!fdb) {
		*ret_tell = PKT_ERROR_HOST;
		return WEFT_DROP_NO_NEIGHBOUR;
	}
	ret->mac = neigh->mac;
	ret->dest = fdb->dest;
	ret->learned = fdb->learned;
	return 0;
}

void path_route_packet(struct pipeline *pl, const struct rte_mbuf *m, struct path_routed *routed)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	struct weft_addr dst = stage_addr(m, meta, true);

	if (routed->known)
		return;
	routed->drop = path_route(pl, stage_segment(pl, meta)->router_slot, &dst, meta->hash,
		&routed->next, &routed->tell);
	routed->known = true;
}

static int path_find_routed(struct pipeline *pl, const struct rte_mbuf *m,
	const struct pkt_meta *meta, struct path_routed *routed, struct session_decision *ret)
{
	const struct path_next *next = &routed->next;

	if (!path_routable(m, meta))
		return WEFT_DROP_NOT_ROUTABLE;
	path_route_packet(pl, m, routed);
	if (stage_traced(meta))
		trace_next(pl, meta, next, routed->drop);
	if (routed->tell)
		path_tell(pl, m, routed->tell);
	if (routed->drop)
		return routed->drop;
	if (next->gateway)
		return WEFT_DROP_NOT_ROUTABLE;
	ret->dest = next->dest;
	ret->out_segment = next->segment;
	ret->flags = SESSION_DIR_ROUTED | (next->learned ? SESSION_DIR_FDB : 0);
	memcpy(ret->rewrite_macs, next->mac.b, 6);
	memcpy(ret->rewrite_macs + 6, next->router.b, 6);
	return decide_dest(pl, meta, next->segment, next->dest);
}

static int path_find_switched(
	struct pipeline *pl, const struct pkt_meta *meta, struct session_decision *ret)
{
	const struct fdb_entry *fdb = path_fdb(pl, meta->segment, ret->match_macs);

	if (!fdb)
		return WEFT_DROP_UNKNOWN_UNICAST;
	ret->dest = fdb->dest;
	ret->flags = fdb->learned ? SESSION_DIR_FDB : 0;
	if (stage_traced(meta))
		trace_dest(pl, meta, ret->match_macs, fdb->dest);
	return decide_dest(pl, meta, meta->segment, fdb->dest);
}

/* What the ends may send each other on this way, as TCP counts it (RFC 9293 section 3.7.1). The MSS
 * of a SYN limits what comes back, on the same way. */
static uint16_t path_mss(
	const struct pipeline *pl, const struct pkt_meta *meta, const struct session_decision *d)
{
	const struct config_segment *in = stage_segment(pl, meta);
	const struct config_network *net = pl->cfg->networks[in->network_slot];
	uint32_t mtu = RTE_MIN(in->spec.mtu, pl->cfg->segments[d->out_segment]->spec.mtu);

	if (meta->l4_proto != IPPROTO_TCP || !net || !(net->spec.flags & WEFT_NETWORK_MSS_CLAMP))
		return 0;
	mtu = RTE_MIN(mtu, decide_mtu(pl, d->dest));
	if (meta->flags & PKT_FROM_TUNNEL)
		mtu = RTE_MIN(mtu, (uint32_t)pl->cfg->vteps[meta->in_vtep]->inner_mtu);
	else
		mtu = RTE_MIN(mtu, decide_mtu(pl, meta->in_port));
	return mtu - sizeof(struct rte_tcp_hdr) -
	       (meta->flags & PKT_IPV6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr));
}

static int path_find_way(struct pipeline *pl, struct rte_mbuf *m, const struct pkt_meta *meta,
	struct path_routed *routed, struct session_decision *ret)
{
	const struct config_segment *seg = stage_segment(pl, meta);
	const struct weft_mac *router = stage_router_mac(pl, seg);
	bool to_router = router && memcmp(ret->match_macs, router->b, sizeof(router->b)) == 0;

	if (meta->flags & PKT_FROM_TUNNEL)
		return to_router ? WEFT_DROP_NOT_ROUTABLE : path_find_switched(pl, meta, ret);
	if (to_router)
		return path_find_routed(pl, m, meta, routed, ret);
	if (seg->spec.flags & WEFT_SEGMENT_L3_ONLY)
		return router ? path_find_routed(pl, m, meta, routed, ret) : WEFT_DROP_L3_ONLY;
	return path_find_switched(pl, meta, ret);
}

int path_find(struct pipeline *pl, struct rte_mbuf *m, struct path_routed *routed,
	struct session_decision *ret)
{
	const struct pkt_meta *meta = pkt_meta(m);
	int verdict;

	*ret = (struct session_decision){
		.in = meta->flags & PKT_FROM_TUNNEL ? 0 : meta->in_port,
		.out_segment = meta->segment,
	};
	memcpy(ret->match_macs, rte_pktmbuf_mtod(m, const uint8_t *), sizeof(ret->match_macs));
	verdict = path_find_way(pl, m, meta, routed, ret);
	if (verdict == VERDICT_CONTINUE)
		ret->mss = path_mss(pl, meta, ret);
	return verdict;
}

int path_dest(const struct pipeline *pl, const struct pkt_meta *meta,
	const struct session_decision *d, dest_t *ret_dest)
{
	const uint8_t *mac = d->flags & SESSION_DIR_ROUTED ? d->rewrite_macs : d->match_macs;
	const struct fdb_entry *fdb = path_fdb(pl, d->out_segment, mac);

	if (!fdb)
		return WEFT_DROP_UNKNOWN_UNICAST;
	*ret_dest = fdb->dest;
	return decide_dest(pl, meta, d->out_segment, fdb->dest);
}

int path_expired(struct pipeline *pl, const struct rte_mbuf *m)
{
	path_tell(pl, m, PKT_ERROR_TTL);
	return WEFT_DROP_TTL_EXPIRED;
}
