/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dry runs: the pipeline's own code on a few packets, with nothing changed (pipeline_dry_run).
 * Wherever the pipeline changes what outlives a packet it goes through these: a worker's pipeline
 * does it, a dry one looks what it would do. Private to this folder. Workers; the main thread when
 * dry.
 */
#ifndef PIPELINE_DRY_H
#define PIPELINE_DRY_H

#include <core/quota.h>
#include <session/fragment.h>
#include <session/session.h>

#include "stage.h"

#define DRY_GHOSTS 64 /* sessions that the packets of a run look at */

struct dry {
	struct session ghosts[DRY_GHOSTS];
	const struct session *real[DRY_GHOSTS]; /* that it is the copy of; NULL: a new one */
	unsigned int n_ghosts;
	uint32_t packet;	      /* number of the one that runs */
	struct session_freed gone;    /* real ones that would be removed */
	struct weft_port_stats stats; /* of all ports */
	struct pipeline_report *report;
};

/* dry.c */
/* A ghost: of the session with that key, or of one that would be there by now. */
struct session_dir *dry_find(struct dry *dry, const struct session_key *key);
/* What it is a ghost of; NULL: of none that is there. */
const struct session_dir *dry_real(const struct dry *dry, const struct session_dir *d);
struct session *dry_insert(struct dry *dry, const struct session_new *n, enum weft_drop *ret_drop);
void dry_remove(struct dry *dry, struct session *ghost);
void dry_tell(struct dry *dry, const struct weft_trace_record *r);
/* Takes what would be sent. */
void dry_send(struct pipeline *pl, struct egress_array *a);

static inline bool stage_quota(
	const struct pipeline *pl, enum quota_kind kind, uint16_t slot, uint32_t rate, uint32_t n)
{
	return unlikely(pl->dry) ? quota_has(kind, slot, rate) : quota_take(kind, slot, rate, n);
}

static inline void stage_charge(
	const struct pipeline *pl, enum quota_kind kind, uint16_t slot, uint32_t rate, uint32_t n)
{
	if (likely(!pl->dry))
		quota_charge(kind, slot, rate, n);
}

/* Whatever kind of segment its session was made for. */
static inline struct session_dir *stage_session_find_any(
	struct pipeline *pl, const struct session_key *key)
{
	return unlikely(pl->dry) ? dry_find(pl->dry, key) : session_find(key);
}

static inline struct session *stage_session_insert(
	struct pipeline *pl, const struct session_new *n, enum weft_drop *ret_drop)
{
	return unlikely(pl->dry) ? dry_insert(pl->dry, n, ret_drop)
				 : session_insert(pl->worker, n, ret_drop);
}

static inline void stage_session_remove(struct pipeline *pl, struct session *s)
{
	if (unlikely(pl->dry))
		dry_remove(pl->dry, s);
	else
		session_remove(s);
}

/* For stateful segments: what was let through while there was nothing to judge by must not last,
 * and neither must what it made of who began. */
static inline struct session_dir *stage_session_find(
	struct pipeline *pl, const struct session_key *key)
{
	struct session_dir *d = stage_session_find_any(pl, key);

	if (likely(!d || !(session_of(d)->flags & SESSION_PLAIN)))
		return d;
	stage_session_remove(pl, session_of(d));
	return NULL;
}

#endif
