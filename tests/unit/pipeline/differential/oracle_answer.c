/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the oracle expects to be sent: frames as they leave, ICMP errors (RFC 792, RFC 1812, RFC
 * 4443), resets (RFC 9293 section 3.10.7.1), echo replies and ARP answers.
 */
#include <string.h>

#include "oracle.h"

void expect_drop(struct expect *x, unsigned int reason)
{
	if (x->v.n_drop < VERDICT_FRAMES)
		x->v.drop[x->v.n_drop++] = reason;
}

static uint8_t inner_tos(const uint8_t *b)
{
	uint32_t at = 14;

	while (read16(b + at - 2) == 0x8100 || read16(b + at - 2) == 0x88a8)
		at += 4;
	if (read16(b + at - 2) == 0x0800)
		return b[at + 1];
	return read16(b + at - 2) == 0x86dd ? (uint8_t)(read16(b + at) >> 4) : 0;
}

/* RFC 7348 with the fields of struct weft_vtep; ECN by RFC 6040. */
static uint32_t encapsulate(uint8_t *b, uint32_t len, const struct weft_vtep *v, uint32_t vni)
{
	uint8_t tos = inner_tos(b);

	len = build_outer(b, len, &v->local, &v->remote, &v->dst_mac, &v->src_mac, vni);
	b[15] = ((v->flags & WEFT_VTEP_DSCP_COPY ? tos : v->dscp << 2) & ~3) | (tos & 3);
	b[22] = v->ttl;
	set16(b + 24, 0);
	set16(b + 24, naive_sum(b + 14, 20, 0));
	set16(b + 34, 0); /* free */
	return len;
}

void expect_frame(struct expect *x, uint32_t port, const struct weft_addr *vtep, uint32_t vni,
	const uint8_t *b, uint32_t len)
{
	struct verdict_frame *f = &x->v.out[x->v.n_out++];

	memcpy(f->b, b, len);
	f->len = len;
	f->port = port;
	if (!port) {
		const struct weft_vtep *v = find_vtep(vtep);

		f->len = encapsulate(f->b, len, v, vni);
		f->port = v->uplink;
	}
}

static bool is_host(const struct weft_addr *a)
{
	static const uint8_t zero[15];

	if (weft_addr_is_v4(a))
		return a->b[12] != 0 && a->b[12] != 127 && a->b[12] < 224;
	return a->b[0] != 0xff && !(memcmp(a->b, zero, 15) == 0 && a->b[15] <= 1);
}

static bool may_be_told(const struct view *v)
{
	return v->family && !v->group && !weft_mac_is_zero(&v->dmac) && is_host(&v->src) &&
	       is_host(&v->dst);
}

static bool is_icmp_error(const struct view *v)
{
	uint8_t type = v->sport >> 8;

	if (!v->has_l4)
		return false;
	if (v->family == 6)
		return v->proto == 58 && (type < 128 || type == 137);
	return v->proto == 1 && (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
}

/* pipeline/path.h: the gateway's address on the sender's segment, else the packet's destination. */
static struct weft_addr teller(const struct weft_segment *seg, const struct view *v)
{
	struct weft_addr ret = v->dst;

	for (unsigned int i = 0; i < oracle_now->n_subnet && seg->router; i++) {
		const struct weft_subnet *s = &oracle_now->subnet[i];

		if (s->vni != seg->vni || weft_addr_is_zero(&s->gateway) ||
			weft_addr_is_v4(&s->gateway) != weft_addr_is_v4(&v->src))
			continue;
		ret = s->gateway;
		if (has_prefix(&s->prefix, &v->src))
			break;
	}
	return ret;
}

/* Sends l4 to the sender of a's packet. from NULL: its destination sends it. */
static void send_back(struct expect *x, const struct arrival *a, uint8_t proto, uint8_t tos,
	bool from_gateway, uint8_t *l4, uint32_t len)
{
	const struct weft_router *router = find_router(a->seg);
	struct packet p = {.dmac = a->v.smac,
		.smac = a->v.dmac,
		.src = a->v.dst,
		.dst = a->v.src,
		.proto = proto,
		.tos = tos,
		.df = true,
		.l4 = l4,
		.l4_len = len};
	const struct weft_segment *seg = a->seg;
	uint32_t port = a->port ? a->port->id : 0;
	const struct weft_addr *vtep = a->vtep ? &a->vtep->remote : NULL;
	uint8_t b[VERDICT_BYTES], *ip;
	uint32_t n;

	if (router && weft_mac_equal(&router->mac,
			      &a->v.smac)) { /* it came routed: its sender is elsewhere */
		struct next_hop next;
		int tell;

		if (find_route(router->id, &a->v.src, &next, &tell) != 0 || next.gateway ||
			(a->port && next.fdb->port != port))
			return;
		p.dmac = next.mac;
		p.smac = next.router;
		port = next.fdb->port;
		vtep = &next.fdb->remote;
		seg = find_segment(next.vni);
	}
	if (from_gateway)
		p.src = teller(seg, &a->v);
	n = build_packet(b, &p);
	ip = b + 14;
	naive_l4_sum(ip, proto, b + n - len, len, proto == 6 ? 16 : 2);
	if (a->v.l3 > 14) { /* the tags stay */
		memmove(b + a->v.l3, b + 14, n - 14);
		memcpy(b + 12, a->v.b + 12, a->v.l3 - 12);
		n += a->v.l3 - 14;
	}
	expect_frame(x, port, vtep, seg->vni, b, n);
}

void expect_tell(struct expect *x, const struct arrival *a, int what)
{
	bool is_v6 = a->v.family == 6;
	uint8_t msg[VERDICT_BYTES] = {0};
	uint32_t quote = a->v.len - a->v.l3, room = is_v6 ? 1280 - 48 : 576 - 28;

	if (what < 0 || !may_be_told(&a->v) || a->v.later || is_icmp_error(&a->v))
		return;
	if (quote > room)
		quote = room;
	if (what == TELL_TTL) {
		msg[0] = is_v6 ? 3 : 11;
	} else if (is_v6) {
		msg[0] = 1;
		msg[1] = what == TELL_NET ? 0 : what == TELL_HOST ? 3 : what == TELL_PORT ? 4 : 1;
	} else {
		msg[0] = 3;
		msg[1] = what;
	}
	memcpy(msg + 8, a->v.b + a->v.l3, quote);
	send_back(x, a, is_v6 ? 58 : 1, is_v6 ? 0 : 0xc0, true, msg, 8 + quote);
}

void expect_reject(struct expect *x, const struct arrival *a)
{
	const uint8_t *tcp = a->v.b + a->v.l4;
	uint8_t rst[20] = {0};
	uint32_t payload;

	if (!a->v.has_l4 || a->v.fragment || a->v.proto != 6) {
		expect_tell(x, a, TELL_PROHIBITED);
		return;
	}
	if ((tcp[13] & 4) || !may_be_told(&a->v))
		return;
	memcpy(rst, tcp + 2, 2);
	memcpy(rst + 2, tcp, 2);
	rst[12] = 5 << 4;
	rst[13] = 4;
	if (tcp[13] & 0x10) {
		memcpy(rst + 4, tcp + 8, 4);
	} else {
		payload = a->v.len - a->v.l4 - (tcp[12] >> 4) * 4;
		rst[13] = 0x14;
		set32(rst + 8, read32(tcp + 4) + payload + !!(tcp[13] & 2) + (tcp[13] & 1));
	}
	send_back(x, a, 6, 0, false, rst, sizeof(rst));
}

bool expect_echo(struct expect *x, const struct arrival *a)
{
	bool is_v6 = a->v.family == 6;
	uint8_t b[VERDICT_BYTES], *ip = b + a->v.l3, *icmp = b + a->v.l4;
	uint32_t sum;

	if (!a->v.has_l4 || a->v.fragment || a->v.sport != (is_v6 ? 128 << 8 : 8 << 8) ||
		a->v.group || weft_mac_is_zero(&a->v.dmac))
		return false;
	memcpy(b, a->v.b, a->v.len);
	memcpy(b, &a->v.smac, 6);
	memcpy(b + 6, &a->v.dmac, 6);
	if (is_v6) {
		memcpy(ip + 8, a->v.dst.b, 16);
		memcpy(ip + 24, a->v.src.b, 16);
		ip[7] = 64;
	} else {
		memcpy(ip + 12, a->v.dst.b + 12, 4);
		memcpy(ip + 16, a->v.src.b + 12, 4);
		ip[8] = 64;
		set16(ip + 10, 0);
		set16(ip + 10, naive_sum(ip, (ip[0] & 15) * 4, 0));
	}
	/* RFC 1624: a wrong checksum stays wrong. */
	sum = (uint16_t)~read16(icmp + 2) + (uint16_t)~read16(icmp);
	icmp[0] = is_v6 ? 129 : 0;
	sum += read16(icmp);
	sum = (sum & 0xffff) + (sum >> 16);
	set16(icmp + 2, ~((sum & 0xffff) + (sum >> 16)));
	expect_frame(x, a->port->id, NULL, 0, b, a->v.len);
	return true;
}
