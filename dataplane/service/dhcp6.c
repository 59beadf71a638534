/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DHCPv6 server of a port. Workers.
 *
 * As with DHCPv4 there are no leases to keep. What a client holds beside the port's addresses is
 * taken from it: such addresses come back with lifetimes of zero (RFC 8415 section 18.3.4).
 */
#include <netinet/in.h>

#include <service/dhcp6.h>

#include "dhcp6_priv.h"
#include "out.h"

#define DUID_LL_SIZE  10 /* RFC 8415 section 11.4 */
#define LEASE_FOREVER 0xffffffff

enum dhcp6_status {
	STATUS_SUCCESS = 0,
	STATUS_NO_ADDRS = 2,
	STATUS_NO_BINDING = 3,
	STATUS_NOT_ON_LINK = 4,
	STATUS_USE_MULTICAST = 5,
	STATUS_NO_PREFIX = 6,
};

static const struct weft_addr all_servers = {.b = {0xff, 2, [13] = 1, [15] = 2}};

static void make_server_id(const struct weft_mac *mac, uint8_t ret[DUID_LL_SIZE])
{
	static const uint8_t head[4] = {0, 3, 0, 1}; /* DUID-LL, Ethernet */

	memcpy(ret, head, sizeof(head));
	memcpy(ret + sizeof(head), mac->b, sizeof(mac->b));
}

static void put_head(uint8_t *p, uint16_t code, uint16_t size)
{
	out_store16(p, code);
	out_store16(p + 2, size);
}

static void put_option(struct out *o, uint16_t code, const void *data, uint16_t size)
{
	uint8_t *p = out_take(o, DHCP6_OPTION_SIZE + size);

	if (!p)
		return;
	put_head(p, code, size);
	if (size)
		memcpy(p + DHCP6_OPTION_SIZE, data, size);
}

static void put_status(struct out *o, enum dhcp6_status status)
{
	uint8_t code[2];

	out_store16(code, status);
	put_option(o, DHCP6_OPT_STATUS, code, sizeof(code));
}

/* The subnet that gives the port its i-th address, or NULL. */
static const struct weft_subnet *given_in(const struct service_asker *who, unsigned int i)
{
	const struct weft_prefix *p = &who->port->addrs[i];

	if (p->len != 128 || weft_addr_is_v4(&p->addr))
		return NULL;
	return service_subnet_of(who->segment, &p->addr, WEFT_SUBNET_DHCP);
}

static bool is_given(const struct service_asker *who, const uint8_t *addr)
{
	for (unsigned int i = 0; i < who->port->n_addrs; i++) {
		if (memcmp(&who->port->addrs[i].addr, addr, 16) == 0 && given_in(who, i))
			return true;
	}
	return false;
}

/* The subnet that DNS is told of: that of the port's first address, else any. */
static const struct weft_subnet *own_subnet(const struct service_asker *who)
{
	for (unsigned int i = 0; i < who->port->n_addrs; i++) {
		const struct weft_subnet *s = given_in(who, i);

		if (s)
			return s;
	}
	for (unsigned int i = 0; i < who->segment->n_subnets; i++) {
		const struct weft_subnet *s = &who->segment->subnets[i].spec;

		if ((s->flags & WEFT_SUBNET_DHCP) && !weft_addr_is_v4(&s->prefix.addr))
			return s;
	}
	return NULL;
}

static uint32_t part(uint32_t lease_s, uint32_t tenths)
{
	return lease_s == LEASE_FOREVER ? lease_s : (uint64_t)lease_s * tenths / 10;
}

static void put_addr(struct out *o, const void *addr, uint32_t lease_s)
{
	uint8_t data[DHCP6_IAADDR_SIZE];

	memcpy(data, addr, 16);
	out_store32(data + 16, lease_s);
	out_store32(data + 20, lease_s);
	put_option(o, DHCP6_OPT_IAADDR, data, sizeof(data));
}

/* Returns how many. */
static unsigned int put_given(struct out *o, const struct service_asker *who)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < who->port->n_addrs; i++) {
		const struct weft_subnet *s = given_in(who, i);

		if (s) {
			put_addr(o, &who->port->addrs[i].addr, service_lease_s(s));
			n++;
		}
	}
	return n;
}

/* What the client named and is not its. */
static void put_taken_away(
	struct out *o, const struct service_asker *who, const struct dhcp6_ia *ia)
{
	const uint8_t *addr;
	uint32_t off = 0;

	while ((addr = dhcp6_next_addr(&ia->options, &off))) {
		if (!is_given(who, addr))
			put_addr(o, addr, 0);
	}
}

/* An IA_NA; gives: it is the one that gets the addresses. */
static void put_ia_na(struct out *o, const struct service_asker *who, uint8_t type,
	const struct dhcp6_ia *ia, const struct weft_subnet *s, bool gives)
{
	uint8_t *p = out_take(o, DHCP6_OPTION_SIZE + 12);
	uint16_t start = o->a->size;
	unsigned int n = 0;

	if (!p)
		return;
	memcpy(p + 4, ia->id, 4);
	out_store32(p + 8, part(service_lease_s(s), 5));
	out_store32(p + 12, part(service_lease_s(s), 8));
	if (gives)
		n = put_given(o, who);
	if (type == DHCP6_RENEW || type == DHCP6_REBIND)
		put_taken_away(o, who, ia);
	if (n == 0)
		put_status(o, type == DHCP6_RENEW ? STATUS_NO_BINDING : STATUS_NO_ADDRS);
	put_head(p, ia->code, 12 + o->a->size - start);
}

/* An IA of a kind that is never given. */
static void put_ia_refused(struct out *o, const struct dhcp6_ia *ia)
{
	bool pd = ia->code == DHCP6_OPT_IA_PD;
	uint32_t size = pd ? 12 : 4;
	uint8_t *p = out_take(o, DHCP6_OPTION_SIZE + size);

	if (!p)
		return;
	memset(p, 0, DHCP6_OPTION_SIZE + size);
	put_head(p, ia->code, size + DHCP6_OPTION_SIZE + 2);
	memcpy(p + 4, ia->id, 4);
	put_status(o, pd ? STATUS_NO_PREFIX : STATUS_NO_ADDRS);
}

static void put_ias(struct out *o, const struct service_asker *who, const struct dhcp6_request *r,
	const struct weft_subnet *s)
{
	bool gives = true;

	for (unsigned int i = 0; i < r->n_ias; i++) {
		if (r->ias[i].code != DHCP6_OPT_IA_NA) {
			put_ia_refused(o, &r->ias[i]);
			continue;
		}
		put_ia_na(o, who, r->type, &r->ias[i], s, gives);
		gives = false;
	}
}

static void put_dns(struct out *o, const struct weft_subnet *s)
{
	struct weft_addr servers[SERVICE_DNS_MAX];
	unsigned int n = service_dns_servers(s, false, servers);
	uint8_t name[256];
	uint32_t size = service_domain(s->domain, name);

	if (n)
		put_option(o, DHCP6_OPT_DNS, servers, n * sizeof(*servers));
	if (size)
		put_option(o, DHCP6_OPT_DOMAINS, name, size);
}

/* Whether the addresses that the client names are all its own. *ret_any: it names some. */
static bool names_own_only(
	const struct service_asker *who, const struct dhcp6_request *r, bool *ret_any)
{
	*ret_any = false;
	for (unsigned int i = 0; i < r->n_ias; i++) {
		const uint8_t *addr;
		uint32_t off = 0;

		while ((addr = dhcp6_next_addr(&r->ias[i].options, &off))) {
			*ret_any = true;
			if (!is_given(who, addr))
				return false;
		}
	}
	return true;
}

static void begin(struct out *o, const struct service_asker *who, const struct dhcp6_request *r)
{
	bool advertise = r->type == DHCP6_SOLICIT && !r->rapid_commit;
	uint8_t server_id[DUID_LL_SIZE];
	uint8_t *p = out_take(o, DHCP6_HEADER_SIZE);

	memcpy(p, r->header, DHCP6_HEADER_SIZE);
	p[0] = advertise ? DHCP6_ADVERTISE : DHCP6_REPLY;
	make_server_id(&who->mac, server_id);
	put_option(o, DHCP6_OPT_SERVER_ID, server_id, sizeof(server_id));
	if (r->client_id.p)
		put_option(o, DHCP6_OPT_CLIENT_ID, r->client_id.p, r->client_id.size);
}

/* Fills what stands behind the identifiers. Returns 0 or a reason not to answer. */
static enum weft_drop fill(struct out *o, const struct service_asker *who,
	const struct dhcp6_request *r, const struct weft_subnet *s)
{
	bool any, own = names_own_only(who, r, &any);

	switch (r->type) {
	case DHCP6_SOLICIT:
		if (r->rapid_commit)
			put_option(o, DHCP6_OPT_RAPID_COMMIT, NULL, 0);
		/* fall through */
	case DHCP6_REQUEST:
	case DHCP6_RENEW:
	case DHCP6_REBIND:
		put_ias(o, who, r, s);
		break;
	case DHCP6_CONFIRM:
		if (!any)
			return WEFT_DROP_SERVICE_REQUEST; /* section 18.3.3 */
		put_status(o, own ? STATUS_SUCCESS : STATUS_NOT_ON_LINK);
		break;
	case DHCP6_INFORMATION:
		break;
	default: /* release, decline */
		put_status(o, STATUS_SUCCESS);
		return 0;
	}
	put_dns(o, s);
	/* more was named than an answer holds */
	return o->full ? WEFT_DROP_SERVICE_REQUEST : 0;
}

static bool is_for_us(const struct service_asker *who, const struct dhcp6_request *r)
{
	uint8_t own[DUID_LL_SIZE];

	make_server_id(&who->mac, own);
	return !r->server_id.p ||
	       (r->server_id.size == sizeof(own) && memcmp(r->server_id.p, own, sizeof(own)) == 0);
}

/* A message that must come to the multicast address did not (section 18.4). Those without a server
 * identifier are not answered at all (section 16). */
static enum weft_drop refuse_unicast(
	struct out *o, const struct service_asker *who, const struct dhcp6_request *r)
{
	if (!r->server_id.p || r->type == DHCP6_INFORMATION)
		return WEFT_DROP_SERVICE_REQUEST;
	begin(o, who, r);
	put_status(o, STATUS_USE_MULTICAST);
	return 0;
}

enum weft_drop dhcp6_answer(const struct service_asker *who, const struct service_request *q,
	struct service_answer *ret)
{
	struct out o = {.a = ret, .limit = SERVICE_ANSWER_MAX};
	const struct weft_subnet *s = own_subnet(who);
	struct dhcp6_request r;

	if (!s)
		return WEFT_DROP_SERVICE_ABSENT;
	if (!dhcp6_read(q->data, q->size, &r) || !is_for_us(who, &r) ||
		weft_addr_is_zero(&q->src) || q->src.b[0] == 0xff)
		return WEFT_DROP_SERVICE_REQUEST;
	*ret = (struct service_answer){.dst_mac = q->src_mac,
		.src = weft_addr_link_local(&who->mac),
		.dst = q->src,
		.proto = IPPROTO_UDP,
		.sport = DHCP6_SERVER_PORT,
		.dport = DHCP6_CLIENT_PORT};
	if (q->dst.b[0] != 0xff)
		return refuse_unicast(&o, who, &r);
	if (!weft_addr_equal(&q->dst, &all_servers))
		return WEFT_DROP_SERVICE_REQUEST;
	begin(&o, who, &r);
	return fill(&o, who, &r, s);
}
