/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 fragmentation (RFC 791) of frames that are longer than their path.
 */
#ifndef PKT_FRAG_H
#define PKT_FRAG_H

#include <stdint.h>

#include <rte_mbuf.h>

#include <pkt/meta.h>

#define PKT_FRAGS_MAX 128

/* Cuts m (IPv4 without DF, checksums complete; may be a fragment itself) into frames whose IP
 * packets are at most mtu bytes long. Returns their number (2..max) with m freed and meta set for
 * each; headers and payload as pkt_gso makes them. Or -E2BIG (more than max) or -ENOMEM, with m
 * untouched. */
int pkt_fragment(struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf **out, uint16_t max);

#endif
