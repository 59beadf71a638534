/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions and rings of a memif connection (memif_shm.h): making and checking them. Main thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "memif_shm.h"

static uint64_t ring_bytes(uint8_t log2_size)
{
	return sizeof(struct memif_ring) + (sizeof(struct memif_desc) << log2_size);
}

struct memif_shm *memif_shm_new(bool server)
{
	struct memif_shm *shm = rte_zmalloc("memif", sizeof(*shm), RTE_CACHE_LINE_SIZE);

	if (!shm)
		return NULL;
	shm->server = server;
	shm->fd = -1;
	shm->event_fd = -1;
	return shm;
}

void memif_shm_free(struct memif_shm *shm)
{
	if (!shm)
		return;
	for (unsigned int i = 0; i < shm->n_regions; i++)
		munmap(shm->regions[i].addr, shm->regions[i].size);
	if (shm->fd >= 0)
		close(shm->fd);
	if (shm->event_fd >= 0)
		close(shm->event_fd);
	rte_free(shm);
}

/* Memory that a peer could take away under our feet would end the process by SIGBUS: it must be
 * sealed against shrinking, and not come from a pool of huge pages that may run dry. */
static const char *region_check(int fd, uint64_t size)
{
	struct statfs fs;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return "region is not sealed against shrinking";
	if (fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return "region is not ordinary shared memory";
	if (fstat(fd, &st) < 0 || size == 0 || size > (uint64_t)st.st_size)
		return "region is larger than its file";
	return NULL;
}

const char *memif_shm_add_region(struct memif_shm *shm, int fd, uint16_t index, uint64_t size)
{
	struct memif_region *r = &shm->regions[shm->n_regions];
	const char *wrong;
	void *addr;

	if (fd < 0)
		return "region without a descriptor";
	if (index != shm->n_regions || index >= MEMIF_REGIONS_MAX)
		return "region index out of order";
	wrong = region_check(fd, size);
	if (wrong)
		return wrong;
	if (size > MEMIF_MEMORY_MAX - shm->total_size)
		return "regions are too large";
	addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED)
		return "region can't be mapped";
	r->addr = addr;
	r->size = size;
	shm->n_regions++;
	shm->total_size += size;
	return NULL;
}

static void queue_init(
	struct memif_shm *shm, struct memif_queue *q, struct memif_ring *ring, uint8_t log2_size)
{
	q->ring = ring;
	q->size = 1 << log2_size;
	q->peer_index = shm->server ? &ring->head : &ring->tail;
	q->own_index = shm->server ? &ring->tail : &ring->head;
	q->regions = shm->regions;
	rte_spinlock_init(&q->lock);
}

const char *memif_shm_add_ring(struct memif_shm *shm, const struct memif_msg *msg)
{
	bool c2s = msg->add_ring.flags & MEMIF_RING_C2S;
	uint16_t *n = c2s ? &shm->n_rx : &shm->n_tx;
	uint32_t offset = msg->add_ring.offset;
	uint8_t log2_size = msg->add_ring.log2_ring_size;
	const struct memif_region *r;

	if (msg->add_ring.index != *n || *n >= WEFT_PORT_QUEUES)
		return "ring index out of order or too many rings";
	if (msg->add_ring.region >= shm->n_regions)
		return "ring in an unknown region";
	if (log2_size == 0 || log2_size > MEMIF_LOG2_RING_MAX)
		return "ring size out of range";
	if (msg->add_ring.private_hdr_size != 0)
		return "private headers are not supported";
	r = &shm->regions[msg->add_ring.region];
	if (offset % sizeof(uint64_t) != 0 || offset > r->size ||
		ring_bytes(log2_size) > r->size - offset)
		return "ring lies outside its region";
	queue_init(shm, &(c2s ? shm->rx : shm->tx)[*n], (void *)(r->addr + offset), log2_size);
	++*n;
	return NULL;
}

static void server_queue_start(const struct memif_shm *shm, struct memif_queue *q, bool receives)
{
	q->n_regions = shm->n_regions;
	__atomic_store_n(q->own_index, 0, __ATOMIC_RELEASE);
	if (receives)
		__atomic_store_n(&q->ring->flags, MEMIF_RING_MASK_INT, __ATOMIC_RELAXED);
}

static bool has_cookies(const struct memif_queue *queues, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (__atomic_load_n(&queues[i].ring->cookie, __ATOMIC_RELAXED) != MEMIF_COOKIE)
			return false;
	return true;
}

const char *memif_shm_finish(struct memif_shm *shm)
{
	if (shm->n_rx == 0 || shm->n_tx == 0)
		return "a ring in each direction is needed";
	if (!has_cookies(shm->rx, shm->n_rx) || !has_cookies(shm->tx, shm->n_tx))
		return "ring without its cookie";
	for (unsigned int i = 0; i < shm->n_rx; i++)
		server_queue_start(shm, &shm->rx[i], true);
	for (unsigned int i = 0; i < shm->n_tx; i++)
		server_queue_start(shm, &shm->tx[i], false);
	return NULL;
}

static int region_make(struct memif_shm *shm, uint64_t size)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	void *addr;

	shm->fd = memfd_create("memif", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	shm->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (shm->fd < 0 || shm->event_fd < 0)
		return -errno;
	if (ftruncate(shm->fd, size) < 0 || fcntl(shm->fd, F_ADD_SEALS, seals) < 0)
		return -errno;
	addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, shm->fd, 0);
	if (addr == MAP_FAILED)
		return -errno;
	shm->regions[0] = (struct memif_region){.addr = addr, .size = size};
	shm->n_regions = 1;
	return 0;
}

/* A ring that sends begins with no frame; one that receives offers all its buffers. */
static void client_queue_start(struct memif_shm *shm, struct memif_queue *q, unsigned int i,
	uint64_t buffers, uint8_t log2_size, bool receives)
{
	struct memif_ring *ring = (void *)(shm->regions[0].addr + i * ring_bytes(log2_size));

	queue_init(shm, q, ring, log2_size);
	q->buffers_offset = buffers + (uint64_t)i * q->size * MEMIF_BUFFER_SIZE;
	q->buffers = shm->regions[0].addr + q->buffers_offset;
	q->peer_bias = receives ? 0 : q->size;
	q->own_bias = receives ? q->size : 0;
	ring->cookie = MEMIF_COOKIE;
	ring->flags = receives ? MEMIF_RING_MASK_INT : 0;
	for (unsigned int slot = 0; slot < q->size; slot++)
		ring->desc[slot] = (struct memif_desc){.length = MEMIF_BUFFER_SIZE,
			.offset = q->buffers_offset + slot * MEMIF_BUFFER_SIZE};
}

int memif_shm_make(struct memif_shm *shm, uint16_t n_c2s, uint16_t n_s2c, uint8_t log2_size)
{
	unsigned int n = n_c2s + n_s2c;
	uint64_t rings = RTE_ALIGN_CEIL(n * ring_bytes(log2_size), 4096);
	uint64_t size = rings + ((uint64_t)n * MEMIF_BUFFER_SIZE << log2_size);
	int error = region_make(shm, size);

	if (error < 0)
		return error;
	shm->n_tx = n_c2s;
	shm->n_rx = n_s2c;
	for (unsigned int i = 0; i < n_c2s; i++)
		client_queue_start(shm, &shm->tx[i], i, rings, log2_size, false);
	for (unsigned int i = 0; i < n_s2c; i++)
		client_queue_start(shm, &shm->rx[i], n_c2s + i, rings, log2_size, true);
	return 0;
}

void memif_shm_describe_ring(const struct memif_shm *shm, unsigned int i, struct memif_msg *msg)
{
	bool c2s = i < shm->n_tx;
	const struct memif_queue *q = c2s ? &shm->tx[i] : &shm->rx[i - shm->n_tx];

	msg->add_ring.flags = c2s ? MEMIF_RING_C2S : 0;
	msg->add_ring.index = c2s ? i : i - shm->n_tx;
	msg->add_ring.region = 0;
	msg->add_ring.offset = (uint8_t *)q->ring - shm->regions[0].addr;
	msg->add_ring.log2_ring_size = __builtin_ctz(q->size);
	msg->add_ring.private_hdr_size = 0;
}

void memif_shm_start(struct memif_shm *shm)
{
	for (unsigned int i = 0; i < shm->n_tx; i++)
		__atomic_store_n(shm->tx[i].own_index, 0, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < shm->n_rx; i++)
		__atomic_store_n(shm->rx[i].own_index, shm->rx[i].size, __ATOMIC_RELEASE);
}

bool memif_shm_is_broken(const struct memif_shm *shm)
{
	for (unsigned int i = 0; i < shm->n_rx; i++)
		if (shm->rx[i].broken)
			return true;
	for (unsigned int i = 0; i < shm->n_tx; i++)
		if (shm->tx[i].broken)
			return true;
	return false;
}

bool memif_shm_wants_interrupts(const struct memif_shm *shm)
{
	for (unsigned int i = 0; i < shm->n_tx; i++)
		if (!(__atomic_load_n(&shm->tx[i].ring->flags, __ATOMIC_RELAXED) &
			    MEMIF_RING_MASK_INT))
			return true;
	return false;
}
