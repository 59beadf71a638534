/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet memory. Main thread only; workers take from the pools through DPDK's per-lcore caches.
 */
#include <errno.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <core/mem.h>

#define MEM_CACHE     256
#define MEM_HUGE_PART 64 /* one huge mbuf for so many ordinary ones */
#define MEM_HUGE_MIN  64u
#define MEM_HUGE_MAX  2048u

struct mem_pools mem_pools;

static_assert(MEM_DATA_SIZE + RTE_PKTMBUF_HEADROOM <= UINT16_MAX, "data room is 16 bits wide");
static_assert(MEM_HUGE_SIZE + RTE_PKTMBUF_HEADROOM <= UINT16_MAX, "data room is 16 bits wide");

/* A cache may hold back up to 1.5 times its size for each lcore; small pools go without one. */
static unsigned int mem_cache_for(unsigned int n)
{
	unsigned int per_lcore = n / (4 * rte_lcore_count());

	return RTE_MIN(per_lcore, (unsigned int)MEM_CACHE);
}

static struct rte_mempool *mem_pool_new(const char *name, unsigned int n, uint16_t data_size)
{
	return rte_pktmbuf_pool_create(name, n, mem_cache_for(n), MEM_PRIV_SIZE,
		data_size ? data_size + RTE_PKTMBUF_HEADROOM : 0, SOCKET_ID_ANY);
}

unsigned int mem_n_huge(unsigned int n_packets)
{
	unsigned int n = n_packets / MEM_HUGE_PART;

	if (n < MEM_HUGE_MIN)
		return MEM_HUGE_MIN;
	return n > MEM_HUGE_MAX ? MEM_HUGE_MAX : n;
}

int mem_init(unsigned int n_packets)
{
	int r;

	mem_pools.packet = mem_pool_new("packet", n_packets, MEM_DATA_SIZE);
	mem_pools.huge = mem_pool_new("huge", mem_n_huge(n_packets), MEM_HUGE_SIZE);
	mem_pools.indirect = mem_pool_new("indirect", n_packets, 0);
	if (mem_pools.packet && mem_pools.huge && mem_pools.indirect)
		return 0;
	r = rte_errno ? -rte_errno : -ENOMEM;
	mem_fini();
	return r;
}

void mem_fini(void)
{
	rte_mempool_free(mem_pools.packet);
	rte_mempool_free(mem_pools.huge);
	rte_mempool_free(mem_pools.indirect);
	mem_pools = (struct mem_pools){0};
}
