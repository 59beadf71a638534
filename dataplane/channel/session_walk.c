/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walks the session table for a client. Workers change it meanwhile: what is told of a session may
 * be of two moments. The main thread is a reader of RCU for one part at a time, so that a session
 * that is looked at stays the one it is. Knows no sockets. Main thread.
 */
#include <stdio.h>
#include <string.h>

#include <core/clock.h>
#include <core/rcu.h>
#include <session/offload.h>
#include <session/session.h>
#include <session/track.h>
#include <table/policy.h>
#include <weft/codec.h>

#include "session_walk.h"
#include "state.h"

#define PLACES_PER_PART	  4096 /* looked at; below a millisecond */
#define REMOVALS_PER_PART 256
#define ENTRIES_OFFSET	  (sizeof(struct weft_msg_hdr) + sizeof(struct weft_msg_sessions))
#define ENTRIES_MAX	  ((WEFT_MSG_SIZE_MAX - ENTRIES_OFFSET) / sizeof(struct weft_session))

void session_list_start(
	struct session_walk *w, const struct weft_msg_session_list *request, uint32_t seq)
{
	*w = (struct session_walk){.filter = request->filter,
		.seq = seq,
		.cursor = request->cursor,
		.left = request->max};
}

void session_flush_start(
	struct session_walk *w, const struct weft_msg_session_flush *request, uint32_t seq)
{
	*w = (struct session_walk){
		.filter = request->filter, .seq = seq, .left = UINT32_MAX, .remove = true};
}

static uint32_t network_id(const struct session *s)
{
	const struct config_network *n = channel.config->networks[s->network];

	return n ? n->spec.id : 0;
}

/* What client gave may be any prefix length; none is longer than an address. */
static bool in_prefix(const struct weft_prefix *p, const struct weft_addr *addr)
{
	return p->len == 0 || (p->len <= 128 && weft_prefix_contains(p, addr));
}

static bool key_wanted(const struct weft_session_filter *f, const struct session_key *k)
{
	return in_prefix(&f->src, &k->src) && in_prefix(&f->dst, &k->dst) &&
	       (!f->sport || f->sport == k->sport) && (!f->dport || f->dport == k->dport);
}

static bool session_wanted(const struct weft_session_filter *f, const struct session *s)
{
	return (!f->proto || f->proto == s->dir[0].key.proto) &&
	       (!f->port || f->port == s->port_id[0] || f->port == s->port_id[1]) &&
	       (!f->network || f->network == network_id(s)) &&
	       (key_wanted(f, &s->dir[0].key) ||
		       ((f->flags & WEFT_SESSION_EITHER) && key_wanted(f, &s->dir[1].key))) &&
	       (!(f->flags & WEFT_SESSION_ONLY_OFFLOADED) || offload_carries(s)) &&
	       (!f->state[0] || strcmp(f->state, track_state_name(s)) == 0);
}

static uint32_t port_id(uint16_t slot)
{
	const struct config_port *p = channel.config->ports[slot];

	return p ? p->spec.id : 0;
}

/* Where packets of that way go. False: that has to be decided anew. */
static bool export_dest(const struct session_dir *d, struct weft_session_way *ret)
{
	const struct config *cfg = channel.config;
	struct session_decision dec;
	uint16_t slot;

	if (!session_dir_read(d, cfg->epoch[d->key.segment], &dec))
		return false;
	slot = DEST_SLOT(dec.dest);
	if (!(dec.dest & DEST_VTEP_BIT))
		ret->out_port = port_id(slot);
	else if (cfg->vteps[slot])
		ret->vtep = cfg->vteps[slot]->spec.remote;
	return true;
}

static bool export_way(const struct session *s, unsigned int i, struct weft_session_way *ret)
{
	const struct config *cfg = channel.config;
	const struct session_dir *d = &s->dir[i];
	const struct config_segment *segment = cfg->segments[d->key.segment];
	const struct policy_ruleset *rules = cfg->rulesets[s->ruleset[i]];
	struct session_traffic t;

	session_traffic(d, &t);
	*ret = (struct weft_session_way){
		.src = d->key.src,
		.dst = d->key.dst,
		.sport = d->key.sport,
		.dport = d->key.dport,
		.vni = segment ? segment->spec.vni : 0,
		.port = s->port_id[i],
		.ruleset = rules && s->ruleset[i] ? rules->spec.id : 0,
		.rule = s->rule[i],
		.packets = t.packets,
		.bytes = t.bytes,
	};
	return export_dest(d, ret);
}

static void export(const struct session *s, struct weft_session *ret)
{
	const struct config_tenant *t = channel.config->tenants[s->tenant];
	uint32_t now = clock_s(), ends = session_ends_s(s, channel.config);
	bool valid[2];

	memset(ret, 0, sizeof(*ret));
	for (unsigned int i = 0; i < 2; i++)
		valid[i] = export_way(s, i, &ret->ways[i]);
	ret->network = network_id(s);
	ret->tenant = t ? t->spec.id : 0;
	ret->charged = port_id(s->charged);
	ret->age_s = now - s->created_s;
	ret->idle_s = RTE_MAX(session_idle_s(s), 0);
	ret->ends_s = ends > now ? ends - now : 0;
	ret->proto = s->dir[0].key.proto;
	if (s->flags & SESSION_HALF_OPEN)
		ret->flags |= WEFT_SESSION_HALF_OPEN;
	if (valid[0] && valid[1])
		ret->flags |= WEFT_SESSION_VALID;
	if (offload_carries(s))
		ret->flags |= WEFT_SESSION_OFFLOADED;
	snprintf(ret->state, sizeof(ret->state), "%s", track_state_name(s));
}

/* Looks on, tells or ends what is wanted; returns how many. False in *ret_more: the table's end. */
static uint32_t walk_part(struct session_walk *w, struct weft_session *ret, bool *ret_more)
{
	uint32_t budget = PLACES_PER_PART, max = w->remove ? REMOVALS_PER_PART : ENTRIES_MAX, n = 0;
	struct session *s;

	if (max > w->left)
		max = w->left;
	rcu_main_enter();
	while (n < max && (s = session_next(&w->cursor, &budget))) {
		if (!session_wanted(&w->filter, s))
			continue;
		if (w->remove)
			session_remove(s);
		else
			export(s, &ret[n]);
		n++;
	}
	rcu_main_leave();
	w->left -= n;
	w->n += n;
	*ret_more = n == max || budget == 0;
	return n;
}

static size_t walk_end(const struct session_walk *w, bool more, void *buf)
{
	struct weft_msg_session_end end = {.n = w->n, .cursor = more ? w->cursor : 0};

	return weft_msg_build(buf, WEFT_MSG_SESSION_END, w->seq, &end, sizeof(end));
}

size_t session_walk_next(struct session_walk *w, void *buf)
{
	struct weft_session *entries = (void *)((uint8_t *)buf + ENTRIES_OFFSET);
	struct weft_msg_sessions head = {0};
	bool more = true;

	if (w->left > 0)
		head.n = walk_part(w, entries, &more);
	if (head.n == 0 || w->remove)
		return more && w->left > 0 ? 0 : walk_end(w, more, buf);
	weft_msg_build(buf, WEFT_MSG_SESSION_ENTRIES, w->seq, &head, sizeof(head));
	((struct weft_msg_hdr *)buf)->size += head.n * sizeof(*entries);
	return ENTRIES_OFFSET + head.n * sizeof(*entries);
}
