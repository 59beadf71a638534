/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table FLOOD: for each segment with a port here, the other hosts that have one too.
 */
#include "compile_impl.h"

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct seg *seg = seg_by_vni(c, k->in.id);
	const struct host *h = seg ? model_host_by_vtep(c->m, &k->in.addr) : NULL;
	const struct peer *peer = h ? peer_find(c, h->o.name) : NULL;
	const struct weft_addr *remote = peer ? underlay_remote(c, peer) : NULL;

	if (!remote || !weft_addr_equal(remote, &k->in.addr) || !member_find(c, seg, peer))
		return false;
	ret->flood.vni = seg->vni;
	ret->flood.remote = *remote;
	return true;
}

static void walk_member(const struct member *m, key_fn fn, void *arg)
{
	for (size_t i = 0; i < m->peer->n_vteps; i++) {
		union key k = key_vni_addr(m->seg->vni, &m->peer->vteps[i]);

		fn(arg, &k);
	}
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	for (struct member **p = NULL; (p = hset_next(&c->members, p));)
		if ((*p)->seg->relevant)
			walk_member(*p, fn, arg);
}

const struct compile_table compile_flood = {get, walk};
