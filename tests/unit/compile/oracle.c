/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "oracle.h"

struct oracle {
	const struct model *m;
	const struct host *self; /* NULL: not in the model */
	const char *name;
	const struct oracle_underlay *u;
	struct applied *out;
};

#define FOR_EACH(o, m, kind)                                                                       \
	for (const struct object *o = NULL; (o = model_next(m, kind, o ? o->name : NULL));)

static bool has_port(const struct oracle *w, const char *host, const char *segment)
{
	FOR_EACH(o, w->m, MODEL_PORT)
	{
		const struct port *p = (const struct port *)o;

		if (p->host && strcmp(p->host, host) == 0 && strcmp(p->segment, segment) == 0)
			return true;
	}
	return false;
}

static const struct router *router_of(const struct oracle *w, const char *segment)
{
	FOR_EACH(o, w->m, MODEL_ROUTER)
	{
		const struct router *r = (const struct router *)o;

		for (size_t i = 0; i < r->n_segments; i++)
			if (strcmp(r->segments[i], segment) == 0)
				return r;
	}
	return NULL;
}

static bool disjoint(const struct weft_prefix *a, const struct weft_prefix *b)
{
	return !weft_prefix_contains(a, &b->addr) && !weft_prefix_contains(b, &a->addr);
}

/* Some way of at most four routes leads from the last router of the way to the target, through no
 * router twice, and one address takes all of it. */
static bool leads(const struct oracle *w, const struct route **way, int n, const char *at,
	const char *start, const char *target)
{
	if (strcmp(at, target) == 0)
		return true;
	FOR_EACH(o, w->m, MODEL_ROUTE)
	{
		const struct route *r = (const struct route *)o;
		bool fits = n < 4 && r->peer && strcmp(r->router, at) == 0 &&
			    strcmp(r->peer, start) != 0;

		for (int i = 0; i < n && fits; i++)
			fits = strcmp(way[i]->peer, r->peer) != 0 &&
			       !disjoint(&way[i]->prefix, &r->prefix);
		if (!fits)
			continue;
		way[n] = r;
		if (leads(w, way, n + 1, r->peer, start, target))
			return true;
	}
	return false;
}

static bool near(const struct oracle *w, const char *a, const char *b)
{
	const struct route *way[4];

	return leads(w, way, 0, a, a, b) || leads(w, way, 0, b, b, a);
}

/* The host has a port in a segment of a router near that one. */
static bool has_port_near(const struct oracle *w, const char *host, const char *router)
{
	FOR_EACH(o, w->m, MODEL_ROUTER)
	{
		const struct router *r = (const struct router *)o;

		for (size_t i = 0; i < r->n_segments; i++)
			if (has_port(w, host, r->segments[i]) && near(w, o->name, router))
				return true;
	}
	return false;
}

static bool relevant(const struct oracle *w, const char *segment)
{
	const struct router *r = router_of(w, segment);

	return has_port(w, w->name, segment) || (r && has_port_near(w, w->name, r->o.name));
}

static bool kernel_uplink(const struct oracle *w)
{
	return w->self->uplink.kind == UPLINK_AF_XDP || w->self->uplink.kind == UPLINK_VETH;
}

static struct weft_mac uplink_mac(const struct oracle *w)
{
	if (!w->self || !w->self->uplink.kind)
		return (struct weft_mac){0};
	if (!kernel_uplink(w))
		return w->self->uplink.mac;
	return w->u->link ? w->u->link->mac : (struct weft_mac){0};
}

static bool has_uplink_mac(const struct oracle *w)
{
	struct weft_mac mac = uplink_mac(w);

	return !weft_mac_is_zero(&mac);
}

static uint16_t underlay_mtu(const struct oracle *w)
{
	if (w->self && w->self->uplink.kind && w->self->uplink.mtu)
		return w->self->uplink.mtu;
	if (w->self && w->self->uplink.kind && kernel_uplink(w) && w->u->link)
		return w->u->link->mtu;
	return 1500;
}

/* The addresses between this host and another, IPv4 first. */
static bool pair(const struct oracle *w, const struct host *h, struct weft_addr *local,
	struct weft_addr *remote)
{
	bool found = false;

	if (!w->self || h == w->self || !has_uplink_mac(w))
		return false;
	for (size_t i = 0; i < w->self->n_vteps; i++)
		for (size_t k = 0; k < h->n_vteps; k++) {
			bool v4 = weft_addr_is_v4(&h->vteps[k]);

			if (v4 != weft_addr_is_v4(&w->self->vteps[i]) || (found && !v4))
				continue;
			*local = w->self->vteps[i];
			*remote = h->vteps[k];
			found = true;
		}
	return found;
}

static uint16_t segment_mtu(const struct oracle *w, const struct segment *s)
{
	uint16_t overhead = 50;

	for (size_t i = 0; w->self && i < w->self->n_vteps; i++)
		if (!weft_addr_is_v4(&w->self->vteps[i]))
			overhead = 70;
	return s->mtu ? s->mtu : (uint32_t)(underlay_mtu(w) - overhead);
}

static void add(const struct oracle *w, enum weft_table table, const union weft_entry *e)
{
	applied_op(w->out, table, WEFT_OP_PUT, e);
}

static void add_subnet(const struct oracle *w, const struct segment *s, const struct subnet *net)
{
	union weft_entry e = {0};
	struct weft_subnet *t = &e.subnet;
	bool v4 = weft_addr_is_v4(&net->prefix.addr);

	t->vni = s->vni;
	t->prefix = net->prefix;
	t->gateway = net->gateway;
	t->lease_s = s->lease_s;
	t->flags = s->dhcp * WEFT_SUBNET_DHCP + s->dns_local * WEFT_SUBNET_DNS;
	if (!v4)
		t->flags += s->ra * WEFT_SUBNET_RA + s->slaac * WEFT_SUBNET_AUTONOMOUS;
	for (size_t i = 0; i < s->n_dns_servers; i++)
		if (weft_addr_is_v4(&s->dns_servers[i]) == v4)
			t->dns[t->n_dns++] = s->dns_servers[i];
	for (size_t i = 0; i < s->n_host_routes; i++)
		if (weft_prefix_contains(&net->prefix, &s->host_routes[i].via))
			t->routes[t->n_routes++] = (struct weft_host_route){
				.prefix = s->host_routes[i].prefix, .via = s->host_routes[i].via};
	snprintf(t->domain, sizeof(t->domain), "%s", s->domain ? s->domain : "");
	add(w, WEFT_TABLE_SUBNET, &e);
}

static void add_segments(const struct oracle *w)
{
	FOR_EACH(o, w->m, MODEL_SEGMENT)
	{
		const struct segment *s = (const struct segment *)o;
		union weft_entry e = {0};

		if (!relevant(w, o->name))
			continue;
		e.segment.vni = s->vni;
		e.segment.mtu = segment_mtu(w, s);
		e.segment.ageing_s = s->ageing_s;
		e.segment.max_learned = s->max_learned;
		e.segment.flags = s->flood_unknown * WEFT_SEGMENT_FLOOD_UNKNOWN +
				  s->learn_from_wire * WEFT_SEGMENT_LEARN_WIRE +
				  s->answer_locally * WEFT_SEGMENT_PROXY +
				  s->carry_vlan * WEFT_SEGMENT_INNER_VLAN +
				  s->l3_only * WEFT_SEGMENT_L3_ONLY;
		snprintf(e.segment.name, sizeof(e.segment.name), "%s", o->name);
		e.segment.network = model_find(w->m, MODEL_NETWORK, s->network)->id;
		if (router_of(w, o->name))
			e.segment.router = router_of(w, o->name)->o.id;
		add(w, WEFT_TABLE_SEGMENT, &e);
		for (size_t i = 0; i < s->n_subnets; i++)
			if (router_of(w, o->name) || s->dhcp || s->ra || s->dns_local)
				add_subnet(w, s, &s->subnets[i]);
	}
}

static void add_uplink(const struct oracle *w)
{
	union weft_entry e = {0};

	if (!w->self || !w->self->uplink.kind)
		return;
	e.port.id = COMPILE_UPLINK_ID;
	e.port.kind = w->self->uplink.kind;
	e.port.role = WEFT_ROLE_UPLINK;
	e.port.flags = w->self->uplink.server * WEFT_PORT_SERVER;
	e.port.instance = w->self->uplink.instance;
	e.port.n_queues = w->self->uplink.queues;
	e.port.mtu = underlay_mtu(w);
	e.port.mac = w->self->uplink.mac;
	snprintf(e.port.name, sizeof(e.port.name), "%s", "uplink");
	snprintf(e.port.device, sizeof(e.port.device), "%s", w->self->uplink.device);
	add(w, WEFT_TABLE_PORT, &e);
	for (size_t i = 0; i < w->self->n_vteps && has_uplink_mac(w); i++) {
		memset(&e, 0, sizeof(e));
		e.local_vtep.addr = w->self->vteps[i];
		e.local_vtep.uplink = COMPILE_UPLINK_ID;
		e.local_vtep.mac = uplink_mac(w);
		add(w, WEFT_TABLE_LOCAL_VTEP, &e);
	}
}

static void add_service(const struct oracle *w)
{
	union weft_entry e = {.port = {.id = COMPILE_SERVICE_ID,
				      .kind = WEFT_PORT_TAP,
				      .role = WEFT_ROLE_SERVICE,
				      .n_queues = 1,
				      .mtu = 9216,
				      .mac = {.b = {0x02, 0x57, 0x45, 0x46, 0x54, 0x02}},
				      .name = "metadata",
				      .device = "weft-metadata"}};

	if (w->self && w->self->metadata)
		add(w, WEFT_TABLE_PORT, &e);
}

static void add_vtep(
	const struct oracle *w, const struct weft_addr *local, const struct weft_addr *remote)
{
	union weft_entry e = {0};
	struct weft_vtep *v = &e.vtep;

	v->remote = *remote;
	v->local = *local;
	v->uplink = COMPILE_UPLINK_ID;
	v->path_mtu = underlay_mtu(w);
	v->ttl = w->self->ttl;
	v->dscp = w->self->dscp;
	v->flags = w->self->dscp_copy ? WEFT_VTEP_DSCP_COPY : 0;
	if (!kernel_uplink(w)) {
		v->src_mac = w->self->uplink.mac;
		v->dst_mac = w->self->uplink.next_hop_mac;
		v->flags |= WEFT_VTEP_RESOLVED;
	}
	for (size_t i = 0; i < w->u->n_paths && kernel_uplink(w); i++) {
		const struct underlay_path *p = &w->u->paths[i];

		if (!p->resolved || !weft_addr_equal(&p->remote, remote))
			continue;
		v->src_mac = p->src_mac;
		v->dst_mac = p->dst_mac;
		v->path_mtu = p->mtu;
		v->flags |= WEFT_VTEP_RESOLVED;
	}
	if (!applied_find(w->out, WEFT_TABLE_VTEP, &e))
		add(w, WEFT_TABLE_VTEP, &e);
}

static void add_local_port(const struct oracle *w, const struct port *p, const struct segment *s)
{
	union weft_entry e = {0};

	e.port.id = p->o.id;
	e.port.vni = s->vni;
	e.port.kind = p->kind;
	e.port.role = WEFT_ROLE_TENANT;
	e.port.flags = p->anti_spoof * WEFT_PORT_ANTISPOOF + p->learn * WEFT_PORT_LEARN +
		       p->server * WEFT_PORT_SERVER + !p->enabled * WEFT_PORT_ADMIN_DOWN +
		       !p->offload * WEFT_PORT_NO_OFFLOAD + !p->fast_path * WEFT_PORT_NO_FASTPATH +
		       p->xdp_delivery * WEFT_PORT_XDP;
	e.port.n_queues = p->queues;
	e.port.mtu = p->mtu ? p->mtu : segment_mtu(w, s);
	e.port.mac = p->mac;
	e.port.n_addrs = p->n_addresses;
	e.port.max_learned = p->learn ? p->max_learned : 0;
	e.port.instance = p->instance;
	e.port.flood_pps = p->flood_pps;
	snprintf(e.port.name, sizeof(e.port.name), "%s", p->o.name);
	port_device(p, e.port.device);
	for (size_t i = 0; i < p->n_addresses; i++)
		e.port.addrs[i] = p->addresses[i];
	oracle_port_policy(w->m, p, &e.port);
	add(w, WEFT_TABLE_PORT, &e);
}

static bool address_taken(const struct oracle *w, const char *segment, const struct weft_addr *a)
{
	FOR_EACH(o, w->m, MODEL_PORT)
	{
		const struct port *p = (const struct port *)o;

		for (size_t i = 0; i < p->n_addresses; i++)
			if (strcmp(p->segment, segment) == 0 && p->addresses[i].len == 128 &&
				weft_addr_equal(&p->addresses[i].addr, a))
				return true;
	}
	return false;
}

static void add_neigh(
	const struct oracle *w, uint32_t vni, const struct weft_addr *a, const struct weft_mac *mac)
{
	union weft_entry e = {0};

	e.neigh.vni = vni;
	e.neigh.addr = *a;
	e.neigh.mac = *mac;
	add(w, WEFT_TABLE_NEIGH, &e);
}

static struct weft_mac mac_of(const struct router *r)
{
	struct weft_mac standard = {{0x02, 0x57, 0x45, 0x46, 0x54, 0x01}};

	return weft_mac_is_zero(&r->mac) ? standard : r->mac;
}

static const struct segment *find_segment(const struct oracle *w, const char *name)
{
	return (const struct segment *)model_find(w->m, MODEL_SEGMENT, name);
}

static void add_gateway(const struct oracle *w, const struct segment *s, const struct weft_addr *a)
{
	struct weft_mac mac = mac_of(router_of(w, s->o.name));
	union weft_entry e = {0};

	e.neigh.vni = s->vni;
	e.neigh.addr = *a;
	e.neigh.mac = mac;
	e.neigh.flags = WEFT_NEIGH_GATEWAY;
	add(w, WEFT_TABLE_NEIGH, &e);
}

static void add_subnets(const struct oracle *w, const struct router *r, const struct segment *s)
{
	struct weft_mac mac = mac_of(r);
	struct weft_addr link_local = mac_link_local(&mac);

	add_gateway(w, s, &link_local);
	for (size_t i = 0; i < s->n_subnets; i++) {
		union weft_entry e = {0};

		e.route.router = r->o.id;
		e.route.prefix = s->subnets[i].prefix;
		e.route.n_hops = 1;
		e.route.hops[0].type = WEFT_HOP_CONNECTED;
		e.route.hops[0].ref = s->vni;
		add(w, WEFT_TABLE_ROUTE, &e);
		add_gateway(w, s, &s->subnets[i].gateway);
	}
}

static uint32_t vni_of_hop(const struct oracle *w, const char *router, const struct weft_addr *a)
{
	FOR_EACH(o, w->m, MODEL_SEGMENT)
	{
		const struct segment *s = (const struct segment *)o;
		const struct router *r = router_of(w, o->name);

		for (size_t i = 0; r && i < s->n_subnets; i++)
			if (strcmp(r->o.name, router) == 0 &&
				weft_prefix_contains(&s->subnets[i].prefix, a))
				return s->vni;
	}
	return 0;
}

static void add_route(const struct oracle *w, const struct route *r)
{
	union weft_entry e = {0};
	struct weft_hop *hops = e.route.hops;

	e.route.router = model_find(w->m, MODEL_ROUTER, r->router)->id;
	e.route.prefix = r->prefix;
	e.route.n_hops = r->n_next_hops ? r->n_next_hops : 1;
	hops[0].type = r->unreachable ? WEFT_HOP_UNREACHABLE : WEFT_HOP_BLACKHOLE;
	if (r->peer && has_port_near(w, w->name, r->peer)) {
		hops[0].type = WEFT_HOP_ROUTER;
		hops[0].ref = model_find(w->m, MODEL_ROUTER, r->peer)->id;
	}
	for (size_t i = 0; i < r->n_next_hops; i++) {
		hops[i].type = WEFT_HOP_VIA;
		hops[i].ref = vni_of_hop(w, r->router, &r->next_hops[i]);
		hops[i].via = r->next_hops[i];
	}
	add(w, WEFT_TABLE_ROUTE, &e);
}

static void add_routers(const struct oracle *w)
{
	FOR_EACH(o, w->m, MODEL_ROUTER)
	{
		const struct router *r = (const struct router *)o;
		union weft_entry e = {0};

		if (!has_port_near(w, w->name, o->name))
			continue;
		e.router.id = o->id;
		e.router.network = model_find(w->m, MODEL_NETWORK, r->network)->id;
		e.router.mac = mac_of(r);
		snprintf(e.router.name, sizeof(e.router.name), "%s", o->name);
		add(w, WEFT_TABLE_ROUTER, &e);
		for (size_t i = 0; i < r->n_segments; i++)
			add_subnets(w, r, find_segment(w, r->segments[i]));
	}
	FOR_EACH(o, w->m, MODEL_ROUTE)
	{
		if (has_port_near(w, w->name, ((const struct route *)o)->router))
			add_route(w, (const struct route *)o);
	}
}

/* Hosts that send into segments with ports here from segments near them. */
static void add_senders(const struct oracle *w)
{
	FOR_EACH(o, w->m, MODEL_SEGMENT)
	{
		const struct router *r = router_of(w, o->name);

		if (!r || !has_port(w, w->name, o->name))
			continue;
		FOR_EACH(h, w->m, MODEL_HOST)
		{
			union weft_entry e = {0};
			struct weft_addr local;

			e.flood.vni = find_segment(w, o->name)->vni;
			e.flood.flags = WEFT_FLOOD_ACCEPT_ONLY;
			if (has_port_near(w, h->name, r->o.name) &&
				!has_port(w, h->name, o->name) &&
				pair(w, (const struct host *)h, &local, &e.flood.remote))
				add(w, WEFT_TABLE_FLOOD, &e);
		}
	}
}

static void add_port(const struct oracle *w, const struct port *p)
{
	const struct segment *s =
		(const struct segment *)model_find(w->m, MODEL_SEGMENT, p->segment);
	const struct host *h = (const struct host *)model_find(w->m, MODEL_HOST, p->host);
	struct weft_addr local, remote, link_local;
	union weft_entry e = {0};

	if (h == w->self && w->self) {
		add_local_port(w, p, s);
		e.fdb.port = p->o.id;
	} else {
		if (!pair(w, h, &local, &remote))
			return;
		add_vtep(w, &local, &remote);
		e.flood.vni = s->vni;
		e.flood.remote = remote;
		if (!applied_find(w->out, WEFT_TABLE_FLOOD, &e))
			add(w, WEFT_TABLE_FLOOD, &e);
		memset(&e, 0, sizeof(e));
		e.fdb.remote = remote;
	}
	e.fdb.vni = s->vni;
	e.fdb.mac = p->mac;
	add(w, WEFT_TABLE_FDB, &e);
	for (size_t i = 0; i < p->n_addresses; i++)
		if (p->addresses[i].len == 128)
			add_neigh(w, s->vni, &p->addresses[i].addr, &p->mac);
	link_local = mac_link_local(&p->mac);
	if (!address_taken(w, p->segment, &link_local))
		add_neigh(w, s->vni, &link_local, &p->mac);
}

static bool answers_dns(const struct oracle *w, const char *network)
{
	FOR_EACH(o, w->m, MODEL_SEGMENT)
	{
		const struct segment *s = (const struct segment *)o;

		if (s->dns_local && strcmp(s->network, network) == 0 && relevant(w, o->name))
			return true;
	}
	return false;
}

/* The segment when its ports have names. */
static const struct segment *named_segment(const struct oracle *w, const struct port *p)
{
	const struct segment *s = find_segment(w, p->segment);

	return relevant(w, p->segment) && answers_dns(w, s->network) ? s : NULL;
}

/* Another port of the network has that name and a lower id. */
static bool has_older(const struct oracle *w, const struct port *than, const char *name)
{
	const char *network = find_segment(w, than->segment)->network;

	FOR_EACH(o, w->m, MODEL_PORT)
	{
		const struct port *p = (const struct port *)o;
		const struct segment *s = named_segment(w, p);
		char full[256];

		if (!s || strcmp(s->network, network) != 0 || o->id >= than->o.id)
			continue;
		snprintf(full, sizeof(full), "%s.%s", port_hostname(p), s->domain ? s->domain : "");
		if (strcasecmp(port_hostname(p), name) == 0 || strcasecmp(full, name) == 0)
			return true;
	}
	return false;
}

static void add_name(const struct oracle *w, const struct port *p, const char *name)
{
	bool done[2] = {false, false};

	for (size_t i = 0; i < p->n_addresses && !has_older(w, p, name); i++) {
		const struct weft_addr *a = &p->addresses[i].addr;
		bool v4 = weft_addr_is_v4(a);
		union weft_entry e = {0};

		if (p->addresses[i].len < 128 || a->b[0] == 0xfe || done[v4])
			continue;
		done[v4] = true;
		e.dns.network =
			model_find(w->m, MODEL_NETWORK, find_segment(w, p->segment)->network)->id;
		e.dns.addr = *a;
		for (size_t k = 0; name[k]; k++)
			e.dns.name[k] = (char)tolower(name[k]);
		weft_dns_hash(name, strlen(name), e.dns.hash);
		add(w, WEFT_TABLE_DNS, &e);
	}
}

static void add_names(const struct oracle *w)
{
	FOR_EACH(o, w->m, MODEL_PORT)
	{
		const struct port *p = (const struct port *)o;
		const struct segment *s = named_segment(w, p);
		char full[256];

		if (!s)
			continue;
		add_name(w, p, port_hostname(p));
		if (!s->domain)
			continue;
		snprintf(full, sizeof(full), "%s.%s", port_hostname(p), s->domain);
		add_name(w, p, full);
	}
}

void oracle_entries(const struct model *m, const char *self, const struct oracle_underlay *u,
	struct applied *ret)
{
	struct oracle w = {m, (const struct host *)model_find(m, MODEL_HOST, self), self, u, ret};

	add_segments(&w);
	add_uplink(&w);
	add_service(&w);
	add_routers(&w);
	add_senders(&w);
	add_names(&w);
	FOR_EACH(o, m, MODEL_PORT)
	{
		const struct port *p = (const struct port *)o;

		if (p->host && relevant(&w, p->segment))
			add_port(&w, p);
	}
	oracle_policy(m, self, ret);
}
