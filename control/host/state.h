/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostnet's own state, shared by its files: hostnet.c (sockets, events, timers), links.c
 * (interfaces, addresses, ports' interfaces), hops.c (next hops and their MACs), paths.c (the
 * ways).
 */
#ifndef HOST_STATE_H
#define HOST_STATE_H

#include <uthash.h>

#include <host/hostnet.h>

#include "kernel.h"

struct link_entry {
	UT_hash_handle hh;
	struct hostnet_link link;
	bool seen; /* by the dump that is under way */
};

struct addr_key {
	struct weft_addr addr;
	int ifindex;
};

struct addr_entry {
	UT_hash_handle hh;
	struct addr_key key;
	uint8_t prefix_len;
};

/* An interface that a port wants; it need not exist. */
struct port_entry {
	UT_hash_handle hh;
	char name[IFNAMSIZ];
	uint32_t port_id;
	char problem[128];
};

/* A next hop on a link. */
struct hop {
	UT_hash_handle hh;
	struct addr_key key;
	struct weft_mac mac;
	uint16_t nud; /* NUD_*: NUD_NONE when the kernel does not know it */
	bool known;   /* mac is valid: may be old, but it is the best there is */
	unsigned int n_paths;
	unsigned int wait_s; /* until the kernel is provoked again */
};

struct path_entry {
	UT_hash_handle hh;
	struct underlay_path path; /* as last reported; remote is the key */
	struct weft_addr local;
	struct hop *hop;
	uint32_t route_mtu;
	bool wanted; /* by the last look at the compiler */
	bool is_new; /* no route was looked up yet */
	bool reported;
	char problem[160];
};

struct hostnet {
	struct event_base *base;
	struct engine *engine;
	struct hostnet_config config;

	struct nl_sock *events;
	struct kernel_requests requests;
	struct event *read_event;
	struct event *debounce; /* something changed: look again soon */
	struct event *tick;	/* once a second */
	bool routes_dirty;	/* routes must be asked for, not only MACs */
	bool is_ready;
	bool overrun;
	unsigned int age_s;
	struct hostnet_counters counters;

	struct link_entry *links; /* by ifindex */
	struct addr_entry *addrs;
	struct port_entry *ports; /* by name */
	struct hop *hops;
	struct path_entry *paths; /* by remote */

	/* The uplink as last reported. */
	struct underlay_link uplink;
	bool uplink_reported;
	int uplink_ifindex; /* that the routes were judged by; 0: none */
	char uplink_problem[160];
};

/* links.c: true when something changed */
bool links_note(struct hostnet *h, const struct kernel_news *news);
bool links_note_addr(struct hostnet *h, const struct kernel_news *news);
bool links_have_addr(const struct hostnet *h, const struct weft_addr *addr);
/* Reads all from the kernel, at start and after lost events. 0 or -errno. */
int links_read_all(struct hostnet *h);
void links_free(struct hostnet *h);

/* hops.c */
struct hop *hop_get(struct hostnet *h, int ifindex, const struct weft_addr *addr);
void hop_put(struct hostnet *h, struct hop *hop);
/* True when a hop in use changed. */
bool hops_note(struct hostnet *h, const struct kernel_news *news);
/* Asks the kernel for all of them. */
void hops_read_all(struct hostnet *h);
/* Once a second: provokes resolution of what is unknown, confirmation of what is old. */
void hops_tick(struct hostnet *h);

/* paths.c */
/* Looks at the uplink and at all ways, with new route lookups if routes, and reports changes. */
void paths_update(struct hostnet *h, bool routes);
/* Some next hop has not answered yet. */
bool paths_are_pending(const struct hostnet *h);
void paths_free(struct hostnet *h);
/* This host's object, or NULL while there is none. */
const struct host *paths_host(const struct hostnet *h);
/* The uplink is a kernel interface. */
bool paths_uplink_is_kernel(const struct host *host);

#endif
