/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way out: output arrays per port, transmission, booking of what was and was not accepted.
 */
#ifndef PIPELINE_EGRESS_H
#define PIPELINE_EGRESS_H

#include "trace.h"

/* Opens an array for that port; sends what waits when there is no free one. */
struct egress_array *egress_open(struct pipeline *pl, const struct config_port *port);
/* Sends what waits in one array, keeps it open. */
void egress_send(struct pipeline *pl, struct egress_array *a);
/* Sends everything; all arrays are closed. */
void egress_flush(struct pipeline *pl);
/* For a port that takes no chains: m, or a copy in one piece (m is freed), or NULL after m was
 * dropped and counted. */
struct rte_mbuf *egress_linearize(struct pipeline *pl, struct rte_mbuf *m);

/* Takes m, complete as that port's device needs it, for sending. */
static inline void egress_put(
	struct pipeline *pl, const struct config_port *port, struct rte_mbuf *m)
{
	uint8_t index = pl->egress_of_slot[port->slot];
	struct egress_array *a;

	if (unlikely(m->nb_segs > 1) && !(port->dev->offloads & PORT_OFFLOAD_MULTISEG)) {
		m = egress_linearize(pl, m);
		if (!m)
			return;
	}
	if (stage_traced(pkt_meta(m)))
		trace_output(pl, m, port);
	a = likely(index) ? &pl->egress[index - 1] : egress_open(pl, port);
	a->bytes += m->pkt_len;
	a->pkts[a->n++] = m;
	if (unlikely(a->n == EGRESS_BURST))
		egress_send(pl, a);
}

#endif
