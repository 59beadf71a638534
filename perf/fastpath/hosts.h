/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two hosts with a container each, in namespaces, joined by a veth as underlay: with the kernel's
 * bridge and vxlan, or with the fast path's programs in front, for which that bridge is the data
 * plane: it carries the misses.
 *
 *   tenant[0] wbe0 -- wbp0 host[0] wbu0 ---- wbu0 host[1] wbp0 -- wbe0 tenant[1]
 *                        br0: wbp0, vx0, wbm0 (misses)
 */
#ifndef HOSTS_H
#define HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../../tests/bpf/frames.h"
#include "../../tests/bpf/tables.h"

#define VNI 100

enum mode {
	MODE_KERNEL,	 /* bridge and vxlan alone */
	MODE_KERNEL_CT,	 /* with connection tracking of what the bridge forwards */
	MODE_TC_PEER,	 /* tc on port and uplink, redirect_peer into the container */
	MODE_TC,	 /* the same, out of the port's device */
	MODE_XDP,	 /* XDP on the uplink, GRO, weft_deliver */
	MODE_XDP_DEVMAP, /* XDP on the uplink, devmap to the port */
	MODE_WIRE,	 /* a bare XDP redirect between port and uplink */
	MODE_DROP,	 /* the sink is where frames enter: the cost of making them */
	MODES,
};
extern const char *const mode_names[MODES];

struct hosts {
	int host[2], tenant[2]; /* namespaces */
	int port, uplink, miss; /* interface indices, the same on both hosts */
	int eth0[2];
};
extern struct hosts hosts;

/* Makes all of it and loads the programs; needs root. Exits on failure. */
void hosts_make(void);
void hosts_free(void);
/* Takes all programs off, puts those of the mode on. misses: there will be some, for the bridge. */
void hosts_set(enum mode mode, bool misses);
/* Decides upon the session of f, from tenant 0 to 1, on both hosts, for that mode. tcp: what both
 * sides have seen so far. */
void hosts_put_session(const struct flow *f, enum mode mode, const struct session_tcp tcp[2]);
/* From tenant 0 to tenant 1. */
struct flow hosts_flow(uint8_t proto);

/* Programs of fastpath.bpf.c. */
int hosts_source_fd(int ifindex, uint32_t n_flows, const struct frame *f, uint32_t port_at);
/* Where frames end and are counted: as early as their kind allows, so that the end of the way costs
 * little. */
enum hosts_sink {
	SINK_NONE,
	SINK_TC,
	SINK_XDP, /* for XDP frames; would copy every skb */
};
void hosts_sink(int ns, const char *device, int ifindex, enum hosts_sink sink);
uint64_t hosts_sunk(void);

#endif
