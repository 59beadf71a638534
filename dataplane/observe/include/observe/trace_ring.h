/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steps of traced packets on their way from workers to the main thread.
 *
 * A ring per worker, which is the only one to put; the main thread alone takes. A full ring loses
 * what is put and counts it: nobody ever waits.
 */
#ifndef OBSERVE_TRACE_RING_H
#define OBSERVE_TRACE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <weft/trace.h>

#define TRACE_RING_SIZE 4095 /* records; a power of two less one */

/* Rings for workers 0..n-1. Returns 0 or -ENOMEM. Main thread, while no worker runs; so is fini. */
int trace_ring_init(unsigned int n);
void trace_ring_fini(void);

/* That worker. */
void trace_ring_put(unsigned int worker, const struct weft_trace_record *r);

/* Main thread. Takes up to max records of one worker, oldest first; returns their number. */
unsigned int trace_ring_take(unsigned int worker, struct weft_trace_record *ret, unsigned int max);
unsigned int trace_ring_n_workers(void);
/* Lost so far, of all workers. */
uint64_t trace_ring_lost(void);

#endif
