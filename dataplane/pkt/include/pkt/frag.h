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

/* Cuts m (IPv4 without DF, not GSO; may be a fragment itself) into frames whose IP packets are at
 * most mtu bytes long; a partial checksum is completed first. Returns their number (1..max) with m
 * freed and meta set for each: in_port, segment, in_vtep, PKT_FROM_TUNNEL and outer_tos are m's,
 * all else is as pkt_parse fills it; headers in an mbuf of mem_pools.packet with its full headroom,
 * payload by reference. Or -E2BIG (more than max, or mtu leaves no room for the headers), -ENOTSUP
 * (DF) or -ENOMEM, with m still the caller's. */
int pkt_fragment(struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf **out, uint16_t max);

#endif
