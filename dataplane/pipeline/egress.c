/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Egress: frames gathered per output port leave in bursts. What came from an uplink in one burst
 * and belongs to one TCP connection is joined for a tenant's port that segments by itself.
 *
 * Drops: PORT_DOWN or NO_UPLINK (the device is not up), TX_FULL (not accepted), NO_MBUF (no buffer
 * to copy a chain into). Workers.
 */
#include <string.h>

#include <core/mem.h>
#include <pkt/gro.h>

#include "dry.h"
#include "egress.h"

/* Returns how many frames of the ledger they were. */
static uint32_t egress_drop_rest(
	struct pipeline *pl, struct egress_array *a, uint16_t from, enum weft_drop reason)
{
	uint32_t frames = a->n - from;

	for (uint16_t i = from; i < a->n; i++) {
		const struct pkt_meta *meta = pkt_meta(a->pkts[i]);

		pl->blame.dest = a->port->slot;
		stage_note_drop(pl, pl->in->slot, a->pkts[i], reason);
		a->bytes -= a->pkts[i]->pkt_len;
		if (a->joins) {
			a->bytes -= meta->joined * meta->hdr_len;
			frames += meta->joined;
		}
	}
	stage_count_drops(pl, reason, frames);
	rte_pktmbuf_free_bulk(&a->pkts[from], a->n - from);
	return frames;
}

static enum weft_drop egress_down_reason(const struct config_port *port)
{
	return port->spec.role == WEFT_ROLE_UPLINK ? WEFT_DROP_NO_UPLINK : WEFT_DROP_PORT_DOWN;
}

static __rte_cold void egress_send_dry(struct pipeline *pl, struct egress_array *a)
{
	if (port_is_up(a->port->dev))
		dry_send(pl, a);
	else
		egress_drop_rest(pl, a, 0, egress_down_reason(a->port));
	a->n = 0;
	a->bytes = 0;
}

void egress_send(struct pipeline *pl, struct egress_array *a)
{
	struct weft_port_stats *out = counters_port(pl->worker, a->port->slot);
	enum weft_drop reason = WEFT_DROP_TX_FULL;
	uint32_t frames = a->n;
	uint16_t sent = 0;

	if (a->joins && a->n > 1)
		a->n = pkt_gro(a->pkts, a->n);
	if (unlikely(pl->dry)) {
		egress_send_dry(pl, a);
		return;
	}
	if (likely(port_is_up(a->port->dev)))
		sent = port_tx(a->port->dev, pl->worker, a->pkts, a->n);
	else
		reason = egress_down_reason(a->port);
	if (unlikely(sent < a->n))
		frames -= egress_drop_rest(pl, a, sent, reason);
	out->tx_packets += frames;
	out->tx_bytes += a->bytes;
	pl->stats->sent += frames;
	a->n = 0;
	a->bytes = 0;
}

void egress_flush(struct pipeline *pl)
{
	for (unsigned int i = 0; i < pl->n_egress; i++) {
		struct egress_array *a = &pl->egress[i];

		if (a->n)
			egress_send(pl, a);
		pl->egress_of_slot[a->port->slot] = 0;
	}
	pl->n_egress = 0;
}

/* Of frames that enter by pl->in. */
static bool egress_joins(const struct pipeline *pl, const struct config_port *port)
{
	const uint32_t need = PORT_OFFLOAD_CKSUM | PORT_OFFLOAD_TSO | PORT_OFFLOAD_MULTISEG;

	return pl->in->spec.role == WEFT_ROLE_UPLINK && port->spec.role == WEFT_ROLE_TENANT &&
	       (port->dev->offloads & need) == need;
}

struct egress_array *egress_open(struct pipeline *pl, const struct config_port *port)
{
	struct egress_array *a;

	if (pl->n_egress == EGRESS_ARRAYS)
		egress_flush(pl);
	a = &pl->egress[pl->n_egress++];
	a->port = port;
	a->n = 0;
	a->bytes = 0;
	a->joins = egress_joins(pl, port);
	pl->egress_of_slot[port->slot] = pl->n_egress;
	return a;
}

static struct rte_mbuf *egress_alloc(uint32_t size)
{
	if (size <= MEM_DATA_SIZE)
		return rte_pktmbuf_alloc(mem_pools.packet);
	return size <= MEM_HUGE_SIZE ? rte_pktmbuf_alloc(mem_pools.huge) : NULL;
}

struct rte_mbuf *egress_linearize(struct pipeline *pl, struct rte_mbuf *m)
{
	struct rte_mbuf *one = egress_alloc(m->pkt_len);
	char *to;

	if (!one) {
		stage_drop(pl, m, WEFT_DROP_NO_MBUF);
		return NULL;
	}
	to = rte_pktmbuf_append(one, m->pkt_len);
	for (const struct rte_mbuf *s = m; s; s = s->next) {
		memcpy(to, rte_pktmbuf_mtod(s, const void *), s->data_len);
		to += s->data_len;
	}
	one->ol_flags = m->ol_flags &
			(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG |
				RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
	one->tx_offload = m->tx_offload;
	*pkt_meta(one) = *pkt_meta(m);
	rte_pktmbuf_free(m);
	return one;
}
