/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tunnels: remote VTEPs by slot, with their outer headers ready made.
 *
 * Written by the data plane alone: seq odd, then the rest, then seq even and another number, as in
 * session.h. The bytes are those of the data plane's own encapsulation (dataplane/tunnel/vxlan.c),
 * so that both paths send the same.
 */
#ifndef WEFT_BPF_TUNNEL_H
#define WEFT_BPF_TUNNEL_H

#include <linux/types.h>

#include <weft_bpf/uplink.h>

#define WEFT_BPF_TUNNELS_MAP "weft_tunnels"

#define WEFT_BPF_OUTER_V4 50 /* Ethernet, IPv4, UDP, VXLAN */
#define WEFT_BPF_OUTER_V6 70

enum weft_bpf_tunnel_flag {
	WEFT_BPF_TUNNEL_V6 = 1 << 0,
	WEFT_BPF_TUNNEL_DSCP_COPY = 1 << 1, /* the inner DSCP, not dscp */
	/* weft_deliver runs on the uplink: XDP may leave frames to it. Set by the data plane once
	 * it is told so, cleared before the program is taken off. */
	WEFT_BPF_TUNNEL_DELIVER = 1 << 2,
};

/* weft_tunnels, by VTEP slot. */
struct weft_bpf_tunnel {
	__u32 seq;
	__u32 uplink_ifindex;	     /* where it goes out and what it brings comes in; 0: none */
	struct weft_bpf_addr local;  /* the outer addresses: packets out of this tunnel come from */
	struct weft_bpf_addr remote; /* remote to local, by that uplink */
	__u8 flags;		     /* enum weft_bpf_tunnel_flag */
	__u8 dscp;		     /* of the outer header, in the upper six bits */
	__u16 ip_cksum; /* IPv4: one's complement sum of the header with length and TOS zero */
	__u32 pad;
	/* Length, TOS, checksum, flow label, source port and VNI are filled in per packet. */
	__u8 hdr[WEFT_BPF_OUTER_V6] __attribute__((aligned(8)));
	__u8 pad2[10];
};
_Static_assert(sizeof(struct weft_bpf_tunnel) == 128, "two lines");

#endif
