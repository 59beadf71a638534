/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How misses reach the data plane, on real devices of the running kernel: its packet socket on the
 * port gets each of them once, as the tenant sent it, and no hit; the host's own stack gets
 * neither.
 *
 *   tenant[0] c0 -- p0 | host | p1 -- c1 tenant[1]
 *        remote w0 -- u0      | x0 -- x1
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
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
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <weft_bpf/uplink.h>

#include "../lib/test_netns.h"
#include "frames.h"
#include "sockets.h"
#include "tables.h"
#include "tc_port.skel.h"
#include "tc_uplink.skel.h"

#define SEGMENT 9
#define EPOCH	77
#define VTEP	3
#define VNI	42
#define HASH	99
#define N_STACK 5

static int home, tenant[2], far;
static int at_tenant[2], at_far, at_host_end; /* packet sockets; x0 is the host's end */
static int at_miss, at_up_miss;		      /* the data plane's, on p0 and u0 */
static int stack[N_STACK];		      /* behind tc on p0, where the host's stack is */
static const uint16_t stack_protos[N_STACK] = {
	ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, ETH_P_LLDP, ETH_P_8021Q};
static struct tc_port *port;
static struct tc_uplink *uplink;

static uint64_t n_misses(enum weft_bpf_prog prog)
{
	struct weft_bpf_prog_counters n = tables_prog(prog);
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WEFT_BPF_MISS_N; i++)
		sum += n.misses[i];
	return sum;
}

static void expect_stack_silent(void)
{
	for (unsigned int i = 0; i < N_STACK; i++)
		assert_int_equal(socket_receive(stack[i], 1).len, -1);
}

/* Tenant 0 sends it; the data plane gets it once, and nobody else. */
static struct got expect_missed(const struct frame *f, const struct virtio_net_hdr *vnet)
{
	uint64_t before = n_misses(WEFT_BPF_PROG_PORT);
	struct got got;

	socket_send(at_tenant[0], f, vnet);
	got = socket_receive(at_miss, SOCKET_WAIT_MS);
	assert_true(got.len > 0);
	socket_expect_silence(at_miss);
	socket_expect_silence(at_tenant[1]);
	expect_stack_silent();
	assert_int_equal(n_misses(WEFT_BPF_PROG_PORT), before + 1);
	return got;
}

/* A session from that device's tenant to tenant 1. */
static void put_session_from(const char *device, const struct flow *f)
{
	struct weft_bpf_key key = flow_key(f, weft_bpf_scope_port(if_nametoindex(device)));
	struct weft_bpf_decision d = {
		.epoch = EPOCH,
		.segment = SEGMENT,
		.flags = WEFT_BPF_DIR_PEER,
		.out_ifindex = if_nametoindex("p1"),
		.max_l3 = 1500,
	};
	struct weft_bpf_key back = flow_key(f, weft_bpf_scope_vni(VNI));
	struct session_tcp tcp[2];

	memcpy(d.match_macs, f->dst_mac, 6);
	memcpy(d.match_macs + 6, f->src_mac, 6);
	flow_tcp(tcp);
	d.peer = tables_put(&back, &d, &tcp[1]);
	assert_true(tables_put(&key, &d, &tcp[0]));
}

static void put_session(const struct flow *f)
{
	put_session_from("p0", f);
}

/* The sockets that stand for the host's stack do see what passes tc. */
static void test_stack_without_program(void **state)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = if_nametoindex("p0"),
		.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f);

	assert_int_equal(bpf_tc_hook_destroy(&hook), 0);
	socket_send(at_tenant[0], &frame, NULL);
	socket_expect(stack[0], &frame);
	socket_expect_silence(at_miss); /* not marked */
	device_attach(if_nametoindex("p0"), BPF_TC_INGRESS, port->progs.weft_port);
}

static void test_hits_are_not_seen(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f);

	put_session(&f);
	for (unsigned int i = 0; i < 8; i++) {
		socket_send(at_tenant[0], &frame, NULL);
		socket_expect(at_tenant[1], &frame);
	}
	socket_expect_silence(at_miss);
	expect_stack_silent();
	tables_clear();
}

static void test_misses_are_seen_once(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow f = flow_make(v6, IPPROTO_UDP);
		struct frame frame = frame_make(&f);
		struct got got = expect_missed(&frame, NULL);

		assert_int_equal(got.len, frame.len);
		assert_memory_equal(got.b, frame.b, frame.len);
		assert_false(got.tagged);
	}
}

/* Also before a data plane has taken the tables over; and whatever the ethertype is. */
static void test_other_frames(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f);
	struct got got;

	tables.control->layout = 0;
	got = expect_missed(&frame, NULL);
	assert_memory_equal(got.b, frame.b, frame.len);
	tables.control->layout = WEFT_BPF_LAYOUT;
	for (unsigned int i = 1; i < 4; i++) {
		memset(frame.b, 0xff, 6); /* broadcast: for the host, too */
		frame.b[12] = stack_protos[i] >> 8;
		frame.b[13] = stack_protos[i];
		got = expect_missed(&frame, NULL);
		assert_int_equal(got.len, frame.len);
		assert_memory_equal(got.b, frame.b, frame.len);
	}
}

static void test_offloads_stay(void **state)
{
	const struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 100,
		.hdr_len = 54,
		.csum_start = 34,
		.csum_offset = 16,
	};
	struct flow f = flow_make(false, IPPROTO_TCP);
	struct frame frame;
	struct got got;

	f.payload = 1000;
	frame = frame_make(&f);
	got = expect_missed(&frame, &vnet);
	assert_int_equal(got.len, frame.len);
	assert_int_equal(got.vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(got.vnet.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(got.vnet.gso_size, 100);
	assert_int_equal(got.vnet.csum_start, 34);
	assert_int_equal(got.vnet.csum_offset, 16);
}

/* A checksum that is yet to be put somewhere else than into the L4 header would change the frame
 * once it is judged, into one to another port: the data plane completes it first. */
static void test_checksums_elsewhere(void **state)
{
	static const struct {
		uint16_t start, offset;
	} odd[] = {{20, 16}, {34, 2}, {34, 16}, {42, 6}, {33, 7}};
	struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame;
	struct got got;

	f.payload = 64;
	frame = frame_make(&f);
	put_session(&f);
	socket_send(at_tenant[0], &frame, &vnet);
	socket_expect(at_tenant[1], &frame);
	for (unsigned int i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		vnet.csum_start = odd[i].start;
		vnet.csum_offset = odd[i].offset;
		got = expect_missed(&frame, &vnet);
		assert_memory_equal(got.b, frame.b, frame.len);
		assert_int_equal(got.vnet.csum_start, odd[i].start);
		assert_int_equal(got.vnet.csum_offset, odd[i].offset);
	}
	tables_clear();
}

/* The socket of a TAP, whose owner may say what it likes: not so a container, whose kernel cuts
 * what it could not leave to others. */
static int open_tap(void)
{
	struct ifreq ifr = {.ifr_name = "t0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	assert_int_equal(ioctl(fd, TUNSETIFF, &ifr), 0);
	test_netns_run(home, "ip link set t0 up");
	device_attach(if_nametoindex("t0"), BPF_TC_INGRESS, port->progs.weft_port);
	return fd;
}

static void tap_send(int fd, const struct frame *f, const struct virtio_net_hdr *vnet)
{
	struct iovec iov[] = {{(void *)vnet, sizeof(*vnet)}, {(void *)f->b, f->len}};

	assert_int_equal(writev(fd, iov, 2), sizeof(*vnet) + f->len);
}

/* A frame to be cut whose checksum is said to be complete: the data plane refuses it. */
static void test_complete_gso(void **state)
{
	struct virtio_net_hdr vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 400,
		.hdr_len = 54,
		.csum_start = 34,
		.csum_offset = 16};
	struct flow f = flow_make(false, IPPROTO_TCP);
	int tap = open_tap(), missed;
	struct frame frame;
	struct got got;

	if (tap < 0)
		skip();
	missed = socket_open_marked("t0", TABLES_MARK);
	f.payload = 1000;
	frame = frame_make(&f);
	put_session_from("t0", &f);
	tap_send(tap, &frame, &vnet);
	got = socket_receive(at_tenant[1], SOCKET_WAIT_MS);
	assert_int_equal(got.len, frame.len);
	assert_int_equal(got.vnet.gso_size, 400);
	socket_expect_silence(missed);
	vnet.flags = 0;
	tap_send(tap, &frame, &vnet);
	got = socket_receive(missed, SOCKET_WAIT_MS);
	assert_int_equal(got.len, frame.len);
	assert_int_equal(got.vnet.gso_size, 400);
	assert_int_equal(got.vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
	socket_expect_silence(at_tenant[1]);
	vnet = (struct virtio_net_hdr){0};
	f.payload = 500;
	frame = frame_make(&f);
	tap_send(tap, &frame, &vnet);
	socket_expect(at_tenant[1], &frame);
	tables_clear();
	close(missed);
	close(tap);
}

static void push_tag(struct frame *f, uint16_t tpid, uint16_t tci)
{
	const uint8_t tag[4] = {tpid >> 8, tpid, tci >> 8, tci};

	memmove(f->b + 16, f->b + 12, f->len - 12);
	memcpy(f->b + 12, tag, sizeof(tag));
	f->len += sizeof(tag);
}

/* The outer tag comes beside the frame, as from any device; one within stays there. */
static void test_tags_stay(void **state)
{
	static const uint16_t tpids[] = {ETH_P_8021Q, ETH_P_8021AD};

	for (unsigned int i = 0; i < 4; i++) {
		struct flow f = flow_make(false, IPPROTO_UDP);
		struct frame frame = frame_make(&f), within;
		uint16_t tpid = tpids[i & 1];
		struct got got;

		if (i & 2)
			push_tag(&frame, ETH_P_8021Q, 5);
		within = frame;
		push_tag(&frame, tpid, 0x6007);
		put_session(&f); /* of untagged packets: not theirs */
		got = expect_missed(&frame, NULL);
		tables_clear();
		assert_true(got.tagged);
		assert_int_equal(got.tpid, tpid);
		assert_int_equal(got.tci, 0x6007);
		assert_int_equal(got.len, within.len);
		assert_memory_equal(got.b, within.b, within.len);
	}
}

static int marking_socket(const char *device)
{
	const uint32_t mark = TABLES_MARK;
	int fd = socket_open(device, 0);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	return fd;
}

/* A tenant that knows the mark gains nothing by it: frames lose theirs on the way into the host's
 * namespace. Within one namespace they would not. */
static void test_mark_cannot_be_forged(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f);
	int fd, tap = at_tenant[0];

	fd = marking_socket("x1");
	socket_send(fd, &frame, NULL);
	socket_expect(at_host_end, &frame);
	close(fd);

	test_netns_enter(tenant[0]);
	at_tenant[0] = marking_socket("c0");
	test_netns_enter(home);
	expect_missed(&frame, NULL); /* judged, and once only */
	put_session(&f);
	socket_send(at_tenant[0], &frame, NULL);
	socket_expect(at_tenant[1], &frame);
	socket_expect_silence(at_miss);
	tables_clear();
	close(at_tenant[0]);
	at_tenant[0] = tap;
}

static void test_without_mark_all_is_dropped(void **state)
{
	uint64_t before = tables_prog(WEFT_BPF_PROG_PORT).dropped;
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f);

	tables.control->mark = 0;
	socket_send(at_tenant[0], &frame, NULL);
	socket_expect_silence(at_miss);
	expect_stack_silent();
	assert_int_equal(tables_prog(WEFT_BPF_PROG_PORT).dropped, before + 1);
	tables.control->mark = TABLES_MARK;
}

/* Tunnel packets for this host go the same way; what is the host's own passes. */
static void test_uplink(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	struct frame frame = frame_make(&f), tunnelled;
	int ip = socket_open("u0", ETH_P_IP);
	uint64_t before = n_misses(WEFT_BPF_PROG_UPLINK_TC);

	tunnelled = frame_encap(&frame, &tables.tunnels[VTEP], true, VNI, HASH, 0);
	socket_send(at_far, &tunnelled, NULL);
	socket_expect(at_up_miss, &tunnelled);
	socket_expect_silence(at_up_miss);
	socket_expect_silence(ip);
	assert_int_equal(n_misses(WEFT_BPF_PROG_UPLINK_TC), before + 1);
	socket_send(at_far, &frame, NULL);
	socket_expect(ip, &frame);
	socket_expect_silence(at_up_miss);
	close(ip);
}

static void make_devices(void)
{
	for (int i = 0; i < 2; i++)
		tenant[i] = test_netns_new();
	far = test_netns_new();
	test_netns_veth(home, "p0", tenant[0], "c0", 1);
	test_netns_veth(home, "p1", tenant[1], "c1", 1);
	test_netns_veth(home, "u0", far, "w0", 1);
	test_netns_veth(home, "x0", home, "x1", 1);
	test_netns_run(home, "ip addr add 198.51.100.1/24 dev p0");
}

static void make_sockets(void)
{
	at_tenant[0] = socket_open_in(tenant[0], home, "c0");
	at_tenant[1] = socket_open_in(tenant[1], home, "c1");
	at_far = socket_open_in(far, home, "w0");
	at_miss = socket_open_marked("p0", TABLES_MARK);
	at_up_miss = socket_open_marked("u0", TABLES_MARK);
	at_host_end = socket_open_marked("x0", TABLES_MARK);
	for (unsigned int i = 0; i < N_STACK; i++)
		stack[i] = socket_open("p0", stack_protos[i]);
}

static int set_up(void **state)
{
	struct weft_bpf_tunnel t;
	const uint32_t one = 1;
	int error;

	make_devices();
	port = tc_port__open();
	uplink = tc_uplink__open();
	assert_true(port && uplink);
	error = tables_load(port->obj, 1024);
	if (error < 0)
		exit(error == -EPERM ? 77 : 1);
	assert_int_equal(tables_load(uplink->obj, 1024), 0);
	tables.epochs[SEGMENT].epoch = EPOCH;
	t = tunnel_make(false, if_nametoindex("u0"));
	tables_tunnel(VTEP, &t);
	bpf_map_update_elem(bpf_map__fd(uplink->maps.weft_vteps), &t.local, &one, BPF_ANY);
	device_attach(if_nametoindex("p0"), BPF_TC_INGRESS, port->progs.weft_port);
	device_attach(if_nametoindex("u0"), BPF_TC_INGRESS, uplink->progs.weft_uplink_tc);
	make_sockets();
	return 0;
}

static int tear_down(void **state)
{
	tc_uplink__destroy(uplink);
	tc_port__destroy(port);
	tables_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stack_without_program),
		cmocka_unit_test(test_hits_are_not_seen),
		cmocka_unit_test(test_misses_are_seen_once),
		cmocka_unit_test(test_other_frames),
		cmocka_unit_test(test_offloads_stay),
		cmocka_unit_test(test_checksums_elsewhere),
		cmocka_unit_test(test_complete_gso),
		cmocka_unit_test(test_tags_stay),
		cmocka_unit_test(test_mark_cannot_be_forged),
		cmocka_unit_test(test_without_mark_all_is_dropped),
		cmocka_unit_test(test_uplink),
	};

	home = test_netns_own();
	libbpf_set_print(NULL);
	return cmocka_run_group_tests_name("misses", tests, set_up, tear_down);
}
