/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the packet generator share.
 */
#ifndef PACKETS_H
#define PACKETS_H

#include "build.h"

#define FLOWS 12

struct flow {
	const struct host *end[2];
	unsigned int family; /* 0: IPv4 */
	uint8_t proto;
	uint16_t sport, dport;
	unsigned int step; /* TCP */
	uint32_t seq[2];
	bool fin[2];
};
extern struct flow flows[FLOWS];

/* packets.c */
void flow_make(const struct scenario *s, struct flow *f);
/* The L4 part of the flow's next packet and which way it goes; returns its length. */
uint32_t flow_l4(struct flow *f, uint8_t *b, unsigned int *dir);
void flow_packet(const struct scenario *s, const struct flow *f, unsigned int dir, struct packet *p,
	uint32_t *vni);
struct event *packet_event(
	struct scenario *s, const struct host *h, uint32_t vni, const struct packet *p, bool odd);
void way_between(const struct scenario *s, const struct host *h, const struct host *d,
	struct packet *p, uint32_t *vni);
const struct weft_mac *router_mac(const struct scenario *s, uint32_t vni); /* NULL: none */

/* packets_odd.c */
void add_odd(struct scenario *s, struct flow *f);

#endif
