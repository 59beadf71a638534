/* SPDX-License-Identifier: BSD-3-Clause */
/* See frames.h. */
#include <string.h>

#include <netinet/in.h>

#include "frames.h"

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* RFC 1071, as it is written there. */
static uint16_t checksum(const uint8_t *p, unsigned int len, uint32_t sum)
{
	for (unsigned int i = 0; i + 1 < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (len % 2)
		sum += p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static uint32_t sum_bytes(const uint8_t *p, unsigned int len)
{
	return (uint16_t)~checksum(p, len, 0);
}

static bool is_icmp(const struct flow *f)
{
	return f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6;
}

struct flow flow_make(bool v6, uint8_t proto)
{
	struct flow f = {
		.v6 = v6,
		.proto = v6 && proto == IPPROTO_ICMP ? IPPROTO_ICMPV6 : proto,
		.src_mac = {2, 0, 0, 0, 0, 1},
		.dst_mac = {2, 0, 0, 0, 0, 2},
		.sport = 40000,
		.dport = 80,
		.ttl = 64,
		.tcp_flags = 0x10,
		.seq = 1000,
		.ack = 5000,
		.win = 1000,
		.payload = 23,
	};

	if (v6) {
		f.src[0] = f.dst[0] = 0xfd;
		f.src[15] = 1;
		f.dst[15] = 2;
	} else {
		memcpy(f.src + 10, "\xff\xff\x0a\x00\x00\x01", 6);
		memcpy(f.dst + 10, "\xff\xff\x0a\x00\x01\x02", 6);
	}
	if (is_icmp(&f)) {
		f.icmp_type = v6 ? 128 : 8;
		f.dport = f.sport;
	}
	return f;
}

struct weft_bpf_key flow_key(const struct flow *f, uint32_t scope)
{
	struct weft_bpf_key k = {
		.sport = f->sport,
		.dport = f->dport,
		.scope = scope,
		.proto = f->proto,
		.icmp_type = f->icmp_type,
		.family = f->v6 ? 6 : 4,
	};

	memcpy(k.src, f->src, 16);
	memcpy(k.dst, f->dst, 16);
	return k;
}

void flow_tcp(struct session_tcp ret[2])
{
	ret[0] =
		(struct session_tcp){.start = 900, .end = 1000, .max_end = 25000, .max_win = 20000};
	ret[1] = (struct session_tcp){
		.start = 4900, .end = 5000, .max_end = 21000, .max_win = 20000};
}

/* Returns the length of the L4 header. */
static unsigned int put_l4(uint8_t *l4, const struct flow *f, unsigned int *ret_sum_at)
{
	if (is_icmp(f)) {
		l4[0] = f->icmp_type;
		put16(l4 + 4, f->sport);
		put16(l4 + 6, 1);
		*ret_sum_at = 2;
		return 8;
	}
	put16(l4, f->sport);
	put16(l4 + 2, f->dport);
	if (f->proto == IPPROTO_UDP) {
		put16(l4 + 4, 8 + f->payload);
		*ret_sum_at = 6;
		return 8;
	}
	put32(l4 + 4, f->seq);
	put32(l4 + 8, f->ack);
	l4[12] = 5 << 4;
	l4[13] = f->tcp_flags;
	put16(l4 + 14, f->win);
	*ret_sum_at = 16;
	return 20;
}

static void put_ip(uint8_t *ip, const struct flow *f, unsigned int l4_len)
{
	if (f->v6) {
		ip[0] = 0x60 | f->tos >> 4;
		ip[1] = f->tos << 4;
		put16(ip + 4, l4_len);
		ip[6] = f->proto;
		ip[7] = f->ttl;
		memcpy(ip + 8, f->src, 16);
		memcpy(ip + 24, f->dst, 16);
		return;
	}
	ip[0] = 0x45;
	ip[1] = f->tos;
	put16(ip + 2, 20 + l4_len);
	put16(ip + 4, 0x1234);
	ip[6] = 0x40;
	ip[8] = f->ttl;
	ip[9] = f->proto;
	memcpy(ip + 12, f->src + 12, 4);
	memcpy(ip + 16, f->dst + 12, 4);
	put16(ip + 10, checksum(ip, 20, 0));
}

void frame_ipv4_sum(struct frame *f, unsigned int off)
{
	put16(f->b + off + 10, 0);
	put16(f->b + off + 10, checksum(f->b + off, 20, 0));
}

struct frame frame_make(const struct flow *f)
{
	unsigned int ip_size = f->v6 ? 40 : 20, sum_at, l4_len;
	struct frame r = {0};
	uint8_t *l4 = r.b + 14 + ip_size;
	uint32_t sum;

	memcpy(r.b, f->dst_mac, 6);
	memcpy(r.b + 6, f->src_mac, 6);
	put16(r.b + 12, f->v6 ? 0x86dd : 0x0800);
	l4_len = put_l4(l4, f, &sum_at);
	for (unsigned int i = 0; i < f->payload; i++)
		l4[l4_len + i] = i * 7;
	l4_len += f->payload;
	put_ip(r.b + 14, f, l4_len);
	sum = f->proto == IPPROTO_ICMP
		      ? 0
		      : sum_bytes(f->src + (f->v6 ? 0 : 12), f->v6 ? 16 : 4) +
				sum_bytes(f->dst + (f->v6 ? 0 : 12), f->v6 ? 16 : 4) + f->proto +
				l4_len;
	put16(l4 + sum_at, checksum(l4, l4_len, sum));
	r.len = 14 + ip_size + l4_len;
	return r;
}

struct weft_bpf_tunnel tunnel_make(bool v6, uint32_t ifindex)
{
	struct weft_bpf_tunnel t = {
		.uplink_ifindex = ifindex,
		.flags = v6 ? WEFT_BPF_TUNNEL_V6 : 0,
	};
	uint8_t *ip = t.hdr + 14, *udp = ip + (v6 ? 40 : 20);

	if (v6) {
		memcpy(t.local.b, "\x20\x01\x0d\xb8", 4);
		t.remote = t.local;
		t.local.b[15] = 1;
		t.remote.b[15] = 2;
		ip[0] = 0x60;
		ip[6] = 17;
		ip[7] = 64;
		memcpy(ip + 8, t.local.b, 16);
		memcpy(ip + 24, t.remote.b, 16);
	} else {
		memcpy(t.local.b + 10, "\xff\xff\xc0\x00\x02\x01", 6);
		memcpy(t.remote.b + 10, "\xff\xff\xc0\x00\x02\x02", 6);
		ip[0] = 0x45;
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = 17;
		memcpy(ip + 12, t.local.b + 12, 4);
		memcpy(ip + 16, t.remote.b + 12, 4);
		/* in memory order, as the data plane has it */
		t.ip_cksum = htons(sum_bytes(ip, 20));
	}
	memcpy(t.hdr, "\x02\xff\x00\x00\x00\x02\x02\xff\x00\x00\x00\x01", 12);
	put16(t.hdr + 12, v6 ? 0x86dd : 0x0800);
	put16(udp + 2, 4789);
	udp[8] = 0x08;
	return t;
}

static void swap(uint8_t *a, uint8_t *b, unsigned int len)
{
	uint8_t copy[16];

	memcpy(copy, a, len);
	memcpy(a, b, len);
	memcpy(b, copy, len);
}

struct frame frame_encap(const struct frame *f, const struct weft_bpf_tunnel *t, bool back,
	uint32_t vni, uint32_t hash, uint8_t tos)
{
	bool v6 = t->flags & WEFT_BPF_TUNNEL_V6;
	unsigned int size = v6 ? WEFT_BPF_OUTER_V6 : WEFT_BPF_OUTER_V4;
	struct frame r = {.len = f->len + size};
	uint8_t *ip = r.b + 14, *udp = ip + (v6 ? 40 : 20);

	memcpy(r.b, t->hdr, size);
	memcpy(r.b + size, f->b, f->len);
	put16(udp, 0xc000 | ((hash ^ hash >> 16) & 0x3fff));
	put16(udp + 4, f->len + 16);
	put32(udp + 12, vni << 8);
	if (back)
		swap(r.b, r.b + 6, 6);
	if (v6) {
		put32(ip, 6u << 28 | (uint32_t)tos << 20 | (hash & 0xfffff));
		put16(ip + 4, f->len + 16);
		if (back)
			swap(ip + 8, ip + 24, 16);
		return r;
	}
	ip[1] = tos;
	put16(ip + 2, f->len + 36);
	if (back)
		swap(ip + 12, ip + 16, 4);
	frame_ipv4_sum(&r, 14);
	return r;
}
