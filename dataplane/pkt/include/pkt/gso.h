/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Software segmentation of GSO frames (TCP and UDP over IPv4 and IPv6), for outputs that do not
 * segment by themselves: tunnels above all.
 */
#ifndef PKT_GSO_H
#define PKT_GSO_H

#include <stdint.h>

#include <rte_mbuf.h>

#include <pkt/meta.h>

/* The parser refuses frames that would become more segments: 64 KiB in steps of 512 bytes. */
#define PKT_GSO_SEGS_MAX 128

enum pkt_gso_flag {
	PKT_GSO_CKSUM_PARTIAL = 1 << 0, /* leave PKT_CKSUM_PARTIAL, pseudo-header sum in place */
	PKT_GSO_LINEAR = 1 << 1, /* copy payload: one mbuf per segment where it fits in one */
};

/* Cuts m (PKT_GSO in its meta) into frames of meta->gso_size bytes of payload, the last one
 * shorter. Returns their number (2..max) with m freed and meta set for each: PKT_GSO gone, headers
 * in an mbuf of mem_pools.packet with its full headroom, payload chained behind by reference
 * (mem_pools.indirect) or copied. Or -E2BIG (more than max) or -ENOMEM, with m untouched. */
int pkt_gso(struct rte_mbuf *m, struct rte_mbuf **out, uint16_t max, unsigned int flags);

/* The number of segments that pkt_gso makes of it. */
uint16_t pkt_gso_count(const struct rte_mbuf *m, const struct pkt_meta *meta);

/* The largest IP packet that goes out for this frame: its segments' size for PKT_GSO. */
static inline uint16_t pkt_l3_max(const struct pkt_meta *meta)
{
	return meta->flags & PKT_GSO ? meta->hdr_len - meta->l3_off + meta->gso_size : meta->l3_len;
}

#endif
