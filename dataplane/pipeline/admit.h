/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Admission: what a parsed frame of any origin, port or tunnel, must satisfy.
 *
 * Drops: VLAN, RESERVED_MAC. Workers.
 */
#ifndef PIPELINE_ADMIT_H
#define PIPELINE_ADMIT_H

#include <string.h>

#include "stage.h"

/* 01:80:c2:00:00:00 to :0f stay on the link (IEEE 802.1Q table 8-1). */
static inline bool admit_is_reserved(const uint8_t *dst)
{
	static const uint8_t reserved[5] = {0x01, 0x80, 0xc2, 0, 0};

	return memcmp(dst, reserved, sizeof(reserved)) == 0 && (dst[5] & 0xf0) == 0;
}

/* What a frame of any origin must satisfy. */
static inline int admit_frame(
	const struct pipeline *pl, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	if (likely(!(meta->flags & (PKT_GROUP | PKT_VLAN))))
		return VERDICT_CONTINUE;
	if ((meta->flags & PKT_VLAN) &&
		!(stage_segment(pl, meta)->spec.flags & WEFT_SEGMENT_INNER_VLAN))
		return WEFT_DROP_VLAN;
	if ((meta->flags & PKT_GROUP) && admit_is_reserved(rte_pktmbuf_mtod(m, const uint8_t *)))
		return WEFT_DROP_RESERVED_MAC;
	return VERDICT_CONTINUE;
}

#endif
