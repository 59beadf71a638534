/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold between the fields of one object, and between a port and its segment. What JSON
 * cannot express wrongly (types, ranges, forms) is not asked again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <model/endpoint.h>

#include "model_impl.h"

#define FAIL(field, ...) model_fail(err, MODEL_ERR_INVALID, o, field, __VA_ARGS__)

#define SOCKET_PATH_MAX	   107 /* sun_path of unix(7), with its terminating zero 108 */
#define INTERFACE_NAME_MAX 15  /* IFNAMSIZ less the terminating zero */
#define V4_LEN(n)	   (96 + (n))

static bool addr_in(const struct weft_addr *a, const uint8_t *first, uint8_t v4_len)
{
	struct weft_prefix p = {.addr = weft_addr_from_v4(first), .len = V4_LEN(v4_len)};

	return weft_prefix_contains(&p, a);
}

bool rules_is_link_local(const struct weft_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* One that a machine can have: not unspecified, loopback, multicast, broadcast or reserved. */
bool rules_addr_is_unicast(const struct weft_addr *a)
{
	static const uint8_t this_net[4] = {0}, loopback[4] = {127}, class_de[4] = {224};
	static const struct weft_addr loopback6 = {.b = {[15] = 1}};

	if (weft_addr_is_v4(a))
		return !addr_in(a, this_net, 8) && !addr_in(a, loopback, 8) &&
		       !addr_in(a, class_de, 3);
	return a->b[0] != 0xff && !weft_addr_is_zero(a) && !weft_addr_equal(a, &loopback6);
}

static int check_path(
	const struct object *o, const char *field, const char *path, struct model_error *err)
{
	if (path[0] != '/')
		return FAIL(field, "must be an absolute path");
	if (strlen(path) > SOCKET_PATH_MAX)
		return FAIL(field, "is longer than %d bytes, the limit of socket paths",
			SOCKET_PATH_MAX);
	for (const char *part = path; part; part = strchr(part + 1, '/')) {
		size_t n = strcspn(part + 1, "/");

		if (n == 0 || (n == 1 && part[1] == '.') ||
			(n == 2 && part[1] == '.' && part[2] == '.'))
			return FAIL(field, "must not have empty, \".\" or \"..\" components");
	}
	return 0;
}

static int check_interface(
	const struct object *o, const char *field, const char *name, struct model_error *err)
{
	if (strlen(name) > INTERFACE_NAME_MAX || strpbrk(name, "/: %") || strcmp(name, ".") == 0 ||
		strcmp(name, "..") == 0)
		return FAIL(field,
			"must be the name of an interface: at most %d characters, none of them "
			"'/', ':', '%%' or a space",
			INTERFACE_NAME_MAX);
	if (strcmp(name, "lo") == 0)
		return FAIL(
			field, "must not be the loopback interface, which the host itself needs");
	return 0;
}

/* device is not NULL. */
static int check_device(const struct object *o, const char *field, uint8_t kind, const char *device,
	struct model_error *err)
{
	switch (kind) {
	case WEFT_PORT_VHOST_USER:
	case WEFT_PORT_MEMIF:
		return check_path(o, field, device, err);
	case WEFT_PORT_TAP:
	case WEFT_PORT_VETH:
	case WEFT_PORT_AF_XDP:
		return check_interface(o, field, device, err);
	default:
		if (strpbrk(device, " "))
			return FAIL(field, "must not contain spaces");
		return 0;
	}
}

bool rules_prefixes_overlap(const struct weft_prefix *a, const struct weft_prefix *b)
{
	return a->len < b->len ? weft_prefix_contains(a, &b->addr)
			       : weft_prefix_contains(b, &a->addr);
}

static int check_segment(const struct segment *s, struct model_error *err)
{
	const struct object *o = &s->o;
	char field[40];

	for (size_t i = 0; i < s->n_subnets; i++) {
		const struct subnet *net = &s->subnets[i];

		snprintf(field, sizeof(field), "subnets[%zu]", i);
		if (!rules_addr_is_unicast(&net->prefix.addr))
			return FAIL(field, "is not a unicast prefix");
		for (size_t k = 0; k < i; k++)
			if (rules_prefixes_overlap(&s->subnets[k].prefix, &net->prefix))
				return FAIL(field, "overlaps subnets[%zu]", k);
		snprintf(field, sizeof(field), "subnets[%zu].gateway", i);
		if (!weft_addr_is_zero(&net->gateway) &&
			(!rules_addr_is_unicast(&net->gateway) ||
				!weft_prefix_contains(&net->prefix, &net->gateway)))
			return FAIL(field, "must be an address inside the subnet");
	}
	return rules_check_services(s, err);
}

static int check_uplink(const struct host *h, struct model_error *err)
{
	const struct object *o = &h->o;
	const struct uplink *u = &h->uplink;
	bool kernel = u->kind == UPLINK_AF_XDP || u->kind == UPLINK_VETH;

	if (!u->device)
		return FAIL("uplink.device", "is required");
	if (kernel && !weft_mac_is_zero(&u->mac))
		return FAIL("uplink.mac", "is the kernel's to say with this kind; leave it out");
	if (kernel && !weft_mac_is_zero(&u->next_hop_mac))
		return FAIL("uplink.next_hop_mac",
			"is found by the kernel with this kind; leave it out");
	if (!kernel && (weft_mac_is_zero(&u->mac) || weft_mac_is_group(&u->mac)))
		return FAIL("uplink.mac", "is required with this kind: the MAC of the uplink");
	if (!kernel && (weft_mac_is_zero(&u->next_hop_mac) || weft_mac_is_group(&u->next_hop_mac)))
		return FAIL("uplink.next_hop_mac",
			"is required with this kind: the MAC of the next hop of all VTEPs");
	return check_device(o, "uplink.device", u->kind, u->device, err);
}

static int check_host(const struct host *h, struct model_error *err)
{
	const struct object *o = &h->o;
	char field[40];

	for (size_t i = 0; i < h->n_vteps; i++) {
		snprintf(field, sizeof(field), "vteps[%zu]", i);
		if (!rules_addr_is_unicast(&h->vteps[i]) || rules_is_link_local(&h->vteps[i]))
			return FAIL(field, "must be a unicast address that others can route to");
		if (i > 0 && weft_addr_is_v4(&h->vteps[i]) == weft_addr_is_v4(&h->vteps[0]))
			return FAIL(
				field, "is of the same family as vteps[0]; one of each is allowed");
	}
	if (h->metadata && endpoint_parse(h->metadata, NULL) == 0)
		return FAIL("metadata",
			"must be unix:/PATH or http://ADDRESS:PORT, with an IPv4 address or an "
			"IPv6 address in brackets");
	return h->uplink.kind ? check_uplink(h, err) : 0;
}

/* So that a given device cannot clash with one that follows from a name. */
static bool is_default_device(const char *device)
{
	size_t n = strlen(PORT_SOCKET_DIR);

	return strncmp(device, PORT_SOCKET_DIR, n) == 0 && strchr(device + n, '+');
}

static int check_port(const struct port *p, struct model_error *err)
{
	const struct object *o = &p->o;
	char field[40];

	if (weft_mac_is_zero(&p->mac) || weft_mac_is_group(&p->mac))
		return FAIL("mac", "must be the MAC of one machine: not zero, not a group address");
	if (p->anti_spoof && p->learn)
		return FAIL(
			"learn", "needs anti_spoof to be false: learned MACs are not the port's");
	if (p->n_addresses > WEFT_PORT_ADDRS)
		return FAIL("addresses", "has more than %d elements", WEFT_PORT_ADDRS);
	for (size_t i = 0; i < p->n_addresses; i++) {
		snprintf(field, sizeof(field), "addresses[%zu]", i);
		if (p->addresses[i].len == 128 && !rules_addr_is_unicast(&p->addresses[i].addr))
			return FAIL(field, "must be a unicast address");
	}
	if (p->xdp_delivery && p->kind != WEFT_PORT_VETH)
		return FAIL("xdp_delivery", "is for ports of kind veth");
	if (p->hostname && !is_hostname(p->hostname))
		return FAIL("hostname",
			"must be letters, digits and hyphens, a hyphen neither first nor last");
	if (p->device && is_default_device(p->device))
		return FAIL("device",
			"is of the form that ports without a device have; leave it out or take "
			"another path");
	if (p->device)
		return check_device(o, "device", p->kind, p->device, err);
	if (p->host && p->kind != WEFT_PORT_VHOST_USER)
		return FAIL("device", "is required for a %s port that has a host",
			weft_port_kind_name(p->kind));
	return 0;
}

int rules_check_object(const struct object *o, struct model_error *err)
{
	switch (o->kind) {
	case MODEL_SEGMENT:
		return check_segment((const struct segment *)o, err);
	case MODEL_HOST:
		return check_host((const struct host *)o, err);
	case MODEL_PORT:
		return check_port((const struct port *)o, err);
	case MODEL_ROUTER:
		return rules_check_router_object((const struct router *)o, err);
	case MODEL_ROUTE:
		return rules_check_route_object((const struct route *)o, err);
	case MODEL_SECURITY_GROUP:
		return policy_check_group((const struct security_group *)o, err);
	case MODEL_POLICY:
		return policy_check_policy((const struct policy *)o, err);
	default:
		return 0;
	}
}

int rules_check_port(const struct port *p, const struct segment *s, struct model_error *err)
{
	char field[40];

	for (size_t i = 0; i < p->n_addresses; i++) {
		const struct weft_prefix *x = &p->addresses[i];

		if (x->len < 128 || rules_is_link_local(&x->addr) || s->n_subnets == 0 ||
			segment_subnet(s, &x->addr))
			continue;
		snprintf(field, sizeof(field), "addresses[%zu]", i);
		return model_fail(err, MODEL_ERR_INVALID, &p->o, field,
			"is in no subnet of segment %s; add a subnet or change the address",
			s->o.name);
	}
	return 0;
}
