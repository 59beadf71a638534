/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processor time of one thread in TSC cycles, at the price of reading the TSC: only a gap that may
 * be a wait for the processor costs a system call, and one every millisecond, so that the two
 * clocks don't drift apart (rte_get_tsc_hz is rounded to 10 MHz). What interrupts and the
 * hypervisor take counts as the thread's: the guest can't tell. One thread.
 */
#ifndef METER_H
#define METER_H

#include <stdint.h>
#include <time.h>

#include <rte_cycles.h>

#define METER_GAP_US  50 /* who polls for work comes more often than that */
#define METER_SYNC_US 1000

struct meter {
	uint64_t tsc;	 /* of the last call; 0: none yet */
	uint64_t cycles; /* processor time since the first */
	uint64_t waited; /* cycles of the last gap in which the thread did not run */
	uint64_t synced; /* TSC at which the processor time was cpu_ns */
	uint64_t cpu_ns;
};

static inline uint64_t meter_cycles_of_ms(uint64_t ms)
{
	return ms * rte_get_tsc_hz() / 1000;
}

static inline uint64_t meter_cycles_of_us(uint64_t us)
{
	return us * rte_get_tsc_hz() / 1000000;
}

static inline uint64_t meter_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

static inline void meter_sync(struct meter *m, uint64_t now)
{
	m->synced = now;
	m->cpu_ns = meter_cpu_ns();
}

/* Cycles since the last sync in which the thread did not run. */
static inline uint64_t meter_wait(struct meter *m, uint64_t now, uint64_t mhz)
{
	uint64_t before = m->cpu_ns, passed = now - m->synced, ran;

	meter_sync(m, now);
	ran = (m->cpu_ns - before) * mhz / 1000;
	return ran < passed ? passed - ran : 0;
}

/* Returns the processor time since the last call. */
static inline uint64_t meter_advance(struct meter *m)
{
	uint64_t now = rte_rdtsc(), gap = now - m->tsc, mhz = rte_get_tsc_hz() / 1000000;

	if (!m->tsc) {
		meter_sync(m, now);
		gap = 0;
	}
	m->tsc = now;
	m->waited = 0;
	if (gap > mhz * METER_GAP_US || now - m->synced > mhz * METER_SYNC_US) {
		uint64_t waited = meter_wait(m, now, mhz);

		m->waited = waited < gap ? waited : gap;
	}
	m->cycles += gap - m->waited;
	return gap - m->waited;
}

#endif
