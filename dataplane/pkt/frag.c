/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 fragmentation by librte_ip_frag, which works on bare IP packets: the Ethernet header is put
 * back, and the parser fills the meta and brings the L4 header of the first fragment next to its
 * IP header. Workers.
 */
#include <errno.h>

#include <rte_ip_frag.h>

#include <core/mem.h>
#include <pkt/cksum.h>
#include <pkt/frag.h>
#include <pkt/meta.h>
#include <pkt/parse.h>

/* The library cuts at multiples of 8 bytes and refuses an output array that can't hold all. */
static int fragment_bare(struct rte_mbuf *m, struct rte_mbuf **out, uint16_t max, uint16_t mtu)
{
	int n = rte_ipv4_fragment_packet(m, out, max, mtu, mem_pools.packet, mem_pools.indirect);

	return n == -EINVAL ? -E2BIG : n;
}

static enum weft_drop finish(struct rte_mbuf *out, const struct pkt_meta *whole, const uint8_t *l2)
{
	struct pkt_meta *meta = pkt_meta(out);
	char *frame;

	cksum_ipv4_set(rte_pktmbuf_mtod(out, void *));
	frame = rte_pktmbuf_prepend(out, whole->l3_off);
	memcpy(frame, l2, whole->l3_off);
	*meta = *whole;
	out->ol_flags = 0;
	return pkt_parse(out);
}

int pkt_fragment(struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf **out, uint16_t max)
{
	const struct pkt_meta meta = *pkt_meta(m);
	uint8_t l2[PKT_HDR_MAX];
	int n;

	if (meta.flags & PKT_CKSUM_PARTIAL)
		pkt_l4_complete(m);
	memcpy(l2, rte_pktmbuf_mtod(m, void *), meta.l3_off);
	rte_pktmbuf_adj(m, meta.l3_off);
	n = fragment_bare(m, out, max, mtu);
	if (n < 0) {
		rte_pktmbuf_prepend(m, meta.l3_off);
		return n;
	}
	for (int i = 0; i < n; i++) {
		enum weft_drop drop = finish(out[i], &meta, l2);

		if (drop == 0)
			continue;
		rte_pktmbuf_free_bulk(out, n);
		rte_pktmbuf_prepend(m, meta.l3_off);
		/* Otherwise mtu leaves no room for the L4 header in the first fragment. */
		return drop == WEFT_DROP_NO_MBUF ? -ENOMEM : -E2BIG;
	}
	rte_pktmbuf_free(m);
	return n;
}
