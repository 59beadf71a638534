/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments, put together again naively, are the packet; each is itself right.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <core/mem.h>
#include <pkt/frag.h>
#include <pkt/meta.h>
#include <pkt/parse.h>

#include "frame.h"
#include "test_eal.h"

static struct frame f, got;

static struct rte_mbuf *parsed(const struct frame_spec *s, const uint32_t *cuts, unsigned int n)
{
	struct rte_mbuf *m;

	frame_make(&f, s);
	m = frame_chain(f.b, f.len, cuts, n);
	if (s->partial)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	pkt_meta(m)->in_port = 9;
	assert_int_equal(pkt_parse(m), 0);
	return m;
}

/* f becomes what it must be on the wire: a checksum left to us is completed. */
static void complete_input(const struct frame_spec *s)
{
	struct frame_spec whole = *s;

	whole.partial = false;
	frame_make(&f, &whole);
}

static void check_header(
	const struct rte_mbuf *m, uint32_t l3, uint32_t base, uint32_t at, bool more)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	const uint8_t *ip = got.b + l3;
	uint16_t field = get16(ip + 6);

	assert_memory_equal(got.b, f.b, l3);
	assert_int_equal(naive_cksum(ip, (ip[0] & 15) * 4, 0), 0);
	assert_int_equal(get16(ip + 2), got.len - l3);
	assert_int_equal(field & 0x1fff, base + at / 8);
	assert_int_equal(!!(field & 0x2000), more);
	assert_memory_equal(ip + 4, f.b + l3 + 4, 2);
	assert_memory_equal(ip + 8, f.b + l3 + 8, 2);
	assert_memory_equal(ip + 12, f.b + l3 + 12, 8);
	assert_int_equal(meta->in_port, 9);
	assert_true(meta->flags & PKT_FRAGMENT);
	assert_int_equal(!!(meta->flags & PKT_LATER_FRAGMENT), base + at != 0);
	assert_false(meta->flags & PKT_CKSUM_PARTIAL);
	assert_true(meta->hdr_len <= m->data_len);
	assert_true(rte_pktmbuf_headroom(m) >= 70);
}

static void check(
	const struct frame_spec *s, uint16_t mtu, const uint32_t *cuts, unsigned int n_cuts)
{
	struct rte_mbuf *out[PKT_FRAGS_MAX], *m = parsed(s, cuts, n_cuts);
	uint32_t l3 = 14 + s->n_vlans * 4, hdr = 20 + s->n_ip_options * 4, at = 0;
	int n = pkt_fragment(m, mtu, out, PKT_FRAGS_MAX);

	complete_input(s);
	assert_true(n > 1);
	for (int i = 0; i < n; i++) {
		uint32_t ihl;

		frame_read(&got, out[i]);
		assert_true(got.len - l3 <= mtu);
		check_header(out[i], l3, s->frag & 0x1fff, at, i < n - 1 || (s->frag & 0x2000));
		ihl = (got.b[l3] & 15) * 4;
		assert_memory_equal(got.b + l3 + ihl, f.b + l3 + hdr + at, got.len - l3 - ihl);
		at += got.len - l3 - ihl;
		rte_pktmbuf_free(out[i]);
	}
	assert_int_equal(l3 + hdr + at, f.len);
}

static void test_shapes(void **state)
{
	static const struct frame_spec specs[] = {
		{.payload = 4000, .ip_id = 0x1234},
		{.payload = 4000, .partial = true, .n_vlans = 1},
		{.proto = 6, .payload = 3000, .n_tcp_options = 10, .partial = true},
		{.proto = 6, .payload = 3000, .n_ip_options = 3},
		{.proto = 50, .payload = 3001, .n_ip_options = 10},
		{.proto = 1, .payload = 3003},
		{.payload = 4000, .frag = 0x2000},
		{.payload = 4000, .frag = 0x20b9},
		{.payload = 4000, .frag = 0x00b9},
	};
	static const uint16_t mtus[] = {576, 577, 1280, 1450, 1500};
	static const uint32_t cuts[] = {30, 33, 700, 1999};

	for (unsigned int i = 0; i < RTE_DIM(specs); i++) {
		for (unsigned int k = 0; k < RTE_DIM(mtus); k++) {
			check(&specs[i], mtus[k], NULL, 0);
			check(&specs[i], mtus[k], cuts, RTE_DIM(cuts));
		}
	}
}

static void test_largest(void **state)
{
	check(&(struct frame_spec){.payload = 65480}, 576, NULL, 0);
}

static void test_refusals(void **state)
{
	static struct rte_mbuf *held[4096];
	struct rte_mbuf *out[PKT_FRAGS_MAX], *m;
	unsigned int n = 0;

	m = parsed(&(struct frame_spec){.payload = 4000, .df = true}, NULL, 0);
	assert_int_equal(pkt_fragment(m, 1500, out, PKT_FRAGS_MAX), -ENOTSUP);
	rte_pktmbuf_free(m);
	m = parsed(&(struct frame_spec){.payload = 4000}, NULL, 0);
	assert_int_equal(pkt_fragment(m, 1500, out, 2), -E2BIG);
	assert_int_equal(pkt_fragment(m, 10, out, PKT_FRAGS_MAX), -E2BIG);
	while (n < 4096 && (held[n] = rte_pktmbuf_alloc(mem_pools.packet)))
		n++;
	for (unsigned int spare = 0; spare < 3; spare++) {
		assert_int_equal(pkt_fragment(m, 1500, out, PKT_FRAGS_MAX), -ENOMEM);
		rte_pktmbuf_free(held[--n]);
	}
	rte_pktmbuf_free_bulk(held, n);
	frame_read(&got, m);
	assert_int_equal(got.len, f.len);
	assert_memory_equal(got.b, f.b, f.len);
	rte_pktmbuf_free(m);
	/* No room for the whole TCP header in the first fragment. */
	m = parsed(&(struct frame_spec){.proto = 6, .payload = 900, .n_tcp_options = 10}, NULL, 0);
	assert_int_equal(pkt_fragment(m, 68, out, PKT_FRAGS_MAX), -E2BIG);
	rte_pktmbuf_free(m);
}

static int all_returned(void **state)
{
	return test_pools_full() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_shapes, all_returned),
		cmocka_unit_test_teardown(test_largest, all_returned),
		cmocka_unit_test_teardown(test_refusals, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
