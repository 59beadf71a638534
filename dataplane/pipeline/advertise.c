/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Router advertisements that nobody asked for: hosts forget a router that they don't hear of for
 * RA_ROUTER_LIFETIME_S, and solicit none after their first one (RFC 4861 section 6.2.4).
 *
 * The worker that owns a port's first queue sends them, every ADVERTISE_INTERVAL_S, the ports
 * spread over that time by their slots. A second that a busy worker misses is made good by the next
 * turn. In the ledger of the port they are added. Workers.
 */
#include <core/clock.h>
#include <service/ra.h>

#include "egress.h"
#include "stages.h"

#define ADVERTISE_INTERVAL_S 300
#define ADVERTISE_SPREAD     7 /* neighbours in slots are apart in time */
static_assert(ADVERTISE_INTERVAL_S * 3 <= RA_ROUTER_LIFETIME_S, "two may be lost");

static bool advertise_is_due(uint16_t slot, uint32_t now_s)
{
	return (now_s + slot * ADVERTISE_SPREAD) % ADVERTISE_INTERVAL_S == 0;
}

static void advertise_port(
	struct pipeline *pl, const struct config *cfg, const struct config_port *port)
{
	const struct config_segment *segment = cfg->segments[port->segment_slot];
	struct service_request nobody = {0};
	struct service_asker who;
	struct service_answer a;
	struct rte_mbuf *m;

	if (!segment || segment->network_slot == 0 || !port_is_up(port->dev))
		return;
	who = service_asker_of(cfg, segment, &port->spec);
	if (ra_answer(&who, &nobody, &a) != 0)
		return;
	m = service_frame(&a, &who.mac, port->slot, segment->slot);
	if (!m)
		return;
	pl->cfg = cfg;
	pl->in = port;
	pl->stats = counters_port(pl->worker, port->slot);
	pl->stats->added++;
	egress_put(pl, port, m);
	egress_flush(pl);
}

void advertise_tick(struct pipeline *pl, const struct config *cfg)
{
	uint32_t now_s = clock_s();

	if (likely(pl->tick_s == now_s) || !cfg)
		return;
	pl->tick_s = now_s;
	for (unsigned int i = 0; i < cfg->n_rxqs[pl->worker]; i++) {
		const struct config_rxq *q = &cfg->rxqs[pl->worker][i];

		if (q->queue == 0 && advertise_is_due(q->port_slot, now_s))
			advertise_port(pl, cfg, cfg->ports[q->port_slot]);
	}
}
