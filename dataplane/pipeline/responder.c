/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Responder: ARP requests and ND neighbour solicitations answered on this host.
 *
 * For tenants: in segments with WEFT_SEGMENT_PROXY, from the programmed neighbours, instead of
 * flooding the question. Only what was asked of everybody is answered: unicast probes (RFC 4861
 * section 7.3, RFC 1122 section 2.3.2.1) go to the neighbour itself, so that its death is noticed.
 * Never answered is a question for the asker's own address: a gratuitous ARP, or a probe for
 * duplicates (RFC 5227, RFC 4862), which only another owner may contradict.
 * For the underlay: the uplink's VTEP addresses, unless a kernel interface does it.
 *
 * What is not answered goes on as any frame (tenants) or is NOT_VXLAN (uplink). Workers.
 */
#include <pkt/craft.h>
#include <pkt/parse.h>

#include "egress.h"
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
	pl->stats->answered++;
	egress_put(pl, pl->in, m);
	return VERDICT_CONSUMED;
}

int responder_segment(struct pipeline *pl, struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	const struct neigh_entry *neigh;
	struct pkt_question q;

	if (!(stage_segment(pl, meta)->spec.flags & WEFT_SEGMENT_PROXY) ||
		!(meta->flags & PKT_GROUP) || !pkt_parse_question(m, &q))
		return VERDICT_CONTINUE;
	neigh = stage_neighbour(pl, meta->segment, &q.target);
	if (!neigh || responder_is_from(m, &neigh->mac))
		return VERDICT_CONTINUE;
	return responder_answer(pl, m, &q, &neigh->mac);
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
