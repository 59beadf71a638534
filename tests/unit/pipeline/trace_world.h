/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host with routing, policy, quotas, local services and tunnels, and random packets for it.
 */
#ifndef TRACE_WORLD_H
#define TRACE_WORLD_H

#include <stdint.h>

#include <table/config.h>

#define WORLD_UPLINK 9 /* ports 1..3 in segment 100, 4 and 5 in 101, 6 and 7 in 200 */
#define WORLD_FRAME  2048

uint32_t roll(uint32_t n);
/* The fixed part; nothing is committed before. */
const struct config *world_build(void);
/* Other rules, routes and quotas, as the next generation. */
const struct config *world_change(void);
/* A frame that comes in by that port, 1..9 but 8, in b (WORLD_FRAME); returns its length. */
unsigned int world_frame(uint32_t port, uint8_t *b);

#endif
