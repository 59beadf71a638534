/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Coarse time: seconds and milliseconds since start, updated by the main thread about every
 * millisecond and by tests at will (clock_warp), read by workers without a system call.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

extern _Atomic uint64_t clock_ms_value;

static inline uint64_t clock_ms(void)
{
	return atomic_load_explicit(&clock_ms_value, memory_order_relaxed);
}

static inline uint32_t clock_s(void)
{
	return clock_ms() / 1000;
}

/* Main thread: sets the value from the monotonic clock, unless a test has warped it. */
void clock_update(void);
/* Tests: stops the clock and moves it forward. */
void clock_warp(uint64_t ms);

#endif
