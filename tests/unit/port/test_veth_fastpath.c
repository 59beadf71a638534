/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The veth port beside a program of the fast path. Topology as in test_veth.c; on va's ingress a
 * program in the form of weft_port: what it has "carried" is gone, all else comes in once more,
 * marked, and is dropped then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <core/mem.h>
#include <port/port.h>

#include "kernel_peer.h"
#include "test_eal.h"
#include "test_netns.h"

#define MARK	  0x5eed1234
#define HIT_SIZE  99 /* frames that the program carries itself */
#define MISS_SIZE 100
#define N_FRAMES  50

static int own, ns_a, ns_b;

static int make_pairs(void **state)
{
	test_netns_veth(own, "va", ns_a, "eth0", 4);
	test_netns_veth(own, "vb", ns_b, "eth0", 1);
	test_netns_run(ns_a, "ip addr add 192.0.2.1/24 dev eth0");
	test_netns_run(ns_b, "ip addr add 192.0.2.2/24 dev eth0");
	return 0;
}

static int drop_pairs(void **state)
{
	test_netns_try(own, "ip link del va 2>/dev/null; ip link del vb 2>/dev/null");
	return 0;
}

#define INSN(c, d, s, o, i)                                                                        \
	((struct bpf_insn){.code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i})

static int program(void)
{
	const struct bpf_insn code[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(struct __sk_buff, mark), 0),
		INSN(BPF_JMP32 | BPF_JEQ | BPF_K, 2, 0, 7, MARK),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(struct __sk_buff, len), 0),
		INSN(BPF_JMP32 | BPF_JEQ | BPF_K, 2, 0, 5, HIT_SIZE),
		INSN(BPF_ST | BPF_MEM | BPF_W, 1, 0, offsetof(struct __sk_buff, mark), MARK),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 1, 1, offsetof(struct __sk_buff, ifindex), 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, BPF_F_INGRESS),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, TC_ACT_SHOT),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "test_port", "GPL", code,
		sizeof(code) / sizeof(code[0]), NULL);

	assert_true(fd >= 0);
	return fd;
}

static void put_program(const char *device)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = if_nametoindex(device),
		.attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .prog_fd = program());

	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	close(opts.prog_fd);
}

static void take_program(const char *device)
{
	test_netns_run(own, "tc qdisc del dev %s clsact", device);
}

static struct port *new_port(const char *device, uint16_t n_queues, bool program_is_on)
{
	struct weft_port spec = {.id = 1,
		.kind = WEFT_PORT_VETH,
		.role = WEFT_ROLE_TENANT,
		.n_queues = n_queues,
		.mtu = 1500};
	struct port_fastpath f = {.mark = MARK};
	struct port *p;

	snprintf(spec.device, sizeof(spec.device), "%s", device);
	if (program_is_on)
		f.ifindex = if_nametoindex(device);
	p = port_new(&spec, 1);
	assert_int_equal(port_set_fastpath(p, &f), 0);
	return p;
}

static struct port *open_port(const char *device, uint16_t n_queues, bool program_is_on)
{
	struct port *p = new_port(device, n_queues, program_is_on);

	if (port_open(p, -1, 1) < 0)
		fail_msg("%s", p->text);
	assert_int_equal(p->ifindex, if_nametoindex(device));
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	return p;
}

static void set(struct port *p, uint32_t mark, uint32_t ifindex)
{
	assert_int_equal(
		port_set_fastpath(p, &(struct port_fastpath){.mark = mark, .ifindex = ifindex}), 0);
}

/* Each frame that the program does not carry comes exactly once. */
static void expect_frames(struct port *p, int raw, bool hits)
{
	uint8_t buf[MISS_SIZE];
	struct rte_mbuf *m;
	uint32_t number;

	for (uint32_t i = 0; i < N_FRAMES; i++) {
		send(raw, buf, peer_frame(buf, HIT_SIZE, i), 0);
		send(raw, buf, peer_frame(buf, MISS_SIZE, i), 0);
		if (hits) {
			m = peer_receive(p);
			assert_int_equal(m->pkt_len, HIT_SIZE);
			rte_pktmbuf_free(m);
		}
		m = peer_receive(p);
		assert_int_equal(m->pkt_len, MISS_SIZE);
		assert_true(peer_is_frame(rte_pktmbuf_mtod(m, void *), MISS_SIZE, &number));
		assert_int_equal(number, i);
		rte_pktmbuf_free(m);
	}
	for (uint16_t q = 0; q < p->n_rxq; q++)
		assert_int_equal(port_rx(p, q, &m, 1), 0);
	assert_int_equal(p->rx_errors, 0);
}

static void misses_come_once_and_hits_never(void **state)
{
	struct port *p;
	int raw;

	put_program("va");
	for (uint16_t n_queues = 1; n_queues <= 4; n_queues += 3) {
		p = open_port("va", n_queues, true);
		raw = peer_raw_socket(ns_a, "eth0");
		expect_frames(p, raw, false);
		close(raw);
		port_free(p);
	}
}

/* The same socket, from one frame to the next, with the program coming and going. */
static void filters_change_on_an_open_port(void **state)
{
	struct port *p = open_port("va", 4, false);
	uint32_t ifindex = if_nametoindex("va");
	int raw = peer_raw_socket(ns_a, "eth0");

	for (int round = 0; round < 3; round++) {
		/* before control knows of tables, and without a program */
		set(p, 0, 0);
		expect_frames(p, raw, true);
		set(p, MARK, 0);
		expect_frames(p, raw, true);
		/* the program is there already, nobody has told: all come as they come in */
		put_program("va");
		expect_frames(p, raw, true);
		set(p, MARK, ifindex);
		expect_frames(p, raw, false);
		/* the program of another interface of that name, which is gone */
		set(p, MARK, ifindex + 1);
		expect_frames(p, raw, true);
		take_program("va");
		expect_frames(p, raw, true);
	}
	close(raw);
	port_free(p);
}

static void reopened_with_the_same_filter(void **state)
{
	struct port *p = open_port("va", 1, true);
	int raw;

	put_program("va");
	port_close(p);
	assert_int_equal(p->ifindex, 0);
	assert_int_equal(port_open(p, -1, 1), 0);
	raw = peer_raw_socket(ns_a, "eth0");
	expect_frames(p, raw, false);
	close(raw);
	port_free(p);
}

/* What comes in once more keeps its offload metadata. */
static void gso_frames_pass_whole(void **state)
{
	struct relay_stats stats = {0};
	struct port *a, *b;
	pid_t children[2];

	put_program("va");
	put_program("vb");
	a = open_port("va", 1, true);
	b = open_port("vb", 1, true);
	children[0] = peer_tcp_sink(ns_b, "192.0.2.2", 5001, 8 << 20);
	children[1] = peer_tcp_source(ns_a, "192.0.2.2", 5001, 8 << 20);
	relay_until(a, b, children, 2, &stats);
	assert_true(stats.partial > 0);
	assert_true(stats.gso > 0);
	assert_in_range(stats.longest, 4 * 1448, 65549);
	assert_int_equal(a->rx_errors + b->rx_errors, 0);
	port_free(a);
	port_free(b);
}

static int tun_open(const char *name, short kind)
{
	struct ifreq r = {.ifr_flags = kind | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, TUNSETIFF, &r), 0);
	test_netns_run(
		own, "sysctl -qw net.ipv6.conf.%s.disable_ipv6=1 && ip link set %s up", name, name);
	return fd;
}

/* The kernel's end of a TAP that somebody else holds, as a machine monitor does. */
static void a_tap_is_a_tenants_port(void **state)
{
	int fd = tun_open("tp0", IFF_TAP);
	uint8_t buf[MISS_SIZE], back[MISS_SIZE];
	struct rte_mbuf *m;
	struct port *p;

	put_program("tp0");
	p = open_port("tp0", 1, true);
	for (uint32_t i = 0; i < N_FRAMES; i++) {
		peer_frame(buf, HIT_SIZE, i);
		assert_int_equal(write(fd, buf, HIT_SIZE), HIT_SIZE);
		peer_frame(buf, MISS_SIZE, i);
		assert_int_equal(write(fd, buf, MISS_SIZE), MISS_SIZE);
		m = peer_receive(p);
		assert_int_equal(m->pkt_len, MISS_SIZE);
		assert_int_equal(port_tx(p, 0, &m, 1), 1);
		assert_int_equal(read(fd, back, sizeof(back)), MISS_SIZE);
		assert_memory_equal(back, buf, MISS_SIZE);
	}
	assert_int_equal(port_rx(p, 0, &m, 1), 0);
	port_free(p);
	close(fd);
}

static void a_tun_is_none(void **state)
{
	int fd = tun_open("tn0", IFF_TUN);
	struct port *p = new_port("tn0", 1, false);

	assert_int_equal(port_open(p, -1, 1), -EINVAL);
	assert_string_equal(p->text, "interface tn0 is neither a veth nor a TAP");
	port_free(p);
	close(fd);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_pairs, drop_pairs)
	const struct CMUnitTest tests[] = {
		CASE(misses_come_once_and_hits_never),
		CASE(filters_change_on_an_open_port),
		CASE(reopened_with_the_same_filter),
		CASE(gso_frames_pass_whole),
		CASE(a_tap_is_a_tenants_port),
		CASE(a_tun_is_none),
	};

	own = test_netns_own();
	ns_a = test_netns_new();
	ns_b = test_netns_new();
	test_eal_init(256);
	if (mem_init(4096) < 0)
		return 1;
	return cmocka_run_group_tests_name("veth_fastpath", tests, NULL, NULL);
}
