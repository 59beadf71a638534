/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers made contiguous, tails cut off. Called by the parser for the rare frame whose headers
 * are spread over segments, on the worker that received it. Knows nothing of protocols.
 */
#include <errno.h>
#include <string.h>

#include <core/mem.h>
#include <pkt/pullup.h>

/* Moves len bytes from the segments behind m to dst and frees those that become empty. */
static void take_from_chain(struct rte_mbuf *m, uint8_t *dst, uint32_t len)
{
	while (len > 0 && m->next) {
		struct rte_mbuf *seg = m->next;
		uint32_t n = RTE_MIN(len, (uint32_t)seg->data_len);

		memcpy(dst, rte_pktmbuf_mtod(seg, void *), n);
		dst += n;
		len -= n;
		seg->data_off += n;
		seg->data_len -= n;
		if (seg->data_len == 0) {
			m->next = seg->next;
			m->nb_segs--;
			rte_pktmbuf_free_seg(seg);
		}
	}
}

/* Gives m the buffer of a fresh mbuf in place of its own; its bytes and the chain are kept. */
static int replace_buffer(struct rte_mbuf *m)
{
	struct rte_mbuf *fresh = rte_pktmbuf_alloc(mem_pools.packet), *next = m->next;
	uint32_t pkt_len = m->pkt_len;
	uint16_t nb_segs = m->nb_segs, data_len = m->data_len, port = m->port;
	uint16_t tso_segsz = m->tso_segsz;
	uint64_t ol_flags = m->ol_flags & ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);

	if (!fresh)
		return -ENOMEM;
	/* A buffer that others refer to must stay with its own mbuf. */
	if (RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) > 1) {
		rte_pktmbuf_free(fresh);
		return -EBUSY;
	}
	memcpy(rte_pktmbuf_mtod(fresh, void *), rte_pktmbuf_mtod(m, void *), data_len);
	if (!RTE_MBUF_DIRECT(m))
		rte_pktmbuf_detach(m);
	rte_pktmbuf_attach(m, fresh);
	rte_pktmbuf_free(fresh); /* m holds the reference now */
	m->next = next;
	m->nb_segs = nb_segs;
	m->pkt_len = pkt_len;
	m->data_len = data_len;
	m->port = port;
	m->tso_segsz = tso_segsz;
	m->ol_flags |= ol_flags;
	return 0;
}

int pkt_pullup(struct rte_mbuf *m, uint32_t len)
{
	uint32_t missing;

	len = RTE_MIN(len, m->pkt_len);
	if (m->data_len >= len)
		return 0;
	missing = len - m->data_len;
	if (!pkt_owns_data(m) || rte_pktmbuf_tailroom(m) < missing) {
		int ret = replace_buffer(m);

		if (ret < 0)
			return ret;
	}
	take_from_chain(m, rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len), missing);
	m->data_len += missing;
	return 0;
}

void pkt_cut(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *seg = m;
	uint32_t left = len;
	uint16_t n = 1;

	while (left > seg->data_len && seg->next) {
		left -= seg->data_len;
		seg = seg->next;
		n++;
	}
	seg->data_len = RTE_MIN(left, (uint32_t)seg->data_len);
	if (seg->next) {
		rte_pktmbuf_free(seg->next);
		seg->next = NULL;
	}
	m->nb_segs = n;
	m->pkt_len = len;
}
