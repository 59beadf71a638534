/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rounds that took long: the time in which a worker looked at none of its queues. Private to this
 * folder. Workers, each with its own statistics.
 */
#ifndef PIPELINE_ROUNDS_H
#define PIPELINE_ROUNDS_H

#include <stdint.h>

#include <weft/stats.h>

/* cycles is least, that of WEFT_LONG_ROUND_US, or more. */
static inline void rounds_count_long(struct weft_worker_stats *s, uint64_t cycles, uint64_t least)
{
	unsigned int of_four = (63 - __builtin_clzll(cycles / least)) / 2;

	if (cycles > s->longest_round_cycles)
		s->longest_round_cycles = cycles;
	s->long_round_cycles += cycles;
	s->long_rounds[of_four < WEFT_LONG_ROUNDS ? of_four : WEFT_LONG_ROUNDS - 1]++;
}

#endif
