/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The oracle's sessions: which there are, what begins one, who is asked whether it may go on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "differential.h"
#include "oracle_session.h"

#define SESSIONS 2000

static struct osession sessions[SESSIONS];
static unsigned int n_sessions;

/* What oracle_learn has to know of the last packet. */
static struct {
	struct arrival a;
	struct osession *s; /* the tracker may or may not have let it pass */
	unsigned int dir;
	bool reopen; /* it may have begun anew */
	bool reopen_allowed;
	struct osession *old; /* what that would end */
	struct okey k[2];
	uint32_t end[2];
	struct expect x;
} last;

void session_reset(void)
{
	n_sessions = 0;
	last.s = NULL;
	fragments_reset();
}

struct osession *session_find_key(const struct okey *k, unsigned int *ret_dir)
{
	for (unsigned int i = 0; i < n_sessions; i++) {
		for (unsigned int d = 0; d < 2; d++) {
			if (sessions[i].used && key_equal(&sessions[i].k[d], k)) {
				*ret_dir = d;
				return &sessions[i];
			}
		}
	}
	return NULL;
}

static struct osession *session_add(const struct okey k[2], const uint32_t end[2])
{
	struct osession *s = NULL;

	for (unsigned int i = 0; i < n_sessions && !s; i++) {
		if (!sessions[i].used)
			s = &sessions[i];
	}
	if (!s && n_sessions == SESSIONS)
		abort();
	if (!s)
		s = &sessions[n_sessions++];
	*s = (struct osession){.used = true, .k = {k[0], k[1]}, .end = {end[0], end[1]}};
	return s;
}

static enum weft_drop refuse(struct expect *x, const struct arrival *a, enum weft_drop drop)
{
	if (drop == WEFT_DROP_POLICY_REJECT)
		expect_reject(x, a);
	if (drop)
		expect_drop(x, drop);
	return drop;
}

static enum weft_drop judge_key(const struct okey *k, const uint32_t end[2])
{
	struct flow_view f;

	flow_of_key(k, &f);
	return judge_ends(end[0], end[1], &f);
}

enum weft_drop session_judge(const struct osession *s)
{
	return judge_key(&s->k[0], s->end);
}

/* A packet by itself. */
static enum weft_drop expect_alone(struct expect *x, const struct arrival *a, const struct way *w)
{
	struct flow_view f;

	flow_of(&a->v, &f);
	return refuse(x, a, judge_ends(a->port ? a->port->id : 0, w->port, &f));
}

/* From where the tables say that its sender is? Tunnels are one place. */
static bool is_home(const struct arrival *a)
{
	const struct weft_neigh *n = find_neigh(a->seg->vni, &a->v.src);
	const struct weft_fdb *f = find_fdb(a->seg->vni, &a->v.smac);

	return !a->port ||
	       (f && f->port == a->port->id && (!n || weft_mac_equal(&n->mac, &a->v.smac)));
}

static uint32_t answers_in(const struct arrival *a, const struct way *w)
{
	return w->port ? w->vni : a->seg->vni;
}

static void decide(struct osession *s, unsigned int dir, const struct arrival *a)
{
	s->decided[dir].holds = true;
	s->decided[dir].in = a->port ? a->port->id : 0;
	s->decided[dir].dmac = a->v.dmac;
	s->decided[dir].smac = a->v.smac;
}

static bool is_decided(const struct osession *s, unsigned int dir, const struct arrival *a)
{
	return oracle_forging && s->decided[dir].holds &&
	       s->decided[dir].in == (a->port ? a->port->id : 0) &&
	       weft_mac_equal(&s->decided[dir].dmac, &a->v.dmac) &&
	       weft_mac_equal(&s->decided[dir].smac, &a->v.smac);
}

/* Of a session that nobody knows the first side of: either direction may be what was allowed. */
static enum weft_drop expect_vague(
	struct expect *x, const struct arrival *a, const struct way *w, const struct osession *s)
{
	uint32_t ends[2] = {a->port ? a->port->id : 0, w->port}, swapped[2] = {ends[1], ends[0]};
	struct okey own, back;

	x->vague = true;
	x->unknown |= a->v.fragment; /* and who follows it */
	oracle_n_vague++;
	key_of(&a->v, a->seg->vni, &own);
	if (a->v.later) /* its ports are not in it */
		own = weft_addr_equal(&s->k[0].src, &a->v.src) ? s->k[0] : s->k[1];
	key_reverse(&own, &back);
	if (judge_key(&back, swapped) == 0)
		return 0;
	return refuse(x, a, judge_key(&own, ends));
}

enum weft_drop expect_existing(struct expect *x, const struct arrival *a, const struct way *w,
	struct osession **session, unsigned int dir)
{
	struct osession *s = *session;
	struct okey k[2] = {s->k[0], s->k[1]};
	uint32_t end[2];
	bool same, moves;
	enum weft_drop drop;

	end[dir] = a->port ? a->port->id : 0;
	end[!dir] = w->port;
	same = end[0] == s->end[0] && end[1] == s->end[1];
	x->away |= oracle_forging && (!same || !is_home(a));
	if (s->vague)
		return expect_vague(x, a, w, s);
	if (is_decided(s, dir, a) && !(a->v.fragment && !a->v.later))
		return 0;
	k[!dir].vni = answers_in(a, w);
	moves = !key_equal(&k[!dir], &s->k[!dir]);
	if (oracle_forging && !same && !moves && !is_home(a)) {
		*session = NULL;
		return expect_alone(x, a, w);
	}
	drop = judge_key(&k[0], end);
	if (drop && !oracle_forging)
		s->used = false;
	if (refuse(x, a, drop))
		return drop;
	memcpy(s->k, k, sizeof(k));
	memcpy(s->end, end, sizeof(end));
	if (moves)
		s->decided[!dir].holds = false;
	decide(s, dir, a);
	return 0;
}

static const struct weft_network *network_of(const struct weft_segment *seg)
{
	for (unsigned int i = 0; i < oracle_now->n_network; i++) {
		if (oracle_now->network[i].id == seg->network)
			return &oracle_now->network[i];
	}
	abort();
}

/* session/track.h: track_begin. */
static enum weft_drop may_begin(const struct arrival *a, enum key_class class)
{
	uint8_t flags;

	if (class == KEY_REPLY)
		return WEFT_DROP_ICMP_UNRELATED;
	if (a->v.proto != 6)
		return 0;
	flags = a->v.b[a->v.l4 + 13] & 23;
	if (!tcp_flags_ok(flags))
		return WEFT_DROP_TCP_FLAGS;
	if (flags == 2)
		return 0;
	return (network_of(a->seg)->flags & WEFT_NETWORK_TCP_STRICT) || (flags & 6)
		       ? WEFT_DROP_TCP_STATE
		       : 0;
}

static enum weft_drop expect_new(struct expect *x, const struct arrival *a, const struct way *w,
	const struct okey *key, enum key_class class, struct osession **ret)
{
	struct okey k[2] = {*key};
	uint32_t end[2] = {a->port ? a->port->id : 0, w->port};
	enum weft_drop drop = may_begin(a, class);
	struct osession *old;
	unsigned int dir;

	*ret = NULL;
	if (drop) {
		expect_drop(x, drop);
		return drop;
	}
	key_reverse(key, &k[1]);
	k[1].vni = answers_in(a, w);
	drop = refuse(x, a, judge_key(key, end));
	if (drop)
		return drop;
	old = session_find_key(&k[1], &dir);
	if (old)
		old->used = false;
	*ret = session_add(k, end);
	decide(*ret, 0, a);
	if (a->v.proto == 6)
		tcp_begin(&(*ret)->tcp, &a->v);
	return 0;
}

/* A session whose end has moved, known by what answers look like. */
static struct osession *find_moved(
	const struct arrival *a, const struct way *w, const struct okey *key, unsigned int *ret_dir)
{
	struct okey back;
	struct osession *s;

	key_reverse(key, &back);
	back.vni = answers_in(a, w);
	s = oracle_forging ? NULL : session_find_key(&back, ret_dir);
	if (s) {
		*ret_dir = !*ret_dir;
		s->k[*ret_dir] = *key;
	}
	return s;
}

/* It may begin anew where nobody knows whether the old connection is over. */
static void note_reopen(const struct arrival *a, const struct way *w, const struct okey *key,
	struct osession *old, unsigned int dir, struct expect *x)
{
	last.reopen = true;
	last.a = *a;
	last.dir = dir;
	last.old = old;
	last.k[0] = *key;
	key_reverse(key, &last.k[1]);
	last.k[1].vni = answers_in(a, w);
	last.end[0] = a->port ? a->port->id : 0;
	last.end[1] = w->port;
	x->has_other = true;
	last.x = (struct expect){0};
	last.reopen_allowed = refuse(&last.x, a, judge_key(key, last.end)) == 0;
	if (last.reopen_allowed)
		expect_send(&last.x, a, w);
	x->other = last.x.v;
}

enum weft_drop expect_decision(struct expect *x, const struct arrival *a, const struct way *w,
	struct osession **ret_session, unsigned int *ret_dir, bool *ret_track)
{
	struct okey key;
	enum key_class class = key_of(&a->v, a->seg->vni, &key);
	struct osession *s;
	enum weft_drop drop;

	*ret_session = NULL;
	*ret_track = false;
	*ret_dir = 0;
	if (class == KEY_ERROR)
		return expect_error(x, a, w);
	if (class == KEY_OTHER)
		return expect_alone(x, a, w);
	s = session_find_key(&key, ret_dir);
	if (!s)
		s = find_moved(a, w, &key, ret_dir);
	if (s && a->v.proto == 6 && (a->v.b[a->v.l4 + 13] & 23) == 2 && !s->vague) {
		enum tcp_say say = tcp_say(&s->tcp, *ret_dir, &a->v);

		if (say == SAY_REOPEN) {
			s->used = false;
			s = NULL;
		} else if (say == SAY_REOPEN_MAYBE && a->v.fragment) {
			s->vague = true;
		} else if (say == SAY_REOPEN_MAYBE) {
			note_reopen(a, w, &key, s, *ret_dir, x);
		}
	}
	if (!s) {
		*ret_dir = 0;
		return expect_new(x, a, w, &key, class, ret_session);
	}
	drop = expect_existing(x, a, w, &s, *ret_dir);
	*ret_track = s && a->v.proto == 6;
	*ret_session = s;
	return drop;
}

void expect_tracked(struct expect *x, const struct arrival *a, const struct way *w,
	struct osession *s, unsigned int dir, bool track)
{
	enum tcp_say say = SAY_PASS;

	if (s && track && s->used) {
		struct tcp_model before = s->tcp;

		say = s->vague ? SAY_MAYBE : tcp_say(&s->tcp, dir, &a->v);
		if (x->has_other || say == SAY_REOPEN_MAYBE) {
			say = SAY_MAYBE;
			s->tcp = before;
		}
	}
	if (say == SAY_FLAGS || say == SAY_WINDOW) {
		expect_drop(x, say == SAY_FLAGS ? WEFT_DROP_TCP_FLAGS : WEFT_DROP_TCP_WINDOW);
		return;
	}
	if (say == SAY_MAYBE) {
		x->may_track = true;
		oracle_n_may_track++;
		last.a = *a;
		last.s = s;
		last.dir = dir;
	}
	expect_send(x, a, w);
}

void expect_session(struct expect *x, const struct arrival *a, const struct way *w)
{
	struct osession *s;
	unsigned int dir;
	bool track;

	if (expect_decision(x, a, w, &s, &dir, &track) == 0)
		expect_tracked(x, a, w, s, dir, track);
}

static bool was_tracked_away(const struct verdict *seen)
{
	return seen->n_out == 0 && seen->n_drop == 1 &&
	       (seen->drop[0] == WEFT_DROP_TCP_STATE || seen->drop[0] == WEFT_DROP_TCP_WINDOW);
}

void session_learn(const struct verdict *seen)
{
	struct osession *old = last.reopen ? last.old : NULL;

	if (old && verdict_equal(seen, &last.x.v)) {
		if (!last.reopen_allowed)
			old->used = false;
		else if (!old->used)
			tcp_begin(&session_add(last.k, last.end)->tcp, &last.a.v);
		else if (last.dir == 1)
			old->vague = true;
	} else if (!old && last.s && last.s->used && !last.s->vague) {
		tcp_learn(&last.s->tcp, last.dir, &last.a.v, !was_tracked_away(seen));
	}
	last.s = NULL;
	last.reopen = false;
}
