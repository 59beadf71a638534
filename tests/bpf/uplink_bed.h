/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the uplinks' programs share: both of them, loaded on tables with one segment
 * and two tunnels, sessions of packets that come out of these, and what is expected of a frame.
 */
#ifndef UPLINK_BED_H
#define UPLINK_BED_H

#include <stdbool.h>

#include "frames.h"
#include "tables.h"
#include "tc_uplink.skel.h"
#include "xdp_uplink.skel.h"

/* Test runs happen on the loopback device. */
#define IFINDEX	    1
#define PORT	    5
#define UPLINK	    7
#define SEGMENT	    9
#define EPOCH	    77
#define VTEP_V4	    3
#define VTEP_V6	    4
#define VNI	    0xabcdef
#define OUT_IFINDEX 2000
#define MAX_L3	    1400

enum way {
	TC,
	XDP,
	WAYS,
};

struct uplink_way {
	enum weft_bpf_prog prog;
	int hit, miss, pass, drop;
	unsigned int meta_size; /* in front of what comes out of a hit */
};
extern const struct uplink_way uplink_ways[WAYS];

extern struct tc_uplink *uplink_tc;
extern struct xdp_uplink *uplink_xdp;

/* Whether the running kernel can't take the one out of the other. */
bool uplink_refuses(enum way way, bool outer_v6, bool inner_v6);
/* Runs it; the frame is what came out. Returns the verdict. */
int uplink_run(enum way way, struct frame *f);
const struct weft_bpf_tunnel *uplink_tunnel(bool v6);
/* Both directions of f's session; returns the index of the one that f goes. */
uint32_t uplink_session(const struct flow *f, bool outer_v6, bool routed);
/* Its packet in the tunnel, and what comes out of the program. */
struct frame uplink_packet(const struct flow *f, bool outer_v6, uint8_t tos);
struct frame uplink_expected(const struct flow *f, bool routed);
void uplink_expect_hit(enum way way, const struct frame *in, const struct frame *want);
/* The frame goes to the data plane as it is, and no session notices. */
void uplink_expect_miss(
	enum way way, const struct frame *f, uint32_t index, enum weft_bpf_miss miss);
/* Tunnels and epoch as they were in the beginning. */
void uplink_set_tunnels(void);

/* For cmocka: of the group, and after each test. */
int uplink_set_up(void **state);
int uplink_tear_down(void **state);
int uplink_forget(void **state);

#endif
