/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's own network, from the kernel by netlink: the uplink interface, the way to every remote
 * VTEP (route, next hop, its MAC, MTU) and the kernel interfaces that are ports. News go to the
 * engine (engine_paths, engine_link). An uplink that DPDK or memif owns has no kernel interface:
 * then the way comes from the host object.
 *
 * Sees the network namespace that the process is in. Single-threaded (weftd's event loop). Needs
 * CAP_NET_ADMIN to provoke address resolution and to set interfaces up.
 */
#ifndef HOST_HOSTNET_H
#define HOST_HOSTNET_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include <engine/engine.h>

struct hostnet;

struct hostnet_link {
	int ifindex;
	char name[IFNAMSIZ];
	struct weft_mac mac;
	uint32_t mtu;
	bool up;      /* set up by its administrator */
	bool running; /* and there is a carrier */
	bool is_veth;
	bool is_tun;	     /* a TAP or TUN interface, whose descriptor some process holds */
	bool peer_elsewhere; /* a veth whose other end is in another network namespace */
};

/* Can be the host's side of a tenant's port: what comes out of it is the tenant's alone. */
static inline bool hostnet_link_is_tenants(const struct hostnet_link *link)
{
	return link->is_veth || link->is_tun;
}

struct hostnet_config {
	int receive_buffer; /* of the event socket, bytes; 0: the default */
	void *arg;
	/* All ways are resolved, or it took too long to wait for the rest. Once. */
	void (*ready)(void *arg);
	/* An interface appeared or changed (present), or went. Also for all that exist at start. */
	void (*link)(void *arg, const struct hostnet_link *link, bool present);
};

/* 0 or -errno. */
int hostnet_new(struct event_base *base, struct engine *e, const struct hostnet_config *config,
	struct hostnet **ret);
void hostnet_free(struct hostnet *h);
/* Reads all from the kernel, with the first calls of link, and goes on from there. 0 or -errno. */
int hostnet_start(struct hostnet *h);

/* The set of remote VTEPs, or this host's object, may have changed. */
void hostnet_refresh(struct hostnet *h);
/* The kernel interface that is the host side of this port is kept up and without addresses of its
 * own, now and whenever it appears. name NULL: no longer. */
void hostnet_want_port(struct hostnet *h, uint32_t port_id, const char *name);
/* NULL: there is none. */
const struct hostnet_link *hostnet_link_by_name(const struct hostnet *h, const char *name);

/* Calls add with a sentence for each thing that is wrong. */
void hostnet_problems(
	const struct hostnet *h, void (*add)(void *add_arg, const char *sentence), void *add_arg);

struct hostnet_counters {
	uint64_t events;   /* messages of the kernel that were taken */
	uint64_t overruns; /* events were lost: everything was read anew */
	uint64_t route_lookups;
	uint64_t provocations; /* of address resolution */
};
void hostnet_counters(const struct hostnet *h, struct hostnet_counters *ret);

#endif
