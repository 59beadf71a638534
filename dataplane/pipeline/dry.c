/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dry runs (dry.h). A dry pipeline finds ghosts of sessions instead of sessions, so that whatever
 * is done to them stays in here. Main thread, as a reader of what workers share.
 */
#include <rte_malloc.h>

#include "dry.h"
#include "trace.h"

struct pipeline *pipeline_new_dry(void)
{
	struct pipeline *pl = pipeline_new(0);

	if (!pl)
		return NULL;
	pl->dry = rte_zmalloc("dry", sizeof(*pl->dry), RTE_CACHE_LINE_SIZE);
	if (pl->dry)
		return pl;
	pipeline_free(pl);
	return NULL;
}

struct weft_port_stats *dry_stats(struct pipeline *pl)
{
	return &pl->dry->stats;
}

static bool dry_is_gone(const struct dry *dry, const struct session *real)
{
	for (unsigned int i = 0; i < dry->gone.n; i++) {
		if (dry->gone.sessions[i] == real)
			return true;
	}
	return false;
}

static struct session *dry_place(struct dry *dry, const struct session *real)
{
	unsigned int i = dry->n_ghosts++ % DRY_GHOSTS;

	dry->real[i] = real;
	return &dry->ghosts[i];
}

struct session_dir *dry_ghost(struct dry *dry, struct session_dir *d)
{
	struct session *real, *ghost;

	if (!d)
		return NULL;
	real = session_of(d);
	if (dry_is_gone(dry, real))
		return NULL;
	ghost = dry_place(dry, real);
	session_ghost(real, ghost);
	return &ghost->dir[d - real->dir];
}

struct session *dry_insert(struct dry *dry, const struct session_new *n, enum weft_drop *ret_drop)
{
	struct session *ghost;

	for (unsigned int i = 0; i < 2; i++) {
		struct session_dir *d = session_find(&n->key[i]);

		if (d && !dry_is_gone(dry, session_of(d))) {
			*ret_drop = 0;
			return NULL;
		}
	}
	ghost = dry_place(dry, NULL);
	return session_ghost_insert(n, &dry->gone, ghost, ret_drop) ? ghost : NULL;
}

void dry_remove(struct dry *dry, struct session *ghost)
{
	const struct session *real = dry->real[ghost - dry->ghosts];

	if (real && dry->gone.n < RTE_DIM(dry->gone.sessions))
		dry->gone.sessions[dry->gone.n++] = real;
}

void dry_send(struct pipeline *pl, struct egress_array *a)
{
	struct pipeline_report *report = pl->dry->report;

	for (uint16_t i = 0; i < a->n; i++) {
		if (report->n_frames == PIPELINE_REPORT_FRAMES) {
			report->n_more_frames++;
			rte_pktmbuf_free(a->pkts[i]);
			continue;
		}
		report->frames[report->n_frames].port = a->port->slot;
		report->frames[report->n_frames++].m = a->pkts[i];
	}
}

void pipeline_dry_run(struct pipeline *pl, const struct config *cfg, const struct config_port *port,
	struct rte_mbuf *m, struct pipeline_report *ret)
{
	struct dry *dry = pl->dry;

	memset(ret, 0, offsetof(struct pipeline_report, steps));
	dry->n_ghosts = 0;
	dry->gone.n = 0;
	dry->report = ret;
	memset(&dry->stats, 0, sizeof(dry->stats));
	pkt_meta(m)->flags = 0;
	trace_received(pl, port, m);
	pipeline_run(pl, cfg, port, &m, 1);
	for (unsigned int i = 1; i < WEFT_DROP_MAX; i++)
		ret->dropped[i] = dry->stats.dropped[i];
}

void pipeline_report_clear(struct pipeline_report *report)
{
	for (unsigned int i = 0; i < report->n_frames; i++)
		rte_pktmbuf_free(report->frames[i].m);
	report->n_frames = 0;
}
