/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation against naive code: random frames to random addresses and ports. Only what is to
 * change changes, checksums are what a new sum over all bytes gives, and the way back restores
 * every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <netinet/in.h>

#include <pkt/cksum.h>
#include <pkt/parse.h>
#include <session/track_key.h>

#include "frame.h"
#include "test_eal.h"
#include "translate.h"

#define L3 14

static struct frame before, after, wanted;
static uint64_t seed = 20;

static struct weft_addr random_addr(bool v6)
{
	struct weft_addr a;

	for (unsigned int i = 0; i < sizeof(a.b); i++)
		a.b[i] = test_random(&seed);
	a.b[0] = 0x20; /* global unicast */
	if (v6)
		return a;
	a.b[12] = 10;
	return weft_addr_from_v4(a.b + 12);
}

static struct frame_spec random_spec(void)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 99};
	static const uint8_t hop_by_hop[8] = {0, 0, 1, 4};
	struct frame_spec s = {.v6 = test_random(&seed) % 2,
		.proto = protos[test_random(&seed) % 4],
		.payload = test_random(&seed) % 300,
		.sport = 1 + test_random(&seed) % 0xffff,
		.dport = 1 + test_random(&seed) % 0xffff,
		.seq = test_random(&seed)};

	if (s.proto == IPPROTO_ICMP) {
		s.proto = s.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		s.sport = s.v6 ? 128 << 8 : 8 << 8; /* echo requests */
	}
	s.partial = s.proto != 99 && !(test_random(&seed) % 4) &&
		    (s.proto == IPPROTO_TCP || s.proto == IPPROTO_UDP);
	if (s.v6 && test_random(&seed) % 4 == 0) {
		s.ext = hop_by_hop;
		s.ext_len = sizeof(hop_by_hop);
	} else if (!s.v6 && test_random(&seed) % 4 == 0) {
		s.n_ip_options = test_random(&seed) % 5;
	}
	return s;
}

static struct rte_mbuf *parsed(const struct frame *f, bool partial)
{
	struct rte_mbuf *m = frame_mbuf(f->b, f->len);

	if (partial)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	pkt_meta(m)->flags = 0;
	assert_int_equal(pkt_parse(m), 0);
	return m;
}

static struct session_key random_answers(const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	bool v6 = meta->flags & PKT_IPV6;
	struct session_key k = {.src = random_addr(v6), .dst = random_addr(v6)};

	k.sport = test_random(&seed);
	k.dport = test_random(&seed);
	if (track_is_icmp(meta))
		k.sport = k.dport;
	return k;
}

/* What the packet's own key is, turned round: leads back. */
static struct session_key answers_of(const struct rte_mbuf *m)
{
	struct session_key k, r;

	track_key(pkt_meta_const(m), rte_pktmbuf_mtod_offset(m, uint8_t *, L3), &k);
	r = (struct session_key){
		.src = k.dst, .dst = k.src, .sport = k.dport, .dport = k.sport, .proto = k.proto};
	return r;
}

/* Puts what answers says into a copy of the frame, and sums up anew. */
static void expect(
	struct frame *f, const struct rte_mbuf *m, const struct session_key *answers, bool sum)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	bool v6 = meta->flags & PKT_IPV6;
	uint8_t *ip = f->b + L3, *l4 = f->b + meta->l4_off;
	uint32_t len = f->len - meta->l4_off;
	unsigned int at = 0;

	memcpy(ip + (v6 ? 8 : 12), answers->dst.b + (v6 ? 0 : 12), v6 ? 16 : 4);
	memcpy(ip + (v6 ? 24 : 16), answers->src.b + (v6 ? 0 : 12), v6 ? 16 : 4);
	if (!v6)
		frame_fix_ipv4(f, L3);
	if (!(meta->flags & PKT_L4))
		return;
	if (track_is_icmp(meta)) {
		put16(l4 + 4, answers->dport);
		at = 2;
	} else {
		put16(l4, answers->dport);
		put16(l4 + 2, answers->sport);
		at = meta->l4_proto == IPPROTO_TCP ? 16 : 6;
	}
	if (sum)
		put16(l4 + at, frame_l4_cksum(f->b, L3, meta->l4_off, len, meta->l4_proto));
}

static void test_random_frames(void **state)
{
	for (int i = 0; i < 100000; i++) {
		struct frame_spec spec = random_spec();
		struct session_key there, back;
		struct rte_mbuf *m, *again;

		frame_make(&before, &spec);
		m = parsed(&before, spec.partial);
		there = random_answers(m);
		back = answers_of(m);
		translate(m, &there);
		frame_read(&after, m);
		again = parsed(&after, spec.partial);
		assert_int_equal(pkt_meta(m)->sport, pkt_meta(again)->sport);
		assert_int_equal(pkt_meta(m)->dport, pkt_meta(again)->dport);
		assert_int_equal(pkt_meta(m)->flags, pkt_meta(again)->flags);
		rte_pktmbuf_free(again);

		memcpy(wanted.b, before.b, before.len);
		wanted.len = before.len;
		expect(&wanted, m, &there, !spec.partial);
		assert_int_equal(after.len, wanted.len);
		assert_memory_equal(after.b, wanted.b, wanted.len);
		translate(m, &back);
		frame_read(&after, m);
		assert_memory_equal(after.b, before.b, before.len);
		rte_pktmbuf_free(m);
	}
}

/* RFC 768: no checksum stays none, over IPv4. */
static void test_udp_without_checksum(void **state)
{
	struct frame_spec spec = {.payload = 10};
	struct session_key there;
	struct rte_mbuf *m;

	frame_make(&before, &spec);
	put16(before.b + 40, 0);
	m = parsed(&before, false);
	there = random_answers(m);
	translate(m, &there);
	frame_read(&after, m);
	assert_int_equal(get16(after.b + 40), 0);
	rte_pktmbuf_free(m);
}

/* RFC 768: a sum of zero is sent as all ones. */
static void test_udp_sum_of_zero(void **state)
{
	struct frame_spec spec = {.payload = 10};
	struct session_key there;
	struct rte_mbuf *m;
	uint16_t sum;

	frame_make(&before, &spec);
	m = parsed(&before, false);
	there = answers_of(m);
	/* The source port takes what is missing. */
	sum = get16(before.b + 40);
	there.dport = (spec.sport ? spec.sport : 1000) + sum;
	if (there.dport < sum)
		there.dport++; /* end-around carry */
	translate(m, &there);
	frame_read(&after, m);
	assert_int_equal(get16(after.b + 40), 0xffff);
	assert_true(pkt_l4_cksum_ok(m));
	rte_pktmbuf_free(m);
}

/* A wrong checksum is not made good: the receiver is to see that it is wrong. */
static void test_wrong_stays_wrong(void **state)
{
	for (int i = 0; i < 2000; i++) {
		struct frame_spec spec = {.v6 = i & 1, .proto = IPPROTO_TCP, .payload = 30};
		struct session_key there;
		struct rte_mbuf *m;

		frame_make(&before, &spec);
		before.b[before.len - 1 - i % 30] ^= 1 + i % 255;
		m = parsed(&before, false);
		there = random_answers(m);
		assert_false(pkt_l4_cksum_ok(m));
		translate(m, &there);
		assert_false(pkt_l4_cksum_ok(m));
		rte_pktmbuf_free(m);
	}
}

/* Behind the first fragment there are addresses only; in the first there are ports as well. */
static void test_fragments(void **state)
{
	static const uint16_t frags[] = {0x2000, 0x2005, 0x0005};

	for (unsigned int i = 0; i < RTE_DIM(frags); i++) {
		struct frame_spec spec = {
			.proto = IPPROTO_UDP, .payload = 64, .frag = frags[i], .ip_id = 5};
		struct session_key there, back;
		struct rte_mbuf *m;

		frame_make(&before, &spec);
		m = parsed(&before, false);
		there = random_answers(m);
		back = answers_of(m);
		translate(m, &there);
		frame_read(&after, m);
		assert_int_equal(naive_cksum(after.b + L3, 20, 0), 0);
		if (frags[i] & 0x1fff)
			assert_memory_equal(
				after.b + L3 + 20, before.b + L3 + 20, before.len - L3 - 20);
		else
			assert_int_equal(get16(after.b + L3 + 20), there.dport);
		translate(m, &back);
		frame_read(&after, m);
		assert_memory_equal(after.b, before.b, before.len);
		rte_pktmbuf_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_frames),
		cmocka_unit_test(test_udp_without_checksum),
		cmocka_unit_test(test_udp_sum_of_zero),
		cmocka_unit_test(test_wrong_stays_wrong),
		cmocka_unit_test(test_fragments),
	};

	test_eal_init(64);
	test_pools(64);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
