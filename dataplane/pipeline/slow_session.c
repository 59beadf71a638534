/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slow path's second half: sessions are made, judged again, moved and ended here.
 *
 * A session's policy is that of the local ports at its ends, asked about the key of its first
 * direction. The keys name the segments in which packets enter this host: answers to what was
 * routed to a local port enter by the segment of that port; those of another host come back routed
 * already, in the segment of who asked. When an end moves between hosts, the session gets other
 * keys: a new one is made, policy permitting, that goes on where the old one was.
 *
 * Drops: POLICY_*, what path_find, track_begin and session_insert find. Workers.
 */
#include <netinet/in.h>

#include <rte_ether.h>

#include <pkt/parse.h>
#include <session/offload.h>
#include <session/track.h>

#include "dry.h"
#include "path.h"
#include "service.h"
#include "slow.h"
#include "stages.h"
#include "trace.h"

/* What is decided of m beside slow.dec. */
struct slow_judgement {
	struct session_key keys[2]; /* as the session would have them */
	unsigned int dir;	    /* the direction that m goes in */
	struct policy_ends ends;
};

static const struct config_port *slow_local_port(const struct pipeline *pl, dest_t dest)
{
	return dest & DEST_VTEP_BIT ? NULL : pl->cfg->ports[DEST_SLOT(dest)];
}

/* The segment in which answers to m enter this host. */
static uint16_t slow_answers_in(const struct slow *w)
{
	return w->dec.dest & DEST_VTEP_BIT ? w->meta->segment : w->dec.out_segment;
}

static void slow_set_ends(const struct pipeline *pl, const struct slow *w, struct slow_judgement *j)
{
	j->ends.port[j->dir] = w->meta->flags & PKT_FROM_TUNNEL ? NULL : pl->in;
	j->ends.port[!j->dir] = slow_local_port(pl, w->dec.dest);
}

/* What rules see as the destination port; false: the protocol has none. Queries have the code 0. */
static bool slow_policy_port(const struct session_key *k, uint16_t *ret)
{
	bool v4 = weft_addr_is_v4(&k->src);

	if (pkt_has_ports(k->proto))
		*ret = k->dport;
	else if (k->proto == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		*ret = k->icmp_type << 8;
	else
		return false;
	return true;
}

/* As rules see what begins a session with that key. */
static struct policy_flow slow_flow_of(const struct session_key *k)
{
	struct policy_flow flow = {.src = k->src, .dst = k->dst, .proto = k->proto};

	flow.has_l4 = slow_policy_port(k, &flow.l4);
	if (pkt_has_ports(k->proto))
		flow.sport = k->sport;
	return flow;
}

static int slow_judge(struct pipeline *pl, struct slow *w, struct slow_judgement *j)
{
	struct policy_flow flow = slow_flow_of(&j->keys[0]);
	int verdict = policy_session(pl, &flow, &j->ends);

	if (stage_traced(w->meta))
		trace_ends(pl, w->meta, &j->ends, verdict);
	if (verdict == WEFT_DROP_POLICY_REJECT)
		path_reject(pl, w->m);
	return verdict;
}

static uint16_t slow_slot(const struct config_port *port)
{
	return port ? port->slot : 0;
}

static bool slow_ends_same(const struct session *s, const struct policy_ends *ends)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (s->port[i] != slow_slot(ends->port[i]) ||
			(ends->port[i] && s->port_id[i] != ends->port[i]->spec.id))
			return false;
	}
	return true;
}

/* With the lock. */
static void slow_note_ends(struct session *s, const struct policy_ends *ends, uint32_t epoch)
{
	for (unsigned int i = 0; i < 2; i++) {
		s->port[i] = slow_slot(ends->port[i]);
		s->port_id[i] = ends->port[i] ? ends->port[i]->spec.id : 0;
		s->ruleset[i] = ends->ruleset[i];
		s->rule[i] = ends->rule[i];
	}
	s->policy_epoch = epoch;
}

static struct session *slow_insert(struct pipeline *pl, const struct slow *w,
	const struct slow_judgement *j, enum weft_drop *ret_drop)
{
	const struct config_segment *seg = stage_segment(pl, w->meta);
	const struct config_network *net = pl->cfg->networks[seg->network_slot];
	const struct policy_ends *ends = &j->ends;
	struct session_new n = {.key = {j->keys[0], j->keys[1]},
		.network = net,
		.tenant = pl->cfg->tenants[net->tenant_slot],
		.charged = ends->port[0] ? ends->port[0] : ends->port[1],
		.policy_epoch = pl->cfg->epoch[j->keys[0].segment]};

	for (unsigned int i = 0; i < 2; i++) {
		n.port[i] = slow_slot(ends->port[i]);
		n.port_id[i] = ends->port[i] ? ends->port[i]->spec.id : 0;
		n.ruleset[i] = ends->ruleset[i];
		n.rule[i] = ends->rule[i];
	}
	return stage_session_insert(pl, &n, ret_drop);
}

/* May programs in the kernel carry out the decision, if its ends are there? Not where a packet's
 * way depends on more than its session. */
static bool slow_may_offload(const struct slow *w, uint8_t proto)
{
	if ((w->dec.flags & SESSION_DIR_TRANSLATED) ||
		(w->dec.flags & (SESSION_DIR_FDB | SESSION_DIR_ROUTED)) ==
			(SESSION_DIR_FDB | SESSION_DIR_ROUTED))
		return false;
	if ((w->meta->flags & (PKT_FRAGMENT | PKT_VLAN)) || service_wants(w->meta))
		return false;
	return pkt_has_ports(proto) || proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

void slow_decided(struct pipeline *pl, struct slow *w, struct session_dir *d)
{
	if (slow_may_offload(w, d->key.proto)) {
		w->dec.flags |= SESSION_DIR_OFFLOAD;
		w->dec.flow_hash = w->meta->hash;
	}
	w->dec.flags |= track_dir_flags(session_of(d), (d->flags & SESSION_DIR_REPLY) != 0);
	session_decide(d, &w->dec, pl->cfg->epoch[w->meta->segment]);
	w->d = d;
}

/* The table has no room or the quota is used up. */
static int slow_full(struct pipeline *pl, struct slow *w, enum weft_drop drop)
{
	const struct config_segment *seg = stage_segment(pl, w->meta);

	w->d = NULL;
	stage_trace(pl, w->meta, .step = WEFT_TRACE_NO_SESSION, .reason = drop);
	if (pl->cfg->networks[seg->network_slot]->spec.flags & WEFT_NETWORK_FULL_STATELESS)
		return VERDICT_CONTINUE;
	return drop;
}

/* With the lock of s, which is new: it goes on where old was. */
static void slow_continue(struct session *s, const struct session *old)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct session_traffic t;

		session_traffic(&old->dir[i], &t);
		s->dir[i].packets = t.packets;
		s->dir[i].bytes = t.bytes;
		s->dir[i].seen_s = t.seen_s;
		s->dir[i].tcp = old->dir[i].tcp;
	}
	s->tcp_state = old->tcp_state;
	s->created_s = old->created_s;
	session_set_state(s, old->state, !(old->flags & SESSION_HALF_OPEN));
}

/* A session in place of old, which has other keys; policy allows it. */
static int slow_move(
	struct pipeline *pl, struct slow *w, const struct slow_judgement *j, struct session *old)
{
	enum weft_drop drop = 0;
	struct session *s;

	stage_session_remove(pl, old);
	s = slow_insert(pl, w, j, &drop);
	if (!s)
		return drop ? slow_full(pl, w, drop) : SLOW_AGAIN;
	slow_continue(s, old);
	if (stage_traced(w->meta))
		trace_session(pl, w->meta, WEFT_TRACE_SESSION_MOVED, &j->keys[0]);
	slow_decided(pl, w, &s->dir[j->dir]);
	session_unlock(s);
	return VERDICT_CONTINUE;
}

/* Is what policy was judged for still so? */
static bool slow_is_judged(
	const struct pipeline *pl, struct session *s, const struct policy_ends *ends, bool *ret_now)
{
	bool same;

	session_lock(s);
	*ret_now = s->policy_epoch == pl->cfg->epoch[s->dir[0].key.segment];
	same = slow_ends_same(s, ends);
	session_unlock(s);
	return *ret_now && same;
}

/* m is refused by the policy of its session. In the epoch that allows the session this is so
 * because m comes from elsewhere, which is not to end it. */
static int slow_revoke(struct pipeline *pl, struct session *s, bool allowed_now, int verdict)
{
	if (!allowed_now)
		stage_session_remove(pl, s);
	pl->blame.session = s;
	return verdict;
}

/* Judged, but not noted: whether the ends are still where they were is for its own packets to say.
 */
bool slow_still_allowed(struct pipeline *pl, struct session *s)
{
	struct policy_flow flow = slow_flow_of(&s->dir[0].key);
	struct policy_ends ends = {.again = true};
	bool there = true, current;

	session_lock(s);
	current = slow_is_current(pl, s);
	for (unsigned int i = 0; i < 2 && there; i++) {
		ends.port[i] = s->port[i] ? pl->cfg->ports[s->port[i]] : NULL;
		there = !s->port[i] || (ends.port[i] && ends.port[i]->spec.id == s->port_id[i]);
	}
	session_unlock(s);
	return current || (there && policy_session(pl, &flow, &ends) == VERDICT_CONTINUE);
}

int slow_alone(struct pipeline *pl, struct slow *w)
{
	struct slow_judgement j = {0};
	struct policy_flow flow;
	int verdict;

	policy_flow_of(w->m, w->meta, &flow);
	slow_set_ends(pl, w, &j);
	verdict = policy_session(pl, &flow, &j.ends);
	if (stage_traced(w->meta))
		trace_ends(pl, w->meta, &j.ends, verdict);
	stage_trace(pl, w->meta, .step = WEFT_TRACE_NO_SESSION);
	if (verdict == WEFT_DROP_POLICY_REJECT)
		path_reject(pl, w->m);
	return verdict;
}

/* Is m from where its sender is known to be? Tunnels all count as one place. */
static bool slow_is_home(const struct pipeline *pl, const struct slow *w)
{
	const uint8_t *src = rte_pktmbuf_mtod(w->m, const uint8_t *) + RTE_ETHER_ADDR_LEN;
	struct weft_addr addr = stage_addr(w->m, w->meta, false);
	const struct neigh_entry *neigh = stage_neighbour(pl, w->meta->segment, &addr);
	struct fdb_key key = fdb_key_of(w->meta->segment, src);
	const struct fdb_entry *fdb;

	if (w->meta->flags & PKT_FROM_TUNNEL)
		return true;
	fdb = (const struct fdb_entry *)vhash_find(pl->cfg->fdb, &key, pl->cfg->generation);
	return fdb && fdb->dest == w->meta->in_port &&
	       (!neigh || weft_mac_equal(&neigh->mac, &key.mac));
}

/* m goes in direction j->dir of s, for which nothing holds. */
static int slow_revise(
	struct pipeline *pl, struct slow *w, struct slow_judgement *j, struct session *s)
{
	bool now, judged, moves;
	int verdict;

	slow_set_ends(pl, w, j);
	moves = memcmp(&j->keys[0], &s->dir[0].key, sizeof(j->keys[0])) != 0 ||
		memcmp(&j->keys[1], &s->dir[1].key, sizeof(j->keys[1])) != 0;
	judged = slow_is_judged(pl, s, &j->ends, &now);
	if (now && !judged && !moves && !slow_is_home(pl, w))
		return slow_alone(pl, w);
	if (!judged || moves) {
		j->ends.again = true;
		verdict = slow_judge(pl, w, j);
		if (verdict != VERDICT_CONTINUE)
			return slow_revoke(pl, s, now, verdict);
	}
	if (moves)
		return slow_move(pl, w, j, s);
	session_lock(s);
	if (s->flags & SESSION_DEAD) {
		session_unlock(s);
		return SLOW_AGAIN;
	}
	if (!judged)
		slow_note_ends(s, &j->ends, pl->cfg->epoch[j->keys[0].segment]);
	slow_decided(pl, w, &s->dir[j->dir]);
	session_unlock(s);
	return VERDICT_CONTINUE;
}

int slow_existing(struct pipeline *pl, struct slow *w, struct session_dir *d)
{
	unsigned int dir = (d->flags & SESSION_DIR_REPLY) != 0;
	struct slow_judgement j = {.dir = dir};

	j.keys[dir] = d->key;
	j.keys[!dir] = session_peer(d)->key;
	j.keys[!dir].segment = slow_answers_in(w);
	return slow_revise(pl, w, &j, session_of(d));
}

/* The session of which m is a packet if an end has moved, found by what answers to m look like. */
static struct session_dir *slow_moved(struct pipeline *pl, struct slow *w,
	const struct session_key *key, struct slow_judgement *ret)
{
	struct session_key back;
	struct session_dir *d;

	track_key_reverse(key, &back);
	back.segment = slow_answers_in(w);
	d = stage_session_find(pl, &back);
	if (!d)
		return NULL;
	ret->dir = !(d->flags & SESSION_DIR_REPLY);
	ret->keys[ret->dir] = *key;
	ret->keys[!ret->dir] = back;
	return d;
}

int slow_new(struct pipeline *pl, struct slow *w, const struct session_key *key)
{
	const struct config_segment *seg = stage_segment(pl, w->meta);
	struct slow_judgement j; /* large: only what is needed gets a value */
	struct session_dir *d = slow_moved(pl, w, key, &j);
	enum weft_drop drop = 0;
	struct session *s;
	int verdict;

	j.ends = (struct policy_ends){0};
	if (d && !slow_is_current(pl, session_of(d)))
		return slow_revise(pl, w, &j, session_of(d));
	j.dir = 0;
	drop = track_begin(w->m, w->meta, pl->cfg->networks[seg->network_slot], j.keys);
	if (drop)
		return drop;
	j.keys[1].segment = slow_answers_in(w);
	slow_set_ends(pl, w, &j);
	verdict = slow_judge(pl, w, &j);
	if (verdict != VERDICT_CONTINUE)
		return verdict;
	if (d) /* policy allows it by itself, which it needs where nothing has moved */
		stage_session_remove(pl, session_of(d));
	s = slow_insert(pl, w, &j, &drop);
	if (!s)
		return drop ? slow_full(pl, w, drop) : SLOW_AGAIN;
	track_first(s, w->m, w->meta);
	if (stage_traced(w->meta))
		trace_session(pl, w->meta, WEFT_TRACE_SESSION_NEW, &j.keys[0]);
	slow_decided(pl, w, &s->dir[0]);
	session_unlock(s);
	w->track = false;
	return VERDICT_CONTINUE;
}
