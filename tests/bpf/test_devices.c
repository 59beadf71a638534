/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path on real devices of the running kernel: where redirected frames come out, what the
 * data plane's socket on the miss device gets, and that the host's own stack gets nothing.
 *
 *   tenant[0] c0 -- p0 |      | p1 -- c1 tenant[1]
 *                      | host |
 *        remote w0 -- u0      | m0 (misses), m1
 *
 * For GSO frames the remote end is another host, with tenant[1] at its port q0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
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
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <weft_bpf/uplink.h>

#include "../lib/test_netns.h"
#include "frames.h"
#include "tables.h"
#include "tc_deliver.skel.h"
#include "tc_port.skel.h"
#include "tc_uplink.skel.h"
#include "xdp_uplink.skel.h"

#define SEGMENT	  9
#define EPOCH	  77
#define SLOT	  0x123
#define UP_SLOT	  0xfff
#define VTEP	  3
#define BACK_VTEP 4 /* of the other host: this one */
#define VNI	  42
#define HASH	  99
#define WAIT_MS	  2000
#define SILENT_MS 50

static int home, tenant[2], far;
static int p0, p1, u0, m0, w0, q0;
static int at_tenant[2], at_far, at_miss; /* packet sockets */
static struct tc_port *port;
static struct tc_uplink *uplink;
static struct tc_deliver *deliver;
static struct xdp_uplink *xdp;

/* What a packet socket got. */
struct got {
	ssize_t len; /* -1: nothing in time */
	struct virtio_net_hdr vnet;
	uint8_t b[2048];
	bool tagged; /* beside the frame */
	uint16_t tpid, tci;
};

static int packet_socket(int ns, const char *device)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	const int on = 1;
	int fd;

	test_netns_enter(ns);
	addr.sll_ifindex = if_nametoindex(device);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	test_netns_enter(home);
	return fd;
}

/* Returns as sendmsg; without the virtio-net header. */
static ssize_t try_send(int fd, const struct frame *f, const struct virtio_net_hdr *vnet)
{
	const struct virtio_net_hdr none = {0};
	struct iovec iov[] = {
		{(void *)(vnet ? vnet : &none), sizeof(none)}, {(void *)f->b, f->len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	ssize_t len = sendmsg(fd, &msg, 0);

	return len < 0 ? -errno : len - (ssize_t)sizeof(none);
}

static void send_frame(int fd, const struct frame *f, const struct virtio_net_hdr *vnet)
{
	assert_int_equal(try_send(fd, f, vnet), f->len);
}

static void read_tag(const struct msghdr *msg, struct got *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		ret->tagged = aux.tp_status & TP_STATUS_VLAN_VALID;
		ret->tci = aux.tp_vlan_tci;
		ret->tpid = aux.tp_vlan_tpid;
	}
}

static struct got receive(int fd, int wait_ms)
{
	const struct timeval timeout = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
	char control[256];
	struct got ret = {0};
	struct iovec iov[] = {{&ret.vnet, sizeof(ret.vnet)}, {ret.b, sizeof(ret.b)}};
	struct msghdr msg = {.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control)};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	ret.len = recvmsg(fd, &msg, 0);
	if (ret.len >= 0) {
		ret.len -= sizeof(ret.vnet);
		read_tag(&msg, &ret);
	}
	return ret;
}

static void expect_frame(int fd, const struct frame *want)
{
	struct got got = receive(fd, WAIT_MS);

	assert_int_equal(got.len, want->len);
	assert_memory_equal(got.b, want->b, want->len);
	assert_false(got.tagged);
}

static void expect_silence(int fd)
{
	assert_int_equal(receive(fd, SILENT_MS).len, -1);
}

static void expect_miss(const struct frame *want, uint16_t slot)
{
	struct got got = receive(at_miss, WAIT_MS);

	assert_int_equal(got.len, want->len);
	assert_memory_equal(got.b, want->b, want->len);
	assert_true(got.tagged);
	assert_int_equal(got.tpid, WEFT_BPF_MISS_TPID);
	assert_int_equal(got.tci, slot);
}

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
		send_frame(at_tenant[0], &frame, NULL);
		expect_frame(at_tenant[1], &frame);
		tables_clear();
	}
	expect_silence(at_miss);
	expect_silence(at_far);
}

/* What is not marked does not leave by a port's device. */
static void test_hosts_own_frames_stay(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f);
	uint64_t before = tables_prog(WEFT_BPF_PROG_PORT_OUT).dropped;
	int fd = packet_socket(home, "p1");

	assert_int_equal(try_send(fd, &frame, NULL), -ENOBUFS);
	expect_silence(at_tenant[1]);
	assert_int_equal(tables_prog(WEFT_BPF_PROG_PORT_OUT).dropped, before + 1);
	close(fd);
}

/* Offload metadata and the tenant's own tag stay with the frame; the port is beside it. */
static void test_miss(void **state)
{
	struct flow f = flow_make(false, IPPROTO_TCP);
	struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 100,
		.hdr_len = 54,
		.csum_start = 34,
		.csum_offset = 16,
	};
	struct frame frame;
	struct got got;

	f.payload = 1000;
	frame = frame_make(&f);
	send_frame(at_tenant[0], &frame, &vnet);
	got = receive(at_miss, WAIT_MS);
	assert_int_equal(got.len, frame.len);
	assert_true(got.tagged);
	assert_int_equal(got.tci, SLOT);
	assert_int_equal(got.tpid, WEFT_BPF_MISS_TPID);
	assert_int_equal(got.vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(got.vnet.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(got.vnet.gso_size, 100);
	assert_int_equal(got.vnet.csum_start, 34);

	f.payload = 10;
	frame = frame_make(&f);
	memmove(frame.b + 16, frame.b + 12, frame.len - 12);
	memcpy(frame.b + 12, "\x81\x00\x00\x07", 4);
	frame.len += 4;
	send_frame(at_tenant[0], &frame, NULL);
	expect_miss(&frame, SLOT);
	expect_silence(at_tenant[1]);
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
		send_frame(at_tenant[0], &frame, NULL);
		expect_miss(&frame, SLOT);
	}
	expect_silence(at_tenant[1]);
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
	send_frame(at_tenant[0], &frame, NULL);
	expect_frame(at_far, &want);
	expect_silence(at_miss);
	tables_clear();
}

static void attach_tc(int ifindex, enum bpf_tc_attach_point point, const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE,
		.prog_fd = bpf_program__fd(prog));
	int error = bpf_tc_hook_create(&hook);

	assert_true(error == 0 || error == -EEXIST);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
}

/* From the tunnel to tenant 0, by each uplink program and each way to a port. */
static void expect_tunnel_in(uint16_t flags)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_ICMP};

	for (unsigned int i = 0; i < 4; i++) {
		struct flow f = flow_make(i & 1, protos[i / 2]);
		struct weft_bpf_key key = flow_key(&f, weft_bpf_scope_vni(VNI));
		struct weft_bpf_decision d = decision(&f, p0, flags);
		struct frame want = frame_make(&f), frame;

		d.in_vtep = VTEP;
		assert_true(tables_put(&key, &d, NULL));
		frame = frame_encap(&want, &tables.tunnels[VTEP], true, VNI, HASH, 0);
		send_frame(at_far, &frame, NULL);
		expect_frame(at_tenant[0], &want);
		tables_clear();
	}
}

static void test_tunnel_in_tc(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f), tunnelled;

	attach_tc(u0, BPF_TC_INGRESS, uplink->progs.weft_uplink_tc);
	expect_tunnel_in(0);
	expect_tunnel_in(WEFT_BPF_DIR_PEER);
	tunnelled = frame_encap(&frame, &tables.tunnels[VTEP], true, VNI, HASH, 0);
	send_frame(at_far, &tunnelled, NULL);
	expect_miss(&tunnelled, UP_SLOT);
	expect_silence(at_tenant[0]);
}

static void test_tunnel_in_xdp(void **state)
{
	const uint32_t index = p0;

	attach_tc(u0, BPF_TC_INGRESS, deliver->progs.weft_deliver);
	assert_int_equal(bpf_xdp_attach(u0, bpf_program__fd(xdp->progs.weft_uplink),
				 XDP_FLAGS_DRV_MODE, NULL),
		0);
	expect_tunnel_in(0);
	expect_tunnel_in(WEFT_BPF_DIR_PEER);
	test_netns_run(tenant[0], "ethtool -K c0 gro on");
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(xdp->maps.weft_devs), &index, &index, BPF_ANY), 0);
	expect_tunnel_in(WEFT_BPF_DIR_XDP);
	bpf_xdp_detach(u0, XDP_FLAGS_DRV_MODE, NULL);
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
	int at_end = packet_socket(tenant[1], "c2");
	struct session_tcp tcp[2];
	struct frame frame;

	f.payload = 1900;
	frame = frame_make(&f);
	flow_tcp(tcp);
	put_back_tunnel();
	test_netns_enter(far);
	attach_tc(w0, BPF_TC_INGRESS, uplink->progs.weft_uplink_tc);
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
		send_frame(at_tenant[0], &frame, &vnet);
		got = receive(at_end, WAIT_MS);
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
	test_netns_veth(home, "m0", home, "m1", 1);
	test_netns_veth(far, "q0", tenant[1], "c2", 1);
	/* the MAC that tunnel_make has for this host */
	test_netns_run(home, "ip link set u0 down; ip link set u0 address 02:ff:00:00:00:01 up");
	p0 = if_nametoindex("p0");
	p1 = if_nametoindex("p1");
	u0 = if_nametoindex("u0");
	m0 = if_nametoindex("m0");
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
	tables_iface(p0, m0, SLOT);
	tables_iface(u0, m0, UP_SLOT);
	bpf_map_update_elem(bpf_map__fd(uplink->maps.weft_vteps), &t.local, &one, BPF_ANY);
	attach_tc(p0, BPF_TC_INGRESS, port->progs.weft_port);
	attach_tc(p0, BPF_TC_EGRESS, port->progs.weft_port_out);
	attach_tc(p1, BPF_TC_INGRESS, port->progs.weft_port);
	attach_tc(p1, BPF_TC_EGRESS, port->progs.weft_port_out);
	at_tenant[0] = packet_socket(tenant[0], "c0");
	at_tenant[1] = packet_socket(tenant[1], "c1");
	at_far = packet_socket(far, "w0");
	at_miss = packet_socket(home, "m0");
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
		cmocka_unit_test(test_miss),
		cmocka_unit_test(test_short_frames),
		cmocka_unit_test(test_tunnel_out),
		cmocka_unit_test(test_tunnel_in_tc),
		cmocka_unit_test(test_tunnel_in_xdp),
		cmocka_unit_test(test_gso_through_tunnel),
	};

	home = test_netns_own();
	libbpf_set_print(NULL);
	return cmocka_run_group_tests_name("devices", tests, set_up, tear_down);
}
