/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segmentation against a naive one, byte for byte, on all header shapes, chains and sizes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <core/mem.h>
#include <pkt/gso.h>
#include <pkt/parse.h>

#include "frame.h"
#include "test_eal.h"

static const uint8_t ext_dst[8] = {0, 0, 1, 4};
static struct frame f, want, got;

/* Segment number i of f as it must be; how: of enum pkt_gso_flag. */
static void expect(const struct pkt_meta *meta, uint32_t i, unsigned int how)
{
	uint32_t size = meta->gso_size, from = meta->hdr_len + i * size;
	uint32_t n = RTE_MIN(size, f.len - from), l3 = meta->l3_off, l4 = meta->l4_off;
	bool last = from + n == f.len;
	uint8_t proto = meta->l4_proto;
	uint16_t sum;

	memcpy(want.b, f.b, meta->hdr_len);
	memcpy(want.b + meta->hdr_len, f.b + from, n);
	want.len = meta->hdr_len + n;
	if (meta->flags & PKT_IPV6) {
		put16(want.b + l3 + 4, want.len - l3 - 40);
	} else {
		put16(want.b + l3 + 2, want.len - l3);
		put16(want.b + l3 + 4, get16(f.b + l3 + 4) + i);
		frame_fix_ipv4(&want, l3);
	}
	if (proto == 17) {
		put16(want.b + l4 + 4, want.len - l4);
	} else {
		uint32_t seq = (uint32_t)get16(f.b + l4 + 4) << 16 | get16(f.b + l4 + 6);

		put32(want.b + l4 + 4, seq + i * size);
		if (!last)
			want.b[l4 + 13] &= 0xff - 0x01 - 0x08; /* FIN, PSH */
		if (i != 0)
			want.b[l4 + 13] &= 0xff - 0x80; /* CWR */
	}
	sum = frame_l4_cksum(want.b, l3, l4, want.len - l4, proto);
	if (how & PKT_GSO_CKSUM_PARTIAL) {
		/* Of an empty segment with this length: the complement of the pseudo-header sum. */
		static uint8_t zero[FRAME_MAX];

		memcpy(zero, want.b, l4);
		memset(zero + l4, 0, want.len - l4);
		sum = 0xffff - frame_l4_cksum(zero, l3, l4, want.len - l4, proto);
	}
	put16(want.b + l4 + (proto == 17 ? 6 : 16), sum);
}

static void check_segment(
	struct rte_mbuf *m, const struct pkt_meta *whole, uint32_t i, unsigned int how)
{
	const struct pkt_meta *meta = pkt_meta(m);
	uint32_t partial = how & PKT_GSO_CKSUM_PARTIAL ? PKT_CKSUM_PARTIAL : 0;
	struct pkt_meta again;

	expect(whole, i, how);
	frame_read(&got, m);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.b, want.b, want.len);
	assert_int_equal(
		meta->flags, (whole->flags & ~(uint32_t)(PKT_GSO | PKT_CKSUM_PARTIAL)) | partial);
	assert_int_equal(meta->l3_len, want.len - meta->l3_off);
	assert_int_equal(meta->gso_size, 0);
	assert_int_equal(meta->in_port, 5);
	assert_int_equal(meta->hash, whole->hash);
	assert_true(m->data_len >= meta->hdr_len);
	assert_int_equal(rte_pktmbuf_headroom(m), RTE_PKTMBUF_HEADROOM);
	if ((how & PKT_GSO_LINEAR) && want.len <= 2048)
		assert_int_equal(m->nb_segs, 1);
	/* The parser agrees with the meta. */
	again = *meta;
	assert_int_equal(pkt_parse(m), 0);
	assert_int_equal((pkt_meta(m)->flags & ~(uint32_t)PKT_PLAIN) | partial, again.flags);
	assert_int_equal(pkt_meta(m)->hdr_len, again.hdr_len);
	assert_int_equal(pkt_meta(m)->l3_len, again.l3_len);
}

static struct rte_mbuf *parsed(const uint32_t *cuts, unsigned int n_cuts, uint16_t size)
{
	struct rte_mbuf *m = frame_chain(f.b, f.len, cuts, n_cuts);

	m->ol_flags |= RTE_MBUF_F_RX_LRO | RTE_MBUF_F_RX_L4_CKSUM_NONE;
	m->tso_segsz = size;
	pkt_meta(m)->flags = 0;
	pkt_meta(m)->in_port = 5;
	assert_int_equal(pkt_parse(m), 0);
	return m;
}

static void check(const struct frame_spec *s, uint16_t size, unsigned int how, const uint32_t *cuts,
	unsigned int n_cuts)
{
	struct rte_mbuf *out[PKT_GSO_SEGS_MAX], *m;
	struct pkt_meta whole;
	int n;

	frame_make(&f, s);
	m = parsed(cuts, n_cuts, size);
	whole = *pkt_meta(m);
	assert_true(whole.flags & PKT_GSO);
	assert_int_equal(pkt_l3_max(&whole), whole.hdr_len - whole.l3_off + size);
	n = pkt_gso(m, out, PKT_GSO_SEGS_MAX, how);
	assert_int_equal(n, (s->payload + size - 1) / size);
	for (int i = 0; i < n; i++) {
		check_segment(out[i], &whole, i, how);
		rte_pktmbuf_free(out[i]);
	}
}

static const struct frame_spec specs[] = {
	{.proto = 6, .payload = 10000, .tcp_flags = 0xff, .ip_id = 0xfffe, .df = true},
	{.proto = 6, .payload = 10000, .tcp_flags = 0x99, .n_tcp_options = 3, .n_vlans = 1},
	{.proto = 6, .payload = 10000, .n_ip_options = 2, .n_tcp_options = 10},
	{.payload = 10000, .ip_id = 7},
	{.v6 = true, .proto = 6, .payload = 10000, .tcp_flags = 0xff, .tos = 3},
	{.v6 = true, .payload = 10000, .n_vlans = 2},
	{.v6 = true,
		.proto = 6,
		.payload = 10000,
		.n_tcp_options = 3,
		.ext = ext_dst,
		.ext_len = 8,
		.ext_proto = 60},
};

static void test_shapes(void **state)
{
	static const uint16_t sizes[] = {100, 536, 1448, 1449, 1460, 5000, 9999};
	static const uint32_t cuts[] = {10, 77, 1500, 1501, 5123};

	for (unsigned int i = 0; i < RTE_DIM(specs); i++) {
		for (unsigned int k = 0; k < RTE_DIM(sizes); k++) {
			for (unsigned int how = 0; how < 4; how++) {
				check(&specs[i], sizes[k], how, NULL, 0);
				check(&specs[i], sizes[k], how, cuts, RTE_DIM(cuts));
			}
		}
	}
}

static void test_random_shapes(void **state)
{
	uint64_t seed = 3;

	for (int i = 0; i < 2000; i++) {
		struct frame_spec s = specs[test_random(&seed) % RTE_DIM(specs)];
		uint32_t cuts[6], at = 0;
		unsigned int n = test_random(&seed) % 7;
		uint16_t size;

		s.payload = 2 + test_random(&seed) % 12000;
		size = 1 + test_random(&seed) % RTE_MIN(s.payload - 1, 3000u);
		size = RTE_MAX(size, (s.payload + PKT_GSO_SEGS_MAX - 1) / PKT_GSO_SEGS_MAX);
		for (unsigned int k = 0; k < n; k++)
			cuts[k] = at =
				RTE_MIN(s.payload, at + (uint32_t)(test_random(&seed) % 3000));
		check(&s, size, test_random(&seed) % 4, cuts, n);
	}
}

static void test_largest(void **state)
{
	const struct frame_spec v4 = {.proto = 6, .payload = 65480},
				v6 = {.v6 = true, .payload = 65400};

	check(&v4, 512, 0, NULL, 0);
	check(&v4, 1460, PKT_GSO_LINEAR, NULL, 0);
	check(&v6, 1300, 0, NULL, 0);
}

static void test_failures_leave_the_frame(void **state)
{
	static struct rte_mbuf *held[4096];
	struct rte_mbuf *out[PKT_GSO_SEGS_MAX], *m;
	unsigned int n = 0;

	frame_make(&f, &specs[0]);
	m = parsed(NULL, 0, 1000);
	assert_int_equal(pkt_gso_count(m, pkt_meta(m)), 10);
	assert_int_equal(pkt_gso(m, out, 9, 0), -E2BIG);
	while (n < 4096 && (held[n] = rte_pktmbuf_alloc(mem_pools.packet)))
		n++;
	for (unsigned int spare = 0; spare < 10; spare++) {
		assert_int_equal(pkt_gso(m, out, 10, 0), -ENOMEM);
		assert_int_equal(pkt_gso(m, out, 10, PKT_GSO_LINEAR), -ENOMEM);
		rte_pktmbuf_free(held[--n]);
	}
	rte_pktmbuf_free_bulk(held, n);
	for (n = 0; n < 4096 && (held[n] = rte_pktmbuf_alloc(mem_pools.indirect));)
		n++;
	rte_pktmbuf_free(held[--n]);
	assert_int_equal(pkt_gso(m, out, 10, 0), -ENOMEM);
	rte_pktmbuf_free_bulk(held, n);
	frame_read(&got, m);
	assert_int_equal(got.len, f.len);
	assert_memory_equal(got.b, f.b, f.len);
	assert_int_equal(pkt_gso(m, out, 10, 0), 10);
	rte_pktmbuf_free_bulk(out, 10);
}

static int all_returned(void **state)
{
	return test_pools_full() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_shapes, all_returned),
		cmocka_unit_test_teardown(test_random_shapes, all_returned),
		cmocka_unit_test_teardown(test_largest, all_returned),
		cmocka_unit_test_teardown(test_failures_leave_the_frame, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
