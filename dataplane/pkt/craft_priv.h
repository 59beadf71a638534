/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the crafting of answers shares (craft.c has it): headers, addresses, who may be answered.
 * Private to this folder. Workers.
 */
#ifndef PKT_CRAFT_PRIV_H
#define PKT_CRAFT_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include <pkt/meta.h>
#include <weft/addr.h>

#define CRAFT_TTL 64

/* The parser fills the meta of what was made here; it finds no fault with it. */
void craft_finish(struct rte_mbuf *m);
/* dst and src may lie in the frame. */
void craft_set_macs(struct rte_mbuf *m, const uint8_t *dst, const uint8_t *src);
/* IP headers without options, at ip; addresses as on the wire, lengths of what is behind. */
void craft_ipv4(uint8_t *ip, uint8_t proto, uint16_t payload, uint8_t tos, const uint8_t *src,
	const uint8_t *dst);
void craft_ipv6(uint8_t *ip, uint8_t proto, uint16_t payload, uint8_t hops, const uint8_t *src,
	const uint8_t *dst);
/* Computes and stores the checksum of ICMPv6, TCP or UDP at l4, field_off bytes into it. */
void craft_l4_cksum(
	uint8_t *ip, bool is_v6, uint8_t proto, uint8_t *l4, uint32_t len, uint32_t field_off);

/* A MAC that may be the source of an answer. */
bool craft_sent_to_host(const struct rte_mbuf *m, const struct pkt_meta *meta);
/* IP from one host to one host, with addresses that answers can have (RFC 1122 section 3.2.2). */
bool craft_between_hosts(const struct pkt_meta *meta, const uint8_t *ip);

/* A new frame to the sender of m with payload bytes behind the IP header, which is filled; from
 * NULL: as from m's destination. NULL: no mbuf left. payload fits an mbuf. */
struct rte_mbuf *craft_new(const struct rte_mbuf *m, const struct weft_addr *from, uint8_t proto,
	uint16_t payload, uint8_t tos);

static inline uint32_t craft_ip_size(bool is_v6)
{
	return is_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
}

#endif
