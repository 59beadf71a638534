/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statistics in shared memory: written by the workers, read by anybody who got the descriptor
 * (HELLO_ACK), without a message and without disturbing a worker.
 *
 * Each worker writes only its own blocks with relaxed 64-bit stores; a reader sums over workers.
 * Counts only grow. The ledger of a port P, exact whenever the workers are idle:
 *
 *     rx + added = sent + the sum of dropped[]
 *
 * where every packet is booked on the port it entered by (rx), copies made by flooding, segmenting
 * or fragmenting it and answers to it count as added, and sent counts those that left by any port.
 * Fragments that wait for their first one (two seconds at most) are in rx and nowhere else yet.
 * TCP segments that are joined for a port that takes GSO frames are sent, or dropped, as the
 * packets and bytes that came. tx is the other view, packets that left by P; over all ports the sum
 * of tx equals that of sent. Free of DPDK.
 */
#ifndef WEFT_STATS_H
#define WEFT_STATS_H

#include <assert.h>
#include <stdint.h>

#include <weft/drop_reason.h>
#include <weft/limits.h>

#define WEFT_STATS_MAGIC 0x57535430u

struct weft_port_stats {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t added;
	uint64_t sent;
	uint64_t answered;	/* ARP, ND, ICMP answers made here; each also in added or sent */
	uint64_t learn_refused; /* MACs not learned because of a quota or a full queue */
	uint64_t dropped[WEFT_DROP_MAX];
};
static_assert(sizeof(struct weft_port_stats) == 1216, "shared layout");

struct weft_worker_stats {
	uint64_t cycles_busy; /* TSC, in bursts that had packets */
	uint64_t cycles_idle; /* polling without packets */
	uint64_t cycles_asleep;
	uint64_t sleeps;
	uint64_t bursts;
	uint64_t packets;
	uint64_t burst_sizes[8]; /* bursts of 1, 2-3, 4-7, 8-15, 16-31, 32-63, 64-127, 128 and up */
	uint64_t pad[2];
};
static_assert(sizeof(struct weft_worker_stats) == 128, "shared layout");

/* A port's slot is stable while the port exists; id is 0 when the slot is free. A reader that sees
 * the same seq (even) before and after reading a slot saw one port's counts. */
struct weft_stats_slot {
	uint32_t id;
	uint32_t seq;
};

struct weft_stats_shm {
	uint32_t magic;
	uint16_t version; /* WEFT_CHANNEL_VERSION */
	uint16_t n_workers;
	uint64_t tsc_hz;
	uint64_t boot_id;
	uint64_t pad[5];
	struct weft_stats_slot slots[WEFT_MAX_PORTS];
	struct weft_worker_stats workers[WEFT_MAX_WORKERS];
	/* ports[w][slot]; only n_workers + 2 rows exist in the mapping: the one behind the workers'
	 * is the main thread's, for what it sends and drops itself; the last is what the kernel's
	 * fast path carried, some milliseconds late. */
	struct weft_port_stats ports[][WEFT_MAX_PORTS];
};

static inline uint64_t weft_stats_size(unsigned int n_workers)
{
	return sizeof(struct weft_stats_shm) +
	       (uint64_t)(n_workers + 2) * WEFT_MAX_PORTS * sizeof(struct weft_port_stats);
}

#endif
