/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flight recorder: the last dropped packets of each port, kept until they are asked for.
 *
 * RECORDER_SIZE records per port that exists. Of one reason RECORDER_PER_MS are taken per
 * millisecond, so that a flood costs a compare for each packet; and no reason takes more than half
 * of the places from others, so that a flood does not sweep them away.
 *
 * Threads: workers write, one at a time per port; who finds another at it records nothing. The main
 * thread reads without a lock and skips what is being written. Nobody ever waits.
 */
#ifndef OBSERVE_RECORDER_H
#define OBSERVE_RECORDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <core/clock.h>
#include <weft/drop_reason.h>
#include <weft/limits.h>
#include <weft/record.h>

#define RECORDER_SIZE	 32
#define RECORDER_SHARE	 (RECORDER_SIZE / 2)
#define RECORDER_PER_MS	 4
#define RECORDER_N_SHIFT 2 /* log2 of that */

struct recorder_entry {
	_Atomic uint32_t seq; /* odd while it is being written */
	struct weft_drop_record record;
};

/* One port's. */
struct recorder {
	_Atomic uint32_t busy;
	uint32_t n; /* recorded since the port came */
	/* By reason: the millisecond of the last record << RECORDER_N_SHIFT, plus how many more
	 * there were in it. */
	_Atomic uint32_t last[WEFT_DROP_MAX];
	struct recorder_entry entries[RECORDER_SIZE];
};

/* By slot; NULL: no such port. */
extern struct recorder *_Atomic recorder_of_slot[WEFT_MAX_PORTS];

/* Main thread: a slot gets a port, or has lost it, and no worker uses it meanwhile. Without memory
 * the port has no recorder. */
void recorder_slot_assign(uint16_t slot, bool used);
void recorder_fini(void);

static inline bool recorder_wants(uint16_t slot, enum weft_drop reason)
{
	const struct recorder *r =
		atomic_load_explicit(&recorder_of_slot[slot], memory_order_relaxed);
	uint32_t full = (uint32_t)clock_ms() << RECORDER_N_SHIFT | (RECORDER_PER_MS - 1);

	return r && atomic_load_explicit(&r->last[reason], memory_order_relaxed) != full;
}

/* Worker. A place for a record, to be filled in and passed to recorder_end; all but time, number
 * and reason is the caller's. NULL: not now. */
struct weft_drop_record *recorder_begin(uint16_t slot, enum weft_drop reason);
void recorder_end(uint16_t slot, struct weft_drop_record *record);

/* Main thread. Copies the newest max records of the slot, newest first; returns their number. */
unsigned int recorder_read(uint16_t slot, struct weft_drop_record *ret, unsigned int max);

#endif
