/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps Weft's BPF programs on this host's kernel interfaces: those of the fast path on tenants'
 * devices and uplinks, where it is refused the guard on tenants' devices; and the steering program
 * with this host's VTEP addresses on an AF_XDP uplink. What somebody takes off is put back within a
 * second. The programs stay when weftd ends.
 *
 * The data plane has to know of each port whether programs are on it, as it takes other frames
 * then; and it may lack the tables, or have others. So it is told by the calls in attach_config,
 * and says what it thinks of it by attach_tables_answered and attach_port_answered.
 *
 * Knows interfaces only by what it is told (attach_link). Single-threaded (weftd's event loop).
 */
#ifndef SOUTH_ATTACH_H
#define SOUTH_ATTACH_H

#include <event2/event.h>

#include <engine/engine.h>
#include <loader/loader.h>
#include <weft/msg.h>

#define ATTACH_TEXT_SIZE 400

struct attach;

struct attach_config {
	void *arg;
	/* The socket map of that AF_XDP port is new: the data plane needs its descriptor. */
	void (*new_map)(void *arg, const struct weft_port *port);

	bool fast_path;		/* false: tables that are kept go to the data plane all the same */
	const char *bpf_folder; /* of the fast path's tables; stays valid; NULL: there are none */
	uint32_t n_sessions;	/* that they have room for */
	/* To the data plane, if it is connected: 0, it will be answered; else -errno. May be NULL
	 * without a fast path. */
	int (*send_tables)(void *arg, const struct weft_msg_fastpath *tables,
		const int fds[WEFT_FASTPATH_MAPS]);
	int (*send_port)(void *arg, const struct weft_msg_fastpath_port *port);
	/* A program was taken off by somebody and is back. May be NULL. */
	void (*repaired)(void *arg, const struct weft_port *port, const char *what);
};

/* 0 or -errno. A fast path that can't be had is a problem, not an error. */
int attach_new(struct event_base *base, struct engine *e, const struct attach_config *config,
	struct attach **ret);
void attach_free(struct attach *a);

/* Intent: this port is wanted, or not any more. Kinds without a kernel interface are ignored. */
void attach_port(struct attach *a, const struct weft_port *port, bool present);

enum attach_link_flag {
	ATTACH_LINK_TENANTS = 1 << 0, /* can be a tenant's: a veth or a TAP interface */
	ATTACH_LINK_AWAY = 1 << 1,    /* a veth whose other end is in another namespace */
};
/* The kernel: this interface exists, or not any more. */
void attach_link(struct attach *a, int ifindex, const char *name, unsigned int flags, bool present);
/* This host's VTEP addresses may have changed. */
void attach_refresh(struct attach *a);

/* A data plane was just connected: it is told everything. */
void attach_greet(struct attach *a);
/* Its answers. error: 0, or -errno with what it says (-ECONNRESET: it is gone). */
void attach_tables_answered(struct attach *a, int error, const char *text);
void attach_port_answered(struct attach *a, uint32_t port, int error, const char *text);

/* The descriptor of the port's socket map, which stays attach's; -1: there is none (yet). */
int attach_map_fd(const struct attach *a, const struct weft_port *port);
/* Calls add with a sentence for each thing that is wrong. */
void attach_problems(
	const struct attach *a, void (*add)(void *add_arg, const char *sentence), void *add_arg);

/* ---- for those who look ---- */

enum attach_fast_state {
	ATTACH_FAST_OFF = 1, /* not wanted */
	ATTACH_FAST_FAILED,  /* the kernel refused */
	ATTACH_FAST_WAITING, /* the data plane has not said yes yet */
	ATTACH_FAST_REFUSED, /* it said no */
	ATTACH_FAST_ON,
};

struct attach_fast_status {
	enum attach_fast_state state;
	const char *problem; /* "" when there is none */
	const char *folder;
	bool adopted; /* the tables were there when weftd was started */
};
void attach_fast_status(const struct attach *a, struct attach_fast_status *ret);

enum attach_mode {
	ATTACH_MODE_TC = 1,
	ATTACH_MODE_NATIVE,
	ATTACH_MODE_GENERIC,
};

struct attach_interface {
	const char *name;
	const struct weft_port *port;
	int ifindex;
	bool fast;	     /* the fast path is on */
	const char *why_not; /* "" when it is, or nothing is wrong */
	const char *programs[3];
	enum attach_mode mode[3];
	unsigned int n_programs;
	uint64_t n_repairs;
};
/* Each kernel interface that a port has and that exists. */
void attach_each_interface(
	const struct attach *a, void (*fn)(void *arg, const struct attach_interface *i), void *arg);

/* The fast path's programs, at most max; returns how many, or -errno (-ENODEV: there is none). */
int attach_programs(const struct attach *a, struct loader_prog *ret, unsigned int max);
/* Their run times are counted, and those of all others, while this descriptor is open. -errno. */
int attach_run_time(void);

#endif
