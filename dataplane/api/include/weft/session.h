/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions as the channel shows them: live state of the data plane, not a table that is programmed.
 *
 * Part of the contract with the data plane (see msg.h). Free of DPDK.
 */
#ifndef WEFT_SESSION_H
#define WEFT_SESSION_H

#include <assert.h>
#include <stdint.h>

#include <weft/addr.h>

#define WEFT_SESSION_STATE_SIZE 16

enum weft_session_filter_flag {
	WEFT_SESSION_EITHER = 1 << 0, /* addresses and ports may be those of the answers too */
	WEFT_SESSION_ONLY_OFFLOADED = 1 << 1, /* the kernel carries it */
};

/* Sessions of which all this is true. What is zero, or a prefix of length 0, does not matter. */
struct weft_session_filter {
	uint32_t network;	/* id */
	uint32_t port;		/* id of the port at either end */
	struct weft_prefix src; /* as the first packet went */
	struct weft_prefix dst;
	uint8_t proto;
	uint8_t flags; /* enum weft_session_filter_flag */
	uint16_t sport;
	uint16_t dport;
	uint16_t pad[2];
	char state[WEFT_SESSION_STATE_SIZE]; /* its name */
};
static_assert(sizeof(struct weft_session_filter) == 68, "wire layout");

enum weft_session_flag {
	WEFT_SESSION_HALF_OPEN = 1 << 0, /* not answered yet */
	WEFT_SESSION_VALID = 1 << 1,	 /* decided in the present epoch, both ways; else its next
					    packets are judged again */
	WEFT_SESSION_OFFLOADED = 1 << 2, /* the kernel carries its packets, both ways */
};

/* One way of a session. */
struct weft_session_way {
	struct weft_addr src;
	struct weft_addr dst;
	uint16_t sport;
	uint16_t dport;
	uint32_t vni;	   /* segment in which its packets enter */
	uint32_t port;	   /* id of the local port that sends it; 0: it comes by a tunnel */
	uint32_t out_port; /* id of the port that its packets go to; 0: to that VTEP, or nowhere */
	struct weft_addr vtep;
	uint32_t ruleset; /* id of what let it pass at the port that sends it (the first way) or at
			     the one that gets it (the second); 0: a default */
	uint32_t rule;
	uint64_t packets;
	uint64_t bytes;
};
static_assert(sizeof(struct weft_session_way) == 88, "wire layout");

struct weft_session {
	struct weft_session_way ways[2]; /* as the first packet went, and the answers */
	uint32_t network;		 /* id */
	uint32_t tenant;
	uint32_t charged; /* id of the port whose quota it uses */
	uint32_t age_s;
	uint32_t idle_s;
	uint32_t ends_s; /* from now, if no packet comes */
	uint8_t proto;
	uint8_t flags; /* enum weft_session_flag */
	uint8_t pad[6];
	char state[WEFT_SESSION_STATE_SIZE];
};
static_assert(sizeof(struct weft_session) == 224, "wire layout");

#endif
