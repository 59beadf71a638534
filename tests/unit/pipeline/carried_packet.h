/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packets of test_carried.c, byte by byte: ports 1 and 2 are in segment 100, 3 in 101, host 10
 * of 101 is behind VTEP 192.0.2.2; host h has MAC 02::h, 10.0.N.h and fd00:N::h.
 */
#ifndef CARRIED_PACKET_H
#define CARRIED_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include <weft/addr.h>

#define UPLINK 9
#define REMOTE 10

extern const struct weft_mac world_router_mac;
extern const uint8_t world_remote_vtep[4], world_local_vtep[4];

uint32_t host_vni(uint32_t host);
struct weft_mac host_mac(uint32_t host);
struct weft_addr host_addr(uint32_t host, bool v4);

struct packet {
	uint32_t from, to; /* hosts */
	bool v4;
	uint8_t proto;
	bool answer;
	uint8_t tcp_flags;
	uint32_t seq, ack;
	unsigned int payload;
};

/* The port's id. */
uint32_t packet_enters_by(const struct packet *p);
/* The frame as it enters there; returns its length, of 2048 bytes at most. */
unsigned int packet_bytes(const struct packet *p, uint8_t *b);

#endif
