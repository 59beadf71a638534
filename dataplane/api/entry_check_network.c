/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meaning of single entries of tenants, networks and routing. Pure; any thread.
 */
#include <errno.h>
#include <string.h>

#include "check.h"

#define TIMEOUT_MAX_S (30 * 86400)

int check_tenant(const struct check *c, const struct weft_tenant *t)
{
	int rc = check_id(c, "id", t->id);

	return rc ? rc : check_name(c, "name", t->name);
}

int check_network(const struct check *c, const struct weft_network *n)
{
	const uint32_t known = WEFT_NETWORK_TCP_STRICT | WEFT_NETWORK_FULL_STATELESS |
			       WEFT_NETWORK_METADATA | WEFT_NETWORK_MSS_CLAMP;
	int rc;

	if ((rc = check_id(c, "id", n->id)) || (rc = check_id(c, "tenant", n->tenant)) ||
		(rc = check_flags(c, n->flags, known)))
		return rc;
	for (unsigned int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		if (n->timeout_s[i] > TIMEOUT_MAX_S)
			return check_bad(c, -EINVAL, "timeout_s", "%u is beyond %u",
				n->timeout_s[i], TIMEOUT_MAX_S);
	return check_name(c, "name", n->name);
}

int check_router(const struct check *c, const struct weft_router *r)
{
	int rc;

	if ((rc = check_id(c, "id", r->id)) || (rc = check_id(c, "network", r->network)) ||
		(rc = check_mac(c, "mac", &r->mac)) || (rc = check_flags(c, r->flags, 0)))
		return rc;
	return check_name(c, "name", r->name);
}

static bool same_family(const struct weft_addr *a, const struct weft_addr *b)
{
	return weft_addr_is_v4(a) == weft_addr_is_v4(b);
}

static int check_host_route(
	const struct check *c, const struct weft_subnet *s, const struct weft_host_route *r)
{
	int rc;

	if ((rc = check_prefix(c, "routes", &r->prefix)) ||
		(rc = check_unicast(c, "routes", &r->via)))
		return rc;
	if (!same_family(&r->prefix.addr, &s->prefix.addr) ||
		!same_family(&r->via, &s->prefix.addr))
		return check_bad(c, -EINVAL, "routes", "is of another family than the prefix");
	return 0;
}

int check_subnet(const struct check *c, const struct weft_subnet *s)
{
	const uint32_t known =
		WEFT_SUBNET_DHCP | WEFT_SUBNET_RA | WEFT_SUBNET_AUTONOMOUS | WEFT_SUBNET_DNS;
	int rc;

	if ((rc = check_vni(c, s->vni)) || (rc = check_prefix(c, "prefix", &s->prefix)) ||
		(rc = check_flags(c, s->flags, known)))
		return rc;
	if (!weft_addr_is_zero(&s->gateway)) {
		if ((rc = check_unicast(c, "gateway", &s->gateway)))
			return rc;
		if (!weft_prefix_contains(&s->prefix, &s->gateway))
			return check_bad(c, -EINVAL, "gateway", "is not in the prefix");
	}
	if (weft_addr_is_v4(&s->prefix.addr) &&
		(s->flags & (WEFT_SUBNET_RA | WEFT_SUBNET_AUTONOMOUS)))
		return check_bad(c, -EINVAL, "flags", "router advertisements are for IPv6");
	if (s->n_dns > WEFT_SUBNET_SERVERS)
		return check_bad(
			c, -E2BIG, "n_dns", "%u is beyond %u", s->n_dns, WEFT_SUBNET_SERVERS);
	if (s->n_routes > WEFT_SUBNET_ROUTES)
		return check_bad(
			c, -E2BIG, "n_routes", "%u is beyond %u", s->n_routes, WEFT_SUBNET_ROUTES);
	for (unsigned int i = 0; i < s->n_dns; i++)
		if ((rc = check_unicast(c, "dns", &s->dns[i])))
			return rc;
	for (unsigned int i = 0; i < s->n_routes; i++)
		if ((rc = check_host_route(c, s, &s->routes[i])))
			return rc;
	return check_name(c, "domain", s->domain);
}

static int check_hop(const struct check *c, const struct weft_route *r, const struct weft_hop *h)
{
	int rc;

	switch (h->type) {
	case WEFT_HOP_CONNECTED:
		return check_vni(c, h->ref);
	case WEFT_HOP_VIA:
		if ((rc = check_vni(c, h->ref)) || (rc = check_unicast(c, "hops", &h->via)))
			return rc;
		if (!same_family(&h->via, &r->prefix.addr))
			return check_bad(c, -EINVAL, "hops", "via is of another family");
		return 0;
	case WEFT_HOP_ROUTER:
		return check_id(c, "hops", h->ref);
	case WEFT_HOP_BLACKHOLE:
	case WEFT_HOP_UNREACHABLE:
		return 0;
	}
	return check_bad(c, -EINVAL, "hops", "type %u is unknown", h->type);
}

/* The prefixes of all addresses of a family are 0.0.0.0/0, in 16 bytes of length 96, and ::/0. */
int check_route(const struct check *c, const struct weft_route *r)
{
	int rc;

	if ((rc = check_id(c, "router", r->router)) ||
		(rc = check_prefix(c, "prefix", &r->prefix)) || (rc = check_flags(c, r->flags, 0)))
		return rc;
	if (r->n_hops == 0 || r->n_hops > WEFT_ROUTE_HOPS)
		return check_bad(
			c, -E2BIG, "n_hops", "%u is not in 1..%u", r->n_hops, WEFT_ROUTE_HOPS);
	for (unsigned int i = 0; i < r->n_hops; i++) {
		bool alone = r->hops[i].type != WEFT_HOP_VIA;

		if ((rc = check_hop(c, r, &r->hops[i])))
			return rc;
		if (alone && r->n_hops > 1)
			return check_bad(c, -EINVAL, "hops", "only next hops can share a route");
	}
	return 0;
}

int check_dns(const struct check *c, const struct weft_dns *d)
{
	uint8_t hash[16];
	int rc;

	if ((rc = check_id(c, "network", d->network)) || (rc = check_name(c, "name", d->name)) ||
		(rc = check_unicast(c, "addr", &d->addr)))
		return rc;
	if (d->name[0] == '\0')
		return check_bad(c, -EINVAL, "name", "is empty");
	weft_dns_hash(d->name, strlen(d->name), hash);
	if (memcmp(hash, d->hash, sizeof(hash)) != 0)
		return check_bad(c, -EINVAL, "hash", "is not the name's");
	return 0;
}
