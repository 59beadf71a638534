/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of tunnels that only the data plane may decide upon: the uplinks' programs leave each to
 * it untouched.
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

#include <bpf/bpf.h>

#include "uplink_bed.h"

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

static void test_misses(void **state)
{
	for (unsigned int i = 0; i < WAYS * sizeof(misses) / sizeof(misses[0]); i++) {
		struct flow f = flow_make(false, IPPROTO_UDP);
		uint32_t index = uplink_session(&f, false, true);
		struct frame frame = uplink_packet(&f, false, 0);

		misses[i / WAYS].make(&frame, index);
		uplink_expect_miss(i % WAYS, &frame, index, misses[i / WAYS].miss);
		uplink_set_tunnels();
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
	in = frame_encap(&inner, uplink_tunnel(false), true, VNI, 1, 0);
	uplink_session(&f, false, true);
	/* a driver's own, as much as there may be */
	for (unsigned int size = 4; size <= 256; size += 4) {
		ctx = (struct xdp_md){.data = size, .data_end = size + in.len};
		memcpy(b + size, in.b, in.len);
		opts.data_in = opts.data_out = b;
		opts.data_size_in = size + in.len;
		opts.data_size_out = sizeof(b);
		if (bpf_prog_test_run_opts(bpf_program__fd(uplink_xdp->progs.weft_uplink), &opts) <
			0)
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

/* Without weft_deliver on the uplink no frame is left to the kernel; by the devmap it may go. */
static void test_xdp_needs_a_way(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	uint32_t index = uplink_session(&f, false, false), ifindex = IFINDEX;
	struct frame in = uplink_packet(&f, false, 0), out = in, want = uplink_expected(&f, false);
	int devs = bpf_map__fd(uplink_xdp->maps.weft_devs);

	tables.tunnels[VTEP_V4].flags &= ~WEFT_BPF_TUNNEL_DELIVER;
	uplink_expect_miss(XDP, &in, index, WEFT_BPF_MISS_KERNEL);
	tables.dirs[index].d.flags |= WEFT_BPF_DIR_XDP;
	tables.dirs[index].d.out_ifindex = IFINDEX;
	assert_int_equal(uplink_run(XDP, &out), XDP_DROP); /* not in the devmap */
	assert_int_equal(bpf_map_update_elem(devs, &ifindex, &ifindex, BPF_ANY), 0);
	out = in;
	assert_int_equal(uplink_run(XDP, &out), XDP_REDIRECT);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.b, want.b, want.len);
	bpf_map_delete_elem(devs, &ifindex);
	uplink_set_tunnels();
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
		uint32_t index = uplink_session(&f, outer_v6, true);
		struct frame whole = uplink_packet(&f, outer_v6, 0), cut = whole;
		unsigned int seen = outer_v6 ? 62 : 42;

		/* the kernel makes no skb for a test with less than an IP header */
		for (cut.len = way == XDP ? 14
			       : outer_v6 ? 54
					  : 34;
			cut.len < whole.len; cut.len++) {
			struct frame out = cut;

			if (cut.len >= seen)
				uplink_expect_miss(way, &cut, index, WEFT_BPF_MISS_OUTER);
			else
				assert_int_equal(uplink_run(way, &out), uplink_ways[way].pass);
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
		uint32_t index = uplink_session(&f, outer_v6, true);
		struct frame inner = frame_make(&f), cut = inner;

		for (cut.len = 0; cut.len < inner.len; cut.len++) {
			struct frame in =
				frame_encap(&cut, uplink_tunnel(outer_v6), true, VNI, 1, 0);

			uplink_expect_miss(i & 4 ? XDP : TC, &in, index, WEFT_BPF_MISS_HEADERS);
		}
		tables_clear();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_misses, uplink_forget),
		cmocka_unit_test_teardown(test_misses_keep_padding, uplink_forget),
		cmocka_unit_test_teardown(test_xdp_needs_a_way, uplink_forget),
		cmocka_unit_test_teardown(test_cut_anywhere, uplink_forget),
		cmocka_unit_test_teardown(test_inner_cut_anywhere, uplink_forget),
	};

	return cmocka_run_group_tests_name("uplink_miss", tests, uplink_set_up, uplink_tear_down);
}
