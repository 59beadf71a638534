/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser: every length that a peer states is checked here against the bytes really there.
 */
#ifndef PKT_PARSE_H
#define PKT_PARSE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <pkt/meta.h>
#include <weft/addr.h>
#include <weft/drop_reason.h>

/* Headers of a frame, outer or inner, never reach further than this. */
#define PKT_HDR_MAX 256
/* IPv6 extension headers of a packet. */
#define PKT_EXT_MAX 8

/* Parses the Ethernet frame at the start of m into its meta (in_port, segment, in_vtep, outer_tos,
 * watch, trace and the flags of PKT_OF_CALLER are the caller's and kept; dest and drop are
 * cleared). Makes the headers contiguous, checks offload metadata (RX_LRO, L4_CKSUM_NONE)
 * against the frame, trims Ethernet padding. Returns 0 or the reason to drop it; then only the
 * caller's fields are valid. */
enum weft_drop pkt_parse(struct rte_mbuf *m);

/* The bytes of an IPv6 extension header of that type at p, of which two are read; 0 when it is none
 * that is passed over. */
uint32_t pkt_ext_size(unsigned int type, const uint8_t *p);

/* The protocols whose ports are where TCP has them, and are looked at. */
static inline bool pkt_has_ports(unsigned int proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		return true;
	}
	return false;
}

/* What the outer headers of a VXLAN packet say. */
struct pkt_outer {
	struct weft_addr src;
	struct weft_addr dst;
	uint32_t vni;
	uint16_t inner_off; /* of the inner frame in m */
	uint8_t tos;
};

/* Parses an uplink frame up to the VXLAN header (RFC 7348). Reserved bits are ignored, UDP checksum
 * zero or valid is accepted. Returns 0, NOT_VXLAN for anything that is not VXLAN at all (outer IPv4
 * options and IPv6 extension headers included), or the reason to drop it. Makes the headers
 * contiguous and cuts m to what the outer UDP length says, so that the inner frame can't claim
 * more. The caller moves m's start to inner_off, sets in_vtep, PKT_FROM_TUNNEL and outer_tos in the
 * meta and calls pkt_parse for the inner frame. */
enum weft_drop pkt_parse_outer(struct rte_mbuf *m, struct pkt_outer *ret);

#endif
