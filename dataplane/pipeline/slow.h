/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the slow path share. Private to this folder. Workers.
 */
#ifndef PIPELINE_SLOW_H
#define PIPELINE_SLOW_H

#include <session/session.h>

#include "path.h"
#include "policy.h"
#include "stage.h"

/* One packet on its way to a decision. */
struct slow {
	struct rte_mbuf *m;
	struct pkt_meta *meta;
	struct session_dir *d; /* of its session, once decided; NULL: it goes without one */
	bool track;	       /* the tracker must see m: it did not make the session */
	struct session_decision dec;
	struct path_routed routed;
};

static inline void slow_start(struct slow *w, struct rte_mbuf *m)
{
	w->m = m;
	w->meta = pkt_meta(m);
	w->d = NULL;
	w->track = true;
	w->routed.known = false;
}

/* slow.c. Fills w->dec; VERDICT_CONTINUE, VERDICT_CONSUMED when m was taken, or a drop. */
int slow_path(struct pipeline *pl, struct slow *w);
/* What the tracker says of m, once: VERDICT_CONTINUE or a drop. */
int slow_track(struct pipeline *pl, struct slow *w);
/* Takes m, for which w has the decision. */
void slow_send(struct pipeline *pl, struct slow *w);

/* slow_fragment.c. A fragment that is not the first: VERDICT_CONSUMED or a drop. */
int slow_later_fragment(struct pipeline *pl, struct slow *w);
/* A first fragment with its verdict: those behind it get the same. Carries out VERDICT_CONTINUE;
 * returns VERDICT_CONSUMED or a drop. */
int slow_first_fragment(struct pipeline *pl, struct slow *w, int verdict);

/* The policy of its session was judged in this epoch. */
static inline bool slow_is_current(const struct pipeline *pl, const struct session *s)
{
	return s->policy_epoch == pl->cfg->epoch[s->dir[0].key.segment];
}

/* Another worker made or ended the session meanwhile: look it up again. */
#define SLOW_AGAIN (-2)

/* slow_session.c. With the lock of its session: d, which m goes in, gets the decision w->dec. */
void slow_decided(struct pipeline *pl, struct slow *w, struct session_dir *d);
/* All after path_find has filled w->dec. They fill w->d, correct w->track and
 * return VERDICT_CONTINUE, SLOW_AGAIN or a drop. */

/* m belongs to d, for which nothing holds. */
int slow_existing(struct pipeline *pl, struct slow *w, struct session_dir *d);
/* m has the key and no session. */
int slow_new(struct pipeline *pl, struct slow *w, const struct session_key *key);
/* Does the policy of now allow s at the ends that it has? */
bool slow_still_allowed(struct pipeline *pl, struct session *s);
/* m goes without a session when policy lets it. */
int slow_alone(struct pipeline *pl, struct slow *w);

#endif
