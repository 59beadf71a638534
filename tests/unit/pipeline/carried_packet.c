/* SPDX-License-Identifier: BSD-3-Clause */
/* See carried_packet.h. */
#include <netinet/in.h>
#include <string.h>

#include <pkt/cksum.h>

#include "carried_packet.h"

const struct weft_mac world_router_mac = {.b = {2, 0x57, 0, 0, 0, 1}};
const uint8_t world_remote_vtep[4] = {192, 0, 2, 2}, world_local_vtep[4] = {192, 0, 2, 1};

uint32_t host_vni(uint32_t host)
{
	return host <= 2 ? 100 : 101;
}

struct weft_mac host_mac(uint32_t host)
{
	return (struct weft_mac){.b = {2, 0, 0, 0, 0, host}};
}

struct weft_addr host_addr(uint32_t host, bool v4)
{
	struct weft_addr a = {.b = {0xfd, [3] = host_vni(host) - 100, [15] = host}};

	return v4 ? weft_addr_from_v4((const uint8_t[4]){10, 0, host_vni(host) - 100, host}) : a;
}

uint32_t packet_enters_by(const struct packet *p)
{
	return p->from == REMOTE ? UPLINK : p->from;
}

static void put16(uint8_t *b, uint16_t v)
{
	b[0] = v >> 8;
	b[1] = v;
}

static void put32(uint8_t *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b + 2, v);
}

static unsigned int put_l4(uint8_t *b, const struct packet *p)
{
	unsigned int size = p->proto == IPPROTO_TCP ? 20 : 8;

	memset(b, 0, size + p->payload);
	if (p->proto == IPPROTO_ICMP) {
		b[0] = p->v4 ? (p->answer ? 0 : 8) : 128 + p->answer;
		put16(b + 4, 777);
		return size + p->payload;
	}
	put16(b, p->answer ? 80 : 4000);
	put16(b + 2, p->answer ? 4000 : 80);
	if (p->proto == IPPROTO_UDP) {
		put16(b + 4, size + p->payload);
		return size + p->payload;
	}
	put32(b + 4, p->seq);
	put32(b + 8, p->ack);
	b[12] = 5 << 4;
	b[13] = p->tcp_flags;
	put16(b + 14, 50000);
	return size + p->payload;
}

static unsigned int put_ip(uint8_t *b, const struct packet *p)
{
	struct weft_addr src = host_addr(p->from, p->v4), dst = host_addr(p->to, p->v4);
	unsigned int len = put_l4(b + (p->v4 ? 20 : 40), p);

	if (!p->v4) {
		memset(b, 0, 40);
		b[0] = 0x60;
		put16(b + 4, len);
		b[6] = p->proto == IPPROTO_ICMP ? IPPROTO_ICMPV6 : p->proto;
		b[7] = 64;
		memcpy(b + 8, &src, 16);
		memcpy(b + 24, &dst, 16);
		return 40 + len;
	}
	memset(b, 0, 20);
	b[0] = 0x45;
	put16(b + 2, 20 + len);
	b[8] = 64;
	b[9] = p->proto;
	memcpy(b + 12, &src.b[12], 4);
	memcpy(b + 16, &dst.b[12], 4);
	cksum_ipv4_set(b);
	return 20 + len;
}

static void put_ether(uint8_t *b, const struct weft_mac *dst, const struct weft_mac *src, bool v4)
{
	memcpy(b, dst, 6);
	memcpy(b + 6, src, 6);
	put16(b + 12, v4 ? 0x0800 : 0x86dd);
}

/* Of len bytes at b + 50, which the other host's tunnel sends. */
static unsigned int put_outer(uint8_t *b, unsigned int len, uint32_t vni)
{
	struct weft_mac here = host_mac(0xdd), there = host_mac(0xee);

	memset(b, 0, 50);
	put_ether(b, &here, &there, true);
	b[14] = 0x45;
	put16(b + 16, 36 + len);
	b[22] = 64;
	b[23] = IPPROTO_UDP;
	memcpy(b + 26, world_remote_vtep, 4);
	memcpy(b + 30, world_local_vtep, 4);
	cksum_ipv4_set(b + 14);
	put16(b + 34, 50000);
	put16(b + 36, 4789);
	put16(b + 38, 16 + len);
	b[42] = 8;
	put32(b + 46, vni << 8);
	return 50 + len;
}

unsigned int packet_bytes(const struct packet *p, uint8_t *b)
{
	bool tunnel = p->from == REMOTE, routed = host_vni(p->from) != host_vni(p->to);
	struct weft_mac src = tunnel && routed ? world_router_mac : host_mac(p->from);
	struct weft_mac dst = !tunnel && routed ? world_router_mac : host_mac(p->to);
	uint8_t *frame = b + (tunnel ? 50 : 0);
	unsigned int len;

	put_ether(frame, &dst, &src, p->v4);
	len = 14 + put_ip(frame + 14, p);
	return tunnel ? put_outer(b, len, host_vni(p->to)) : len;
}
