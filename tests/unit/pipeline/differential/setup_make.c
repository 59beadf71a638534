/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random configurations: networks of two tenants, 0 and 1 with the same addresses, 2 with routes to
 * and from 0; segments with stations here and behind two VTEPs.
 *
 * Network n has addresses 10.A.S.0/24 and fdAA:0:S::/64 (A: 0 for networks 0 and 1, else n; S: the
 * segment's number in it), VNI 100 * (n + 1) + S, router n + 1 with MAC 02:00:00:00:fe:n; gateways
 * end in .254, station h in h + 1.
 */
#include <stdio.h>
#include <string.h>

#include "scenario.h"

static unsigned int base_of(unsigned int net)
{
	return net < 2 ? 0 : net;
}

struct weft_prefix prefix_of(const struct weft_addr *a, unsigned int len)
{
	struct weft_prefix p = {.addr = *a, .len = len};

	for (unsigned int bit = len; bit < 128; bit++)
		p.addr.b[bit / 8] &= ~(0x80 >> bit % 8);
	return p;
}

static struct weft_mac mac_of(unsigned int kind, unsigned int a, unsigned int b)
{
	return (struct weft_mac){.b = {2, 0, kind, 0, a, b}};
}

static void add_underlay(struct setup *c)
{
	struct weft_port up = {.id = UPLINK_ID,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_UPLINK,
		.n_queues = 1,
		.mtu = 1600};

	SETUP_ADD(c, port, up);
	SETUP_ADD(c, local_vtep,
		{.addr = v4(192, 0, 2, 1), .uplink = UPLINK_ID, .mac = mac_of(0xaa, 0, 1)});
	for (unsigned int i = 0; i < 2; i++)
		SETUP_ADD(c, vtep,
			{.remote = v4(192, 0, 2, 2 + i),
				.local = v4(192, 0, 2, 1),
				.uplink = UPLINK_ID,
				.dst_mac = mac_of(0xaa, 1, i),
				.src_mac = mac_of(0xaa, 0, 1),
				.path_mtu = 1600,
				.flags = WEFT_VTEP_RESOLVED | (i ? WEFT_VTEP_DSCP_COPY : 0),
				.ttl = 60 + i,
				.dscp = 10});
}

static void add_rulesets(struct setup *c)
{
	unsigned int n = 3 + roll(5);

	SETUP_ADD(c, set, {.id = 1, .scope = 1});
	SETUP_ADD(c, set, {.id = 2, .scope = 1});
	SETUP_ADD(c, set, {.id = 3, .scope = 2});
	for (unsigned int i = 0; i < n; i++)
		SETUP_ADD(c, ruleset,
			{.id = i + 1,
				.tier = i == 0	 ? WEFT_TIER_OVERRIDE
					: i == 1 ? WEFT_TIER_BASELINE
						 : 1 + roll(3)});
}

static void add_policy(struct setup *c, struct weft_port *p)
{
	unsigned int want = roll(4);

	if (chance(60))
		p->flags |= WEFT_PORT_DEFAULT_DENY;
	for (unsigned int tier = 1; tier <= 3; tier++) {
		for (unsigned int i = 0; i < c->n_ruleset && p->n_rulesets < want; i++) {
			if (c->ruleset[i].tier == tier && chance(50))
				p->rulesets[p->n_rulesets++] = c->ruleset[i].id;
		}
	}
}

static void add_local(struct setup *c, struct host *h, unsigned int id)
{
	struct weft_port p = {.id = id,
		.vni = h->vni,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_TENANT,
		.n_queues = 1,
		.mtu = 1500,
		.mac = h->mac,
		.n_addrs = 2};

	p.addrs[0] = prefix_of(&h->addr[0], 128);
	p.addrs[1] = prefix_of(&h->addr[1], 128);
	h->guarded = chance(60);
	h->port = id;
	p.flags = h->guarded ? WEFT_PORT_ANTISPOOF : 0;
	if (chance(80))
		add_policy(c, &p);
	SETUP_ADD(c, port, p);
}

static void add_host(struct scenario *s, unsigned int net, unsigned int seg, unsigned int number)
{
	struct setup *c = &s->version[0];
	struct host *h = &s->host[s->n_hosts];
	unsigned int base = base_of(net);

	*h = (struct host){.vni = 100 * (net + 1) + seg,
		.mac = mac_of(net, seg, number + 1),
		.addr = {v4(10, base, seg, number + 1), v6(base, seg, number + 1)}};
	if (number < 1 || chance(50))
		add_local(c, h, s->n_hosts + 1);
	else
		h->vtep = c->vtep[roll(c->n_vtep)].remote;
	s->n_hosts++;
	if (chance(97))
		SETUP_ADD(
			c, fdb, {.vni = h->vni, .mac = h->mac, .port = h->port, .remote = h->vtep});
	for (unsigned int f = 0; f < 2; f++) {
		if (chance(97))
			SETUP_ADD(c, neigh, {.vni = h->vni, .addr = h->addr[f], .mac = h->mac});
	}
}

static void add_gateway(
	struct setup *c, unsigned int net, unsigned int seg, const struct weft_mac *mac)
{
	struct weft_addr a[2] = {v4(10, base_of(net), seg, 254), v6(base_of(net), seg, 254)};
	uint32_t vni = 100 * (net + 1) + seg;

	for (unsigned int f = 0; f < 2; f++) {
		struct weft_hop hop = {.type = WEFT_HOP_CONNECTED, .ref = vni};
		struct weft_route r = {
			.router = net + 1, .prefix = prefix_of(&a[f], f ? 64 : 120), .n_hops = 1};

		r.hops[0] = hop;
		if (chance(95))
			SETUP_ADD(c, route, r);
		if (chance(80))
			SETUP_ADD(c, neigh,
				{.vni = vni,
					.addr = a[f],
					.mac = *mac,
					.flags = WEFT_NEIGH_GATEWAY});
		if (chance(80))
			SETUP_ADD(c, subnet, {.vni = vni, .prefix = r.prefix, .gateway = a[f]});
	}
}

static void add_segment(struct scenario *s, unsigned int net, unsigned int seg)
{
	struct setup *c = &s->version[0];
	struct weft_segment e = {.vni = 100 * (net + 1) + seg, .mtu = 1450, .network = net + 1};
	bool routed = c->n_router && c->router[c->n_router - 1].network == net + 1 && chance(90);
	unsigned int n = 2 + roll(2);

	e.flags = (chance(40) ? WEFT_SEGMENT_FLOOD_UNKNOWN : 0) |
		  (chance(50) ? WEFT_SEGMENT_PROXY : 0) |
		  (chance(20) ? WEFT_SEGMENT_INNER_VLAN : 0) |
		  (routed && chance(20) ? WEFT_SEGMENT_L3_ONLY : 0);
	if (routed) {
		e.router = net + 1;
		add_gateway(c, net, seg, &c->router[c->n_router - 1].mac);
	}
	if (net == 1 && !routed && chance(30))
		e.network = 0;
	SETUP_ADD(c, segment, e);
	for (unsigned int i = 0; i < c->n_vtep; i++)
		SETUP_ADD(c, flood,
			{.vni = e.vni,
				.remote = c->vtep[i].remote,
				.flags = chance(20) ? WEFT_FLOOD_ACCEPT_ONLY : 0});
	for (unsigned int i = 0; i < n && s->n_hosts < HOSTS_MAX; i++)
		add_host(s, net, seg, i);
}

static void add_network(struct scenario *s, unsigned int net)
{
	struct setup *c = &s->version[0];
	struct weft_network n = {.id = net + 1,
		.tenant = 1 + net % 2,
		.flags = chance(30) ? WEFT_NETWORK_TCP_STRICT : 0};
	unsigned int n_segments = 1 + roll(3);

	for (unsigned int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		n.timeout_s[i] = 100000;
	SETUP_ADD(c, network, n);
	if (chance(75))
		SETUP_ADD(c, router,
			{.id = net + 1, .network = net + 1, .mac = mac_of(0xfe, 0, net)});
	for (unsigned int i = 0; i < n_segments; i++)
		add_segment(s, net, i);
}

static bool has_router(const struct setup *c, uint32_t id)
{
	for (unsigned int i = 0; i < c->n_router; i++) {
		if (c->router[i].id == id)
			return true;
	}
	return false;
}

static uint32_t network_of(const struct setup *c, uint32_t vni)
{
	for (unsigned int i = 0; i < c->n_segment; i++) {
		if (c->segment[i].vni == vni)
			return c->segment[i].network;
	}
	return 0;
}

static void add_route(struct setup *c, uint32_t router, struct weft_prefix p, struct weft_hop hop)
{
	struct weft_route r = {.router = router, .prefix = p, .n_hops = 1};

	r.hops[0] = hop;
	if (has_router(c, router) && (hop.type != WEFT_HOP_ROUTER || has_router(c, hop.ref)))
		SETUP_ADD(c, route, r);
}

static void add_far_routes(struct scenario *s)
{
	struct setup *c = &s->version[0];
	struct weft_addr nine = v4(10, 9, 0, 0), ten = v4(10, 10, 0, 0),
			 base[2] = {v4(10, 0, 0, 0), v6(0, 0, 0)},
			 far[2] = {v4(10, 2, 0, 0), v6(2, 0, 0)};

	for (unsigned int f = 0; f < 2; f++) {
		add_route(c, 1, prefix_of(&far[f], f ? 16 : 112),
			(struct weft_hop){.type = WEFT_HOP_ROUTER, .ref = 3});
		add_route(c, 3, prefix_of(&base[f], f ? 16 : 112),
			(struct weft_hop){.type = WEFT_HOP_ROUTER, .ref = 1});
	}
	for (uint32_t r = 1; r <= 3; r++) {
		add_route(
			c, r, prefix_of(&nine, 112), (struct weft_hop){.type = WEFT_HOP_BLACKHOLE});
		add_route(c, r, prefix_of(&ten, 112),
			(struct weft_hop){.type = WEFT_HOP_UNREACHABLE});
	}
	add_route(c, 2, prefix_of(&far[0], 112),
		(struct weft_hop){.type = WEFT_HOP_ROUTER, .ref = 2});
	/* An appliance sees packets of others come and go. */
	for (unsigned int i = 0; i < 2 && s->forging && s->n_hosts; i++) {
		const struct host *h = &s->host[roll(s->n_hosts)], *to = &s->host[roll(s->n_hosts)];
		unsigned int f = roll(2);

		add_route(c, network_of(c, h->vni), prefix_of(&to->addr[f], 128),
			(struct weft_hop){.type = WEFT_HOP_VIA, .ref = h->vni, .via = h->addr[f]});
	}
}

/* Two routes of a router to the same prefix would be one entry. */
static void drop_doubles(struct setup *c)
{
	for (unsigned int i = 0; i < c->n_route; i++) {
		for (unsigned int k = i + 1; k < c->n_route; k++) {
			if (weft_entry_key_equal(WEFT_TABLE_ROUTE, &c->route[i], &c->route[k]))
				c->route[k--] = c->route[--c->n_route];
		}
	}
}

void setup_make(struct scenario *s)
{
	struct setup *c = &s->version[0];

	SETUP_ADD(c, tenant, {.id = 1});
	SETUP_ADD(c, tenant, {.id = 2});
	add_underlay(c);
	add_rulesets(c);
	for (unsigned int net = 0; net < 3; net++)
		add_network(s, net);
	add_far_routes(s);
	drop_doubles(c);
	for (unsigned int i = 0; i < 12; i++)
		setup_change(c, s);
	for (unsigned int i = 0; i < c->n_ruleset; i++) {
		for (unsigned int n = roll(6); n > 0; n--)
			setup_add_rule(c, s, c->ruleset[i].id);
	}
}
