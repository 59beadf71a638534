/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processor time of one thread in TSC cycles, at the price of reading the TSC: only a gap that may
 * be a wait for the processor costs a system call. One thread.
 */
#ifndef METER_H
#define METER_H

#include <stdint.h>
#include <time.h>

#include <rte_cycles.h>

#define METER_GAP_US 50 /* who polls for work comes more often than that */

struct meter {
	uint64_t tsc; /* 0: not begun */
	uint64_t cycles;
	uint64_t cpu_ns;
};

static inline uint64_t meter_cycles_of_ms(uint64_t ms)
{
	return ms * rte_get_tsc_hz() / 1000;
}

static inline uint64_t meter_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

/* Returns the cycles since the last call. */
static inline uint64_t meter_advance(struct meter *m)
{
	uint64_t now = rte_rdtsc(), gap = now - m->tsc, mhz = rte_get_tsc_hz() / 1000000;

	if (!m->tsc) {
		m->cpu_ns = meter_cpu_ns();
		gap = 0;
	}
	m->tsc = now;
	if (gap > mhz * METER_GAP_US) {
		uint64_t cpu = (meter_cpu_ns() - m->cpu_ns) * mhz / 1000;
		uint64_t used = cpu > m->cycles ? cpu - m->cycles : 0;

		if (used < gap)
			gap = used;
	}
	m->cycles += gap;
	return gap;
}

#endif
