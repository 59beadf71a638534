/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Token buckets. Workers.
 */
#include <assert.h>
#include <stdatomic.h>

#include <core/clock.h>
#include <core/quota.h>
#include <weft/limits.h>

/* Theoretical arrival time of the next packet, in nanoseconds of the coarse clock. A slot that gets
 * a new owner keeps its value: at most one burst is missing from the new one's first bucket. */
static_assert(WEFT_MAX_TENANTS <= WEFT_MAX_SEGMENTS && WEFT_MAX_PORTS <= WEFT_MAX_SEGMENTS,
	"slots of all of them index the buckets");
static _Atomic uint64_t quota_tat[QUOTA_KIND_MAX][WEFT_MAX_SEGMENTS];

static uint64_t quota_tolerance_ns(uint64_t cost)
{
	uint64_t tolerance = QUOTA_BURST_MS * 1000000ull, least = cost * QUOTA_BURST_MIN;

	return tolerance < least ? least : tolerance;
}

void quota_charge(enum quota_kind kind, uint16_t slot, uint32_t rate, uint32_t n)
{
	_Atomic uint64_t *tat = &quota_tat[kind][slot];
	uint64_t now = clock_ms() * 1000000, cost = 1000000000 / rate;
	uint64_t old = atomic_load_explicit(tat, memory_order_relaxed), due;

	do {
		due = old > now ? old : now;
	} while (!atomic_compare_exchange_weak_explicit(
		tat, &old, due + cost * n, memory_order_relaxed, memory_order_relaxed));
}

bool quota_has(enum quota_kind kind, uint16_t slot, uint32_t rate)
{
	uint64_t due = atomic_load_explicit(&quota_tat[kind][slot], memory_order_relaxed);
	uint64_t now = clock_ms() * 1000000, cost = 1000000000 / rate;

	return due + cost <= now + quota_tolerance_ns(cost);
}

bool quota_take(enum quota_kind kind, uint16_t slot, uint32_t rate, uint32_t n)
{
	_Atomic uint64_t *tat = &quota_tat[kind][slot];
	uint64_t now = clock_ms() * 1000000, cost = 1000000000 / rate;
	uint64_t tolerance = quota_tolerance_ns(cost);
	uint64_t old = atomic_load_explicit(tat, memory_order_relaxed), due;

	do {
		due = old > now ? old : now;
		if (due + cost > now + tolerance)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		tat, &old, due + cost * n, memory_order_relaxed, memory_order_relaxed));
	return true;
}
