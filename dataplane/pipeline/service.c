/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Local services: requests of a port answered on this host, and servers that tenants may not be.
 *
 * A segment is guarded when any of its subnets has DHCP or router advertisements: then no port may
 * act as a DHCP server (what it sends to a client's port, from whatever port of its own) or send
 * router advertisements, whatever its policy, and requests never leave the host, also when nobody
 * answers them. In any other segment they are frames as any: tenants may run such servers
 * themselves. VLAN tags don't hide a server; a service answers untagged requests only. A fragment
 * with the ports in it is judged as a whole packet, and without it the others come to nothing.
 *
 * Drops: ROGUE_SERVER, SERVICE_LIMIT, SERVICE_REQUEST, SERVICE_ABSENT, SERVICE_TAKEN, NO_MBUF.
 * Workers.
 */
#include <pkt/nd.h>
#include <service/dhcp4.h>
#include <service/dhcp6.h>
#include <service/dns.h>
#include <service/ra.h>

#include "dry.h"
#include "egress.h"
#include "service.h"

struct service {
	/* Is m, untagged, a request for it? guarded: of its segment. */
	bool (*claims)(const struct service_asker *who, const struct rte_mbuf *m, bool guarded);
	/* False: malformed. */
	bool (*read)(const struct rte_mbuf *m, uint8_t *copy, struct service_request *ret);
	enum weft_drop (*answer)(const struct service_asker *who, const struct service_request *q,
		struct service_answer *ret);
};

static bool service_is_udp_to(const struct pkt_meta *meta, enum pkt_flag family, uint16_t dport)
{
	return (meta->flags & family) && (meta->flags & PKT_L4) && meta->l4_proto == IPPROTO_UDP &&
	       meta->dport == dport;
}

static bool service_is_nd(const struct pkt_meta *meta, enum nd_type type)
{
	return (meta->flags & PKT_ND) && meta->sport >> 8 == type;
}

static bool service_is_rogue(const struct pkt_meta *meta)
{
	return service_is_udp_to(meta, PKT_IPV4, DHCP4_CLIENT_PORT) ||
	       service_is_udp_to(meta, PKT_IPV6, DHCP6_CLIENT_PORT) ||
	       service_is_nd(meta, ND_ROUTER_ADVERT);
}

static bool service_claims_dhcp4(
	const struct service_asker *who, const struct rte_mbuf *m, bool guarded)
{
	return guarded && service_is_udp_to(pkt_meta_const(m), PKT_IPV4, DHCP4_SERVER_PORT);
}

static bool service_claims_dhcp6(
	const struct service_asker *who, const struct rte_mbuf *m, bool guarded)
{
	return guarded && service_is_udp_to(pkt_meta_const(m), PKT_IPV6, DHCP6_SERVER_PORT);
}

static bool service_claims_solicit(
	const struct service_asker *who, const struct rte_mbuf *m, bool guarded)
{
	return guarded && service_is_nd(pkt_meta_const(m), ND_ROUTER_SOLICIT);
}

static bool service_claims_dns(
	const struct service_asker *who, const struct rte_mbuf *m, bool guarded)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off);
	struct weft_addr dst;

	if (meta->flags & PKT_GROUP)
		return false;
	if (service_is_udp_to(meta, PKT_IPV4, DNS_PORT))
		dst = weft_addr_from_v4(ip + 16);
	else if (service_is_udp_to(meta, PKT_IPV6, DNS_PORT))
		memcpy(&dst, ip + 24, sizeof(dst));
	else
		return false;
	return service_subnet_by_gateway(who->segment, &dst, WEFT_SUBNET_DNS);
}

static bool service_read_solicit(
	const struct rte_mbuf *m, uint8_t *copy, struct service_request *ret)
{
	struct nd_info nd;

	if (!nd_parse(m, &nd))
		return false;
	ret->src = nd.src;
	memcpy(ret->src_mac.b, rte_pktmbuf_mtod(m, const uint8_t *) + 6, sizeof(ret->src_mac.b));
	return true;
}

static const struct service services[] = {
	{service_claims_dhcp4, service_read, dhcp4_answer},
	{service_claims_dhcp6, service_read, dhcp6_answer},
	{service_claims_solicit, service_read_solicit, ra_answer},
	{service_claims_dns, service_read, dns_answer},
};

/* The answer takes the place of m. */
static int service_serve(struct pipeline *pl, struct rte_mbuf *m, const struct service_asker *who,
	const struct service *s)
{
	uint8_t copy[SERVICE_REQUEST_MAX];
	struct service_request q;
	struct service_answer a;
	struct rte_mbuf *out;
	enum weft_drop drop;

	if (!stage_quota(pl, QUOTA_SERVICE, pl->in->slot, SERVICE_PPS, 1))
		return WEFT_DROP_SERVICE_LIMIT;
	if (!s->read(m, copy, &q))
		return WEFT_DROP_SERVICE_REQUEST;
	drop = s->answer(who, &q, &a);
	if (drop)
		return drop;
	out = service_frame(&a, &who->mac, pl->in->slot, who->segment->slot);
	if (!out)
		return WEFT_DROP_NO_MBUF;
	stage_trace(pl, pkt_meta(m), .step = WEFT_TRACE_SERVICE, .port = pl->in->spec.id);
	rte_pktmbuf_free(m);
	pl->stats->answered++;
	egress_put(pl, pl->in, out);
	return VERDICT_CONSUMED;
}

int service_packet(struct pipeline *pl, struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	const struct config_segment *segment = stage_segment(pl, meta);
	struct service_asker who;
	uint8_t flags;
	bool guarded;

	if (segment->n_subnets == 0)
		return VERDICT_CONTINUE;
	flags = service_flags(segment, true) | service_flags(segment, false);
	guarded = flags & (WEFT_SUBNET_DHCP | WEFT_SUBNET_RA);
	if (guarded && service_is_rogue(meta))
		return WEFT_DROP_ROGUE_SERVER;
	if (meta->flags & PKT_VLAN)
		return VERDICT_CONTINUE;
	who = service_asker_of(pl->cfg, segment, &pl->in->spec);
	for (unsigned int i = 0; i < RTE_DIM(services); i++) {
		if (services[i].claims(&who, m, guarded))
			return service_serve(pl, m, &who, &services[i]);
	}
	return VERDICT_CONTINUE;
}
