/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest memory that its owner takes away (guest_memory.h).
 *
 * The handler may use only what is safe in a signal: it reads a table of fixed size and calls mmap,
 * a bare system call. A region is unmapped only when no worker is inside it (vhost_user.c), so the
 * entry that a fault belongs to does not change under the handler.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <rte_common.h>
#include <rte_vhost.h>

#include "guest_memory.h"

#define REGIONS_MAX 8 /* of a device: the library's limit */

struct region {
	_Atomic uintptr_t addr;
	_Atomic size_t size; /* 0: none */
};

struct guest {
	struct region regions[REGIONS_MAX];
	_Atomic bool lost;
};

static struct guest guests[RTE_MAX_VHOST_DEVICE];
static struct sigaction previous;

static bool region_replace(struct guest *g, uintptr_t fault)
{
	const int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	for (unsigned int i = 0; i < REGIONS_MAX; i++) {
		uintptr_t addr = g->regions[i].addr;
		size_t size = g->regions[i].size;

		if (fault - addr >= size)
			continue;
		if (mmap((void *)addr, size, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
			return false;
		g->lost = true;
		return true;
	}
	return false;
}

/* Not guest memory: the instruction faults again under the previous handler. */
static void on_sigbus(int number, siginfo_t *info, void *context)
{
	for (unsigned int vid = 0; vid < RTE_MAX_VHOST_DEVICE; vid++)
		if (region_replace(&guests[vid], (uintptr_t)info->si_addr))
			return;
	sigaction(SIGBUS, &previous, NULL);
}

void guest_memory_init(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO}, now;

	if (sigaction(SIGBUS, NULL, &now) < 0 || now.sa_sigaction == on_sigbus)
		return;
	previous = now;
	sigaction(SIGBUS, &action, NULL);
}

void guest_memory_clear(int vid)
{
	for (unsigned int i = 0; i < REGIONS_MAX; i++)
		guests[vid].regions[i].size = 0;
	guests[vid].lost = false;
}

void guest_memory_set(int vid)
{
	struct rte_vhost_memory *mem;

	guest_memory_clear(vid);
	if (rte_vhost_get_mem_table(vid, &mem) < 0)
		return;
	for (unsigned int i = 0; i < RTE_MIN(mem->nregions, (uint32_t)REGIONS_MAX); i++) {
		guests[vid].regions[i].addr = (uintptr_t)mem->regions[i].mmap_addr;
		guests[vid].regions[i].size = mem->regions[i].mmap_size;
	}
	free(mem);
}

bool guest_memory_is_lost(int vid)
{
	return guests[vid].lost;
}
