/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of a packet while it passes the pipeline: one cache line in the mbuf's private
 * area.
 *
 * Written by the parser (pkt/parse.h), which is the only validator: whoever comes later may trust
 * the offsets. Offsets count from rte_pktmbuf_mtod(m) of the inner frame; headers up to hdr_len are
 * contiguous in the first segment. Valid on the worker that received the packet, until it is sent.
 */
#ifndef PKT_META_H
#define PKT_META_H

#include <assert.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <core/mem.h>
#include <weft/addr.h>
#include <weft/drop_reason.h>

enum pkt_flag {
	PKT_IPV4 = 1 << 0,
	PKT_IPV6 = 1 << 1,
	PKT_ARP = 1 << 2,
	PKT_ND = 1 << 3,       /* ICMPv6 neighbour or router solicitation/advertisement, redirect */
	PKT_FRAGMENT = 1 << 4, /* any fragment */
	PKT_LATER_FRAGMENT = 1 << 5, /* not the first: no L4 header */
	PKT_DF = 1 << 6,	     /* IPv4 don't fragment; always set for IPv6 */
	PKT_CKSUM_PARTIAL = 1 << 7,  /* L4 checksum must be completed before it leaves */
	PKT_GSO = 1 << 8,   /* longer than the path: gso_size bytes of payload per segment */
	PKT_GROUP = 1 << 9, /* destination MAC is broadcast or multicast */
	PKT_BROADCAST = 1 << 10,
	PKT_FROM_TUNNEL = 1 << 11, /* came from an uplink, outer headers are gone */
	PKT_VLAN = 1 << 12,
	PKT_L4 = 1 << 13,     /* l4_off and ports are valid: pkt_has_ports, ICMP */
	PKT_TRACED = 1 << 14, /* its steps are told: trace is its number */
	/* TCP or UDP right behind an Ethernet and an IP header, all there in one piece: no tags,
	 * options, extensions, fragments, and nothing to offload. */
	PKT_PLAIN = 1 << 15,
	PKT_STATEFUL = 1 << 16, /* came into a segment of which sessions are kept */
	PKT_OF_CALLER = PKT_FROM_TUNNEL | PKT_TRACED | PKT_STATEFUL, /* the parser keeps these */
};

/* Grouped by who fills it in, so that the parser does so with few writes. */
struct pkt_meta {
	uint32_t flags;	   /* enum pkt_flag */
	uint32_t hash;	   /* of addresses, protocol and ports, symmetric not required; never 0 */
	uint16_t in_port;  /* slot */
	uint16_t in_vtep;  /* VTEP slot for PKT_FROM_TUNNEL */
	uint8_t outer_tos; /* of the tunnel header it came with */
	uint8_t pad[3];
	/* These eight bytes in this order are part of a session's key (session/track_key.h). */
	uint16_t sport;	  /* host order; ICMP: type << 8 | code */
	uint16_t dport;	  /* host order; ICMP queries: identifier */
	uint16_t segment; /* slot; the caller's */
	uint8_t l4_proto;
	uint8_t zero;
	uint16_t l3_off;
	uint16_t l4_off;
	uint16_t hdr_len; /* through the L4 header */
	uint16_t l3_len;  /* IP packet's total length as stated in its header */
	/* From here on 0 for most. */
	uint16_t ethertype; /* host order, behind a VLAN tag */
	uint8_t tos;	    /* DSCP and ECN of the inner packet */
	uint8_t drop;	    /* enum weft_drop, or 0 */
	uint16_t vlan_tci;
	uint16_t gso_size;
	uint32_t dest;	 /* dest_t (table/config.h) once decided */
	uint16_t joined; /* frames that were joined behind this one (pkt/gro.h) */
	uint8_t pad2[10];
	/* with PKT_TRACED */
	uint16_t watch; /* the filter that it passed */
	uint32_t trace;
};
static_assert(sizeof(struct pkt_meta) == 64, "one cache line");
static_assert(sizeof(struct pkt_meta) == MEM_PRIV_SIZE, "fits the private area");

static inline struct pkt_meta *pkt_meta(struct rte_mbuf *m)
{
	return (struct pkt_meta *)rte_mbuf_to_priv(m);
}

static inline const struct pkt_meta *pkt_meta_const(const struct rte_mbuf *m)
{
	return pkt_meta((struct rte_mbuf *)(uintptr_t)m);
}

#endif
