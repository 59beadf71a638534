/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random packets of a scenario: conversations of TCP, UDP, ICMP and other protocols between its
 * stations, and the odd packets around them (packets_odd.c).
 */
#include <string.h>

#include "packets.h"

struct flow flows[FLOWS];

const struct weft_mac *router_mac(const struct scenario *s, uint32_t vni)
{
	const struct setup *c = &s->version[0];

	for (unsigned int i = 0; i < c->n_segment; i++) {
		if (c->segment[i].vni != vni)
			continue;
		for (unsigned int k = 0; k < c->n_router; k++) {
			if (c->router[k].id == c->segment[i].router)
				return &c->router[k].mac;
		}
	}
	return NULL;
}

static bool is_l3_only(const struct scenario *s, uint32_t vni)
{
	const struct setup *c = &s->version[0];

	for (unsigned int i = 0; i < c->n_segment; i++) {
		if (c->segment[i].vni == vni)
			return c->segment[i].flags & WEFT_SEGMENT_L3_ONLY;
	}
	return false;
}

/* From h toward d as h, or the router of h's host, would send it. */
void way_between(const struct scenario *s, const struct host *h, const struct host *d,
	struct packet *p, uint32_t *vni)
{
	const struct weft_mac *router = router_mac(s, h->port ? h->vni : d->vni);
	bool routed =
		router && (h->vni != d->vni || is_l3_only(s, h->vni) || (h->port && chance(3)));

	p->smac = h->mac;
	p->dmac = d->mac;
	*vni = h->vni;
	if (routed && h->port) {
		p->dmac = *router;
	} else if (routed) {
		p->smac = *router;
		p->ttl = 63;
		*vni = d->vni;
	}
}

struct event *packet_event(
	struct scenario *s, const struct host *h, uint32_t vni, const struct packet *p, bool odd)
{
	struct event *e = &s->event[s->n_events];

	if (s->n_events == EVENTS_MAX)
		return NULL;
	s->n_events++;
	*e = (struct event){.odd = odd, .port = h->port ? h->port : UPLINK_ID};
	e->len = build_packet(e->b, p);
	if (!h->port) {
		const struct setup *c = &s->version[0];

		e->len = build_outer(e->b, e->len, &h->vtep, &c->local_vtep[0].addr,
			&c->local_vtep[0].mac, &c->vtep[0].dst_mac, vni);
	}
	return e;
}

static uint32_t put_tcp(uint8_t *b, const struct flow *f, unsigned int dir, uint8_t flags,
	uint32_t seq, uint32_t ack, uint32_t payload)
{
	memset(b, 0, 20 + payload);
	set16(b, dir ? f->dport : f->sport);
	set16(b + 2, dir ? f->sport : f->dport);
	set32(b + 4, seq);
	set32(b + 8, ack);
	b[12] = 5 << 4;
	b[13] = flags;
	set16(b + 14, 20000);
	return 20 + payload;
}

/* The next segment of a well-behaved connection; the next one begins where it is over. */
static uint32_t next_tcp(struct flow *f, uint8_t *b, unsigned int *dir)
{
	uint32_t payload = 0, seq, ack;
	uint8_t flags = 0x10;

	*dir = f->step == 1 ? 1 : f->step < 3 ? 0 : roll(2);
	if (f->step == 0) {
		f->seq[0] = roll(UINT32_MAX);
		f->seq[1] = roll(UINT32_MAX);
		f->fin[0] = f->fin[1] = false;
		flags = 0x02;
	} else if (f->step == 1) {
		flags = 0x12;
	} else if (f->step > 2 && f->fin[*dir]) {
		payload = 0;
	} else if (f->step > 2) {
		payload = roll(3) ? roll(60) : 0;
		flags |= chance(20) ? 0x08 : 0;
		flags |= chance(15) ? 0x01 : 0;
	}
	seq = f->seq[*dir];
	ack = flags & 0x10 ? f->seq[!*dir] : 0;
	f->seq[*dir] += payload + ((flags & 3) != 0);
	f->fin[*dir] |= flags & 1;
	if (f->step > 2 && chance(3)) {
		flags = 0x04;
		payload = 0;
		f->seq[*dir] = seq;
		f->step = 99;
	}
	f->step++;
	if (f->step >= 100 || (f->fin[0] && f->fin[1] && f->step > 4 && chance(40)))
		f->step = 0;
	return put_tcp(b, f, *dir, flags, seq, ack, payload);
}

static uint32_t next_udp(const struct flow *f, uint8_t *b, unsigned int dir)
{
	uint32_t payload = roll(40);

	memset(b, 0x55, 8 + payload);
	set16(b, dir ? f->dport : f->sport);
	set16(b + 2, dir ? f->sport : f->dport);
	set16(b + 4, 8 + payload);
	set16(b + 6, 0);
	return 8 + payload;
}

uint32_t flow_l4(struct flow *f, uint8_t *b, unsigned int *dir)
{
	*dir = roll(2);
	switch (f->proto) {
	case 6:
		return next_tcp(f, b, dir);
	case 17:
		return next_udp(f, b, *dir);
	case 1:
	case 58:
		memset(b, 0, 16);
		b[0] = f->proto == 1 ? (*dir ? 0 : 8) : 128 + *dir;
		set16(b + 4, f->sport);
		return 16;
	default: /* ports where SCTP, DCCP and UDP-Lite have them */
		memset(b, 0x33, 24);
		set16(b, *dir ? f->dport : f->sport);
		set16(b + 2, *dir ? f->sport : f->dport);
		return 24;
	}
}

/* As its sender sends it; l4 is what p->l4 will point to. */
void flow_packet(const struct scenario *s, const struct flow *f, unsigned int dir, struct packet *p,
	uint32_t *vni)
{
	const struct host *h = f->end[dir], *d = f->end[!dir];

	*p = (struct packet){.src = h->addr[f->family],
		.dst = d->addr[f->family],
		.proto = f->proto,
		.id = roll(65536)};
	p->df = chance(50);
	p->tos = chance(10) ? roll(256) : 0;
	way_between(s, h, d, p, vni);
}

static void add_normal(struct scenario *s, struct flow *f)
{
	uint8_t l4[128];
	struct packet p;
	unsigned int dir;
	uint32_t vni, len = flow_l4(f, l4, &dir);

	flow_packet(s, f, dir, &p, &vni);
	p.l4 = l4;
	p.l4_len = len;
	if (f->proto == 1 || f->proto == 58) {
		uint8_t frame[EVENT_BYTES];
		uint32_t n = build_packet(frame, &p);

		naive_l4_sum(frame + 14, f->proto, frame + n - len, len, 2);
		memcpy(l4, frame + n - len, len);
	}
	packet_event(s, f->end[dir], vni, &p, false);
}

/* May they talk, as the networks are made: their addresses mean the same to both. */
static bool are_related(const struct host *a, const struct host *b)
{
	uint32_t x = a->vni / 100, y = b->vni / 100;

	return x == y || (x != 2 && y != 2);
}

void flow_make(const struct scenario *s, struct flow *f)
{
	static const uint16_t ports[] = {0, 1, 79, 80, 81, 1000, 1001, 65535};
	static const uint8_t protos[] = {6, 6, 6, 17, 17, 1, 1, 132, 33, 136, 47};

	*f = (struct flow){.family = roll(2), .proto = protos[roll(sizeof(protos))]};
	do {
		f->end[0] = &s->host[roll(s->n_hosts)];
		f->end[1] = &s->host[roll(s->n_hosts)];
	} while (f->end[0] == f->end[1] || (!f->end[0]->port && !f->end[1]->port) ||
		 !are_related(f->end[0], f->end[1]) ||
		 (!f->end[0]->port && f->end[0]->vni != f->end[1]->vni &&
			 !router_mac(s, f->end[1]->vni)) ||
		 (!f->end[1]->port && f->end[0]->vni != f->end[1]->vni &&
			 !router_mac(s, f->end[0]->vni)));
	if (f->proto == 1 && f->family)
		f->proto = 58;
	f->sport = chance(80) ? ports[roll(8)] : roll(65536);
	f->dport = ports[roll(8)];
}

void packets_make(struct scenario *s)
{
	unsigned int version = 0;

	for (unsigned int i = 0; i < FLOWS; i++)
		flow_make(s, &flows[i]);
	while (s->n_events < EVENTS_MAX) {
		struct flow *f = &flows[roll(FLOWS)];

		if (chance(2))
			flow_make(s, f);
		if (version + 1 < s->n_versions && roll(EVENTS_MAX / VERSIONS_MAX) == 0) {
			s->event[s->n_events++] =
				(struct event){.commit = true, .version = ++version};
			continue;
		}
		if (chance(60))
			add_normal(s, f);
		else
			add_odd(s, f);
	}
}
