/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table VTEP: the remote tunnel end points of hosts that share a segment with this one, each with
 * the way to it: from host/ on a kernel uplink, from the uplink's configuration on others.
 */
#include <string.h>

#include "compile_impl.h"

static void fill_way(const struct compiler *c, const struct uplink *u, struct weft_vtep *e)
{
	const struct underlay_path *path;

	e->path_mtu = underlay_mtu(c);
	if (!uplink_is_kernel(u)) {
		e->dst_mac = u->next_hop_mac;
		e->src_mac = u->mac;
		e->flags |= WEFT_VTEP_RESOLVED;
		return;
	}
	path = underlay_path_find(c, &e->remote);
	if (!path || !path->resolved || path->mtu < WEFT_MTU_MIN)
		return;
	e->dst_mac = path->dst_mac;
	e->src_mac = path->src_mac;
	e->path_mtu = path->mtu;
	e->flags |= WEFT_VTEP_RESOLVED;
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct host *self = underlay_self(c), *h = model_host_by_vtep(c->m, &k->addr);
	const struct peer *peer = h ? peer_find(c, h->o.name) : NULL;
	const struct weft_addr *local, *remote;
	struct weft_vtep *e = &ret->vtep;

	if (!peer || peer->n_relevant == 0 || !underlay_mac(c) ||
		!underlay_pair(c, peer, &local, &remote) || !weft_addr_equal(remote, &k->addr))
		return false;
	e->remote = *remote;
	e->local = *local;
	e->uplink = COMPILE_UPLINK_ID;
	e->ttl = self->ttl;
	e->dscp = self->dscp;
	e->flags = self->dscp_copy ? WEFT_VTEP_DSCP_COPY : 0;
	fill_way(c, &self->uplink, e);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	for (struct peer **p = NULL; (p = hset_next(&c->peers, p));)
		for (size_t i = 0; i < (*p)->n_vteps; i++) {
			union key k = key_addr(&(*p)->vteps[i]);

			fn(arg, &k);
		}
}

void compile_vteps(
	const struct compiler *c, void (*fn)(void *arg, const struct weft_vtep *vtep), void *arg)
{
	const struct weft_addr *local, *remote;

	for (struct peer **p = NULL; (p = hset_next(&c->peers, p));) {
		union weft_entry entry;
		union key k;

		if (!(*p)->n_relevant || !underlay_pair(c, *p, &local, &remote))
			continue;
		k = key_addr(remote);
		memset(&entry, 0, sizeof(entry));
		if (!get(c, &k, &entry)) {
			entry.vtep.remote = *remote;
			entry.vtep.local = *local;
		}
		fn(arg, &entry.vtep);
	}
}

const struct compile_table compile_vtep = {get, walk};
