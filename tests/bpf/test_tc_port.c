/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port program on single frames (BPF_PROG_TEST_RUN): what sessions' frames become, byte by
 * byte, and which ones of a session pass. Whose frames are left alone is in test_tc_port_miss.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "oracle.h"
#include "port_bed.h"

static struct frame expected(const struct flow *f, enum way way, bool routed)
{
	struct flow g = *f;
	struct frame frame;

	if (routed) {
		memcpy(g.dst_mac, port_rewrite_macs, 6);
		memcpy(g.src_mac, port_rewrite_macs + 6, 6);
		g.ttl--;
	}
	frame = frame_make(&g);
	if (way != LOCAL)
		frame = frame_encap(&frame, &tables.tunnels[way == TUNNEL_V4 ? VTEP_V4 : VTEP_V6],
			false, VNI, HASH, f->tos & 3);
	return frame;
}

static void expect_hit(const struct flow *f, enum way way, bool routed)
{
	uint32_t index = port_session(f, way, routed);
	struct weft_bpf_port_counters in = tables_port(PORT), in2;
	uint16_t out_slot = way == LOCAL ? OTHER_PORT : UPLINK;
	struct weft_bpf_port_counters out = tables_port(out_slot), out2;
	struct weft_bpf_prog_counters before = tables_prog(WEFT_BPF_PROG_PORT), after;
	struct frame frame = frame_make(f), want = expected(f, way, routed);
	const struct weft_bpf_state *state = &tables.dirs[index].state;
	unsigned int len = frame.len;

	assert_int_equal(port_run(&frame, NULL), TC_ACT_REDIRECT);
	assert_int_equal(frame.len, want.len);
	assert_memory_equal(frame.b, want.b, want.len);
	after = tables_prog(WEFT_BPF_PROG_PORT);
	assert_int_equal(after.hits - before.hits, 1);
	assert_memory_equal(after.misses, before.misses, sizeof(after.misses));
	in2 = tables_port(PORT);
	assert_int_equal(in2.rx_packets - in.rx_packets, 1);
	assert_int_equal(in2.rx_bytes - in.rx_bytes, len);
	out2 = tables_port(out_slot);
	assert_int_equal(out2.tx_packets - out.tx_packets, 1);
	assert_int_equal(out2.tx_bytes - out.tx_bytes, want.len);
	assert_int_equal(state->packets, 1);
	assert_int_equal(state->bytes, len);
	assert_int_equal(state->seen_s, tables.control->now_s);
	if (f->proto == IPPROTO_TCP) {
		assert_int_equal(state->tcp.end, f->seq + f->payload);
		assert_int_equal(state->tcp.start, 900);
	}
	tables_clear();
}

static void test_hits(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

	for (int v6 = 0; v6 < 2; v6++)
		for (unsigned int p = 0; p < sizeof(protos); p++)
			for (int way = 0; way < WAYS; way++)
				for (int routed = 0; routed < 2; routed++) {
					struct flow f = flow_make(v6, protos[p]);

					expect_hit(&f, way, routed);
				}
}

static void test_ecn_and_dscp(void **state)
{
	for (int v6 = 0; v6 < 2; v6++)
		for (unsigned int tos = 0; tos < 256; tos++) {
			struct flow f = flow_make(v6, IPPROTO_UDP);

			f.tos = tos;
			expect_hit(&f, v6 ? TUNNEL_V6 : TUNNEL_V4, true);
		}
}

static void test_ttl_in_checksum(void **state)
{
	for (unsigned int ttl = 2; ttl < 256; ttl++) {
		struct flow f = flow_make(false, IPPROTO_UDP);

		f.ttl = ttl;
		f.sport = ttl * 251;
		f.src[15] = ttl;
		expect_hit(&f, LOCAL, true);
	}
}

static void test_padding_is_cut(void **state)
{
	for (int way = 0; way < WAYS; way++) {
		struct flow f = flow_make(false, IPPROTO_TCP);
		struct frame frame, want;

		f.payload = 0;
		port_session(&f, way, true);
		frame = frame_make(&f);
		want = expected(&f, way, true);
		frame.len = 60;
		assert_int_equal(port_run(&frame, NULL), TC_ACT_REDIRECT);
		assert_int_equal(frame.len, want.len);
		assert_memory_equal(frame.b, want.b, want.len);
		tables_clear();
	}
}

static void test_tcp_numbers(void **state)
{
	static const struct {
		uint32_t seq, ack;
		bool ok;
	} cases[] = {
		{1000, 5000, true},
		{21000 - 23, 5000, true},
		{21000 - 23 + 1, 5000, true},  /* a window probe */
		{21000 - 23 + 2, 5000, false}, /* beyond the window */
		{1000, 5001, false},	       /* acknowledges what was never sent */
		{1000 - 20000 - 23 - 2, 5000, true},
		{1000 - 20000 - 23 - 3, 5000, false}, /* older than a window */
		{1000, 5000 - 20000 - 66000, true},
		{1000, 5000 - 20000 - 66001, false},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct flow f = flow_make(i % 2, IPPROTO_TCP);
		uint32_t index = port_session(&f, LOCAL, false);
		struct frame frame;

		f.seq = cases[i].seq;
		f.ack = cases[i].ack;
		frame = frame_make(&f);
		if (cases[i].ok)
			assert_int_equal(port_run(&frame, NULL), TC_ACT_REDIRECT);
		else
			port_expect_miss(&frame, index, WEFT_BPF_MISS_TCP_WINDOW);
		assert_int_equal(tables.dirs[index].state.packets, cases[i].ok);
		tables_clear();
	}
}

static void test_tcp_flags(void **state)
{
	for (unsigned int flags = 0; flags < 256; flags++) {
		struct flow f = flow_make(flags % 2, IPPROTO_TCP);
		uint32_t index = port_session(&f, LOCAL, false);
		struct frame frame;

		f.tcp_flags = flags;
		frame = frame_make(&f);
		/* ACK with or without PSH, URG, ECE, CWR */
		if ((flags & 0x17) == 0x10)
			assert_int_equal(port_run(&frame, NULL), TC_ACT_REDIRECT);
		else
			port_expect_miss(&frame, index, WEFT_BPF_MISS_TCP_FLAGS);
		assert_int_equal(tables.dirs[index].state.packets, (flags & 0x17) == 0x10);
		tables_clear();
	}
}

static void test_tcp_state(void **state)
{
	static const uint8_t flags[] = {SIDE_SILENT, SIDE_UNACKED, SIDE_FIN};
	struct flow f = flow_make(false, IPPROTO_TCP);
	struct frame frame = frame_make(&f);

	for (unsigned int i = 0; i < sizeof(flags) * 2; i++) {
		uint32_t index = port_session(&f, LOCAL, false);
		uint32_t side = i % 2 ? index : tables.dirs[index].d.peer;

		tables.dirs[side].state.tcp.flags = flags[i / 2];
		port_expect_miss(&frame, index, WEFT_BPF_MISS_TCP_STATE);
		tables_clear();
	}
}

/* Segments are what counts against the MTU; a frame of a kind that the kernel can't carry through a
 * tunnel (here: one that does not say what it is) stays whole and goes to the data plane. */
static void test_gso(void **state)
{
	struct flow f = flow_make(false, IPPROTO_TCP);
	struct __sk_buff skb = {.gso_size = 500, .gso_segs = 3};
	uint32_t index;
	struct frame frame;

	f.payload = 1500;
	frame = frame_make(&f);
	index = port_session(&f, LOCAL, false);
	port_expect_miss(&frame, index, WEFT_BPF_MISS_TOO_LONG);
	assert_int_equal(port_run(&frame, &skb), TC_ACT_REDIRECT);
	assert_int_equal(tables.dirs[index].state.packets, 1);
	tables.dirs[index].d.max_l3 = 539;
	port_expect_miss_skb(&frame, index, WEFT_BPF_MISS_TOO_LONG, &skb);
	tables_clear();
	index = port_session(&f, TUNNEL_V4, false);
	port_expect_miss_skb(&frame, index, WEFT_BPF_MISS_KERNEL, &skb);
	tables_clear();
}

/* As many segments as the data plane takes, and one more. */
static void test_gso_segments(void **state)
{
	struct flow f = flow_make(false, IPPROTO_TCP);
	struct __sk_buff skb = {.gso_size = 11, .gso_segs = 128};
	struct frame frame;
	uint32_t index;

	f.payload = 11 * WEFT_BPF_GSO_SEGS_MAX + 1;
	frame = frame_make(&f);
	index = port_session(&f, LOCAL, false);
	port_expect_miss_skb(&frame, index, WEFT_BPF_MISS_HEADERS, &skb);
	f.payload--;
	frame = frame_make(&f);
	assert_int_equal(port_run(&frame, &skb), TC_ACT_REDIRECT);
	assert_int_equal(tables.dirs[index].state.packets, 1);
	tables_clear();
}

/* A full bucket keeps sessions out, never lets anything in. */
static void test_full_bucket(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct weft_bpf_decision d = port_decision(&f, LOCAL, false);
	unsigned int n_in = 0, n_out = 0, mask = tables.control->n_buckets_mask;

	tables.control->n_buckets_mask = 0;
	for (f.sport = 1; f.sport < 100; f.sport++) {
		struct weft_bpf_key key = flow_key(&f, weft_bpf_scope_port(IFINDEX));

		n_in += tables_put(&key, &d, NULL) != 0;
	}
	assert_int_equal(n_in, WEFT_BPF_PLACES);
	for (f.sport = 1; f.sport < 100; f.sport++) {
		struct weft_bpf_prog_counters before = tables_prog(WEFT_BPF_PROG_PORT);
		struct frame frame = frame_make(&f);

		assert_int_equal(port_run(&frame, NULL), TC_ACT_REDIRECT);
		n_out += tables_prog(WEFT_BPF_PROG_PORT).hits - before.hits;
	}
	assert_int_equal(n_out, WEFT_BPF_PLACES);
	tables.control->n_buckets_mask = mask;
	tables_clear();
}

/* Without a mark there is no way to the data plane, and nothing passes. */
static void test_no_mark(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f);
	uint64_t before = tables_prog(WEFT_BPF_PROG_PORT).dropped;

	tables.control->mark = 0;
	assert_int_equal(port_run(&frame, NULL), TC_ACT_SHOT);
	assert_int_equal(tables_prog(WEFT_BPF_PROG_PORT).dropped, before + 1);
	tables.control->mark = TABLES_MARK;
}

/* The data plane's socket had it: it ends here, session or not, and is counted no second time. */
static void test_second_pass_ends(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	uint32_t index = port_session(&f, LOCAL, false);
	struct weft_bpf_prog_counters before = tables_prog(WEFT_BPF_PROG_PORT), after;
	struct __sk_buff skb = {.mark = TABLES_MARK};
	struct frame frame = frame_make(&f);

	assert_int_equal(port_run(&frame, &skb), TC_ACT_SHOT);
	after = tables_prog(WEFT_BPF_PROG_PORT);
	assert_memory_equal(&after, &before, sizeof(after));
	assert_int_equal(tables.dirs[index].state.packets, 0);
	skb.mark = TABLES_MARK + 1;
	assert_int_equal(port_run(&frame, &skb), TC_ACT_REDIRECT);
	assert_int_equal(tables.dirs[index].state.packets, 1);
}

static void test_egress_passes_what_is_marked(void **state)
{
	struct __sk_buff skb = {.mark = TABLES_MARK};
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.b, .data_size_in = frame.len,
		.ctx_in = &skb, .ctx_size_in = sizeof(skb), .ctx_out = &skb,
		.ctx_size_out = sizeof(skb), .repeat = 1);
	int fd = bpf_program__fd(port_skel->progs.weft_port_out);

	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	assert_int_equal((int)opts.retval, TC_ACT_UNSPEC);
	assert_int_equal(skb.mark, 0);
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	assert_int_equal((int)opts.retval, TC_ACT_SHOT);
	tables.control->mark = 0;
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	assert_int_equal((int)opts.retval, TC_ACT_SHOT);
	tables.control->mark = TABLES_MARK;
}

/* A decision that changes while packets pass: each packet gets the one or the other, or is a miss,
 * never a mixture. */
static volatile bool writer_stop;

/* Long enough for a packet to come by. */
static void linger(void)
{
	for (int i = random() % 2048; i > 0; i--)
		__builtin_ia32_pause();
}

static void write_decision(struct weft_bpf_dir *dir, uint8_t fill)
{
	dir->seq++;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	memset(dir->d.rewrite_macs, fill, 6);
	linger();
	memset(dir->d.rewrite_macs + 6, fill, 6);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	dir->seq++;
}

static void *write_decisions(void *dir)
{
	for (uint8_t fill = 2; !writer_stop; fill ^= 2 ^ 4) {
		write_decision(dir, fill);
		linger();
	}
	return NULL;
}

static void test_changing_decision(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	uint32_t index = port_session(&f, LOCAL, true), n_hits[2] = {0};
	const struct frame frame = frame_make(&f);
	pthread_t writer;

	write_decision(&tables.dirs[index], 2);
	writer_stop = false;
	assert_int_equal(pthread_create(&writer, NULL, write_decisions, &tables.dirs[index]), 0);
	for (unsigned int i = 0; i < 100000; i++) {
		struct frame out = frame;

		assert_int_equal(port_run(&out, NULL), TC_ACT_REDIRECT);
		if (memcmp(out.b, frame.b, out.len) == 0)
			continue;
		assert_true(out.b[0] == 2 || out.b[0] == 4);
		for (unsigned int at = 1; at < 12; at++)
			assert_int_equal(out.b[at], out.b[0]);
		n_hits[out.b[0] == 4]++;
	}
	writer_stop = true;
	pthread_join(writer, NULL);
	print_message("%u and %u of 100000\n", n_hits[0], n_hits[1]);
	assert_true(n_hits[0] && n_hits[1]);
}

/* Random changes to valid frames of each kind: program and oracle agree on each one. */
static void test_random(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	unsigned int n = getenv("WEFT_TEST_FRAMES") ? atoi(getenv("WEFT_TEST_FRAMES")) : 50000;
	unsigned int n_hits = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct oracle o = {flow_make(i & 1, protos[i / 12 % 3]), i & 2, 1400};
		struct frame frame = frame_make(&o.flow);
		uint32_t index = port_session(&o.flow, i / 4 % WAYS, o.routed);
		bool hit;

		mutate(&frame, 14 + 60, o.flow.v6 ? 0 : 14, 0);
		if (frame.len < 54) /* of the shorter ones the kernel makes no skb */
			frame.len = 54;
		hit = oracle_frame(&o, frame.b, frame.len);
		assert_int_equal(port_run(&frame, NULL), TC_ACT_REDIRECT);
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
		cmocka_unit_test_teardown(test_hits, port_forget),
		cmocka_unit_test_teardown(test_ecn_and_dscp, port_forget),
		cmocka_unit_test_teardown(test_ttl_in_checksum, port_forget),
		cmocka_unit_test_teardown(test_padding_is_cut, port_forget),
		cmocka_unit_test_teardown(test_tcp_numbers, port_forget),
		cmocka_unit_test_teardown(test_tcp_flags, port_forget),
		cmocka_unit_test_teardown(test_tcp_state, port_forget),
		cmocka_unit_test_teardown(test_gso, port_forget),
		cmocka_unit_test_teardown(test_gso_segments, port_forget),
		cmocka_unit_test_teardown(test_full_bucket, port_forget),
		cmocka_unit_test(test_no_mark),
		cmocka_unit_test_teardown(test_second_pass_ends, port_forget),
		cmocka_unit_test_teardown(test_egress_passes_what_is_marked, port_forget),
		cmocka_unit_test_teardown(test_changing_decision, port_forget),
		cmocka_unit_test_teardown(test_random, port_forget),
	};

	return cmocka_run_group_tests_name("tc_port", tests, port_set_up, port_tear_down);
}
