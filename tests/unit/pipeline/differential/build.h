/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames built and read by naive code, for the generator and the oracle alike: it shares nothing
 * with the data plane.
 */
#ifndef BUILD_H
#define BUILD_H

#include "scenario.h"

/* An IP packet in its Ethernet frame. Zero: TTL 64, no tag, not a fragment. */
struct packet {
	struct weft_mac dmac, smac;
	struct weft_addr src, dst; /* of one family */
	uint16_t vlan;		   /* TCI, 0: no tag */
	uint8_t proto;
	uint8_t ttl;
	bool no_ttl; /* it is 0 */
	uint8_t tos;
	uint16_t id;
	bool df;
	bool fragment, more;
	uint16_t offset;  /* bytes */
	uint8_t n_ext;	  /* IPv6: destination options in front */
	uint8_t ext_type; /* 0: hop by hop first */
	const uint8_t *l4;
	uint32_t l4_len;
};

void set16(uint8_t *p, uint16_t v);
void set32(uint8_t *p, uint32_t v);
uint16_t read16(const uint8_t *p);
uint32_t read32(const uint8_t *p);
/* RFC 1071; complemented. start: what was summed already. */
uint16_t naive_sum(const uint8_t *b, uint32_t len, uint32_t start);
/* Of the ICMP or TCP message at l4 behind the IP header at ip. */
void naive_l4_sum(uint8_t *ip, uint8_t proto, uint8_t *l4, uint32_t len, unsigned int field);
/* Returns the frame's length. */
uint32_t build_packet(uint8_t *b, const struct packet *p);
/* VXLAN over IPv4 around inner, which is moved. */
#define OUTER 50
uint32_t build_outer(uint8_t *b, uint32_t len, const struct weft_addr *src,
	const struct weft_addr *dst, const struct weft_mac *dmac, const struct weft_mac *smac,
	uint32_t vni);

#endif
