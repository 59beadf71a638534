/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Token buckets of the ports, shared by all workers: what one port may make others do.
 *
 * One 64-bit word per bucket (the generic cell rate algorithm, ITU-T I.371: the theoretical arrival
 * time), so that workers share it with one compare-and-swap and nobody has to refill it. A bucket
 * holds at most QUOTA_BURST_MS of its rate, and never less than QUOTA_BURST_MIN.
 */
#ifndef PIPELINE_QUOTA_H
#define PIPELINE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum quota_kind {
	QUOTA_FLOOD = 1, /* flooded frames: weft_port.flood_pps */
	QUOTA_LEARN,	 /* MACs reported to the main thread */
	QUOTA_ICMP,	 /* ICMP errors sent to the port */
	QUOTA_KIND_MAX,
};

#define QUOTA_BURST_MS	100
#define QUOTA_BURST_MIN 16

/* Takes n from the bucket of that port slot; rate is per second, not 0. False: it is empty. One
 * that holds too few goes into debt, so that a large n passes too. */
bool quota_take(enum quota_kind kind, uint16_t slot, uint32_t rate, uint32_t n);

#endif
