/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The veth port against the kernel. Topology, all namespaces unnamed:
 *
 *     tenant a: eth0 --- va [data plane: port, relay, port] vb --- eth0 :tenant b
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <core/mem.h>
#include <loader/loader.h>
#include <port/port.h>

#include "kernel_peer.h"
#include "test_eal.h"
#include "test_netns.h"

static int own, ns_a, ns_b;
static unsigned int free_packet, free_huge;

static int make_pairs(void **state)
{
	free_packet = rte_mempool_avail_count(mem_pools.packet);
	free_huge = rte_mempool_avail_count(mem_pools.huge);
	test_netns_veth(own, "va", ns_a, "eth0", 1);
	test_netns_veth(own, "vb", ns_b, "eth0", 1);
	test_netns_run(ns_a, "ip addr add 192.0.2.1/24 dev eth0");
	test_netns_run(ns_b, "ip addr add 192.0.2.2/24 dev eth0");
	return 0;
}

static int drop_pairs(void **state)
{
	test_netns_try(own, "ip link del va 2>/dev/null; ip link del vb 2>/dev/null");
	/* every buffer came back */
	assert_int_equal(rte_mempool_avail_count(mem_pools.packet), free_packet);
	assert_int_equal(rte_mempool_avail_count(mem_pools.huge), free_huge);
	return 0;
}

static struct port *open_port(const char *device)
{
	struct port *p = peer_port_open(WEFT_PORT_VETH, device, 1, 1500, -1, 1);

	peer_wait_state(p, WEFT_PORT_STATE_UP);
	return p;
}

static void frames_of_every_size_pass_both_ways(void **state)
{
	struct port *p = open_port("va");
	int raw = peer_raw_socket(ns_a, "eth0");
	uint8_t buf[1 << 14], back[1 << 14];
	uint32_t number;

	for (unsigned int len = 18; len <= 1514; len += 1 + len % 13) {
		struct rte_mbuf *m;

		assert_int_equal(send(raw, buf, peer_frame(buf, len, len), 0), len);
		m = peer_receive(p);
		assert_int_equal(m->pkt_len, len);
		assert_true(rte_pktmbuf_headroom(m) >= PORT_HEADROOM);
		assert_true(peer_is_frame(rte_pktmbuf_mtod(m, void *), len, &number));
		assert_int_equal(number, len);
		assert_int_equal(port_tx(p, 0, &m, 1), 1);
		assert_int_equal(recv(raw, back, sizeof(back), 0), len);
		assert_memory_equal(back, buf, len);
	}
	close(raw);
	port_free(p);
}

/* TCP between the two kernels: GSO frames stay whole, checksums partial, data right. */
static void expect_tcp(const char *addr, uint64_t size)
{
	struct port *a = open_port("va"), *b = open_port("vb");
	struct relay_stats stats = {0};
	pid_t children[2];

	children[0] = peer_tcp_sink(ns_b, addr, 5001, size);
	children[1] = peer_tcp_source(ns_a, addr, 5001, size);
	relay_until(a, b, children, 2, &stats);
	assert_true(stats.partial > 0);
	assert_true(stats.gso > 0);
	assert_in_range(stats.longest, 4 * 1448, 65549);
	/* many frames of MTU size would mean that somebody cut them up */
	assert_true(stats.frames < size / 1448);
	assert_int_equal(a->rx_errors + b->rx_errors, 0);
	port_free(a);
	port_free(b);
}

static void gso_frames_pass_whole(void **state)
{
	expect_tcp("192.0.2.2", 16 << 20);
}

static void gso_frames_pass_whole_ipv6(void **state)
{
	test_netns_run(ns_a, "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 && "
			     "ip addr add 2001:db8::1/64 dev eth0 nodad");
	test_netns_run(ns_b, "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 && "
			     "ip addr add 2001:db8::2/64 dev eth0 nodad");
	expect_tcp("2001:db8::2", 16 << 20);
}

/* The guard keeps tenants and the host's stack apart and does not touch what the port does. */
static void the_guard_does_not_concern_the_port(void **state)
{
	char text[LOADER_TEXT_SIZE];
	struct loader_guard *g;

	test_netns_run(own, "ip addr add 192.0.2.9/24 dev va");
	test_netns_run(ns_a, "ping -q -c1 -W2 192.0.2.9 >/dev/null");
	assert_int_equal(loader_guard_new(&g, text), 0);
	assert_int_equal(loader_guard_ensure(g, if_nametoindex("va"), text), 1);
	assert_int_equal(loader_guard_ensure(g, if_nametoindex("vb"), text), 1);
	assert_int_not_equal(test_netns_try(ns_a, "ping -q -c1 -W1 192.0.2.9 >/dev/null"), 0);
	expect_tcp("192.0.2.2", 8 << 20);
	loader_guard_free(g);
}

static void partial_checksums_are_completed_by_the_receiver(void **state)
{
	struct port *a = open_port("va"), *b = open_port("vb");
	struct relay_stats stats = {0};
	pid_t children[2];

	children[0] = peer_udp_echo(ns_b, "192.0.2.2", 7, 50);
	children[1] = peer_udp_ping(ns_a, "192.0.2.2", 7, 50, 1000);
	relay_until(a, b, children, 2, &stats);
	assert_true(stats.partial >= 100);
	port_free(a);
	port_free(b);
}

/* A tenant that computes its own checksums, and one that does not segment. */
static void tenants_without_offloads(void **state)
{
	struct port *a, *b;
	struct relay_stats stats = {0};
	pid_t children[2];

	test_netns_run(ns_a, "ethtool -K eth0 tx off tso off gso off >/dev/null");
	a = open_port("va");
	b = open_port("vb");
	children[0] = peer_tcp_sink(ns_b, "192.0.2.2", 5002, 1 << 20);
	children[1] = peer_tcp_source(ns_a, "192.0.2.2", 5002, 1 << 20);
	relay_until(a, b, children, 2, &stats);
	assert_in_range(stats.longest, 60, 1514);
	port_free(a);
	port_free(b);
}

static void offloads_follow_the_device(void **state)
{
	struct port *a = open_port("va");
	const uint32_t seg = PORT_OFFLOAD_TSO | PORT_OFFLOAD_USO;

	assert_int_equal(a->offloads & seg, seg);
	test_netns_run(own, "ethtool -K va tso off >/dev/null");
	assert_false(port_poll_state(a));
	assert_int_equal(a->offloads & seg, 0);
	assert_true(a->offloads & PORT_OFFLOAD_CKSUM);
	test_netns_run(own, "ip link set va mtu 1400");
	assert_false(port_poll_state(a));
	assert_int_equal(a->max_frame, 1400 + PORT_FRAME_OVERHEAD);
	port_free(a);
}

/* The kernel takes the tag out of the frame before the socket sees it; the port puts it back. */
static void vlan_tags_stay_in_the_frame(void **state)
{
	struct port *p = open_port("va");
	int raw = peer_raw_socket(ns_a, "eth0");
	uint8_t buf[256], tagged[260];

	peer_frame(buf, 100, 1);
	memcpy(tagged, buf, 12);
	memcpy(tagged + 16, buf + 12, 88);
	for (uint16_t i = 0; i < 2; i++) {
		struct rte_mbuf *m;

		memcpy(tagged + 12, i == 0 ? "\x81\x00\xe0\x4d" : "\x88\xa8\x00\x4d", 4);
		assert_int_equal(send(raw, tagged, 104, 0), 104);
		m = peer_receive(p);
		assert_int_equal(m->pkt_len, 104);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), tagged, 104);
		rte_pktmbuf_free(m);
	}
	close(raw);
	port_free(p);
}

static void link_state_follows_carrier_and_admin_state(void **state)
{
	struct port *p = open_port("va");

	test_netns_run(ns_a, "ip link set eth0 down");
	peer_wait_state(p, WEFT_PORT_STATE_DOWN);
	assert_non_null(strstr(p->text, "no carrier"));
	test_netns_run(ns_a, "ip link set eth0 up");
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	assert_string_equal(p->text, "");
	test_netns_run(own, "ip link set va down");
	peer_wait_state(p, WEFT_PORT_STATE_DOWN);
	assert_non_null(strstr(p->text, "ip link set"));
	test_netns_run(own, "ip link set va up");
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	/* the socket's pending report of the outage must cost no frame */
	int raw = peer_raw_socket(ns_a, "eth0");
	uint8_t buf[100];
	struct rte_mbuf *m;

	send(raw, buf, peer_frame(buf, 100, 5), 0);
	m = peer_receive(p);
	assert_int_equal(port_tx(p, 0, &m, 1), 1);
	assert_int_equal(recv(raw, buf, sizeof(buf), 0), 100);
	close(raw);
	port_free(p);
}

static void deleted_under_traffic_harms_no_other(void **state)
{
	struct port *a = open_port("va"), *b = open_port("vb");
	struct relay_stats stats = {0};
	uint64_t end = peer_now_ms() + PEER_DEADLINE_MS;
	int raw_a = peer_raw_socket(ns_a, "eth0"), raw_b = peer_raw_socket(ns_b, "eth0");
	bool gone = false;
	uint8_t buf[1500];

	for (uint32_t i = 0; !gone; i++) {
		send(raw_a, buf, peer_frame(buf, 1000, i), MSG_DONTWAIT);
		send(raw_b, buf, peer_frame(buf, 1000, i), MSG_DONTWAIT);
		if (i == 200)
			test_netns_run(own, "ip link del va");
		relay_once(a, b, &stats);
		gone = i > 300 && port_poll_state(a);
		assert_true(peer_now_ms() < end);
	}
	assert_non_null(strstr(a->text, "deleted"));
	assert_false(port_poll_state(b));
	port_close(a);
	assert_int_equal(a->state, WEFT_PORT_STATE_MISSING);
	assert_int_equal(port_open(a, -1, 1), -ENODEV);
	assert_non_null(strstr(a->text, "va"));

	/* b goes on; a comes back with its interface */
	send(raw_b, buf, peer_frame(buf, 1000, 0), 0);
	rte_pktmbuf_free(peer_receive(b));
	test_netns_veth(own, "va", ns_a, "eth0", 1);
	assert_int_equal(port_open(a, -1, 1), 0);
	peer_wait_state(a, WEFT_PORT_STATE_UP);
	close(raw_a);
	raw_a = peer_raw_socket(ns_a, "eth0");
	send(raw_a, buf, peer_frame(buf, 1000, 9), 0);
	rte_pktmbuf_free(peer_receive(a));
	close(raw_a);
	close(raw_b);
	port_free(a);
	port_free(b);
}

static void moved_to_another_namespace_is_gone(void **state)
{
	struct port *p = open_port("va");

	test_netns_run(own, "ip link set va netns /proc/%d/fd/%d", getpid(), ns_b);
	assert_true(port_poll_state(p));
	/* back again, with its old index: the socket stays deaf, so it must stay gone */
	test_netns_run(ns_b, "ip link set va netns /proc/%d/fd/%d", getpid(), own);
	test_netns_run(own, "ip link set va up");
	assert_true(port_poll_state(p));
	port_close(p);
	assert_int_equal(port_open(p, -1, 1), 0);
	port_free(p);
}

static void queues_share_flows_without_doubles(void **state)
{
	struct port *a = peer_port_open(WEFT_PORT_VETH, "va", 4, 1500, -1, 2), *b = open_port("vb");
	struct relay_stats stats = {0};
	pid_t children[2];

	assert_int_equal(a->n_rxq, 4);
	assert_int_equal(a->n_txq, 2);
	assert_false(a->shared_txq);
	peer_wait_state(a, WEFT_PORT_STATE_UP);
	children[0] = peer_udp_echo(ns_b, "192.0.2.2", 7, 64);
	children[1] = peer_udp_ping(ns_a, "192.0.2.2", 7, 64, 100);
	relay_until(a, b, children, 2, &stats);
	/* 64 flows: more than one queue had some; each datagram once, plus ARP and early tries */
	assert_true(stats.queues & (stats.queues - 1));
	assert_in_range(stats.frames, 128, 128 + 40);
	port_free(a);
	port_free(b);
}

static void overrun_is_counted(void **state)
{
	struct port *p = open_port("va");
	int raw = peer_raw_socket(ns_a, "eth0");
	struct rte_mbuf *pkts[32];
	unsigned int n_rx = 0, n;
	uint8_t buf[100];

	peer_frame(buf, sizeof(buf), 1);
	for (unsigned int i = 0; i < 3000; i++)
		assert_int_equal(send(raw, buf, sizeof(buf), 0), sizeof(buf));
	while ((n = port_rx(p, 0, pkts, 32)) > 0) {
		rte_pktmbuf_free_bulk(pkts, n);
		n_rx += n;
	}
	assert_true(n_rx < 3000);
	assert_false(port_poll_state(p));
	assert_int_equal(p->rx_errors, 3000 - n_rx);
	close(raw);
	port_free(p);
}

/* A frame that the device refuses is given back behind those that went out. */
static void refused_frames_come_last(void **state)
{
	struct port *p = open_port("va");
	int raw = peer_raw_socket(ns_a, "eth0");
	struct rte_mbuf *pkts[40], *bad[2];
	uint8_t buf[100];
	uint32_t number, want = 0;
	uint16_t sent;

	for (unsigned int i = 0; i < 40; i++) {
		unsigned int len = i == 3 || i == 35 ? 2000 : 100;

		pkts[i] = rte_pktmbuf_alloc(mem_pools.packet);
		peer_frame((uint8_t *)rte_pktmbuf_append(pkts[i], len), len, i);
	}
	bad[0] = pkts[3];
	bad[1] = pkts[35];
	sent = port_tx(p, 0, pkts, 40);
	assert_int_equal(sent, 38);
	assert_ptr_equal(pkts[38], bad[0]);
	assert_ptr_equal(pkts[39], bad[1]);
	rte_pktmbuf_free_bulk(bad, 2);
	for (unsigned int i = 0; i < 38; i++, want++) {
		want += want == 3 || want == 35;
		assert_int_equal(recv(raw, buf, sizeof(buf), 0), 100);
		assert_true(peer_is_frame(buf, 100, &number));
		assert_int_equal(number, want);
	}
	close(raw);
	port_free(p);
}

/* Own frames must not come back, nor those that the host's stack sends. */
static void own_frames_are_not_received(void **state)
{
	struct port *p = open_port("va");
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet), *echo;
	int raw = peer_raw_socket(ns_a, "eth0"), host = peer_raw_socket(own, "va");
	uint8_t buf[100];

	peer_frame((uint8_t *)rte_pktmbuf_append(m, 100), 100, 1);
	assert_int_equal(port_tx(p, 0, &m, 1), 1);
	assert_int_equal(recv(raw, buf, sizeof(buf), 0), 100);
	assert_int_equal(send(host, buf, 100, 0), 100);
	assert_int_equal(recv(raw, buf, sizeof(buf), 0), 100);
	assert_int_equal(port_rx(p, 0, &echo, 1), 0);
	close(raw);
	close(host);
	port_free(p);
}

/* Large frames go on when the few huge mbufs are used up, and nothing leaks. */
static void gso_without_huge_mbufs(void **state)
{
	unsigned int n = rte_mempool_avail_count(mem_pools.huge);
	struct rte_mbuf **held = calloc(n, sizeof(*held));

	for (unsigned int i = 0; i < n; i++)
		held[i] = rte_pktmbuf_alloc(mem_pools.huge);
	expect_tcp("192.0.2.2", 8 << 20);
	for (unsigned int i = 0; i < n; i++)
		rte_pktmbuf_free(held[i]);
	free(held);
}

static void no_mbufs_keeps_frames_in_the_ring(void **state)
{
	struct port *p = open_port("va");
	unsigned int n = rte_mempool_avail_count(mem_pools.packet);
	struct rte_mbuf **held = calloc(n, sizeof(*held)), *m;
	int raw = peer_raw_socket(ns_a, "eth0");
	uint8_t buf[100];

	for (unsigned int i = 0; i < n; i++)
		held[i] = rte_pktmbuf_alloc(mem_pools.packet);
	send(raw, buf, peer_frame(buf, 100, 42), 0);
	assert_int_equal(port_rx(p, 0, &m, 1), 0);
	for (unsigned int i = 0; i < n; i++)
		rte_pktmbuf_free(held[i]);
	rte_pktmbuf_free(peer_receive(p));
	assert_int_equal(p->rx_errors, 0);
	free(held);
	close(raw);
	port_free(p);
}

/* A NIC of the host that is named by mistake is left alone. */
static void only_a_veth_will_do(void **state)
{
	struct weft_port spec = {.id = 1,
		.kind = WEFT_PORT_VETH,
		.role = WEFT_ROLE_TENANT,
		.n_queues = 1,
		.mtu = 1500,
		.device = "lo"};
	struct port *p = port_new(&spec, 1);

	assert_int_equal(port_open(p, -1, 1), -EINVAL);
	assert_string_equal(p->text, "interface lo is neither a veth nor a TAP");
	port_free(p);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_pairs, drop_pairs)
	const struct CMUnitTest tests[] = {
		CASE(frames_of_every_size_pass_both_ways),
		CASE(gso_frames_pass_whole),
		CASE(gso_frames_pass_whole_ipv6),
		CASE(the_guard_does_not_concern_the_port),
		CASE(partial_checksums_are_completed_by_the_receiver),
		CASE(tenants_without_offloads),
		CASE(offloads_follow_the_device),
		CASE(vlan_tags_stay_in_the_frame),
		CASE(link_state_follows_carrier_and_admin_state),
		CASE(deleted_under_traffic_harms_no_other),
		CASE(moved_to_another_namespace_is_gone),
		CASE(queues_share_flows_without_doubles),
		CASE(overrun_is_counted),
		CASE(refused_frames_come_last),
		CASE(own_frames_are_not_received),
		CASE(gso_without_huge_mbufs),
		CASE(no_mbufs_keeps_frames_in_the_ring),
		CASE(only_a_veth_will_do),
	};

	own = test_netns_own();
	ns_a = test_netns_new();
	ns_b = test_netns_new();
	test_eal_init(256);
	if (mem_init(4096) < 0)
		return 1;
	return cmocka_run_group_tests_name("veth", tests, NULL, NULL);
}
