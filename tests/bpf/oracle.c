/* SPDX-License-Identifier: BSD-3-Clause */
/* See oracle.h. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

static unsigned int get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static bool sum_ok(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += get16(ip + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static bool tcp_ok(const uint8_t *l4, unsigned int room, const struct flow *f)
{
	struct session_tcp t[2];
	unsigned int size;
	uint32_t end, ack;

	if (room < 20)
		return false;
	size = (l4[12] >> 4) * 4;
	if (size < 20 || size > room || get16(l4) != f->sport || get16(l4 + 2) != f->dport)
		return false;
	if ((l4[13] & 0x17) != 0x10)
		return false;
	flow_tcp(t);
	end = get32(l4 + 4) + room - size;
	ack = get32(l4 + 8);
	return (int32_t)(t[1].max_end + 1 - end) >= 0 &&
	       (int32_t)(end - (t[0].end - t[1].max_win - 2)) >= 0 &&
	       (int32_t)(t[1].end - ack) >= 0 &&
	       (int32_t)(ack - (t[1].end - t[0].max_win - 66000)) >= 0;
}

static bool l4_ok(const uint8_t *l4, unsigned int room, const struct flow *f)
{
	if (f->proto == IPPROTO_TCP)
		return tcp_ok(l4, room, f);
	if (room < 8)
		return false;
	if (f->proto == IPPROTO_UDP)
		return get16(l4) == f->sport && get16(l4 + 2) == f->dport && get16(l4 + 4) >= 8 &&
		       get16(l4 + 4) <= room;
	return l4[0] == f->icmp_type && l4[1] == 0 && get16(l4 + 4) == f->sport;
}

bool oracle_frame(const struct oracle *o, const uint8_t *b, unsigned int len)
{
	const struct flow *f = &o->flow;
	unsigned int size = f->v6 ? 40 : 20, total;
	const uint8_t *ip = b + 14;

	if (len < 14 + size || memcmp(b, f->dst_mac, 6) != 0 || memcmp(b + 6, f->src_mac, 6) != 0 ||
		get16(b + 12) != (f->v6 ? 0x86dd : 0x0800))
		return false;
	if (f->v6) {
		total = 40 + get16(ip + 4);
		if (ip[0] >> 4 != 6 || ip[6] != f->proto || memcmp(ip + 8, f->src, 16) != 0 ||
			memcmp(ip + 24, f->dst, 16) != 0)
			return false;
	} else {
		total = get16(ip + 2);
		if (ip[0] != 0x45 || (get16(ip + 6) & 0x3fff) || ip[9] != f->proto ||
			memcmp(ip + 12, f->src + 12, 4) != 0 ||
			memcmp(ip + 16, f->dst + 12, 4) != 0 || !sum_ok(ip))
			return false;
	}
	if (total < size || total > len - 14 || total > o->max_l3)
		return false;
	if (o->routed && ip[f->v6 ? 7 : 8] <= 1)
		return false;
	return l4_ok(ip + size, total - size, f);
}

/* RFC 6040 figure 4, by the cells that change something. */
static bool ecn_stays(unsigned int inner, unsigned int outer)
{
	static const bool changes[4][4] = {
		[0] = {[3] = true},
		[1] = {[3] = true},
		[2] = {[1] = true, [3] = true},
	};

	return !changes[inner & 3][outer & 3];
}

bool oracle_tunnel(const struct oracle *o, const struct weft_bpf_tunnel *t, uint32_t vni,
	const uint8_t *b, unsigned int len)
{
	bool v6 = t->flags & WEFT_BPF_TUNNEL_V6;
	unsigned int size = v6 ? 40 : 20, total, udp_len, tos, inner_tos;
	const uint8_t *ip = b + 14, *udp = ip + size, *inner = udp + 16;

	if (len < 14 + size + 16 + 14 || (b[0] & 1) || get16(b + 12) != (v6 ? 0x86dd : 0x0800))
		return false;
	if (v6) {
		total = 40 + get16(ip + 4);
		tos = get16(ip) >> 4 & 0xff;
		if (ip[0] >> 4 != 6 || ip[6] != 17 || memcmp(ip + 8, t->remote.b, 16) != 0 ||
			memcmp(ip + 24, t->local.b, 16) != 0)
			return false;
	} else {
		total = get16(ip + 2);
		tos = ip[1];
		if (ip[0] != 0x45 || (get16(ip + 6) & 0x3fff) || ip[9] != 17 ||
			memcmp(ip + 12, t->remote.b + 12, 4) != 0 ||
			memcmp(ip + 16, t->local.b + 12, 4) != 0 || !sum_ok(ip))
			return false;
	}
	udp_len = get16(udp + 4);
	if (total > len - 14 || total < size || udp_len < 16 || udp_len > total - size)
		return false;
	if (get16(udp + 2) != 4789 || get16(udp + 6) != 0 || !(udp[8] & 8) ||
		get32(udp + 12) >> 8 != vni)
		return false;
	if (!oracle_frame(o, inner, udp_len - 16))
		return false;
	inner_tos = o->flow.v6 ? get16(inner + 14) >> 4 & 0xff : inner[15];
	return ecn_stays(inner_tos, tos);
}

static void mutate_bytes(struct frame *f, unsigned int n)
{
	for (int k = random() % 3; k >= 0; k--) {
		unsigned int at = random() % (random() % 8 ? n : f->len);

		if (at >= f->len)
			continue;
		/* near what is right, or anything */
		if (random() % 2)
			f->b[at] += random() % 5 - 2;
		else
			f->b[at] = random();
	}
}

void mutate(struct frame *f, unsigned int n, unsigned int ip, unsigned int inner_ip)
{
	mutate_bytes(f, n);
	if (random() % 8 == 0) {
		unsigned int len = 14 + random() % (f->len + 20 - 14);

		if (len > f->len)
			memset(f->b + f->len, 0x55, len - f->len);
		f->len = len;
	}
	if (ip && random() % 4)
		frame_ipv4_sum(f, ip);
	if (inner_ip && random() % 4)
		frame_ipv4_sum(f, inner_ip);
}
