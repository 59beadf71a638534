/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Token buckets, shared by all workers: what one port, tenant or segment may make others do.
 *
 * One 64-bit word per bucket (the generic cell rate algorithm, ITU-T I.371: the theoretical arrival
 * time), so that workers share it with one compare-and-swap and nobody has to refill it. A bucket
 * holds at most QUOTA_BURST_MS of its rate, and never less than QUOTA_BURST_MIN.
 */
#ifndef CORE_QUOTA_H
#define CORE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum quota_kind {
	QUOTA_FLOOD = 1,      /* flooded frames: weft_port.flood_pps */
	QUOTA_LEARN,	      /* MACs reported to the main thread */
	QUOTA_ICMP,	      /* ICMP and resets sent to the port */
	QUOTA_ICMP_WIRE,      /* by segment slot: into tunnels */
	QUOTA_SESSION,	      /* new sessions: weft_port.session_rate */
	QUOTA_TENANT_SESSION, /* by tenant slot: weft_tenant.session_rate */
	QUOTA_SERVICE,	      /* requests to local services */
	QUOTA_SLOW,	      /* packets of the port for which no session's decision holds */
	QUOTA_SLOW_WIRE,      /* by segment slot: the same of its packets from tunnels */
	QUOTA_STALE,	  /* packets of the port's sessions that were refused when judged again */
	QUOTA_STALE_WIRE, /* by segment slot: the same of its packets from tunnels */
	QUOTA_PLAIN,	  /* sessions of plain segments that its packets begin */
	QUOTA_PLAIN_WIRE, /* by segment slot: the same of its packets from tunnels */
	QUOTA_POLICY_LOG, /* records of rules with WEFT_RULE_LOG */
	QUOTA_KIND_MAX,
};

#define QUOTA_BURST_MS	100
#define QUOTA_BURST_MIN 16

/* Takes n from the bucket of that slot, a port's but for the kinds that say otherwise; rate is per
 * second, not 0. False: it is empty. One that holds too few goes into debt, so that a large n
 * passes too. */
bool quota_take(enum quota_kind kind, uint16_t slot, uint32_t rate, uint32_t n);
/* Would quota_take of one succeed? Takes nothing. */
bool quota_has(enum quota_kind kind, uint16_t slot, uint32_t rate);
/* quota_take when it is too late to refuse: goes into any debt. */
void quota_charge(enum quota_kind kind, uint16_t slot, uint32_t rate, uint32_t n);

#endif
