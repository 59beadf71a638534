/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outer headers of VXLAN: what is taken, what is refused and why, at every length and bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pkt/parse.h>

#include "frame.h"
#include "test_eal.h"

static struct frame inner, f;

static enum weft_drop parse(const uint8_t *b, uint32_t len, struct pkt_outer *ret)
{
	struct rte_mbuf *m = frame_exact(b, len);
	enum weft_drop drop = pkt_parse_outer(m, ret);

	rte_pktmbuf_free(m);
	return drop;
}

static void make(bool v6)
{
	frame_make(&inner, &(struct frame_spec){.proto = 6, .payload = 40});
	frame_vxlan(&f, v6, 0xabcdef, 0x2e, &inner);
}

static void check_taken(const struct pkt_outer *o, bool v6)
{
	static const uint8_t v4_src[4] = {192, 0, 2, 1}, v4_dst[4] = {192, 0, 2, 2};
	struct weft_addr src = weft_addr_from_v4(v4_src), dst = weft_addr_from_v4(v4_dst);

	if (v6) {
		src = (struct weft_addr){.b = {0x20, 1, 0xd, 0xb8, [15] = 1}};
		dst = (struct weft_addr){.b = {0x20, 1, 0xd, 0xb8, [15] = 2}};
	}
	assert_memory_equal(&o->src, &src, sizeof(src));
	assert_memory_equal(&o->dst, &dst, sizeof(dst));
	assert_int_equal(o->vni, 0xabcdef);
	assert_int_equal(o->tos, 0x2e);
	assert_int_equal(o->inner_off, v6 ? 70 : 50);
}

static void test_valid_and_split(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		make(v6);
		for (uint32_t cut = 0; cut <= f.len; cut++) {
			struct rte_mbuf *m = frame_chain(f.b, f.len, &cut, 1);
			struct pkt_outer o;
			static struct frame after;

			assert_int_equal(pkt_parse_outer(m, &o), 0);
			check_taken(&o, v6);
			frame_read(&after, m);
			assert_int_equal(after.len, f.len);
			assert_memory_equal(after.b, f.b, f.len);
			rte_pktmbuf_free(m);
		}
	}
}

static void test_truncated_at_every_length(void **state)
{
	struct pkt_outer o;

	for (int v6 = 0; v6 < 2; v6++) {
		make(v6);
		for (uint32_t len = 0; len < f.len; len++)
			assert_int_equal(parse(f.b, len, &o),
				len < 14 ? WEFT_DROP_FRAME_TOO_SHORT : WEFT_DROP_TRUNCATED);
	}
}

/* RFC 7348 section 5: reserved bits are ignored; the I bit must be set. */
static void test_vxlan_bits(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t vxlan = v6 ? 62 : 42;

		for (unsigned int bit = 0; bit < 64; bit++) {
			struct pkt_outer o;

			make(v6);
			f.b[vxlan + bit / 8] ^= 0x80 >> bit % 8;
			if (bit == 4) {
				assert_int_equal(parse(f.b, f.len, &o), WEFT_DROP_BAD_VXLAN);
			} else if (bit >= 32 && bit < 56) {
				assert_int_equal(parse(f.b, f.len, &o), 0);
				assert_int_equal(o.vni, 0xabcdef ^ 1u << (55 - bit));
			} else {
				assert_int_equal(parse(f.b, f.len, &o), 0);
				check_taken(&o, v6);
			}
		}
	}
}

static void test_checksums(void **state)
{
	struct pkt_outer o;

	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t l4 = v6 ? 54 : 34;
		uint16_t good;

		make(v6);
		good = frame_l4_cksum(f.b, 14, l4, f.len - l4, 17);
		for (int wrong = -1; wrong < 16; wrong++) {
			uint16_t field = wrong < 0 ? good : good ^ 1 << wrong;

			put16(f.b + l4 + 6, field);
			assert_int_equal(parse(f.b, f.len, &o),
				field == good || field == 0 ? 0 : WEFT_DROP_BAD_OUTER_CHECKSUM);
		}
		/* A driver that leaves it to be completed: nothing to check yet. */
		put16(f.b + l4 + 6, 0x1234);
		struct rte_mbuf *m = frame_exact(f.b, f.len);
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
		assert_int_equal(pkt_parse_outer(m, &o), 0);
		rte_pktmbuf_free(m);
	}
	make(false);
	f.b[14 + 8]--; /* TTL, without its checksum */
	assert_int_equal(parse(f.b, f.len, &o), WEFT_DROP_BAD_OUTER_CHECKSUM);
}

/* The checksum over a chain whose pieces have odd lengths. */
static void test_checksum_over_segments(void **state)
{
	struct pkt_outer o;

	frame_make(&inner, &(struct frame_spec){.proto = 6, .payload = 800});
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t l4 = v6 ? 54 : 34, cuts[] = {301, 302, 555};
		struct rte_mbuf *m;

		frame_vxlan(&f, v6, 1, 0, &inner);
		put16(f.b + l4 + 6, frame_l4_cksum(f.b, 14, l4, f.len - l4, 17));
		m = frame_chain(f.b, f.len, cuts, 3);
		assert_int_equal(pkt_parse_outer(m, &o), 0);
		rte_pktmbuf_free(m);
		f.b[600] ^= 1;
		m = frame_chain(f.b, f.len, cuts, 3);
		assert_int_equal(pkt_parse_outer(m, &o), WEFT_DROP_BAD_OUTER_CHECKSUM);
		rte_pktmbuf_free(m);
	}
}

static void test_refusals_v4(void **state)
{
	static const struct {
		uint8_t at, value;
		enum weft_drop want;
	} cases[] = {
		{0, 0x03, WEFT_DROP_NOT_VXLAN},	 /* group MAC */
		{13, 0x06, WEFT_DROP_NOT_VXLAN}, /* ARP */
		{12, 0x81, WEFT_DROP_NOT_VXLAN}, /* a tag */
		{14, 0x46, WEFT_DROP_NOT_VXLAN}, /* options */
		{14, 0x44, WEFT_DROP_BAD_IP_HEADER}, {14, 0x65, WEFT_DROP_BAD_IP_HEADER},
		{14, 0x35, WEFT_DROP_BAD_IP_HEADER},
		{20, 0x20, WEFT_DROP_OUTER_FRAGMENT}, /* more fragments */
		{21, 0x01, WEFT_DROP_OUTER_FRAGMENT}, /* offset */
		{20, 0x80, 0},			      /* the reserved bit */
		{23, 6, WEFT_DROP_NOT_VXLAN}, {37, 0xb6, WEFT_DROP_NOT_VXLAN}, /* port 4790 */
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pkt_outer o;

		make(false);
		f.b[cases[i].at] = cases[i].value;
		if (cases[i].at > 14 && cases[i].at < 34)
			frame_fix_ipv4(&f, 14);
		assert_int_equal(parse(f.b, f.len, &o), cases[i].want);
	}
}

static void test_refusals_v6(void **state)
{
	struct pkt_outer o;

	make(true);
	f.b[14] = 0x45;
	assert_int_equal(parse(f.b, f.len, &o), WEFT_DROP_BAD_IP_HEADER);
	make(true);
	f.b[20] = 44; /* the bytes behind are then the fragment header */
	f.b[54] = 17;
	assert_int_equal(parse(f.b, f.len, &o), WEFT_DROP_OUTER_FRAGMENT);
	f.b[54] = 6;
	assert_int_equal(parse(f.b, f.len, &o), WEFT_DROP_NOT_VXLAN);
	f.b[20] = 0;
	assert_int_equal(parse(f.b, f.len, &o), WEFT_DROP_NOT_VXLAN);
}

/* Every value of the stated lengths. What UDP does not cover is cut off, so the inner frame can't
 * reach into it. */
static void test_lying_lengths(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t l4 = v6 ? 54 : 34, at = v6 ? 18 : 16, hdr = v6 ? 0 : 20;
		struct pkt_outer o;
		uint32_t whole;

		make(v6);
		whole = f.len - l4;
		for (uint32_t len = 0; len < whole + 30; len++) {
			struct rte_mbuf *m;

			make(v6);
			put16(f.b + l4 + 4, len);
			m = frame_exact(f.b, f.len);
			assert_int_equal(pkt_parse_outer(m, &o), len < 8 ? WEFT_DROP_BAD_L4_HEADER
								 : len < 16 || len > whole
									 ? WEFT_DROP_TRUNCATED
									 : 0);
			if (len >= 16 && len <= whole)
				assert_int_equal(m->pkt_len, l4 + len);
			rte_pktmbuf_free(m);
		}
		for (uint32_t len = 0; len < whole + hdr + 30; len++) {
			make(v6);
			put16(f.b + at, len);
			if (!v6)
				frame_fix_ipv4(&f, 14);
			assert_int_equal(parse(f.b, f.len, &o), len < hdr ? WEFT_DROP_BAD_IP_HEADER
								: len == whole + hdr
									? 0
									: WEFT_DROP_TRUNCATED);
		}
		/* Ethernet padding behind the outer packet. */
		make(v6);
		struct rte_mbuf *m = frame_exact(f.b, f.len + 6);
		assert_int_equal(pkt_parse_outer(m, &o), 0);
		assert_int_equal(m->pkt_len, f.len);
		rte_pktmbuf_free(m);
	}
}

static void test_random_mutations(void **state)
{
	uint64_t seed = 2;

	for (int i = 0; i < 200000; i++) {
		struct pkt_outer o;
		struct rte_mbuf *m;
		enum weft_drop drop;

		make(test_random(&seed) % 2);
		for (uint64_t n = test_random(&seed) % 4; n > 0; n--)
			f.b[test_random(&seed) % 80] = test_random(&seed);
		if (f.b[14] == 0x45)
			frame_fix_ipv4(&f, 14);
		m = frame_exact(f.b, f.len - test_random(&seed) % 20);
		drop = pkt_parse_outer(m, &o);
		if (drop == 0) {
			assert_in_range(o.inner_off, 50, 70);
			assert_true(o.inner_off <= m->data_len);
			rte_pktmbuf_adj(m, o.inner_off);
			pkt_parse(m);
		}
		rte_pktmbuf_free(m);
	}
}

static int all_returned(void **state)
{
	return test_pools_full() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_valid_and_split, all_returned),
		cmocka_unit_test_teardown(test_truncated_at_every_length, all_returned),
		cmocka_unit_test_teardown(test_vxlan_bits, all_returned),
		cmocka_unit_test_teardown(test_checksums, all_returned),
		cmocka_unit_test_teardown(test_checksum_over_segments, all_returned),
		cmocka_unit_test_teardown(test_refusals_v4, all_returned),
		cmocka_unit_test_teardown(test_refusals_v6, all_returned),
		cmocka_unit_test_teardown(test_lying_lengths, all_returned),
		cmocka_unit_test_teardown(test_random_mutations, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
