/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Router advertisements (RFC 4861, RFC 8106): tell ports of the IPv6 subnets with WEFT_SUBNET_RA of
 * their segment.
 *
 * Prefixes are on-link, with the A flag where subnets are autonomous. M and O say that there is
 * DHCPv6. The sender is the link-local address of the router's MAC, which is a default router only
 * when the segment has a router and a subnet has a gateway: who asks for that address must get the
 * router's MAC, so it belongs into the neighbour table with WEFT_NEIGH_GATEWAY.
 */
#ifndef SERVICE_RA_H
#define SERVICE_RA_H

#include <service/service.h>

#define RA_ROUTER_LIFETIME_S 1800

/* The advertisement to q->src at q->src_mac, or to all nodes when q->src is unspecified. Returns 0
 * with ret filled, or SERVICE_ABSENT: no subnet is advertised. */
enum weft_drop ra_answer(const struct service_asker *who, const struct service_request *q,
	struct service_answer *ret);

#endif
