/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reshaping chains of mbufs in place: the head stays the same mbuf, so that its meta stays.
 */
#ifndef PKT_PULLUP_H
#define PKT_PULLUP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include <pkt/parse.h>

/* True when no other mbuf refers to the data of m's first segment: it may be written. */
static inline bool pkt_owns_data(const struct rte_mbuf *m)
{
	if (RTE_MBUF_CLONED(m))
		return false;
	if (RTE_MBUF_HAS_EXTBUF(m))
		return rte_mbuf_ext_refcnt_read(m->shinfo) == 1;
	return rte_mbuf_refcnt_read(m) == 1;
}

/* Makes the first min(len, pkt_len) bytes contiguous in the first segment; len <= PKT_HDR_MAX.
 * Returns 0, -ENOMEM when that takes a buffer and mem_pools.packet is empty, or -EBUSY when m's own
 * buffer is shared with clones; then the frame is unchanged. */
int pkt_pullup(struct rte_mbuf *m, uint32_t len);

/* Makes all headers of the frame contiguous, PKT_HDR_MAX bytes; false when that fails. One compare
 * for all but odd chains. */
static inline bool pkt_headers_contiguous(struct rte_mbuf *m)
{
	return likely(m->nb_segs == 1 || m->data_len >= PKT_HDR_MAX) ||
	       pkt_pullup(m, PKT_HDR_MAX) == 0;
}

/* Cuts the frame to its first len bytes; emptied segments are freed. len <= pkt_len. */
void pkt_cut(struct rte_mbuf *m, uint32_t len);

#endif
