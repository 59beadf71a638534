/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Joining against its inverse: what was joined is cut again by pkt_gso, and must give the frames
 * that went in, byte for byte and in order. Each difference that forbids joining, one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <core/mem.h>
#include <pkt/cksum.h>
#include <pkt/gro.h>
#include <pkt/gso.h>
#include <pkt/parse.h>
#include <pkt/pullup.h>

#include "frame.h"
#include "test_eal.h"

#define BURST 64
#define L3    14

/* What went in. */
static struct {
	struct frame f;
	uint32_t hash;
	uint32_t flags;
	bool seen;
} in[BURST];
static struct rte_mbuf *pkts[BURST];
static struct frame got;

static void fix(struct frame *f)
{
	bool v6 = f->b[12] == 0x86;
	uint32_t l4 = L3 + (v6 ? 40 : (f->b[L3] & 15) * 4u);

	if (!v6)
		frame_fix_ipv4(f, L3);
	if (l4 + 20 <= f->len)
		put16(f->b + l4 + 16, frame_l4_cksum(f->b, L3, l4, f->len - l4, 6));
}

/* pkts[i] from in[i]; n_cuts pieces more. False: the parser does not take it. */
static bool load(unsigned int i, const uint32_t *cuts, unsigned int n_cuts, uint32_t from)
{
	struct rte_mbuf *m = n_cuts ? frame_chain(in[i].f.b, in[i].f.len, cuts, n_cuts)
				    : frame_mbuf(in[i].f.b, in[i].f.len);

	pkt_meta(m)->flags = from;
	if (pkt_parse(m) != 0 || m->pkt_len != in[i].f.len) {
		rte_pktmbuf_free(m);
		return false;
	}
	in[i].hash = pkt_meta(m)->hash;
	in[i].flags = pkt_meta(m)->flags;
	in[i].seen = false;
	pkts[i] = m;
	return true;
}

/* The first frame of that connection that has not come out yet must be m. Returns its index. */
static unsigned int match(const struct rte_mbuf *m, unsigned int n, bool cut)
{
	unsigned int i = 0;

	while (i < n && (in[i].seen || in[i].hash != pkt_meta_const(m)->hash))
		i++;
	assert_true(i < n);
	frame_read(&got, m);
	if (cut && (in[i].flags & PKT_IPV4) && (in[i].flags & PKT_DF)) {
		memcpy(got.b + L3 + 4, in[i].f.b + L3 + 4, 2); /* the id may be any */
		frame_fix_ipv4(&got, L3);
	}
	assert_int_equal(got.len, in[i].f.len);
	assert_memory_equal(got.b, in[i].f.b, got.len);
	in[i].seen = true;
	return i;
}

static void check_request(const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta_const(m);

	assert_true(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_L4_MASK, RTE_MBUF_F_TX_TCP_CKSUM);
	assert_int_equal(m->tso_segsz, meta->gso_size);
	assert_int_equal(m->l2_len + m->l3_len + m->l4_len, meta->hdr_len);
	assert_int_equal(m->pkt_len, meta->l3_off + meta->l3_len);
	if (meta->flags & PKT_IPV4)
		assert_true(cksum_ipv4_ok(rte_pktmbuf_mtod_offset(m, void *, L3), m->l3_len));
	frame_read(&got, m); /* lengths of the chain */
}

/* Returns the index of the first frame in m. */
static unsigned int check_joined(struct rte_mbuf *m, unsigned int n)
{
	struct rte_mbuf *segs[PKT_GSO_SEGS_MAX];
	uint16_t joined = pkt_meta(m)->joined;
	unsigned int first = 0;

	assert_true(pkt_meta(m)->flags & PKT_GSO);
	check_request(m);
	assert_int_equal(pkt_gso(m, segs, PKT_GSO_SEGS_MAX, 0), joined + 1);
	for (unsigned int i = 0; i <= joined; i++) {
		unsigned int at = match(segs[i], n, true);

		first = i == 0 ? at : first;
		rte_pktmbuf_free(segs[i]);
	}
	return first;
}

/* Joins n frames; checks and frees what comes out. Returns how many that were. */
static unsigned int check(unsigned int n)
{
	unsigned int left = pkt_gro(pkts, n), at, last = 0;

	for (unsigned int i = 0; i < left; i++) {
		if (pkt_meta(pkts[i])->joined) {
			at = check_joined(pkts[i], n);
		} else {
			assert_int_equal(pkts[i]->ol_flags & RTE_MBUF_F_TX_TCP_SEG, 0);
			at = match(pkts[i], n, false);
			rte_pktmbuf_free(pkts[i]);
		}
		assert_true(i == 0 || at > last);
		last = at;
	}
	for (unsigned int i = 0; i < n; i++)
		assert_true(in[i].seen);
	return left;
}

static struct frame_spec segment(unsigned int i, uint32_t size)
{
	return (struct frame_spec){
		.proto = 6,
		.payload = size,
		.seq = 0xfffffe00 + i * size,
		.ip_id = 0xffff + i,
		.n_tcp_options = 3,
	};
}

/* Four segments, the third of which has been changed. */
typedef void (*change)(struct frame *f);

static unsigned int join_four(bool v6, bool df, change how, bool repair)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct frame_spec s = segment(i, 300);

		s.v6 = v6;
		s.df = df;
		frame_make(&in[i].f, &s);
		if (i == 2 && how)
			how(&in[i].f);
		if (i == 2 && repair)
			fix(&in[i].f);
		assert_true(load(i, NULL, 0, PKT_FROM_TUNNEL));
	}
	return check(4);
}

static void set(struct frame *f, uint32_t v4_off, uint32_t v6_off, uint8_t flip)
{
	f->b[L3 + (f->b[12] == 0x86 ? v6_off : v4_off)] ^= flip;
}

static void set_tcp(struct frame *f, uint32_t off, uint8_t flip)
{
	set(f, 20 + off, 40 + off, flip);
}

static void other_mac(struct frame *f)
{
	f->b[5] ^= 4;
}

static void other_tos(struct frame *f)
{
	set(f, 1, 1, 0x10);
}

static void other_ttl(struct frame *f)
{
	set(f, 8, 7, 1);
}

static void other_address(struct frame *f)
{
	set(f, 15, 23, 8);
}

static void other_port(struct frame *f)
{
	set_tcp(f, 1, 2);
}

static void other_seq(struct frame *f)
{
	set_tcp(f, 7, 1);
}

static void other_ack(struct frame *f)
{
	set_tcp(f, 8, 1);
}

static void other_window(struct frame *f)
{
	set_tcp(f, 15, 1);
}

static void other_urgent(struct frame *f)
{
	set_tcp(f, 19, 1);
}

static void other_option(struct frame *f)
{
	set_tcp(f, 31, 1);
}

static void with_fin(struct frame *f)
{
	set_tcp(f, 13, 0x01);
}

static void with_syn(struct frame *f)
{
	set_tcp(f, 13, 0x02);
}

static void with_rst(struct frame *f)
{
	set_tcp(f, 13, 0x04);
}

static void with_urg(struct frame *f)
{
	set_tcp(f, 13, 0x20);
}

static void with_ece(struct frame *f)
{
	set_tcp(f, 13, 0x40);
}

static void with_cwr(struct frame *f)
{
	set_tcp(f, 13, 0x80);
}

static void without_ack(struct frame *f)
{
	set_tcp(f, 13, 0x10);
}

static void wrong_sum(struct frame *f)
{
	set_tcp(f, 16, 1);
}

static void wrong_byte(struct frame *f)
{
	f->b[f->len - 1] ^= 1;
}

static void other_id(struct frame *f)
{
	set(f, 5, 7, 0x40);
}

static const change forbidding[] = {other_mac, other_tos, other_ttl, other_address, other_port,
	other_seq, other_ack, other_window, other_urgent, other_option, with_fin, with_syn,
	with_rst, with_urg, with_ece, with_cwr, without_ack};

static void test_each_difference(void **state)
{
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		assert_int_equal(join_four(v6, false, NULL, false), 1);
		for (unsigned int i = 0; i < RTE_DIM(forbidding); i++) {
			/* What has another hash leaves its connection with a gap. */
			assert_int_equal(join_four(v6, true, forbidding[i], true), 3);
		}
		assert_int_equal(join_four(v6, false, wrong_sum, false), 3);
		assert_int_equal(join_four(v6, false, wrong_byte, false), 3);
	}
	assert_int_equal(join_four(false, true, other_id, true), 1);
	assert_int_equal(join_four(false, false, other_id, true), 3);
}

static unsigned int join_specs(const struct frame_spec *specs, unsigned int n, uint32_t from)
{
	for (unsigned int i = 0; i < n; i++) {
		frame_make(&in[i].f, &specs[i]);
		assert_true(load(i, NULL, 0, from));
	}
	return check(n);
}

static void test_what_ends_a_frame(void **state)
{
	struct frame_spec s[4];

	for (unsigned int i = 0; i < 4; i++)
		s[i] = segment(i, 300);
	s[1].tcp_flags = 0x18;
	assert_int_equal(join_specs(s, 4, PKT_FROM_TUNNEL), 2);
	s[0].tcp_flags = 0x18;
	assert_int_equal(join_specs(s, 4, PKT_FROM_TUNNEL), 3);
	s[0].tcp_flags = s[1].tcp_flags = 0x50;
	assert_int_equal(join_specs(s, 4, PKT_FROM_TUNNEL), 2); /* ECE in both */
	s[0] = segment(0, 300), s[1] = segment(1, 300);
	s[1].payload = 299;
	assert_int_equal(join_specs(s, 2, PKT_FROM_TUNNEL), 1); /* a smaller last one */
	s[2].seq--;
	assert_int_equal(join_specs(s, 3, PKT_FROM_TUNNEL), 2); /* it is the last */
	s[1].payload = 301;
	assert_int_equal(join_specs(s, 2, PKT_FROM_TUNNEL), 2); /* a larger one never */
	s[1].payload = 0;
	s[2] = segment(1, 300);
	assert_int_equal(join_specs(s, 3, PKT_FROM_TUNNEL), 3); /* nothing overtakes an ACK */
}

static void test_what_is_never_joined(void **state)
{
	static const uint8_t ext[8] = {0, 0, 1, 4};
	struct frame_spec s[2] = {segment(0, 300), segment(1, 300)}, t[2];

	assert_int_equal(join_specs(s, 2, 0), 2); /* not from a tunnel */
	memcpy(t, s, sizeof(t));
	t[0].proto = t[1].proto = 17;
	assert_int_equal(join_specs(t, 2, PKT_FROM_TUNNEL), 2);
	memcpy(t, s, sizeof(t));
	t[0].n_ip_options = t[1].n_ip_options = 1;
	assert_int_equal(join_specs(t, 2, PKT_FROM_TUNNEL), 2);
	memcpy(t, s, sizeof(t));
	t[0].frag = t[1].frag = 0x2000;
	assert_int_equal(join_specs(t, 2, PKT_FROM_TUNNEL), 2);
	memcpy(t, s, sizeof(t));
	for (unsigned int i = 0; i < 2; i++) {
		t[i].v6 = true;
		t[i].ext = ext;
		t[i].ext_len = 8;
		t[i].ext_proto = 60;
	}
	assert_int_equal(join_specs(t, 2, PKT_FROM_TUNNEL), 2);
}

/* A copy refers to the head: its headers must stay. */
static void test_shared_data(void **state)
{
	struct rte_mbuf *copy;

	for (unsigned int i = 0; i < 2; i++) {
		struct frame_spec s = segment(i, 300);

		frame_make(&in[i].f, &s);
		assert_true(load(i, NULL, 0, PKT_FROM_TUNNEL));
	}
	copy = rte_pktmbuf_clone(pkts[0], mem_pools.indirect);
	assert_int_equal(check(2), 2);
	rte_pktmbuf_free(copy);
}

/* 64 KiB and the number of mbufs are limits. */
static void test_limits(void **state)
{
	static const uint32_t cuts[2] = {300, 350};

	for (unsigned int i = 0; i < 60; i++) {
		struct frame_spec s = segment(i, 1900);

		frame_make(&in[i].f, &s);
		assert_true(load(i, NULL, 0, PKT_FROM_TUNNEL));
	}
	assert_int_equal(check(60), 2);
	for (unsigned int i = 0; i < 33; i++) {
		struct frame_spec s = segment(i, 500);

		frame_make(&in[i].f, &s);
		assert_true(load(i, cuts, 2, PKT_FROM_TUNNEL));
	}
	assert_int_equal(check(33), 3);
}

static uint32_t pick(uint64_t *seed, uint32_t n)
{
	return test_random(seed) % n;
}

/* The next frame of one of n connections, now and then another than it should be. */
static void make_random(unsigned int i, uint64_t *seed, struct frame_spec *flows, unsigned int n)
{
	static const uint8_t flags[] = {0x18, 0x50, 0x11, 0x90, 0x12, 0x14, 0x30, 0x19};
	struct frame_spec *flow = &flows[pick(seed, n)], s = *flow;
	struct frame *f = &in[i].f;
	uint32_t cuts[2];
	unsigned int n_cuts = 0;

	if (pick(seed, 10) == 0)
		s.tcp_flags = flags[pick(seed, sizeof(flags))];
	if (pick(seed, 10) == 0)
		s.payload = pick(seed, 1500);
	if (pick(seed, 20) == 0)
		s.seq += 1 + pick(seed, 100);
	frame_make(f, &s);
	flow->seq += s.payload;
	flow->ip_id++;
	if (pick(seed, 20) == 0) {
		f->b[pick(seed, f->len)] ^= 1u << pick(seed, 8);
		if (pick(seed, 3))
			fix(f);
	}
	if (pick(seed, 4) == 0) {
		n_cuts = 2;
		cuts[0] = pick(seed, f->len);
		cuts[1] = cuts[0] + pick(seed, f->len - cuts[0]);
	}
	if (load(i, cuts, n_cuts, PKT_FROM_TUNNEL))
		return;
	frame_make(f, &s);
	assert_true(load(i, NULL, 0, PKT_FROM_TUNNEL));
}

static void test_random_streams(void **state)
{
	unsigned int n_in = 0, n_out = 0;
	uint64_t seed = 5;

	for (unsigned int round = 0; round < 3000; round++) {
		unsigned int n_flows = 1 + pick(&seed, 7), n = 1 + pick(&seed, BURST);
		struct frame_spec flows[7];

		for (unsigned int i = 0; i < n_flows; i++) {
			flows[i] = segment(pick(&seed, 4000), 1 + pick(&seed, 1448));
			flows[i].v6 = pick(&seed, 2);
			flows[i].df = pick(&seed, 2);
			flows[i].sport = 1 + pick(&seed, 1000);
		}
		for (unsigned int i = 0; i < n; i++)
			make_random(i, &seed, flows, n_flows);
		n_in += n;
		n_out += check(n);
	}
	assert_true(n_out * 3 < n_in * 2); /* or this proves nothing */
}

static int all_returned(void **state)
{
	return test_pools_full() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_each_difference, all_returned),
		cmocka_unit_test_teardown(test_what_ends_a_frame, all_returned),
		cmocka_unit_test_teardown(test_what_is_never_joined, all_returned),
		cmocka_unit_test_teardown(test_shared_data, all_returned),
		cmocka_unit_test_teardown(test_limits, all_returned),
		cmocka_unit_test_teardown(test_random_streams, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
