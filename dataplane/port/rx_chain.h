/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive buffers for kernel ports, whose frames are 60 bytes or 64 kilobytes: an ordinary mbuf
 * first, and behind it a huge one that only large frames consume. Workers.
 */
#ifndef PORT_RX_CHAIN_H
#define PORT_RX_CHAIN_H

#include <sys/uio.h>

#include <rte_mbuf.h>

/* The largest frame of a kernel port: a GSO frame with its Ethernet header and a VLAN tag. */
#define RX_CHAIN_FRAME_MAX (65535 + 18)
/* Segments of the longest chain. */
#define RX_CHAIN_SEGS_MAX 40

/* A frame of exactly len bytes, not written yet. Without huge mbufs left, ordinary ones. NULL: no
 * memory. */
struct rte_mbuf *rx_chain_new(uint32_t len);
/* Fills iov with the data of each segment; returns how many (at most RX_CHAIN_SEGS_MAX). */
unsigned int rx_chain_iov(struct rte_mbuf *m, struct iovec *iov);
/* Cuts m to len bytes (1 to its length). Returns the segments that were cut off, whole, for the
 * next rx_chain_join, or NULL. */
struct rte_mbuf *rx_chain_cut(struct rte_mbuf *m, uint32_t len);
/* A fresh ordinary mbuf with rest (from rx_chain_cut, may be NULL) behind it, or what
 * rx_chain_new(RX_CHAIN_FRAME_MAX) gives. Takes rest over, also on failure (NULL). */
struct rte_mbuf *rx_chain_join(struct rte_mbuf *rest);

#endif
