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

static unsigned int dry_n_ghosts(const struct dry *dry)
{
	return RTE_MIN(dry->n_ghosts, (unsigned int)DRY_GHOSTS);
}

/* The direction of a session that packets before, or this one, would have made. */
static struct session_dir *dry_made(struct dry *dry, const struct session_key *key)
{
	for (unsigned int i = 0; i < 2 * dry_n_ghosts(dry); i++) {
		struct session *s = &dry->ghosts[i / 2];

		if (!dry->real[i / 2] && !(s->flags & SESSION_DEAD) &&
			memcmp(&s->dir[i % 2].key, key, sizeof(*key)) == 0)
			return &s->dir[i % 2];
	}
	return NULL;
}

/* The copy of a real session, as what was before left it. */
static struct session *dry_copy(struct dry *dry, const struct session *real)
{
	struct session *ghost;

	for (unsigned int i = 0; i < dry_n_ghosts(dry); i++) {
		if (dry->real[i] == real)
			return &dry->ghosts[i];
	}
	ghost = dry_place(dry, real);
	session_ghost(real, ghost);
	return ghost;
}

struct session_dir *dry_find(struct dry *dry, const struct session_key *key)
{
	struct session_dir *d = session_find(key);
	struct session *real;

	if (!d || dry_is_gone(dry, session_of(d)))
		return dry_made(dry, key);
	real = session_of(d);
	return &dry_copy(dry, real)->dir[d - real->dir];
}

const struct session_dir *dry_real(const struct dry *dry, const struct session_dir *d)
{
	const struct session *ghost = session_of((struct session_dir *)(uintptr_t)d);
	const struct session *real = dry->real[ghost - dry->ghosts];

	return real ? &real->dir[d - ghost->dir] : NULL;
}

/* In session_insert's order: limits come before keys that are there. */
struct session *dry_insert(struct dry *dry, const struct session_new *n, enum weft_drop *ret_drop)
{
	struct session *ghost;

	*ret_drop = session_would_refuse(n, &dry->gone);
	if (*ret_drop || dry_find(dry, &n->key[0]) || dry_find(dry, &n->key[1]))
		return NULL;
	ghost = dry_place(dry, NULL);
	session_ghost_new(n, ghost);
	return ghost;
}

void dry_remove(struct dry *dry, struct session *ghost)
{
	const struct session *real = dry->real[ghost - dry->ghosts];

	if (!real)
		ghost->flags |= SESSION_DEAD;
	else if (dry->gone.n < RTE_DIM(dry->gone.sessions))
		dry->gone.sessions[dry->gone.n++] = real;
}

void dry_tell(struct dry *dry, const struct weft_trace_record *r)
{
	struct pipeline_report *report = dry->report;

	if (report->n_steps == PIPELINE_REPORT_STEPS)
		report->n_more_steps++;
	else
		report->steps[report->n_steps++] = *r;
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
		report->frames[report->n_frames].packet = pl->dry->packet;
		report->frames[report->n_frames++].m = a->pkts[i];
	}
}

void pipeline_dry_start(struct pipeline *pl, struct pipeline_report *ret)
{
	struct dry *dry = pl->dry;

	memset(ret, 0, offsetof(struct pipeline_report, steps));
	dry->n_ghosts = 0;
	dry->gone.n = 0;
	dry->packet = 0;
	dry->report = ret;
	memset(&dry->stats, 0, sizeof(dry->stats));
}

void pipeline_dry_run(struct pipeline *pl, const struct config *cfg, const struct config_port *port,
	struct rte_mbuf *m)
{
	struct pipeline_report *report = pl->dry->report;
	unsigned int before = report->n_steps;

	pkt_meta(m)->flags = 0;
	trace_received(pl, port, m);
	pipeline_run(pl, cfg, port, &m, 1);
	for (unsigned int i = before; i < report->n_steps; i++)
		report->steps[i].packet = pl->dry->packet;
	pl->dry->packet++;
	for (unsigned int i = 1; i < WEFT_DROP_MAX; i++)
		report->dropped[i] = pl->dry->stats.dropped[i];
}

void pipeline_report_clear(struct pipeline_report *report)
{
	for (unsigned int i = 0; i < report->n_frames; i++)
		rte_pktmbuf_free(report->frames[i].m);
	report->n_frames = 0;
}
