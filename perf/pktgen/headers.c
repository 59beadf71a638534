/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "headers.h"

#define ETH_SIZE   14
#define UDP_SIZE   8
#define VXLAN_SIZE 8
#define TCP_ACK	   0x10
#define TCP_SYN	   0x02

static void put16(uint8_t *p, uint16_t v)
{
	v = htons(v);
	memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, sizeof(v));
}

uint16_t headers_sum(const void *p, uint32_t n)
{
	const uint8_t *b = p;
	uint64_t sum = 0;
	uint32_t word;

	/* A word of 32 bits counts as its two halves: they are folded at last. */
	for (; n >= sizeof(word); n -= sizeof(word), b += sizeof(word)) {
		memcpy(&word, b, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, b, n);
	sum += word;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t ip_size(bool v6)
{
	return v6 ? 40 : 20;
}

void headers_layout(const struct stream_spec *s, struct headers_layout *ret)
{
	bool v6 = s->ip == 6, outer_v6 = !weft_addr_is_v4(&s->outer_src_ip);
	struct headers_layout l = {0};

	if (s->encap == ENCAP_VXLAN) {
		uint32_t udp = ETH_SIZE + ip_size(outer_v6);

		l.outer_src_ip = ETH_SIZE + (outer_v6 ? 8 + 12 : 12);
		l.outer_ip_sum = outer_v6 ? 0 : ETH_SIZE + 10;
		l.outer_src_port = udp;
		l.vni = udp + UDP_SIZE + 4;
		l.l2 = udp + UDP_SIZE + VXLAN_SIZE;
	}
	l.dst_mac = l.l2 + 2;
	l.src_mac = l.l2 + 8;
	l.l3 = l.l2 + ETH_SIZE;
	l.src_ip = l.l3 + (v6 ? 8 + 12 : 12);
	l.dst_ip = l.l3 + (v6 ? 24 + 12 : 16);
	l.ip_sum = v6 ? 0 : l.l3 + 10;
	l.l4 = l.l3 + ip_size(v6);
	l.l4_sum = l.l4 + (s->proto == STREAM_UDP ? 6 : s->proto == STREAM_TCP ? 16 : 2);
	l.ports = l.l4 + (s->proto == STREAM_ICMP ? 4 : 0);
	l.size = l.l2 + profile_header_size(s);
	*ret = l;
}

static void put_ethernet(
	uint8_t *p, const struct weft_mac *src, const struct weft_mac *dst, bool v6)
{
	memcpy(p, dst->b, 6);
	memcpy(p + 6, src->b, 6);
	put16(p + 12, v6 ? 0x86dd : 0x0800);
}

struct ip_fields {
	const struct weft_addr *src, *dst;
	uint8_t proto, ttl, tos;
};

/* An IP header without its checksum, for len bytes behind it. */
static void put_ip(uint8_t *p, const struct ip_fields *f, uint32_t len)
{
	if (weft_addr_is_v4(f->src)) {
		p[0] = 0x45;
		p[1] = f->tos;
		put16(p + 2, 20 + len);
		put16(p + 6, 0x4000); /* don't fragment */
		p[8] = f->ttl;
		p[9] = f->proto;
		memcpy(p + 12, &f->src->b[12], 4);
		memcpy(p + 16, &f->dst->b[12], 4);
		return;
	}
	put32(p, 6u << 28 | (uint32_t)f->tos << 20);
	put16(p + 4, len);
	p[6] = f->proto;
	p[7] = f->ttl;
	memcpy(p + 8, f->src->b, 16);
	memcpy(p + 24, f->dst->b, 16);
}

static uint8_t ip_proto(const struct stream_spec *s)
{
	if (s->proto == STREAM_ICMP)
		return s->ip == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	return s->proto == STREAM_TCP ? IPPROTO_TCP : IPPROTO_UDP;
}

static void put_l4(uint8_t *p, const struct stream_spec *s, uint32_t len)
{
	switch (s->proto) {
	case STREAM_UDP:
		put16(p + 4, len);
		break;
	case STREAM_TCP:
		/* A connection's first number is its own. */
		put32(p + 4, s->kind == STREAM_CONNECTIONS ? 0 : 1);
		put32(p + 8, s->syn ? 0 : 1);
		p[12] = 5 << 4;
		p[13] = s->syn ? TCP_SYN : TCP_ACK;
		put16(p + 14, 65535);
		break;
	case STREAM_ICMP:
		p[0] = s->ip == 6 ? 128 : 8; /* echo request */
		break;
	}
}

/* The sum of the pseudo-header without the last 4 bytes of each address. ICMPv4 has none. */
static uint16_t pseudo_sum(const uint8_t *ip, const struct stream_spec *s, uint32_t len)
{
	uint32_t sum = htons(ip_proto(s)) + htons(len);

	if (s->proto == STREAM_ICMP && s->ip == 4)
		return 0;
	if (s->ip == 6)
		sum += headers_sum(ip + 8, 12) + headers_sum(ip + 24, 12);
	return headers_fold(sum);
}

static void build_outer(const struct stream_spec *s, const struct headers_layout *l, uint32_t size,
	struct headers *h)
{
	struct ip_fields ip = {&s->outer_src_ip, &s->outer_dst_ip, IPPROTO_UDP, 64, 0};
	bool v6 = !weft_addr_is_v4(&s->outer_src_ip);
	uint8_t *udp = h->bytes + l->outer_src_port;

	put_ethernet(h->bytes, &s->outer_src_mac, &s->outer_dst_mac, v6);
	put_ip(h->bytes + ETH_SIZE, &ip, UDP_SIZE + VXLAN_SIZE + size);
	memset(h->bytes + l->outer_src_ip, 0, 4);
	if (!v6)
		h->outer_ip_sum = headers_sum(h->bytes + ETH_SIZE, 20);
	/* The checksum is zero, over IPv6 too (RFC 7348 section 4.1, RFC 6935). */
	put16(udp + 2, HEADERS_VXLAN_UDP);
	put16(udp + 4, UDP_SIZE + VXLAN_SIZE + size);
	udp[UDP_SIZE] = 0x08; /* the VNI is valid */
}

void headers_build(const struct stream_spec *s, const struct headers_layout *l, uint32_t size,
	struct headers *ret)
{
	struct ip_fields ip = {&s->src_ip, &s->dst_ip, ip_proto(s), s->ttl, s->tos};
	uint32_t l4_len = size - (l->l4 - l->l2);
	uint8_t *l3 = ret->bytes + l->l3;

	memset(ret, 0, sizeof(*ret));
	/* Connections are padded to the least frame. */
	if (s->kind == STREAM_CONNECTIONS)
		l4_len = l->size - l->l4;
	put_ethernet(ret->bytes + l->l2, &s->src_mac, &s->dst_mac, s->ip == 6);
	put_ip(l3, &ip, l4_len);
	memset(ret->bytes + l->src_ip, 0, 4);
	memset(ret->bytes + l->dst_ip, 0, 4);
	if (s->src_macs)
		memset(ret->bytes + l->src_mac, 0, 4);
	if (s->dst_macs)
		memset(ret->bytes + l->dst_mac, 0, 4);
	put_l4(ret->bytes + l->l4, s, l4_len);
	if (s->ip == 4)
		ret->ip_sum = headers_sum(l3, 20);
	ret->l4_sum = headers_fold(
		pseudo_sum(l3, s, l4_len) + headers_sum(ret->bytes + l->l4, l->size - l->l4));
	if (s->encap == ENCAP_VXLAN)
		build_outer(s, l, size, ret);
	ret->frame_size = l->l2 + size;
}
