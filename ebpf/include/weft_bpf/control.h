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

/* A new layout of any shared map gets another number, and the maps other names. */
#define WEFT_BPF_LAYOUT 1

#define WEFT_BPF_CONTROL_MAP "weft_control"
#define WEFT_BPF_EPOCHS_MAP  "weft_epochs"

/* Words of the hash key, see session.h. */
#define WEFT_BPF_SEED_WORDS 12

/* The only element of weft_control. Written by the data plane; layout last when it takes over. */
struct weft_bpf_control {
	__u32 layout; /* WEFT_BPF_LAYOUT; anything else: every packet is a miss */
	__u32 now_s;  /* the data plane's clock, for seen_s: stands still while it is away */
	__u32 n_buckets_mask; /* buckets, a power of two, less one */
	/* Marks what a program hands on within the kernel, where nothing else may pass: to a port's
	 * egress, or from XDP to weft_deliver. Random, never 0. */
	__u32 mark;
	/* Random, made with the tables: nobody can choose keys that meet in one bucket. */
	__u32 hash_seed[WEFT_BPF_SEED_WORDS];
	__u64 boot_id; /* of the data plane that writes: another one means to start over */
};
_Static_assert(sizeof(struct weft_bpf_control) == 72, "shared layout");

/* weft_epochs, by segment slot, WEFT_MAX_SEGMENTS of them. A session's direction holds while its
 * epoch is its segment's: the data plane revokes all sessions of a segment with one store. A new
 * data plane goes on above what the old one left. */
struct weft_bpf_epoch {
	__u32 epoch; /* 0: no packet of the segment is decided here */
	__u32 pad;   /* the kernel lays elements of arrays 8 bytes apart */
};
_Static_assert(sizeof(struct weft_bpf_epoch) == 8, "shared layout");

#endif
