/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Egress: frames gathered per output port leave in bursts.
 *
 * Drops: PORT_DOWN or NO_UPLINK (the device is not up), TX_FULL (not accepted), NO_MBUF (no buffer
 * to copy a chain into). Workers.
 */
#include <string.h>

#include <core/mem.h>

#include "egress.h"

static void egress_drop_rest(
	struct pipeline *pl, struct egress_array *a, uint16_t from, enum weft_drop reason)
{
	for (uint16_t i = from; i < a->n; i++)
		a->bytes -= a->pkts[i]->pkt_len;
	stage_count_drops(pl, reason, a->n - from);
	rte_pktmbuf_free_bulk(&a->pkts[from], a->n - from);
}

static enum weft_drop egress_down_reason(const struct config_port *port)
{
	return port->spec.role == WEFT_ROLE_UPLINK ? WEFT_DROP_NO_UPLINK : WEFT_DROP_PORT_DOWN;
}

void egress_send(struct pipeline *pl, struct egress_array *a)
{
	struct weft_port_stats *out = counters_port(pl->worker, a->port->slot);
	enum weft_drop reason = WEFT_DROP_TX_FULL;
	uint16_t sent = 0;

	if (likely(port_is_up(a->port->dev)))
		sent = port_tx(a->port->dev, pl->worker, a->pkts, a->n);
	else
		reason = egress_down_reason(a->port);
	if (unlikely(sent < a->n))
		egress_drop_rest(pl, a, sent, reason);
	out->tx_packets += sent;
	out->tx_bytes += a->bytes;
	pl->stats->sent += sent;
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

struct egress_array *egress_open(struct pipeline *pl, const struct config_port *port)
{
	struct egress_array *a;

	if (pl->n_egress == EGRESS_ARRAYS)
		egress_flush(pl);
	a = &pl->egress[pl->n_egress++];
	a->port = port;
	a->n = 0;
	a->bytes = 0;
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
	rte_pktmbuf_free(m);
	return one;
}
