/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost-user ports against DPDK's virtio-user driver in another process: both ring formats, both
 * roles, several queues, offloads, and peers that die.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_string_fns.h>

#include <core/mem.h>
#include <core/rcu.h>
#include <port/port.h>

#include "peer.h"
#include "test_eal.h"

struct setup {
	struct weft_port spec;
	struct port *port;
	char vdev[512];
};

/* A port, open, and the device argument of a virtio-user device that fits it. */
static void setup_make(struct setup *s, uint16_t flags, uint16_t n_queues, const char *device)
{
	static unsigned int count;
	bool server = flags & WEFT_PORT_SERVER;

	s->spec = (struct weft_port){.id = 1,
		.kind = WEFT_PORT_VHOST_USER,
		.role = WEFT_ROLE_TENANT,
		.flags = flags,
		.n_queues = n_queues,
		.mtu = 1500};
	snprintf(s->spec.device, sizeof(s->spec.device), "%s/vhost%u", peer_dir(), count++);
	snprintf(s->vdev, sizeof(s->vdev), "net_virtio_user0,path=%s,queues=%u,server=%d,%s",
		s->spec.device, n_queues, !server, device);
	s->port = port_new(&s->spec, 1);
	assert_non_null(s->port);
	assert_int_equal(port_open(s->port, -1, 1), 0);
	assert_int_equal(s->port->state, WEFT_PORT_STATE_DOWN);
	port_poll_state(s->port);
	assert_non_null(strstr(s->port->text, "no guest"));
}

static void traffic_passes(uint16_t flags, const char *device, uint32_t size)
{
	struct setup s;
	struct traffic t = {.size = size};
	struct peer *peer;

	setup_make(&s, flags, 1, device);
	peer = peer_start(s.vdev, "");
	assert_true(wait_for_link(s.port, true));
	port_poll_state(s.port);
	assert_string_equal(s.port->text, "");
	t.port = s.port;
	traffic_start(&t);
	assert_true(traffic_wait(&t, 5000));
	traffic_stop(&t);
	assert_int_equal(t.bad, 0);
	peer_kill(peer);
	assert_true(wait_for_link(s.port, false));
	port_free(s.port);
}

static void split_ring_mergeable(void **state)
{
	traffic_passes(0, "mrg_rxbuf=1", 64);
}

static void split_ring_not_mergeable(void **state)
{
	traffic_passes(0, "mrg_rxbuf=0,in_order=0", 1514);
}

static void packed_ring(void **state)
{
	traffic_passes(0, "packed_vq=1,mrg_rxbuf=1", 256);
}

static void packed_ring_in_order(void **state)
{
	traffic_passes(0, "packed_vq=1,in_order=1,mrg_rxbuf=0", 1514);
}

static void server_role(void **state)
{
	traffic_passes(WEFT_PORT_SERVER, "mrg_rxbuf=1", 64);
}

static void chained_frames(void **state)
{
	traffic_passes(0, "mrg_rxbuf=1", 9014);
}

static void several_queues(void **state)
{
	struct setup s;
	struct traffic t = {.size = 128};
	struct peer *peer;

	setup_make(&s, 0, 2, "mrg_rxbuf=1");
	assert_int_equal(s.port->n_rxq, 2);
	peer = peer_start(s.vdev, "--rxq=2 --txq=2");
	assert_true(wait_for_link(s.port, true));
	t.port = s.port;
	traffic_start(&t);
	assert_true(traffic_wait(&t, 5000));
	traffic_stop(&t);
	assert_int_equal(t.bad, 0);
	peer_kill(peer);
	port_free(s.port);
}

static void guest_with_more_queues_than_the_port(void **state)
{
	struct setup s;
	struct traffic t = {.size = 128};
	struct peer *peer;
	char vdev[600];

	setup_make(&s, 0, 1, "mrg_rxbuf=1");
	snprintf(vdev, sizeof(vdev), "net_virtio_user0,path=%s,queues=3,server=1", s.spec.device);
	peer = peer_start(vdev, "--rxq=3 --txq=3");
	assert_true(wait_for_link(s.port, true));
	t.port = s.port;
	traffic_start(&t);
	assert_true(traffic_wait(&t, 5000));
	traffic_stop(&t);
	assert_int_equal(t.bad, 0);
	peer_kill(peer);
	port_free(s.port);
}

static void offloads_follow_the_guest(void **state)
{
	struct setup s;
	struct traffic t = {.size = 30000, .gso_size = 1400, .n_in_flight = 4};
	struct peer *peer;

	setup_make(&s, 0, 1, "mrg_rxbuf=1");
	assert_int_equal(s.port->offloads, PORT_OFFLOAD_MULTISEG);
	peer = peer_start(s.vdev, "--rx-offloads=0x201c --tx-offloads=0x802c");
	assert_true(wait_for_offloads(
		s.port, PORT_OFFLOAD_MULTISEG | PORT_OFFLOAD_CKSUM | PORT_OFFLOAD_TSO));
	t.port = s.port;
	traffic_start(&t);
	assert_true(traffic_wait(&t, 200));
	traffic_stop(&t);
	assert_int_equal(t.bad, 0);
	peer_kill(peer);
	port_free(s.port);
}

static void offloads_can_be_refused(void **state)
{
	struct setup s;
	struct peer *peer;

	setup_make(&s, WEFT_PORT_NO_OFFLOAD, 1, "mrg_rxbuf=1");
	peer = peer_start(s.vdev, "");
	assert_true(wait_for_link(s.port, true));
	assert_int_equal(s.port->offloads, PORT_OFFLOAD_MULTISEG);
	peer_kill(peer);
	port_free(s.port);
}

static void guest_dies_and_returns(uint16_t flags, const char *device)
{
	struct setup s;
	struct traffic t = {.size = 64};
	struct peer *peer;

	setup_make(&s, flags, 1, device);
	t.port = s.port;
	traffic_start(&t);
	for (int i = 0; i < 3; i++) {
		peer = peer_start(s.vdev, "");
		assert_true(wait_for_link(s.port, true));
		assert_true(traffic_wait(&t, 2000));
		peer_kill(peer);
		assert_true(wait_for_link(s.port, false));
		unlink(flags & WEFT_PORT_SERVER ? "" : s.spec.device);
	}
	traffic_stop(&t);
	assert_int_equal(t.bad, 0);
	port_free(s.port);
}

static void guest_dies_and_returns_split(void **state)
{
	guest_dies_and_returns(0, "mrg_rxbuf=1");
}

static void guest_dies_and_returns_packed(void **state)
{
	guest_dies_and_returns(WEFT_PORT_SERVER, "packed_vq=1");
}

/* The guest lives on while the data plane's end goes and comes back. */
static void port_is_closed_and_opened_under_a_guest(void **state)
{
	struct setup s;
	struct traffic t = {.size = 64};
	struct peer *peer;

	setup_make(&s, 0, 1, "mrg_rxbuf=1");
	peer = peer_start(s.vdev, "");
	assert_true(wait_for_link(s.port, true));
	for (int i = 0; i < 3; i++) {
		port_free(s.port);
		s.port = port_new(&s.spec, 1);
		assert_int_equal(port_open(s.port, -1, 1), 0);
		assert_true(wait_for_link(s.port, true));
		t = (struct traffic){.port = s.port, .size = 64};
		traffic_start(&t);
		assert_true(traffic_wait(&t, 1000));
		traffic_stop(&t);
		assert_int_equal(t.bad, 0);
	}
	assert_true(peer_is_alive(peer));
	peer_kill(peer);
	port_free(s.port);
}

/* Whichever end touches the memory first: this one must live on. */
static void guest_memory_is_truncated_under_traffic(void **state)
{
	struct setup s;
	struct traffic t = {.size = 64};
	struct peer *peer;
	bool gone = false;

	setup_make(&s, 0, 1, "mrg_rxbuf=1");
	peer = peer_start(s.vdev, "");
	assert_true(wait_for_link(s.port, true));
	t.port = s.port;
	traffic_start(&t);
	assert_true(traffic_wait(&t, 1000));
	peer_truncate_memory(peer);
	for (int i = 0; i < 10000 && !gone && port_is_up(s.port); i++) {
		gone = port_poll_state(s.port);
		usleep(100);
	}
	if (gone)
		assert_non_null(strstr(s.port->text, "truncated"));
	else
		assert_true(wait_for_link(s.port, false));
	traffic_stop(&t);
	peer_kill(peer);
	port_free(s.port);
}

static void one_socket_serves_one_port(void **state)
{
	struct setup s;
	struct port *second;

	setup_make(&s, 0, 1, "");
	second = port_new(&s.spec, 2);
	assert_int_equal(port_open(second, -1, 1), -EADDRINUSE);
	assert_non_null(strstr(second->text, "another port"));
	port_free(s.port);
	assert_int_equal(port_open(second, -1, 1), 0);
	port_free(second);
}

static int socket_at(const char *path, bool listening)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(sun.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	if (listening)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void server_takes_over_only_stale_sockets(void **state)
{
	struct weft_port spec = {.id = 1,
		.kind = WEFT_PORT_VHOST_USER,
		.n_queues = 1,
		.flags = WEFT_PORT_SERVER,
		.mtu = 1500};
	struct port *p;
	FILE *f;
	int fd;

	snprintf(spec.device, sizeof(spec.device), "%s/stale", peer_dir());
	p = port_new(&spec, 1);

	f = fopen(spec.device, "w");
	fclose(f);
	assert_int_equal(port_open(p, -1, 1), -EEXIST);
	unlink(spec.device);

	fd = socket_at(spec.device, true);
	assert_int_equal(port_open(p, -1, 1), -EADDRINUSE);
	close(fd);
	assert_int_equal(port_open(p, -1, 1), 0);
	port_free(p);
	assert_int_equal(access(spec.device, F_OK), -1);
}

static void bad_paths_are_refused(void **state)
{
	struct weft_port spec = {.id = 1,
		.kind = WEFT_PORT_VHOST_USER,
		.n_queues = 1,
		.mtu = 1500,
		.device = "relative"};
	struct port *p = port_new(&spec, 1);

	assert_int_equal(port_open(p, -1, 1), -EINVAL);
	memset(p->spec.device, 'x', 150);
	p->spec.device[0] = '/';
	p->spec.device[150] = '\0';
	assert_int_equal(port_open(p, -1, 1), -ENAMETOOLONG);
	rte_strlcpy(p->spec.device, "/nonexistent/dir/s", sizeof(p->spec.device));
	p->spec.flags = WEFT_PORT_SERVER;
	assert_int_equal(port_open(p, -1, 1), -EADDRNOTAVAIL);
	port_free(p);
}

struct request {
	uint32_t type, flags, size;
	uint8_t payload[300];
} __attribute__((packed));

static void say(int fd, const struct request *r, int attached)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec iov = {(void *)r, 12 + RTE_MIN(r->size, sizeof(r->payload))};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;

	if (attached >= 0) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&mh);
		*cmsg = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(cmsg), &attached, sizeof(int));
	}
	if (sendmsg(fd, &mh, MSG_NOSIGNAL) < 0)
		return;
}

/* Values that handlers compare with limits, and some that they may not. */
static void fill_payload(struct request *r)
{
	static const uint32_t words[] = {0, 1, 2, 3, 255, 256, 257, 4096, 32768, 65535, 65536,
		0x7fffffff, 0x80000000, UINT32_MAX};

	for (uint32_t i = 0; i + 4 <= sizeof(r->payload); i += 4) {
		uint32_t word = rand() % 2 ? 0 : words[rand() % RTE_DIM(words)];

		memcpy(r->payload + i, &word, 4);
	}
}

static int connect_to(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 2};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(sun.sun_path, path, strlen(path));
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* One that speaks the protocol's words at random, then one that is sane. */
static void a_front_end_that_lies_ends_only_its_connection(void **state)
{
	int memory = memfd_create("lies", MFD_CLOEXEC), fd;
	struct traffic t = {.size = 64};
	struct request r;
	struct peer *peer;
	struct setup s;

	assert_int_equal(ftruncate(memory, 1 << 16), 0);
	setup_make(&s, WEFT_PORT_SERVER, 1, "mrg_rxbuf=1");
	srand(7);
	for (int i = 0; i < 300; i++) {
		fd = connect_to(s.spec.device);
		for (int j = 0; j < 12; j++) {
			fill_payload(&r);
			r.type = rand() % 44;
			r.flags = 1 | (rand() % 2) << 3;
			r.size = rand() % 3 ? (uint32_t[]){0, 8, 12, 24, 40, 264}[rand() % 6]
					    : (uint32_t)rand();
			say(fd, &r, rand() % 2 ? memory : -1);
		}
		shutdown(fd, SHUT_WR);
		while (recv(fd, &r, sizeof(r), 0) > 0)
			;
		close(fd);
	}
	close(memory);
	peer = peer_start(s.vdev, "");
	assert_true(wait_for_link(s.port, true));
	t.port = s.port;
	traffic_start(&t);
	assert_true(traffic_wait(&t, 1000));
	traffic_stop(&t);
	assert_int_equal(t.bad, 0);
	peer_kill(peer);
	port_free(s.port);
}

static int no_frame_leaks(void **state)
{
	peer_kill_left();
	return rte_mempool_in_use_count(mem_pools.packet) == 0 ? 0 : -1;
}

#define PORT_TEST(f) cmocka_unit_test_teardown(f, no_frame_leaks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(one_socket_serves_one_port),
		PORT_TEST(server_takes_over_only_stale_sockets),
		PORT_TEST(bad_paths_are_refused),
		PORT_TEST(a_front_end_that_lies_ends_only_its_connection),
		PORT_TEST(split_ring_mergeable),
		PORT_TEST(split_ring_not_mergeable),
		PORT_TEST(packed_ring),
		PORT_TEST(packed_ring_in_order),
		PORT_TEST(server_role),
		PORT_TEST(chained_frames),
		PORT_TEST(several_queues),
		PORT_TEST(guest_with_more_queues_than_the_port),
		PORT_TEST(offloads_follow_the_guest),
		PORT_TEST(offloads_can_be_refused),
		PORT_TEST(guest_dies_and_returns_split),
		PORT_TEST(guest_dies_and_returns_packed),
		PORT_TEST(port_is_closed_and_opened_under_a_guest),
		PORT_TEST(guest_memory_is_truncated_under_traffic),
	};

	peer_require();
	test_eal_init(256);
	if (rcu_init(1) < 0 || mem_init(4096) < 0) {
		printf("no packet memory\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
