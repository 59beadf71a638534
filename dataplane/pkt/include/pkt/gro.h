/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Joining what a sender's host cut for the underlay: segments of a TCP connection become one GSO
 * frame again, for outputs that take those and cost by the frame. The inverse of pkt/gso.h: cut
 * again, the frame gives the ones that came.
 */
#ifndef PKT_GRO_H
#define PKT_GRO_H

#include <stdint.h>

#include <rte_mbuf.h>

/* Connections that are joined at a time. */
#define PKT_GRO_FLOWS 4
/* Mbufs in one joined frame: devices have a limit of pieces. */
#define PKT_GRO_CHAIN_MAX 48

/* Joins in place what can be joined of pkts, n frames from a tunnel in the order in which they
 * came, and fills in the requests to the device (pkt_tx_offload). Returns how many frames are left.
 * Their order is that of their first segments; within one connection it is as it was. meta->joined
 * says how many more each one stands for; a frame with none is untouched. */
uint16_t pkt_gro(struct rte_mbuf **pkts, uint16_t n);

#endif
