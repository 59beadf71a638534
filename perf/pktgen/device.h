/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's EAL with the devices of a profile, and their queues.
 */
#ifndef PKTGEN_DEVICE_H
#define PKTGEN_DEVICE_H

#include "gen.h"

#define DEVICE_EAL_MAX 16

struct device_options {
	int core;	    /* CPU to run on; -1: the last one that may be used */
	uint32_t memory_mb; /* 0: as needed; without hugepages 1024 */
	bool no_huge;
	uint32_t n_eal;
	const char *eal[DEVICE_EAL_MAX]; /* passed on to EAL */
};

/* Starts EAL, with the profile's devices. Returns 0 or a negative error; says why. */
int device_start_eal(const struct profile *p, const struct device_options *opt);
/* Configures and starts the devices as g's ports. The same errors. */
int device_open(struct gen *g);
/* Waits until all links are up, at most so many seconds. Returns 0, -ETIMEDOUT or -EINTR. */
int device_wait(const struct gen *g, double seconds);
void device_close(struct gen *g);

#endif
