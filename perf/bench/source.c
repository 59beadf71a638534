/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The source and the sink: as cheap as a device in memory can be, so that what is measured on top
 * is the pipeline. Their own cost is measured by rx straight into tx and subtracted.
 */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_memcpy.h>
#include <rte_udp.h>

#include <core/mem.h>
#include <pkt/cksum.h>

#include "bench.h"

#define SINK_QUEUES 2 /* workers need not wait for each other */

struct source {
	const struct bench_traffic *traffic; /* NULL: as much as is asked for, all alike */
	uint8_t frame[BENCH_FRAME_MAX];
	unsigned int len;
	enum bench_vary vary;
	unsigned int at;
	uint32_t n;
	uint32_t next;
};

struct weft_mac bench_mac(uint32_t n)
{
	return (struct weft_mac){.b = {2, 0, n >> 24, n >> 16, n >> 8, n}};
}

static int source_open(struct port *p, int fd)
{
	p->priv = rte_zmalloc("source", sizeof(struct source), RTE_CACHE_LINE_SIZE);
	if (!p->priv)
		return port_fail(p, ENOMEM, "out of memory");
	p->n_rxq = 1;
	p->n_txq = SINK_QUEUES;
	p->offloads = PORT_OFFLOAD_MULTISEG;
	p->max_frame = WEFT_MTU_MAX + PORT_FRAME_OVERHEAD;
	port_set_link(p, true);
	return 0;
}

static void source_close(struct port *p)
{
	rte_free(p->priv);
}

/* Moves on by a step that visits all n in no order that a prefetcher knows. */
static inline uint32_t source_next(struct source *s)
{
	uint32_t i;

	s->next += 0x9e3779b1u;
	i = ((uint64_t)s->next * s->n) >> 32;
	return s->vary == BENCH_VARY_MAC ? i : (i >> 15) << 16 | 0x8000 | (i & 0x7fff);
}

static uint16_t source_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct source *s = p->priv;
	const struct bench_traffic *t = s->traffic;

	if (t && t->allow)
		n = t->allow(t->arg, n);
	if (n == 0 || rte_pktmbuf_alloc_bulk(mem_pools.packet, pkts, n) != 0)
		return 0;
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *data = rte_pktmbuf_mtod(pkts[i], uint8_t *);
		uint32_t field = rte_cpu_to_be_32(source_next(s));

		rte_memcpy(data, s->frame, s->len);
		memcpy(data + s->at, &field, sizeof(field));
		pkts[i]->data_len = s->len;
		pkts[i]->pkt_len = s->len;
		if (t && t->change)
			t->change(t->arg, pkts[i]);
	}
	return n;
}

static uint16_t sink_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct source *s = p->priv;

	if (s->traffic && s->traffic->sent)
		s->traffic->sent(s->traffic->arg, pkts, n);
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static const struct port_ops source_ops = {
	.kind = WEFT_PORT_FAKE,
	.open = source_open,
	.close = source_close,
	.rx = source_rx,
	.tx = sink_tx,
};

void bench_port_register(void)
{
	port_ops_register(&source_ops);
}

void bench_port_load(struct port *p, const uint8_t *frame, unsigned int len, enum bench_vary vary,
	unsigned int at, unsigned int n)
{
	struct source *s = p->priv;

	memcpy(s->frame, frame, len);
	s->len = len;
	s->vary = vary;
	s->at = at;
	s->n = n;
}

void bench_port_traffic(struct port *p, const struct bench_traffic *t)
{
	struct source *s = p->priv;

	s->traffic = t;
}

static void put_ipv4(uint8_t *at, const uint8_t *src, const uint8_t *dst, unsigned int payload)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(*ip) + sizeof(*udp) + payload),
		.time_to_live = 64,
		.next_proto_id = 17,
	};
	memcpy(&ip->src_addr, src, 4);
	memcpy(&ip->dst_addr, dst, 4);
	cksum_ipv4_set(ip);
	udp->dgram_len = rte_cpu_to_be_16(sizeof(*udp) + payload);
	udp->dgram_cksum = 0;
}

static unsigned int put_ether(uint8_t *at, const struct weft_mac *src, const struct weft_mac *dst)
{
	memcpy(at, dst->b, 6);
	memcpy(at + 6, src->b, 6);
	at[12] = 8;
	at[13] = 0;
	return 14;
}

unsigned int bench_frame(uint8_t *buf, const struct weft_mac *src, const struct weft_mac *dst)
{
	static const uint8_t from[4] = {10, 0, 0, 1}, to[4] = {10, 0, 0, 2};
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(buf + 34);

	memset(buf, 0, 60);
	put_ether(buf, src, dst);
	put_ipv4(buf + 14, from, to, 18);
	udp->src_port = rte_cpu_to_be_16(1000);
	udp->dst_port = rte_cpu_to_be_16(2000);
	return 60;
}

void bench_vxlan_header(uint8_t *buf, uint32_t vni, unsigned int inner)
{
	static const uint8_t from[4] = {192, 0, 2, 2}, to[4] = {192, 0, 2, 1};
	struct weft_mac here = {.b = {2, 0xaa, 0, 0, 0, 1}}, there = {.b = {2, 0xaa, 0, 0, 0, 2}};
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(buf + 34);
	const uint8_t vxlan[8] = {8, 0, 0, 0, vni >> 16, vni >> 8, vni, 0};

	put_ether(buf, &there, &here);
	put_ipv4(buf + 14, from, to, sizeof(vxlan) + inner);
	udp->src_port = rte_cpu_to_be_16(50000);
	udp->dst_port = rte_cpu_to_be_16(4789);
	memcpy(buf + 42, vxlan, sizeof(vxlan));
}

unsigned int bench_vxlan_frame(uint8_t *buf, const struct weft_mac *src, const struct weft_mac *dst)
{
	unsigned int inner = bench_frame(buf + 50, src, dst);

	bench_vxlan_header(buf, 100, inner);
	return 50 + inner;
}
