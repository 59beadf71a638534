/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Probes (pipeline/probe.h).
 */
#include <errno.h>

#include <pipeline/pipeline.h>
#include <pipeline/probe.h>

#include "stage.h"

struct probe probe_posted[WEFT_MAX_WORKERS];

int probe_post(unsigned int worker, uint32_t port, uint16_t slot, struct rte_mbuf *m)
{
	struct probe *p = &probe_posted[worker];

	if (atomic_load_explicit(&p->m, memory_order_acquire))
		return -EBUSY;
	p->port = port;
	p->slot = slot;
	atomic_store_explicit(&p->m, m, memory_order_release);
	return 0;
}

void probe_forget(unsigned int worker)
{
	rte_pktmbuf_free(atomic_exchange(&probe_posted[worker].m, NULL));
}

void probe_run(struct pipeline *pl, unsigned int worker, const struct config *cfg)
{
	struct probe *p = &probe_posted[worker];
	struct rte_mbuf *m = atomic_load_explicit(&p->m, memory_order_acquire);
	const struct config_port *port = cfg->ports[p->slot];

	if (port && (port->spec.id != p->port || !port_is_up(port->dev)))
		port = NULL;
	atomic_store_explicit(&p->m, NULL, memory_order_release);
	if (!port) {
		rte_pktmbuf_free(m);
		return;
	}
	pl->probing = true;
	pipeline_run(pl, cfg, port, &m, 1);
	pl->probing = false;
}
