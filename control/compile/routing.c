/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which routers there are, what they connect, and which of them this host has to do with.
 *
 * The sender's host routes: it needs to know where the ports of every segment are that its own
 * ports can reach through a router and the peers of that. And the other way about: who can reach a
 * segment with ports here may send into it. Both are one relation, near: a path of routes to peers
 * whose prefixes have an address in common. It is not transitive, so that two tenants with routes
 * to the same third one, for prefixes of that one, are not near each other.
 */
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "uses.h"

static uint64_t name_hash(const char *name)
{
	return hset_hash(name, strlen(name));
}

static uint64_t id_hash(uint32_t id)
{
	return hset_hash(&id, sizeof(id));
}

static uint64_t presence_hash_of(const struct rtr *r, const struct peer *peer)
{
	const void *pair[2] = {r, peer};

	return hset_hash(pair, sizeof(pair));
}

static uint64_t rtr_hash(const void *element)
{
	return name_hash((*(struct rtr *const *)element)->name);
}

static uint64_t rtr_id_hash(const void *element)
{
	return id_hash((*(struct rtr *const *)element)->id);
}

static uint64_t peering_hash(const void *element)
{
	return id_hash((*(struct peering *const *)element)->route);
}

static uint64_t presence_hash(const void *element)
{
	const struct presence *p = *(struct presence *const *)element;

	return presence_hash_of(p->rtr, p->peer);
}

static bool rtr_has_name(const void *element, const void *probe)
{
	return strcmp((*(struct rtr *const *)element)->name, probe) == 0;
}

static bool rtr_has_id(const void *element, const void *probe)
{
	return (*(struct rtr *const *)element)->id == *(const uint32_t *)probe;
}

static bool peering_has_route(const void *element, const void *probe)
{
	return (*(struct peering *const *)element)->route == *(const uint32_t *)probe;
}

static bool presence_is(const void *element, const void *probe)
{
	const struct presence *p = *(struct presence *const *)element, *want = probe;

	return p->rtr == want->rtr && p->peer == want->peer;
}

void routing_init(struct compiler *c)
{
	hset_init(&c->rtrs, sizeof(struct rtr *), rtr_hash);
	hset_init(&c->rtr_ids, sizeof(struct rtr *), rtr_id_hash);
	hset_init(&c->peerings, sizeof(struct peering *), peering_hash);
	hset_init(&c->presences, sizeof(struct presence *), presence_hash);
	SLIST_INIT(&c->touched_rtrs);
}

void routing_clear(struct compiler *c)
{
	void **p;

	for (p = NULL; (p = hset_next(&c->rtrs, p));) {
		free(((struct rtr *)*p)->name);
		free(*p);
	}
	for (p = NULL; (p = hset_next(&c->peerings, p));)
		free(*p);
	for (p = NULL; (p = hset_next(&c->presences, p));)
		free(*p);
	hset_clear(&c->rtrs);
	hset_clear(&c->rtr_ids);
	hset_clear(&c->peerings);
	hset_clear(&c->presences);
}

struct rtr *rtr_find(const struct compiler *c, const char *name)
{
	struct rtr **p = hset_find(&c->rtrs, name_hash(name), rtr_has_name, name);

	return p ? *p : NULL;
}

const struct rtr *rtr_by_id(const struct compiler *c, uint32_t id)
{
	struct rtr **p = hset_find(&c->rtr_ids, id_hash(id), rtr_has_id, &id);

	return p && (*p)->relevant ? *p : NULL;
}

static void rtr_touch(struct compiler *c, struct rtr *r)
{
	if (r->touched)
		return;
	r->touched = true;
	SLIST_INSERT_HEAD(&c->touched_rtrs, r, next_touched);
}

static struct rtr *rtr_get(struct compiler *c, const struct router *is)
{
	struct rtr *r = rtr_find(c, is->o.name);

	if (r)
		return r;
	r = mem_zalloc(sizeof(*r));
	r->name = mem_strdup(is->o.name);
	r->id = is->o.id;
	LIST_INIT(&r->segs);
	LIST_INIT(&r->out);
	LIST_INIT(&r->in);
	LIST_INIT(&r->presences);
	hset_insert(&c->rtrs, &r);
	hset_insert(&c->rtr_ids, &r);
	return r;
}

static void rtr_remove(struct compiler *c, struct rtr *r)
{
	hset_remove(&c->rtrs, hset_find(&c->rtrs, name_hash(r->name), rtr_has_name, r->name));
	hset_remove(&c->rtr_ids, hset_find(&c->rtr_ids, id_hash(r->id), rtr_has_id, &r->id));
	free(r->name);
	free(r);
}

/* A walk along routes to peers, in their direction or back. */
struct walk {
	bool back;
	bool (*fn)(void *arg, struct rtr *near);
	void *arg;
	struct rtr *path[ROUTING_HOPS_MAX + 1];
	unsigned int n;
};

static bool overlap(const struct weft_prefix *a, const struct weft_prefix *b)
{
	return a->len <= b->len ? weft_prefix_contains(a, &b->addr)
				: weft_prefix_contains(b, &a->addr);
}

static bool on_path(const struct walk *w, const struct rtr *r)
{
	for (unsigned int i = 0; i < w->n; i++)
		if (w->path[i] == r)
			return true;
	return false;
}

static bool step(struct walk *w, struct rtr *r, const struct weft_prefix *within);

static bool follow(struct walk *w, const struct peering *p, const struct weft_prefix *within)
{
	struct rtr *next = w->back ? p->from : p->to;

	if (on_path(w, next) || (within && !overlap(within, &p->prefix)))
		return false;
	return w->fn(w->arg, next) ||
	       step(w, next, within && within->len > p->prefix.len ? within : &p->prefix);
}

/* within: what all routes on the way so far have in common; NULL: everything. */
static bool step(struct walk *w, struct rtr *r, const struct weft_prefix *within)
{
	const struct peering *p;
	bool stop = false;

	if (w->n == ROUTING_HOPS_MAX)
		return false;
	w->path[w->n++] = r;
	if (w->back) {
		LIST_FOREACH (p, &r->in, of_to)
			if ((stop = follow(w, p, within)))
				break;
	} else {
		LIST_FOREACH (p, &r->out, of_from)
			if ((stop = follow(w, p, within)))
				break;
	}
	w->n--;
	return stop;
}

bool rtr_near(struct rtr *r, bool (*fn)(void *arg, struct rtr *near), void *arg)
{
	struct walk w = {.fn = fn, .arg = arg};

	if (fn(arg, r) || step(&w, r, NULL))
		return true;
	w.back = true;
	return step(&w, r, NULL);
}

static struct presence *presence_find(
	const struct compiler *c, const struct rtr *r, const struct peer *peer)
{
	const struct presence want = {.rtr = (struct rtr *)r, .peer = (struct peer *)peer};
	struct presence **p =
		hset_find(&c->presences, presence_hash_of(r, peer), presence_is, &want);

	return p ? *p : NULL;
}

struct near_peer {
	const struct compiler *c;
	const struct peer *peer;
};

static bool has_presence(void *arg, struct rtr *near)
{
	const struct near_peer *n = arg;

	return presence_find(n->c, near, n->peer) != NULL;
}

bool rtr_is_near_peer(const struct compiler *c, struct rtr *r, const struct peer *peer)
{
	struct near_peer n = {c, peer};

	return rtr_near(r, has_presence, &n);
}

struct marker {
	struct compiler *c;
	const struct peer *peer;
};

static bool mark_near_accepts(void *arg, struct rtr *near)
{
	const struct marker *m = arg;

	mark_accepts(m->c, near, m->peer);
	return false;
}

static void mark_presence(struct compiler *c, struct rtr *r, const struct peer *peer)
{
	struct marker m = {c, peer};

	if (!c->all)
		rtr_near(r, mark_near_accepts, &m);
}

static void presence_add(struct compiler *c, struct rtr *r, struct peer *peer)
{
	struct presence *p = presence_find(c, r, peer);

	if (p) {
		p->n_members++;
		return;
	}
	p = mem_zalloc(sizeof(*p));
	p->rtr = r;
	p->peer = peer;
	p->n_members = 1;
	hset_insert(&c->presences, &p);
	LIST_INSERT_HEAD(&r->presences, p, of_rtr);
	mark_presence(c, r, peer);
}

static void presence_drop(struct compiler *c, struct rtr *r, struct peer *peer)
{
	struct presence *p = presence_find(c, r, peer);

	if (--p->n_members > 0)
		return;
	mark_presence(c, r, peer);
	LIST_REMOVE(p, of_rtr);
	hset_remove(
		&c->presences, hset_find(&c->presences, presence_hash_of(r, peer), presence_is, p));
	free(p);
}

void routing_note_member(struct compiler *c, const struct member *m, bool is)
{
	struct rtr *r = m->seg->rtr;

	if (r && is)
		presence_add(c, r, m->peer);
	else if (r)
		presence_drop(c, r, m->peer);
}

void routing_mark_peer(struct compiler *c, const struct member *m)
{
	if (m->seg->rtr)
		mark_presence(c, m->seg->rtr, m->peer);
}

static bool touch_rtr(void *arg, struct rtr *near)
{
	rtr_touch(arg, near);
	return false;
}

/* What is near a router with ports here is relevant. */
static void count_local(struct compiler *c, struct rtr *r, bool is)
{
	r->n_local += is ? 1 : (uint32_t)-1;
	if (r->n_local == is)
		rtr_near(r, touch_rtr, c);
}

static void mark_seg_accepts(struct compiler *c, const struct seg *seg, struct rtr *r)
{
	const struct presence *p;

	LIST_FOREACH (p, &r->presences, of_rtr)
		for (size_t i = 0; i < p->peer->n_vteps && seg->relevant; i++)
			mark(c, WEFT_TABLE_FLOOD, key_vni_addr(seg->vni, &p->peer->vteps[i]));
}

struct seg_marker {
	struct compiler *c;
	const struct seg *seg;
};

static bool mark_near_presences(void *arg, struct rtr *near)
{
	const struct seg_marker *m = arg;

	mark_seg_accepts(m->c, m->seg, near);
	return false;
}

void mark_seg_near(struct compiler *c, const struct seg *seg)
{
	struct seg_marker m = {c, seg};

	if (seg->rtr && !c->all)
		rtr_near(seg->rtr, mark_near_presences, &m);
}

static void attach(struct compiler *c, struct rtr *r, struct seg *seg)
{
	const struct member *m;

	seg->rtr = r;
	LIST_INSERT_HEAD(&r->segs, seg, of_rtr);
	LIST_FOREACH (m, &seg->members, of_seg)
		presence_add(c, r, m->peer);
	if (seg->local)
		count_local(c, r, true);
	seg_touch(c, seg);
	mark_seg_near(c, seg);
}

static void detach(struct compiler *c, struct seg *seg)
{
	struct rtr *r = seg->rtr;
	const struct member *m;

	mark_seg_near(c, seg);
	seg_touch(c, seg);
	if (seg->local)
		count_local(c, r, false);
	LIST_FOREACH (m, &seg->members, of_seg)
		presence_drop(c, r, m->peer);
	LIST_REMOVE(seg, of_rtr);
	seg->rtr = NULL;
}

void routing_note_router(
	struct compiler *c, const struct router *before, const struct router *after)
{
	struct rtr *r = after ? rtr_get(c, after) : rtr_find(c, before->o.name);

	rtr_touch(c, r);
	for (size_t i = 0; before && i < before->n_segments; i++) {
		struct seg *seg = seg_find(c, before->segments[i]);

		if (seg && seg->rtr == r) /* else it is another's already */
			detach(c, seg);
	}
	for (size_t i = 0; after && i < after->n_segments; i++) {
		struct seg *seg = seg_get(c, after->segments[i]);

		if (seg->rtr)
			detach(c, seg);
		attach(c, r, seg);
	}
	if (after)
		r->mac = router_mac(after);
	if (before && after)
		mark_routes_via(c, r);
}

void routing_note_segment(
	struct compiler *c, const struct segment *before, const struct segment *after)
{
	const struct seg *seg = after ? seg_find(c, after->o.name) : NULL;

	if (!before || !seg || !seg->rtr)
		return;
	if (before->vni != after->vni || !segment_same_subnets(before, after))
		mark_routes_via(c, seg->rtr);
}

/* Routers on one side of a peering. */
struct side {
	struct rtr **list;
	size_t n;
};

static bool add_to_side(void *arg, struct rtr *near)
{
	struct side *s = arg;

	s->list = mem_realloc(s->list, s->n + 1, sizeof(struct rtr *));
	s->list[s->n++] = near;
	return false;
}

static struct side walk_side(const struct peering *p, bool back)
{
	struct side s = {0};
	struct walk w = {.back = back, .fn = add_to_side, .arg = &s};
	struct rtr *r = back ? p->from : p->to;

	add_to_side(&s, r);
	step(&w, r, &p->prefix);
	return s;
}

static void mark_pair(struct compiler *c, struct rtr *of, struct rtr *by)
{
	const struct presence *p;

	LIST_FOREACH (p, &by->presences, of_rtr)
		mark_accepts(c, of, p->peer);
}

/* The peering is there: whom it makes near is looked at. */
static void touch_peering(struct compiler *c, const struct peering *p)
{
	struct side a = walk_side(p, true), b = walk_side(p, false);

	for (size_t i = 0; i < a.n; i++)
		rtr_touch(c, a.list[i]);
	for (size_t i = 0; i < b.n; i++)
		rtr_touch(c, b.list[i]);
	for (size_t i = 0; i < a.n && !c->all; i++)
		for (size_t k = 0; k < b.n; k++) {
			mark_pair(c, a.list[i], b.list[k]);
			mark_pair(c, b.list[k], a.list[i]);
		}
	free(a.list);
	free(b.list);
}

static void add_peering(struct compiler *c, const struct route *route)
{
	struct peering *p = mem_zalloc(sizeof(*p));

	p->route = route->o.id;
	p->from = rtr_find(c, route->router);
	p->to = rtr_find(c, route->peer);
	p->prefix = route->prefix;
	LIST_INSERT_HEAD(&p->from->out, p, of_from);
	LIST_INSERT_HEAD(&p->to->in, p, of_to);
	hset_insert(&c->peerings, &p);
	touch_peering(c, p);
}

static void remove_peering(struct compiler *c, uint32_t route)
{
	struct peering **slot = hset_find(&c->peerings, id_hash(route), peering_has_route, &route);
	struct peering *p = *slot;

	touch_peering(c, p);
	LIST_REMOVE(p, of_from);
	LIST_REMOVE(p, of_to);
	hset_remove(&c->peerings, slot);
	free(p);
}

void routing_note_route(struct compiler *c, const struct route *before, const struct route *after)
{
	if (before && before->peer)
		remove_peering(c, before->o.id);
	if (after && after->peer)
		add_peering(c, after);
}

static bool has_local(void *arg, struct rtr *near)
{
	return near->n_local > 0;
}

static void settle_rtr(struct compiler *c, struct rtr *r)
{
	const struct router *is = (const struct router *)model_find(c->m, MODEL_ROUTER, r->name);
	bool relevant = is && rtr_near(r, has_local, NULL);
	struct use *network = r->network;
	struct seg *seg;

	r->network = relevant ? use_network(c, is->network) : NULL;
	use_unref(c, network);

	if (relevant != r->relevant) {
		r->relevant = relevant;
		mark_rtr(c, r);
		LIST_FOREACH (seg, &r->segs, of_rtr)
			seg_touch(c, seg);
	}
	if (!is)
		rtr_remove(c, r);
}

static void settle_local(struct compiler *c, struct seg *seg)
{
	bool local = seg->n_local > 0;

	if (local == seg->local)
		return;
	seg->local = local;
	if (!seg->rtr)
		return;
	count_local(c, seg->rtr, local);
	mark_seg_near(c, seg);
}

void routing_settle(struct compiler *c)
{
	struct seg *seg;
	struct rtr *r;

	SLIST_FOREACH (seg, &c->touched, next_touched)
		settle_local(c, seg);
	while ((r = SLIST_FIRST(&c->touched_rtrs))) {
		SLIST_REMOVE_HEAD(&c->touched_rtrs, next_touched);
		r->touched = false;
		settle_rtr(c, r);
	}
}
