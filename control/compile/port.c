/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table PORT: this host's ports, its uplink, and the port toward the metadata proxy.
 */
#include <stdio.h>
#include <string.h>

#include "uses.h"

static void fill_addresses(struct weft_port *e, const struct port *p)
{
	e->n_addrs = (uint16_t)p->n_addresses;
	if (p->n_addresses)
		memcpy(e->addrs, p->addresses, p->n_addresses * sizeof(*p->addresses));
}

static void fill_policy(const struct compiler *c, const struct port *p, struct weft_port *e)
{
	const struct use *u = use_find(c, WEFT_TABLE_PORT, p->o.id);

	if (p->n_security_groups)
		e->flags |= WEFT_PORT_DEFAULT_DENY;
	e->max_sessions = p->max_sessions;
	e->max_half_open = p->max_half_open;
	e->session_rate = p->session_rate;
	e->n_rulesets = (uint16_t)u->n_deps;
	for (size_t i = 0; i < u->n_deps; i++)
		e->rulesets[i] = u->deps[i]->id;
}

static void fill_port(const struct compiler *c, const struct port *p, struct weft_port *e)
{
	const struct segment *s =
		(const struct segment *)model_find(c->m, MODEL_SEGMENT, p->segment);

	e->id = p->o.id;
	e->vni = s->vni;
	e->kind = p->kind;
	e->role = WEFT_ROLE_TENANT;
	e->flags = (p->anti_spoof ? WEFT_PORT_ANTISPOOF : 0) | (p->learn ? WEFT_PORT_LEARN : 0) |
		   (p->server ? WEFT_PORT_SERVER : 0) | (p->enabled ? 0 : WEFT_PORT_ADMIN_DOWN) |
		   (p->offload ? 0 : WEFT_PORT_NO_OFFLOAD) |
		   (p->fast_path ? 0 : WEFT_PORT_NO_FASTPATH) |
		   (p->xdp_delivery ? WEFT_PORT_XDP : 0);
	e->n_queues = p->queues;
	e->mtu = p->mtu ? p->mtu : segment_mtu(c, s);
	e->mac = p->mac;
	e->max_learned = p->learn ? p->max_learned : 0;
	e->instance = p->instance;
	e->flood_pps = p->flood_pps;
	snprintf(e->name, sizeof(e->name), "%s", p->o.name);
	snprintf(e->hostname, sizeof(e->hostname), "%s", port_hostname(p));
	port_device(p, e->device);
	fill_addresses(e, p);
	fill_policy(c, p, e);
}

static bool get_uplink(const struct compiler *c, struct weft_port *e)
{
	const struct uplink *u = underlay_uplink(c);

	if (!u)
		return false;
	e->id = COMPILE_UPLINK_ID;
	e->kind = u->kind;
	e->role = WEFT_ROLE_UPLINK;
	e->flags = u->server ? WEFT_PORT_SERVER : 0;
	e->n_queues = u->queues;
	e->instance = u->instance;
	e->mtu = underlay_mtu(c);
	e->mac = u->mac;
	snprintf(e->name, sizeof(e->name), "uplink");
	snprintf(e->device, sizeof(e->device), "%s", u->device);
	return true;
}

static bool get_service(const struct compiler *c, struct weft_port *e)
{
	const struct host *self = underlay_self(c);

	if (!self || !self->metadata)
		return false;
	e->id = COMPILE_SERVICE_ID;
	e->kind = WEFT_PORT_TAP;
	e->role = WEFT_ROLE_SERVICE;
	e->n_queues = 1;
	e->mtu = WEFT_MTU_MAX;
	e->mac = (struct weft_mac)COMPILE_SERVICE_MAC;
	snprintf(e->name, sizeof(e->name), "metadata");
	snprintf(e->device, sizeof(e->device), COMPILE_SERVICE_DEVICE);
	return true;
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct local *l = local_find(c, k->in.id);

	if (k->in.id == COMPILE_UPLINK_ID)
		return get_uplink(c, &ret->port);
	if (k->in.id == COMPILE_SERVICE_ID)
		return get_service(c, &ret->port);
	if (!l)
		return false;
	fill_port(c, (const struct port *)model_find(c->m, MODEL_PORT, l->name), &ret->port);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	union key k = key_id(COMPILE_UPLINK_ID);

	fn(arg, &k);
	k = key_id(COMPILE_SERVICE_ID);
	fn(arg, &k);
	for (struct local *l = NULL; (l = hset_next(&c->locals, l));) {
		k = key_id(l->id);
		fn(arg, &k);
	}
}

const char *compile_local_port(const struct compiler *c, uint32_t id)
{
	const struct local *l = local_find(c, id);

	return l ? l->name : NULL;
}

const struct compile_table compile_port = {get, walk};
