/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The underlay as the compiler sees it: this host's uplink, which tunnel addresses two hosts use
 * between them, and what host/ said of links and ways.
 *
 * Paths are kept also for remotes that are not needed at the moment: host/ tells of changes only,
 * and a remote may leave and come back between two of its looks.
 */
#include <string.h>

#include "compile_impl.h"

#define MTU_UNKNOWN 1500

static uint64_t path_hash(const void *element)
{
	return hset_hash(element, sizeof(struct weft_addr));
}

static bool path_has_remote(const void *element, const void *probe)
{
	return weft_addr_equal(&((const struct underlay_path *)element)->remote, probe);
}

void underlay_init(struct compiler *c)
{
	static_assert(offsetof(struct underlay_path, remote) == 0, "hashed by its first bytes");
	hset_init(&c->paths, sizeof(struct underlay_path), path_hash);
}

const struct underlay_path *underlay_path_find(
	const struct compiler *c, const struct weft_addr *remote)
{
	return hset_find(&c->paths, path_hash(remote), path_has_remote, remote);
}

const struct host *underlay_self(const struct compiler *c)
{
	return (const struct host *)model_find(c->m, MODEL_HOST, c->host);
}

const struct uplink *underlay_uplink(const struct compiler *c)
{
	const struct host *self = underlay_self(c);

	return self && self->uplink.kind ? &self->uplink : NULL;
}

bool uplink_is_kernel(const struct uplink *u)
{
	return u->kind == UPLINK_AF_XDP || u->kind == UPLINK_VETH;
}

const struct weft_mac *underlay_mac(const struct compiler *c)
{
	const struct uplink *u = underlay_uplink(c);

	if (!u)
		return NULL;
	if (!uplink_is_kernel(u))
		return &u->mac;
	return c->link_known && !weft_mac_is_zero(&c->link.mac) ? &c->link.mac : NULL;
}

uint16_t underlay_mtu(const struct compiler *c)
{
	const struct uplink *u = underlay_uplink(c);
	uint32_t mtu = MTU_UNKNOWN;

	if (u && u->mtu)
		mtu = u->mtu;
	else if (u && uplink_is_kernel(u) && c->link_known && c->link.mtu)
		mtu = c->link.mtu;
	return mtu < WEFT_MTU_MIN ? WEFT_MTU_MIN : mtu > WEFT_MTU_MAX ? WEFT_MTU_MAX : mtu;
}

static const struct weft_addr *vtep_of_family(const struct weft_addr *vteps, size_t n, bool v4)
{
	for (size_t i = 0; i < n; i++)
		if (weft_addr_is_v4(&vteps[i]) == v4)
			return &vteps[i];
	return NULL;
}

bool underlay_pair(const struct compiler *c, const struct peer *peer,
	const struct weft_addr **ret_local, const struct weft_addr **ret_remote)
{
	const struct host *self = underlay_self(c);

	if (!self || peer->is_self)
		return false;
	for (int v4 = 1; v4 >= 0; v4--) {
		const struct weft_addr *local = vtep_of_family(self->vteps, self->n_vteps, v4);
		const struct weft_addr *remote = vtep_of_family(peer->vteps, peer->n_vteps, v4);

		if (local && remote) {
			*ret_local = local;
			*ret_remote = remote;
			return true;
		}
	}
	return false;
}

const struct weft_addr *underlay_remote(const struct compiler *c, const struct peer *peer)
{
	const struct weft_addr *local, *remote;

	if (!underlay_mac(c) || !underlay_pair(c, peer, &local, &remote))
		return NULL;
	return remote;
}

void compile_note_path(struct compiler *c, const struct underlay_path *path)
{
	struct underlay_path *known = (struct underlay_path *)underlay_path_find(c, &path->remote);

	if (known)
		*known = *path;
	else
		hset_insert(&c->paths, path);
	mark(c, WEFT_TABLE_VTEP, key_addr(&path->remote));
}

void compile_note_link(struct compiler *c, const struct underlay_link *link)
{
	bool reachable = underlay_mac(c) != NULL;

	c->link = *link;
	c->link_known = true;
	if ((underlay_mac(c) != NULL) != reachable)
		mark_all(c);
	else
		mark_underlay(c);
}

void compile_remotes(const struct compiler *c,
	void (*fn)(void *arg, const struct weft_addr *local, const struct weft_addr *remote),
	void *arg)
{
	const struct uplink *u = underlay_uplink(c);
	const struct weft_addr *local, *remote;

	if (!u || !uplink_is_kernel(u))
		return;
	for (struct peer **p = NULL; (p = hset_next(&c->peers, p));)
		if ((*p)->n_relevant && underlay_pair(c, *p, &local, &remote))
			fn(arg, local, remote);
}
