/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instance metadata: guests' connections to the metadata addresses (weft/metadata.h) lead to the
 * service port, whatever their policy. Private to this folder. Workers.
 */
#ifndef PIPELINE_METADATA_H
#define PIPELINE_METADATA_H

#include <session/session.h>
#include <weft/metadata.h>

#include "stage.h"

/* The network of that segment serves metadata. */
static inline bool metadata_is_served(
	const struct pipeline *pl, const struct config_segment *segment)
{
	const struct config_network *net = pl->cfg->networks[segment->network_slot];

	return net && (net->spec.flags & WEFT_NETWORK_METADATA);
}

/* m came from a tenant's port of a stateful segment, passed anti-spoofing, and no decision holds
 * for it. VERDICT_CONTINUE: not for a metadata address; VERDICT_CONSUMED; or a drop: SERVICE_ABSENT
 * for all but TCP to the one port, and what track_begin and session_insert find. */
int metadata_packet(struct pipeline *pl, struct rte_mbuf *m);

/* Frames that the service port received, all taken: answers go back to who asked. */
void metadata_burst(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n);

/* A session of the service port: its answers enter by no segment. */
static inline bool metadata_is_session(const struct session *s)
{
	return s->dir[1].key.segment == 0;
}

#endif
