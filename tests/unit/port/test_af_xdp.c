/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The AF_XDP port with the steering program on a veth as the kernel uplink:
 *
 *     [data plane: port] ul0 198.51.100.1 --- 198.51.100.2 far0 :underlay
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <core/mem.h>
#include <loader/loader.h>
#include <port/port.h>

#include "kernel_peer.h"
#include "test_eal.h"
#include "test_netns.h"

#define HEADERS 42 /* Ethernet, IPv4, UDP */

static int own, far;
static struct loader_uplink *uplink;
static char text[LOADER_TEXT_SIZE];
static unsigned int free_packet;

static void make_uplink(unsigned int n_queues, unsigned int mtu)
{
	const struct weft_addr vtep = weft_addr_from_v4("\xc6\x33\x64\x01");

	test_netns_veth(own, "ul0", far, "far0", n_queues);
	test_netns_run(own, "ip link set ul0 mtu %u && ip addr add 198.51.100.1/24 dev ul0", mtu);
	test_netns_run(far,
		"ip link set far0 mtu %u && ip addr add 198.51.100.2/24 dev far0 && "
		"ethtool -K far0 tx off >/dev/null",
		mtu);
	if (loader_uplink_attach(if_nametoindex("ul0"), NULL, &uplink, text) < 0)
		fail_msg("%s", text);
	assert_int_equal(loader_uplink_set_vteps(uplink, &vtep, 1, text), 0);
}

static int remember_pool(void **state)
{
	free_packet = rte_mempool_avail_count(mem_pools.packet);
	return 0;
}

static int drop_uplink(void **state)
{
	loader_uplink_detach(uplink);
	uplink = NULL;
	test_netns_try(own, "ip link del ul0 2>/dev/null");
	assert_int_equal(rte_mempool_avail_count(mem_pools.packet), free_packet);
	return 0;
}

static struct port *open_port(uint16_t n_queues, uint16_t mtu, unsigned int n_workers)
{
	int fd = loader_uplink_xsks_fd(uplink);
	struct port *p = peer_port_open(WEFT_PORT_AF_XDP, "ul0", n_queues, mtu, fd, n_workers);

	close(fd);
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	return p;
}

/* A UDP socket of the underlay, connected to that port of the VTEP. */
static int underlay_socket(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd;

	test_netns_enter(far);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	test_netns_enter(own);
	inet_pton(AF_INET, "198.51.100.1", &to.sin_addr);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void expect_frame(struct rte_mbuf *m, const uint8_t *payload, unsigned int len)
{
	uint8_t buf[16384];
	const uint8_t *got;

	assert_int_equal(m->pkt_len, HEADERS + len);
	got = rte_pktmbuf_read(m, HEADERS, len, buf);
	assert_non_null(got);
	assert_memory_equal(got, payload, len);
}

static void vxlan_comes_here_and_the_rest_stays_with_the_kernel(void **state)
{
	struct weft_bpf_uplink_counters counters;
	struct port *p;
	uint8_t payload[1400];
	int udp, raw;

	make_uplink(1, 1500);
	p = open_port(1, 1500, 1);
	udp = underlay_socket(4789);
	for (unsigned int len = 1; len <= sizeof(payload); len += 1 + len % 31) {
		struct rte_mbuf *m;

		memset(payload, len, len);
		assert_int_equal(send(udp, payload, len, 0), len);
		m = peer_receive(p);
		assert_true(rte_pktmbuf_headroom(m) >= PORT_HEADROOM);
		expect_frame(m, payload, len);
		rte_pktmbuf_free(m);
	}
	test_netns_run(far, "ping -q -c2 -i0.01 -W2 198.51.100.1 >/dev/null");
	assert_int_equal(loader_uplink_counters(uplink, &counters), 0);
	assert_true(counters.redirected > 40);
	assert_true(counters.passed >= 2);
	assert_int_equal(counters.dropped[WEFT_DROP_NO_UPLINK], 0);

	raw = peer_raw_socket(far, "far0");
	for (unsigned int i = 0; i < 100; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);
		uint8_t buf[2000];
		uint32_t number;
		unsigned int len = 60 + i * 14;

		peer_frame((uint8_t *)rte_pktmbuf_append(m, len), len, i);
		assert_int_equal(port_tx(p, 0, &m, 1), 1);
		assert_int_equal(recv(raw, buf, sizeof(buf), 0), len);
		assert_true(peer_is_frame(buf, len, &number) && number == i);
	}
	close(raw);
	close(udp);
	port_free(p);
}

static void without_a_socket_vxlan_is_dropped_and_counted(void **state)
{
	struct weft_bpf_uplink_counters counters;
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(4789)};
	int udp, other, kernel_vxlan, kernel_other;
	uint8_t buf[16];

	make_uplink(1, 1500);
	kernel_vxlan = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(kernel_vxlan, (struct sockaddr *)&any, sizeof(any)), 0);
	any.sin_port = htons(4790);
	kernel_other = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(kernel_other, (struct sockaddr *)&any, sizeof(any)), 0);
	udp = underlay_socket(4789);
	other = underlay_socket(4790);
	assert_int_equal(send(udp, "x", 1, 0), 1);
	assert_int_equal(send(other, "y", 1, 0), 1);
	assert_int_equal(recv(kernel_other, buf, sizeof(buf), 0), 1);
	assert_int_equal(recv(kernel_vxlan, buf, sizeof(buf), 0), -1);
	assert_int_equal(loader_uplink_counters(uplink, &counters), 0);
	assert_int_equal(counters.dropped[WEFT_DROP_NO_UPLINK], 1);
	close(udp);
	close(other);
	close(kernel_vxlan);
	close(kernel_other);
}

static void jumbo_frames_are_chains_both_ways(void **state)
{
	uint8_t payload[8900], buf[16384];
	struct port *p;
	int udp, raw;

	make_uplink(1, 9000);
	p = open_port(1, 9000, 1);
	if (p->max_frame < 9018) { /* Linux before 6.6: said in words, and what fits passes */
		assert_int_equal(p->max_frame, 3840);
		assert_non_null(strstr(p->text, "longer than 3840 bytes"));
		port_free(p);
		return;
	}
	udp = underlay_socket(4789);
	raw = peer_raw_socket(far, "far0");
	for (unsigned int i = 0; i < 300; i++) {
		unsigned int len = 1 + random() % sizeof(payload);
		struct rte_mbuf *m;
		uint32_t number;

		for (unsigned int b = 0; b < len; b++)
			payload[b] = random();
		assert_int_equal(send(udp, payload, len, 0), len);
		m = peer_receive(p);
		expect_frame(m, payload, len);
		rte_pktmbuf_free(m);

		/* a chain of uneven segments out */
		len = 60 + random() % 8950;
		peer_frame(buf, len, i);
		m = NULL;
		for (unsigned int off = 0; off < len;) {
			unsigned int part = 1 + random() % 1500;
			struct rte_mbuf *seg = rte_pktmbuf_alloc(mem_pools.packet);

			part = RTE_MIN(part, len - off);
			memcpy(rte_pktmbuf_append(seg, part), buf + off, part);
			off += part;
			if (m)
				rte_pktmbuf_chain(m, seg);
			else
				m = seg;
		}
		assert_int_equal(port_tx(p, 0, &m, 1), 1);
		assert_int_equal(recv(raw, buf, sizeof(buf), 0), len);
		assert_true(peer_is_frame(buf, len, &number) && number == i);
	}
	assert_int_equal(p->rx_errors, 0);
	close(udp);
	close(raw);
	port_free(p);
}

/* A bridge as the uplink: generic XDP, which comes after the driver. */
static void generic_mode_on_a_bridge(void **state)
{
	const struct weft_addr vtep = weft_addr_from_v4("\xc6\x33\x64\x01");
	struct loader_uplink_info info;
	uint8_t payload[1400], buf[2000];
	struct rte_mbuf *m;
	struct port *p;
	uint32_t number;
	int udp, raw, fd;

	make_uplink(1, 1500);
	loader_uplink_detach(uplink);
	test_netns_run(own, "ip link add ulbr type bridge && ip link set ulbr up && "
			    "ip addr flush dev ul0 && ip link set ul0 master ulbr && "
			    "ip addr add 198.51.100.1/24 dev ulbr");
	if (loader_uplink_attach(if_nametoindex("ulbr"), NULL, &uplink, text) < 0)
		fail_msg("%s", text);
	loader_uplink_info(uplink, &info);
	assert_int_equal(info.mode, LOADER_MODE_GENERIC);
	assert_int_equal(loader_uplink_set_vteps(uplink, &vtep, 1, text), 0);
	fd = loader_uplink_xsks_fd(uplink);
	p = peer_port_open(WEFT_PORT_AF_XDP, "ulbr", 1, 1500, fd, 1);
	close(fd);
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	udp = underlay_socket(4789);
	raw = peer_raw_socket(far, "far0");
	for (unsigned int len = 1; len <= sizeof(payload); len += 100) {
		memset(payload, len, len);
		assert_int_equal(send(udp, payload, len, 0), len);
		m = peer_receive(p);
		expect_frame(m, payload, len);
		rte_pktmbuf_free(m);
		m = rte_pktmbuf_alloc(mem_pools.packet);
		peer_frame((uint8_t *)rte_pktmbuf_append(m, 60 + len), 60 + len, len);
		assert_int_equal(port_tx(p, 0, &m, 1), 1);
		assert_int_equal(recv(raw, buf, sizeof(buf), 0), 60 + len);
		assert_true(peer_is_frame(buf, 60 + len, &number) && number == len);
	}
	test_netns_run(far, "ping -q -c1 -W2 198.51.100.1 >/dev/null");
	close(udp);
	close(raw);
	port_free(p);
	test_netns_run(own, "ip link del ulbr");
}

/* Sends from many source ports so that several receive queues are hit; returns queues seen. */
static uint64_t run_flows(struct port *p, unsigned int n_flows)
{
	uint64_t queues = 0, end = peer_now_ms() + PEER_DEADLINE_MS;
	unsigned int n_rx = 0;

	for (uint32_t i = 0; i < n_flows; i++) {
		int udp = underlay_socket(4789);

		assert_int_equal(send(udp, &i, sizeof(i), 0), sizeof(i));
		close(udp);
	}
	while (n_rx < n_flows) {
		for (uint16_t q = 0; q < p->n_rxq; q++) {
			struct rte_mbuf *m;

			if (port_rx(p, q, &m, 1) == 0)
				continue;
			queues |= 1u << q;
			n_rx++;
			rte_pktmbuf_free(m);
		}
		assert_true(peer_now_ms() < end);
	}
	return queues;
}

static void every_device_queue_has_a_socket(void **state)
{
	struct port *p;

	make_uplink(4, 1500);
	p = open_port(2, 1500, 3);
	assert_int_equal(p->n_rxq, 2);
	assert_int_equal(p->n_txq, 3);
	assert_int_equal(run_flows(p, 64), 3);
	port_free(p);
	p = open_port(1, 1500, 1);
	assert_int_equal(p->n_rxq, 1);
	assert_int_equal(run_flows(p, 64), 1);
	port_free(p);
	p = open_port(8, 1500, 8);
	assert_int_equal(p->n_rxq, 4);
	assert_int_equal(p->n_txq, 4);
	assert_true(p->shared_txq);
	port_free(p);
}

static void transmit_survives_more_than_its_ring(void **state)
{
	struct rte_mbuf *pkts[32];
	struct port *p;
	unsigned int n_sent = 0;

	make_uplink(1, 1500);
	p = open_port(1, 1500, 1);
	for (unsigned int burst = 0; burst < 400; burst++) {
		uint16_t sent;

		for (unsigned int i = 0; i < 32; i++) {
			pkts[i] = rte_pktmbuf_alloc(mem_pools.packet);
			peer_frame((uint8_t *)rte_pktmbuf_append(pkts[i], 60), 60, i);
		}
		sent = port_tx(p, 0, pkts, 32);
		n_sent += sent;
		rte_pktmbuf_free_bulk(pkts + sent, 32 - sent);
	}
	assert_int_equal(n_sent, 400 * 32);
	test_netns_run(far, "test $(ip -s -j link show far0 | "
			    "sed 's/.*\"rx\":{[^}]*\"packets\":\\([0-9]*\\).*/\\1/') -ge 12800");
	port_free(p);
}

static void too_long_frames_come_last(void **state)
{
	struct rte_mbuf *pkts[3], *big;
	struct port *p;

	make_uplink(1, 1500);
	p = open_port(1, 1500, 1);
	for (unsigned int i = 0; i < 3; i++) {
		pkts[i] = rte_pktmbuf_alloc(mem_pools.packet);
		rte_pktmbuf_append(pkts[i], 60);
	}
	big = pkts[0];
	for (unsigned int i = 0; i < 20; i++) {
		struct rte_mbuf *seg = rte_pktmbuf_alloc(mem_pools.packet);

		rte_pktmbuf_append(seg, 2000);
		rte_pktmbuf_chain(big, seg);
	}
	assert_int_equal(port_tx(p, 0, pkts, 3), 2);
	assert_ptr_equal(pkts[2], big);
	rte_pktmbuf_free(big);
	port_free(p);
}

static void overrun_is_counted(void **state)
{
	unsigned int n_rx = 0, n;
	struct rte_mbuf *pkts[32];
	struct port *p;
	int udp;

	make_uplink(1, 1500);
	p = open_port(1, 1500, 1);
	udp = underlay_socket(4789);
	for (unsigned int i = 0; i < 4000; i++)
		assert_int_equal(send(udp, "x", 1, 0), 1);
	while ((n = port_rx(p, 0, pkts, 32)) > 0) {
		rte_pktmbuf_free_bulk(pkts, n);
		n_rx += n;
	}
	assert_true(n_rx < 4000);
	assert_false(port_poll_state(p));
	assert_int_equal(p->rx_errors, 4000 - n_rx);
	close(udp);
	port_free(p);
}

static void deleted_under_traffic_and_back(void **state)
{
	uint64_t end = peer_now_ms() + PEER_DEADLINE_MS;
	struct port *p;
	bool gone = false;
	int udp, fd;

	make_uplink(2, 1500);
	p = open_port(2, 1500, 1);
	udp = underlay_socket(4789);
	for (unsigned int i = 0; !gone; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet), *rx[8];

		send(udp, "x", 1, MSG_DONTWAIT);
		rte_pktmbuf_append(m, 100);
		if (port_tx(p, 0, &m, 1) == 0)
			rte_pktmbuf_free(m);
		for (uint16_t q = 0; q < 2; q++)
			rte_pktmbuf_free_bulk(rx, port_rx(p, q, rx, 8));
		if (i == 100)
			test_netns_run(own, "ip link del ul0");
		gone = port_poll_state(p);
		assert_true(peer_now_ms() < end);
	}
	assert_non_null(strstr(p->text, "deleted"));
	port_close(p);
	assert_int_equal(port_open(p, -1, 1), -ENODEV);
	assert_non_null(strstr(p->text, "no interface ul0"));
	close(udp);
	loader_uplink_detach(uplink);
	make_uplink(2, 1500);
	assert_int_equal(port_open(p, -1, 1), -EBADF);
	assert_non_null(strstr(p->text, "socket map"));
	fd = loader_uplink_xsks_fd(uplink);
	assert_int_equal(port_open(p, fd, 1), 0);
	close(fd);
	assert_true(run_flows(p, 16) != 0);
	port_free(p);
}

static void link_state_follows_the_carrier(void **state)
{
	struct port *p;

	make_uplink(1, 1500);
	p = open_port(1, 1500, 1);
	test_netns_run(far, "ip link set far0 down");
	peer_wait_state(p, WEFT_PORT_STATE_DOWN);
	test_netns_run(far, "ip link set far0 up");
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	port_free(p);
}

/* The process that owned the sockets is killed; the next one takes over at once. */
static void reopened_after_its_owner_was_killed(void **state)
{
	int ready[2], status;
	struct port *p;
	pid_t pid;
	char c;

	make_uplink(2, 1500);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		open_port(2, 1500, 1);
		_exit(write(ready[1], "", 1) == 1 && pause() == 0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(ready[0]);
	close(ready[1]);
	p = open_port(2, 1500, 1);
	assert_true(run_flows(p, 16) != 0);
	port_free(p);
}

/* The control daemon had to make a new socket map: the port is opened anew at once. */
static void reopened_with_a_new_socket_map(void **state)
{
	struct port *p;
	int fd;

	make_uplink(1, 1500);
	p = open_port(1, 1500, 1);
	loader_uplink_detach(uplink);
	assert_int_equal(loader_uplink_attach(if_nametoindex("ul0"), NULL, &uplink, text), 0);
	assert_int_equal(
		loader_uplink_set_vteps(uplink,
			(struct weft_addr[]){weft_addr_from_v4("\xc6\x33\x64\x01")}, 1, text),
		0);
	fd = loader_uplink_xsks_fd(uplink);
	port_close(p);
	assert_int_equal(port_open(p, fd, 1), 0);
	close(fd);
	assert_int_equal(run_flows(p, 4), 1);
	port_free(p);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, remember_pool, drop_uplink)
	const struct CMUnitTest tests[] = {
		CASE(vxlan_comes_here_and_the_rest_stays_with_the_kernel),
		CASE(without_a_socket_vxlan_is_dropped_and_counted),
		CASE(jumbo_frames_are_chains_both_ways),
		CASE(generic_mode_on_a_bridge),
		CASE(every_device_queue_has_a_socket),
		CASE(transmit_survives_more_than_its_ring),
		CASE(too_long_frames_come_last),
		CASE(overrun_is_counted),
		CASE(deleted_under_traffic_and_back),
		CASE(link_state_follows_the_carrier),
		CASE(reopened_after_its_owner_was_killed),
		CASE(reopened_with_a_new_socket_map),
	};

	own = test_netns_own();
	far = test_netns_new();
	test_eal_init(256);
	if (mem_init(8192) < 0)
		return 1;
	return cmocka_run_group_tests_name("af_xdp", tests, NULL, NULL);
}
