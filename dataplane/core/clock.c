/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Coarse time since start. Written by the main thread (or a test), read by everybody.
 */
#include <stdbool.h>
#include <time.h>

#include <core/clock.h>

_Atomic uint64_t clock_ms_value;

static uint64_t clock_start_ms;
static bool clock_started;
static bool clock_warped;

static uint64_t clock_monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void clock_update(void)
{
	uint64_t now = clock_monotonic_ms();

	if (clock_warped)
		return;
	if (!clock_started) {
		clock_started = true;
		clock_start_ms = now;
	}
	atomic_store_explicit(&clock_ms_value, now - clock_start_ms, memory_order_relaxed);
}

void clock_warp(uint64_t ms)
{
	clock_warped = true;
	atomic_fetch_add_explicit(&clock_ms_value, ms, memory_order_relaxed);
}
