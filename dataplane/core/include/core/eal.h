/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starting DPDK's EAL, and giving up the privileges that are not needed before that.
 */
#ifndef CORE_EAL_H
#define CORE_EAL_H

#include <stdbool.h>

#include <core/options.h>

/* The lcore that runs a worker; lcore 0 is the main thread's. */
static inline unsigned int eal_lcore_of_worker(unsigned int worker)
{
	return worker + 1;
}

/* Becomes opt->user and gives up all capabilities that no port kind needs. Before eal_start, while
 * there is one thread: capabilities belong to threads. Returns 0 or -errno; says why. */
int eal_drop_privileges(const struct options *opt);

/* Starts EAL with one lcore for each worker. Says what to do when there are no hugepages. Returns 0
 * or -errno; says why. */
int eal_start(const struct options *opt);
void eal_stop(void);

/* Bytes of hugepages in use; 0: running without. */
unsigned long eal_hugepage_bytes(void);

#endif
