/* SPDX-License-Identifier: BSD-3-Clause */
/* See rx_chain.h. */
#include <core/mem.h>

#include "rx_chain.h"

/* Up to here a chain of ordinary mbufs is cheaper than one of the few huge ones. */
#define HUGE_FROM (8 * MEM_DATA_SIZE)

_Static_assert(MEM_DATA_SIZE + MEM_HUGE_SIZE >= RX_CHAIN_FRAME_MAX, "ordinary and huge hold any");
_Static_assert(RX_CHAIN_SEGS_MAX *MEM_DATA_SIZE >= RX_CHAIN_FRAME_MAX, "ordinary ones hold any");

static void append(struct rte_mbuf *head, struct rte_mbuf *tail, struct rte_mbuf *seg, uint16_t len)
{
	seg->data_len = len;
	if (head == seg)
		return;
	tail->next = seg;
	head->nb_segs++;
}

struct rte_mbuf *rx_chain_new(uint32_t len)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(mem_pools.packet), *tail = head, *seg = head;
	uint32_t left = len, room = MEM_DATA_SIZE;

	if (unlikely(!head))
		return NULL;
	head->pkt_len = len;
	for (;;) {
		uint32_t take = RTE_MIN(left, room);

		append(head, tail, seg, take);
		tail = seg;
		left -= take;
		if (left == 0)
			return head;
		room = MEM_HUGE_SIZE;
		seg = left >= HUGE_FROM ? rte_pktmbuf_alloc(mem_pools.huge) : NULL;
		if (!seg) {
			room = MEM_DATA_SIZE;
			seg = rte_pktmbuf_alloc(mem_pools.packet);
		}
		if (unlikely(!seg)) {
			rte_pktmbuf_free(head);
			return NULL;
		}
	}
}

unsigned int rx_chain_iov(struct rte_mbuf *m, struct iovec *iov)
{
	unsigned int n = 0;

	for (; m && n < RX_CHAIN_SEGS_MAX; m = m->next) {
		iov[n].iov_base = rte_pktmbuf_mtod(m, void *);
		iov[n++].iov_len = m->data_len;
	}
	return n;
}

struct rte_mbuf *rx_chain_cut(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *seg = m, *rest;
	uint32_t left = len, cut = m->pkt_len;
	uint16_t n_segs = 1;

	while (left > seg->data_len) {
		left -= seg->data_len;
		cut -= seg->data_len;
		seg = seg->next;
		n_segs++;
	}
	cut -= seg->data_len;
	rest = seg->next;
	if (rest) {
		rest->nb_segs = m->nb_segs - n_segs;
		rest->pkt_len = cut;
	}
	seg->next = NULL;
	seg->data_len = left;
	m->nb_segs = n_segs;
	m->pkt_len = len;
	return rest;
}

struct rte_mbuf *rx_chain_join(struct rte_mbuf *rest)
{
	struct rte_mbuf *head;

	if (!rest)
		return rx_chain_new(RX_CHAIN_FRAME_MAX);
	if (rest->pkt_len + MEM_DATA_SIZE < RX_CHAIN_FRAME_MAX) {
		/* a large frame took a part of it */
		rte_pktmbuf_free(rest);
		return rx_chain_new(RX_CHAIN_FRAME_MAX);
	}
	head = rte_pktmbuf_alloc(mem_pools.packet);
	if (unlikely(!head)) {
		rte_pktmbuf_free(rest);
		return NULL;
	}
	head->data_len = MEM_DATA_SIZE;
	head->pkt_len = MEM_DATA_SIZE + rest->pkt_len;
	head->nb_segs = 1 + rest->nb_segs;
	head->next = rest;
	return head;
}
