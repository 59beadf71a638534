/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DNS (RFC 1035, RFC 3596, RFC 6891): the names of a network's ports, answered with authority.
 *
 * A and AAAA of what the table of names has, any case; no data for other types of such names.
 * Everything else, reverse names included, is refused, so that a resolver goes on to its next
 * server.
 */
#ifndef SERVICE_DNS_H
#define SERVICE_DNS_H

#include <service/service.h>

#define DNS_PORT 53

/* q->dst is the gateway's address. Returns 0 with ret filled (an error of DNS is an answer, too),
 * or SERVICE_REQUEST: not even the header of a query. */
enum weft_drop dns_answer(const struct service_asker *who, const struct service_request *q,
	struct service_answer *ret);

#endif
