/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When packets are due: a schedule by the time stamp counter, without division and without an error
 * that adds up. What was missed by more than a bounded burst is given up and counted.
 */
#ifndef PKTGEN_PACE_H
#define PKTGEN_PACE_H

#include <stdint.h>

struct pace {
	uint64_t start;
	uint64_t step; /* packets per cycle, in units of 2^-56 */
	uint64_t done; /* taken or given up */
	uint64_t missed;
	uint32_t burst; /* the most that may be due at once */
	uint32_t batch; /* the least that is worth sending */
};

/* rate: packets per second, below 2^56 / hz. Batches never wait for longer than 2 us. */
static inline void pace_init(
	struct pace *p, double rate, uint64_t hz, uint32_t burst, uint64_t start)
{
	double batch = rate * 2e-6, credit = rate * 100e-6;

	*p = (struct pace){.start = start,
		.step = rate / hz * (1ull << 56),
		.burst = credit > burst ? credit : burst,
		.batch = batch > burst ? burst
			 : batch > 1   ? batch
				       : 1};
}

/* Packets that are due now. */
static inline uint32_t pace_due(struct pace *p, uint64_t now)
{
	uint64_t total = (unsigned __int128)(now - p->start) * p->step >> 56;
	uint64_t due = total - p->done;

	if (due > p->burst) {
		p->missed += due - p->burst;
		p->done += due - p->burst;
		due = p->burst;
	}
	return due >= p->batch ? due : 0;
}

#endif
