/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port program on single frames: whatever only the data plane may decide goes there untouched,
 * with the cause counted.
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

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "port_bed.h"

static void insert(struct frame *f, unsigned int at, const void *bytes, unsigned int len)
{
	memmove(f->b + at + len, f->b + at, f->len - at);
	memcpy(f->b + at, bytes, len);
	f->len += len;
}

static void set_ipv4(struct frame *f, unsigned int at, uint8_t v)
{
	f->b[14 + at] = v;
	frame_ipv4_sum(f, 14);
}

static void tagged(struct frame *f, uint32_t index)
{
	insert(f, 12, "\x81\x00\x00\x05", 4);
}

static void arp(struct frame *f, uint32_t index)
{
	f->b[13] = 6;
}

static void options(struct frame *f, uint32_t index)
{
	insert(f, 34, "\x01\x01\x01\x00", 4);
	f->b[14] = 0x46;
	f->b[17] += 4;
	frame_ipv4_sum(f, 14);
}

static void bad_sum(struct frame *f, uint32_t index)
{
	f->b[24] ^= 1;
}

static void first_fragment(struct frame *f, uint32_t index)
{
	set_ipv4(f, 6, 0x20);
}

static void later_fragment(struct frame *f, uint32_t index)
{
	set_ipv4(f, 7, 1);
}

static void long_total(struct frame *f, uint32_t index)
{
	set_ipv4(f, 3, f->b[17] + 1);
}

static void short_total(struct frame *f, uint32_t index)
{
	set_ipv4(f, 3, 27);
}

static void udp_too_long(struct frame *f, uint32_t index)
{
	f->b[39]++;
}

static void udp_too_short(struct frame *f, uint32_t index)
{
	f->b[39] = 7;
}

static void sctp(struct frame *f, uint32_t index)
{
	set_ipv4(f, 9, 132);
}

static void other_port(struct frame *f, uint32_t index)
{
	f->b[35]++;
}

static void other_dst_mac(struct frame *f, uint32_t index)
{
	f->b[0] ^= 4;
}

static void other_src_mac(struct frame *f, uint32_t index)
{
	f->b[11]++;
}

static void revoked(struct frame *f, uint32_t index)
{
	tables.dirs[index].d.epoch--;
}

static void never_decided(struct frame *f, uint32_t index)
{
	tables.dirs[index].d.epoch = 0;
	tables.dirs[index].d.segment = SEGMENT + 1;
}

static void no_such_segment(struct frame *f, uint32_t index)
{
	tables.dirs[index].d.segment = UINT16_MAX;
}

static void being_written(struct frame *f, uint32_t index)
{
	tables.dirs[index].seq |= 1;
}

static void last_hop(struct frame *f, uint32_t index)
{
	set_ipv4(f, 8, 1);
}

static void dead(struct frame *f, uint32_t index)
{
	set_ipv4(f, 8, 0);
}

static void too_long(struct frame *f, uint32_t index)
{
	tables.dirs[index].d.max_l3 = 50;
}

static void no_tunnel(struct frame *f, uint32_t index)
{
	tables.dirs[index].d.out_vtep = 8;
}

static void tunnel_being_written(struct frame *f, uint32_t index)
{
	tables.tunnels[VTEP_V4].seq |= 1;
}

static void other_scope(struct frame *f, uint32_t index)
{
	tables.dirs[index].key.scope ^= 1;
}

static void other_layout(struct frame *f, uint32_t index)
{
	tables.control->layout++;
}

static const struct {
	void (*make)(struct frame *f, uint32_t index);
	enum weft_bpf_miss miss;
} misses[] = {
	{tagged, WEFT_BPF_MISS_VLAN},
	{arp, WEFT_BPF_MISS_NOT_IP},
	{options, WEFT_BPF_MISS_HEADERS},
	{bad_sum, WEFT_BPF_MISS_HEADERS},
	{first_fragment, WEFT_BPF_MISS_HEADERS},
	{later_fragment, WEFT_BPF_MISS_HEADERS},
	{long_total, WEFT_BPF_MISS_HEADERS},
	{short_total, WEFT_BPF_MISS_HEADERS},
	{udp_too_long, WEFT_BPF_MISS_HEADERS},
	{udp_too_short, WEFT_BPF_MISS_HEADERS},
	{sctp, WEFT_BPF_MISS_PROTOCOL},
	{other_port, WEFT_BPF_MISS_NO_SESSION},
	{other_dst_mac, WEFT_BPF_MISS_MACS},
	{other_src_mac, WEFT_BPF_MISS_MACS},
	{revoked, WEFT_BPF_MISS_EPOCH},
	{never_decided, WEFT_BPF_MISS_EPOCH},
	{no_such_segment, WEFT_BPF_MISS_EPOCH},
	{being_written, WEFT_BPF_MISS_CHANGING},
	{last_hop, WEFT_BPF_MISS_TTL},
	{dead, WEFT_BPF_MISS_TTL},
	{too_long, WEFT_BPF_MISS_TOO_LONG},
	{no_tunnel, WEFT_BPF_MISS_VTEP},
	{tunnel_being_written, WEFT_BPF_MISS_CHANGING},
	{other_scope, WEFT_BPF_MISS_NO_SESSION},
	{other_layout, WEFT_BPF_MISS_NOT_READY},
};

static void test_misses(void **state)
{
	for (unsigned int i = 0; i < sizeof(misses) / sizeof(misses[0]); i++) {
		struct flow f = flow_make(false, IPPROTO_UDP);
		uint32_t index = port_session(&f, TUNNEL_V4, true),
			 seq = tables.tunnels[VTEP_V4].seq;
		struct frame frame = frame_make(&f);

		misses[i].make(&frame, index);
		port_expect_miss(&frame, index, misses[i].miss);
		tables.control->layout = WEFT_BPF_LAYOUT;
		tables.tunnels[VTEP_V4].seq = seq;
		tables.dirs[index].seq &= ~1u;
		tables_clear();
	}
}

/* An IPv6 packet with mapped addresses is none of an IPv4 session's. */
static void test_mapped_addresses(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP), g = f;
	uint32_t index = port_session(&f, LOCAL, false);
	struct frame frame;

	g.v6 = true;
	frame = frame_make(&g);
	port_expect_miss(&frame, index, WEFT_BPF_MISS_NO_SESSION);
	tables_clear();
}

static void test_icmp_but_echo(void **state)
{
	for (int v6 = 0; v6 < 2; v6++)
		for (unsigned int type = 0; type < 256; type++) {
			struct flow f = flow_make(v6, IPPROTO_ICMP);
			bool echo = v6 ? type == 128 || type == 129 : type == 8 || type == 0;
			struct frame frame;
			uint32_t index;

			f.icmp_type = type;
			index = port_session(&f, LOCAL, false);
			frame = frame_make(&f);
			frame.b[v6 ? 55 : 35] = 1; /* code */
			port_expect_miss(&frame, index, WEFT_BPF_MISS_PROTOCOL);
			frame.b[v6 ? 55 : 35] = 0;
			if (!echo)
				port_expect_miss(&frame, index, WEFT_BPF_MISS_PROTOCOL);
			else
				assert_int_equal(port_run(&frame, NULL), TC_ACT_REDIRECT);
			assert_int_equal(tables.dirs[index].state.packets, echo);
			tables_clear();
		}
}

/* A request does not pass as its own answer. */
static void test_echo_type_is_in_the_key(void **state)
{
	struct flow f = flow_make(false, IPPROTO_ICMP);
	uint32_t index = port_session(&f, LOCAL, false);
	struct frame frame;

	f.icmp_type = 0;
	frame = frame_make(&f);
	port_expect_miss(&frame, index, WEFT_BPF_MISS_NO_SESSION);
	tables_clear();
}

/* Cut anywhere, it says more than it has. The kernel makes no test frame with less than an IP
 * header; the XDP program, with the same parser, is tested with those. */
static void test_cut_anywhere(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

	for (int v6 = 0; v6 < 2; v6++)
		for (unsigned int p = 0; p < sizeof(protos); p++) {
			struct flow f = flow_make(v6, protos[p]);
			uint32_t index = port_session(&f, TUNNEL_V4, true);
			struct frame whole = frame_make(&f), cut = whole;

			for (cut.len = v6 ? 54 : 34; cut.len < whole.len; cut.len++)
				port_expect_miss(&cut, index, WEFT_BPF_MISS_HEADERS);
			tables_clear();
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_misses, port_forget),
		cmocka_unit_test_teardown(test_mapped_addresses, port_forget),
		cmocka_unit_test_teardown(test_icmp_but_echo, port_forget),
		cmocka_unit_test_teardown(test_echo_type_is_in_the_key, port_forget),
		cmocka_unit_test_teardown(test_cut_anywhere, port_forget),
	};

	return cmocka_run_group_tests_name("tc_port_miss", tests, port_set_up, port_tear_down);
}
