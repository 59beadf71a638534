/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DHCPv4 (RFC 2131, RFC 2132, RFC 3442, RFC 6842): gives a port its own address and says what its
 * subnet is like.
 *
 * Only a single address of the port that lies in a subnet with WEFT_SUBNET_DHCP is given: the one
 * asked for when it is such, else the first. Requests of relay agents, of other MACs than the
 * port's, and BOOTP are refused.
 */
#ifndef SERVICE_DHCP4_H
#define SERVICE_DHCP4_H

#include <service/service.h>

#define DHCP4_SERVER_PORT 67
#define DHCP4_CLIENT_PORT 68

/* Returns 0 with ret filled; SERVICE_REQUEST: malformed, or meant for another server;
 * SERVICE_ABSENT: the port has no address to be given; SERVICE_TAKEN: needs no answer. */
enum weft_drop dhcp4_answer(const struct service_asker *who, const struct service_request *q,
	struct service_answer *ret);

#endif
