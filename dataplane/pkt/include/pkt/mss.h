/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MSS option of TCP SYNs made to fit a path, for hosts that never see the ICMP of path MTU
 * discovery. Workers.
 */
#ifndef PKT_MSS_H
#define PKT_MSS_H

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

#include <rte_mbuf.h>

#include <pkt/meta.h>

/* For a parsed frame. */
static inline bool pkt_is_syn(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return (meta->flags & PKT_L4) && meta->l4_proto == IPPROTO_TCP &&
	       (rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l4_off)[13] & 0x02);
}

/* Lowers the MSS that m, a SYN, announces (RFC 9293 section 3.2) to mss; a smaller one and a SYN
 * without the option stay. The checksum follows, a partial one has nothing to follow. */
void pkt_clamp_mss(struct rte_mbuf *m, uint16_t mss);

#endif
