/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What holds for a destination, however it was found: may a frame go there, how large. For frames
 * that are switched by themselves (forward.c) and for sessions (path.c). Workers.
 */
#ifndef PIPELINE_DECIDE_H
#define PIPELINE_DECIDE_H

#include "stage.h"

/* May the frame go there, in that segment? A destination outside the segment (a table entry that
 * outlived its port) counts as not known; the service port is in no segment. Never back to where it
 * came from, never from a tunnel to a tunnel. */
static inline int decide_dest(
	const struct pipeline *pl, const struct pkt_meta *meta, uint16_t segment, dest_t dest)
{
	const struct config_port *port;

	if (dest & DEST_VTEP_BIT) {
		if (unlikely(meta->flags & PKT_FROM_TUNNEL))
			return WEFT_DROP_SAME_PORT;
		return pl->cfg->vteps[DEST_SLOT(dest)] ? VERDICT_CONTINUE
						       : WEFT_DROP_VTEP_UNRESOLVED;
	}
	if (unlikely(dest == meta->in_port))
		return WEFT_DROP_SAME_PORT;
	port = pl->cfg->ports[DEST_SLOT(dest)];
	if (unlikely(!port ||
		     (port->segment_slot != segment && port->spec.role != WEFT_ROLE_SERVICE)))
		return WEFT_DROP_UNKNOWN_UNICAST;
	return VERDICT_CONTINUE;
}

/* The largest IP packet that the way there takes. */
static inline uint32_t decide_mtu(const struct pipeline *pl, dest_t dest)
{
	if (dest & DEST_VTEP_BIT)
		return pl->cfg->vteps[DEST_SLOT(dest)]->inner_mtu;
	return pl->cfg->ports[DEST_SLOT(dest)]->dev->max_frame - PORT_FRAME_OVERHEAD;
}

#endif
