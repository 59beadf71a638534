/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ways to the remote VTEPs, as the kernel would go them: route, next hop, its MAC, MTU. A way
 * that does not leave by the uplink is no way. What changed is told to the engine. Event loop's
 * thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define DPDK_MTU 1500 /* of an uplink that no kernel knows, unless configured */

const struct host *paths_host(const struct hostnet *h)
{
	const struct model *m = engine_model(h->engine);

	return (const struct host *)model_find(m, MODEL_HOST, engine_host(h->engine));
}

bool paths_uplink_is_kernel(const struct host *host)
{
	return host->uplink.kind == UPLINK_AF_XDP || host->uplink.kind == UPLINK_VETH;
}

/* ---- the uplink itself ---- */

static const struct hostnet_link *kernel_uplink(const struct hostnet *h, const struct host *host)
{
	return host->uplink.device ? hostnet_link_by_name(h, host->uplink.device) : NULL;
}

static void uplink_down(struct hostnet *h, const struct hostnet_link *link)
{
	if (link->up)
		snprintf(h->uplink_problem, sizeof(h->uplink_problem),
			"Uplink interface %s is down (no carrier).", link->name);
	else
		snprintf(h->uplink_problem, sizeof(h->uplink_problem),
			"Uplink interface %s is down; set it up with: ip link set %s up",
			link->name, link->name);
}

static struct underlay_link look_at_uplink(struct hostnet *h, const struct host *host)
{
	struct underlay_link now = {.mac = host->uplink.mac, .mtu = host->uplink.mtu, .up = true};
	const struct hostnet_link *link;

	h->uplink_problem[0] = '\0';
	if (!paths_uplink_is_kernel(host)) {
		if (now.mtu == 0)
			now.mtu = DPDK_MTU;
		return now;
	}
	link = kernel_uplink(h, host);
	if (!link) {
		snprintf(h->uplink_problem, sizeof(h->uplink_problem),
			"Uplink interface %.32s does not exist.", host->uplink.device);
		return (struct underlay_link){.mtu = now.mtu};
	}
	if (!link->running)
		uplink_down(h, link);
	now.mac = link->mac;
	now.up = link->running;
	if (now.mtu == 0 || now.mtu > link->mtu)
		now.mtu = link->mtu < UINT16_MAX ? link->mtu : UINT16_MAX;
	return now;
}

static void update_uplink(struct hostnet *h, const struct host *host)
{
	struct underlay_link now = look_at_uplink(h, host);

	if (h->uplink_reported && now.up == h->uplink.up && now.mtu == h->uplink.mtu &&
		weft_mac_equal(&now.mac, &h->uplink.mac))
		return;
	h->uplink = now;
	h->uplink_reported = true;
	engine_link(h->engine, &now);
}

/* ---- the set of ways ---- */

static void note_remote(void *arg, const struct weft_addr *local, const struct weft_addr *remote)
{
	struct hostnet *h = arg;
	struct path_entry *p;

	HASH_FIND(hh, h->paths, remote, sizeof(*remote), p);
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return;
		p->path.remote = *remote;
		p->is_new = true;
		HASH_ADD(hh, h->paths, path.remote, sizeof(p->path.remote), p);
	}
	if (!weft_addr_equal(&p->local, local))
		p->is_new = true;
	p->local = *local;
	p->wanted = true;
}

static void update_set(struct hostnet *h)
{
	struct path_entry *p, *next;

	for (p = h->paths; p; p = p->hh.next)
		p->wanted = false;
	compile_remotes(engine_compiler(h->engine), note_remote, h);
	HASH_ITER (hh, h->paths, p, next)
		if (!p->wanted) {
			hop_put(h, p->hop);
			HASH_DEL(h->paths, p);
			free(p);
		}
}

/* ---- one way ---- */

static void route_problem(struct hostnet *h, struct path_entry *p, int error)
{
	char remote[WEFT_ADDR_STR_SIZE], local[WEFT_ADDR_STR_SIZE];

	snprintf(p->problem, sizeof(p->problem), "VTEP %s: no route to it from %s: %s",
		weft_addr_format(&p->path.remote, remote), weft_addr_format(&p->local, local),
		error == -EINVAL ? "not an address of this host" : strerror(-error));
}

/* Finds route and next hop anew; p->hop is NULL when there is no way. */
static void find_route(struct hostnet *h, struct path_entry *p, const struct hostnet_link *uplink)
{
	char remote[WEFT_ADDR_STR_SIZE], name[IF_NAMESIZE];
	struct hop *old = p->hop;
	struct kernel_route route;
	int rc;

	p->hop = NULL;
	p->problem[0] = '\0';
	p->is_new = false;
	h->counters.route_lookups++;
	rc = kernel_get_route(&h->requests, &p->local, &p->path.remote, &route);
	if (rc == 0 && route.type != RTN_UNICAST)
		rc = route.type == RTN_LOCAL ? -EADDRINUSE : -ENETUNREACH;
	if (rc < 0) {
		route_problem(h, p, rc);
	} else if (!uplink || route.ifindex != uplink->ifindex) {
		if (!if_indextoname(route.ifindex, name))
			memcpy(name, "nowhere", sizeof("nowhere"));
		snprintf(p->problem, sizeof(p->problem),
			"VTEP %s: the route to it leaves by %s, not by the uplink",
			weft_addr_format(&p->path.remote, remote), name);
	} else {
		p->route_mtu = route.mtu;
		p->hop = hop_get(h, route.ifindex, &route.next_hop);
	}
	hop_put(h, old);
}

static struct underlay_path look_at_path(
	struct hostnet *h, const struct path_entry *p, const struct host *host)
{
	struct underlay_path now = {
		.remote = p->path.remote, .src_mac = h->uplink.mac, .mtu = h->uplink.mtu};

	if (!paths_uplink_is_kernel(host)) {
		now.dst_mac = host->uplink.next_hop_mac;
		now.resolved = !weft_mac_is_zero(&now.dst_mac);
		return now;
	}
	if (!p->hop || !p->hop->known || !h->uplink.up)
		return now;
	now.dst_mac = p->hop->mac;
	now.resolved = true;
	if (p->route_mtu > 0 && p->route_mtu < now.mtu)
		now.mtu = p->route_mtu;
	return now;
}

static bool same_path(const struct underlay_path *a, const struct underlay_path *b)
{
	return a->resolved == b->resolved && a->mtu == b->mtu &&
	       weft_mac_equal(&a->dst_mac, &b->dst_mac) && weft_mac_equal(&a->src_mac, &b->src_mac);
}

void paths_update(struct hostnet *h, bool routes)
{
	const struct host *host = paths_host(h);
	const struct hostnet_link *uplink;
	struct underlay_path *changed;
	size_t n = 0;

	if (!host)
		return;
	update_uplink(h, host);
	update_set(h);
	changed = calloc(HASH_COUNT(h->paths) + 1, sizeof(*changed));
	if (!changed)
		return;
	uplink = kernel_uplink(h, host);
	if (h->uplink_ifindex != (uplink ? uplink->ifindex : 0)) {
		h->uplink_ifindex = uplink ? uplink->ifindex : 0;
		routes = true;
	}
	for (struct path_entry *p = h->paths; p; p = p->hh.next) {
		struct underlay_path now;

		if (paths_uplink_is_kernel(host) && (routes || p->is_new))
			find_route(h, p, uplink);
		now = look_at_path(h, p, host);
		if (p->reported && same_path(&now, &p->path))
			continue;
		p->path = now;
		p->reported = true;
		changed[n++] = now;
	}
	if (n > 0)
		engine_paths(h->engine, changed, n);
	free(changed);
}

bool paths_are_pending(const struct hostnet *h)
{
	for (const struct hop *hop = h->hops; hop; hop = hop->hh.next)
		if (!hop->known)
			return true;
	return false;
}

void paths_free(struct hostnet *h)
{
	struct path_entry *p, *next;

	HASH_ITER (hh, h->paths, p, next) {
		hop_put(h, p->hop);
		HASH_DEL(h->paths, p);
		free(p);
	}
}
