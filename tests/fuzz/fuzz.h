/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a fuzz target provides and may use. A target program run with "--seeds DIR" writes its
 * seeds there; otherwise it is a libFuzzer program. See meson.build for how to add one.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Provided by the target. EAL runs when fuzz_start is called; 0: ready. */
int fuzz_start(void);
void fuzz_one(const uint8_t *data, size_t size);
void fuzz_seeds(void); /* calls fuzz_seed */

void fuzz_seed(const void *data, size_t size);

/* Stays when assertions are compiled out. */
static inline void fuzz_check(int holds)
{
	if (!holds)
		abort();
}

#endif
