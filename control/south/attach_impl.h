/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attach's own state, shared by its files: attach.c (what is wanted, what exists, when to look),
 * attach_port.c (tenants' interfaces), attach_uplink.c (uplinks), attach_fast.c (the fast path's
 * tables, and what the data plane is told of them). Event loop's thread only.
 */
#ifndef SOUTH_ATTACH_IMPL_H
#define SOUTH_ATTACH_IMPL_H

#include <net/if.h>

#include <uthash.h>

#include <loader/loader.h>
#include <south/attach.h>
#include <weft_bpf/guard.h>

#include "tc_watch.h"

/* An interface that a port wants; it need not exist. */
struct wanted {
	UT_hash_handle hh;
	char name[IFNAMSIZ];
	struct weft_port port;
	int ifindex;	    /* 0: there is none */
	unsigned int flags; /* enum attach_link_flag */

	/* Uplinks of kind af_xdp. */
	struct loader_uplink *uplink;
	bool shares_tables; /* its program has the fast path's */
	int map_fd;	    /* -1: none */

	/* The fast path. */
	bool is_on;		   /* its programs are on the interface */
	bool delivers;		   /* and weft_deliver is */
	bool takes_xdp;		   /* the other end, and its device is in the tables for that */
	bool is_leaving;	   /* the data plane was told that they go; they do when it knows */
	unsigned int n_unanswered; /* things that it was told of this port */
	bool is_refused;	   /* the data plane does not take them for this port */
	uint32_t told_flags;	   /* enum weft_fastpath_port_flag */
	int told_ifindex;
	char fast_problem[LOADER_TEXT_SIZE]; /* why it goes without */

	bool is_in_place;   /* what should be on it was there at the last look */
	bool is_suspect;    /* its filters changed */
	uint64_t n_repairs; /* of what somebody had taken off */
	uint64_t told_ms;   /* when a repair was logged, and of what */
	const char *told_what;
	char problem[LOADER_TEXT_SIZE];
};

/* An interface whose programs the data plane was told to forget. */
struct farewell {
	int ifindex;
	uint64_t number; /* of what was told of ports */
};

struct seen {
	UT_hash_handle hh;
	char name[IFNAMSIZ];
	int ifindex;
	unsigned int flags; /* enum attach_link_flag */
};

struct attach {
	struct engine *engine;
	struct attach_config config;
	struct event *check;
	struct event *soon; /* looks at the suspects */
	struct tc_watch *tc;
	bool all_suspect;
	struct loader_guard *guard; /* NULL: could not be loaded */
	char guard_problem[LOADER_TEXT_SIZE];
	struct loader_fast *tables; /* NULL: there are none; kept ones also when it is off */
	struct loader_fast_info tables_info;
	/* Programs may be on interfaces: the data plane has these tables, or had them when weftd
	 * ended. Where it does not, each frame would reach it twice. */
	bool may_run;
	bool is_accepted;
	char fast_problem[ATTACH_TEXT_SIZE];
	char room_problem[ATTACH_TEXT_SIZE];
	uint64_t n_told, n_answered; /* of ports */
	struct farewell *farewells;  /* not answered yet, in order */
	unsigned int n_farewells;
	struct wanted *wanted; /* by name */
	struct seen *seen;     /* by name */
	unsigned int round;
};

static inline bool wants_fast_path(const struct attach *a, const struct wanted *w)
{
	return a->config.fast_path && a->tables && a->may_run && !w->is_refused &&
	       !(w->port.flags & WEFT_PORT_NO_FASTPATH);
}

/* attach.c */
struct wanted *attach_find_port(const struct attach *a, uint32_t id);
/* What is wrong with an interface, "" when nothing is; logged once. */
void attach_set_problem(struct wanted *w, const char *text);
/* Something that was in place had been taken off and was put back. */
void attach_note_repair(struct attach *a, struct wanted *w, const char *what);
/* Puts on the interface what should be there. */
void attach_make_good(struct attach *a, struct wanted *w);

/* attach_port.c: the host's end of a tenant's device. */
void port_make_good(struct attach *a, struct wanted *w);
void port_take_off(const struct wanted *w);

/* attach_uplink.c */
void uplink_make_good(struct attach *a, struct wanted *w);
/* take_off: the programs go too; else their owner lets go of them only. */
void uplink_release(struct attach *a, struct wanted *w, bool take_off);
void uplink_set_vteps(struct attach *a, struct wanted *w);
/* An interface that was this host instance's before weftd was started, and is not any more. */
void uplink_clean_stale(const struct attach *a, int ifindex);

/* attach_fast.c */
void fast_open(struct attach *a);
/* Tells the data plane what programs are to that port now, if that is news. */
void fast_tell(struct attach *a, struct wanted *w);
/* The programs are to leave the interface: true, they may go now; false, the data plane is to know
 * first, and attach_make_good is called then. */
bool fast_may_leave(struct attach *a, struct wanted *w);

#endif
