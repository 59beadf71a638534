/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target: a hostile memif peer. Its messages go through the state machine of either role,
 * and once there are rings, it writes what it likes into them between bursts.
 *
 * Input: a byte with the role, then operations: a byte with the kind and operands of fixed size.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_string_fns.h>

#include <core/mem.h>

#include "fuzz.h"
#include "memif_ctl.h"

#define MEMORY_SIZE (1 << 18)
#define RING_TX	    4096 /* where the honest seed puts its S2C ring */
#define BUFFERS	    65536
#define BURST	    40
#define PAYLOAD	    44 /* of a message; the rest is zero */

enum op {
	OP_MESSAGE, /* type, which descriptor, payload */
	OP_INDEX,   /* direction, head or tail, value */
	OP_DESC,    /* direction, slot, 16 bytes */
	OP_RX,	    /* burst */
	OP_TX,	    /* burst, size */
	OP_POKE,    /* offset (4 bytes), 4 bytes */
	OP_MAX
};

struct input {
	const uint8_t *next, *end;
};

static int sealed, unsealed;
static uint8_t *memory; /* of sealed */
static struct port port;

static uint32_t take(struct input *in, size_t size)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size && in->next < in->end; i++)
		value |= (uint32_t)*in->next++ << (8 * i);
	return value;
}

static void take_bytes(struct input *in, void *to, size_t size)
{
	size_t there = in->end - in->next;

	memset(to, 0, size);
	memcpy(to, in->next, size < there ? size : there);
	in->next += size < there ? size : there;
}

static struct port *claim(struct memif_conn *c, uint32_t id, const char **wrong)
{
	*wrong = "no such interface id";
	return id < 2 ? &port : NULL;
}

static int memory_make(bool seal)
{
	int fd = memfd_create("fuzz", MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, MEMORY_SIZE) < 0)
		return -1;
	if (seal && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		return -1;
	return fd;
}

int fuzz_start(void)
{
	port.spec.n_queues = 2;
	rte_strlcpy(port.spec.name, "t/p", sizeof(port.spec.name));
	sealed = memory_make(true);
	unsealed = memory_make(false);
	if (sealed < 0 || unsealed < 0)
		return -1;
	memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, sealed, 0);
	return memory == MAP_FAILED ? -1 : mem_init(511);
}

static int receive(struct memif_conn *c, struct input *in)
{
	const int fds[] = {-1, sealed, unsealed, 0};
	struct memif_reply reply;
	struct memif_msg msg = {.type = take(in, 1)};
	int fd = fds[take(in, 1) % 4];

	take_bytes(in, msg.pad, PAYLOAD);
	return memif_ctl_receive(c, &msg, msg.type == 0xff ? 7 : sizeof(msg), fd, &reply);
}

static struct memif_queue *queue_of(struct memif_conn *c, struct input *in)
{
	uint32_t which = take(in, 1);
	struct memif_shm *shm = c->shm;

	if (!shm || shm->n_rx == 0 || shm->n_tx == 0)
		return NULL;
	return which & 1 ? &shm->rx[which / 2 % shm->n_rx] : &shm->tx[which / 2 % shm->n_tx];
}

static void check_frame(struct rte_mbuf *m)
{
	uint32_t size = 0, n = 0;

	for (struct rte_mbuf *s = m; s; s = s->next, n++) {
		fuzz_check(s->data_len > 0 && s->data_len <= MEM_DATA_SIZE);
		size += s->data_len;
	}
	fuzz_check(size == m->pkt_len && n == m->nb_segs && size <= WEFT_MTU_MAX + 18);
	fuzz_check(rte_pktmbuf_headroom(m) >= PORT_HEADROOM);
}

static void receive_burst(struct memif_queue *q, uint16_t n)
{
	struct rte_mbuf *pkts[BURST];
	uint32_t errors = 0;

	n = memif_rx_burst(q, pkts, n % BURST, &errors);
	for (uint16_t i = 0; i < n; i++)
		check_frame(pkts[i]);
	rte_pktmbuf_free_bulk(pkts, n);
}

static void send_burst(struct memif_queue *q, uint16_t n, uint16_t size)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t sent;

	n %= BURST;
	if (rte_pktmbuf_alloc_bulk(mem_pools.packet, pkts, n) < 0)
		return;
	for (uint16_t i = 0; i < n; i++)
		rte_pktmbuf_append(pkts[i], 1 + size % MEM_DATA_SIZE);
	if (n > 1 && rte_pktmbuf_chain(pkts[0], pkts[1]) == 0)
		pkts[1] = pkts[--n];
	sent = memif_tx_burst(q, pkts, n);
	fuzz_check(sent <= n);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
}

static void poke(struct memif_conn *c, struct input *in)
{
	const struct memif_region *r = c->shm ? &c->shm->regions[0] : NULL;
	uint32_t offset = take(in, 4), value = take(in, 4);

	if (r && r->addr && r->size >= sizeof(value))
		memcpy(r->addr + offset % (r->size - sizeof(value) + 1), &value, sizeof(value));
}

static void step(struct memif_conn *c, struct input *in, enum op op)
{
	struct memif_queue *q = queue_of(c, in);
	uint32_t a = take(in, 2);

	if (!q)
		return;
	switch (op) {
	case OP_INDEX:
		*(take(in, 1) & 1 ? &q->ring->head : &q->ring->tail) = a;
		break;
	case OP_DESC:
		take_bytes(in, &q->ring->desc[a & (q->size - 1)], sizeof(struct memif_desc));
		break;
	case OP_RX:
		receive_burst(q, a);
		break;
	case OP_TX:
		send_burst(q, a, take(in, 2));
		break;
	default:
		break;
	}
}

/* Bursts only on a connection that is up, as the port does. */
void fuzz_one(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	struct memif_conn c = {.claim = claim};
	int error = 0;

	memset(memory, 0, MEMORY_SIZE);
	c.state = take(&in, 1) & 1 ? MEMIF_STATE_WAIT_INIT : MEMIF_STATE_WAIT_HELLO;
	if (c.state == MEMIF_STATE_WAIT_HELLO)
		c.port = &port;
	while (in.next < in.end && error == 0) {
		enum op op = take(&in, 1) % OP_MAX;

		if (op == OP_MESSAGE)
			error = receive(&c, &in);
		else if (op == OP_POKE)
			poke(&c, &in);
		else if (c.state == MEMIF_STATE_UP)
			step(&c, &in, op);
	}
	memif_shm_free(c.shm);
	fuzz_check(rte_mempool_avail_count(mem_pools.packet) == mem_pools.packet->size);
}

struct seed {
	uint8_t bytes[1024];
	size_t size;
};

static void put(struct seed *s, const void *bytes, size_t size)
{
	memcpy(s->bytes + s->size, bytes, size);
	s->size += size;
}

static void put_message(struct seed *s, const struct memif_msg *msg, uint8_t fd)
{
	put(s, (uint8_t[]){OP_MESSAGE, msg->type, fd}, 3);
	put(s, msg->pad, PAYLOAD);
}

static void put_poke(struct seed *s, uint32_t offset, uint32_t value)
{
	put(s, (uint8_t[]){OP_POKE}, 1);
	put(s, &offset, sizeof(offset));
	put(s, &value, sizeof(value));
}

static void put_traffic(struct seed *s)
{
	struct memif_desc desc = {.length = 60, .offset = BUFFERS};

	for (uint8_t slot = 0; slot < 4; slot++) {
		put(s, (uint8_t[]){OP_DESC, 1, slot, 0}, 4);
		desc.flags = slot == 1 ? MEMIF_DESC_NEXT : 0;
		put(s, &desc, sizeof(desc));
		put(s, (uint8_t[]){OP_DESC, 0, slot, 0}, 4);
		desc.flags = 0;
		put(s, &desc, sizeof(desc));
	}
	put(s, (uint8_t[]){OP_INDEX, 1, 4, 0, 1, OP_INDEX, 0, 4, 0, 1}, 10);
	put(s, (uint8_t[]){OP_RX, 1, 9, 0, OP_TX, 0, 3, 0, 40, 0}, 10);
}

static void seed_server(void)
{
	struct memif_msg init = {.type = MEMIF_INIT, .init.version = MEMIF_VERSION};
	struct memif_msg region = {.type = MEMIF_ADD_REGION, .add_region.size = MEMORY_SIZE};
	struct memif_msg c2s = {.type = MEMIF_ADD_RING,
		.add_ring.flags = MEMIF_RING_C2S,
		.add_ring.log2_ring_size = 3};
	struct memif_msg s2c = {
		.type = MEMIF_ADD_RING, .add_ring.offset = RING_TX, .add_ring.log2_ring_size = 3};
	struct memif_msg connect = {.type = MEMIF_CONNECT};
	struct seed s = {.bytes = {1}, .size = 1};

	put_message(&s, &init, 0);
	put_message(&s, &region, 1);
	put_message(&s, &c2s, 0);
	put_message(&s, &s2c, 0);
	put_poke(&s, 0, MEMIF_COOKIE);
	put_poke(&s, RING_TX, MEMIF_COOKIE);
	put_message(&s, &connect, 0);
	put_traffic(&s);
	fuzz_seed(s.bytes, s.size);
}

static void seed_client(void)
{
	struct memif_msg hello = {.type = MEMIF_HELLO,
		.hello.min_version = MEMIF_VERSION,
		.hello.max_version = MEMIF_VERSION,
		.hello.max_s2c_ring = 1,
		.hello.max_c2s_ring = 1,
		.hello.max_log2_ring_size = 3};
	struct memif_msg ack = {.type = MEMIF_ACK}, connected = {.type = MEMIF_CONNECTED};
	struct seed s = {.bytes = {0}, .size = 1};

	put_message(&s, &hello, 0);
	for (int i = 0; i < 6; i++)
		put_message(&s, &ack, 0);
	put_message(&s, &connected, 0);
	put_traffic(&s);
	fuzz_seed(s.bytes, s.size);
}

void fuzz_seeds(void)
{
	seed_server();
	seed_client();
}
