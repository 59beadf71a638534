/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is where: counts ports for each pair of segment and host. From it, and from what routers
 * connect, follow which segments are relevant (programmed here) and which hosts this host must
 * reach. One small struct per pair, none per remote port.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <ccore/mem.h>

#include "uses.h"

static uint64_t name_hash(const char *name)
{
	return hset_hash(name, strlen(name));
}

static uint64_t pair_hash(const struct seg *seg, const struct peer *peer)
{
	const void *pair[2] = {seg, peer};

	return hset_hash(pair, sizeof(pair));
}

static uint64_t seg_hash(const void *element)
{
	return name_hash((*(struct seg *const *)element)->name);
}

static uint64_t peer_hash(const void *element)
{
	return name_hash((*(struct peer *const *)element)->name);
}

static uint64_t member_hash(const void *element)
{
	const struct member *m = *(struct member *const *)element;

	return pair_hash(m->seg, m->peer);
}

static uint64_t local_hash(const void *element)
{
	return hset_hash(element, sizeof(uint32_t));
}

static bool seg_has_name(const void *element, const void *probe)
{
	return strcmp((*(struct seg *const *)element)->name, probe) == 0;
}

static bool peer_has_name(const void *element, const void *probe)
{
	return strcmp((*(struct peer *const *)element)->name, probe) == 0;
}

static bool member_is(const void *element, const void *probe)
{
	const struct member *m = *(struct member *const *)element, *want = probe;

	return m->seg == want->seg && m->peer == want->peer;
}

static bool local_has_id(const void *element, const void *probe)
{
	return ((const struct local *)element)->id == *(const uint32_t *)probe;
}

void members_init(struct compiler *c)
{
	hset_init(&c->segs, sizeof(struct seg *), seg_hash);
	hset_init(&c->peers, sizeof(struct peer *), peer_hash);
	hset_init(&c->members, sizeof(struct member *), member_hash);
	hset_init(&c->locals, sizeof(struct local), local_hash);
	SLIST_INIT(&c->touched);
}

void members_clear(struct compiler *c)
{
	void **p;

	for (p = NULL; (p = hset_next(&c->segs, p));) {
		free(((struct seg *)*p)->name);
		free(((struct seg *)*p)->dns.domain);
		free(*p);
	}
	for (p = NULL; (p = hset_next(&c->peers, p));) {
		free(((struct peer *)*p)->name);
		free(*p);
	}
	for (p = NULL; (p = hset_next(&c->members, p));)
		free(*p);
	hset_clear(&c->segs);
	hset_clear(&c->peers);
	hset_clear(&c->members);
	hset_clear(&c->locals);
}

struct seg *seg_find(const struct compiler *c, const char *name)
{
	struct seg **p = hset_find(&c->segs, name_hash(name), seg_has_name, name);

	return p ? *p : NULL;
}

struct peer *peer_find(const struct compiler *c, const char *name)
{
	struct peer **p = hset_find(&c->peers, name_hash(name), peer_has_name, name);

	return p ? *p : NULL;
}

struct member *member_find(const struct compiler *c, const struct seg *seg, const struct peer *peer)
{
	const struct member want = {.seg = (struct seg *)seg, .peer = (struct peer *)peer};
	struct member **p = hset_find(&c->members, pair_hash(seg, peer), member_is, &want);

	return p ? *p : NULL;
}

struct local *local_find(const struct compiler *c, uint32_t id)
{
	return hset_find(&c->locals, hset_hash(&id, sizeof(id)), local_has_id, &id);
}

const struct seg *seg_by_vni(const struct compiler *c, uint32_t vni)
{
	const struct segment *s = model_segment_by_vni(c->m, vni);
	const struct seg *seg = s ? seg_find(c, s->o.name) : NULL;

	return seg && seg->relevant ? seg : NULL;
}

bool is_local(const struct compiler *c, const struct port *p)
{
	return p->host && strcmp(p->host, c->host) == 0;
}

void seg_touch(struct compiler *c, struct seg *seg)
{
	if (seg->touched)
		return;
	seg->touched = true;
	SLIST_INSERT_HEAD(&c->touched, seg, next_touched);
}

struct seg *seg_get(struct compiler *c, const char *name)
{
	struct seg *seg = seg_find(c, name);

	if (seg)
		return seg;
	seg = mem_zalloc(sizeof(*seg));
	seg->name = mem_strdup(name);
	LIST_INIT(&seg->members);
	hset_insert(&c->segs, &seg);
	return seg;
}

static void set_vteps(struct peer *peer, const struct host *h)
{
	peer->n_vteps = h->n_vteps;
	if (h->n_vteps)
		memcpy(peer->vteps, h->vteps, h->n_vteps * sizeof(*h->vteps));
}

static struct peer *peer_get(struct compiler *c, const char *name)
{
	struct peer *peer = peer_find(c, name);

	if (peer)
		return peer;
	peer = mem_zalloc(sizeof(*peer));
	peer->name = mem_strdup(name);
	peer->is_self = strcmp(name, c->host) == 0;
	LIST_INIT(&peer->members);
	set_vteps(peer, (const struct host *)model_find(c->m, MODEL_HOST, name));
	hset_insert(&c->peers, &peer);
	return peer;
}

static struct member *member_get(struct compiler *c, struct seg *seg, struct peer *peer)
{
	struct member *m = member_find(c, seg, peer);

	if (m)
		return m;
	m = mem_zalloc(sizeof(*m));
	m->seg = seg;
	m->peer = peer;
	hset_insert(&c->members, &m);
	LIST_INSERT_HEAD(&seg->members, m, of_seg);
	LIST_INSERT_HEAD(&peer->members, m, of_peer);
	peer->n_members++;
	peer->n_relevant += seg->relevant;
	mark_member(c, m);
	routing_note_member(c, m, true);
	return m;
}

static void member_remove(struct compiler *c, struct member *m)
{
	struct peer *peer = m->peer;

	mark_member(c, m);
	routing_note_member(c, m, false);
	LIST_REMOVE(m, of_seg);
	LIST_REMOVE(m, of_peer);
	hset_remove(&c->members, hset_find(&c->members, pair_hash(m->seg, peer), member_is, m));
	peer->n_relevant -= m->seg->relevant;
	if (--peer->n_members == 0) {
		hset_remove(&c->peers,
			hset_find(&c->peers, name_hash(peer->name), peer_has_name, peer->name));
		free(peer->name);
		free(peer);
	}
	free(m);
}

static void add(struct compiler *c, const struct port *p)
{
	struct seg *seg = seg_get(c, p->segment);

	seg_touch(c, seg);
	member_get(c, seg, peer_get(c, p->host))->n_ports++;
	seg->n_local += is_local(c, p);
}

static void drop(struct compiler *c, const struct port *p)
{
	struct seg *seg = seg_find(c, p->segment);
	struct member *m = member_find(c, seg, peer_find(c, p->host));

	seg_touch(c, seg);
	if (--m->n_ports == 0)
		member_remove(c, m);
	seg->n_local -= is_local(c, p);
}

void members_note_port(struct compiler *c, const struct port *before, const struct port *after)
{
	bool was_local = before && is_local(c, before), local = after && is_local(c, after);

	if (after && after->host)
		add(c, after);
	if (before && before->host)
		drop(c, before);
	if (local && !was_local) {
		struct local l = {.id = after->o.id};

		snprintf(l.name, sizeof(l.name), "%s", after->o.name);
		hset_insert(&c->locals, &l);
	}
	if (was_local && !local)
		hset_remove(&c->locals, local_find(c, before->o.id));
}

void members_set_vteps(struct compiler *c, const struct host *h)
{
	struct peer *peer = peer_find(c, h->o.name);

	if (peer)
		set_vteps(peer, h);
}

void members_touch(struct compiler *c, const char *segment)
{
	struct seg *seg = seg_find(c, segment);

	if (seg)
		seg_touch(c, seg);
}

/* Takes over what the segment is now, and marks what follows. */
static void settle(struct compiler *c, struct seg *seg)
{
	const struct segment *s =
		(const struct segment *)model_find(c->m, MODEL_SEGMENT, seg->name);
	bool relevant = seg->local || (seg->rtr && seg->rtr->relevant);
	struct use *network = seg->network;
	struct member *m;

	seg->network = relevant ? use_network(c, s->network) : NULL;
	use_unref(c, network);
	if (relevant == seg->relevant && (!relevant || s->vni == seg->vni))
		return;
	if (seg->relevant)
		mark_seg(c, seg);
	LIST_FOREACH (m, &seg->members, of_seg)
		m->peer->n_relevant += (uint32_t)relevant - seg->relevant;
	seg->relevant = relevant;
	seg->vni = relevant ? s->vni : 0;
	if (seg->relevant)
		mark_seg(c, seg);
}

void members_settle(struct compiler *c)
{
	struct seg *seg;

	routing_settle(c);
	while ((seg = SLIST_FIRST(&c->touched))) {
		SLIST_REMOVE_HEAD(&c->touched, next_touched);
		seg->touched = false;
		settle(c, seg);
		dns_settle_seg(c, seg);
		if (!LIST_EMPTY(&seg->members) || seg->rtr)
			continue;
		hset_remove(&c->segs,
			hset_find(&c->segs, name_hash(seg->name), seg_has_name, seg->name));
		free(seg->name);
		free(seg);
	}
	dns_settle(c);
}
