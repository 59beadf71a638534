/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet's fields are when they are left out (explain/packet.h). Pure.
 */
#include <errno.h>
#include <netinet/in.h>

#include <explain/packet.h>

#include "bytes.h"

#define ND_HOP_LIMIT 255 /* RFC 4861 section 7.1 */

static int refuse(struct model_error *err, const char *field, const char *text)
{
	return model_fail(err, MODEL_ERR_INVALID, NULL, field, "%s", text);
}

static bool is_link_local(const struct weft_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* The port's own address of that family. */
static bool own_address(const struct port *p, bool v4, struct weft_addr *ret)
{
	for (size_t i = 0; i < p->n_addresses; i++) {
		if (p->addresses[i].len != 128 || weft_addr_is_v4(&p->addresses[i].addr) != v4)
			continue;
		*ret = p->addresses[i].addr;
		return true;
	}
	return false;
}

static int complete_source(const struct packet_place *at, struct packet *p, struct model_error *err)
{
	bool v4 = weft_addr_is_v4(&p->destination);

	if (p->has_source && weft_addr_is_v4(&p->source) != v4)
		return refuse(err, "source", "is not of the destination's family");
	if (p->has_source)
		return 0;
	if (at->port == NULL)
		return refuse(err, "source", "is missing: whose packet comes from the tunnel?");
	if (is_link_local(&p->destination))
		p->source = mac_link_local(&at->port->mac);
	else if (!own_address(at->port, v4, &p->source))
		return model_fail(err, MODEL_ERR_INVALID, NULL, "source",
			"is missing, and port %s has no %s address of its own", at->port->o.name,
			v4 ? "IPv4" : "IPv6");
	return 0;
}

/* The MAC that a group's or everybody's address has (RFC 1112, RFC 2464). */
static bool group_mac(const struct weft_addr *a, struct weft_mac *ret)
{
	const uint8_t *b = a->b;

	if (!weft_addr_is_v4(a)) {
		*ret = (struct weft_mac){{0x33, 0x33, b[12], b[13], b[14], b[15]}};
		return b[0] == 0xff;
	}
	*ret = (struct weft_mac){{0x01, 0, 0x5e, b[13] & 0x7f, b[14], b[15]}};
	if (get32(b + 12) == UINT32_MAX)
		memset(ret->b, 0xff, sizeof(ret->b));
	return b[12] >> 4 == 0xe || get32(b + 12) == UINT32_MAX;
}

/* A link-local address made of a MAC tells it (RFC 4291 appendix A). */
static bool mac_within(const struct weft_addr *a, struct weft_mac *ret)
{
	const uint8_t *b = a->b;

	if (!is_link_local(a) || b[11] != 0xff || b[12] != 0xfe)
		return false;
	*ret = (struct weft_mac){{b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]}};
	return true;
}

/* Of whoever has the address in the segment. */
static bool neighbour_mac(const struct model *m, const struct segment *s, const struct weft_addr *a,
	struct weft_mac *ret)
{
	const struct port *p = model_port_by_addr(m, s->o.name, a);

	if (p == NULL)
		return mac_within(a, ret);
	*ret = p->mac;
	return true;
}

static int complete_destination_mac(
	const struct model *m, const struct segment *s, struct packet *p, struct model_error *err)
{
	const struct router *r = model_segment_router(m, s->o.name);
	const struct subnet *subnet = segment_subnet(s, &p->destination);
	char text[WEFT_ADDR_STR_SIZE];

	if (p->is_arp)
		memset(p->destination_mac.b, 0xff, sizeof(p->destination_mac.b));
	if (!weft_mac_is_zero(&p->destination_mac) ||
		group_mac(&p->destination, &p->destination_mac) ||
		neighbour_mac(m, s, &p->destination, &p->destination_mac))
		return 0;
	p->destination_mac = (struct weft_mac){0};
	if (r != NULL && (subnet == NULL || weft_addr_equal(&subnet->gateway, &p->destination))) {
		p->destination_mac = router_mac(r);
		return 0;
	}
	weft_addr_format(&p->destination, text);
	if (subnet != NULL)
		return model_fail(err, MODEL_ERR_INVALID, NULL, "destination_mac",
			"is missing: no port in segment %s has %s", s->o.name, text);
	return model_fail(err, MODEL_ERR_INVALID, NULL, "destination_mac",
		"is missing: segment %s has neither %s nor a router", s->o.name, text);
}

static int complete_source_mac(const struct model *m, const struct packet_place *at,
	struct packet *p, struct model_error *err)
{
	const struct router *r = model_segment_router(m, at->segment->o.name);

	if (!weft_mac_is_zero(&p->source_mac))
		return 0;
	if (at->port != NULL)
		p->source_mac = at->port->mac;
	else if (neighbour_mac(m, at->segment, &p->source, &p->source_mac))
		return 0;
	else if (r != NULL) /* the other host has routed it */
		p->source_mac = router_mac(r);
	else
		return model_fail(err, MODEL_ERR_INVALID, NULL, "source_mac",
			"is missing: no port in segment %s has the source address",
			at->segment->o.name);
	return 0;
}

static int complete_protocol(struct packet *p, struct model_error *err)
{
	bool v4 = weft_addr_is_v4(&p->destination);

	if (p->is_arp && !v4)
		return refuse(err, "destination", "ARP asks for IPv4 addresses");
	if (p->is_arp)
		return 0;
	if (p->protocol == (v4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return refuse(err, "protocol",
			v4 ? "icmpv6 is of IPv6; icmp is IPv4's"
			   : "icmp is of IPv4; icmpv6 is IPv6's");
	if (packet_has_ports(p->protocol) && p->fragment_offset == 0 && !p->has_destination_port)
		return refuse(err, "destination_port", "is missing");
	if (p->fragment_offset % 8 != 0)
		return refuse(err, "fragment_offset", "must be a multiple of 8 bytes");
	if (!p->has_icmp_type)
		p->icmp_type = v4 ? 8 : 128; /* echo */
	return 0;
}

/* Asks the group of those whose addresses end as the target's (RFC 4291 section 2.7.1). */
static void complete_solicitation(struct packet *p)
{
	static const uint8_t group[13] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

	if (p->is_arp || p->protocol != IPPROTO_ICMPV6 || p->icmp_type != ICMP6_SOLICIT)
		return;
	p->target = p->destination;
	p->ttl = ND_HOP_LIMIT;
	if (weft_mac_is_zero(&p->destination_mac))
		memcpy(p->destination.b, group, sizeof(group));
}

int packet_complete(const struct model *m, const struct packet_place *at, struct packet *p,
	struct model_error *err)
{
	int r = complete_protocol(p, err);

	if (r == 0)
		r = complete_source(at, p, err);
	if (r < 0)
		return r;
	complete_solicitation(p);
	r = complete_source_mac(m, at, p, err);
	return r < 0 ? r : complete_destination_mac(m, at->segment, p, err);
}
