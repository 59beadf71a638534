/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers that are random enough for traffic and the same for the same seed (splitmix64).
 */
#ifndef PKTGEN_RANDOM_H
#define PKTGEN_RANDOM_H

#include <stdint.h>

static inline uint64_t random_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline uint64_t random_next(uint64_t *state)
{
	return random_mix(*state += 0x9e3779b97f4a7c15ull);
}

/* 0..n - 1 from 32 random bits, without division. */
static inline uint32_t random_below(uint32_t bits, uint32_t n)
{
	return (uint64_t)bits * n >> 32;
}

#endif
