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
#include <weft/msg.h>
#include <weft_bpf/port.h>
#include <weft_bpf/uplink.h>

#define LOADER_TEXT_SIZE 256

/* ---- the fast path: tables that all its programs share, and its tc programs ----
 *
 * The tables are pinned in a folder of bpffs that belongs to one host instance; whoever holds them
 * open holds a lock on it. They stay when the caller ends, as the programs do, and are taken up
 * again by the next one: as long as a program is on an interface, it goes on with what is in them.
 */

struct loader_fast;

struct loader_fast_config {
	const char *folder;  /* of bpffs, e.g. /sys/fs/bpf/weft/h1; made when absent */
	uint32_t n_sessions; /* room for so many; of tables that exist already: theirs stays */
	bool only_kept;	     /* the tables that are there, without any program */
};

struct loader_fast_info {
	uint64_t id; /* of the tables, random */
	uint32_t n_buckets;
	uint32_t n_dirs;
	uint32_t n_cpus;
	bool adopted; /* they were there before */
};

/* Makes or takes up the tables, and loads the programs with them. Tables of another layout
 * (WEFT_BPF_LAYOUT) are left alone and new ones made; so are new ones when some were taken away.
 * -EBUSY: another process has the folder; -ENODEV: not in a bpffs; -EPERM: also when a name in its
 * path has a dot; -ENOENT: only what is kept was wanted, and there is none; else what the kernel
 * refused. */
int loader_fast_open(const struct loader_fast_config *config, struct loader_fast **ret, char *text);
/* Lets go; tables and programs stay. Accepts NULL. */
void loader_fast_close(struct loader_fast *f);
void loader_fast_info(const struct loader_fast *f, struct loader_fast_info *ret);
/* Descriptors of the maps in the order of enum weft_fastpath_map; they stay the loader's. */
void loader_fast_fds(const struct loader_fast *f, int ret[WEFT_FASTPATH_MAPS]);

/* Where tc programs go: on the host's end of a kernel port, in place of the guard and stricter than
 * it (weft_port and weft_port_out); on an uplink that is a port of kind veth (weft_uplink_tc); on
 * an uplink with the XDP program (weft_deliver). */
enum loader_spot {
	LOADER_SPOT_PORT = 1,
	LOADER_SPOT_UPLINK,
	LOADER_SPOT_DELIVER,
};

/* Makes sure that they are there: replaces a guard or an older own program in one step each.
 * Returns 0: they were; 1: put there now; -EBUSY: somebody else's filter has the place. */
int loader_fast_ensure(struct loader_fast *f, int ifindex, enum loader_spot spot, char *text);
/* Takes own programs off that place, a port's off a port, an uplink's off an uplink. 0 also when
 * there are none or the interface is gone. */
int loader_fast_remove(int ifindex, enum loader_spot spot);
/* Whether programs there are of another host instance: one with its tables in a folder beside that
 * one. */
bool loader_fast_is_others(int ifindex, const char *folder);
/* The port's interface takes XDP frames from now on, or no longer (WEFT_BPF_DIR_XDP, weft_devs):
 * its other end has NAPI or an XDP program. Before the data plane is told so, or after. 0 or
 * -errno. */
int loader_fast_set_dev(struct loader_fast *f, int ifindex, bool takes_xdp);
/* Takes the sessions of packets that come from that interface, or go to it, out of the tables, and
 * the interface out of the tunnels by it: their next packets are misses. For when no data plane is
 * there to do it. 0 or -errno. */
int loader_fast_drop_interface(const struct loader_fast *f, int ifindex);
/* As loader_uplink_set_vteps, for the uplinks with a tc program. */
int loader_fast_set_vteps(
	struct loader_fast *f, const struct weft_addr *addrs, unsigned int n, char *text);

/* A program as the kernel has it, and what it did since the tables were made. */
struct loader_prog {
	char name[16];
	uint32_t id;
	uint32_t n_insns;    /* as translated */
	uint32_t n_verified; /* instructions that the verifier looked at */
	uint64_t run_ns;     /* only counted while loader_run_time is on */
	uint64_t run_count;
	struct weft_bpf_prog_counters n; /* summed over CPUs */
};
/* Up to max of them; returns how many, or -errno. The uplinks' XDP program is among them, once,
 * with the runs of all. */
int loader_fast_programs(const struct loader_fast *f, struct loader_prog *ret, unsigned int max);
/* Run times are counted by the whole kernel as long as the descriptor that this returns is open;
 * that costs each run some 20 ns. -errno. */
int loader_run_time(void);

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
 * first. VTEP addresses that an adopted program has stay until loader_uplink_set_vteps. With fast
 * (else NULL, for steering alone), which must outlive it, it shares those tables. */
int loader_uplink_attach(
	int ifindex, struct loader_fast *fast, struct loader_uplink **ret, char *text);
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
/* Makes sure that the guard is on the interface, both directions; replaces any own program there in
 * one step each. Returns 0: it was; 1: put there now; or -errno, with what could be guarded
 * guarded. */
int loader_guard_ensure(struct loader_guard *g, int ifindex, char *text);
/* Takes own guards off. 0 also when there is none or the interface is gone. */
int loader_guard_remove(int ifindex);

#endif
