/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of a port under test (peer.h).
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include <core/mem.h>
#include <core/rcu.h>

#include "peer.h"

#define TESTPMD	      "/usr/bin/dpdk-testpmd"
#define PEER_ARGS_MAX 48
#define DEADLINE_MS   10000
#define LOST_AFTER_MS 200 /* frames that have not come back by then are lost */

struct peer {
	pid_t pid;
	int input; /* testpmd ends when its input does */
	char log[64];
};

static char dir[32];
static struct peer *latest; /* its log explains a failure */

void peer_require(void)
{
	if (access(TESTPMD, X_OK) == 0)
		return;
	printf("skipped: %s (package dpdk) is the peer and is not installed\n", TESTPMD);
	exit(77);
}

static void peer_cleanup(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		fprintf(stderr, "%s is left behind\n", dir);
}

const char *peer_dir(void)
{
	if (dir[0])
		return dir;
	snprintf(dir, sizeof(dir), "/tmp/weft-port-XXXXXX");
	if (!mkdtemp(dir)) {
		perror(dir);
		exit(1);
	}
	atexit(peer_cleanup);
	return dir;
}

static void run_testpmd(const char *vdev, const char *options, int input, const char *log)
{
	static char text[1024];
	char *argv[PEER_ARGS_MAX], *save = NULL;
	int n = 0, out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(input, 0);
	dup2(out, 1);
	dup2(out, 2);
	close_range(3, ~0u, 0); /* a socket of the port's library kept open would hide its close */
	snprintf(text, sizeof(text),
		"dpdk-testpmd --lcores 0@0,1@1 --no-huge -m 160 --no-shconf --no-pci "
		"--no-telemetry "
		"--single-file-segments --file-prefix p%d --vdev %s -- --forward-mode=io "
		"--auto-start --port-topology=loop --total-num-mbufs=8192 %s",
		getpid(), vdev, options);
	for (char *word = strtok_r(text, " ", &save); word && n < PEER_ARGS_MAX - 1;
		word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	argv[n] = NULL;
	execv(TESTPMD, argv);
	_exit(127);
}

struct peer *peer_start(const char *vdev, const char *options)
{
	static unsigned int count;
	struct peer *peer = calloc(1, sizeof(*peer));
	int input[2];

	if (!peer || pipe2(input, O_CLOEXEC) < 0)
		exit(1);
	snprintf(peer->log, sizeof(peer->log), "%s/peer%u.log", peer_dir(), count++);
	peer->pid = fork();
	if (peer->pid == 0)
		run_testpmd(vdev, options, input[0], peer->log);
	close(input[0]);
	peer->input = input[1];
	latest = peer;
	return peer;
}

static void show_log(const struct peer *peer)
{
	char command[96];

	snprintf(command, sizeof(command), "tail -n 30 %s >&2", peer->log);
	if (system(command) != 0)
		fprintf(stderr, "no log of the peer\n");
}

bool peer_is_alive(struct peer *peer)
{
	if (waitpid(peer->pid, NULL, WNOHANG) == 0)
		return true;
	show_log(peer);
	return false;
}

void peer_kill(struct peer *peer)
{
	if (!peer)
		return;
	if (getenv("WEFT_TEST_VERBOSE"))
		show_log(peer);
	kill(peer->pid, SIGKILL);
	waitpid(peer->pid, NULL, 0);
	close(peer->input);
	if (peer == latest)
		latest = NULL;
	free(peer);
}

void peer_kill_left(void)
{
	peer_kill(latest);
}

void peer_truncate_memory(struct peer *peer)
{
	char folder[64], path[400], target[128];
	struct dirent *entry;
	unsigned int n = 0;
	ssize_t size;
	DIR *d;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", peer->pid);
	d = opendir(folder);
	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		size = readlink(path, target, sizeof(target) - 1);
		target[size < 0 ? 0 : size] = '\0';
		if (strncmp(target, "/memfd:", 7) == 0 && truncate(path, 0) == 0)
			n++;
	}
	if (n == 0)
		exit(1);
	closedir(d);
}

static bool failed(struct port *p, const char *what)
{
	fprintf(stderr, "%s: port is %s, %s\n", what, port_is_up(p) ? "up" : "not up", p->text);
	if (latest)
		show_log(latest);
	return false;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000) + ts.tv_nsec / 1000000;
}

/* What the data plane's main thread does between two looks at its events. */
static void turn(struct port *p)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	port_poll_state(p);
	rcu_reclaim();
	nanosleep(&pause, NULL);
}

bool wait_for_link(struct port *p, bool up)
{
	uint64_t end = now_ms() + DEADLINE_MS;

	while (port_is_up(p) != up && now_ms() < end)
		turn(p);
	return port_is_up(p) == up || failed(p, "the link does not change");
}

bool wait_for_offloads(struct port *p, uint32_t offloads)
{
	uint64_t end = now_ms() + DEADLINE_MS;

	while (!(port_is_up(p) && p->offloads == offloads) && now_ms() < end)
		turn(p);
	return (port_is_up(p) && p->offloads == offloads) ||
	       failed(p, "the offloads are not as expected");
}

struct test_headers {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr tcp;
} __attribute__((packed, aligned(2)));

static uint8_t pattern(uint64_t seq, uint32_t offset)
{
	return (uint8_t)(seq * 31 + offset);
}

static void fill_headers(struct traffic *t, struct rte_mbuf *m)
{
	struct test_headers *h = rte_pktmbuf_mtod(m, struct test_headers *);

	memset(h, 0, sizeof(*h));
	memcpy(&h->eth, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0", 14);
	h->ip.version_ihl = 0x45;
	h->ip.total_length = rte_cpu_to_be_16(m->pkt_len - 14);
	h->ip.next_proto_id = 6;
	h->ip.time_to_live = 64;
	h->ip.src_addr = rte_cpu_to_be_32(0x0a000001);
	h->ip.dst_addr = rte_cpu_to_be_32(0x0a000002);
	h->ip.hdr_checksum = rte_ipv4_cksum(&h->ip);
	h->tcp.data_off = 5 << 4;
	if (!t->gso_size)
		return;
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM;
	m->l2_len = 14;
	m->l3_len = 20;
	m->l4_len = 20;
	m->tso_segsz = t->gso_size;
	h->tcp.cksum = rte_ipv4_phdr_cksum(&h->ip, m->ol_flags);
}

/* Frames: headers, an eight-byte number, a pattern that depends on it. */
static struct rte_mbuf *frame_make(struct traffic *t, uint64_t seq)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet), *last = m;
	uint32_t done = 0, part;

	while (last && done < t->size) {
		part = RTE_MIN(t->size - done, 1500u);
		if (done > 0) {
			last->next = rte_pktmbuf_alloc(mem_pools.packet);
			last = last->next;
			if (!last)
				break;
			m->nb_segs++;
		}
		last->data_len = part;
		m->pkt_len += part;
		for (uint32_t i = 0; i < part; i++)
			rte_pktmbuf_mtod(last, uint8_t *)[i] = pattern(seq, done + i);
		done += part;
	}
	if (!last) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	fill_headers(t, m);
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(struct test_headers)), &seq, 8);
	return m;
}

static bool frame_is_good(const struct traffic *t, struct rte_mbuf *m)
{
	uint32_t offset = 0, n_segs = 0;
	uint64_t seq;

	if (m->pkt_len != t->size || rte_pktmbuf_headroom(m) < PORT_HEADROOM)
		return false;
	memcpy(&seq, rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(struct test_headers)), 8);
	for (struct rte_mbuf *s = m; s; s = s->next, n_segs++)
		for (uint32_t i = 0; i < s->data_len; i++, offset++)
			if (offset >= sizeof(struct test_headers) + 8 &&
				rte_pktmbuf_mtod(s, uint8_t *)[i] != pattern(seq, offset))
				return false;
	return offset == m->pkt_len && n_segs == m->nb_segs;
}

static void receive(struct traffic *t, uint64_t *in_flight)
{
	struct rte_mbuf *pkts[32];
	uint16_t n;

	for (uint16_t q = 0; q < t->port->n_rxq; q++) {
		n = port_rx(t->port, q, pkts, RTE_DIM(pkts));
		*in_flight -= RTE_MIN(*in_flight, (uint64_t)n);
		for (uint16_t i = 0; i < n; i++) {
			t->bad += !frame_is_good(t, pkts[i]);
			t->gso_received += (pkts[i]->ol_flags & RTE_MBUF_F_RX_LRO) != 0;
			rte_pktmbuf_free(pkts[i]);
		}
		t->received += n;
	}
}

static void transmit(struct traffic *t, uint64_t *in_flight)
{
	struct rte_mbuf *pkts[16];
	uint16_t n = 0, sent;

	while (n < RTE_DIM(pkts) && *in_flight + n < t->n_in_flight) {
		pkts[n] = frame_make(t, t->sent + n);
		if (!pkts[n])
			break;
		n++;
	}
	sent = port_tx(t->port, 0, pkts, n);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	t->sent += sent;
	*in_flight += sent;
}

static void *traffic_run(void *arg)
{
	struct traffic *t = arg;
	uint64_t in_flight = 0, seen = 0, seen_ms = now_ms();

	rcu_worker_register(0);
	while (!t->stop) {
		if (port_is_up(t->port)) {
			receive(t, &in_flight);
			transmit(t, &in_flight);
		}
		rcu_worker_quiescent(0);
		if (t->received != seen) {
			seen = t->received;
			seen_ms = now_ms();
		} else if (now_ms() - seen_ms > LOST_AFTER_MS) {
			in_flight = 0;
			seen_ms = now_ms();
		}
	}
	rcu_worker_unregister(0);
	return NULL;
}

void traffic_start(struct traffic *t)
{
	if (t->n_in_flight == 0)
		t->n_in_flight = 64;
	if (pthread_create(&t->thread, NULL, traffic_run, t) != 0)
		exit(1);
}

bool traffic_wait(struct traffic *t, uint64_t n)
{
	uint64_t goal = t->received + n, end = now_ms() + DEADLINE_MS;

	while (t->received < goal && now_ms() < end)
		turn(t->port);
	if (t->received >= goal)
		return true;
	fprintf(stderr, "sent %lu, received %lu, bad %lu\n", t->sent, t->received, t->bad);
	return failed(t->port, "no traffic");
}

void traffic_stop(struct traffic *t)
{
	t->stop = true;
	pthread_join(t->thread, NULL);
}
