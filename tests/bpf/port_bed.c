/* SPDX-License-Identifier: BSD-3-Clause */
/* See port_bed.h. */
#include <errno.h>
#include <netinet/in.h>
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

#include "port_bed.h"

struct tc_port *port_skel;
static struct tc_port_gso *gso_skel;
uint32_t port_mark;
const uint8_t port_rewrite_macs[12] = {2, 0, 0, 0, 9, 2, 2, 0, 0, 0, 9, 1};

int port_run(struct frame *f, const struct __sk_buff *skb)
{
	struct __sk_buff ctx = skb ? *skb : (struct __sk_buff){0};
	const struct bpf_program *prog =
		ctx.gso_size ? gso_skel->progs.weft_port : port_skel->progs.weft_port;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->len,
		.data_out = f->b, .data_size_out = sizeof(f->b), .repeat = 1, .ctx_in = &ctx,
		.ctx_size_in = sizeof(ctx), .ctx_out = &ctx, .ctx_size_out = sizeof(ctx));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	f->len = opts.data_size_out;
	port_mark = ctx.mark;
	return opts.retval;
}

struct weft_bpf_decision port_decision(const struct flow *f, enum way way, bool routed)
{
	struct weft_bpf_decision d = {
		.epoch = EPOCH,
		.segment = SEGMENT,
		.flags = routed ? WEFT_BPF_DIR_ROUTED : 0,
		.out_ifindex = way == LOCAL ? 2000 : 0,
		.in_port = PORT,
		.out_port = way == LOCAL ? OTHER_PORT : UPLINK,
		.out_vtep = way == TUNNEL_V4 ? VTEP_V4 : VTEP_V6,
		.out_vni = VNI,
		.flow_hash = HASH,
		.max_l3 = 1400,
	};

	memcpy(d.match_macs, f->dst_mac, 6);
	memcpy(d.match_macs + 6, f->src_mac, 6);
	memcpy(d.rewrite_macs, port_rewrite_macs, 12);
	return d;
}

uint32_t port_session(const struct flow *f, enum way way, bool routed)
{
	struct weft_bpf_key key = flow_key(f, weft_bpf_scope_port(IFINDEX)), back = key;
	struct weft_bpf_decision d = port_decision(f, way, routed);
	struct session_tcp tcp[2];
	uint32_t index, peer;

	flow_tcp(tcp);
	back.scope = weft_bpf_scope_vni(VNI);
	index = tables_put(&key, &d, &tcp[0]);
	d.peer = index;
	peer = tables_put(&back, &d, &tcp[1]);
	assert_true(index && peer);
	tables.dirs[index].d.peer = peer;
	return index;
}

void port_expect_miss_skb(
	const struct frame *f, uint32_t index, enum weft_bpf_miss miss, const struct __sk_buff *skb)
{
	struct weft_bpf_prog_counters before = tables_prog(WEFT_BPF_PROG_PORT), after;
	struct weft_bpf_dir dir = tables.dirs[index];
	struct frame out = *f;

	assert_int_equal(port_run(&out, skb), TC_ACT_REDIRECT);
	assert_int_equal(port_mark, TABLES_MARK);
	assert_int_equal(out.len, f->len);
	assert_memory_equal(out.b, f->b, f->len);
	after = tables_prog(WEFT_BPF_PROG_PORT);
	assert_int_equal(after.hits, before.hits);
	for (unsigned int i = 0; i < WEFT_BPF_MISS_N; i++)
		assert_int_equal(after.misses[i] - before.misses[i], i == miss);
	assert_memory_equal(&dir.state, &tables.dirs[index].state, sizeof(dir.state));
}

void port_expect_miss(const struct frame *f, uint32_t index, enum weft_bpf_miss miss)
{
	port_expect_miss_skb(f, index, miss, NULL);
}

int port_set_up(void **state)
{
	struct weft_bpf_tunnel t;
	int error;

	port_skel = tc_port__open();
	gso_skel = tc_port_gso__open();
	if (!port_skel || !gso_skel)
		return -1;
	error = tables_load(port_skel->obj, 1024);
	if (error < 0)
		exit(error == -EPERM ? 77 : 1);
	assert_int_equal(tables_load(gso_skel->obj, 1024), 0);
	tables_print_verifier(port_skel->obj);
	tables.epochs[SEGMENT].epoch = EPOCH;
	t = tunnel_make(false, 3000);
	tables_tunnel(VTEP_V4, &t);
	t = tunnel_make(true, 3000);
	tables_tunnel(VTEP_V6, &t);
	return 0;
}

int port_tear_down(void **state)
{
	tc_port_gso__destroy(gso_skel);
	tc_port__destroy(port_skel);
	tables_free();
	return 0;
}

int port_forget(void **state)
{
	tables_clear();
	return 0;
}
