/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Internet checksums (RFC 1071): of IPv4 headers, of TCP and UDP over chained mbufs, and their
 * incremental update (RFC 1624). The pkt_l4 functions take a frame whose meta the parser has
 * filled, with PKT_L4 and not PKT_FRAGMENT. Workers; nothing here allocates.
 */
#ifndef PKT_CKSUM_H
#define PKT_CKSUM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

/* Folds a sum of 16- or 32-bit words, in memory order, to 16 bits; not complemented. */
static inline uint16_t cksum_fold(uint64_t sum)
{
	uint32_t half;

	/* Each half added to the other: the upper one gets the lower one's carry. */
	sum += sum >> 32 | sum << 32;
	half = sum >> 32;
	half += half >> 16 | half << 16;
	return half >> 16;
}

/* The sum of len bytes, len a multiple of 4, unfolded and in memory order. */
static inline uint64_t cksum_sum32(const void *data, unsigned int len)
{
	const uint8_t *p = data, *end = p + len;
	uint64_t sum = 0;
	uint32_t word;

	for (; p < end; p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	return sum;
}

/* True when the checksum of an IPv4 header of hdr_len bytes (20..60) is right. */
static inline bool cksum_ipv4_ok(const void *ip, unsigned int hdr_len)
{
	return cksum_fold(cksum_sum32(ip, hdr_len)) == 0xffff;
}

/* The same for the header without options, as straight code. */
static inline bool cksum_ipv4_plain_ok(const void *ip)
{
	uint64_t a, b;
	uint32_t c;

	memcpy(&a, ip, sizeof(a));
	memcpy(&b, (const uint8_t *)ip + 8, sizeof(b));
	memcpy(&c, (const uint8_t *)ip + 16, sizeof(c));
	/* what overflows 64 bits weighs 1, as in any one's complement sum */
	a += b;
	a += a < b;
	a += c;
	a += a < c;
	return a % 0xffff == 0 && a != 0;
}

/* Computes and stores the checksum of an IPv4 header. */
void cksum_ipv4_set(void *ip);

/* *sum is the checksum field in memory order; a word of what it covers changed from before to
 * after, both in memory order (RFC 1624 equation 3). */
static inline void cksum_update16(void *sum, uint16_t before, uint16_t after)
{
	uint16_t old;

	memcpy(&old, sum, sizeof(old));
	old = ~cksum_fold((uint64_t)(uint16_t)~old + (uint16_t)~before + after);
	memcpy(sum, &old, sizeof(old));
}

/* One hop more: the TTL of an IPv4 header, not 0, goes down by one, and the checksum with it: RFC
 * 1624 equation 3 for a word that becomes less by a constant. */
static inline void cksum_ipv4_hop(uint8_t *ip)
{
	uint16_t check;
	uint32_t sum;

	ip[8]--;
	memcpy(&check, ip + 10, sizeof(check));
	sum = (uint32_t)check + rte_cpu_to_be_16(0x0100);
	check = sum + (sum >= 0xffff);
	memcpy(ip + 10, &check, sizeof(check));
}

/* The sum of the pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1) for l4_len bytes of
 * L4 header and data; folded, not complemented, memory order. */
uint16_t cksum_pseudo(const void *ip, bool is_v6, uint8_t proto, uint32_t l4_len);

/* The sum of len bytes; folded, not complemented, memory order. */
uint16_t cksum_bytes(const void *data, uint32_t len);

/* The sum over len bytes from off of the whole chain; folded, not complemented, memory order. */
uint16_t cksum_chain(const struct rte_mbuf *m, uint32_t off, uint32_t len);

/* Completes the L4 checksum in place over the whole chain and clears PKT_CKSUM_PARTIAL. A no-op
 * for what is not TCP or UDP. */
void pkt_l4_complete(struct rte_mbuf *m);

/* Stores the pseudo-header sum in the checksum field of TCP or UDP: the form that virtio and the
 * Linux kernel take for a checksum to be completed. The length in it is the whole frame's, for GSO
 * frames too. */
void pkt_l4_store_pseudo(struct rte_mbuf *m);

/* True when the TCP, UDP or ICMPv4/v6 checksum is right (UDP over IPv4: or absent). */
bool pkt_l4_cksum_ok(const struct rte_mbuf *m);

/* Fills ol_flags, l2_len, l3_len, l4_len and tso_segsz for a port that completes checksums and, for
 * PKT_GSO, segments by itself (port/port.h), and stores the pseudo-header sum. For frames with
 * PKT_CKSUM_PARTIAL only. */
void pkt_tx_offload(struct rte_mbuf *m);

#endif
