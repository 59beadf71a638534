/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VXLAN around frames (RFC 7348), as another host sends them, and what is in it. Pure.
 */
#ifndef EXPLAIN_TUNNEL_H
#define EXPLAIN_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/addr.h>

struct tunnel {
	struct weft_addr source, destination; /* VTEPs, of one family */
	struct weft_mac source_mac, destination_mac;
	uint32_t vni;
};

/* Writes the outer frame into buf, of PACKET_FRAME_MAX. Returns its size; 0: too long. */
size_t tunnel_wrap(const struct tunnel *t, const uint8_t *inner, size_t size, uint8_t *buf);
/* Returns the offset of the inner frame and fills ret, or 0: it is no VXLAN. */
size_t tunnel_unwrap(const uint8_t *frame, size_t size, struct tunnel *ret);

#endif
