/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both uplink programs on single frames of tunnels (BPF_PROG_TEST_RUN): what sessions' frames
 * become, byte by byte. What is left to the data plane is in test_uplink_miss.c; what they do with
 * all other traffic is in test_xdp_uplink.c.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/pkt_cls.h>

#include "oracle.h"
#include "uplink_bed.h"

/* Takes what it told of the packet in. */
static void expect_told(enum way way, const struct frame *in, uint32_t number)
{
	struct weft_bpf_carried *r = &tables.trace[1 + number % WEFT_BPF_TRACE_PLACES].carried;

	assert_int_equal(tables.trace[0].watch.head, number + 1);
	assert_int_equal(r->state, WEFT_BPF_CARRIED_FULL);
	assert_int_equal(r->prog, uplink_ways[way].prog);
	assert_int_equal(r->key.scope, weft_bpf_scope_vni(VNI));
	assert_int_equal(r->d.in_port, UPLINK);
	assert_int_equal(r->d.out_port, PORT);
	assert_int_equal(r->l3_len + 14,
		in->len - (r->d.in_vtep == VTEP_V6 ? WEFT_BPF_OUTER_V6 : WEFT_BPF_OUTER_V4));
	r->state = WEFT_BPF_CARRIED_FREE;
}

static void test_hits(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	uint32_t told = 0;

	tables.control->watch = 1;
	for (unsigned int i = 0; i < 2 * 2 * 2 * 2 * 3; i++) {
		enum way way = i & 8 ? XDP : TC;
		bool outer_v6 = i & 1, routed = i & 2;
		struct flow f = flow_make(i & 4, protos[i / 16]);
		uint32_t index = uplink_session(&f, outer_v6, routed);
		struct frame in = uplink_packet(&f, outer_v6, 0),
			     want = uplink_expected(&f, routed);
		const struct weft_bpf_state *s = &tables.dirs[index].state;

		if (uplink_refuses(way, outer_v6, f.v6)) {
			uplink_expect_miss(way, &in, index, WEFT_BPF_MISS_KERNEL);
			tables_clear();
			continue;
		}
		uplink_expect_hit(way, &in, &want);
		expect_told(way, &in, told++);
		assert_int_equal(s->packets, 1);
		assert_int_equal(s->bytes, want.len);
		assert_int_equal(s->seen_s, tables.control->now_s);
		if (f.proto == IPPROTO_TCP)
			assert_int_equal(s->tcp.end, f.seq + f.payload);
		tables_clear();
	}
	tables.control->watch = 0;
}

/* Behind the inner packet, within the datagram, and behind the datagram. */
static void test_padding_is_cut(void **state)
{
	for (unsigned int i = 0; i < 8; i++) {
		bool outer_v6 = i & 1;
		struct flow f = flow_make(false, IPPROTO_TCP);
		struct frame inner, in, want;

		f.payload = 0;
		uplink_session(&f, outer_v6, true);
		inner = frame_make(&f);
		if (i & 4)
			inner.len = 60;
		in = frame_encap(&inner, uplink_tunnel(outer_v6), true, VNI, 1, 0);
		if (!(i & 4))
			in.len += 17;
		want = uplink_expected(&f, true);
		if (!uplink_refuses(i & 2 ? XDP : TC, outer_v6, false))
			uplink_expect_hit(i & 2 ? XDP : TC, &in, &want);
		tables_clear();
	}
}

static void test_ecn(void **state)
{
	for (unsigned int i = 0; i < 64; i++) {
		struct flow f = flow_make(i & 16, IPPROTO_UDP);
		bool outer_v6 = i & 32, stays;
		struct oracle o = {.flow = f, .max_l3 = MAX_L3};
		struct frame in, want;
		uint32_t index;

		f.tos = 0xb8 | (i & 3);
		in = uplink_packet(&f, outer_v6, i >> 2 & 3);
		stays = oracle_tunnel(&o, uplink_tunnel(outer_v6), VNI, in.b, in.len);
		want = uplink_expected(&f, false);
		for (enum way way = 0; way < WAYS; way++) {
			index = uplink_session(&f, outer_v6, false);
			if (stays && uplink_refuses(way, outer_v6, f.v6))
				uplink_expect_miss(way, &in, index, WEFT_BPF_MISS_KERNEL);
			else if (stays)
				uplink_expect_hit(way, &in, &want);
			else
				uplink_expect_miss(way, &in, index, WEFT_BPF_MISS_ECN);
			tables_clear();
		}
	}
}

static void test_other_traffic(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame in = uplink_packet(&f, false, 0), out;
	struct weft_bpf_prog_counters before = tables_prog(WEFT_BPF_PROG_UPLINK_TC);

	in.b[20] = 0x20;
	frame_ipv4_sum(&in, 14);
	for (enum way way = 0; way < WAYS; way++) {
		out = in;
		assert_int_equal(uplink_run(way, &out), uplink_ways[way].drop);
	}
	assert_int_equal(tables_prog(WEFT_BPF_PROG_UPLINK_TC).dropped, before.dropped + 1);
	out = frame_make(&f);
	assert_int_equal(uplink_run(TC, &out), TC_ACT_UNSPEC);
	assert_int_equal(tables_prog(WEFT_BPF_PROG_UPLINK_TC).passed, before.passed + 1);
}

/* Random changes to valid packets of each kind: program and oracle agree on each one. */
static void test_random(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	unsigned int n = getenv("WEFT_TEST_FRAMES") ? atoi(getenv("WEFT_TEST_FRAMES")) : 100000;
	unsigned int n_hits = 0;

	for (unsigned int i = 0; i < n; i++) {
		enum way way = i & 1 ? XDP : TC;
		bool outer_v6 = i & 2;
		struct oracle o = {flow_make(i & 4, protos[i / 16 % 3]), i & 8, MAX_L3};
		struct frame in = uplink_packet(&o.flow, outer_v6, 0), out;
		unsigned int inner = outer_v6 ? WEFT_BPF_OUTER_V6 : WEFT_BPF_OUTER_V4;
		uint32_t index = uplink_session(&o.flow, outer_v6, o.routed);
		bool hit;

		mutate(&in, inner + 14 + 60, outer_v6 ? 0 : 14, o.flow.v6 ? 0 : inner + 14);
		if (in.len < (way == XDP ? 14 : 54))
			in.len = 54;
		hit = oracle_tunnel(&o, uplink_tunnel(outer_v6), VNI, in.b, in.len) &&
		      !uplink_refuses(way, outer_v6, o.flow.v6);
		out = in;
		uplink_run(way, &out);
		assert_int_equal(tables.dirs[index].state.packets, hit);
		n_hits += hit;
		tables_clear();
	}
	print_message("%u frames, %u hits\n", n, n_hits);
	assert_in_range(n_hits, n / 100, n - n / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_hits, uplink_forget),
		cmocka_unit_test_teardown(test_padding_is_cut, uplink_forget),
		cmocka_unit_test_teardown(test_ecn, uplink_forget),
		cmocka_unit_test_teardown(test_other_traffic, uplink_forget),
		cmocka_unit_test_teardown(test_random, uplink_forget),
	};

	return cmocka_run_group_tests_name("uplink", tests, uplink_set_up, uplink_tear_down);
}
