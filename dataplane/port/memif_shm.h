/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a memif connection shares with its peer: memory regions and rings, checked when they are
 * added; and the burst functions on a ring, which check every descriptor, because the peer may
 * write anything anywhere in its regions at any time.
 *
 * Made and freed on the main thread; a worker uses one queue at a time. Knows no sockets.
 */
#ifndef PORT_MEMIF_SHM_H
#define PORT_MEMIF_SHM_H

#include <stdatomic.h>
#include <stdbool.h>

#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include <weft/limits.h>

#include "memif_proto.h"

#define MEMIF_REGIONS_MAX 16
#define MEMIF_BUFFER_SIZE 2048
/* Of all regions of a peer together: what it can make this process's memory grow by. */
#define MEMIF_MEMORY_MAX (UINT64_C(512) << 20)

struct memif_region {
	uint8_t *addr;
	uint64_t size;
};

struct memif_queue {
	struct memif_ring *ring;
	uint16_t *peer_index; /* the one that the peer advances */
	uint16_t *own_index;
	uint16_t peer_bias; /* slots ready for us end at *peer_index + peer_bias */
	uint16_t own_bias;  /* we publish next + own_bias */
	uint16_t next;	    /* slot to use next; never read back from shared memory */
	uint16_t size;	    /* slots, a power of two */
	uint16_t ready;	    /* slots from next on that were ours when we looked last */
	/* Client: buffer of slot 0. NULL: the buffers are where the descriptors say. */
	uint8_t *buffers;
	uint32_t buffers_offset;
	uint16_t n_regions;
	const struct memif_region *regions;
	_Atomic bool broken; /* the peer violated the protocol: end the connection */
	rte_spinlock_t lock; /* taken by the port's tx when queues outnumber rings */
} __rte_cache_aligned;

struct memif_shm {
	bool server; /* this end's role */
	uint16_t n_regions;
	uint16_t n_rx;
	uint16_t n_tx;
	int fd;	      /* client: of the region; else -1 */
	int event_fd; /* client: what the protocol wants with each ring; else -1 */
	uint64_t total_size;
	struct memif_region regions[MEMIF_REGIONS_MAX];
	struct memif_queue rx[WEFT_PORT_QUEUES];
	struct memif_queue tx[WEFT_PORT_QUEUES];
};

/* NULL: out of memory. */
struct memif_shm *memif_shm_new(bool server);
void memif_shm_free(struct memif_shm *shm);

/* Server: takes a region of the client. fd stays the caller's. Returns NULL, or what is wrong. */
const char *memif_shm_add_region(struct memif_shm *shm, int fd, uint16_t index, uint64_t size);
/* Server: takes a ring (msg is an ADD_RING). Returns NULL, or what is wrong. */
const char *memif_shm_add_ring(struct memif_shm *shm, const struct memif_msg *msg);
/* Server: all regions and rings are known. Returns NULL, or what is wrong. */
const char *memif_shm_finish(struct memif_shm *shm);

/* Client: makes one sealed region with n_c2s and n_s2c rings and their buffers. 0 or -errno. */
int memif_shm_make(struct memif_shm *shm, uint16_t n_c2s, uint16_t n_s2c, uint8_t log2_size);
/* Client: fills the ADD_RING message of ring i, C2S rings first. */
void memif_shm_describe_ring(const struct memif_shm *shm, unsigned int i, struct memif_msg *msg);

/* Client: the server has taken everything: offers the receive buffers. */
void memif_shm_start(struct memif_shm *shm);

/* True when the peer violated the protocol on some ring. */
bool memif_shm_is_broken(const struct memif_shm *shm);
/* True when the peer asks to be interrupted on a ring that we send on. */
bool memif_shm_wants_interrupts(const struct memif_shm *shm);

/* Up to n frames from the ring; frames that can't be taken are dropped and added to *errors. */
uint16_t memif_rx_burst(
	struct memif_queue *q, struct rte_mbuf **pkts, uint16_t n, uint32_t *errors);
/* Copies up to n frames to the ring and frees them; returns how many. */
uint16_t memif_tx_burst(struct memif_queue *q, struct rte_mbuf **pkts, uint16_t n);

#endif
