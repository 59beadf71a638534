/* SPDX-License-Identifier: BSD-3-Clause */
/* See learn.h. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../tests/lib/test_netns.h"
#include "learn.h"

#define SYNS 16
#define LATE (64 << 20)

static pthread_t thread;
static enum mode learn_mode;
static int fd = -1;
static volatile bool stop;

static struct syn {
	uint16_t port; /* tenant 0's */
	struct session_tcp tcp;
} syns[SYNS];
static unsigned int n_syns;

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint8_t window_scale(const uint8_t *tcp, const uint8_t *end)
{
	for (const uint8_t *p = tcp + 20; p < end && *p != 0; p += *p == 1 || p[1] < 2 ? 1 : p[1])
		if (*p == 3)
			return p[2];
	return 0;
}

static struct session_tcp side(const uint8_t *tcp)
{
	uint32_t start = get32(tcp + 4), win = tcp[14] << 8 | tcp[15];

	return (struct session_tcp){
		.start = start,
		.end = start + 1,
		.max_win = win,
		.wscale = window_scale(tcp, tcp + (tcp[12] >> 4) * 4),
	};
}

static void put(const struct syn *syn, struct session_tcp peer, uint16_t dport)
{
	struct session_tcp tcp[2] = {syn->tcp, peer};
	struct flow f = hosts_flow(IPPROTO_TCP);

	/* What passes before the session is decided upon is not seen by the programs: room for it.
	 * A real data plane tracks it and raises the numbers. */
	for (int i = 0; i < 2; i++) {
		tcp[i].max_win = LATE;
		tcp[i].max_end = tcp[!i].end + LATE;
	}
	f.sport = syn->port;
	f.dport = dport;
	hosts_put_session(&f, learn_mode, tcp);
}

static void look_at(const uint8_t *frame, ssize_t len)
{
	const uint8_t *tcp = frame + 34;
	uint16_t sport, dport;

	if (len < 54 || frame[12] != 8 || frame[13] != 0 || frame[23] != IPPROTO_TCP ||
		!(tcp[13] & 2))
		return;
	sport = tcp[0] << 8 | tcp[1];
	dport = tcp[2] << 8 | tcp[3];
	if (!(tcp[13] & 16)) {
		syns[n_syns++ % SYNS] = (struct syn){sport, side(tcp)};
		return;
	}
	for (unsigned int i = 0; i < SYNS; i++)
		if (syns[i].port == dport) {
			put(&syns[i], side(tcp), sport);
			syns[i].port = 0;
		}
}

static void *watch(void *unused)
{
	uint8_t frame[256];

	while (!stop) {
		ssize_t len = recv(fd, frame, sizeof(frame), 0);

		if (len > 0)
			look_at(frame, len);
	}
	return NULL;
}

/* Only SYNs reach the socket: tcp[13] & 2. */
static void filter(void)
{
	static struct sock_filter {
		uint16_t code;
		uint8_t jt, jf;
		uint32_t k;
	} code[] = {{0x30, 0, 0, 47}, {0x45, 0, 1, 2}, {6, 0, 0, 256}, {6, 0, 0, 0}};
	struct {
		unsigned short len;
		struct sock_filter *filter;
	} prog = {4, code};

	setsockopt(fd, SOL_SOCKET, 26 /* SO_ATTACH_FILTER */, &prog, sizeof(prog));
}

void learn_start(enum mode mode)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = hosts.eth0[0]};
	struct timeval timeout = {.tv_usec = 100000};

	learn_mode = mode;
	stop = false;
	n_syns = 0;
	memset(syns, 0, sizeof(syns));
	test_netns_enter(hosts.tenant[0]);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror("packet socket");
		exit(1);
	}
	filter();
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	test_netns_enter(hosts.host[0]);
	pthread_create(&thread, NULL, watch, NULL);
}

void learn_stop(void)
{
	stop = true;
	pthread_join(thread, NULL);
	close(fd);
}
