/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table FLOOD: for each segment that is programmed here, the other hosts that have a port in it;
 * and, when it has one here, the hosts that only send into it: they have ports in segments that
 * routers connect with it.
 */
#include "compile_impl.h"

static uint64_t peer_hash(const void *element)
{
	return hset_hash(element, sizeof(struct peer *));
}

static bool is_peer(const void *element, const void *probe)
{
	return *(struct peer *const *)element == probe;
}

static bool may_send(const struct compiler *c, const struct seg *seg, const struct peer *peer)
{
	return seg->local && seg->rtr && rtr_is_near_peer(c, seg->rtr, peer);
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct seg *seg = seg_by_vni(c, k->in.id);
	const struct host *h = seg ? model_host_by_vtep(c->m, &k->in.addr) : NULL;
	const struct peer *peer = h ? peer_find(c, h->o.name) : NULL;
	const struct weft_addr *remote = peer ? underlay_remote(c, peer) : NULL;
	bool is_member;

	if (!remote || !weft_addr_equal(remote, &k->in.addr))
		return false;
	is_member = member_find(c, seg, peer);
	if (!is_member && !may_send(c, seg, peer))
		return false;
	ret->flood.vni = seg->vni;
	ret->flood.remote = *remote;
	ret->flood.flags = is_member ? 0 : WEFT_FLOOD_ACCEPT_ONLY;
	return true;
}

struct flood_walk {
	const struct seg *seg;
	key_fn fn;
	void *arg;
	struct hset seen; /* struct peer * */
};

static void walk_peer(struct flood_walk *w, const struct peer *peer)
{
	if (hset_find(&w->seen, peer_hash(&peer), is_peer, peer))
		return;
	hset_insert(&w->seen, &peer);
	for (size_t i = 0; i < peer->n_vteps; i++) {
		union key k = key_vni_addr(w->seg->vni, &peer->vteps[i]);

		w->fn(w->arg, &k);
	}
}

static bool walk_near(void *arg, struct rtr *near)
{
	const struct presence *p;

	LIST_FOREACH (p, &near->presences, of_rtr)
		walk_peer(arg, p->peer);
	return false;
}

static void walk_seg(const struct seg *seg, key_fn fn, void *arg)
{
	struct flood_walk w = {.seg = seg, .fn = fn, .arg = arg};
	const struct member *m;

	hset_init(&w.seen, sizeof(struct peer *), peer_hash);
	LIST_FOREACH (m, &seg->members, of_seg)
		walk_peer(&w, m->peer);
	if (seg->local && seg->rtr)
		rtr_near(seg->rtr, walk_near, &w);
	hset_clear(&w.seen);
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	for (struct seg **p = NULL; (p = hset_next(&c->segs, p));)
		if ((*p)->relevant)
			walk_seg(*p, fn, arg);
}

const struct compile_table compile_flood = {get, walk};
