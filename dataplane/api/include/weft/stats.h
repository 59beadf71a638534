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

/* What a worker does with a burst, in this order. APPLY is all that happens to one packet after
 * another once it is known where it goes: the tracker, rewriting, encapsulation. */
#define WEFT_STAGES(X)                                                                             \
	X(0, RX, "rx", "the device")                                                               \
	X(1, PARSE, "parse", "parsing, decapsulation, anti-spoofing without sessions")             \
	X(2, LOOKUP, "lookup", "the session, or the FDB")                                          \
	X(3, APPLY, "apply", "tracking, rewriting, encapsulation")                                 \
	X(4, SLOW, "slow_path", "first packets of sessions, and local answers")                    \
	X(5, TX, "tx", "the device, and counting")

enum weft_stage {
#define WEFT_STAGE_ENUM(number, id, name, help) WEFT_STAGE_##id = number,
	WEFT_STAGES(WEFT_STAGE_ENUM)
#undef WEFT_STAGE_ENUM
	WEFT_STAGE_MAX = 8,
};
/* NULL: no such stage. */
const char *weft_stage_name(unsigned int stage);

#define WEFT_LONG_ROUND_US 64
#define WEFT_LONG_ROUNDS   6 /* from 64 us, 256 us, 1 ms, 4 ms, 16 ms, and 65 ms up */

struct weft_worker_stats {
	uint64_t cycles_busy; /* TSC, in bursts that had packets */
	uint64_t cycles_idle; /* polling without packets */
	uint64_t cycles_asleep;
	uint64_t sleeps;
	uint64_t bursts;
	uint64_t packets;
	uint64_t burst_sizes[8]; /* bursts of 1, 2-3, 4-7, 8-15, 16-31, 32-63, 64-127, 128 and up */
	/* Of some bursts only, one in WEFT_STAGE_EVERY, which stand for all. */
	uint64_t timed_bursts;
	uint64_t timed_packets;
	uint64_t stage_cycles[WEFT_STAGE_MAX]; /* TSC, by enum weft_stage */
	/* Rounds over the queues, and so the time that none of them was looked at, but for sleep:
	 * the longest since start, and those of WEFT_LONG_ROUND_US and more, together and by
	 * length, each class four times the one before. What took the worker's processor away is in
	 * them. */
	uint64_t longest_round_cycles;
	uint64_t long_round_cycles;
	uint64_t long_rounds[WEFT_LONG_ROUNDS];
};
static_assert(sizeof(struct weft_worker_stats) == 256, "shared layout");
#define WEFT_STAGE_EVERY 61 /* a prime: ports take turns */

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
	/* ports[w][slot]; only weft_stats_rows rows exist in the mapping: the one behind the
	 * workers' is the main thread's, for what it sends and drops itself; the last is what the
	 * kernel's fast path carried, some milliseconds late. */
	struct weft_port_stats ports[][WEFT_MAX_PORTS];
};

static inline unsigned int weft_stats_rows(unsigned int n_workers)
{
	return n_workers + 2;
}

static inline uint64_t weft_stats_size(unsigned int n_workers)
{
	return sizeof(struct weft_stats_shm) + (uint64_t)weft_stats_rows(n_workers) *
						       WEFT_MAX_PORTS *
						       sizeof(struct weft_port_stats);
}

#endif
