/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strict reading of IPv6 neighbour discovery (RFC 4861) after the parser, for anti-spoofing and
 * for answers.
 */
#ifndef PKT_ND_H
#define PKT_ND_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <weft/addr.h>

enum nd_type {
	ND_ROUTER_SOLICIT = 133,
	ND_ROUTER_ADVERT = 134,
	ND_NEIGHBOUR_SOLICIT = 135,
	ND_NEIGHBOUR_ADVERT = 136,
	ND_REDIRECT = 137,
};

enum {
	ND_OPT_SOURCE_LLADDR = 1,
	ND_OPT_TARGET_LLADDR = 2,
	/* flags of an advertisement */
	ND_FLAG_ROUTER = 0x80,
	ND_FLAG_SOLICITED = 0x40,
	ND_FLAG_OVERRIDE = 0x20,
};

struct nd_info {
	uint8_t type; /* enum nd_type */
	bool dad;     /* solicitation from ::, asks whether the target is in use (RFC 4862) */
	bool router, solicited, override; /* flags of a neighbour advertisement */
	bool has_mac;	      /* the link-layer address option that belongs to the type is there */
	struct weft_mac mac;  /* it: source's (RS, RA, NS) or target's (NA, redirect) */
	struct weft_addr src; /* of the IPv6 header */
	struct weft_addr dst;
	struct weft_addr target; /* NS, NA, redirect */
};

/* Reads a frame with PKT_ND. False, with ret untouched, unless it passes every validity check of
 * RFC 4861 (sections 6.1, 7.1, 8.1: hop limit, checksum, code, length, options, addresses) and is
 * free of extension headers (RFC 6980) and of doubled link-layer address options. */
bool nd_parse(const struct rte_mbuf *m, struct nd_info *ret);

#endif
