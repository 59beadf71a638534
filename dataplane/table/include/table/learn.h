/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MAC learning: workers tell what they saw, the main thread decides and writes the FDB.
 *
 * The queue is bounded (a ring) and each port has a token bucket at the worker, so that a MAC storm
 * costs bystanders nothing; what does not fit is refused and counted (learn_refused). Quotas per
 * port and per segment, move limits and ageing are applied on the main thread.
 */
#ifndef TABLE_LEARN_H
#define TABLE_LEARN_H

#include <stdbool.h>
#include <stdint.h>

#include <table/config.h>

struct learn_event {
	struct fdb_key key;
	dest_t dest;
	uint64_t generation;
};

/* Returns 0 or -ENOMEM. Main thread. */
int learn_init(void);
void learn_fini(void);

/* Any worker. False: the queue is full. */
bool learn_post(const struct learn_event *e);

/* Main thread: takes up to max events and writes the FDB. Returns how many were taken. now_s is the
 * coarse clock (core/clock.h). */
unsigned int learn_process(unsigned int max, uint32_t now_s);
/* Main thread: ends learned entries not seen for their segment's ageing time, a bounded number of
 * entries per call (no full scan). */
void learn_age(uint32_t now_s);

#endif
