/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path on real devices of the running kernel: where redirected frames come out.
 *
 *   tenant[0] c0 -- p0 |      | p1 -- c1 tenant[1]
 *                      | host |
 *        remote w0 -- u0      |
 *
 * For GSO frames the remote end is another host, with tenant[1] at its port q0.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <weft_bpf/uplink.h>

#include "../lib/test_netns.h"
#include "frames.h"
#include "kernel.h"
#include "sockets.h"
#include "tables.h"
#include "tc_deliver.skel.h"
#include "tc_port.skel.h"
#include "tc_uplink.skel.h"
#include "xdp_uplink.skel.h"

#define SEGMENT	  9
#define EPOCH	  77
#define VTEP	  3
#define BACK_VTEP 4 /* of the other host: this one */
#define VNI	  42
#define HASH	  99

static int home, tenant[2], far;
static int p0, p1, u0, w0, q0;
static int at_tenant[2], at_far; /* packet sockets */
static int at_miss, at_up_miss;	 /* the data plane's, on p0 and u0 */
static struct tc_port *port;
static struct tc_uplink *uplink;
static struct tc_deliver *deliver;
static struct xdp_uplink *xdp;

static struct weft_bpf_decision decision(const struct flow *f, uint32_t out_ifindex, uint16_t flags)
{
	struct weft_bpf_decision d = {
		.epoch = EPOCH,
		.segment = SEGMENT,
		.flags = flags,
		.out_ifindex = out_ifindex,
		.out_vtep = VTEP,
		.out_vni = VNI,
		.flow_hash = HASH,
		.max_l3 = 1500,
	};

	memcpy(d.match_macs, f->dst_mac, 6);
	memcpy(d.match_macs + 6, f->src_mac, 6);
	return d;
}

static void test_local(void **state)
{
	static const uint16_t flags[] = {WEFT_BPF_DIR_PEER, 0};
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct weft_bpf_key key = flow_key(&f, weft_bpf_scope_port(p0));
	struct frame frame = frame_make(&f);

	for (unsigned int i = 0; i < 2; i++) {
		struct weft_bpf_decision d = decision(&f, p1, flags[i]);

		assert_true(tables_put(&key, &d, NULL));
		socket_send(at_tenant[0], &frame, NULL);
		socket_expect(at_tenant[1], &frame);
		tables_clear();
	}
	socket_expect_silence(at_miss);
	socket_expect_silence(at_far);
}

/* What is not marked does not leave by a port's device. */
static void test_hosts_own_frames_stay(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f);
	uint64_t before = tables_prog(WEFT_BPF_PROG_PORT_OUT).dropped;
	int fd = socket_open_in(home, home, "p1");

	assert_int_equal(socket_try_send(fd, &frame, NULL), -ENOBUFS);
	socket_expect_silence(at_tenant[1]);
	assert_int_equal(tables_prog(WEFT_BPF_PROG_PORT_OUT).dropped, before + 1);
	close(fd);
}

/* Too short for a test run: the kernel makes frames of any length on a device. */
static void test_short_frames(void **state)
{
	struct flow f = flow_make(true, IPPROTO_TCP);
	struct weft_bpf_key key = flow_key(&f, weft_bpf_scope_port(p0));
	struct weft_bpf_decision d = decision(&f, p1, 0);
	struct frame frame = frame_make(&f);

	assert_true(tables_put(&key, &d, NULL));
	for (frame.len = 15; frame.len < 74; frame.len++) {
		socket_send(at_tenant[0], &frame, NULL);
		socket_expect(at_miss, &frame);
	}
	socket_expect_silence(at_tenant[1]);
	tables_clear();
}

static void test_tunnel_out(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct weft_bpf_key key = flow_key(&f, weft_bpf_scope_port(p0));
	struct weft_bpf_decision d = decision(&f, 0, 0);
	struct frame frame = frame_make(&f), want;

	assert_true(tables_put(&key, &d, NULL));
	want = frame_encap(&frame, &tables.tunnels[VTEP], false, VNI, HASH, 0);
	socket_send(at_tenant[0], &frame, NULL);
	socket_expect(at_far, &want);
	socket_expect_silence(at_miss);
	tables_clear();
}

/* From the tunnel to tenant 0, by each uplink program and each way to a port. mixed: also IPv6 in
 * IPv4. */
static void expect_tunnel_in(uint16_t flags, bool mixed)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_ICMP};

	for (unsigned int i = 0; i < (mixed ? 4 : 2); i++) {
		struct flow f = flow_make(i & 2, protos[i & 1]);
		struct weft_bpf_key key = flow_key(&f, weft_bpf_scope_vni(VNI));
		struct weft_bpf_decision d = decision(&f, p0, flags);
		struct frame want = frame_make(&f), frame;

		d.in_vtep = VTEP;
		assert_true(tables_put(&key, &d, NULL));
		frame = frame_encap(&want, &tables.tunnels[VTEP], true, VNI, HASH, 0);
		socket_send(at_far, &frame, NULL);
		socket_expect(at_tenant[0], &want);
		tables_clear();
	}
}

static void test_tunnel_in_tc(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f), tunnelled;

	device_attach(u0, BPF_TC_INGRESS, uplink->progs.weft_uplink_tc);
	expect_tunnel_in(0, kernel_tc_mixes_families());
	expect_tunnel_in(WEFT_BPF_DIR_PEER, kernel_tc_mixes_families());
	tunnelled = frame_encap(&frame, &tables.tunnels[VTEP], true, VNI, HASH, 0);
	socket_send(at_far, &tunnelled, NULL);
	socket_expect(at_up_miss, &tunnelled);
	socket_expect_silence(at_tenant[0]);
}

static void test_tunnel_in_xdp(void **state)
{
	const uint32_t index = p0;

	device_attach(u0, BPF_TC_INGRESS, deliver->progs.weft_deliver);
	assert_int_equal(bpf_xdp_attach(u0, bpf_program__fd(xdp->progs.weft_uplink),
				 XDP_FLAGS_DRV_MODE, NULL),
		0);
	expect_tunnel_in(0, true);
	expect_tunnel_in(WEFT_BPF_DIR_PEER, true);
	test_netns_run(tenant[0], "ethtool -K c0 gro on");
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(xdp->maps.weft_devs), &index, &index, BPF_ANY), 0);
	expect_tunnel_in(WEFT_BPF_DIR_XDP, true);
	bpf_xdp_detach(u0, XDP_FLAGS_DRV_MODE, NULL);
}

/* Whoever sends on w0 has its checksums verified by a NIC, until the hook goes. */
static void verify_sums(struct bpf_tc_hook *hook)
{
	static const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = BPF_CSUM_LEVEL_INC},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_csum_level},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -1}, /* TC_ACT_UNSPEC */
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1,
		.prog_fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "verify_sums", "GPL", code,
			sizeof(code) / sizeof(code[0]), NULL));

	assert_true(opts.prog_fd >= 0);
	assert_int_equal(bpf_tc_hook_create(hook), 0);
	assert_int_equal(bpf_tc_attach(hook, &opts), 0);
	close(opts.prog_fd);
}

/* A checksum in the outer header: of a packet from a wire, of one whose NIC has verified it, and of
 * one that has been on none, whose inner checksum is yet to be completed. */
static void test_outer_checksum(void **state)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = w0, .attach_point = BPF_TC_EGRESS);
	const struct virtio_net_hdr vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = WEFT_BPF_OUTER_V4 + 34,
		.csum_offset = 6};
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct weft_bpf_key key = flow_key(&f, weft_bpf_scope_vni(VNI));
	struct weft_bpf_decision d = decision(&f, p0, WEFT_BPF_DIR_PEER);
	struct frame want = frame_make(&f), frame;
	struct got got;

	device_attach(u0, BPF_TC_INGRESS, uplink->progs.weft_uplink_tc);
	d.in_vtep = VTEP;
	assert_true(tables_put(&key, &d, NULL));
	frame = frame_encap(&want, &tables.tunnels[VTEP], true, VNI, HASH, 0);
	frame.b[40] = 1;
	socket_send(at_far, &frame, NULL);
	socket_expect(at_up_miss, &frame);
	socket_expect_silence(at_tenant[0]);
	socket_send(at_far, &frame, &vnet);
	got = socket_receive(at_tenant[0], SOCKET_WAIT_MS);
	assert_int_equal(got.len, want.len);
	assert_int_equal(got.vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(got.vnet.csum_start, 34);
	test_netns_enter(far);
	verify_sums(&hook);
	test_netns_enter(home);
	socket_send(at_far, &frame, NULL);
	socket_expect(at_tenant[0], &want);
	socket_expect_silence(at_up_miss);
	test_netns_enter(far);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	assert_int_equal(bpf_tc_hook_destroy(&hook), 0);
	test_netns_enter(home);
	tables_clear();
}

/* The same tunnel as the other host has it. */
static void put_back_tunnel(void)
{
	struct weft_bpf_tunnel t = tables.tunnels[VTEP];
	struct weft_bpf_addr local = t.remote;

	t.remote = t.local;
	t.local = local;
	t.uplink_ifindex = w0;
	tables_tunnel(BACK_VTEP, &t);
}

/* Tunnelled, sent, taken out and delivered, a GSO frame with a partial checksum is still one. */
static void test_gso_through_tunnel(void **state)
{
	const struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 500,
		.hdr_len = 54,
		.csum_start = 34,
		.csum_offset = 16,
	};
	static const uint16_t flags[] = {WEFT_BPF_DIR_PEER, 0};
	struct flow f = flow_make(false, IPPROTO_TCP);
	struct weft_bpf_key out = flow_key(&f, weft_bpf_scope_port(p0));
	struct weft_bpf_key in = flow_key(&f, weft_bpf_scope_vni(VNI));
	int at_end = socket_open_in(tenant[1], home, "c2");
	struct session_tcp tcp[2];
	struct frame frame;

	f.payload = 1900;
	frame = frame_make(&f);
	flow_tcp(tcp);
	put_back_tunnel();
	test_netns_enter(far);
	device_attach(w0, BPF_TC_INGRESS, uplink->progs.weft_uplink_tc);
	test_netns_enter(home);
	for (unsigned int i = 0; i < 2; i++) {
		struct weft_bpf_decision d = decision(&f, 0, 0), e = decision(&f, q0, flags[i]);
		uint32_t a, b, peer;
		struct got got;

		e.in_vtep = BACK_VTEP;
		peer = tables_put(&(struct weft_bpf_key){.proto = 1}, &d, &tcp[1]);
		d.peer = e.peer = peer;
		a = tables_put(&out, &d, &tcp[0]);
		b = tables_put(&in, &e, &tcp[0]);
		assert_true(a && b && peer);
		socket_send(at_tenant[0], &frame, &vnet);
		got = socket_receive(at_end, SOCKET_WAIT_MS);
		assert_int_equal(got.len, frame.len);
		/* all but the checksum, which is of the pseudo-header */
		assert_memory_equal(got.b, frame.b, 50);
		assert_memory_equal(got.b + 52, frame.b + 52, frame.len - 52);
		assert_int_equal(
			got.vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(got.vnet.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
		assert_int_equal(got.vnet.gso_size, 500);
		assert_int_equal(got.vnet.csum_start, 34);
		assert_int_equal(tables.dirs[a].state.packets, 1);
		assert_int_equal(tables.dirs[b].state.packets, 1);
		tables_clear();
	}
	close(at_end);
}

static void make_devices(void)
{
	test_netns_veth(home, "p0", tenant[0], "c0", 1);
	test_netns_veth(home, "p1", tenant[1], "c1", 1);
	test_netns_veth(home, "u0", far, "w0", 1);
	test_netns_veth(far, "q0", tenant[1], "c2", 1);
	/* the MAC that tunnel_make has for this host */
	test_netns_run(home, "ip link set u0 down; ip link set u0 address 02:ff:00:00:00:01 up");
	p0 = if_nametoindex("p0");
	p1 = if_nametoindex("p1");
	u0 = if_nametoindex("u0");
	test_netns_enter(far);
	test_netns_run(far, "ip link set w0 down; ip link set w0 address 02:ff:00:00:00:02 up");
	w0 = if_nametoindex("w0");
	q0 = if_nametoindex("q0");
	test_netns_enter(home);
}

static void load_programs(void)
{
	int error;

	port = tc_port__open();
	uplink = tc_uplink__open();
	deliver = tc_deliver__open();
	xdp = xdp_uplink__open();
	assert_true(port && uplink && deliver && xdp);
	error = tables_load(port->obj, 1024);
	if (error < 0)
		exit(error == -EPERM ? 77 : 1);
	assert_int_equal(tables_load(uplink->obj, 1024), 0);
	assert_int_equal(tables_load(deliver->obj, 1024), 0);
	assert_int_equal(tables_load(xdp->obj, 1024), 0);
	tables_print_verifier(deliver->obj);
}

static int set_up(void **state)
{
	struct weft_bpf_tunnel t;
	const uint32_t one = 1;

	for (int i = 0; i < 2; i++)
		tenant[i] = test_netns_new();
	far = test_netns_new();
	make_devices();
	load_programs();
	tables.epochs[SEGMENT].epoch = EPOCH;
	t = tunnel_make(false, u0);
	t.flags |= WEFT_BPF_TUNNEL_DELIVER;
	tables_tunnel(VTEP, &t);
	bpf_map_update_elem(bpf_map__fd(uplink->maps.weft_vteps), &t.local, &one, BPF_ANY);
	device_attach(p0, BPF_TC_INGRESS, port->progs.weft_port);
	device_attach(p0, BPF_TC_EGRESS, port->progs.weft_port_out);
	device_attach(p1, BPF_TC_INGRESS, port->progs.weft_port);
	device_attach(p1, BPF_TC_EGRESS, port->progs.weft_port_out);
	at_tenant[0] = socket_open_in(tenant[0], home, "c0");
	at_tenant[1] = socket_open_in(tenant[1], home, "c1");
	at_far = socket_open_in(far, home, "w0");
	at_miss = socket_open_marked("p0", TABLES_MARK);
	at_up_miss = socket_open_marked("u0", TABLES_MARK);
	return 0;
}

static int tear_down(void **state)
{
	xdp_uplink__destroy(xdp);
	tc_deliver__destroy(deliver);
	tc_uplink__destroy(uplink);
	tc_port__destroy(port);
	tables_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_hosts_own_frames_stay),
		cmocka_unit_test(test_short_frames),
		cmocka_unit_test(test_tunnel_out),
		cmocka_unit_test(test_tunnel_in_tc),
		cmocka_unit_test(test_outer_checksum),
		cmocka_unit_test(test_tunnel_in_xdp),
		cmocka_unit_test(test_gso_through_tunnel),
	};

	home = test_netns_own();
	libbpf_set_print(NULL);
	return cmocka_run_group_tests_name("devices", tests, set_up, tear_down);
}
