/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strict reading of ARP (RFC 826, RFC 5227) after the parser, for anti-spoofing and for answers.
 */
#ifndef PKT_ARP_H
#define PKT_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <weft/addr.h>

enum arp_op {
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
};

struct arp_info {
	uint8_t op; /* enum arp_op */
	bool probe; /* sender address 0.0.0.0: asks whether the target is in use (RFC 5227) */
	bool announcement; /* sender and target address are the same (gratuitous) */
	struct weft_mac sender_mac;
	struct weft_mac target_mac; /* of a request: anything */
	struct weft_addr sender;
	struct weft_addr target;
};

/* Reads a frame with PKT_ARP. False, with ret untouched, for what is not a request or reply for
 * IPv4 over Ethernet, or has a sender MAC that is zero or a group address. */
bool arp_parse(const struct rte_mbuf *m, struct arp_info *ret);

#endif
