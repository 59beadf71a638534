/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters: the shared memory of weft/stats.h and the inline functions that write it.
 *
 * A worker writes only its own row; the main thread has the one behind them, and the last one for
 * what the kernel counts (observe/kernel_counters.h). Plain 64-bit stores.
 */
#ifndef OBSERVE_COUNTERS_H
#define OBSERVE_COUNTERS_H

#include <stdint.h>

#include <weft/stats.h>

extern struct weft_stats_shm *counters_shm;

/* Makes the memory (a sealed memfd). Returns 0 or -errno. */
int counters_init(unsigned int n_workers, uint64_t boot_id);
void counters_fini(void);
/* Descriptor to hand out read-only; owned by this module. */
int counters_fd(void);

/* Main thread: a slot begins or ends to belong to port id (0: free). Zeroes the counts of a slot
 * that begins; no worker may use the slot meanwhile. */
void counters_slot_assign(uint16_t slot, uint32_t id);

static inline struct weft_port_stats *counters_port(unsigned int worker, uint16_t slot)
{
	return &counters_shm->ports[worker][slot];
}

static inline struct weft_worker_stats *counters_worker(unsigned int worker)
{
	return &counters_shm->workers[worker];
}

#endif
