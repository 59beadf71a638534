/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TAP port: interfaces that the data plane makes and that live in tenants' namespaces.
 *
 *     tenant a: tapa --- [data plane: port, relay, port] --- tapb :tenant b
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <core/mem.h>
#include <port/port.h>

#include "kernel_peer.h"
#include "test_eal.h"
#include "test_netns.h"

static int own, ns_a, ns_b;
static unsigned int free_packet, free_huge;

static int remember_pools(void **state)
{
	free_packet = rte_mempool_avail_count(mem_pools.packet);
	free_huge = rte_mempool_avail_count(mem_pools.huge);
	return 0;
}

static int pools_are_full(void **state)
{
	test_netns_try(ns_a, "ip link del tapa 2>/dev/null");
	test_netns_try(ns_b, "ip link del tapb 2>/dev/null");
	test_netns_try(own, "ip link del tapa 2>/dev/null");
	assert_int_equal(rte_mempool_avail_count(mem_pools.packet), free_packet);
	assert_int_equal(rte_mempool_avail_count(mem_pools.huge), free_huge);
	return 0;
}

/* Makes the TAP, moves it to the tenant, brings it up with that address. */
static struct port *open_moved(
	const char *name, int ns, const char *addr, uint16_t n_queues, unsigned int n_workers)
{
	struct port *p = peer_port_open(WEFT_PORT_TAP, name, n_queues, 1500, -1, n_workers);

	assert_int_equal(p->state, WEFT_PORT_STATE_DOWN);
	assert_non_null(strstr(p->text, "ip link set dev "));
	assert_non_null(strstr(p->text, name));
	test_netns_run(own, "ip link set %s netns /proc/%d/fd/%d", name, getpid(), ns);
	test_netns_run(ns,
		"echo 1 > /proc/sys/net/ipv6/conf/%s/disable_ipv6; ip addr add %s/24 dev %s && "
		"ip link set %s up",
		name, addr, name, name);
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	return p;
}

static void frames_of_every_size_pass_both_ways(void **state)
{
	struct port *p = open_moved("tapa", ns_a, "192.0.2.1", 1, 1);
	int raw = peer_raw_socket(ns_a, "tapa");
	uint8_t buf[1 << 14], back[1 << 14];
	uint32_t number;

	for (unsigned int len = 18; len <= 1514; len += 1 + len % 13) {
		struct rte_mbuf *m;

		assert_int_equal(send(raw, buf, peer_frame(buf, len, len), 0), len);
		m = peer_receive(p);
		assert_int_equal(m->pkt_len, len);
		assert_true(rte_pktmbuf_headroom(m) >= PORT_HEADROOM);
		assert_true(peer_is_frame(rte_pktmbuf_mtod(m, void *), len, &number));
		assert_int_equal(port_tx(p, 0, &m, 1), 1);
		assert_int_equal(recv(raw, back, sizeof(back), 0), len);
		assert_memory_equal(back, buf, len);
	}
	close(raw);
	port_free(p);
	/* made by us: gone with the port */
	assert_int_not_equal(test_netns_try(ns_a, "ip link show tapa >/dev/null 2>&1"), 0);
}

static void relay_tcp(struct port *a, struct port *b, uint64_t size, struct relay_stats *stats)
{
	pid_t children[2];

	children[0] = peer_tcp_sink(ns_b, "192.0.2.2", 5001, size);
	children[1] = peer_tcp_source(ns_a, "192.0.2.2", 5001, size);
	relay_until(a, b, children, 2, stats);
	assert_int_equal(a->rx_errors + b->rx_errors, 0);
}

static void gso_frames_pass_whole(void **state)
{
	struct port *a = open_moved("tapa", ns_a, "192.0.2.1", 1, 1);
	struct port *b = open_moved("tapb", ns_b, "192.0.2.2", 1, 1);
	struct relay_stats stats = {0};

	relay_tcp(a, b, 16 << 20, &stats);
	assert_true(stats.partial > 0 && stats.gso > 0);
	assert_in_range(stats.longest, 4 * 1448, 65549);
	assert_true(stats.frames < (16 << 20) / 1448);
	port_free(a);
	port_free(b);
}

static void without_offloads_frames_are_plain(void **state)
{
	struct weft_port spec = {.id = 1,
		.kind = WEFT_PORT_TAP,
		.n_queues = 1,
		.mtu = 1500,
		.flags = WEFT_PORT_NO_OFFLOAD,
		.device = "tapa"};
	struct port *a = port_new(&spec, 1), *b = open_moved("tapb", ns_b, "192.0.2.2", 1, 1);
	struct relay_stats stats = {0};

	assert_int_equal(port_open(a, -1, 1), 0);
	assert_int_equal(a->offloads, PORT_OFFLOAD_MULTISEG);
	test_netns_run(own, "ip link set tapa netns /proc/%d/fd/%d", getpid(), ns_a);
	test_netns_run(ns_a, "ip addr add 192.0.2.1/24 dev tapa && ip link set tapa up");
	peer_wait_state(a, WEFT_PORT_STATE_UP);
	/* nobody segments in this relay, so b must not send what a can't take */
	test_netns_run(ns_b, "ethtool -K tapb tso off gso off >/dev/null");
	relay_tcp(a, b, 1 << 20, &stats);
	assert_int_equal(stats.gso, 0);
	assert_in_range(stats.longest, 60, 1514);
	port_free(a);
	port_free(b);
}

/* The tenant keeps its interface and its address when the data plane is killed. */
static void reopened_where_it_was_moved_to(void **state)
{
	char device[64];
	int ready[2], status, raw;
	struct port *p;
	uint8_t buf[100];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		open_moved("tapa", ns_a, "192.0.2.1", 1, 1);
		_exit(write(ready[1], "", 1) == 1 && pause() == 0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(ready[0]);
	close(ready[1]);

	snprintf(device, sizeof(device), "/proc/%d/fd/%d:tapa", getpid(), ns_a);
	p = peer_port_open(WEFT_PORT_TAP, device, 1, 1500, -1, 1);
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	test_netns_run(ns_a, "ip addr show tapa | grep -q 192.0.2.1");
	raw = peer_raw_socket(ns_a, "tapa");
	assert_int_equal(send(raw, buf, peer_frame(buf, 100, 3), 0), 100);
	rte_pktmbuf_free(peer_receive(p));
	close(raw);
	port_free(p);
	/* not made by this process: left alone */
	test_netns_run(ns_a, "ip link show tapa >/dev/null");
	/* and we are still at home */
	assert_int_not_equal(test_netns_try(own, "ip link show tapa >/dev/null 2>&1"), 0);
}

static void somebody_elses_tap_is_used_and_left(void **state)
{
	struct port *p;

	test_netns_run(own, "ip tuntap add tapa mode tap && ip link set tapa up");
	p = peer_port_open(WEFT_PORT_TAP, "tapa", 1, 1500, -1, 1);
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	port_free(p);
	test_netns_run(own, "ip link del tapa");

	/* made with several queues; opened with one, and with as many */
	test_netns_run(own, "ip tuntap add tapa mode tap multi_queue && ip link set tapa up");
	p = peer_port_open(WEFT_PORT_TAP, "tapa", 1, 1500, -1, 1);
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	port_free(p);
	p = peer_port_open(WEFT_PORT_TAP, "tapa", 3, 1500, -1, 1);
	assert_int_equal(p->n_rxq, 3);
	port_free(p);
	test_netns_run(own, "ip link del tapa");

	/* made with a single one */
	test_netns_run(own, "ip tuntap add tapa mode tap && ip link set tapa up");
	p = peer_port_open(WEFT_PORT_TAP, "tapa", 3, 1500, -1, 1);
	assert_int_equal(p->n_rxq, 1);
	port_free(p);
}

static void queues_share_flows(void **state)
{
	struct port *a = open_moved("tapa", ns_a, "192.0.2.1", 4, 2);
	struct port *b = open_moved("tapb", ns_b, "192.0.2.2", 1, 2);
	struct relay_stats stats = {0};
	pid_t children[2];

	assert_int_equal(a->n_rxq, 4);
	assert_int_equal(a->n_txq, 2);
	children[0] = peer_udp_echo(ns_b, "192.0.2.2", 7, 64);
	children[1] = peer_udp_ping(ns_a, "192.0.2.2", 7, 64, 100);
	relay_until(a, b, children, 2, &stats);
	assert_true(stats.queues & (stats.queues - 1));
	assert_in_range(stats.frames, 128, 128 + 40);
	port_free(a);
	port_free(b);
}

static void deleted_under_traffic_harms_no_other(void **state)
{
	struct port *a = open_moved("tapa", ns_a, "192.0.2.1", 1, 1);
	struct port *b = open_moved("tapb", ns_b, "192.0.2.2", 1, 1);
	int raw_a = peer_raw_socket(ns_a, "tapa"), raw_b = peer_raw_socket(ns_b, "tapb");
	uint64_t end = peer_now_ms() + PEER_DEADLINE_MS;
	struct relay_stats stats = {0};
	bool gone = false;
	uint8_t buf[1500];

	for (uint32_t i = 0; !gone; i++) {
		send(raw_a, buf, peer_frame(buf, 1000, i), MSG_DONTWAIT);
		send(raw_b, buf, peer_frame(buf, 1000, i), MSG_DONTWAIT);
		if (i == 100)
			test_netns_run(ns_a, "ip link del tapa");
		relay_once(a, b, &stats);
		gone = port_poll_state(a);
		assert_true(peer_now_ms() < end);
	}
	assert_non_null(strstr(a->text, "deleted"));
	assert_false(port_poll_state(b));
	port_close(a);
	/* missing ones are made: it is back, here, until somebody moves it */
	assert_int_equal(port_open(a, -1, 1), 0);
	test_netns_run(own, "ip link show tapa >/dev/null");
	send(raw_b, buf, peer_frame(buf, 1000, 0), 0);
	rte_pktmbuf_free(peer_receive(b));
	close(raw_a);
	close(raw_b);
	port_free(a);
	port_free(b);
}

static void link_state_follows_the_tenant(void **state)
{
	struct port *p = open_moved("tapa", ns_a, "192.0.2.1", 1, 1);

	test_netns_run(ns_a, "ip link set tapa down");
	peer_wait_state(p, WEFT_PORT_STATE_DOWN);
	/* renamed: the descriptor does not care */
	test_netns_run(ns_a, "ip link set tapa name renamed && ip link set renamed up");
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	port_free(p);
}

static void refusals_are_explained(void **state)
{
	static const struct {
		const char *device;
		int error;
		const char *word;
	} cases[] = {
		{"lo", -EINVAL, "no TAP"},
		{"a-name-that-is-too-long", -EINVAL, "interface name"},
		{"", -EINVAL, "interface name"},
		{"tap%d", -EINVAL, "interface name"},
		{"/nowhere/at/all:tapa", -ENOENT, "/nowhere"},
		{"/dev/null:tapa", -EINVAL, "/dev/null"},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weft_port spec = {.kind = WEFT_PORT_TAP, .n_queues = 1, .mtu = 1500};
		struct port *p;

		snprintf(spec.device, sizeof(spec.device), "%s", cases[i].device);
		p = port_new(&spec, 1);
		assert_int_equal(port_open(p, -1, 1), cases[i].error);
		if (!strstr(p->text, cases[i].word))
			fail_msg("%s: %s", cases[i].device, p->text);
		port_free(p);
	}
}

/* Last: it can't be undone. */
static void kept_when_the_process_ends(void **state)
{
	struct port *p = open_moved("tapa", ns_a, "192.0.2.1", 1, 1);

	port_keep_devices();
	port_free(p);
	test_netns_run(ns_a, "ip addr show tapa | grep -q 192.0.2.1");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, remember_pools, pools_are_full)
	const struct CMUnitTest tests[] = {
		CASE(frames_of_every_size_pass_both_ways),
		CASE(gso_frames_pass_whole),
		CASE(without_offloads_frames_are_plain),
		CASE(reopened_where_it_was_moved_to),
		CASE(somebody_elses_tap_is_used_and_left),
		CASE(queues_share_flows),
		CASE(deleted_under_traffic_harms_no_other),
		CASE(link_state_follows_the_tenant),
		CASE(refusals_are_explained),
		CASE(kept_when_the_process_ends),
	};

	own = test_netns_own();
	ns_a = test_netns_new();
	ns_b = test_netns_new();
	if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		printf("skipped: no /dev/net/tun\n");
		return 77;
	}
	test_eal_init(256);
	if (mem_init(4096) < 0)
		return 1;
	return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
