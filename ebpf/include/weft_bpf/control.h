/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the data plane tells the fast path's BPF programs in general: which tables hold, from when.
 *
 * Maps in memory that the data plane shares (BPF_F_MMAPABLE): it writes with plain stores, programs
 * read with plain loads. A word is written whole; where several belong together, the comment says
 * in which order. x86-64 does neither loads nor stores out of their order; a data plane on another
 * CPU has to put barriers where the comments say "then".
 * Compiles with gcc, clang and clang -target bpf: fixed-width types, host byte order.
 */
#ifndef WEFT_BPF_CONTROL_H
#define WEFT_BPF_CONTROL_H

#include <linux/types.h>

/* A new layout of any shared map gets another number; the loader pins each layout's maps in a
 * folder of its own, so that programs and tables always fit. */
#define WEFT_BPF_LAYOUT 2

#define WEFT_BPF_CONTROL_MAP "weft_control"
#define WEFT_BPF_EPOCHS_MAP  "weft_epochs"

/* Words of the hash key, see session.h. */
#define WEFT_BPF_SEED_WORDS 12

/* The only element of weft_control. mark, hash_seed and n_cpus are written when the tables are
 * made, by who makes them, and stay. The rest is written by the data plane; layout last when it
 * takes over for the first time. */
struct weft_bpf_control {
	__u32 layout; /* WEFT_BPF_LAYOUT; anything else: every packet is a miss */
	__u32 now_s;  /* the data plane's clock, for seen_s: stands still while it is away */
	__u32 n_buckets_mask; /* buckets in use, a power of two, less one: they become more */
	/* Marks what a program hands on within the kernel: misses to the data plane's packet
	 * socket on the same interface, frames to a port's egress, or from XDP to weft_deliver.
	 * Random; 0: nothing is handed on. */
	__u32 mark;
	/* Random, made with the tables: nobody can choose keys that meet in one bucket. */
	__u32 hash_seed[WEFT_BPF_SEED_WORDS];
	__u64 boot_id; /* of the data plane that writes: another one means to start over */
	__u32 n_cpus;  /* rows of maps that have one for each CPU */
	__u32 watch;   /* number of the filter in weft_trace (trace.h); 0: nobody watches */
};
_Static_assert(sizeof(struct weft_bpf_control) == 80, "shared layout");

/* weft_epochs, by segment slot, WEFT_MAX_SEGMENTS of them. A session's direction holds while its
 * epoch is its segment's: the data plane revokes all sessions of a segment with one store. A new
 * data plane goes on above what the old one left. */
struct weft_bpf_epoch {
	__u32 epoch; /* 0: no packet of the segment is decided here */
	__u32 pad;   /* the kernel lays elements of arrays 8 bytes apart */
};
_Static_assert(sizeof(struct weft_bpf_epoch) == 8, "shared layout");

#endif
