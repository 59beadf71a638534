/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that programs carried while somebody watches (weft trace --live), for the data plane to
 * tell of: it sees nothing of them otherwise.
 *
 * Shared memory as in control.h. [0] is the filter and what is counted, all others are places for
 * records. The data plane writes the filter while weft_bpf_control.watch is 0, then that. A program
 * that finds it set and the packet to pass takes the next place if that is free, and fills it; the
 * data plane empties it. Each belongs to one of them at a time, as its state says: a record is
 * whole, or not there. Without a free place the packet is counted as lost: nobody waits, and a data
 * plane that died while it watched costs no more than that, until the next one ends its filter.
 */
#ifndef WEFT_BPF_TRACE_H
#define WEFT_BPF_TRACE_H

#include <linux/types.h>

#include <weft_bpf/session.h>

#define WEFT_BPF_TRACE_MAP "weft_trace"

#define WEFT_BPF_TRACE_PLACES 512 /* a power of two */

/* What packets have to be like as they enter; 0, or a mask of zeros, does not matter. */
struct weft_bpf_filter {
	__u8 src[16]; /* as in keys; nothing outside of the mask */
	__u8 src_mask[16];
	__u8 dst[16];
	__u8 dst_mask[16];
	__u16 sport;   /* ICMP: type << 8 */
	__u16 dport;   /* ICMP: identifier */
	__u16 in_port; /* slot: a port or the uplink */
	__u16 segment; /* slot */
	__u8 proto;
	__u8 family; /* 4 or 6 */
	__u8 either; /* addresses and ports may be those of the answers too; of ICMP, any type */
	__u8 pad;
};
_Static_assert(sizeof(struct weft_bpf_filter) == 76, "shared layout");

struct weft_bpf_watch {
	struct weft_bpf_filter filter;
	__u8 pad[52];
	__u32 head; /* packets that passed: the next one gets the place of this number */
	__u32 lost; /* of those: found no place */
	__u8 pad2[56];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct weft_bpf_watch) == 192, "three lines");

enum weft_bpf_carried_state {
	WEFT_BPF_CARRIED_FREE,	  /* nobody's */
	WEFT_BPF_CARRIED_FILLING, /* a program's */
	WEFT_BPF_CARRIED_FULL,	  /* the data plane's */
};

/* A packet that was carried: its key and the decision say all that happened to it. */
struct weft_bpf_carried {
	__u32 state;   /* enum weft_bpf_carried_state */
	__u32 watch;   /* number of the filter that it passed */
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct weft_bpf_key key;
	struct weft_bpf_decision d;
	__u32 prog;	/* enum weft_bpf_prog */
	__u32 l3_len;	/* of the IP packet */
	__u32 gso_size; /* payload of its segments, when it is to be cut into some */
	__u8 pad[56];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct weft_bpf_carried) == 192, "three lines");

/* weft_trace */
union weft_bpf_trace {
	struct weft_bpf_watch watch;	 /* [0] */
	struct weft_bpf_carried carried; /* [1 + number % WEFT_BPF_TRACE_PLACES] */
};

static inline int weft_bpf_addr_passes(const __u8 *addr, const __u8 *want, const __u8 *mask)
{
	const __u32 *a = (const __u32 *)addr, *w = (const __u32 *)want, *m = (const __u32 *)mask;

	return (((a[0] & m[0]) ^ w[0]) | ((a[1] & m[1]) ^ w[1]) | ((a[2] & m[2]) ^ w[2]) |
		       ((a[3] & m[3]) ^ w[3])) == 0;
}

static inline int weft_bpf_ends_pass(
	const struct weft_bpf_filter *f, const __u8 *src, const __u8 *dst, __u16 sport, __u16 dport)
{
	return weft_bpf_addr_passes(src, f->src, f->src_mask) &&
	       weft_bpf_addr_passes(dst, f->dst, f->dst_mask) && (!f->sport || f->sport == sport) &&
	       (!f->dport || f->dport == dport);
}

/* Does a packet with that key and decision pass? The same as the data plane's own filter says
 * (dataplane/pipeline/watch.c). */
static inline int weft_bpf_filter_passes(const struct weft_bpf_filter *f,
	const struct weft_bpf_key *k, const struct weft_bpf_decision *d)
{
	int icmp = k->proto == 1 || k->proto == 58;
	__u16 sport = icmp ? k->icmp_type << 8 : k->sport;

	if ((f->in_port && f->in_port != d->in_port) || (f->segment && f->segment != d->segment) ||
		(f->proto && f->proto != k->proto) || (f->family && f->family != k->family))
		return 0;
	if (weft_bpf_ends_pass(f, k->src, k->dst, sport, k->dport))
		return 1;
	/* All is read again: a program has no stack to keep it on. */
	__asm__ volatile("" ::: "memory");
	return f->either && weft_bpf_ends_pass(f, k->dst, k->src, icmp ? f->sport : k->dport,
				    icmp ? k->dport : sport);
}

#endif
