/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Local services: DHCP, router advertisements, DNS and what else is answered on the host, never
 * sent to the wire. Private to this folder. Workers.
 */
#ifndef PIPELINE_SERVICE_H
#define PIPELINE_SERVICE_H

#include <netinet/in.h>

#include "stage.h"

#define SERVICE_PPS 100 /* requests of one port per second, to all services together */

/* m came from a tenant's port whose segment has a network, was parsed and passed anti-spoofing.
 * VERDICT_CONTINUE: nothing for a service; VERDICT_CONSUMED: m became the answer or was taken; or a
 * drop: ROGUE_SERVER, SERVICE_LIMIT, SERVICE_REQUEST, SERVICE_ABSENT, SERVICE_TAKEN. */
int service_packet(struct pipeline *pl, struct rte_mbuf *m);

/* DHCP of either family and side. */
static inline bool service_is_dhcp(const struct pkt_meta *meta)
{
	return meta->l4_proto == IPPROTO_UDP &&
	       (meta->dport == 67 || meta->dport == 68 || meta->dport == 546 || meta->dport == 547);
}

/* True when service_packet must see m before its session is looked up: DHCP and ND. Cheap, no
 * memory but meta. */
static inline bool service_wants(const struct pkt_meta *meta)
{
	return (meta->flags & PKT_ND) || service_is_dhcp(meta);
}

/* True when service_packet may have something to do with m, which belongs to no session: an
 * answered DNS query never makes one. */
static inline bool service_may_want(const struct pkt_meta *meta)
{
	return service_wants(meta) || (meta->l4_proto == IPPROTO_UDP && meta->dport == 53);
}

#endif
