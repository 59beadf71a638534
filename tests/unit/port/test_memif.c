/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif ports against DPDK's driver in another process, in both roles, with peers that die under
 * traffic; against each other; and against a peer that lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <core/mem.h>
#include <core/rcu.h>
#include <port/port.h>

#include "memif_proto.h"
#include "peer.h"
#include "test_eal.h"

struct setup {
	struct weft_port spec;
	struct port *port;
	char vdev[512];
};

static void setup_make(struct setup *s, uint16_t flags, uint16_t n_queues)
{
	static unsigned int count;

	s->spec = (struct weft_port){.id = 1,
		.kind = WEFT_PORT_MEMIF,
		.role = WEFT_ROLE_TENANT,
		.flags = flags,
		.n_queues = n_queues,
		.mtu = 1500,
		.instance = 3,
		.name = "t/m"};
	snprintf(s->spec.device, sizeof(s->spec.device), "%s/memif%u", peer_dir(), count++);
	snprintf(s->vdev, sizeof(s->vdev),
		"net_memif0,role=%s,id=3,socket=%s,socket-abstract=no,rsize=9,bsize=2048",
		flags & WEFT_PORT_SERVER ? "client" : "server", s->spec.device);
	s->port = port_new(&s->spec, 1);
	assert_non_null(s->port);
	assert_int_equal(port_open(s->port, -1, 1), 0);
	assert_int_equal(s->port->state, WEFT_PORT_STATE_DOWN);
	port_poll_state(s->port);
	assert_non_null(strstr(s->port->text, "no peer"));
}

static void traffic_passes(uint16_t flags, uint16_t n_queues, uint32_t size, const char *options)
{
	struct setup s;
	/* DPDK's driver overwrites a slot when a chain meets a full ring: keep it far from full. */
	struct traffic t = {.size = size, .n_in_flight = size > 2048 ? 16 : 64};
	struct peer *peer;

	setup_make(&s, flags, n_queues);
	peer = peer_start(s.vdev, options);
	assert_true(wait_for_link(s.port, true));
	t.port = s.port;
	traffic_start(&t);
	assert_true(traffic_wait(&t, 5000));
	traffic_stop(&t);
	assert_int_equal(t.bad, 0);
	assert_int_equal(s.port->rx_errors, 0);
	peer_kill(peer);
	assert_true(wait_for_link(s.port, false));
	port_free(s.port);
}

static void server_small_frames(void **state)
{
	traffic_passes(WEFT_PORT_SERVER, 1, 64, "");
}

static void client_small_frames(void **state)
{
	traffic_passes(0, 1, 64, "");
}

static void server_full_frames(void **state)
{
	traffic_passes(WEFT_PORT_SERVER, 1, 1514, "");
}

static void server_chains(void **state)
{
	traffic_passes(WEFT_PORT_SERVER, 1, 9014, "");
}

static void client_chains(void **state)
{
	traffic_passes(0, 1, 9014, "");
}

static void server_two_queues(void **state)
{
	traffic_passes(WEFT_PORT_SERVER, 2, 100, "--rxq=2 --txq=2");
}

static void client_two_queues(void **state)
{
	traffic_passes(0, 2, 100, "--rxq=2 --txq=2");
}

static void peer_with_fewer_queues(void **state)
{
	traffic_passes(WEFT_PORT_SERVER, 4, 100, "");
}

static void peer_dies_under_traffic(uint16_t flags)
{
	struct setup s;
	struct traffic t = {.size = 64, .n_in_flight = 256};
	struct peer *peer;

	setup_make(&s, flags, 1);
	t.port = s.port;
	traffic_start(&t);
	for (int i = 0; i < 4; i++) {
		peer = peer_start(s.vdev, "");
		assert_true(wait_for_link(s.port, true));
		assert_true(traffic_wait(&t, 5000));
		peer_kill(peer);
		assert_true(wait_for_link(s.port, false));
		if (!(flags & WEFT_PORT_SERVER))
			unlink(s.spec.device);
	}
	traffic_stop(&t);
	assert_int_equal(t.bad, 0);
	port_free(s.port);
}

static void client_peer_dies(void **state)
{
	peer_dies_under_traffic(WEFT_PORT_SERVER);
}

static void server_peer_dies(void **state)
{
	peer_dies_under_traffic(0);
}

/* Two ports of this process on one socket. */
struct pair {
	struct port *server, *client;
};

static struct pair pair_make(const char *name, uint16_t instance)
{
	struct weft_port spec = {.id = 1,
		.kind = WEFT_PORT_MEMIF,
		.n_queues = 1,
		.mtu = 1500,
		.flags = WEFT_PORT_SERVER,
		.instance = instance};
	struct pair pair;

	snprintf(spec.device, sizeof(spec.device), "%s/%s", peer_dir(), name);
	pair.server = port_new(&spec, 1);
	assert_int_equal(port_open(pair.server, -1, 1), 0);
	spec.flags = 0;
	pair.client = port_new(&spec, 2);
	assert_int_equal(port_open(pair.client, -1, 1), 0);
	for (int i = 0; i < 1000 && !(port_is_up(pair.server) && port_is_up(pair.client)); i++) {
		port_poll_state(pair.client);
		port_poll_state(pair.server);
	}
	assert_true(port_is_up(pair.server) && port_is_up(pair.client));
	return pair;
}

static void pair_free(struct pair *pair)
{
	port_free(pair->client);
	port_free(pair->server);
	rcu_reclaim();
}

/* Every byte of a frame tells where in which one it is, as far as eight bits can. */
static void fill_bytes(uint8_t *to, uint32_t off, uint32_t n, uint8_t fill)
{
	for (uint32_t i = 0; i < n; i++)
		to[i] = fill + (off + i) * 7;
}

static struct rte_mbuf *frame(uint32_t size, uint8_t fill)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet), *last = m;
	uint32_t part;

	for (; size > 0; size -= part) {
		if (rte_pktmbuf_tailroom(last) == 0) {
			last->next = rte_pktmbuf_alloc(mem_pools.packet);
			last = last->next;
			m->nb_segs++;
		}
		part = RTE_MIN(size, (uint32_t)rte_pktmbuf_tailroom(last));
		fill_bytes(rte_pktmbuf_mtod(last, uint8_t *), m->pkt_len, part, fill);
		last->data_len = part;
		m->pkt_len += part;
	}
	return m;
}

static void check_frame(struct rte_mbuf *m, uint32_t size, uint8_t fill)
{
	uint8_t *bytes = malloc(size), *wanted = malloc(size);

	assert_int_equal(m->pkt_len, size);
	fill_bytes(wanted, 0, size, fill);
	assert_memory_equal(rte_pktmbuf_read(m, 0, size, bytes), wanted, size);
	free(bytes);
	free(wanted);
	rte_pktmbuf_free(m);
}

static void one_way(struct port *from, struct port *to, uint32_t size)
{
	struct rte_mbuf *out[8], *in[8];
	unsigned int got = 0, n;

	for (int i = 0; i < 8; i++)
		out[i] = frame(size, size + i);
	assert_int_equal(port_tx(from, 0, out, 8), 8);
	while ((n = port_rx(to, 0, in + got, 8 - got)) > 0)
		got += n;
	assert_int_equal(got, 8);
	for (int i = 0; i < 8; i++)
		check_frame(in[i], size, size + i);
}

static void every_size_both_ways(void **state)
{
	struct pair pair = pair_make("sizes", 0);

	for (uint32_t size = 1; size <= 9216 + 18; size += size < 200 || size > 9200 ? 1 : 61) {
		one_way(pair.server, pair.client, size);
		one_way(pair.client, pair.server, size);
	}
	pair_free(&pair);
}

static void full_ring_refuses_and_recovers(void **state)
{
	struct pair pair = pair_make("full", 0);
	struct rte_mbuf *pkts[1100], *in[64];
	unsigned int sent, got = 0, n;

	for (int round = 0; round < 3; round++) {
		struct port *from = round % 2 ? pair.server : pair.client;
		struct port *to = round % 2 ? pair.client : pair.server;

		for (unsigned int i = 0; i < RTE_DIM(pkts); i++)
			pkts[i] = frame(60, i);
		sent = port_tx(from, 0, pkts, RTE_DIM(pkts));
		assert_int_equal(sent, 1024);
		rte_pktmbuf_free_bulk(pkts + sent, RTE_DIM(pkts) - sent);
		got = 0;
		while ((n = port_rx(to, 0, in, RTE_DIM(in))) > 0) {
			for (unsigned int i = 0; i < n; i++)
				check_frame(in[i], 60, got + i);
			got += n;
		}
		assert_int_equal(got, 1024);
	}
	pair_free(&pair);
}

/* Slots that the receiver has returned are used although the sender still knows of some others: a
 * burst of frames that take several slots each is not refused. */
static void returned_slots_are_found(void **state)
{
	struct pair pair = pair_make("returned", 0);
	struct rte_mbuf *pkts[900], *in[64];
	unsigned int n, got = 0;

	for (unsigned int i = 0; i < RTE_DIM(pkts); i++)
		pkts[i] = frame(60, i);
	assert_int_equal(port_tx(pair.client, 0, pkts, RTE_DIM(pkts)), RTE_DIM(pkts));
	while ((n = port_rx(pair.server, 0, in, RTE_DIM(in))) > 0)
		rte_pktmbuf_free_bulk(in, n);
	for (unsigned int i = 0; i < 64; i++)
		pkts[i] = frame(9000, i);
	assert_int_equal(port_tx(pair.client, 0, pkts, 64), 64);
	while ((n = port_rx(pair.server, 0, in, RTE_DIM(in))) > 0)
		for (unsigned int i = 0; i < n; i++, got++)
			check_frame(in[i], 9000, got);
	assert_int_equal(got, 64);
	pair_free(&pair);
}

/* Frames of random size in random bursts through a ring that is often full, against what was sent:
 * sizes and fills in order. */
static void random_bursts_keep_order(struct port *from, struct port *to)
{
	static uint32_t sizes[32768];
	uint32_t n_sent = 0, n_got = 0, n, made, sent;
	struct rte_mbuf *pkts[96];

	while (n_got < RTE_DIM(sizes)) {
		made = RTE_MIN(rand() % RTE_DIM(pkts), RTE_DIM(sizes) - n_sent);
		for (uint32_t i = 0; i < made; i++) {
			sizes[n_sent + i] = rand() % 3 ? 1 + rand() % 200 : 1 + rand() % 9234;
			pkts[i] = frame(sizes[n_sent + i], n_sent + i);
		}
		sent = port_tx(from, 0, pkts, made);
		rte_pktmbuf_free_bulk(pkts + sent, made - sent);
		n_sent += sent;
		n = port_rx(to, 0, pkts, rand() % RTE_DIM(pkts));
		for (uint32_t i = 0; i < n; i++, n_got++)
			check_frame(pkts[i], sizes[n_got], n_got);
	}
	assert_int_equal(to->rx_errors, 0);
}

static void random_bursts(void **state)
{
	struct pair pair = pair_make("random", 0);

	srand(1);
	random_bursts_keep_order(pair.server, pair.client);
	random_bursts_keep_order(pair.client, pair.server);
	pair_free(&pair);
}

static void several_ports_share_a_socket(void **state)
{
	struct pair a = pair_make("shared", 1), b = pair_make("shared", 2);
	struct port *twin = port_new(&b.server->spec, 9);

	assert_int_equal(port_open(twin, -1, 1), -EADDRINUSE);
	port_free(twin);
	one_way(a.client, a.server, 64);
	one_way(b.server, b.client, 64);
	pair_free(&a);
	one_way(b.client, b.server, 64);
	pair_free(&b);
}

/* A client by hand, which may say anything. */
struct liar {
	struct port *port;
	int fd;
	int memory;
	uint8_t *map;
};

#define LIAR_MEMORY (1 << 20)
#define LIAR_RING   0 /* C2S, 16 slots; the S2C ring follows at 4096 */
#define LIAR_BUFFER 65536

static void liar_connect(struct liar *l)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct memif_msg msg;

	memcpy(sun.sun_path, l->port->spec.device, strlen(l->port->spec.device));
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(l->fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	port_poll_state(l->port);
	assert_int_equal(recv(l->fd, &msg, sizeof(msg), MSG_DONTWAIT), sizeof(msg));
	assert_int_equal(msg.type, MEMIF_HELLO);
}

static void liar_make(struct liar *l, const char *name)
{
	struct weft_port spec = {.id = 1,
		.kind = WEFT_PORT_MEMIF,
		.n_queues = 1,
		.mtu = 1500,
		.flags = WEFT_PORT_SERVER};

	snprintf(spec.device, sizeof(spec.device), "%s/%s", peer_dir(), name);
	l->port = port_new(&spec, 1);
	assert_int_equal(port_open(l->port, -1, 1), 0);
	l->memory = memfd_create("liar", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	assert_int_equal(ftruncate(l->memory, LIAR_MEMORY), 0);
	l->map = mmap(NULL, LIAR_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, l->memory, 0);
	assert_ptr_not_equal(l->map, MAP_FAILED);
	liar_connect(l);
}

static void liar_free(struct liar *l)
{
	close(l->fd);
	close(l->memory);
	munmap(l->map, LIAR_MEMORY);
	port_free(l->port);
	rcu_reclaim();
}

/* Sends msg, lets the port work and returns the type of its answer. */
static int liar_says(struct liar *l, struct memif_msg *msg, size_t size, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec iov = {msg, size};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct memif_msg answer;
	struct cmsghdr *cmsg;

	if (fd >= 0) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&mh);
		*cmsg = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(l->fd, &mh, 0), size);
	port_poll_state(l->port);
	rcu_reclaim();
	if (recv(l->fd, &answer, sizeof(answer), MSG_DONTWAIT) != sizeof(answer))
		return 0;
	return answer.type;
}

static int liar_init(struct liar *l)
{
	struct memif_msg msg = {.type = MEMIF_INIT, .init.version = MEMIF_VERSION};

	return liar_says(l, &msg, sizeof(msg), -1);
}

static int liar_region(struct liar *l, uint16_t index, uint64_t size)
{
	struct memif_msg msg = {
		.type = MEMIF_ADD_REGION, .add_region.index = index, .add_region.size = size};

	return liar_says(l, &msg, sizeof(msg), l->memory);
}

static int liar_ring(struct liar *l, uint16_t flags, uint32_t offset, uint8_t log2_size)
{
	struct memif_msg msg = {.type = MEMIF_ADD_RING,
		.add_ring.flags = flags,
		.add_ring.offset = offset,
		.add_ring.log2_ring_size = log2_size};

	return liar_says(l, &msg, sizeof(msg), -1);
}

static void liar_seal(struct liar *l)
{
	assert_int_equal(fcntl(l->memory, F_ADD_SEALS, F_SEAL_SHRINK), 0);
}

static struct memif_ring *liar_ring_at(struct liar *l, uint32_t offset)
{
	return (struct memif_ring *)(l->map + offset);
}

/* Through to the end of the handshake, honestly. */
static void liar_up(struct liar *l, const char *name)
{
	struct memif_msg msg = {.type = MEMIF_CONNECT};

	liar_make(l, name);
	liar_seal(l);
	assert_int_equal(liar_init(l), MEMIF_ACK);
	assert_int_equal(liar_region(l, 0, LIAR_MEMORY), MEMIF_ACK);
	assert_int_equal(liar_ring(l, MEMIF_RING_C2S, LIAR_RING, 4), MEMIF_ACK);
	assert_int_equal(liar_ring(l, 0, 4096, 4), MEMIF_ACK);
	liar_ring_at(l, LIAR_RING)->cookie = MEMIF_COOKIE;
	liar_ring_at(l, 4096)->cookie = MEMIF_COOKIE;
	assert_int_equal(liar_says(l, &msg, sizeof(msg), -1), MEMIF_CONNECTED);
	assert_true(port_is_up(l->port));
}

static void memory_must_be_sealed(void **state)
{
	struct liar l;

	liar_make(&l, "unsealed");
	assert_int_equal(liar_init(&l), MEMIF_ACK);
	assert_int_equal(liar_region(&l, 0, LIAR_MEMORY), MEMIF_DISCONNECT);
	assert_non_null(strstr(l.port->text, "not sealed"));
	liar_free(&l);
}

static void regions_are_checked(void **state)
{
	static const struct {
		uint16_t index;
		uint64_t size;
	} bad[] = {{0, LIAR_MEMORY + 1}, {0, 0}, {1, LIAR_MEMORY}, {UINT16_MAX, LIAR_MEMORY},
		{0, UINT64_MAX}, {0, UINT64_C(1) << 63}};
	struct liar l;

	liar_make(&l, "regions");
	liar_seal(&l);
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		assert_int_equal(liar_init(&l), MEMIF_ACK);
		assert_int_equal(liar_region(&l, bad[i].index, bad[i].size), MEMIF_DISCONNECT);
		close(l.fd);
		liar_connect(&l);
	}
	liar_free(&l);
}

static void rings_are_checked(void **state)
{
	static const struct {
		uint32_t offset;
		uint8_t log2_size;
	} bad[] = {{LIAR_MEMORY, 4}, {LIAR_MEMORY - 128, 1}, {UINT32_MAX - 7, 4}, {4, 4}, {0, 0},
		{0, 15}, {0, 255}, {LIAR_MEMORY - 4096, 8}, {UINT32_MAX, 1}};
	struct liar l;

	liar_make(&l, "rings");
	liar_seal(&l);
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		assert_int_equal(liar_init(&l), MEMIF_ACK);
		assert_int_equal(liar_region(&l, 0, LIAR_MEMORY), MEMIF_ACK);
		assert_int_equal(
			liar_ring(&l, 0, bad[i].offset, bad[i].log2_size), MEMIF_DISCONNECT);
		close(l.fd);
		liar_connect(&l);
	}
	liar_free(&l);
}

static void messages_out_of_order_end_it(void **state)
{
	struct liar l;
	struct memif_msg msg = {0};

	liar_make(&l, "order");
	for (uint16_t type = 0; type < 12; type++) {
		msg.type = type;
		if (type == MEMIF_INIT)
			continue;
		assert_int_equal(liar_says(&l, &msg, sizeof(msg), -1), MEMIF_DISCONNECT);
		close(l.fd);
		liar_connect(&l);
	}
	for (size_t size = 1; size < sizeof(msg); size += 18) {
		assert_int_equal(liar_says(&l, &msg, size, -1), MEMIF_DISCONNECT);
		close(l.fd);
		liar_connect(&l);
	}
	assert_int_equal(liar_init(&l), MEMIF_ACK);
	assert_int_equal(liar_init(&l), MEMIF_DISCONNECT);
	liar_free(&l);
}

static void a_silent_peer_does_not_keep_others_out(void **state)
{
	struct liar silent[4], l;

	liar_make(&l, "silent");
	for (int i = 0; i < 4; i++) {
		silent[i].port = l.port;
		liar_connect(&silent[i]);
	}
	assert_int_equal(liar_init(&l), MEMIF_ACK);
	for (int i = 0; i < 4; i++)
		close(silent[i].fd);
	liar_free(&l);
}

struct lie {
	struct memif_desc desc;
	uint32_t taken; /* length of the frame that comes out, 0: it is an error */
};

static void descriptors_are_checked(void **state)
{
	static const struct lie lies[] = {
		{{.length = 60, .offset = LIAR_BUFFER}, 60},
		{{.length = 60, .offset = LIAR_MEMORY - 60}, 60},
		{{.length = 61, .offset = LIAR_MEMORY - 60}, 0},
		{{.length = 0, .offset = LIAR_BUFFER}, 0},
		{{.length = UINT32_MAX, .offset = LIAR_BUFFER}, 0},
		{{.length = 60, .offset = UINT32_MAX}, 0},
		{{.length = UINT32_MAX, .offset = UINT32_MAX}, 0},
		{{.length = 60, .offset = LIAR_BUFFER, .region = 1}, 0},
		{{.length = 60, .offset = LIAR_BUFFER, .region = UINT16_MAX}, 0},
		{{.length = 60, .offset = LIAR_BUFFER, .flags = MEMIF_DESC_NEXT}, 0},
		{{.length = 9234, .offset = LIAR_BUFFER}, 9234},
		{{.length = 9235, .offset = LIAR_BUFFER}, 0},
		{{.length = 60, .offset = LIAR_BUFFER, .flags = 0xfffe, .metadata = 9}, 60},
	};
	struct memif_ring *ring;
	struct rte_mbuf *m;
	uint64_t errors;
	struct liar l;

	liar_up(&l, "desc");
	ring = liar_ring_at(&l, LIAR_RING);
	for (unsigned int i = 0; i < RTE_DIM(lies); i++) {
		errors = l.port->rx_errors;
		ring->desc[i % 16] = lies[i].desc;
		ring->head = i + 1;
		if (lies[i].taken) {
			assert_int_equal(port_rx(l.port, 0, &m, 1), 1);
			assert_int_equal(m->pkt_len, lies[i].taken);
			rte_pktmbuf_free(m);
		} else {
			assert_int_equal(port_rx(l.port, 0, &m, 1), 0);
		}
		assert_int_equal(l.port->rx_errors - errors, lies[i].taken ? 0 : 1);
		assert_int_equal(ring->tail, i + 1);
	}
	liar_free(&l);
}

static void indexes_are_checked(void **state)
{
	struct rte_mbuf *m;
	struct liar l;

	liar_up(&l, "index");
	liar_ring_at(&l, LIAR_RING)->head = 17;
	assert_int_equal(port_rx(l.port, 0, &m, 1), 0);
	port_poll_state(l.port);
	assert_false(port_is_up(l.port));
	assert_non_null(strstr(l.port->text, "inconsistent"));
	liar_free(&l);
}

static void buffers_to_fill_are_checked(void **state)
{
	static const struct memif_desc bad[] = {{.length = 64, .offset = LIAR_MEMORY - 63},
		{.length = 64, .region = 1}, {.length = UINT32_MAX, .offset = 0}};
	struct memif_ring *ring;
	struct rte_mbuf *m;
	struct liar l;

	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		liar_up(&l, "fill");
		ring = liar_ring_at(&l, 4096);
		ring->desc[0] = bad[i];
		ring->head = 1;
		m = frame(60, 1);
		assert_int_equal(port_tx(l.port, 0, &m, 1), 0);
		rte_pktmbuf_free(m);
		port_poll_state(l.port);
		assert_false(port_is_up(l.port));
		liar_free(&l);
	}
}

static void empty_buffers_take_nothing(void **state)
{
	struct memif_ring *ring;
	struct rte_mbuf *m;
	struct liar l;

	liar_up(&l, "empty");
	ring = liar_ring_at(&l, 4096);
	ring->head = 16;
	m = frame(60, 1);
	assert_int_equal(port_tx(l.port, 0, &m, 1), 0);
	for (int i = 0; i < 16; i++)
		ring->desc[i] = (struct memif_desc){.length = 7, .offset = LIAR_BUFFER + 64 * i};
	assert_int_equal(port_tx(l.port, 0, &m, 1), 1);
	assert_int_equal(ring->tail, 9);
	assert_int_equal(ring->desc[7].flags, MEMIF_DESC_NEXT);
	assert_int_equal(ring->desc[8].flags, 0);
	assert_int_equal(ring->desc[8].length, 60 - 8 * 7);
	liar_free(&l);
}

static int no_frame_leaks(void **state)
{
	peer_kill_left();
	rcu_reclaim();
	return rte_mempool_in_use_count(mem_pools.packet) == 0 ? 0 : -1;
}

#define PORT_TEST(f) cmocka_unit_test_teardown(f, no_frame_leaks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(every_size_both_ways),
		PORT_TEST(full_ring_refuses_and_recovers),
		PORT_TEST(returned_slots_are_found),
		PORT_TEST(random_bursts),
		PORT_TEST(several_ports_share_a_socket),
		PORT_TEST(memory_must_be_sealed),
		PORT_TEST(regions_are_checked),
		PORT_TEST(rings_are_checked),
		PORT_TEST(messages_out_of_order_end_it),
		PORT_TEST(a_silent_peer_does_not_keep_others_out),
		PORT_TEST(descriptors_are_checked),
		PORT_TEST(indexes_are_checked),
		PORT_TEST(buffers_to_fill_are_checked),
		PORT_TEST(empty_buffers_take_nothing),
	};
	const struct CMUnitTest peer_tests[] = {
		PORT_TEST(server_small_frames),
		PORT_TEST(client_small_frames),
		PORT_TEST(server_full_frames),
		PORT_TEST(server_chains),
		PORT_TEST(client_chains),
		PORT_TEST(server_two_queues),
		PORT_TEST(client_two_queues),
		PORT_TEST(peer_with_fewer_queues),
		PORT_TEST(client_peer_dies),
		PORT_TEST(server_peer_dies),
	};
	int failed;

	test_eal_init(256);
	if (rcu_init(1) < 0 || mem_init(8192) < 0) {
		printf("no packet memory\n");
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (failed)
		return failed;
	peer_require();
	return cmocka_run_group_tests(peer_tests, NULL, NULL);
}
