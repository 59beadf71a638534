/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The odd packets: fragments, ICMP errors, wrong addresses, broken headers, and what else a guest
 * or another host may send that no conversation needs.
 */
#include <string.h>

#include "packets.h"

/* A packet of f before something is done to it. */
struct odd {
	struct scenario *s;
	struct flow *f;
	const struct host *from, *to;
	unsigned int dir;
	struct packet p;
	uint32_t vni;
	uint8_t l4[400];
	bool may_forge;
};

static struct event *odd_send(struct odd *o)
{
	return packet_event(o->s, o->from, o->vni, &o->p, true);
}

static void odd_ttl(struct odd *o)
{
	o->p.ttl = 1;
	o->p.no_ttl = chance(50);
	odd_send(o);
}

static void odd_tcp(struct odd *o)
{
	if (o->p.proto != 6)
		return;
	o->l4[13] =
		chance(50) ? roll(256) : (uint8_t[]){0x02, 0x12, 0x10, 0x04, 0x14, 0x11}[roll(6)];
	if (chance(50))
		set32(o->l4 + 4, read32(o->l4 + 4) + (chance(50) ? 0x4000000 : roll(UINT32_MAX)));
	if (chance(30))
		set32(o->l4 + 8, roll(UINT32_MAX));
	if (chance(5))
		o->l4[12] = roll(16) << 4;
	odd_send(o);
}

static void odd_vlan(struct odd *o)
{
	o->p.vlan = 1 + roll(4094);
	odd_send(o);
}

static void odd_ext(struct odd *o)
{
	o->p.n_ext = 1 + roll(chance(80) ? 3 : 10);
	o->p.ext_type = roll(2);
	if (o->f->family == 0)
		o->p.tos = roll(256);
	odd_send(o);
}

static void odd_macs(struct odd *o)
{
	const struct scenario *s = o->s;

	switch (roll(5)) {
	case 0:
		o->p.dmac = o->from->mac;
		break;
	case 1:
		o->p.dmac.b[5] = 0x77; /* nobody */
		break;
	case 2:
		o->p.smac.b[0] = chance(50) ? 3 : 2;
		if (o->p.smac.b[0] == 2)
			memset(&o->p.smac, 0, 6);
		break;
	case 3:
		if (o->may_forge)
			o->p.smac = s->host[roll(s->n_hosts)].mac;
		break;
	default:
		if (s->forging)
			o->p.dmac = chance(50) || !router_mac(s, o->vni)
					    ? s->host[roll(s->n_hosts)].mac
					    : *router_mac(s, o->vni);
		break;
	}
	odd_send(o);
}

static struct weft_addr some_addr(const struct odd *o)
{
	static const uint8_t strange[][4] = {{0, 0, 0, 0}, {127, 0, 0, 1}, {224, 0, 0, 5},
		{255, 255, 255, 255}, {169, 254, 1, 1}, {10, 9, 1, 1}, {10, 10, 1, 1},
		{10, 77, 0, 1}, {10, 2, 0, 1}};
	struct weft_addr a = o->s->host[roll(o->s->n_hosts)].addr[o->f->family];

	if (chance(40))
		a.b[15] = chance(50) ? 77 : 254;
	if (chance(30) && o->f->family == 0)
		memcpy(a.b + 12, strange[roll(sizeof(strange) / 4)], 4);
	if (chance(20) && o->f->family == 1)
		a.b[0] = (uint8_t[]){0xff, 0xfe, 0x00, 0x20}[roll(4)];
	if (a.b[0] == 0xfe)
		a.b[1] = 0x80;
	if (a.b[0] == 0)
		a.b[1] = 0;
	return a;
}

static void odd_source(struct odd *o)
{
	if (o->may_forge)
		o->p.src = some_addr(o);
	odd_send(o);
}

/* To somewhere else. In another segment that is for the router to say. */
static void odd_target(struct odd *o)
{
	const struct weft_mac *router = router_mac(o->s, o->vni);

	if (!o->from->port && !o->s->forging)
		return;
	o->p.dst = some_addr(o);
	if (o->from->port && router)
		o->p.dmac = *router;
	else if (!o->s->forging)
		return;
	odd_send(o);
}

static void odd_group(struct odd *o)
{
	static const uint8_t reserved[6] = {0x01, 0x80, 0xc2, 0, 0, 3};

	memset(&o->p.dmac, 0xff, 6);
	if (chance(60))
		o->p.dmac = (struct weft_mac){.b = {1, 0, 0x5e, 0, 0, 5}};
	if (chance(10))
		memcpy(&o->p.dmac, reserved, 6);
	if (chance(70))
		o->p.dst = o->f->family ? (struct weft_addr){.b = {0xff, 2, [15] = 5}}
					: v4(224, 0, 0, 5);
	if (o->from->port)
		odd_send(o);
	else if (o->s->forging)
		odd_send(o);
}

static void odd_truncated(struct odd *o)
{
	struct event *e = odd_send(o);
	uint32_t outer = o->from->port ? 0 : OUTER;

	if (!e)
		return;
	e->len = outer + 1 + roll(e->len - outer);
	if (outer) {
		set16(e->b + 16, e->len - 14);
		set16(e->b + 38, e->len - 34);
		set16(e->b + 24, 0);
		set16(e->b + 24, naive_sum(e->b + 14, 20, 0));
	}
}

static void odd_bits(struct odd *o)
{
	struct event *e = odd_send(o);
	uint32_t at = (o->from->port ? 0 : OUTER) + 14;

	if (!e)
		return;
	if (o->s->forging)
		e->b[at - 14 + roll(60)] ^= 1u << roll(8);
	else if (o->f->family == 0)
		e->b[at + roll(20)] ^= 1u << roll(8);
	else
		e->b[at + (chance(50) ? 0 : 4 + roll(2))] ^= 1u << roll(8);
}

/* An ICMP error by o's sender about a packet that the other end has sent, or has not. */
static void odd_error(struct odd *o)
{
	bool is_v6 = o->f->family;
	struct packet quoted = {.src = o->to->addr[o->f->family],
		.dst = o->from->addr[o->f->family],
		.proto = o->f->proto};
	uint8_t q[300], l4[128];
	struct flow copy = *o->f;
	unsigned int dir;
	uint32_t n;

	for (unsigned int i = 0; i < 8; i++) { /* of the other direction */
		quoted.l4_len = flow_l4(&copy, l4, &dir);
		if (dir != o->dir)
			break;
	}
	quoted.l4 = l4;
	if (chance(20))
		l4[roll(4)] ^= 1u << roll(8);
	if (quoted.proto == 6 && chance(30))
		set32(l4 + 4, roll(UINT32_MAX));
	if (chance(10))
		quoted.src = some_addr(o);
	n = build_packet(q, &quoted) - 14;
	if (chance(15))
		n = roll(n);
	memset(o->l4, 0, 8);
	o->l4[0] = is_v6 ? 1 + roll(4) : (uint8_t[]){3, 3, 11, 12}[roll(4)];
	o->l4[1] = roll(3);
	memcpy(o->l4 + 8, q + 14, n);
	o->p.proto = is_v6 ? 58 : 1;
	o->p.l4_len = 8 + n;
	odd_send(o);
}

static void odd_icmp(struct odd *o)
{
	memset(o->l4, 0, 16);
	o->l4[0] = o->f->family ? (chance(50) ? 126 + roll(6) : 140 + roll(100)) : roll(20);
	o->l4[1] = chance(60) ? 0 : roll(3);
	set16(o->l4 + 4, o->f->sport);
	o->p.proto = o->f->family ? 58 : 1;
	if (chance(10))
		o->p.proto ^= 1 ^ 58;
	o->p.l4_len = chance(90) ? 16 : roll(12);
	odd_send(o);
}

/* To the gateway of the sender's segment. */
static void odd_gateway(struct odd *o)
{
	const struct weft_mac *router = router_mac(o->s, o->from->vni);
	uint8_t frame[EVENT_BYTES];
	uint32_t n;

	if (!o->from->port || !router)
		return;
	o->p.dmac = *router;
	if (chance(50))
		o->p.dst = o->from->addr[o->f->family];
	o->p.dst.b[15] = 254;
	if (chance(60)) {
		memset(o->l4, 0, 24);
		o->l4[0] = o->f->family ? 128 : 8;
		o->p.proto = o->f->family ? 58 : 1;
		o->p.l4_len = 24;
		n = build_packet(frame, &o->p);
		naive_l4_sum(frame + 14, o->p.proto, frame + n - 24, 24, 2);
		memcpy(o->l4, frame + n - 24, 24);
	}
	odd_send(o);
}

static void odd_arp(struct odd *o)
{
	static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 1};
	struct event *e;
	uint8_t *arp;

	if (!o->from->port)
		return;
	memset(&o->p.dmac, 0xff, 6);
	if (chance(10))
		o->p.dmac = router_mac(o->s, o->vni) ? *router_mac(o->s, o->vni) : o->to->mac;
	e = odd_send(o);
	if (!e)
		return;
	set16(e->b + 12, 0x0806);
	arp = e->b + 14;
	memset(arp, 0, 28);
	memcpy(arp, head, 8);
	memcpy(arp + 8, &o->from->mac, 6);
	memcpy(arp + 14, o->from->addr[0].b + 12, 4);
	memcpy(arp + 24, (chance(80) ? o->to : o->from)->addr[0].b + 12, 4);
	if (chance(30))
		arp[27] = chance(50) ? 254 : 77;
	if (chance(10))
		memset(arp + 14, 0, 4);
	if (chance(10) && o->may_forge)
		arp[17] ^= 1;
	if (chance(10))
		arp[7] = 2;
	e->len = 42;
}

/* Of a datagram in random order, with holes, doubles and overlaps. */
static void odd_fragments(struct odd *o)
{
	uint32_t size = 48 + roll(100), cut = 8 * (3 + roll(4)), n, id = roll(65536);
	uint8_t *whole = o->l4;
	struct odd piece = *o;

	memset(whole + o->p.l4_len, 0x44, sizeof(o->l4) - o->p.l4_len);
	if (o->p.proto == 17)
		set16(whole + 4, size);
	n = (size + cut - 1) / cut;
	for (unsigned int k = chance(90) ? 0 : 1, start = chance(60) ? 0 : roll(n); k < n; k++) {
		uint32_t at = (k + start) % n * cut, end = at + cut < size ? at + cut : size;

		piece.p.id = id;
		piece.p.df = false;
		piece.p.fragment = true;
		piece.p.offset = at;
		piece.p.more = end < size;
		if (chance(4) && piece.p.more)
			end += 8;
		piece.p.l4 = whole + at;
		piece.p.l4_len = end - at;
		odd_send(&piece);
		if (chance(5))
			odd_send(&piece);
	}
}

static void odd_outer(struct odd *o)
{
	struct event *e = odd_send(o);

	if (!e || o->from->port)
		return;
	switch (roll(4)) {
	case 0:
		e->b[47] ^= 1u << roll(8); /* VNI */
		break;
	case 1:
		e->b[29] = chance(50) ? 99 : 2 + roll(2); /* VTEP */
		if (!o->s->forging)
			e->b[29] = 99;
		break;
	case 2:
		e->b[42] = roll(256) & ~8;
		break;
	default:
		e->b[36] ^= 1; /* no VXLAN */
		break;
	}
	set16(e->b + 24, 0);
	set16(e->b + 24, naive_sum(e->b + 14, 20, 0));
}

static void odd_proto(struct odd *o)
{
	o->p.proto = (uint8_t[]){0, 2, 4, 41, 47, 50, 51, 89, 103, 132, 33, 136, 255, 59}[roll(14)];
	odd_send(o);
}

void add_odd(struct scenario *s, struct flow *f)
{
	static void (*const kinds[])(struct odd * o) = {odd_ttl, odd_tcp, odd_tcp, odd_tcp,
		odd_vlan, odd_ext, odd_macs, odd_macs, odd_source, odd_target, odd_target,
		odd_group, odd_truncated, odd_bits, odd_error, odd_error, odd_icmp, odd_gateway,
		odd_arp, odd_fragments, odd_outer, odd_proto};
	struct odd o = {.s = s, .f = f};
	struct flow copy = *f; /* the conversation does not notice */

	o.p.l4_len = flow_l4(&copy, o.l4, &o.dir);
	o.from = f->end[o.dir];
	o.to = f->end[!o.dir];
	o.may_forge = s->forging || (o.from->port && o.from->guarded);
	uint32_t len = o.p.l4_len;
	flow_packet(s, f, o.dir, &o.p, &o.vni);
	o.p.l4 = o.l4;
	o.p.l4_len = len;
	kinds[roll(sizeof(kinds) / sizeof(kinds[0]))](&o);
}
