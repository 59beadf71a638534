/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums against the naive sum: every length and alignment, chains with odd pieces, updates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pkt/cksum.h>
#include <pkt/parse.h>

#include "frame.h"
#include "test_eal.h"

static struct frame f, got;

static uint16_t from_memory_order(uint16_t sum)
{
	return rte_be_to_cpu_16(sum);
}

/* 0 and 0xffff are the same sum. */
static bool same(uint16_t a, uint16_t b)
{
	return a % 0xffff == b % 0xffff;
}

static void test_bytes(void **state)
{
	uint64_t seed = 4;

	for (uint32_t i = 0; i < 70000; i++)
		f.b[i] = test_random(&seed);
	for (uint32_t off = 0; off < 9; off++) {
		for (uint32_t len = 0; len < 200; len++)
			assert_true(same(from_memory_order(cksum_bytes(f.b + off, len)),
				~naive_cksum(f.b + off, len, 0)));
	}
	memset(f.b, 0xff, 65535);
	assert_true(same(from_memory_order(cksum_bytes(f.b, 65535)), ~naive_cksum(f.b, 65535, 0)));
}

static void test_chain(void **state)
{
	uint64_t seed = 5;

	for (int i = 0; i < 3000; i++) {
		uint32_t cuts[4], at = 0, len = 400, off, n;
		struct rte_mbuf *m;

		for (uint32_t k = 0; k < len; k++)
			f.b[k] = test_random(&seed);
		for (int k = 0; k < 4; k++)
			cuts[k] = at = RTE_MIN(len, at + (uint32_t)(test_random(&seed) % 120));
		off = test_random(&seed) % len;
		n = test_random(&seed) % (len - off + 1);
		m = frame_chain(f.b, len, cuts, 4);
		assert_true(same(
			from_memory_order(cksum_chain(m, off, n)), ~naive_cksum(f.b + off, n, 0)));
		rte_pktmbuf_free(m);
	}
}

static void test_ipv4_header(void **state)
{
	uint64_t seed = 6;

	for (int i = 0; i < 20000; i++) {
		uint8_t ip[60];
		unsigned int len;

		for (unsigned int k = 0; k < sizeof(ip); k++)
			ip[k] = test_random(&seed);
		ip[0] = 0x45 + test_random(&seed) % 11;
		len = (ip[0] & 15) * 4;
		cksum_ipv4_set(ip);
		assert_int_equal(naive_cksum(ip, len, 0), 0);
		assert_true(cksum_ipv4_ok(ip, len));
		ip[test_random(&seed) % len] ^= 1 << test_random(&seed) % 8;
		assert_false(cksum_ipv4_ok(ip, len));
	}
}

/* Without options; with words that overflow when they are added, too. */
static void test_ipv4_plain_header(void **state)
{
	uint64_t seed = 8;

	for (int i = 0; i < 200000; i++) {
		uint8_t ip[20];

		for (unsigned int k = 0; k < sizeof(ip); k++)
			ip[k] = test_random(&seed) % 3 ? 0xff : test_random(&seed);
		ip[0] = 0x45;
		cksum_ipv4_set(ip);
		assert_true(cksum_ipv4_plain_ok(ip));
		ip[test_random(&seed) % sizeof(ip)] ^= 1 << test_random(&seed) % 8;
		assert_false(cksum_ipv4_plain_ok(ip));
	}
}

/* One hop changes a header as the general update does, whatever TTL and checksum are. */
static void test_ipv4_hop(void **state)
{
	for (uint32_t ttl = 1; ttl <= 255; ttl += ttl == 2 ? 252 : 1) {
		for (uint32_t check = 0; check <= 0xffff; check++) {
			uint8_t ip[20] = {[8] = ttl, [9] = 17, [10] = check >> 8, [11] = check},
				as[20];
			uint16_t before, after;

			memcpy(as, ip, sizeof(as));
			memcpy(&before, as + 8, sizeof(before));
			as[8]--;
			memcpy(&after, as + 8, sizeof(after));
			cksum_update16(as + 10, before, after);
			cksum_ipv4_hop(ip);
			assert_memory_equal(ip, as, sizeof(ip));
		}
	}
}

/* RFC 1624: the updated field is that of the new header, in every case. */
static void test_update(void **state)
{
	uint64_t seed = 7;

	for (int i = 0; i < 200000; i++) {
		uint8_t ip[20];
		uint16_t before, after, sum;

		for (unsigned int k = 0; k < sizeof(ip); k++)
			ip[k] = test_random(&seed) % 3 ? 0 : test_random(&seed);
		ip[0] = 0x45;
		cksum_ipv4_set(ip);
		memcpy(&before, ip + 4, 2);
		after = test_random(&seed) % 4 ? test_random(&seed) : 0;
		memcpy(ip + 4, &after, 2);
		cksum_update16(ip + 10, before, after);
		memcpy(&sum, ip + 10, 2);
		cksum_ipv4_set(ip);
		assert_memory_equal(ip + 10, &sum, 2);
	}
}

static const struct frame_spec specs[] = {
	{.payload = 101, .partial = true},
	{.proto = 6, .payload = 100, .n_tcp_options = 3, .partial = true},
	{.v6 = true, .payload = 0, .partial = true},
	{.v6 = true, .proto = 6, .payload = 99, .n_vlans = 1, .partial = true},
};

static struct rte_mbuf *parsed(const uint32_t *cuts, unsigned int n, bool partial)
{
	struct rte_mbuf *m = frame_chain(f.b, f.len, cuts, n);

	if (partial)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	pkt_meta(m)->flags = 0;
	assert_int_equal(pkt_parse(m), 0);
	return m;
}

static void test_complete(void **state)
{
	for (unsigned int i = 0; i < RTE_DIM(specs); i++) {
		struct frame_spec whole = specs[i];
		static struct frame partial;
		uint32_t n_cuts = 2;

		whole.partial = false;
		frame_make(&partial, &specs[i]);
		for (uint32_t cut = 0; cut < partial.len; cut++) {
			uint32_t cuts[] = {cut, RTE_MIN(cut + 3, partial.len)};
			struct rte_mbuf *m;

			f = partial;
			m = parsed(cuts, n_cuts, true);
			assert_true(pkt_meta(m)->flags & PKT_CKSUM_PARTIAL);
			assert_false(pkt_l4_cksum_ok(m));
			pkt_l4_complete(m);
			assert_false(pkt_meta(m)->flags & PKT_CKSUM_PARTIAL);
			assert_true(pkt_l4_cksum_ok(m));
			frame_read(&got, m);
			frame_make(&f, &whole);
			assert_int_equal(got.len, f.len);
			assert_memory_equal(got.b, f.b, f.len);
			pkt_l4_store_pseudo(m);
			frame_read(&got, m);
			assert_memory_equal(got.b, partial.b, f.len);
			rte_pktmbuf_free(m);
		}
	}
}

/* A UDP checksum that comes out as zero is sent as 0xffff. */
static void test_udp_zero(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t l4 = v6 ? 54 : 34;
		struct rte_mbuf *m;

		frame_make(&f, &(struct frame_spec){.v6 = v6, .payload = 2});
		put16(f.b + l4 + 8, 0);
		put16(f.b + l4 + 8, frame_l4_cksum(f.b, 14, l4, 10, 17));
		m = parsed(NULL, 0, true);
		pkt_l4_complete(m);
		frame_read(&got, m);
		assert_int_equal(get16(got.b + l4 + 6), 0xffff);
		assert_true(pkt_l4_cksum_ok(m));
		got.b[l4 + 6] = got.b[l4 + 7] = 0;
		rte_pktmbuf_free(m);
		f = got;
		m = parsed(NULL, 0, false);
		assert_int_equal(pkt_l4_cksum_ok(m), !v6); /* none at all */
		rte_pktmbuf_free(m);
	}
}

static void test_verify(void **state)
{
	static const uint8_t protos[] = {1, 6, 17, 58};

	for (unsigned int i = 0; i < 2 * RTE_DIM(protos); i++) {
		struct frame_spec s = {.v6 = i & 1, .proto = protos[i / 2], .payload = 33};

		if (s.proto == (s.v6 ? 1 : 58))
			continue;
		frame_make(&f, &s);
		for (uint32_t at = s.v6 ? 54 : 34; at < f.len; at++) {
			struct rte_mbuf *m = parsed(NULL, 0, false);

			assert_true(pkt_l4_cksum_ok(m));
			rte_pktmbuf_mtod(m, uint8_t *)[at] ^= 0x10;
			if (!(s.proto == 17 &&
				    at == 39)) /* the length: what is summed changes too */
				assert_false(pkt_l4_cksum_ok(m));
			rte_pktmbuf_free(m);
		}
	}
}

static void test_tx_offload(void **state)
{
	struct rte_mbuf *m;

	frame_make(&f, &(struct frame_spec){.proto = 6, .payload = 5000, .n_tcp_options = 3});
	m = frame_exact(f.b, f.len);
	m->ol_flags |= RTE_MBUF_F_RX_LRO | RTE_MBUF_F_RX_L4_CKSUM_NONE;
	m->tso_segsz = 1400;
	pkt_meta(m)->flags = 0;
	assert_int_equal(pkt_parse(m), 0);
	pkt_tx_offload(m);
	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, 20);
	assert_int_equal(m->l4_len, 32);
	assert_int_equal(m->tso_segsz, 1400);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK & ~RTE_MBUF_F_EXTERNAL,
		RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM |
			RTE_MBUF_F_TX_TCP_SEG);
	frame_read(&got, m);
	frame_make(&f, &(struct frame_spec){
			       .proto = 6, .payload = 5000, .n_tcp_options = 3, .partial = true});
	assert_memory_equal(got.b, f.b, f.len);
	rte_pktmbuf_free(m);
}

static int all_returned(void **state)
{
	return test_pools_full() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_bytes, all_returned),
		cmocka_unit_test_teardown(test_chain, all_returned),
		cmocka_unit_test_teardown(test_ipv4_header, all_returned),
		cmocka_unit_test_teardown(test_ipv4_plain_header, all_returned),
		cmocka_unit_test_teardown(test_ipv4_hop, all_returned),
		cmocka_unit_test_teardown(test_update, all_returned),
		cmocka_unit_test_teardown(test_complete, all_returned),
		cmocka_unit_test_teardown(test_udp_zero, all_returned),
		cmocka_unit_test_teardown(test_verify, all_returned),
		cmocka_unit_test_teardown(test_tx_offload, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
