/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Big-endian numbers and the Internet checksum (RFC 1071), byte by byte: this is not the packet
 * path. Private to this folder.
 */
#ifndef EXPLAIN_BYTES_H
#define EXPLAIN_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <weft/addr.h>

#define ETHER_SIZE	14
#define ETHERTYPE_IPV4	0x0800
#define ETHERTYPE_ARP	0x0806
#define ETHERTYPE_VLAN	0x8100
#define ETHERTYPE_IPV6	0x86dd
#define IPV4_SIZE	20
#define IPV6_SIZE	40
#define UDP_SIZE	8
#define ICMP6_SOLICIT	135
#define ICMP6_ADVERTISE 136

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* Destination, source, type. Returns its size. */
static inline size_t put_ether(
	uint8_t *p, const struct weft_mac *dst, const struct weft_mac *src, uint16_t type)
{
	memcpy(p, dst->b, 6);
	memcpy(p + 6, src->b, 6);
	put16(p + 12, type);
	return ETHER_SIZE;
}

/* The complement of the sum of words, from that sum on. */
uint16_t bytes_checksum(const uint8_t *p, size_t n, uint32_t sum);
/* Fills in the checksum of n bytes of a protocol behind the IPv4 or IPv6 header ip, where it has
 * one that is known here. */
void bytes_l4_checksum(const uint8_t *ip, uint8_t *l4, size_t n, uint8_t protocol);

#endif
