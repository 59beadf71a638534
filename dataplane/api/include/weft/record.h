/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A dropped packet, as the data plane's flight recorder keeps it: when, where, why, because of
 * what, and how the frame began. Part of the contract with the data plane (msg.h). Free of DPDK.
 */
#ifndef WEFT_RECORD_H
#define WEFT_RECORD_H

#include <assert.h>
#include <stdint.h>

#include <weft/addr.h>

#define WEFT_RECORD_FRAME 152

enum weft_record_flag {
	WEFT_RECORD_TUNNEL = 1 << 0,  /* it came from vtep, in segment vni */
	WEFT_RECORD_SESSION = 1 << 1, /* the session's fields are filled in */
	WEFT_RECORD_RULE = 1 << 2,    /* rule, ruleset and policy_port are */
	WEFT_RECORD_TO_VTEP = 1 << 3, /* it was bound for vtep */
};

struct weft_drop_record {
	uint64_t time_ms;     /* since the data plane's start */
	uint32_t number;      /* counts the records of a port, from 1 */
	uint32_t port;	      /* id of the one that it entered by */
	uint32_t vni;	      /* its segment; 0: not known */
	uint32_t size;	      /* of the frame, which may be more than is kept of it */
	uint32_t ruleset;     /* id; 0: the default of policy_port */
	uint32_t rule;	      /* id in it */
	uint32_t policy_port; /* id of the port whose policy it is */
	uint32_t out_port;    /* id of the one that it was bound for; 0: none, or not decided */
	/* As the first packet of the session went. */
	struct weft_addr session_src;
	struct weft_addr session_dst;
	uint16_t session_sport;
	uint16_t session_dport;
	uint8_t session_proto;
	uint8_t session_state; /* enum weft_timeout */
	uint16_t flags;	       /* enum weft_record_flag */
	struct weft_addr vtep;
	uint16_t reason; /* enum weft_drop */
	uint16_t frame_size;
	uint32_t pad;
	uint8_t frame[WEFT_RECORD_FRAME]; /* its first frame_size bytes */
};
static_assert(sizeof(struct weft_drop_record) == 256, "wire layout");

#endif
