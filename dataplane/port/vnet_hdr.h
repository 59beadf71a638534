/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtio-net header that the kernel puts in front of frames (AF_PACKET with PACKET_VNET_HDR,
 * TAP with IFF_VNET_HDR), to and from the offload metadata of port/port.h. Host byte order: the
 * sockets are of this machine.
 *
 * The one validator of that header: what it says is checked against the length of the frame, and
 * the parser checks again against the headers. Workers.
 */
#ifndef PORT_VNET_HDR_H
#define PORT_VNET_HDR_H

#include <stdbool.h>

#include <linux/virtio_net.h>

#include <rte_mbuf.h>

/* UDP segmentation offload; newer than the kernel headers of Debian 12. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* Sets metadata of the received frame m (complete, headers not parsed). What metadata can't express
 * is completed here: a checksum that is neither TCP's nor UDP's (SCTP), or is not where those of
 * the frame are, but further in, as in a tunnel of the tenant's own. tunnels: VXLAN is for us, and
 * metadata is that of the packets inside; the kernel sends them whole, with checksum and
 * segmentation of the inner packet left to do. Returns 0, or -EINVAL when the header does not fit
 * the frame, or asks to segment what can't be. */
int vnet_hdr_rx(const struct virtio_net_hdr *h, struct rte_mbuf *m, bool tunnels);

/* Fills h from the TX flags of m. The checksum field holds the pseudo-header sum over the frame's
 * whole length already, for GSO frames too (pkt/cksum.h). */
void vnet_hdr_tx(const struct rte_mbuf *m, struct virtio_net_hdr *h);

/* Whether this kernel's packet sockets know UDP segmentation (Linux 6.2). On an older one a
 * tenant's UDP GSO frames are lost on the way in; ethtool -K IF tx-udp-segmentation off in the
 * tenant helps. */
bool vnet_hdr_kernel_has_uso(void);

#endif
