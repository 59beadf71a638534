/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See mutate.h. Offsets are those of the frames that the generator makes: no tag, no options.
 */
#include <string.h>

#include "build.h"
#include "mutate.h"

#define OUTER_V6 70
#define LONGEST	 1700
#define GSO_MAX	 128 /* segments */

/* Where things are in a frame; outer 0: it came by a port. */
struct places {
	uint32_t outer; /* size of the tunnel's headers */
	uint32_t ip, l4;
	bool v6, outer_v6;
	uint8_t proto;
};

static bool find_places(const struct judged *j, struct places *ret)
{
	*ret = (struct places){0};
	if (j->port == UPLINK_ID) {
		ret->outer_v6 = read16(j->b + 12) == 0x86dd;
		ret->outer = ret->outer_v6 ? OUTER_V6 : OUTER;
	}
	ret->ip = ret->outer + 14;
	ret->v6 = read16(j->b + ret->ip - 2) == 0x86dd;
	ret->l4 = ret->ip + (ret->v6 ? 40 : 20);
	ret->proto = j->b[ret->ip + (ret->v6 ? 6 : 9)];
	return j->len >= ret->l4 + 8;
}

static void fix_sum(uint8_t *ip)
{
	set16(ip + 10, 0);
	set16(ip + 10, naive_sum(ip, 20, 0));
}

/* Lengths of the tunnel's headers follow what is in it. */
static void fix_outer(struct judged *j, const struct places *p)
{
	uint32_t udp = p->outer_v6 ? 54 : 34, datagram = j->len - udp;

	set16(j->b + udp + 4, datagram);
	set16(j->b + (p->outer_v6 ? 18 : 16), p->outer_v6 ? datagram : datagram + 20);
}

static void add16(uint8_t *p, int by)
{
	set16(p, read16(p) + by);
}

static int some_step(void)
{
	static const int steps[] = {1, -1, 2, -2, 8, -8, 60, 1000, -1000, 20000, -20000};

	return chance(80) ? steps[roll(sizeof(steps) / sizeof(steps[0]))] : (int)roll(65536);
}

static void add32(uint8_t *p)
{
	set32(p, read32(p) + (chance(70) ? (uint32_t)some_step() : roll(UINT32_MAX)));
}

static void change_tcp(struct judged *j, const struct places *p)
{
	static const uint8_t flags[] = {0x10, 0x18, 0x30, 0x50, 0x90, 0xd0, 0x11, 0x14, 0x04, 0x02,
		0x12, 0x00, 0x01, 0x29, 0x13};
	uint8_t *tcp = j->b + p->l4;

	if (p->proto != 6 || j->len < p->l4 + 20)
		return;
	switch (roll(6)) {
	case 0:
		tcp[13] = chance(85) ? flags[roll(sizeof(flags))] : roll(256);
		break;
	case 1:
		add32(tcp + 4);
		break;
	case 2:
		add32(tcp + 8);
		break;
	case 3:
		set16(tcp + 14, chance(50) ? roll(65536) : chance(50) ? 0 : 65535);
		break;
	case 4:
		tcp[12] = roll(16) << 4 | (chance(20) ? roll(16) : 0);
		break;
	default:
		tcp[13] |= 1 << roll(8);
		break;
	}
}

/* Longer or shorter, with all lengths right. */
static void change_size(struct judged *j, const struct places *p)
{
	uint32_t len = chance(50) ? j->len + roll(40) : p->ip + 1300 + roll(260);

	if (chance(30))
		len = p->l4 + 8 + roll(40);
	if (len > LONGEST || (p->proto == 6 && len < p->l4 + 20))
		return;
	if (len > j->len)
		memset(j->b + j->len, 0x5a, len - j->len);
	j->len = len;
	set16(j->b + p->ip + (p->v6 ? 4 : 2), len - (p->v6 ? p->l4 : p->ip));
	if (p->proto == 17 || p->proto == 136)
		set16(j->b + p->l4 + 4, len - p->l4);
	if (p->outer)
		fix_outer(j, p);
}

/* One length that does not fit the others, or bytes that do not belong to anything. */
static void change_length(struct judged *j, const struct places *p)
{
	int by = chance(70) ? (int)roll(9) - 4 : some_step();
	uint32_t pad = 1 + roll(60);

	switch (roll(p->outer ? 5 : 3)) {
	case 0:
		add16(j->b + p->ip + (p->v6 ? 4 : 2), by);
		break;
	case 1:
		if (p->proto == 17)
			add16(j->b + p->l4 + 4, by);
		break;
	case 2:
		memset(j->b + j->len, chance(50) ? 0 : 0xa5, pad);
		j->len += pad;
		if (p->outer && chance(50))
			fix_outer(j, p);
		break;
	case 3:
		add16(j->b + (p->outer_v6 ? 58 : 38), by);
		break;
	default:
		add16(j->b + (p->outer_v6 ? 18 : 16), by);
		break;
	}
}

static void change_ip(struct judged *j, const struct places *p)
{
	static const uint8_t ttls[] = {0, 1, 2, 3, 63, 64, 255};
	uint8_t *ip = j->b + p->ip;

	switch (roll(7)) {
	case 0:
	case 1:
		ip[p->v6 ? 7 : 8] = ttls[roll(sizeof(ttls))];
		break;
	case 2: /* DSCP and ECN */
		if (p->v6)
			set16(ip, 0x6000 | roll(256) << 4 | roll(16));
		else
			ip[1] = roll(256);
		break;
	case 3:
		if (!p->v6) /* fragments */
			set16(ip + 6, chance(50) ? 1u << roll(16) : roll(65536));
		else
			set16(ip + 2, roll(65536));
		break;
	case 4:
		ip[p->v6 ? 6 : 9] = (uint8_t[]){1, 6, 17, 58, 0, 44, 47, 50, 132}[roll(9)];
		break;
	case 5:
		ip[0] = (chance(50) ? ip[0] & 0xf0 : roll(16) << 4) | roll(16);
		break;
	default: /* another station, or port */
		j->b[p->ip + (p->v6 ? 8 : 12) + roll(p->v6 ? 36 : 12)] ^= 1 << roll(8);
		break;
	}
}

static void change_frame(struct judged *j, const struct places *p)
{
	uint8_t *eth = j->b + p->outer;

	switch (roll(4)) {
	case 0:
		eth[roll(12)] ^= 1 << roll(8);
		break;
	case 1:
		memcpy(eth + 6, eth, 6);
		break;
	case 2:
		memmove(eth + 16, eth + 12, j->len - p->outer - 12);
		set16(eth + 12, chance(50) ? 0x8100 : 0x88a8);
		set16(eth + 14, roll(65536));
		j->len += 4;
		if (p->outer)
			fix_outer(j, p);
		break;
	default:
		set16(eth + 12, (uint16_t[]){0x0800, 0x86dd, 0x0806, 0x8847, 0x0000}[roll(5)]);
		break;
	}
}

static void change_outer(struct judged *j, const struct places *p)
{
	uint32_t udp = p->outer_v6 ? 54 : 34;

	if (!p->outer)
		return;
	switch (roll(9)) {
	case 0: /* DSCP and ECN */
		if (p->outer_v6)
			set16(j->b + 14, 0x6000 | roll(256) << 4);
		else
			j->b[15] = chance(50) ? roll(4) : roll(256);
		break;
	case 1: /* the other VTEP, or none */
		j->b[p->outer_v6 ? 37 : 29] = 1 + roll(4);
		break;
	case 2:
		j->b[p->outer_v6 ? 53 : 33] ^= 1 << roll(2);
		break;
	case 3:
		set16(j->b + udp, roll(65536));
		break;
	case 4:
		set16(j->b + udp + 2, chance(50) ? 4790 : roll(65536));
		break;
	case 5:
		set16(j->b + udp + 6, roll(65536));
		break;
	case 6:
		j->b[udp + 8 + roll(4)] ^= 1 << roll(8);
		break;
	case 7:
		j->b[udp + 12 + roll(4)] ^= 1 << roll(8);
		break;
	default:
		j->b[14 + roll(p->outer - 14)] ^= 1 << roll(8);
		break;
	}
}

/* Where TCP and UDP have their checksum: what is not in the frame of the sum to be completed. */
static void store_pseudo(struct judged *j, const struct places *p)
{
	uint8_t *ip = j->b + p->ip, *l4 = j->b + p->l4;
	uint32_t start = p->proto + j->len - p->l4;
	uint16_t sum = p->v6 ? naive_sum(ip + 8, 32, start) : naive_sum(ip + 12, 8, start);

	if (p->proto == 6)
		set16(l4 + 16, ~sum);
	else if (p->proto == 17)
		set16(l4 + 6, ~sum);
}

/* As a tenant's kernel leaves the cutting to others: mostly as it would, in some segments. */
static void make_gso(struct judged *j, const struct places *p)
{
	uint32_t len = p->l4 + 60 + roll(JUDGED_BYTES - p->l4 - 60), segments = 1 + roll(9);

	if (len > j->len)
		memset(j->b + j->len, 0x5a, len - j->len);
	j->len = len;
	if (chance(10))
		segments = chance(50) ? GSO_MAX + roll(3) - 1 : 1 + roll(len);
	j->gso_size = 1 + (len - p->l4 - (p->proto == 6 ? 20 : 8)) / segments;
	set16(j->b + p->ip + (p->v6 ? 4 : 2), len - (p->v6 ? p->l4 : p->ip));
	if (p->proto == 17 && chance(95))
		set16(j->b + p->l4 + 4, len - p->l4);
	if (!p->v6)
		fix_sum(j->b + p->ip);
	store_pseudo(j, p);
	if (chance(3) && j->len < JUDGED_BYTES)
		j->len++;
}

static void cut(struct judged *j)
{
	j->len -= roll(chance(70) ? 20 : j->len);
}

void mutate(struct judged *j)
{
	static void (*const changes[])(struct judged * j, const struct places *p) = {change_tcp,
		change_tcp, change_size, change_length, change_ip, change_frame, change_outer};
	struct places p;

	for (unsigned int n = roll(4); n > 0 && find_places(j, &p) && j->len < LONGEST; n--) {
		if (chance(5))
			cut(j);
		else
			changes[roll(sizeof(changes) / sizeof(changes[0]))](j, &p);
		if (chance(95) && j->len >= p.ip + 20 && !p.v6)
			fix_sum(j->b + p.ip);
		if (chance(95) && j->len >= 34 && p.outer && !p.outer_v6)
			fix_sum(j->b + 14);
	}
	if (chance(15) && j->port != UPLINK_ID && find_places(j, &p))
		make_gso(j, &p);
}

static void addr_to_v6(struct weft_addr *a)
{
	static const uint8_t ours[3] = {192, 0, 2};

	if (weft_addr_is_v4(a) && memcmp(a->b + 12, ours, sizeof(ours)) == 0)
		*a = (struct weft_addr){.b = {0x20, 0x01, 0x0d, 0xb8, [15] = a->b[15]}};
}

static void setup_to_v6(struct setup *c)
{
	for (unsigned int i = 0; i < c->n_local_vtep; i++)
		addr_to_v6(&c->local_vtep[i].addr);
	for (unsigned int i = 0; i < c->n_vtep; i++) {
		addr_to_v6(&c->vtep[i].local);
		addr_to_v6(&c->vtep[i].remote);
	}
	for (unsigned int i = 0; i < c->n_flood; i++)
		addr_to_v6(&c->flood[i].remote);
	for (unsigned int i = 0; i < c->n_fdb; i++)
		addr_to_v6(&c->fdb[i].remote);
}

static void event_to_v6(struct event *e)
{
	uint8_t head[OUTER_V6] = {0}, *ip = head + 14;
	uint32_t datagram = e->len - 34;

	if (e->commit || e->port != UPLINK_ID || e->len < OUTER || read16(e->b + 12) != 0x0800 ||
		e->b[23] != 17 || e->len + OUTER_V6 - OUTER > sizeof(e->b))
		return;
	memcpy(head, e->b, 12);
	set16(head + 12, 0x86dd);
	ip[0] = 0x60 | e->b[15] >> 4;
	ip[1] = e->b[15] << 4;
	set16(ip + 4, datagram);
	ip[6] = 17;
	ip[7] = e->b[22];
	for (unsigned int i = 0; i < 2; i++) {
		struct weft_addr a = weft_addr_from_v4(e->b + 26 + 4 * i);

		addr_to_v6(&a);
		memcpy(ip + 8 + 16 * i, &a, sizeof(a));
	}
	memmove(e->b + OUTER_V6 - 16, e->b + 34, datagram);
	memcpy(e->b, head, OUTER_V6 - 16);
	e->len += OUTER_V6 - OUTER;
}

void scenario_to_v6(struct scenario *s)
{
	for (unsigned int i = 0; i < s->n_versions; i++)
		setup_to_v6(&s->version[i]);
	for (unsigned int i = 0; i < s->n_events; i++)
		event_to_v6(&s->event[i]);
}

static void setup_to_plain(struct setup *c)
{
	for (unsigned int i = 0; i < c->n_port; i++) {
		c->port[i].n_rulesets = 0;
		c->port[i].flags &= ~WEFT_PORT_DEFAULT_DENY;
	}
}

static void setup_to_learning(struct setup *c)
{
	for (unsigned int i = 0; i < c->n_segment; i++) {
		c->segment[i].max_learned = 64;
		c->segment[i].flags |= WEFT_SEGMENT_LEARN_WIRE;
	}
	for (unsigned int i = 0; i < c->n_port; i++) {
		if (c->port[i].role != WEFT_ROLE_TENANT || (c->port[i].flags & WEFT_PORT_ANTISPOOF))
			continue;
		c->port[i].flags |= WEFT_PORT_LEARN;
		c->port[i].max_learned = 16;
	}
}

void scenario_to_plain(struct scenario *s, bool always)
{
	for (unsigned int i = 0; i < s->n_versions; i++) {
		if (always || i % 2 == 0)
			setup_to_plain(&s->version[i]);
		setup_to_learning(&s->version[i]);
	}
}
