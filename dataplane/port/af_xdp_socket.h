/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One AF_XDP socket on one queue of an interface: its memory, its rings, frames in and out. Knows
 * mbufs, but neither ports nor XDP programs.
 *
 * rx by one thread at a time, tx by one thread at a time; the two may differ. The rest: main
 * thread.
 */
#ifndef PORT_AF_XDP_SOCKET_H
#define PORT_AF_XDP_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

struct xdp_socket;

/* Returns 0 or -errno: -EBUSY while the kernel still tears down an earlier socket of the queue. */
int xdp_socket_open(const char *device, uint32_t queue, struct xdp_socket **ret);
/* Accepts NULL. */
void xdp_socket_close(struct xdp_socket *s);
/* For the socket map; owned by the socket. */
int xdp_socket_fd(const struct xdp_socket *s);
/* False once its interface was deleted or left the namespace. */
bool xdp_socket_is_bound(const struct xdp_socket *s);
/* Frames that the kernel dropped for want of room, since the last call. */
uint64_t xdp_socket_lost(struct xdp_socket *s);
/* Whether frames may be longer than one buffer; and the longest frame, Ethernet header included. */
bool xdp_socket_multi_buffer(const struct xdp_socket *s);
uint32_t xdp_socket_frame_max(const struct xdp_socket *s);

/* As port_ops.rx and tx. */
uint16_t xdp_socket_rx(struct xdp_socket *s, struct rte_mbuf **pkts, uint16_t n);
uint16_t xdp_socket_tx(struct xdp_socket *s, struct rte_mbuf **pkts, uint16_t n);

#endif
