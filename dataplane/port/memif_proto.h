/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif protocol version 2: messages on the control socket and layout of the rings in shared
 * memory, as DPDK, VPP and libmemif speak it. Host byte order: both ends are on one machine.
 *
 * The client owns all shared memory and advances each ring's head; the server advances its tail. On
 * a ring toward the server (C2S) slots from tail to head hold frames; on one toward the client
 * (S2C) they are empty buffers.
 */
#ifndef PORT_MEMIF_PROTO_H
#define PORT_MEMIF_PROTO_H

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>

#define MEMIF_COOKIE	    0x3e31f20u
#define MEMIF_VERSION	    0x0200
#define MEMIF_LOG2_RING_MAX 14
#define MEMIF_MODE_ETHERNET 0

enum memif_msg_type {
	MEMIF_ACK = 1,
	MEMIF_HELLO = 2,
	MEMIF_INIT = 3,
	MEMIF_ADD_REGION = 4,
	MEMIF_ADD_RING = 5,
	MEMIF_CONNECT = 6,
	MEMIF_CONNECTED = 7,
	MEMIF_DISCONNECT = 8,
};

struct memif_msg {
	uint16_t type; /* enum memif_msg_type */
	union {
		struct {
			uint8_t name[32];
			uint16_t min_version;
			uint16_t max_version;
			uint16_t max_region; /* these three: highest index */
			uint16_t max_s2c_ring;
			uint16_t max_c2s_ring;
			uint8_t max_log2_ring_size;
		} __attribute__((packed)) hello;
		struct {
			uint16_t version;
			uint32_t id;
			uint8_t mode;
			uint8_t secret[24];
			uint8_t name[32];
		} __attribute__((packed)) init;
		struct {
			uint16_t index;
			uint64_t size;
		} __attribute__((packed)) add_region; /* + descriptor of the memory */
		struct {
			uint16_t flags;
#define MEMIF_RING_C2S 1
			uint16_t index;
			uint16_t region;
			uint32_t offset;
			uint8_t log2_ring_size;
			uint16_t private_hdr_size;
		} __attribute__((packed)) add_ring; /* + eventfd for interrupts */
		struct {
			uint8_t name[32];
		} __attribute__((packed)) connect; /* and CONNECTED */
		struct {
			uint32_t code;
			uint8_t text[96];
		} __attribute__((packed)) disconnect;
		uint8_t pad[126];
	};
} __attribute__((packed));
static_assert(sizeof(struct memif_msg) == 128, "wire layout");

struct memif_desc {
	uint16_t flags;
#define MEMIF_DESC_NEXT 1
	uint16_t region;
	uint32_t length;
	uint32_t offset;
	uint32_t metadata;
};
static_assert(sizeof(struct memif_desc) == 16, "shared layout");

struct memif_ring {
	uint32_t cookie;
	uint16_t flags;
#define MEMIF_RING_MASK_INT 1
	uint16_t head;
	uint8_t pad0[56];
	uint16_t tail;
	uint8_t pad1[62];
	struct memif_desc desc[];
};
static_assert(sizeof(struct memif_ring) == 128, "shared layout");

#endif
