/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table FDB: the MACs of all ports of the segments that are programmed here. A port of this host is
 * reached by its id, one of another host by the tunnel address that both hosts share; a port
 * without a host, or on one that shares no address family, is not reachable.
 */
#include "compile_impl.h"

bool fdb_locate(const struct compiler *c, const struct port *p, struct weft_fdb *ret)
{
	const struct peer *peer = p->host ? peer_find(c, p->host) : NULL;
	const struct weft_addr *remote;

	if (!peer)
		return false;
	if (peer->is_self) {
		ret->port = p->o.id;
		return true;
	}
	remote = underlay_remote(c, peer);
	if (!remote)
		return false;
	ret->remote = *remote;
	return true;
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct seg *seg = seg_by_vni(c, k->in.id);
	const struct port *p = seg ? model_port_by_mac(c->m, seg->name, &k->in.mac) : NULL;

	if (!p || !fdb_locate(c, p, &ret->fdb))
		return false;
	ret->fdb.vni = seg->vni;
	ret->fdb.mac = p->mac;
	return true;
}

struct fdb_walk {
	key_fn fn;
	void *arg;
};

static void walk_port(void *arg, const struct seg *seg, const struct port *p)
{
	struct fdb_walk *w = arg;
	union key k = key_vni_mac(seg->vni, &p->mac);

	w->fn(w->arg, &k);
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	struct fdb_walk w = {fn, arg};

	segment_walk_ports(c, walk_port, &w);
}

const struct compile_table compile_fdb = {get, walk};
