/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Naive builders of frames.
 */
#include <string.h>

#include "build.h"

void set16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

void set32(uint8_t *p, uint32_t v)
{
	set16(p, v >> 16);
	set16(p + 2, v);
}

uint16_t read16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

uint32_t read32(const uint8_t *p)
{
	return (uint32_t)read16(p) << 16 | read16(p + 2);
}

uint16_t naive_sum(const uint8_t *b, uint32_t len, uint32_t start)
{
	uint64_t sum = start;

	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 ? b[i] : b[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

void naive_l4_sum(uint8_t *ip, uint8_t proto, uint8_t *l4, uint32_t len, unsigned int field)
{
	uint32_t sum = 0;

	if (proto != 1) {
		bool is_v6 = ip[0] >> 4 == 6;
		const uint8_t *addrs = is_v6 ? ip + 8 : ip + 12;

		for (unsigned int i = 0; i < (is_v6 ? 32 : 8); i += 2)
			sum += read16(addrs + i);
		sum += proto + len;
	}
	set16(l4 + field, 0);
	set16(l4 + field, naive_sum(l4, len, sum));
}

static uint32_t build_ipv4(uint8_t *b, const struct packet *p)
{
	memset(b, 0, 20);
	b[0] = 0x45;
	b[1] = p->tos;
	set16(b + 2, 20 + p->l4_len);
	set16(b + 4, p->id);
	set16(b + 6, (p->df ? 0x4000 : 0) | (p->more ? 0x2000 : 0) | p->offset / 8);
	b[8] = p->no_ttl ? 0 : p->ttl ? p->ttl : 64;
	b[9] = p->proto;
	memcpy(b + 12, p->src.b + 12, 4);
	memcpy(b + 16, p->dst.b + 12, 4);
	set16(b + 10, naive_sum(b, 20, 0));
	return 20;
}

/* Adds a header of that type; *next is where its predecessor says what comes. */
static uint32_t add_ext(uint8_t *b, uint32_t at, uint32_t *next, uint8_t type)
{
	b[*next] = type;
	memset(b + at, 0, 8);
	b[at + 2] = 1; /* PadN */
	b[at + 3] = 4;
	*next = at;
	return at + 8;
}

static uint32_t build_ipv6(uint8_t *b, const struct packet *p)
{
	uint32_t at = 40, next = 6;

	memset(b, 0, 40);
	b[0] = 0x60 | p->tos >> 4;
	b[1] = p->tos << 4;
	b[7] = p->no_ttl ? 0 : p->ttl ? p->ttl : 64;
	memcpy(b + 8, p->src.b, 16);
	memcpy(b + 24, p->dst.b, 16);
	for (unsigned int i = 0; i < p->n_ext; i++)
		at = add_ext(b, at, &next, i == 0 && p->ext_type == 0 ? 0 : 60);
	if (p->fragment) {
		at = add_ext(b, at, &next, 44);
		set16(b + at - 6, p->offset | p->more);
		set32(b + at - 4, p->id);
	}
	b[next] = p->proto;
	set16(b + 4, at - 40 + p->l4_len);
	return at;
}

uint32_t build_packet(uint8_t *b, const struct packet *p)
{
	bool is_v4 = weft_addr_is_v4(&p->src);
	uint32_t at = 14;

	memcpy(b, &p->dmac, 6);
	memcpy(b + 6, &p->smac, 6);
	if (p->vlan) {
		set16(b + 12, 0x8100);
		set16(b + 14, p->vlan);
		at = 18;
	}
	set16(b + at - 2, is_v4 ? 0x0800 : 0x86dd);
	at += is_v4 ? build_ipv4(b + at, p) : build_ipv6(b + at, p);
	if (p->l4_len)
		memcpy(b + at, p->l4, p->l4_len);
	return at + p->l4_len;
}

uint32_t build_outer(uint8_t *b, uint32_t len, const struct weft_addr *src,
	const struct weft_addr *dst, const struct weft_mac *dmac, const struct weft_mac *smac,
	uint32_t vni)
{
	uint8_t head[OUTER] = {0};
	struct packet outer = {
		.dmac = *dmac, .smac = *smac, .src = *src, .dst = *dst, .proto = 17, .df = true};

	memmove(b + OUTER, b, len);
	outer.l4_len = 0;
	build_packet(head, &outer);
	set16(head + 16, 36 + len);
	set16(head + 24, 0);
	set16(head + 24, naive_sum(head + 14, 20, 0));
	set16(head + 34, 50000);
	set16(head + 36, 4789);
	set16(head + 38, 16 + len);
	head[42] = 8;
	set32(head + 46, vni << 8);
	memcpy(b, head, OUTER);
	return OUTER + len;
}
