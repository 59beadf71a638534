/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loader: puts Weft's BPF programs on kernel interfaces and keeps hold of them.
 *
 * Programs are attached by netlink, not by a descriptor or a pin: they stay on the interface when
 * the caller dies and need no bpffs. A caller that comes back finds its own program by name, takes
 * over its maps (with the data plane's sockets and the counters in them) and replaces the program
 * only when the code differs, in one atomic step. Interfaces are those of the caller's network
 * namespace. One thread at a time; calls take milliseconds at most. Needs CAP_NET_ADMIN, CAP_BPF
 * and, to find programs after a restart, CAP_SYS_ADMIN.
 *
 * Failures: -errno and a sentence with the remedy in text (LOADER_TEXT_SIZE bytes):
 *   -EBUSY: somebody else's program is there; -ENODEV: no such interface; -EPERM: capability
 * missing.
 */
#ifndef LOADER_LOADER_H
#define LOADER_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include <weft/addr.h>
#include <weft_bpf/uplink.h>

#define LOADER_TEXT_SIZE 256

/* ---- the VXLAN steering program of a kernel uplink ---- */

struct loader_uplink;

enum loader_mode {
	LOADER_MODE_NATIVE = 1,	 /* in the driver */
	LOADER_MODE_GENERIC = 2, /* after the driver: works everywhere, slower */
};

struct loader_uplink_info {
	int ifindex;
	enum loader_mode mode;
	uint32_t prog_id;
	bool adopted;  /* an own program was already there with the same code and was kept */
	bool replaced; /* an own program with other code was replaced */
	bool new_maps; /* the socket map is new: the data plane needs its descriptor (again) */
	char note[LOADER_TEXT_SIZE]; /* why native mode was refused, "" otherwise */
};

/* Makes sure that the program runs on the interface: adopts, replaces or attaches it, native mode
 * first. VTEP addresses that an adopted program has stay until loader_uplink_set_vteps. */
int loader_uplink_attach(int ifindex, struct loader_uplink **ret, char *text);
/* Lets go; the program stays on the interface. Accepts NULL. */
void loader_uplink_release(struct loader_uplink *u);
/* Takes the program off the interface if it is still this one, and lets go. Accepts NULL. Returns
 * 0, also when the interface is gone, or -errno (let go all the same). */
int loader_uplink_detach(struct loader_uplink *u);
/* Takes an own program off an interface that is no longer an uplink. 0 also when there is none; a
 * program of somebody else is left alone. */
int loader_uplink_detach_stale(int ifindex, char *text);

void loader_uplink_info(const struct loader_uplink *u, struct loader_uplink_info *ret);
/* 0: in place. -ENOENT: taken off, -EEXIST: another program is there, -ENODEV: interface gone.
 * After the first two call loader_uplink_repair. */
int loader_uplink_check(const struct loader_uplink *u);
/* Puts the same program, with its maps, back on the interface. */
int loader_uplink_repair(struct loader_uplink *u, char *text);

/* VXLAN for exactly these n addresses goes to the data plane from now on. Adds before it removes.
 */
int loader_uplink_set_vteps(
	struct loader_uplink *u, const struct weft_addr *addrs, unsigned int n, char *text);
/* A new descriptor of the socket map, for the data plane's AF_XDP port; the caller closes it.
 * -errno on failure. */
int loader_uplink_xsks_fd(const struct loader_uplink *u);
/* Sums over CPUs. Returns 0 or -errno. */
int loader_uplink_counters(const struct loader_uplink *u, struct weft_bpf_uplink_counters *ret);

/* ---- the guard on the host's ends of tenant veths ---- */

struct loader_guard;

/* Loads the program, attached nowhere yet. */
int loader_guard_new(struct loader_guard **ret, char *text);
/* Guards stay on their interfaces. Accepts NULL. */
void loader_guard_free(struct loader_guard *g);
/* Makes sure that the guard is on the interface, both directions; replaces an older own one. */
int loader_guard_ensure(struct loader_guard *g, int ifindex, char *text);
/* Takes own guards off. 0 also when there is none or the interface is gone. */
int loader_guard_remove(int ifindex);

#endif
