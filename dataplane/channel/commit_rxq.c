/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which worker polls which receive queue. A queue that has a worker keeps it; a new one goes to the
 * worker with the fewest. So a port that comes or goes never moves another port's packets to
 * another worker. Main thread.
 */
#include <stdlib.h>
#include <string.h>

#include "commit.h"

static uint16_t n_queues(const struct config_port *p)
{
	return p ? p->spec.n_queues : 0;
}

static void count_load(const struct commit *c, uint32_t *load)
{
	for (uint32_t slot = 1; slot < WEFT_MAX_PORTS; slot++)
		for (uint16_t q = 0; q < n_queues(c->next->ports[slot]); q++)
			if (c->rxq_owner[slot][q])
				load[c->rxq_owner[slot][q] - 1]++;
}

static uint8_t least_loaded(const uint32_t *load)
{
	uint8_t best = 0;

	for (uint8_t w = 1; w < channel.n_workers; w++)
		if (load[w] < load[best])
			best = w;
	return best;
}

static void assign_new(struct commit *c, uint32_t *load)
{
	for (uint32_t i = 0; i < c->ports.n; i++) {
		uint16_t slot = c->ports.slots[i];

		for (uint16_t q = 0; q < WEFT_PORT_QUEUES; q++) {
			uint8_t *owner = &c->rxq_owner[slot][q];

			if (q >= n_queues(c->next->ports[slot])) {
				*owner = 0;
			} else if (!*owner) {
				*owner = least_loaded(load) + 1;
				load[*owner - 1]++;
			}
		}
	}
}

int commit_rxqs(struct commit *c)
{
	uint32_t load[WEFT_MAX_WORKERS] = {0}, total = 0;
	struct config_rxq *block;

	memcpy(c->rxq_owner, channel.rxq_owner, sizeof(c->rxq_owner));
	if (c->ports.n == 0 || channel.n_workers == 0)
		return 0;
	count_load(c, load);
	assign_new(c, load);
	for (uint32_t w = 0; w < channel.n_workers; w++)
		total += load[w];
	block = object_new((total + 1) * sizeof(*block));
	if (!block)
		return commit_fail_memory(c);
	for (uint32_t w = 0; w < channel.n_workers; w++) {
		c->next->rxqs[w] = block;
		c->next->n_rxqs[w] = 0;
		block += load[w];
	}
	for (uint32_t slot = 1; slot < WEFT_MAX_PORTS; slot++) {
		for (uint16_t q = 0; q < n_queues(c->next->ports[slot]); q++) {
			uint8_t w = c->rxq_owner[slot][q] - 1;

			c->next->rxqs[w][c->next->n_rxqs[w]++] =
				(struct config_rxq){.port_slot = slot, .queue = q};
		}
	}
	return 0;
}
