/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the port program share: the loaded program on tables with one segment and two
 * tunnels, sessions, and the expectation of a miss.
 */
#ifndef PORT_BED_H
#define PORT_BED_H

#include "frames.h"
#include "tables.h"
#include "tc_port.skel.h"
#include "tc_port_gso.skel.h"

/* Test runs happen on the loopback device. */
#define IFINDEX	   1
#define PORT	   5
#define OTHER_PORT 6
#define UPLINK	   7
#define SEGMENT	   9
#define EPOCH	   77
#define VTEP_V4	   3
#define VTEP_V6	   4
#define VNI	   0xabcdef
#define HASH	   0x12345678

enum way {
	LOCAL,
	TUNNEL_V4,
	TUNNEL_V6,
	WAYS,
};

extern struct tc_port *port_skel;
extern const uint8_t port_rewrite_macs[12];

extern uint32_t port_mark; /* that the last frame came out with */

/* Runs it; the frame is what came out. skb: more about it, or NULL. Returns the verdict. */
int port_run(struct frame *f, const struct __sk_buff *skb);
struct weft_bpf_decision port_decision(const struct flow *f, enum way way, bool routed);
/* Both directions of f's session; returns the index of the one that f goes. */
uint32_t port_session(const struct flow *f, enum way way, bool routed);
/* The frame goes to the data plane as it is, and no session notices. */
void port_expect_miss(const struct frame *f, uint32_t index, enum weft_bpf_miss miss);
void port_expect_miss_skb(const struct frame *f, uint32_t index, enum weft_bpf_miss miss,
	const struct __sk_buff *skb);

/* For cmocka: of the group, and after each test. */
int port_set_up(void **state);
int port_tear_down(void **state);
int port_forget(void **state);

#endif
