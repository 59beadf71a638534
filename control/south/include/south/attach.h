/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps Weft's BPF programs on this host's kernel interfaces: the steering program with this host's
 * VTEP addresses on an AF_XDP uplink, and the guard on the host's ends of tenant veths. What
 * somebody takes off is put back within a second. The programs stay when weftd ends.
 *
 * Knows interfaces only by what it is told (attach_link). Single-threaded (weftd's event loop).
 */
#ifndef SOUTH_ATTACH_H
#define SOUTH_ATTACH_H

#include <event2/event.h>

#include <engine/engine.h>

struct attach;

struct attach_config {
	void *arg;
	/* The socket map of that AF_XDP port is new: the data plane needs its descriptor. */
	void (*new_map)(void *arg, const struct weft_port *port);
};

/* 0 or -errno. */
int attach_new(struct event_base *base, struct engine *e, const struct attach_config *config,
	struct attach **ret);
void attach_free(struct attach *a);

/* Intent: this port is wanted, or not any more. Kinds without a kernel interface are ignored. */
void attach_port(struct attach *a, const struct weft_port *port, bool present);
/* The kernel: this interface exists, or not any more. */
void attach_link(struct attach *a, int ifindex, const char *name, bool is_veth, bool present);
/* This host's VTEP addresses may have changed. */
void attach_refresh(struct attach *a);

/* The descriptor of the port's socket map, which stays attach's; -1: there is none (yet). */
int attach_map_fd(const struct attach *a, const struct weft_port *port);
/* Calls add with a sentence for each thing that is wrong. */
void attach_problems(
	const struct attach *a, void (*add)(void *add_arg, const char *sentence), void *add_arg);

#endif
