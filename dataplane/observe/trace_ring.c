/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings of trace records (observe/trace_ring.h).
 */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <observe/trace_ring.h>
#include <weft/limits.h>

#define RING_PLACES (TRACE_RING_SIZE + 1)

static_assert(sizeof(struct weft_trace_record) % 4 == 0, "element of an rte_ring");

static struct {
	struct rte_ring *ring;
	_Atomic uint64_t lost; /* written by the worker */
} rings[WEFT_MAX_WORKERS];
static unsigned int n_rings;

static struct rte_ring *ring_new(void)
{
	ssize_t size = rte_ring_get_memsize_elem(sizeof(struct weft_trace_record), RING_PLACES);
	struct rte_ring *r =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));

	if (!r)
		return NULL;
	if (rte_ring_init(r, "trace", RING_PLACES, RING_F_SP_ENQ | RING_F_SC_DEQ) == 0)
		return r;
	free(r);
	return NULL;
}

int trace_ring_init(unsigned int n)
{
	for (n_rings = 0; n_rings < n; n_rings++) {
		rings[n_rings].lost = 0;
		rings[n_rings].ring = ring_new();
		if (!rings[n_rings].ring) {
			trace_ring_fini();
			return -ENOMEM;
		}
	}
	return 0;
}

void trace_ring_fini(void)
{
	while (n_rings > 0)
		free(rings[--n_rings].ring);
}

void trace_ring_put(unsigned int worker, const struct weft_trace_record *r)
{
	_Atomic uint64_t *lost = &rings[worker].lost;

	if (rte_ring_sp_enqueue_elem(rings[worker].ring, (void *)(uintptr_t)r, sizeof(*r)) < 0)
		atomic_store_explicit(lost, atomic_load_explicit(lost, memory_order_relaxed) + 1,
			memory_order_relaxed);
}

unsigned int trace_ring_take(unsigned int worker, struct weft_trace_record *ret, unsigned int max)
{
	return rte_ring_sc_dequeue_burst_elem(rings[worker].ring, ret, sizeof(*ret), max, NULL);
}

unsigned int trace_ring_n_workers(void)
{
	return n_rings;
}

uint64_t trace_ring_lost(void)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < n_rings; i++)
		n += atomic_load_explicit(&rings[i].lost, memory_order_relaxed);
	return n;
}
