/* SPDX-License-Identifier: BSD-3-Clause */
/* See uplink_bed.h. */
#include <errno.h>
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

#include "kernel.h"
#include "uplink_bed.h"

const struct uplink_way uplink_ways[WAYS] = {
	[TC] = {WEFT_BPF_PROG_UPLINK_TC, TC_ACT_REDIRECT, TC_ACT_REDIRECT, TC_ACT_UNSPEC,
		TC_ACT_SHOT, 0},
	[XDP] = {WEFT_BPF_PROG_UPLINK_XDP, XDP_PASS, XDP_REDIRECT, XDP_PASS, XDP_DROP,
		sizeof(struct weft_bpf_meta)},
};

struct tc_uplink *uplink_tc;
struct xdp_uplink *uplink_xdp;
static int xsk = -1;
static const uint8_t rewrite_macs[12] = {2, 0, 0, 0, 9, 2, 2, 0, 0, 0, 9, 1};

static uint32_t last_mark;

bool uplink_refuses(enum way way, bool outer_v6, bool inner_v6)
{
	return way == TC && outer_v6 != inner_v6 && !kernel_tc_mixes_families();
}

int uplink_run(enum way way, struct frame *f)
{
	struct __sk_buff skb = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->len,
		.data_out = f->b, .data_size_out = sizeof(f->b), .repeat = 1);
	int fd = bpf_program__fd(
		way == TC ? uplink_tc->progs.weft_uplink_tc : uplink_xdp->progs.weft_uplink);

	if (way == TC) {
		opts.ctx_in = opts.ctx_out = &skb;
		opts.ctx_size_in = opts.ctx_size_out = sizeof(skb);
	}
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	f->len = opts.data_size_out;
	last_mark = skb.mark;
	return opts.retval;
}

uint32_t uplink_session(const struct flow *f, bool outer_v6, bool routed)
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

const struct weft_bpf_tunnel *uplink_tunnel(bool v6)
{
	return &tables.tunnels[v6 ? VTEP_V6 : VTEP_V4];
}

struct frame uplink_packet(const struct flow *f, bool outer_v6, uint8_t tos)
{
	struct frame frame = frame_make(f);

	return frame_encap(&frame, uplink_tunnel(outer_v6), true, VNI, 0x12345678, tos);
}

struct frame uplink_expected(const struct flow *f, bool routed)
{
	struct flow g = *f;

	if (routed) {
		memcpy(g.dst_mac, rewrite_macs, 6);
		memcpy(g.src_mac, rewrite_macs + 6, 6);
		g.ttl--;
	}
	return frame_make(&g);
}

void uplink_expect_hit(enum way way, const struct frame *in, const struct frame *want)
{
	struct weft_bpf_prog_counters before = tables_prog(uplink_ways[way].prog), after;
	struct weft_bpf_port_counters rx = tables_port(UPLINK), tx = tables_port(PORT), now;
	const struct weft_bpf_meta meta = {TABLES_MARK, OUT_IFINDEX};
	unsigned int off = uplink_ways[way].meta_size;
	struct frame out = *in;

	assert_int_equal(uplink_run(way, &out), uplink_ways[way].hit);
	assert_int_equal(out.len, want->len + off);
	assert_memory_equal(out.b, &meta, off);
	assert_memory_equal(out.b + off, want->b, want->len);
	after = tables_prog(uplink_ways[way].prog);
	assert_int_equal(after.hits - before.hits, 1);
	assert_memory_equal(after.misses, before.misses, sizeof(after.misses));
	now = tables_port(UPLINK);
	assert_int_equal(now.rx_packets - rx.rx_packets, 1);
	assert_int_equal(now.rx_bytes - rx.rx_bytes, in->len);
	now = tables_port(PORT);
	assert_int_equal(now.tx_packets - tx.tx_packets, 1);
	assert_int_equal(now.tx_bytes - tx.tx_bytes, want->len);
}

void uplink_expect_miss(
	enum way way, const struct frame *f, uint32_t index, enum weft_bpf_miss miss)
{
	struct weft_bpf_prog_counters before = tables_prog(uplink_ways[way].prog), after;
	struct weft_bpf_state state = tables.dirs[index].state;
	struct frame out = *f;

	assert_int_equal(uplink_run(way, &out), uplink_ways[way].miss);
	assert_int_equal(last_mark, way == TC ? TABLES_MARK : 0);
	assert_int_equal(out.len, f->len);
	assert_memory_equal(out.b, f->b, f->len);
	after = tables_prog(uplink_ways[way].prog);
	assert_int_equal(after.hits, before.hits);
	for (unsigned int i = 0; i < WEFT_BPF_MISS_N; i++)
		assert_int_equal(after.misses[i] - before.misses[i], i == miss);
	assert_memory_equal(&state, &tables.dirs[index].state, sizeof(state));
}

void uplink_set_tunnels(void)
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

int uplink_forget(void **state)
{
	tables_clear();
	return 0;
}

static void set_maps(void)
{
	int vteps = bpf_map__fd(uplink_tc->maps.weft_vteps),
	    xsks = bpf_map__fd(uplink_xdp->maps.weft_xsks);
	const uint32_t one = 1, zero = 0, ring_size = 64;

	uplink_set_tunnels();
	assert_int_equal(
		bpf_map_update_elem(vteps, &uplink_tunnel(false)->local, &one, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(vteps, &uplink_tunnel(true)->local, &one, BPF_ANY), 0);
	/* a socket with a receive ring is enough for the map; it is bound nowhere */
	xsk = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(xsk >= 0);
	assert_int_equal(setsockopt(xsk, SOL_XDP, XDP_RX_RING, &ring_size, sizeof(ring_size)), 0);
	assert_int_equal(bpf_map_update_elem(xsks, &zero, &xsk, BPF_ANY), 0);
}

int uplink_set_up(void **state)
{
	int error;

	srandom(4789);
	uplink_tc = tc_uplink__open();
	uplink_xdp = xdp_uplink__open();
	if (!uplink_tc || !uplink_xdp)
		return -1;
	error = tables_load(uplink_tc->obj, 1024);
	if (error == 0)
		error = tables_load(uplink_xdp->obj, 1024);
	if (error < 0)
		exit(error == -EPERM ? 77 : 1);
	tables_print_verifier(uplink_tc->obj);
	tables_print_verifier(uplink_xdp->obj);
	set_maps();
	return 0;
}

int uplink_tear_down(void **state)
{
	close(xsk);
	xdp_uplink__destroy(uplink_xdp);
	tc_uplink__destroy(uplink_tc);
	tables_free();
	return 0;
}
