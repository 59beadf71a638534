/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet memory: the mempools that every port takes its mbufs from.
 *
 * Every mbuf carries a struct pkt_meta (pkt/meta.h) in its private area, one cache line.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include <rte_mempool.h>

#define MEM_PRIV_SIZE 64
#define MEM_DATA_SIZE 2048  /* data room of an ordinary mbuf, headroom not counted */
#define MEM_HUGE_SIZE 65280 /* data room of a huge mbuf: a whole GSO frame from a kernel port */

struct mem_pools {
	struct rte_mempool *packet;   /* MEM_DATA_SIZE */
	struct rte_mempool *huge;     /* MEM_HUGE_SIZE; few */
	struct rte_mempool *indirect; /* no data room: clones for flooding and segments */
};
extern struct mem_pools mem_pools;

/* How many huge mbufs go with so many ordinary ones. */
unsigned int mem_n_huge(unsigned int n_packets);

/* n_packets ordinary mbufs; the others follow from it. Returns 0 or -errno. */
int mem_init(unsigned int n_packets);
void mem_fini(void);

#endif
