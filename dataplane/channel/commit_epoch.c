/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Epochs: which sessions the generation being made judges again (table/config.h). Whoever changes
 * something that a session may stand on says so here, for a network or a segment of it; at the end
 * all segments of those networks get the new epoch. Networks with routes between them go together.
 * Main thread, within a commit.
 */
#include "commit.h"

void commit_stale_network(struct commit *c, uint16_t network_slot)
{
	if (!network_slot)
		return;
	c->any_stale = true;
	c->stale_networks[network_slot] = true;
}

void commit_stale_segment(struct commit *c, uint16_t segment_slot)
{
	c->any_stale = true;
	c->stale_segments[segment_slot] = true;
}

static void mark_networks_of_segments(struct commit *c)
{
	for (uint32_t i = 1; i < WEFT_MAX_SEGMENTS; i++) {
		if (!c->stale_segments[i])
			continue;
		if (c->old->segments[i])
			c->stale_networks[c->old->segments[i]->network_slot] = true;
		if (c->next->segments[i])
			c->stale_networks[c->next->segments[i]->network_slot] = true;
	}
}

static bool peers_now(const struct config *cfg, uint32_t slot)
{
	return cfg->networks[slot] && cfg->networks[slot]->peers;
}

static void mark_peers(struct commit *c)
{
	bool any = false;

	for (uint32_t i = 1; i < WEFT_MAX_NETWORKS && !any; i++)
		any = c->stale_networks[i] && (peers_now(c->old, i) || peers_now(c->next, i));
	for (uint32_t i = 1; i < WEFT_MAX_NETWORKS && any; i++)
		c->stale_networks[i] |= peers_now(c->next, i);
}

void commit_epochs(struct commit *c)
{
	uint32_t epoch = (uint32_t)c->g ? (uint32_t)c->g : 1;

	if (!c->any_stale)
		return;
	mark_networks_of_segments(c);
	mark_peers(c);
	for (uint32_t i = 1; i < WEFT_MAX_SEGMENTS; i++) {
		const struct config_segment *s = c->next->segments[i];

		if (s && s->network_slot && c->stale_networks[s->network_slot])
			c->next->epoch[i] = epoch;
	}
}
