/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DHCPv6 (RFC 8415, RFC 3646): gives a port its own addresses and tells of DNS.
 *
 * All single addresses of the port that lie in subnets with WEFT_SUBNET_DHCP are given in its first
 * IA_NA. Temporary addresses and prefixes are never given. Messages of relay agents are refused,
 * and unicast ones are told to use multicast.
 */
#ifndef SERVICE_DHCP6_H
#define SERVICE_DHCP6_H

#include <service/service.h>

#define DHCP6_SERVER_PORT 547
#define DHCP6_CLIENT_PORT 546

/* Returns 0 with ret filled; SERVICE_REQUEST: malformed, or meant for another server;
 * SERVICE_ABSENT: the segment has no IPv6 subnet with DHCP. */
enum weft_drop dhcp6_answer(const struct service_asker *who, const struct service_request *q,
	struct service_answer *ret);

#endif
