/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Router advertisements. Workers. What does not fit into the smallest IPv6 packet is left out, last
 * subnets first.
 */
#include <netinet/in.h>

#include <service/ra.h>

#include "out.h"

#define RA_SIZE		 16 /* without options */
#define RA_HOPS		 64 /* for hosts to send with */
#define IPV6_MIN_MTU	 1280
#define OPTION_UNIT	 8
#define RDNSS_LIFETIME_S RA_ROUTER_LIFETIME_S

enum {
	ROUTER_ADVERT = 134
};

enum {
	OPT_SOURCE_LLADDR = 1,
	OPT_PREFIX = 3,
	OPT_MTU = 5,
	OPT_RDNSS = 25,
	OPT_DNSSL = 31,
};

enum { /* flags */
	RA_MANAGED = 0x80,
	RA_OTHER = 0x40,
	PREFIX_ON_LINK = 0x80,
	PREFIX_AUTONOMOUS = 0x40,
};

/* An option of that many bytes, a multiple of 8, with zeros behind its type and length. */
static uint8_t *put_option(struct out *o, uint8_t type, uint32_t size)
{
	uint8_t *p = out_take(o, size);

	if (!p)
		return NULL;
	memset(p, 0, size);
	p[0] = type;
	p[1] = size / OPTION_UNIT;
	return p;
}

/* That of leases, but never so short that it would end between two advertisements. */
static uint32_t prefix_lifetime(const struct weft_subnet *s)
{
	uint32_t lease_s = service_lease_s(s);

	return lease_s > RA_ROUTER_LIFETIME_S ? lease_s : RA_ROUTER_LIFETIME_S;
}

static void put_prefix(struct out *o, const struct weft_subnet *s)
{
	bool autonomous = s->flags & WEFT_SUBNET_AUTONOMOUS;
	uint8_t *p = put_option(o, OPT_PREFIX, 32);

	if (!p)
		return;
	p[2] = s->prefix.len;
	p[3] = PREFIX_ON_LINK | (autonomous ? PREFIX_AUTONOMOUS : 0);
	out_store32(p + 4, prefix_lifetime(s)); /* valid */
	out_store32(p + 8, prefix_lifetime(s)); /* preferred */
	memcpy(p + 16, &s->prefix.addr, 16);
}

static void put_rdnss(struct out *o, const struct weft_subnet *s)
{
	struct weft_addr servers[SERVICE_DNS_MAX];
	unsigned int n = service_dns_servers(s, false, servers);
	uint8_t *p = n ? put_option(o, OPT_RDNSS, 8 + n * sizeof(*servers)) : NULL;

	if (!p)
		return;
	out_store32(p + 4, RDNSS_LIFETIME_S);
	memcpy(p + 8, servers, n * sizeof(*servers));
}

static void put_dnssl(struct out *o, const struct weft_subnet *s)
{
	uint8_t name[256];
	uint32_t size = service_domain(s->domain, name);
	uint8_t *p = size ? put_option(o, OPT_DNSSL,
				    8 + (size + OPTION_UNIT - 1) / OPTION_UNIT * OPTION_UNIT)
			  : NULL;

	if (!p)
		return;
	out_store32(p + 4, RDNSS_LIFETIME_S);
	memcpy(p + 8, name, size);
}

static bool is_advertised(const struct weft_subnet *s)
{
	return (s->flags & WEFT_SUBNET_RA) && !weft_addr_is_v4(&s->prefix.addr);
}

static void put_subnets(struct out *o, const struct config_segment *segment)
{
	for (unsigned int i = 0; i < segment->n_subnets; i++) {
		const struct weft_subnet *s = &segment->subnets[i].spec;

		if (!is_advertised(s))
			continue;
		put_prefix(o, s);
		put_rdnss(o, s);
		put_dnssl(o, s);
	}
}

static uint16_t router_lifetime(const struct service_asker *who)
{
	for (unsigned int i = 0; who->routed && i < who->segment->n_subnets; i++) {
		const struct weft_subnet *s = &who->segment->subnets[i].spec;

		if (is_advertised(s) && !weft_addr_is_zero(&s->gateway))
			return RA_ROUTER_LIFETIME_S;
	}
	return 0;
}

static void fill(struct service_answer *a, const struct service_asker *who, uint8_t flags)
{
	uint8_t head[RA_SIZE] = {ROUTER_ADVERT}, lladdr[8] = {OPT_SOURCE_LLADDR, 1};
	uint8_t mtu[8] = {OPT_MTU, 1};
	struct out o = {.a = a, .limit = SERVICE_ANSWER_MAX};

	head[4] = RA_HOPS;
	head[5] = flags & WEFT_SUBNET_DHCP ? RA_MANAGED | RA_OTHER : 0;
	out_store16(head + 6, router_lifetime(who));
	out_bytes(&o, head, sizeof(head));
	memcpy(lladdr + 2, who->mac.b, 6);
	out_bytes(&o, lladdr, sizeof(lladdr));
	out_store32(mtu + 4, service_mtu(who));
	if (service_mtu(who) >= IPV6_MIN_MTU)
		out_bytes(&o, mtu, sizeof(mtu));
	put_subnets(&o, who->segment);
}

enum weft_drop ra_answer(const struct service_asker *who, const struct service_request *q,
	struct service_answer *ret)
{
	static const struct weft_addr all_nodes = {.b = {0xff, 2, [15] = 1}};
	static const struct weft_mac all_nodes_mac = {{0x33, 0x33, 0, 0, 0, 1}};
	bool to_all = weft_addr_is_zero(&q->src);
	uint8_t flags = service_flags(who->segment, false);

	if (!(flags & WEFT_SUBNET_RA))
		return WEFT_DROP_SERVICE_ABSENT;
	ret->size = 0;
	ret->proto = IPPROTO_ICMPV6;
	ret->src = weft_addr_link_local(&who->mac);
	ret->dst = to_all ? all_nodes : q->src;
	ret->dst_mac = to_all ? all_nodes_mac : q->src_mac;
	fill(ret, who, flags);
	return 0;
}
