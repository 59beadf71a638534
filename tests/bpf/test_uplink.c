/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both uplink programs on single frames of tunnels (BPF_PROG_TEST_RUN): what sessions' frames
 * become, byte by byte, and that whatever the data plane must see goes there untouched. What they
 * do with all other traffic is in test_xdp_uplink.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_xdp.h>
#include <linux/pkt_cls.h>

#include <weft_bpf/uplink.h>

#include "frames.h"
#include "kernel.h"
#include "oracle.h"
#include "tables.h"
#include "tc_uplink.skel.h"
#include "xdp_uplink.skel.h"

/* Test runs happen on the loopback device. */
#define IFINDEX	    1
#define PORT	    5
#define UPLINK	    7
#define SEGMENT	    9
#define EPOCH	    77
#define VTEP_V4	    3
#define VTEP_V6	    4
#define VNI	    0xabcdef
#define OUT_IFINDEX 2000
#define MAX_L3	    1400

enum way {
	TC,
	XDP,
	WAYS,
};

static const struct {
	enum weft_bpf_prog prog;
	int hit, miss, pass, drop;
	unsigned int meta_size; /* in front of what comes out of a hit */
} ways[WAYS] = {
	[TC] = {WEFT_BPF_PROG_UPLINK_TC, TC_ACT_REDIRECT, TC_ACT_REDIRECT, TC_ACT_UNSPEC,
		TC_ACT_SHOT, 0},
	[XDP] = {WEFT_BPF_PROG_UPLINK_XDP, XDP_PASS, XDP_REDIRECT, XDP_PASS, XDP_DROP,
		sizeof(struct weft_bpf_meta)},
};

static struct tc_uplink *tc;
static struct xdp_uplink *xdp;
static int xsk = -1;
static const uint8_t rewrite_macs[12] = {2, 0, 0, 0, 9, 2, 2, 0, 0, 0, 9, 1};

static uint32_t last_mark;

static bool kernel_refuses(enum way way, bool outer_v6, bool inner_v6)
{
	return way == TC && outer_v6 != inner_v6 && !kernel_tc_mixes_families();
}

static int run(enum way way, struct frame *f)
{
	struct __sk_buff skb = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->len,
		.data_out = f->b, .data_size_out = sizeof(f->b), .repeat = 1);
	int fd = bpf_program__fd(way == TC ? tc->progs.weft_uplink_tc : xdp->progs.weft_uplink);

	if (way == TC) {
		opts.ctx_in = opts.ctx_out = &skb;
		opts.ctx_size_in = opts.ctx_size_out = sizeof(skb);
	}
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	f->len = opts.data_size_out;
	last_mark = skb.mark;
	return opts.retval;
}

static uint32_t put_session(const struct flow *f, bool outer_v6, bool routed)
{
	struct weft_bpf_key key = flow_key(f, weft_bpf_scope_vni(VNI)), back = key;
	struct weft_bpf_decision d = {
		.epoch = EPOCH,
		.segment = SEGMENT,
		.flags = routed ? WEFT_BPF_DIR_ROUTED : 0,
		.out_ifindex = OUT_IFINDEX,
		.in_port = UPLINK,
		.in_vtep = outer_v6 ? VTEP_V6 : VTEP_V4,
		.out_port = PORT,
		.max_l3 = MAX_L3,
	};
	struct session_tcp tcp[2];
	uint32_t index, peer;

	memcpy(d.match_macs, f->dst_mac, 6);
	memcpy(d.match_macs + 6, f->src_mac, 6);
	memcpy(d.rewrite_macs, rewrite_macs, 12);
	flow_tcp(tcp);
	index = tables_put(&key, &d, &tcp[0]);
	d.peer = index;
	back.scope = weft_bpf_scope_port(OUT_IFINDEX);
	peer = tables_put(&back, &d, &tcp[1]);
	assert_true(index && peer);
	tables.dirs[index].d.peer = peer;
	return index;
}

static const struct weft_bpf_tunnel *tunnel(bool v6)
{
	return &tables.tunnels[v6 ? VTEP_V6 : VTEP_V4];
}

static struct frame packet(const struct flow *f, bool outer_v6, uint8_t tos)
{
	struct frame frame = frame_make(f);

	return frame_encap(&frame, tunnel(outer_v6), true, VNI, 0x12345678, tos);
}

static struct frame expected(const struct flow *f, bool routed)
{
	struct flow g = *f;

	if (routed) {
		memcpy(g.dst_mac, rewrite_macs, 6);
		memcpy(g.src_mac, rewrite_macs + 6, 6);
		g.ttl--;
	}
	return frame_make(&g);
}

static void expect_hit(enum way way, const struct frame *in, const struct frame *want)
{
	struct weft_bpf_prog_counters before = tables_prog(ways[way].prog), after;
	struct weft_bpf_port_counters rx = tables_port(UPLINK), tx = tables_port(PORT), now;
	const struct weft_bpf_meta meta = {TABLES_MARK, OUT_IFINDEX};
	unsigned int off = ways[way].meta_size;
	struct frame out = *in;

	assert_int_equal(run(way, &out), ways[way].hit);
	assert_int_equal(out.len, want->len + off);
	assert_memory_equal(out.b, &meta, off);
	assert_memory_equal(out.b + off, want->b, want->len);
	after = tables_prog(ways[way].prog);
	assert_int_equal(after.hits - before.hits, 1);
	assert_memory_equal(after.misses, before.misses, sizeof(after.misses));
	now = tables_port(UPLINK);
	assert_int_equal(now.rx_packets - rx.rx_packets, 1);
	assert_int_equal(now.rx_bytes - rx.rx_bytes, in->len);
	now = tables_port(PORT);
	assert_int_equal(now.tx_packets - tx.tx_packets, 1);
	assert_int_equal(now.tx_bytes - tx.tx_bytes, want->len);
}

static void expect_miss(
	enum way way, const struct frame *f, uint32_t index, enum weft_bpf_miss miss)
{
	struct weft_bpf_prog_counters before = tables_prog(ways[way].prog), after;
	struct weft_bpf_state state = tables.dirs[index].state;
	struct frame out = *f;

	assert_int_equal(run(way, &out), ways[way].miss);
	assert_int_equal(last_mark, way == TC ? TABLES_MARK : 0);
	assert_int_equal(out.len, f->len);
	assert_memory_equal(out.b, f->b, f->len);
	after = tables_prog(ways[way].prog);
	assert_int_equal(after.hits, before.hits);
	for (unsigned int i = 0; i < WEFT_BPF_MISS_N; i++)
		assert_int_equal(after.misses[i] - before.misses[i], i == miss);
	assert_memory_equal(&state, &tables.dirs[index].state, sizeof(state));
}

/* Takes what it told of the packet in. */
static void expect_told(enum way way, const struct frame *in, uint32_t number)
{
	struct weft_bpf_carried *r = &tables.trace[1 + number % WEFT_BPF_TRACE_PLACES].carried;

	assert_int_equal(tables.trace[0].watch.head, number + 1);
	assert_int_equal(r->state, WEFT_BPF_CARRIED_FULL);
	assert_int_equal(r->prog, ways[way].prog);
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
		uint32_t index = put_session(&f, outer_v6, routed);
		struct frame in = packet(&f, outer_v6, 0), want = expected(&f, routed);
		const struct weft_bpf_state *s = &tables.dirs[index].state;

		if (kernel_refuses(way, outer_v6, f.v6)) {
			expect_miss(way, &in, index, WEFT_BPF_MISS_KERNEL);
			tables_clear();
			continue;
		}
		expect_hit(way, &in, &want);
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
		put_session(&f, outer_v6, true);
		inner = frame_make(&f);
		if (i & 4)
			inner.len = 60;
		in = frame_encap(&inner, tunnel(outer_v6), true, VNI, 1, 0);
		if (!(i & 4))
			in.len += 17;
		want = expected(&f, true);
		if (!kernel_refuses(i & 2 ? XDP : TC, outer_v6, false))
			expect_hit(i & 2 ? XDP : TC, &in, &want);
		tables_clear();
	}
}

/* A frame that the kernel can't be told about goes to the data plane with its padding: that is
 * within the outer packet. */
static void test_misses_keep_padding(void **state)
{
	struct flow f = flow_make(false, IPPROTO_TCP);
	struct xdp_md ctx = {0};
	struct frame inner, in;
	unsigned int meta_size = 0;
	int action = -1;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1, .ctx_in = &ctx, .ctx_out = &ctx,
		.ctx_size_in = sizeof(ctx), .ctx_size_out = sizeof(ctx));
	uint8_t b[sizeof(in.b) + 256] = {0};

	f.payload = 0;
	inner = frame_make(&f);
	inner.len = 60;
	in = frame_encap(&inner, tunnel(false), true, VNI, 1, 0);
	put_session(&f, false, true);
	/* a driver's own, as much as there may be */
	for (unsigned int size = 4; size <= 256; size += 4) {
		ctx = (struct xdp_md){.data = size, .data_end = size + in.len};
		memcpy(b + size, in.b, in.len);
		opts.data_in = opts.data_out = b;
		opts.data_size_in = size + in.len;
		opts.data_size_out = sizeof(b);
		if (bpf_prog_test_run_opts(bpf_program__fd(xdp->progs.weft_uplink), &opts) < 0)
			break;
		meta_size = size;
		action = opts.retval;
		if (action == XDP_PASS)
			continue;
		assert_int_equal(opts.data_size_out, size + in.len);
		assert_memory_equal(b + size, in.b, in.len);
	}
	assert_in_range(meta_size, 32, 256);
	assert_int_equal(action, XDP_REDIRECT);
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
		in = packet(&f, outer_v6, i >> 2 & 3);
		stays = oracle_tunnel(&o, tunnel(outer_v6), VNI, in.b, in.len);
		want = expected(&f, false);
		for (enum way way = 0; way < WAYS; way++) {
			index = put_session(&f, outer_v6, false);
			if (stays && kernel_refuses(way, outer_v6, f.v6))
				expect_miss(way, &in, index, WEFT_BPF_MISS_KERNEL);
			else if (stays)
				expect_hit(way, &in, &want);
			else
				expect_miss(way, &in, index, WEFT_BPF_MISS_ECN);
			tables_clear();
		}
	}
}

/* ---- what only the data plane may decide ---- */

#define INNER WEFT_BPF_OUTER_V4

static void udp_checksum(struct frame *f, uint32_t index)
{
	f->b[41] = 1;
}

static void no_vni_flag(struct frame *f, uint32_t index)
{
	f->b[42] = 0;
}

static void outer_bad_sum(struct frame *f, uint32_t index)
{
	f->b[24] ^= 1;
}

static void outer_too_long(struct frame *f, uint32_t index)
{
	f->b[17]++;
	frame_ipv4_sum(f, 14);
}

static void datagram_too_long(struct frame *f, uint32_t index)
{
	f->b[39]++;
}

static void datagram_short(struct frame *f, uint32_t index)
{
	f->b[39] = 15;
}

static void inner_cut(struct frame *f, uint32_t index)
{
	f->b[39]--;
}

static void outer_options(struct frame *f, uint32_t index)
{
	memmove(f->b + 38, f->b + 34, f->len - 34);
	memcpy(f->b + 34, "\x01\x01\x01\x00", 4);
	f->len += 4;
	f->b[14] = 0x46;
	f->b[17] += 4;
	frame_ipv4_sum(f, 14);
}

static void other_vtep(struct frame *f, uint32_t index)
{
	f->b[29]++;
	frame_ipv4_sum(f, 14);
}

static void other_uplink(struct frame *f, uint32_t index)
{
	tables.tunnels[VTEP_V4].uplink_ifindex++;
}

static void tunnel_gone(struct frame *f, uint32_t index)
{
	tables.tunnels[VTEP_V4].uplink_ifindex = 0;
}

static void tunnel_being_written(struct frame *f, uint32_t index)
{
	tables.tunnels[VTEP_V4].seq |= 1;
}

static void other_vni(struct frame *f, uint32_t index)
{
	f->b[46]++;
}

static void to_a_tunnel(struct frame *f, uint32_t index)
{
	tables.dirs[index].d.out_ifindex = 0;
}

static void from_a_port(struct frame *f, uint32_t index)
{
	tables.dirs[index].d.in_vtep = 0;
}

static void revoked(struct frame *f, uint32_t index)
{
	tables.epochs[SEGMENT].epoch = 0;
}

static void inner_mac(struct frame *f, uint32_t index)
{
	f->b[INNER + 5]++;
}

static void inner_tag(struct frame *f, uint32_t index)
{
	f->b[INNER + 12] = 0x81;
	f->b[INNER + 13] = 0;
}

static void inner_ttl(struct frame *f, uint32_t index)
{
	f->b[INNER + 22] = 1;
	frame_ipv4_sum(f, INNER + 14);
}

static void inner_fragment(struct frame *f, uint32_t index)
{
	f->b[INNER + 20] = 0x20;
	frame_ipv4_sum(f, INNER + 14);
}

static void too_long(struct frame *f, uint32_t index)
{
	tables.dirs[index].d.max_l3 = 40;
}

static const struct {
	void (*make)(struct frame *f, uint32_t index);
	enum weft_bpf_miss miss;
} misses[] = {
	{udp_checksum, WEFT_BPF_MISS_OUTER},
	{no_vni_flag, WEFT_BPF_MISS_OUTER},
	{outer_bad_sum, WEFT_BPF_MISS_OUTER},
	{outer_too_long, WEFT_BPF_MISS_OUTER},
	{datagram_too_long, WEFT_BPF_MISS_OUTER},
	{datagram_short, WEFT_BPF_MISS_OUTER},
	{outer_options, WEFT_BPF_MISS_OUTER},
	{inner_cut, WEFT_BPF_MISS_HEADERS},
	{other_vtep, WEFT_BPF_MISS_VTEP},
	{other_uplink, WEFT_BPF_MISS_VTEP},
	{tunnel_gone, WEFT_BPF_MISS_VTEP},
	{tunnel_being_written, WEFT_BPF_MISS_CHANGING},
	{other_vni, WEFT_BPF_MISS_NO_SESSION},
	{to_a_tunnel, WEFT_BPF_MISS_VTEP},
	{from_a_port, WEFT_BPF_MISS_VTEP},
	{revoked, WEFT_BPF_MISS_EPOCH},
	{inner_mac, WEFT_BPF_MISS_MACS},
	{inner_tag, WEFT_BPF_MISS_VLAN},
	{inner_ttl, WEFT_BPF_MISS_TTL},
	{inner_fragment, WEFT_BPF_MISS_HEADERS},
	{too_long, WEFT_BPF_MISS_TOO_LONG},
};

static void set_tunnels(void)
{
	struct weft_bpf_tunnel t = tunnel_make(false, IFINDEX);

	t.flags |= WEFT_BPF_TUNNEL_DELIVER;
	tables_tunnel(VTEP_V4, &t);
	t = tunnel_make(true, IFINDEX);
	t.flags |= WEFT_BPF_TUNNEL_DELIVER;
	tables_tunnel(VTEP_V6, &t);
	tables.tunnels[VTEP_V4].seq &= ~1u;
	tables.epochs[SEGMENT].epoch = EPOCH;
}

static void test_misses(void **state)
{
	for (unsigned int i = 0; i < WAYS * sizeof(misses) / sizeof(misses[0]); i++) {
		struct flow f = flow_make(false, IPPROTO_UDP);
		uint32_t index = put_session(&f, false, true);
		struct frame frame = packet(&f, false, 0);

		misses[i / WAYS].make(&frame, index);
		expect_miss(i % WAYS, &frame, index, misses[i / WAYS].miss);
		set_tunnels();
		tables_clear();
	}
}

/* Without weft_deliver on the uplink no frame is left to the kernel; by the devmap it may go. */
static void test_xdp_needs_a_way(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	uint32_t index = put_session(&f, false, false), ifindex = IFINDEX;
	struct frame in = packet(&f, false, 0), out = in, want = expected(&f, false);
	int devs = bpf_map__fd(xdp->maps.weft_devs);

	tables.tunnels[VTEP_V4].flags &= ~WEFT_BPF_TUNNEL_DELIVER;
	expect_miss(XDP, &in, index, WEFT_BPF_MISS_KERNEL);
	tables.dirs[index].d.flags |= WEFT_BPF_DIR_XDP;
	tables.dirs[index].d.out_ifindex = IFINDEX;
	assert_int_equal(run(XDP, &out), XDP_DROP); /* not in the devmap */
	assert_int_equal(bpf_map_update_elem(devs, &ifindex, &ifindex, BPF_ANY), 0);
	out = in;
	assert_int_equal(run(XDP, &out), XDP_REDIRECT);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.b, want.b, want.len);
	bpf_map_delete_elem(devs, &ifindex);
	set_tunnels();
	tables_clear();
}

/* Cut anywhere, VXLAN is the data plane's as soon as the port can be seen, the kernel's before. */
static void test_cut_anywhere(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

	for (unsigned int i = 0; i < 2 * 2 * 2 * 3; i++) {
		bool outer_v6 = i & 1;
		enum way way = i & 4 ? XDP : TC;
		struct flow f = flow_make(i & 2, protos[i / 8]);
		uint32_t index = put_session(&f, outer_v6, true);
		struct frame whole = packet(&f, outer_v6, 0), cut = whole;
		unsigned int seen = outer_v6 ? 62 : 42;

		/* the kernel makes no skb for a test with less than an IP header */
		for (cut.len = way == XDP ? 14
			       : outer_v6 ? 54
					  : 34;
			cut.len < whole.len; cut.len++) {
			struct frame out = cut;

			if (cut.len >= seen)
				expect_miss(way, &cut, index, WEFT_BPF_MISS_OUTER);
			else
				assert_int_equal(run(way, &out), ways[way].pass);
		}
		tables_clear();
	}
}

/* The datagram ends anywhere within the inner frame. */
static void test_inner_cut_anywhere(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

	for (unsigned int i = 0; i < 2 * 2 * 2 * 3; i++) {
		bool outer_v6 = i & 1;
		struct flow f = flow_make(i & 2, protos[i / 8]);
		uint32_t index = put_session(&f, outer_v6, true);
		struct frame inner = frame_make(&f), cut = inner;

		for (cut.len = 0; cut.len < inner.len; cut.len++) {
			struct frame in = frame_encap(&cut, tunnel(outer_v6), true, VNI, 1, 0);

			expect_miss(i & 4 ? XDP : TC, &in, index, WEFT_BPF_MISS_HEADERS);
		}
		tables_clear();
	}
}

static void test_other_traffic(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame in = packet(&f, false, 0), out;
	struct weft_bpf_prog_counters before = tables_prog(WEFT_BPF_PROG_UPLINK_TC);

	in.b[20] = 0x20;
	frame_ipv4_sum(&in, 14);
	for (enum way way = 0; way < WAYS; way++) {
		out = in;
		assert_int_equal(run(way, &out), ways[way].drop);
	}
	assert_int_equal(tables_prog(WEFT_BPF_PROG_UPLINK_TC).dropped, before.dropped + 1);
	out = frame_make(&f);
	assert_int_equal(run(TC, &out), TC_ACT_UNSPEC);
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
		struct frame in = packet(&o.flow, outer_v6, 0), out;
		unsigned int inner = outer_v6 ? WEFT_BPF_OUTER_V6 : WEFT_BPF_OUTER_V4;
		uint32_t index = put_session(&o.flow, outer_v6, o.routed);
		bool hit;

		mutate(&in, inner + 14 + 60, outer_v6 ? 0 : 14, o.flow.v6 ? 0 : inner + 14);
		if (in.len < (way == XDP ? 14 : 54))
			in.len = 54;
		hit = oracle_tunnel(&o, tunnel(outer_v6), VNI, in.b, in.len) &&
		      !kernel_refuses(way, outer_v6, o.flow.v6);
		out = in;
		run(way, &out);
		assert_int_equal(tables.dirs[index].state.packets, hit);
		n_hits += hit;
		tables_clear();
	}
	print_message("%u frames, %u hits\n", n, n_hits);
	assert_in_range(n_hits, n / 100, n - n / 100);
}

static int forget(void **state)
{
	tables_clear();
	return 0;
}

static void set_maps(void)
{
	int vteps = bpf_map__fd(tc->maps.weft_vteps), xsks = bpf_map__fd(xdp->maps.weft_xsks);
	const uint32_t one = 1, zero = 0, ring_size = 64;

	set_tunnels();
	assert_int_equal(bpf_map_update_elem(vteps, &tunnel(false)->local, &one, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(vteps, &tunnel(true)->local, &one, BPF_ANY), 0);
	/* a socket with a receive ring is enough for the map; it is bound nowhere */
	xsk = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(xsk >= 0);
	assert_int_equal(setsockopt(xsk, SOL_XDP, XDP_RX_RING, &ring_size, sizeof(ring_size)), 0);
	assert_int_equal(bpf_map_update_elem(xsks, &zero, &xsk, BPF_ANY), 0);
}

static int set_up(void **state)
{
	int error;

	srandom(4789);
	tc = tc_uplink__open();
	xdp = xdp_uplink__open();
	if (!tc || !xdp)
		return -1;
	error = tables_load(tc->obj, 1024);
	if (error == 0)
		error = tables_load(xdp->obj, 1024);
	if (error < 0)
		exit(error == -EPERM ? 77 : 1);
	tables_print_verifier(tc->obj);
	tables_print_verifier(xdp->obj);
	set_maps();
	return 0;
}

static int tear_down(void **state)
{
	close(xsk);
	xdp_uplink__destroy(xdp);
	tc_uplink__destroy(tc);
	tables_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_hits, forget),
		cmocka_unit_test_teardown(test_padding_is_cut, forget),
		cmocka_unit_test_teardown(test_misses_keep_padding, forget),
		cmocka_unit_test_teardown(test_ecn, forget),
		cmocka_unit_test_teardown(test_misses, forget),
		cmocka_unit_test_teardown(test_xdp_needs_a_way, forget),
		cmocka_unit_test_teardown(test_cut_anywhere, forget),
		cmocka_unit_test_teardown(test_inner_cut_anywhere, forget),
		cmocka_unit_test_teardown(test_other_traffic, forget),
		cmocka_unit_test_teardown(test_random, forget),
	};

	return cmocka_run_group_tests_name("uplink", tests, set_up, tear_down);
}
