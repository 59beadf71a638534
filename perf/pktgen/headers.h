/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The headers that a stream's packets have in common, ready to copy, and where in them flows
 * differ. Everything in network byte order. Knows no mbufs.
 */
#ifndef PKTGEN_HEADERS_H
#define PKTGEN_HEADERS_H

#include <stdint.h>

#include "profile.h"

/* VXLAN over IPv6 around IPv6 and TCP: 14 + 40 + 8 + 8 + 14 + 40 + 20. In whole cache lines. */
#define HEADERS_MAX	  192
#define HEADERS_VXLAN_UDP 4789

/* Offsets into the frame; an address's is that of its last 4 bytes, a MAC's too. Outer ones are 0
 * when there is no tunnel, ip_sum when there is none (IPv6). */
struct headers_layout {
	uint16_t size; /* all headers */
	uint16_t l2, l3, l4;
	uint16_t src_ip, dst_ip, ip_sum, l4_sum;
	uint16_t ports; /* both; ICMP: identifier and sequence number */
	uint16_t src_mac, dst_mac;
	uint16_t outer_src_ip, outer_ip_sum, outer_src_port, vni;
};

/* For frames of one size. */
struct headers {
	uint8_t bytes[HEADERS_MAX];
	uint16_t frame_size; /* with the tunnel */
	/* Sums of what is covered (RFC 1071), in memory order, folded, not complemented, with zeros
	 * for the flow's addresses and ports: a packet's checksum is the complement of this and its
	 * flow's sum. */
	uint16_t ip_sum, l4_sum, outer_ip_sum;
};

/* Folds to 16 bits. */
static inline uint16_t headers_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The sum of n bytes at p in memory order, folded. */
uint16_t headers_sum(const void *p, uint32_t n);

void headers_layout(const struct stream_spec *s, struct headers_layout *ret);
/* Builds the headers of a frame of size bytes before encapsulation, whose payload sums up to zero,
 * with zeros where flows differ (MACs: where each address has its own). TCP flags are those of data
 * packets. */
void headers_build(const struct stream_spec *s, const struct headers_layout *l, uint32_t size,
	struct headers *ret);

#endif
