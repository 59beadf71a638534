/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Responder: ARP requests and ND neighbour solicitations answered on this host.
 *
 * For tenants: in segments with WEFT_SEGMENT_PROXY, from the programmed neighbours, instead of
 * flooding the question. Only what was asked of everybody is answered: unicast probes (RFC 4861
 * section 7.3, RFC 1122 section 2.3.2.1) go to the neighbour itself, so that its death is noticed.
 * The router is on this host: it answers for gateways whoever was asked, and in L3-only segments
 * for all that it leads to (proxy ARP, RFC 1027). Never answered is a question for the asker's own
 * address: a gratuitous ARP, or a probe for duplicates (RFC 5227, RFC 4862), which only another
 * owner may contradict. So are the metadata addresses, where they are served. For the underlay: the
 * uplink's VTEP addresses, unless a kernel interface does it.
 *
 * What is not answered goes on as any frame (tenants) or is NOT_VXLAN (uplink). Workers.
 */
#include <pkt/craft.h>
#include <pkt/parse.h>
#include <service/service.h>
#include <table/route.h>

#include "egress.h"
#include "metadata.h"
#include "stages.h"

static bool responder_is_from(const struct rte_mbuf *m, const struct weft_mac *mac)
{
	return memcmp(rte_pktmbuf_mtod(m, const uint8_t *) + 6, mac->b, sizeof(mac->b)) == 0;
}

/* m becomes the answer "addr is at mac" and goes back to where it came from. */
static int responder_answer(struct pipeline *pl, struct rte_mbuf *m, const struct pkt_question *q,
	const struct weft_mac *mac)
{
	enum weft_drop drop = pkt_craft_answer(m, q, mac);

	if (drop)
		return drop;
	stage_trace(pl, pkt_meta(m), .step = WEFT_TRACE_ANSWER, .port = pl->in->spec.id);
	pl->stats->answered++;
	egress_put(pl, pl->in, m);
	return VERDICT_CONSUMED;
}

/* 0.0.0.0 (RFC 5227) or :: (RFC 4862): the asker wants the target for itself. */
static bool responder_is_probe(const struct pkt_question *q)
{
	static const struct weft_addr nobody = {.b = {[10] = 0xff, [11] = 0xff}};

	return weft_addr_is_zero(&q->sender) || weft_addr_equal(&q->sender, &nobody);
}

/* Link-local addresses are never routed. */
static bool responder_is_link_local(const struct weft_addr *a)
{
	if (weft_addr_is_v4(a))
		return a->b[12] == 169 && a->b[13] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* Does the router of the L3-only segment lead to the target? Not to an address of the segment that
 * nobody has, as nobody could use it then. */
static bool responder_is_routed(const struct pipeline *pl, const struct config_segment *seg,
	const struct pkt_question *q, const struct neigh_entry *neigh)
{
	struct route_result r;

	if (responder_is_probe(q) || weft_addr_equal(&q->sender, &q->target))
		return neigh != NULL; /* somebody takes it for its own */
	if (responder_is_link_local(&q->target))
		return false;
	if (neigh)
		return true;
	route_find(pl->cfg, seg->router_slot, &q->target, 0, &r);
	return r.drop == 0 &&
	       !(r.segment == seg->slot && weft_addr_equal(&r.neighbour, &q->target));
}

/* The metadata addresses are at whoever answers services on the segment. */
static bool responder_is_metadata(
	const struct pipeline *pl, const struct config_segment *seg, const struct pkt_question *q)
{
	return metadata_is_served(pl, seg) && weft_metadata_is(&q->target) &&
	       !responder_is_probe(q) && !weft_addr_equal(&q->sender, &q->target);
}

/* The MAC to answer with, NULL: no answer. */
static const struct weft_mac *responder_mac(const struct pipeline *pl, const struct rte_mbuf *m,
	const struct config_segment *seg, struct pkt_question *q)
{
	const struct neigh_entry *neigh = stage_neighbour(pl, seg->slot, &q->target);
	const struct weft_mac *router = stage_router_mac(pl, seg);

	if (responder_is_metadata(pl, seg, q))
		return router ? router : &service_mac;
	if (neigh && responder_is_from(m, &neigh->mac))
		return NULL;
	if (neigh && neigh->gateway) {
		q->router = true;
		return &neigh->mac;
	}
	if (seg->spec.flags & WEFT_SEGMENT_L3_ONLY)
		return router && responder_is_routed(pl, seg, q, neigh) ? router : NULL;
	if (!neigh || !(seg->spec.flags & WEFT_SEGMENT_PROXY) ||
		!(pkt_meta_const(m)->flags & PKT_GROUP))
		return NULL;
	return &neigh->mac;
}

static bool responder_is_asked(
	const struct pipeline *pl, struct rte_mbuf *m, const struct config_segment *seg)
{
	const struct weft_mac *mac = stage_router_mac(pl, seg);

	if (!mac && metadata_is_served(pl, seg))
		mac = &service_mac;
	if (pkt_meta(m)->flags & PKT_GROUP)
		return mac || (seg->spec.flags & WEFT_SEGMENT_PROXY);
	return mac && memcmp(rte_pktmbuf_mtod(m, const uint8_t *), mac->b, sizeof(mac->b)) == 0;
}

int responder_segment(struct pipeline *pl, struct rte_mbuf *m)
{
	const struct config_segment *seg = stage_segment(pl, pkt_meta(m));
	const struct weft_mac *mac;
	struct pkt_question q;

	if (!responder_is_asked(pl, m, seg) || !pkt_parse_question(m, &q))
		return VERDICT_CONTINUE;
	mac = responder_mac(pl, m, seg, &q);
	return mac ? responder_answer(pl, m, &q, mac) : VERDICT_CONTINUE;
}

/* Kernel interfaces have the address themselves and answer. */
static bool responder_is_kernel(const struct config_port *port)
{
	return port->spec.kind == WEFT_PORT_AF_XDP || port->spec.kind == WEFT_PORT_VETH;
}

int responder_uplink(struct pipeline *pl, struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	struct pkt_question q;

	if (responder_is_kernel(pl->in))
		return WEFT_DROP_NOT_VXLAN;
	meta->flags = 0;
	if (pkt_parse(m) != 0 || !(meta->flags & (PKT_ARP | PKT_ND)) || !pkt_parse_question(m, &q))
		return WEFT_DROP_NOT_VXLAN;
	for (unsigned int i = 0; i < pl->cfg->n_local_vteps; i++) {
		const struct config_local_vtep *v = &pl->cfg->local_vteps[i];

		if (v->uplink_slot == pl->in->slot && weft_addr_equal(&v->spec.addr, &q.target))
			return responder_answer(pl, m, &q, &v->spec.mac);
	}
	return WEFT_DROP_NOT_VXLAN;
}
