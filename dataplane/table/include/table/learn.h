/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MAC learning: workers tell what they saw, the main thread decides and writes the FDB.
 *
 * The queue is bounded (a ring) and each port has a token bucket at the worker, so that a MAC storm
 * costs bystanders nothing; what does not fit is refused and counted (learn_refused). Quotas per
 * port and per segment, move limits and ageing are applied on the main thread. Learned entries
 * belong to no transaction: they appear in the generation that is current. A programmed entry
 * always wins.
 *
 * The kernel may carry sessions to and from a learned MAC, without asking again where that is.
 * Whoever puts one there finds the place by learn_carried, after the epoch under which it goes in:
 * when the entry moves or ends, the revoker is called after that, and the session is stale.
 */
#ifndef TABLE_LEARN_H
#define TABLE_LEARN_H

#include <stdbool.h>
#include <stdint.h>

#include <table/config.h>
#include <weft/msg.h>

/* Moves of one MAC, and of all MACs of one segment, that are followed within one second. */
#define LEARN_MAC_MOVES	    4
#define LEARN_SEGMENT_MOVES 1000
/* Learned entries on this host in total, so that learning never takes the room of programmed ones.
 */
#define LEARN_MAX (WEFT_MAX_FDB / 4)

struct learn_event {
	struct fdb_key key;
	dest_t dest;
	uint64_t generation;
};

/* Returns 0 or -ENOMEM. Main thread. */
int learn_init(void);
void learn_fini(void);

/* Any worker. False: the queue is full. */
bool learn_post(const struct learn_event *e);

/* Main thread: takes up to max events and writes the FDB. Returns how many were taken. now_s is the
 * coarse clock (core/clock.h). */
unsigned int learn_process(unsigned int max, uint32_t now_s);
/* Main thread: ends learned entries not seen for their segment's ageing time, a bounded number of
 * entries per call (no full scan). */
void learn_age(uint32_t now_s);

/* Main thread: ends learned entries at once. Slots; 0: any. Returns how many. */
uint32_t learn_flush(uint16_t segment_slot, uint16_t port_slot);

/* Main thread. Who is told of each change; entry is as it is now (for AGED: as it was). LIMIT comes
 * at most once a second for one port. */
typedef void (*learn_listener_fn)(const struct config *cfg, const struct fdb_key *key, dest_t dest,
	enum weft_fdb_event event);
void learn_set_listener(learn_listener_fn fn);

/* Main thread. Who is told that MACs of that segment are no longer where sessions in the kernel may
 * have been told that they are. */
typedef void (*learn_revoker_fn)(uint16_t segment_slot);
void learn_set_revoker(learn_revoker_fn fn);

/* Any thread, as a reader: the entry of that MAC, marked when it is a learned one. NULL: none. */
const struct fdb_entry *learn_carried(
	const struct config *cfg, uint16_t segment_slot, const uint8_t *mac);
/* Are the source MACs of what comes from there learned? */
bool learn_teaches(const struct config *cfg, uint16_t segment_slot, dest_t from);
/* How far behind the kernel its frames' MACs may be said to be seen. */
static inline uint32_t learn_look_s(uint32_t ageing_s)
{
	return ageing_s < 8 ? 1 : ageing_s / 8;
}
/* The kernel has carried a frame with that source MAC from there in that second (core/clock.h).
 * Returns after how many seconds to say so again at the latest, for as long as it may carry some;
 * 0: never. Workers. */
uint32_t learn_seen(const struct config *cfg, uint16_t segment_slot, const uint8_t *mac,
	dest_t from, uint32_t seen_s);

/* Main thread: a transaction ended this learned entry (replaced it, or removed its port, VTEP or
 * segment). The counts of quotas follow. */
void learn_ended(uint16_t segment_slot, dest_t dest);

uint32_t learn_count(void);
uint32_t learn_count_dest(dest_t dest);
uint32_t learn_count_segment(uint16_t segment_slot);

#endif
