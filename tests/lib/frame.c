/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/mem.h>

#include "frame.h"

void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

uint16_t naive_cksum(const uint8_t *b, uint32_t len, uint32_t start)
{
	uint64_t sum = start;

	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 ? b[i] : b[i] << 8;
	while (sum > 0xffff)
		sum = sum / 0x10000 + sum % 0x10000;
	return 0xffff - sum;
}

void frame_fix_ipv4(struct frame *f, uint32_t l3_off)
{
	uint8_t *ip = f->b + l3_off;

	put16(ip + 10, 0);
	put16(ip + 10, naive_cksum(ip, (ip[0] & 15) * 4, 0));
}

static uint32_t naive_pseudo(const uint8_t *ip, uint32_t len, uint8_t proto)
{
	uint8_t p[40] = {0};

	if (ip[0] >> 4 == 4) {
		memcpy(p, ip + 12, 8);
		put32(p + 8, len);
		p[15] = proto;
		return 0xffff - naive_cksum(p, 16, 0);
	}
	memcpy(p, ip + 8, 32);
	put32(p + 32, len);
	p[39] = proto;
	return 0xffff - naive_cksum(p, 40, 0);
}

static uint32_t cksum_field(uint8_t proto)
{
	return proto == 6 ? 16 : proto == 17 ? 6 : 2;
}

uint16_t frame_l4_cksum(
	const uint8_t *b, uint32_t l3_off, uint32_t l4_off, uint32_t len, uint8_t proto)
{
	static uint8_t copy[FRAME_MAX];
	uint32_t start = proto == 1 ? 0 : naive_pseudo(b + l3_off, len, proto);
	uint16_t sum;

	memcpy(copy, b + l4_off, len);
	put16(copy + cksum_field(proto), 0);
	sum = naive_cksum(copy, len, start);
	return sum == 0 && proto == 17 ? 0xffff : sum;
}

static uint8_t *add(struct frame *f, uint32_t n)
{
	uint8_t *p = f->b + f->len;

	assert(f->len + n <= FRAME_MAX);
	memset(p, 0, n);
	f->len += n;
	return p;
}

static void add_ethernet(struct frame *f, const struct frame_spec *s)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

	memcpy(add(f, 12), macs, 12);
	for (int i = 0; i < s->n_vlans; i++) {
		uint8_t *tag = add(f, 4);

		put16(tag, i + 1 == s->n_vlans ? 0x8100 : 0x88a8);
		put16(tag + 2, 0x2000 + 100 + i);
	}
	put16(add(f, 2), s->v6 ? 0x86dd : 0x0800);
}

static void add_ipv4(struct frame *f, const struct frame_spec *s, uint8_t proto)
{
	uint8_t *ip = add(f, 20 + s->n_ip_options * 4);

	ip[0] = 0x45 + s->n_ip_options;
	ip[1] = s->tos;
	put16(ip + 4, s->ip_id);
	put16(ip + 6, s->frag | (s->df ? 0x4000 : 0));
	ip[8] = 64;
	ip[9] = proto;
	put32(ip + 12, 0x0a000001);
	put32(ip + 16, 0x0a000002);
	memset(ip + 20, 1, s->n_ip_options * 4); /* no-operation */
}

static void add_ipv6(struct frame *f, const struct frame_spec *s, uint8_t proto)
{
	uint8_t *ip = add(f, 40);

	put32(ip, 6u << 28 | (uint32_t)s->tos << 20 | 0x12345);
	ip[6] = s->ext_len ? s->ext_proto : proto;
	ip[7] = 64;
	put16(ip + 8, 0xfd00);
	ip[23] = 1;
	put16(ip + 24, 0xfd00);
	ip[39] = 2;
	if (s->ext_len) {
		uint8_t *ext = add(f, s->ext_len);

		memcpy(ext, s->ext, s->ext_len);
		ext[s->ext_last] = proto;
	}
}

static void add_l4(struct frame *f, const struct frame_spec *s, uint8_t proto)
{
	uint16_t sport = s->sport ? s->sport : 1000, dport = s->dport ? s->dport : 2000;
	uint8_t *l4;

	if (proto == 6) {
		l4 = add(f, 20 + s->n_tcp_options * 4);
		put32(l4 + 4, s->seq ? s->seq : 0xfffffe00);
		put32(l4 + 8, 77777);
		l4[12] = (5 + s->n_tcp_options) << 4;
		l4[13] = s->tcp_flags ? s->tcp_flags : 0x10;
		put16(l4 + 14, 0x4000);
		memset(l4 + 20, 1, s->n_tcp_options * 4);
	} else if (proto == 17) {
		l4 = add(f, 8);
		put16(l4 + 4, 8 + s->payload);
	} else if (proto == 1 || proto == 58) {
		l4 = add(f, 8);
		put16(l4 + 4, dport);
		put16(l4, s->sport ? s->sport : proto == 1 ? 0x0800 : 0x8000);
		return;
	} else {
		return;
	}
	put16(l4, sport);
	put16(l4 + 2, dport);
}

static void fix_l4(struct frame *f, uint32_t l3_off, uint32_t l4_off, uint8_t proto, bool partial)
{
	uint32_t len = f->len - l4_off;
	uint8_t *field = f->b + l4_off + cksum_field(proto);

	if (proto != 6 && proto != 17 && proto != 1 && proto != 58)
		return;
	if (partial)
		put16(field, naive_pseudo(f->b + l3_off, len, proto));
	else
		put16(field, frame_l4_cksum(f->b, l3_off, l4_off, len, proto));
}

void frame_make(struct frame *f, const struct frame_spec *s)
{
	uint8_t proto = s->proto ? s->proto : 17, *payload;
	uint32_t l3_off, l4_off;

	f->len = 0;
	add_ethernet(f, s);
	l3_off = f->len;
	if (s->v6)
		add_ipv6(f, s, proto);
	else
		add_ipv4(f, s, proto);
	l4_off = f->len;
	add_l4(f, s, proto);
	payload = add(f, s->payload);
	for (uint32_t i = 0; i < s->payload; i++)
		payload[i] = i * 7 + 3;
	if (s->v6) {
		put16(f->b + l3_off + 4, f->len - l3_off - 40);
	} else {
		put16(f->b + l3_off + 2, f->len - l3_off);
		frame_fix_ipv4(f, l3_off);
	}
	fix_l4(f, l3_off, l4_off, proto, s->partial);
}

void frame_vxlan(struct frame *f, bool v6, uint32_t vni, uint8_t tos, const struct frame *inner)
{
	static const uint8_t macs[12] = {2, 0xaa, 0, 0, 0, 2, 2, 0xaa, 0, 0, 0, 1};
	uint8_t *ip, *udp;

	f->len = 0;
	memcpy(add(f, 12), macs, 12);
	put16(add(f, 2), v6 ? 0x86dd : 0x0800);
	ip = add(f, v6 ? 40 : 20);
	if (v6) {
		put32(ip, 6u << 28 | (uint32_t)tos << 20);
		put16(ip + 4, 16 + inner->len);
		ip[6] = 17;
		ip[7] = 64;
		put32(ip + 8, 0x20010db8);
		ip[23] = 1;
		put32(ip + 24, 0x20010db8);
		ip[39] = 2;
	} else {
		ip[0] = 0x45;
		ip[1] = tos;
		put16(ip + 2, 36 + inner->len);
		put16(ip + 6, 0x4000);
		ip[8] = 64;
		ip[9] = 17;
		put32(ip + 12, 0xc0000201);
		put32(ip + 16, 0xc0000202);
		frame_fix_ipv4(f, 14);
	}
	udp = add(f, 16);
	put16(udp, 50000);
	put16(udp + 2, 4789);
	put16(udp + 4, 16 + inner->len);
	udp[8] = 0x08;
	put32(udp + 12, vni << 8);
	memcpy(add(f, inner->len), inner->b, inner->len);
}

void test_pools(unsigned int n)
{
	if (mem_init(n) < 0) {
		printf("no memory for %u packets\n", n);
		exit(1);
	}
}

bool test_pools_full(void)
{
	return rte_mempool_full(mem_pools.packet) && rte_mempool_full(mem_pools.indirect) &&
	       rte_mempool_full(mem_pools.huge);
}

struct rte_mbuf *frame_mbuf(const uint8_t *b, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);

	assert(m);
	memset(rte_mbuf_to_priv(m), 0xee, MEM_PRIV_SIZE);
	memset(rte_mbuf_to_priv(m), 0, 16);
	memcpy(rte_pktmbuf_append(m, len), b, len);
	return m;
}

static void free_exact(void *addr, void *shinfo)
{
	free(addr);
	free(shinfo);
}

static struct rte_mbuf *exact(const uint8_t *b, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.indirect);
	struct rte_mbuf_ext_shared_info *shinfo = malloc(sizeof(*shinfo));
	uint8_t *copy = malloc(len ? len : 1);

	assert(m && shinfo && copy && len <= UINT16_MAX);
	memcpy(copy, b, len);
	memset(rte_mbuf_to_priv(m), 0xee, MEM_PRIV_SIZE);
	memset(rte_mbuf_to_priv(m), 0, 16);
	shinfo->free_cb = free_exact;
	shinfo->fcb_opaque = shinfo;
	rte_mbuf_ext_refcnt_set(shinfo, 1);
	rte_pktmbuf_attach_extbuf(m, copy, RTE_BAD_IOVA, len, shinfo);
	m->data_off = 0;
	m->data_len = len;
	m->pkt_len = len;
	return m;
}

struct rte_mbuf *frame_chain(const uint8_t *b, uint32_t len, const uint32_t *cuts, unsigned int n)
{
	struct rte_mbuf *head = NULL, **tail = &head;
	uint32_t from = 0;

	for (unsigned int i = 0; i <= n; i++) {
		uint32_t to = i < n ? cuts[i] : len;

		*tail = exact(b + from, to - from);
		tail = &(*tail)->next;
		from = to;
	}
	head->nb_segs = n + 1;
	head->pkt_len = len;
	return head;
}

struct rte_mbuf *frame_exact(const uint8_t *b, uint32_t len)
{
	return frame_chain(b, len, NULL, 0);
}

void frame_read(struct frame *f, const struct rte_mbuf *m)
{
	const struct rte_mbuf *head = m;
	unsigned int n = 0;

	f->len = 0;
	for (; m; m = m->next, n++) {
		assert(f->len + m->data_len <= FRAME_MAX);
		memcpy(f->b + f->len, rte_pktmbuf_mtod(m, void *), m->data_len);
		f->len += m->data_len;
	}
	assert(f->len == head->pkt_len);
	assert(n == head->nb_segs);
}

uint64_t test_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}
