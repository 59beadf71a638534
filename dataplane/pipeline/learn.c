/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Learning: source MACs that the FDB does not have are reported to the main thread, learned ones
 * are marked as seen.
 *
 * For frames of ports with WEFT_PORT_LEARN and, from tunnels, of segments with
 * WEFT_SEGMENT_LEARN_WIRE. What is programmed is never learned over, and the MAC of the segment's
 * router never learned: it is on every host, and nobody may claim it. Gives no verdicts: a MAC that
 * is refused (quota, full queue) is counted, its frame goes on. Workers.
 */
#include <stdatomic.h>

#include <rte_ether.h>

#include <core/clock.h>
#include <core/quota.h>
#include <table/learn.h>

#include "stages.h"

/* New or moved MACs that one port may report per second: what the main thread takes with ease. */
#define LEARN_RATE 2000

struct learn_source {
	struct fdb_key key;
	dest_t dest;
};

static bool learn_wanted(const struct pipeline *pl, const struct pkt_meta *meta)
{
	const struct config_segment *seg = stage_segment(pl, meta);

	if (seg->spec.max_learned == 0)
		return false;
	if (meta->flags & PKT_FROM_TUNNEL)
		return seg->spec.flags & WEFT_SEGMENT_LEARN_WIRE;
	return (pl->in->spec.flags & (WEFT_PORT_LEARN | WEFT_PORT_ANTISPOOF)) == WEFT_PORT_LEARN;
}

static void learn_source_of(
	struct rte_mbuf *m, const struct pkt_meta *meta, struct learn_source *ret)
{
	ret->key = fdb_key_of(
		meta->segment, rte_pktmbuf_mtod(m, const uint8_t *) + RTE_ETHER_ADDR_LEN);
	ret->dest = meta->flags & PKT_FROM_TUNNEL ? DEST_VTEP_BIT | meta->in_vtep : meta->in_port;
}

static void learn_report(struct pipeline *pl, const struct learn_source *s)
{
	struct learn_event e = {.key = s->key, .dest = s->dest, .generation = pl->cfg->generation};
	const struct weft_mac *router =
		stage_router_mac(pl, pl->cfg->segments[s->key.segment_slot]);

	if (router && weft_mac_equal(router, &s->key.mac))
		return;
	if (!quota_take(QUOTA_LEARN, pl->in->slot, LEARN_RATE, 1) || !learn_post(&e))
		pl->stats->learn_refused++;
}

/* seen_s is stored at most once a second, so that workers do not fight for the line. */
static void learn_judge(struct pipeline *pl, const struct learn_source *s, struct fdb_entry *e)
{
	uint32_t now = clock_s();

	if (!e) {
		learn_report(pl, s);
		return;
	}
	if (!e->learned)
		return;
	if (e->dest != s->dest)
		learn_report(pl, s);
	else if (atomic_load_explicit(&e->seen_s, memory_order_relaxed) != now)
		atomic_store_explicit(&e->seen_s, now, memory_order_relaxed);
}

void learn_burst(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n)
{
	struct learn_source sources[PIPELINE_BURST];
	const void *keys[PIPELINE_BURST];
	struct vhash_entry *found[PIPELINE_BURST];
	uint16_t n_keys = 0;

	if (unlikely(pl->dry))
		return;
	for (uint16_t i = 0; i < n; i++) {
		struct pkt_meta *meta = pkt_meta(pkts[i]);

		if (!learn_wanted(pl, meta))
			continue;
		learn_source_of(pkts[i], meta, &sources[n_keys]);
		keys[n_keys] = &sources[n_keys].key;
		n_keys++;
	}
	if (n_keys == 0)
		return;
	vhash_find_bulk(pl->cfg->fdb, keys, n_keys, pl->cfg->generation, found);
	for (uint16_t i = 0; i < n_keys; i++)
		learn_judge(pl, &sources[i], (struct fdb_entry *)found[i]);
}
