/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slow path's fragments: a datagram is judged by its first fragment, the others follow the
 * session of that one, wherever in the order they come.
 *
 * A fragment that waits is neither sent nor dropped yet; whoever ends its wait books it on the port
 * that it came in by. Drops: FRAGMENT_*, and what the first one's session meets. Workers.
 */
#include <session/fragment.h>

#include "dry.h"
#include "path.h"
#include "slow.h"
#include "stages.h"
#include "trace.h"

/* A fragment of a datagram whose first one has the session of key. */
static int slow_follow(struct pipeline *pl, struct slow *w, const struct session_key *key)
{
	struct session_dir *d = stage_session_find(pl, key);
	int verdict = VERDICT_CONTINUE;

	if (!d || key->segment != w->meta->segment)
		return WEFT_DROP_FRAGMENT_REFUSED;
	w->track = false;
	w->d = d;
	if (!session_holds(pl, w->m, d, &w->dec)) {
		verdict = slow_path(pl, w);
		if (verdict == VERDICT_CONTINUE)
			verdict = slow_existing(pl, w, d);
	}
	if (verdict == SLOW_AGAIN)
		return WEFT_DROP_FRAGMENT_REFUSED;
	if (verdict != VERDICT_CONTINUE)
		return verdict;
	slow_send(pl, w);
	return VERDICT_CONSUMED;
}

static enum fragment_verdict slow_ask_later(
	struct pipeline *pl, struct slow *w, struct session_key *ret_key, enum weft_drop *ret_drop)
{
	enum fragment_verdict verdict;
	struct pkt_meta meta = *w->meta;

	if (likely(!pl->dry)) {
		verdict = fragment_later(w->m, w->meta, w->meta->in_port, ret_key, ret_drop);
	} else {
		verdict = fragment_try_later(w->m, w->meta, w->meta->in_port, ret_key, ret_drop);
		if (verdict == FRAGMENT_KEPT)
			rte_pktmbuf_free(w->m);
	}
	if (verdict == FRAGMENT_KEPT)
		stage_trace(pl, &meta, .step = WEFT_TRACE_WAIT);
	return verdict;
}

static int slow_ask_first(struct pipeline *pl, const struct slow *w, const struct session_key *key,
	enum weft_drop drop, struct rte_mbuf **ret, unsigned int *ret_n, enum weft_drop *ret_drop)
{
	unsigned int n;
	int r;

	*ret_n = 0;
	if (likely(!pl->dry))
		return fragment_first(
			w->m, w->meta, w->meta->in_port, key, drop, ret, ret_n, ret_drop);
	r = fragment_try_first(w->m, w->meta, w->meta->in_port, &n, ret_drop);
	pl->dry->report->n_waiting += n;
	return r;
}

int slow_later_fragment(struct pipeline *pl, struct slow *w)
{
	struct session_key key;
	enum weft_drop drop = 0;

	switch (slow_ask_later(pl, w, &key, &drop)) {
	case FRAGMENT_FOLLOW:
		return slow_follow(pl, w, &key);
	case FRAGMENT_KEPT:
		return VERDICT_CONSUMED;
	case FRAGMENT_DROP:
		break;
	}
	return drop;
}

/* A fragment that was kept, maybe by another worker: booked on the port that it came in by. */
static void slow_drop_kept(struct pipeline *pl, struct rte_mbuf *m, enum weft_drop reason)
{
	uint16_t slot = pkt_meta(m)->in_port;

	stage_stats(pl, slot)->dropped[reason]++;
	stage_note_drop(pl, slot, m, reason);
	rte_pktmbuf_free(m);
}

/* One that waited; the port of this burst may be another. */
static void slow_release(
	struct pipeline *pl, struct rte_mbuf *m, const struct session_key *key, enum weft_drop drop)
{
	struct slow w = {.m = m, .meta = pkt_meta(m)};
	int verdict = drop;

	if (w.meta->in_port != pl->in->slot) {
		slow_drop_kept(pl, m, WEFT_DROP_FRAGMENT_REFUSED);
		return;
	}
	if (verdict == VERDICT_CONTINUE)
		verdict = slow_follow(pl, &w, key);
	if (verdict > 0)
		stage_drop(pl, m, verdict);
}

int slow_first_fragment(struct pipeline *pl, struct slow *w, int verdict)
{
	struct rte_mbuf *waiting[FRAGMENT_WAITING];
	struct session_key key = {0};
	unsigned int n = 0;
	enum weft_drop drop, others = 0;

	if (verdict == VERDICT_CONSUMED)
		return verdict;
	if (verdict == VERDICT_CONTINUE)
		verdict = slow_track(pl, w);
	drop = verdict;
	if (w->d)
		key = w->d->key;
	else if (!drop)
		drop = WEFT_DROP_FRAGMENT_REFUSED; /* nothing that others could follow */
	if (slow_ask_first(pl, w, &key, drop, waiting, &n, &others) < 0) {
		verdict = others;
	} else {
		others = drop ? WEFT_DROP_FRAGMENT_REFUSED : 0;
		if (verdict == VERDICT_CONTINUE)
			slow_send(pl, w);
	}
	for (unsigned int i = 0; i < n; i++)
		slow_release(pl, waiting[i], &key, others);
	return verdict == VERDICT_CONTINUE ? VERDICT_CONSUMED : verdict;
}

void slow_expire(struct pipeline *pl, const struct config *cfg)
{
	struct rte_mbuf *over[FRAGMENT_WAITING];
	unsigned int n = fragment_expire(over, FRAGMENT_WAITING);

	pl->cfg = cfg; /* for what explains the drops */
	pl->watch = stage_watch_of(pl);
	for (unsigned int i = 0; i < n; i++)
		slow_drop_kept(pl, over[i], pkt_meta(over[i])->drop);
}
