/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DHCPv4 server of a port. Workers.
 *
 * There are no leases to keep: the same port always gets the same address, so that any request
 * tells all that is needed to answer it (RFC 2131 section 4.3.2 in full). A client that claims
 * anything else than what is the port's gets a NAK, as nobody else could have given it.
 */
#include <netinet/in.h>

#include <service/dhcp4.h>

#include "out.h"

#define HEADER_SIZE	240 /* with the magic cookie */
#define REPLY_SIZE_MIN	300 /* BOOTP's: RFC 1542 section 2.1 */
#define DATAGRAM_MIN	576 /* what every client takes (RFC 2131 section 2) */
#define IP_UDP_SIZE	28
#define BROADCAST_FLAG	0x80
#define OPTION_DATA_MAX 255

enum { /* offsets in the header */
	OFF_OP = 0,
	OFF_HTYPE = 1,
	OFF_HLEN = 2,
	OFF_XID = 4,
	OFF_FLAGS = 10,
	OFF_CIADDR = 12,
	OFF_YIADDR = 16,
	OFF_GIADDR = 24,
	OFF_CHADDR = 28,
	OFF_SNAME = 44,
	OFF_FILE = 108,
	OFF_COOKIE = 236,
};

enum {
	OP_REQUEST = 1,
	OP_REPLY = 2,
	HTYPE_ETHERNET = 1
};

enum {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_HOSTNAME = 12,
	OPT_DOMAIN = 15,
	OPT_MTU = 26,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_MAX_SIZE = 57,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_CLIENT_ID = 61,
	OPT_ROUTES = 121,
	OPT_END = 255,
};

enum {
	DISCOVER = 1,
	OFFER = 2,
	REQUEST = 3,
	DECLINE = 4,
	ACK = 5,
	NAK = 6,
	RELEASE = 7,
	INFORM = 8,
};

static const uint8_t cookie[4] = {99, 130, 83, 99};
static const uint8_t nobody[4];
static const uint8_t everybody[4] = {255, 255, 255, 255};
/* The server's address where the subnet has no gateway: link-local, of nobody (RFC 3927). */
static const uint8_t server_alone[4] = {169, 254, 0, 1};

/* A request; pointers lead into it, or are NULL for an option that it doesn't have. */
struct dhcp4_request {
	const uint8_t *header;
	const uint8_t *type;
	const uint8_t *requested;
	const uint8_t *server;
	const uint8_t *overload;
	const uint8_t *max_size;
	const uint8_t *client_id; /* at its length byte */
};

/* What the port is given. */
struct dhcp4_lease {
	const struct weft_subnet *subnet;
	const uint8_t *addr;
	const uint8_t *server;
};

/* p: at the length byte. False: a length that the option can't have, or the option twice (longer
 * options in pieces, RFC 3396, are none of those). */
static bool note_option(struct dhcp4_request *r, uint8_t code, const uint8_t *p)
{
	const uint8_t **field;
	uint8_t size;

	switch (code) {
	case OPT_REQUESTED:
		field = &r->requested;
		size = 4;
		break;
	case OPT_OVERLOAD:
		field = &r->overload;
		size = 1;
		break;
	case OPT_TYPE:
		field = &r->type;
		size = 1;
		break;
	case OPT_SERVER:
		field = &r->server;
		size = 4;
		break;
	case OPT_MAX_SIZE:
		field = &r->max_size;
		size = 2;
		break;
	case OPT_CLIENT_ID:
		if (p[0] < 2 || r->client_id)
			return false;
		r->client_id = p;
		return true;
	default:
		return true;
	}
	if (p[0] != size || *field)
		return false;
	*field = p + 1;
	return true;
}

/* The options in n bytes, which must come to an end. */
static bool read_options(struct dhcp4_request *r, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n;) {
		uint8_t code = p[i++];

		if (code == OPT_PAD)
			continue;
		if (code == OPT_END)
			return true;
		if (i == n || p[i] > n - i - 1)
			return false;
		if (!note_option(r, code, p + i))
			return false;
		i += 1 + p[i];
	}
	return false;
}

/* The fields that RFC 2132 section 9.3 allows to hold more options. */
static bool read_overload(struct dhcp4_request *r)
{
	uint8_t overload = r->overload ? r->overload[0] : 0;

	if (!r->overload)
		return true;
	if (overload < 1 || overload > 3)
		return false;
	if ((overload & 1) && !read_options(r, r->header + OFF_FILE, OFF_COOKIE - OFF_FILE))
		return false;
	return !(overload & 2) || read_options(r, r->header + OFF_SNAME, OFF_FILE - OFF_SNAME);
}

static bool read_request(
	const struct service_asker *who, const struct service_request *q, struct dhcp4_request *r)
{
	const uint8_t *h = q->data;

	if (q->size < HEADER_SIZE || h[OFF_OP] != OP_REQUEST || h[OFF_HTYPE] != HTYPE_ETHERNET ||
		h[OFF_HLEN] != 6 || memcmp(h + OFF_COOKIE, cookie, sizeof(cookie)) != 0)
		return false;
	if (memcmp(h + OFF_GIADDR, nobody, 4) != 0 || memcmp(h + OFF_CHADDR, who->port->mac.b, 6))
		return false;
	*r = (struct dhcp4_request){.header = h};
	return read_options(r, h + HEADER_SIZE, q->size - HEADER_SIZE) && read_overload(r) &&
	       r->type;
}

/* The port's address that was asked for, else its first one. */
static bool find_lease(
	const struct service_asker *who, const uint8_t *wanted, struct dhcp4_lease *ret)
{
	const struct weft_port *port = who->port;

	*ret = (struct dhcp4_lease){0};
	for (unsigned int i = 0; i < port->n_addrs; i++) {
		const struct weft_addr *addr = &port->addrs[i].addr;
		const struct weft_subnet *s;

		if (port->addrs[i].len != 128 || !weft_addr_is_v4(addr))
			continue;
		s = service_subnet_of(who->segment, addr, WEFT_SUBNET_DHCP);
		if (!s || (ret->subnet && memcmp(&addr->b[12], wanted, 4) != 0))
			continue;
		ret->subnet = s;
		ret->addr = &addr->b[12];
		ret->server = weft_addr_is_v4(&s->gateway) ? &s->gateway.b[12] : server_alone;
	}
	return ret->subnet;
}

/* Which address the client means to have. */
static const uint8_t *wanted_address(const struct dhcp4_request *r)
{
	return r->requested ? r->requested : r->header + OFF_CIADDR;
}

static bool is_for_another_server(const struct dhcp4_request *r, const struct dhcp4_lease *l)
{
	return r->server && memcmp(r->server, l->server, 4) != 0;
}

/* Returns the type of the answer, or 0 with the reason why there is none. */
static uint8_t decide(
	const struct dhcp4_request *r, const struct dhcp4_lease *l, enum weft_drop *ret_drop)
{
	const uint8_t *wanted = wanted_address(r);
	bool right = memcmp(wanted, l->addr, 4) == 0;

	*ret_drop = WEFT_DROP_SERVICE_REQUEST;
	if (is_for_another_server(r, l))
		return 0;
	switch (r->type[0]) {
	case DISCOVER:
		return OFFER;
	case REQUEST:
		if (memcmp(wanted, nobody, 4) == 0)
			return 0;
		return right ? ACK : NAK;
	case INFORM:
		return memcmp(r->header + OFF_CIADDR, l->addr, 4) == 0 ? ACK : 0;
	case DECLINE:
	case RELEASE:
		if (r->server && right)
			*ret_drop = WEFT_DROP_SERVICE_TAKEN;
		return 0;
	default:
		return 0;
	}
}

static void put_option(struct out *o, uint8_t code, const void *data, uint8_t n)
{
	uint8_t *p = out_take(o, 2u + n);

	if (!p)
		return;
	p[0] = code;
	p[1] = n;
	memcpy(p + 2, data, n);
}

static void put_option32(struct out *o, uint8_t code, uint32_t v)
{
	uint8_t data[4];

	out_store32(data, v);
	put_option(o, code, data, sizeof(data));
}

static void put_text(struct out *o, uint8_t code, const char *text)
{
	if (text[0])
		put_option(o, code, text, strnlen(text, WEFT_NAME_SIZE));
}

static void put_mask(struct out *o, const struct weft_prefix *prefix)
{
	uint32_t bits = prefix->len - 96;

	put_option32(o, OPT_MASK, bits ? ~0u << (32 - bits) : 0);
}

static void put_dns(struct out *o, const struct weft_subnet *s)
{
	struct weft_addr servers[SERVICE_DNS_MAX];
	unsigned int n = service_dns_servers(s, true, servers);
	uint8_t data[SERVICE_DNS_MAX * 4];

	for (unsigned int i = 0; i < n; i++)
		memcpy(data + i * 4, &servers[i].b[12], 4);
	if (n)
		put_option(o, OPT_DNS, data, n * 4);
}

/* Bytes of one route: length, as many bytes of the destination as it takes, the router. */
static uint32_t encode_route(uint8_t *p, uint8_t len, const uint8_t *dst, const uint8_t *via)
{
	uint32_t n = (len + 7) / 8;

	p[0] = len;
	memcpy(p + 1, dst, n);
	memcpy(p + 1 + n, via, 4);
	return 1 + n + 4;
}

/* A client that takes this option ignores the router option: the default route is in it too. */
static void put_routes(struct out *o, const struct weft_subnet *s)
{
	uint8_t data[OPTION_DATA_MAX];
	uint32_t size = 0, n = 0;

	if (weft_addr_is_v4(&s->gateway))
		size = encode_route(data, 0, nobody, &s->gateway.b[12]);
	for (unsigned int i = 0; i < s->n_routes; i++) {
		const struct weft_host_route *r = &s->routes[i];

		if (!weft_addr_is_v4(&r->prefix.addr))
			continue;
		size += encode_route(
			data + size, r->prefix.len - 96, &r->prefix.addr.b[12], &r->via.b[12]);
		n++;
	}
	if (n)
		put_option(o, OPT_ROUTES, data, size);
}
static_assert((WEFT_SUBNET_ROUTES + 1) * 9 <= OPTION_DATA_MAX, "all routes in one option");

/* In the order of their weight: what does not fit is left out. */
static void put_subnet(struct out *o, const struct service_asker *who, const struct weft_subnet *s)
{
	uint8_t mtu[2];

	out_store16(mtu, service_mtu(who));
	put_mask(o, &s->prefix);
	if (weft_addr_is_v4(&s->gateway))
		put_option(o, OPT_ROUTER, &s->gateway.b[12], 4);
	put_option(o, OPT_MTU, mtu, sizeof(mtu));
	put_routes(o, s);
	put_dns(o, s);
	put_text(o, OPT_HOSTNAME, who->port->hostname);
	put_text(o, OPT_DOMAIN, s->domain);
}

static void put_times(struct out *o, uint32_t lease_s)
{
	put_option32(o, OPT_LEASE, lease_s);
	put_option32(o, OPT_T1, lease_s / 2);
	put_option32(o, OPT_T2, lease_s - lease_s / 8);
}

static void put_header(struct out *o, const struct dhcp4_request *r)
{
	uint8_t *h = out_take(o, HEADER_SIZE);

	memset(h, 0, HEADER_SIZE);
	h[OFF_OP] = OP_REPLY;
	h[OFF_HTYPE] = HTYPE_ETHERNET;
	h[OFF_HLEN] = 6;
	memcpy(h + OFF_XID, r->header + OFF_XID, 4);
	memcpy(h + OFF_FLAGS, r->header + OFF_FLAGS, 2);
	memcpy(h + OFF_CHADDR, r->header + OFF_CHADDR, 16);
	memcpy(h + OFF_COOKIE, cookie, sizeof(cookie));
}

static void put_end(struct out *o)
{
	uint8_t *p = &o->a->data[o->a->size];
	uint32_t n = 1;

	if (o->a->size + n < REPLY_SIZE_MIN)
		n = REPLY_SIZE_MIN - o->a->size;
	memset(p, OPT_PAD, n);
	p[0] = OPT_END;
	o->a->size += n;
}

/* Where the answer goes: RFC 2131 section 4.1. */
static void address(struct service_answer *a, const struct dhcp4_request *r, uint8_t type,
	const struct dhcp4_lease *l)
{
	const uint8_t *ciaddr = r->header + OFF_CIADDR, *to = l->addr;

	memcpy(a->dst_mac.b, r->header + OFF_CHADDR, 6);
	if (type != NAK && memcmp(ciaddr, nobody, 4) != 0) {
		to = ciaddr;
	} else if (type == NAK || (r->header[OFF_FLAGS] & BROADCAST_FLAG)) {
		to = everybody;
		memset(a->dst_mac.b, 0xff, 6);
	}
	a->src = weft_addr_from_v4(l->server);
	a->dst = weft_addr_from_v4(to);
	a->proto = IPPROTO_UDP;
	a->sport = DHCP4_SERVER_PORT;
	a->dport = DHCP4_CLIENT_PORT;
}

/* Bytes of the answer, OPT_END left out. */
static uint16_t size_limit(const struct dhcp4_request *r)
{
	uint32_t size = r->max_size ? r->max_size[0] << 8 | r->max_size[1] : DATAGRAM_MIN;

	if (size < DATAGRAM_MIN)
		size = DATAGRAM_MIN;
	size -= IP_UDP_SIZE + 1;
	return size < SERVICE_ANSWER_MAX - 1 ? size : SERVICE_ANSWER_MAX - 1;
}

static void fill(struct service_answer *a, const struct service_asker *who,
	const struct dhcp4_request *r, uint8_t type, const struct dhcp4_lease *l)
{
	struct out o = {.a = a, .limit = size_limit(r)};

	a->size = 0;
	address(a, r, type, l);
	put_header(&o, r);
	put_option(&o, OPT_TYPE, &type, 1);
	put_option(&o, OPT_SERVER, l->server, 4);
	if (type != NAK) {
		if (r->type[0] != INFORM) {
			memcpy(a->data + OFF_YIADDR, l->addr, 4);
			put_times(&o, service_lease_s(l->subnet));
		}
		if (r->type[0] != DISCOVER)
			memcpy(a->data + OFF_CIADDR, r->header + OFF_CIADDR, 4);
	}
	if (r->client_id)
		put_option(&o, OPT_CLIENT_ID, r->client_id + 1, r->client_id[0]);
	if (type != NAK)
		put_subnet(&o, who, l->subnet);
	put_end(&o);
}

enum weft_drop dhcp4_answer(const struct service_asker *who, const struct service_request *q,
	struct service_answer *ret)
{
	struct dhcp4_request r;
	struct dhcp4_lease l;
	enum weft_drop drop;
	uint8_t type;

	if (!read_request(who, q, &r))
		return WEFT_DROP_SERVICE_REQUEST;
	if (!find_lease(who, wanted_address(&r), &l))
		return WEFT_DROP_SERVICE_ABSENT;
	type = decide(&r, &l, &drop);
	if (!type)
		return drop;
	fill(ret, who, &r, type, &l);
	return 0;
}
