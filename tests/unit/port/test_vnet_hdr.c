/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtio-net header: what is accepted, what is refused, that no header makes it write outside
 * of the frame; and the receive chains.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include <core/mem.h>

#include "rx_chain.h"
#include "test_eal.h"
#include "vnet_hdr.h"

#define L4 34 /* Ethernet and IPv4 */

static unsigned int free_packet, free_huge;

static int remember_pools(void **state)
{
	free_packet = rte_mempool_avail_count(mem_pools.packet);
	free_huge = rte_mempool_avail_count(mem_pools.huge);
	return 0;
}

static int pools_are_full(void **state)
{
	assert_int_equal(rte_mempool_avail_count(mem_pools.packet), free_packet);
	assert_int_equal(rte_mempool_avail_count(mem_pools.huge), free_huge);
	return 0;
}

/* len bytes in segments of at most seg bytes, IPv4 with that protocol. */
static struct rte_mbuf *frame(unsigned int len, unsigned int seg, uint8_t proto)
{
	uint8_t bytes[4096];
	struct rte_mbuf *head = NULL;

	assert_in_range(len, L4, sizeof(bytes));
	for (unsigned int i = 0; i < len; i++)
		bytes[i] = i * 31 + 7;
	bytes[12] = 0x08;
	bytes[13] = 0x00;
	bytes[14] = 0x45;
	bytes[23] = proto;
	for (unsigned int off = 0; off < len; off += seg) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);
		unsigned int n = RTE_MIN(seg, len - off);

		memcpy(rte_pktmbuf_append(m, n), bytes + off, n);
		if (head)
			rte_pktmbuf_chain(head, m);
		else
			head = m;
	}
	return head;
}

static struct virtio_net_hdr header(uint8_t gso_type, uint16_t gso_size, uint16_t csum_offset)
{
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = gso_type,
		.gso_size = gso_size,
		.csum_start = L4,
		.csum_offset = csum_offset};

	return h;
}

static void expect_rx(struct virtio_net_hdr h, unsigned int len, int result, uint64_t flags)
{
	struct rte_mbuf *m = frame(len, 2048, IPPROTO_TCP);

	assert_int_equal(vnet_hdr_rx(&h, m, false), result);
	if (result == 0)
		assert_int_equal(m->ol_flags, flags);
	if (flags & RTE_MBUF_F_RX_LRO)
		assert_int_equal(m->tso_segsz, h.gso_size);
	rte_pktmbuf_free(m);
}

static void metadata_of_valid_headers(void **state)
{
	const uint64_t partial = RTE_MBUF_F_RX_L4_CKSUM_NONE, gso = partial | RTE_MBUF_F_RX_LRO;
	const struct virtio_net_hdr none = {0}, valid = {.flags = VIRTIO_NET_HDR_F_DATA_VALID};

	expect_rx(none, 60, 0, 0);
	expect_rx(valid, 60, 0, 0);
	expect_rx(header(VIRTIO_NET_HDR_GSO_NONE, 0, 16), 100, 0, partial);
	expect_rx(header(VIRTIO_NET_HDR_GSO_NONE, 0, 6), 100, 0, partial);
	expect_rx(header(VIRTIO_NET_HDR_GSO_TCPV4, 1448, 16), 4000, 0, gso);
	expect_rx(header(VIRTIO_NET_HDR_GSO_TCPV6, 1428, 16), 4000, 0, gso);
	expect_rx(
		header(VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 1448, 16), 4000, 0, gso);
	expect_rx(header(VIRTIO_NET_HDR_GSO_UDP_L4, 1200, 6), 4000, 0, gso);
}

static void headers_that_lie_are_refused(void **state)
{
	struct virtio_net_hdr h = header(VIRTIO_NET_HDR_GSO_TCPV4, 1448, 16);

	/* the checksum field ends one byte behind the frame */
	expect_rx(header(VIRTIO_NET_HDR_GSO_NONE, 0, 16), L4 + 17, -EINVAL, 0);
	expect_rx(header(VIRTIO_NET_HDR_GSO_NONE, 0, 16), L4 + 18, 0, RTE_MBUF_F_RX_L4_CKSUM_NONE);
	expect_rx(header(VIRTIO_NET_HDR_GSO_NONE, 0, 0xffff), 100, -EINVAL, 0);
	h.csum_start = 0xffff;
	expect_rx(h, 100, -EINVAL, 0);
	h.csum_start = 13; /* inside of the Ethernet header */
	expect_rx(h, 100, -EINVAL, 0);
	/* GSO without size, without a partial checksum, of another protocol, or unknown */
	expect_rx(header(VIRTIO_NET_HDR_GSO_TCPV4, 0, 16), 4000, -EINVAL, 0);
	expect_rx(header(VIRTIO_NET_HDR_GSO_TCPV4, 1448, 6), 4000, -EINVAL, 0);
	expect_rx(header(VIRTIO_NET_HDR_GSO_UDP_L4, 1448, 16), 4000, -EINVAL, 0);
	expect_rx(header(VIRTIO_NET_HDR_GSO_UDP, 1448, 6), 4000, -EINVAL, 0);
	expect_rx(header(2, 1448, 16), 4000, -EINVAL, 0);
	expect_rx(header(0x7f, 1448, 16), 4000, -EINVAL, 0);
	h = header(VIRTIO_NET_HDR_GSO_TCPV4, 1448, 16);
	h.flags = 0;
	expect_rx(h, 4000, -EINVAL, 0);
}

/* CRC32c bit by bit, as the oracle. */
static uint32_t crc32c(const uint8_t *b, unsigned int n)
{
	uint32_t crc = UINT32_MAX;

	for (unsigned int i = 0; i < n; i++) {
		crc ^= b[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void sctp_is_completed_whatever_the_segments(void **state)
{
	assert_int_equal(crc32c((const uint8_t *)"123456789", 9), 0xe3069283); /* the check value */
	for (unsigned int seg = 1; seg < 120; seg++) {
		struct virtio_net_hdr h = header(VIRTIO_NET_HDR_GSO_NONE, 0, 8);
		struct rte_mbuf *m = frame(120, seg, IPPROTO_SCTP);
		uint8_t buf[120], *b = buf;
		uint32_t got;

		assert_int_equal(vnet_hdr_rx(&h, m, false), 0);
		assert_int_equal(m->ol_flags, 0);
		memcpy(b, rte_pktmbuf_read(m, 0, 120, buf), 120);
		memcpy(&got, b + L4 + 8, 4);
		memset(b + L4 + 8, 0, 4);
		assert_int_equal(got, crc32c(b + L4, 120 - L4));
		rte_pktmbuf_free(m);
	}
	/* no room for four bytes */
	struct virtio_net_hdr h = header(VIRTIO_NET_HDR_GSO_NONE, 0, 8);
	struct rte_mbuf *m = frame(L4 + 11, 2048, IPPROTO_SCTP);

	assert_int_equal(vnet_hdr_rx(&h, m, false), -EINVAL);
	rte_pktmbuf_free(m);
}

static void other_checksums_are_completed(void **state)
{
	for (unsigned int seg = 1; seg < 101; seg++) {
		struct virtio_net_hdr h = header(VIRTIO_NET_HDR_GSO_NONE, 0, 4);
		struct rte_mbuf *m = frame(101, seg, 89);
		uint8_t buf[101];

		assert_int_equal(vnet_hdr_rx(&h, m, false), 0);
		assert_int_equal(m->ol_flags, 0);
		memmove(buf, rte_pktmbuf_read(m, 0, 101, buf), 101);
		/* the field held the part of the sum that is not in the frame */
		struct rte_mbuf *before = frame(101, 2048, 89);
		const void *start = rte_pktmbuf_mtod_offset(before, void *, L4);
		uint16_t sum = ~rte_raw_cksum(start, 101 - L4);

		assert_memory_equal(buf + L4 + 4, &sum, sizeof(sum));
		rte_pktmbuf_free(before);
		rte_pktmbuf_free(m);
	}
}

/* Ethernet, IP, UDP and VXLAN around Ethernet, IP (with a destination options header if ext) and
 * that protocol. Returns where the inner L4 header begins. */
static unsigned int tunnel_bytes(uint8_t *b, bool outer_v6, bool inner_v6, bool ext, uint8_t proto)
{
	unsigned int at = outer_v6 ? 54 : 34;

	b[12] = outer_v6 ? 0x86 : 0x08;
	b[13] = outer_v6 ? 0xdd : 0x00;
	b[14] = outer_v6 ? 0x60 : 0x45;
	b[outer_v6 ? 20 : 23] = IPPROTO_UDP;
	b[at + 2] = 4789 >> 8;
	b[at + 3] = 4789 & 0xff;
	at += 16 + 14;
	b[at - 2] = inner_v6 ? 0x86 : 0x08;
	b[at - 1] = inner_v6 ? 0xdd : 0x00;
	b[at] = inner_v6 ? 0x60 : 0x45;
	if (!inner_v6) {
		b[at + 9] = proto;
		return at + 20;
	}
	b[at + 6] = ext ? IPPROTO_DSTOPTS : proto;
	at += 40;
	if (!ext)
		return at;
	b[at] = proto;
	b[at + 1] = 1; /* 16 bytes */
	return at + 16;
}

static struct rte_mbuf *from_bytes(const uint8_t *b, unsigned int len, unsigned int seg)
{
	struct rte_mbuf *head = NULL;

	for (unsigned int off = 0; off < len; off += seg) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);
		unsigned int n = RTE_MIN(seg, len - off);

		memcpy(rte_pktmbuf_append(m, n), b + off, n);
		if (head)
			rte_pktmbuf_chain(head, m);
		else
			head = m;
	}
	return head;
}

static void expect_bytes(const struct rte_mbuf *m, const uint8_t *want, unsigned int len)
{
	uint8_t got[4096];

	assert_int_equal(m->pkt_len, len);
	assert_memory_equal(rte_pktmbuf_read(m, 0, len, got), want, len);
}

static void complete(uint8_t *b, unsigned int len, const struct virtio_net_hdr *h)
{
	uint16_t sum = ~rte_raw_cksum(b + h->csum_start, len - h->csum_start);

	memcpy(b + h->csum_start + h->csum_offset, &sum, sizeof(sum));
}

/* What is said of the packet inside a tunnel is for an uplink, wherever its headers are; a tenant's
 * own tunnel is not looked into: the checksum is completed, and nobody here could cut it up. */
static void tunnels_of_uplinks_and_of_tenants(void **state)
{
	const uint64_t partial = RTE_MBUF_F_RX_L4_CKSUM_NONE, gso = partial | RTE_MBUF_F_RX_LRO;

	for (unsigned int i = 0; i < 64; i++) {
		bool uplink = i & 1, segments = i & 2, tcp = i & 32;
		struct virtio_net_hdr h = header(VIRTIO_NET_HDR_GSO_NONE, 0, tcp ? 16 : 6);
		uint8_t bytes[3000];
		struct rte_mbuf *m;

		for (unsigned int k = 0; k < sizeof(bytes); k++)
			bytes[k] = k * 31 + 7;
		h.csum_start =
			tunnel_bytes(bytes, i & 8, i & 16, i & 4, tcp ? IPPROTO_TCP : IPPROTO_UDP);
		if (segments) {
			h.gso_type = tcp ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_UDP_L4;
			h.gso_size = 1200;
		}
		m = from_bytes(bytes, sizeof(bytes), i % 3 ? 2048 : 50);
		assert_int_equal(vnet_hdr_rx(&h, m, uplink), uplink || !segments ? 0 : -EINVAL);
		assert_int_equal(m->ol_flags, !uplink ? 0 : segments ? gso : partial);
		if (!uplink && !segments)
			complete(bytes, sizeof(bytes), &h);
		expect_bytes(m, bytes, sizeof(bytes));
		rte_pktmbuf_free(m);
	}
}

/* A checksum that is left to do in the outer headers, or nowhere in particular, says nothing of the
 * inner packet: that has its own, which must be right. */
static void outer_checksums_say_nothing_of_the_inner_one(void **state)
{
	for (unsigned int i = 0; i < 8; i++) {
		struct virtio_net_hdr h = header(VIRTIO_NET_HDR_GSO_NONE, 0, 6);
		uint8_t bytes[300] = {0};
		unsigned int l4 = tunnel_bytes(bytes, i & 1, false, false, IPPROTO_TCP);
		struct rte_mbuf *m = from_bytes(bytes, sizeof(bytes), 2048);

		h.csum_start = i & 2 ? l4 - 50 : l4 - 2;
		if (i & 4) {
			h.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
			h.gso_size = 100;
		}
		assert_int_equal(vnet_hdr_rx(&h, m, true), i & 4 ? -EINVAL : 0);
		assert_int_equal(m->ol_flags, 0);
		if (!(i & 4))
			complete(bytes, sizeof(bytes), &h);
		expect_bytes(m, bytes, sizeof(bytes));
		rte_pktmbuf_free(m);
	}
}

static void random_headers_stay_inside(void **state)
{
	srandom(10);
	for (int i = 0; i < 200000; i++) {
		unsigned int len = L4 + random() % 200;
		struct rte_mbuf *m = frame(len, 1 + random() % 250, random() % 2 ? 132 : 6);
		struct virtio_net_hdr h;
		uint8_t *b = (uint8_t *)&h;

		for (unsigned int j = 0; j < sizeof(h); j++)
			b[j] = random();
		if (i % 2) {
			h.csum_start %= 256;
			h.csum_offset %= 32;
			h.gso_type %= 8;
		}
		if (vnet_hdr_rx(&h, m, i % 3) == 0 && (m->ol_flags & RTE_MBUF_F_RX_LRO))
			assert_true(m->tso_segsz > 0);
		assert_int_equal(m->pkt_len, len);
		rte_mbuf_sanity_check(m, 1);
		rte_pktmbuf_free(m);
	}
}

static void tx_flags_become_a_header(void **state)
{
	struct rte_mbuf *m = frame(3000 + L4 + 20, 2048, IPPROTO_TCP);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, 14);
	struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, void *, L4);
	struct virtio_net_hdr h;

	vnet_hdr_tx(m, &h);
	assert_int_equal(h.flags | h.gso_type | h.csum_start, 0);
	ip->total_length = rte_cpu_to_be_16(20 + 20 + 3000);
	tcp->tcp_flags = RTE_TCP_ACK_FLAG;
	m->l2_len = 14;
	m->l3_len = 20;
	m->l4_len = 20;
	m->tso_segsz = 1460;
	m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
	vnet_hdr_tx(m, &h);
	assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	assert_int_equal(h.csum_start, L4);
	assert_int_equal(h.csum_offset, 16);
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	vnet_hdr_tx(m, &h);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(h.gso_size, 1460);
	assert_int_equal(h.hdr_len, L4 + 20);
	tcp->tcp_flags |= RTE_TCP_CWR_FLAG;
	vnet_hdr_tx(m, &h);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
	m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_UDP_SEG;
	m->l4_len = 8;
	vnet_hdr_tx(m, &h);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_UDP_L4);
	assert_int_equal(h.csum_offset, 6);
	assert_int_equal(h.hdr_len, L4 + 8);
	rte_pktmbuf_free(m);
}

static unsigned int chain_len(const struct rte_mbuf *m)
{
	unsigned int len = 0, n = 0;
	const struct rte_mbuf *seg;

	for (seg = m; seg; seg = seg->next, n++)
		len += seg->data_len;
	assert_int_equal(m->nb_segs, n);
	assert_int_equal(m->pkt_len, len);
	return len;
}

static void chains_hold_what_was_asked_for(void **state)
{
	static const uint32_t lens[] = {
		1, 60, 2048, 2049, 9018, 16384, 20000, 65549, RX_CHAIN_FRAME_MAX};

	for (unsigned int i = 0; i < RTE_DIM(lens); i++) {
		struct iovec iov[RX_CHAIN_SEGS_MAX];
		struct rte_mbuf *m = rx_chain_new(lens[i]);
		size_t total = 0;
		unsigned int n = rx_chain_iov(m, iov);

		assert_int_equal(chain_len(m), lens[i]);
		for (unsigned int v = 0; v < n; v++)
			total += iov[v].iov_len;
		assert_int_equal(total, lens[i]);
		if (lens[i] > 20000)
			assert_int_equal(m->nb_segs, 2);
		rte_pktmbuf_free(m);
	}
}

static void chains_are_cut_and_joined(void **state)
{
	struct rte_mbuf *m = NULL, *rest = NULL;

	srandom(3);
	for (int i = 0; i < 5000; i++) {
		uint32_t len =
			random() % 2 ? 1 + random() % 2048 : 1 + random() % RX_CHAIN_FRAME_MAX;

		m = rx_chain_join(rest);
		assert_int_equal(chain_len(m), RX_CHAIN_FRAME_MAX);
		rest = rx_chain_cut(m, len);
		assert_int_equal(chain_len(m), len);
		rte_mbuf_sanity_check(m, 1);
		rte_pktmbuf_free(m);
	}
	rte_pktmbuf_free(rest);
}

static void chains_do_without_huge_mbufs(void **state)
{
	unsigned int n = rte_mempool_avail_count(mem_pools.huge);
	struct rte_mbuf **held = calloc(n, sizeof(*held)), *m;

	for (unsigned int i = 0; i < n; i++)
		held[i] = rte_pktmbuf_alloc(mem_pools.huge);
	m = rx_chain_new(RX_CHAIN_FRAME_MAX);
	assert_int_equal(chain_len(m), RX_CHAIN_FRAME_MAX);
	assert_in_range(m->nb_segs, 3, RX_CHAIN_SEGS_MAX);
	rte_pktmbuf_free(rx_chain_cut(m, 3000));
	assert_int_equal(chain_len(m), 3000);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free_bulk(held, n);
	free(held);
}

static void chains_give_back_all_when_memory_ends(void **state)
{
	unsigned int n = rte_mempool_avail_count(mem_pools.packet);
	struct rte_mbuf **held = calloc(n, sizeof(*held));

	for (unsigned int i = 0; i < n - 3; i++)
		held[i] = rte_pktmbuf_alloc(mem_pools.packet);
	assert_null(rx_chain_new(4 * MEM_DATA_SIZE));
	assert_int_equal(rte_mempool_avail_count(mem_pools.packet), 3);
	rte_pktmbuf_free_bulk(held, n - 3);
	free(held);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, remember_pools, pools_are_full)
	const struct CMUnitTest tests[] = {
		CASE(metadata_of_valid_headers),
		CASE(headers_that_lie_are_refused),
		CASE(sctp_is_completed_whatever_the_segments),
		CASE(other_checksums_are_completed),
		CASE(tunnels_of_uplinks_and_of_tenants),
		CASE(outer_checksums_say_nothing_of_the_inner_one),
		CASE(random_headers_stay_inside),
		CASE(tx_flags_become_a_header),
		CASE(chains_hold_what_was_asked_for),
		CASE(chains_are_cut_and_joined),
		CASE(chains_do_without_huge_mbufs),
		CASE(chains_give_back_all_when_memory_ends),
	};

	test_eal_init(256);
	if (mem_init(4096) < 0)
		return 1;
	return cmocka_run_group_tests_name("vnet_hdr", tests, NULL, NULL);
}
