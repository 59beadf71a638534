/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "kernel_peer.h"
#include "test_netns.h"

#define TEST_ETHERTYPE 0x88b5
#define BURST	       32

uint64_t peer_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct port *peer_port_open(enum weft_port_kind kind, const char *device, uint16_t n_queues,
	uint16_t mtu, int fd, unsigned int n_workers)
{
	struct weft_port spec = {
		.id = 1, .kind = kind, .role = WEFT_ROLE_TENANT, .n_queues = n_queues, .mtu = mtu};
	struct port *p;
	int error;

	snprintf(spec.device, sizeof(spec.device), "%s", device);
	p = port_new(&spec, 1);
	assert_non_null(p);
	error = port_open(p, fd, n_workers);
	if (error < 0)
		fail_msg("opening %s: %s", device, p->text);
	return p;
}

void peer_wait_state(struct port *p, enum weft_port_state state)
{
	uint64_t end = peer_now_ms() + PEER_DEADLINE_MS;

	while (p->state != state) {
		port_poll_state(p);
		if (peer_now_ms() > end)
			fail_msg("state is %u, not %u: %s", p->state, state, p->text);
		poll(NULL, 0, 1);
	}
}

/* As the pipeline: what rx says becomes the request for tx. */
static void rx_to_tx(struct rte_mbuf *m, struct relay_stats *stats)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, void *);
	const uint8_t *ip = (const uint8_t *)(eth + 1);
	bool v4 = eth->ether_type == htons(RTE_ETHER_TYPE_IPV4), gso, tcp;

	stats->frames++;
	stats->longest = RTE_MAX(stats->longest, m->pkt_len);
	gso = m->ol_flags & RTE_MBUF_F_RX_LRO;
	stats->gso += gso;
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return;
	stats->partial++;
	m->l2_len = sizeof(*eth);
	m->l3_len = v4 ? (ip[0] & 15) * 4 : 40;
	tcp = (v4 ? ip[9] : ip[6]) == IPPROTO_TCP;
	m->l4_len = tcp ? (ip[m->l3_len + 12] >> 4) * 4 : 8;
	m->ol_flags = v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	m->ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	if (gso)
		m->ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_SEG : RTE_MBUF_F_TX_UDP_SEG;
}

/* For a port without checksum offload, as the pipeline: completed in software. */
static void complete(struct rte_mbuf *m)
{
	bool tcp = (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM;
	uint32_t l4 = m->l2_len + m->l3_len;
	uint16_t *field = rte_pktmbuf_mtod_offset(m, uint16_t *, l4 + (tcp ? 16 : 6)), sum = 0;

	/* the field holds the pseudo-header sum already */
	assert_int_equal(rte_raw_cksum_mbuf(m, l4, m->pkt_len - l4, &sum), 0);
	*field = sum == 0xffff ? sum : (uint16_t)~sum;
	m->ol_flags = 0;
}

static void relay_queue(
	struct port *from, uint16_t queue, struct port *to, struct relay_stats *stats)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = port_rx(from, queue, pkts, BURST), sent;

	if (n == 0)
		return;
	stats->queues |= 1ull << queue;
	for (uint16_t i = 0; i < n; i++) {
		rx_to_tx(pkts[i], stats);
		if (pkts[i]->ol_flags && !(to->offloads & PORT_OFFLOAD_CKSUM))
			complete(pkts[i]);
	}
	sent = port_is_up(to) ? port_tx(to, queue, pkts, n) : 0;
	stats->tx_refused += n - sent;
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
}

void relay_once(struct port *a, struct port *b, struct relay_stats *stats)
{
	for (uint16_t q = 0; q < a->n_rxq; q++)
		relay_queue(a, q, b, stats);
	for (uint16_t q = 0; q < b->n_rxq; q++)
		relay_queue(b, q, a, stats);
}

static void relay_fail(const char *what, int status, struct port *a, struct port *b,
	const struct relay_stats *stats)
{
	fail_msg("%s (status %#x): %lu frames, %lu partial, %lu GSO, longest %u, tx refused %lu, "
		 "rx errors %lu and %lu",
		what, status, stats->frames, stats->partial, stats->gso, stats->longest,
		stats->tx_refused, a->rx_errors, b->rx_errors);
}

void relay_until(struct port *a, struct port *b, const pid_t *children, unsigned int n,
	struct relay_stats *stats)
{
	uint64_t end = peer_now_ms() + PEER_DEADLINE_MS;
	unsigned int n_ended = 0;

	for (unsigned int i = 0; n_ended < n; i++) {
		int status;
		pid_t pid;

		relay_once(a, b, stats);
		if (i % 64)
			continue;
		pid = waitpid(-1, &status, WNOHANG);
		if (pid > 0 && status != 0)
			relay_fail("peer process failed", status, a, b, stats);
		n_ended += pid > 0;
		if (peer_now_ms() > end) {
			for (unsigned int c = 0; c < n; c++)
				kill(children[c], SIGKILL);
			relay_fail("no end in time", 0, a, b, stats);
		}
	}
}

/* ---- child processes ---- */

static void child_die(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* Returns 0 in the child, which lives in ns and dies with its parent or at the deadline. */
static pid_t spawn(int ns)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(PEER_DEADLINE_MS / 1000);
	test_netns_enter(ns);
	return 0;
}

static socklen_t address(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		child_die(text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

static int bound_socket(const char *addr, uint16_t port, int type)
{
	struct sockaddr_storage sa;
	socklen_t len = address(addr, port, &sa);
	int fd = socket(sa.ss_family, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0)
		child_die("bind");
	return fd;
}

static uint8_t pattern(uint64_t at)
{
	return at * 2654435761u >> 7;
}

pid_t peer_tcp_sink(int ns, const char *addr, uint16_t port, uint64_t size)
{
	static uint8_t buf[1 << 16];
	pid_t pid;
	uint64_t at = 0;
	int fd;
	ssize_t n;

	pid = spawn(ns);
	if (pid > 0)
		return pid;
	fd = bound_socket(addr, port, SOCK_STREAM);
	if (listen(fd, 1) < 0)
		child_die("listen");
	fd = accept(fd, NULL, NULL);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != pattern(at++))
				child_die("data differ");
	if (n < 0 || at != size)
		child_die("stream ended early");
	_exit(0);
}

pid_t peer_tcp_source(int ns, const char *addr, uint16_t port, uint64_t size)
{
	static uint8_t buf[1 << 16];
	struct sockaddr_storage sa;
	pid_t pid = spawn(ns);
	uint64_t at = 0;
	socklen_t len;
	int fd;

	if (pid > 0)
		return pid;
	len = address(addr, port, &sa);
	do { /* the sink may not listen yet */
		fd = socket(sa.ss_family, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&sa, len) == 0)
			break;
		if (errno != ECONNREFUSED)
			child_die("connect");
		close(fd);
		poll(NULL, 0, 1);
	} while (true);
	while (at < size) {
		size_t n = RTE_MIN(size - at, sizeof(buf));

		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(at + i);
		for (size_t done = 0; done < n;) {
			ssize_t r = write(fd, buf + done, n - done);

			if (r < 0)
				child_die("write");
			done += r;
		}
		at += n;
	}
	_exit(0);
}

pid_t peer_udp_echo(int ns, const char *addr, uint16_t port, unsigned int n)
{
	static uint8_t buf[1 << 16];
	pid_t pid = spawn(ns);
	int fd;

	if (pid > 0)
		return pid;
	fd = bound_socket(addr, port, SOCK_DGRAM);
	for (unsigned int i = 0; i < n; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		ssize_t size = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

		if (size < 0 || sendto(fd, buf, size, 0, (struct sockaddr *)&from, len) != size)
			child_die("echo");
	}
	_exit(0);
}

pid_t peer_udp_ping(int ns, const char *addr, uint16_t port, unsigned int n, unsigned int size)
{
	static uint8_t buf[1 << 16], answer[1 << 16];
	struct sockaddr_storage sa;
	pid_t pid = spawn(ns);
	socklen_t len;

	if (pid > 0)
		return pid;
	len = address(addr, port, &sa);
	for (unsigned int i = 0; i < n; i++) {
		int fd = socket(sa.ss_family, SOCK_DGRAM, 0);
		ssize_t r;

		for (unsigned int b = 0; b < size; b++)
			buf[b] = pattern(i * 7 + b);
		if (connect(fd, (struct sockaddr *)&sa, len) < 0)
			child_die("connect");
		do { /* the echo may not be there yet: ECONNREFUSED */
			if (send(fd, buf, size, 0) < 0 && errno != ECONNREFUSED)
				child_die("send");
			r = recv(fd, answer, sizeof(answer), 0);
			if (r < 0)
				poll(NULL, 0, 1);
		} while (r < 0 && errno == ECONNREFUSED);
		if (r != (ssize_t)size || memcmp(buf, answer, size) != 0)
			child_die("answer differs");
		close(fd);
	}
	_exit(0);
}

/* ---- raw frames ---- */

int peer_raw_socket(int ns, const char *device)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_protocol = htons(TEST_ETHERTYPE)};
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	test_netns_enter(ns);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	addr.sll_ifindex = if_nametoindex(device);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	test_netns_enter(here);
	close(here);
	return fd;
}

struct rte_mbuf *peer_receive(struct port *p)
{
	uint64_t end = peer_now_ms() + PEER_DEADLINE_MS;
	struct rte_mbuf *m;

	while (peer_now_ms() < end)
		for (uint16_t q = 0; q < p->n_rxq; q++)
			if (port_rx(p, q, &m, 1) == 1)
				return m;
	fail_msg("nothing received");
	return NULL;
}

unsigned int peer_frame(uint8_t *buf, unsigned int len, uint32_t number)
{
	static const uint8_t head[14] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, TEST_ETHERTYPE >> 8, TEST_ETHERTYPE & 0xff};

	memcpy(buf, head, sizeof(head));
	memcpy(buf + sizeof(head), &number, sizeof(number));
	for (unsigned int i = sizeof(head) + sizeof(number); i < len; i++)
		buf[i] = pattern(number + i);
	return len;
}

bool peer_is_frame(const uint8_t *b, unsigned int len, uint32_t *ret_number)
{
	uint8_t want[1 << 14];

	if (len < 18 || len > sizeof(want))
		return false;
	memcpy(ret_number, b + 14, sizeof(*ret_number));
	peer_frame(want, len, *ret_number);
	return memcmp(want, b, len) == 0;
}
