/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that were carried, told to the data plane while somebody watches (weft_bpf/trace.h).
 * While nobody does, one load and one branch per packet.
 */
#ifndef PROG_LIB_TRACE_H
#define PROG_LIB_TRACE_H

#include "hit.h"

/* The next place, if it is free; else the packet is lost. */
static __always_inline struct weft_bpf_carried *trace_place(struct weft_bpf_watch *w)
{
	__u32 at = 1 + __sync_fetch_and_add(&w->head, 1) % WEFT_BPF_TRACE_PLACES;
	union weft_bpf_trace *place = bpf_map_lookup_elem(&weft_trace, &at);

	if (place && __sync_val_compare_and_swap(&place->carried.state, WEFT_BPF_CARRIED_FREE,
			     WEFT_BPF_CARRIED_FILLING) == WEFT_BPF_CARRIED_FREE)
		return &place->carried;
	__sync_fetch_and_add(&w->lost, 1);
	return NULL;
}

/* One word after the other: else the compiler holds all of them on the stack. */
static __always_inline void trace_copy(void *to, const void *from, __u32 size)
{
#pragma unroll
	for (__u32 i = 0; i < size / sizeof(__u32); i++)
		((volatile __u32 *)to)[i] = ((const volatile __u32 *)from)[i];
}

/* Fills a place from the direction. Returns its state then: a decision that is being written is
 * none. */
static __always_inline __u32 trace_fill(
	struct weft_bpf_carried *r, const struct weft_bpf_dir *dir, __u64 how)
{
	__u32 seq = *(const volatile __u32 *)&dir->seq;

	compiler_barrier();
	r->time_ns = bpf_ktime_get_ns();
	trace_copy(&r->key, &dir->key, sizeof(r->key));
	trace_copy(&r->d, &dir->d, sizeof(r->d));
	r->prog = how & 0xff;
	r->gso_size = how >> 8 & 0xffff;
	r->l3_len = how >> 32;
	compiler_barrier();
	return (seq & 1) || seq != *(const volatile __u32 *)&dir->seq ? WEFT_BPF_CARRIED_FREE
								      : WEFT_BPF_CARRIED_FULL;
}

/* A function of its own with few arguments: the others have hardly any stack to spare. */
static __noinline void trace_put(const struct weft_bpf_dir *dir, __u32 watch, __u64 how)
{
	union weft_bpf_trace *first;
	struct weft_bpf_carried *r;
	__u32 zero = 0, state;

	first = bpf_map_lookup_elem(&weft_trace, &zero);
	if (!first || !weft_bpf_filter_passes(&first->watch.filter, &dir->key, &dir->d))
		return;
	r = trace_place(&first->watch);
	if (!r)
		return;
	r->watch = watch;
	state = trace_fill(r, dir, how);
	if (state == WEFT_BPF_CARRIED_FREE)
		__sync_fetch_and_add(&first->watch.lost, 1);
	__sync_lock_test_and_set(&r->state, state);
}

/* p was carried by that program as h decided. gso_size: as for hit_find. */
static __always_inline void trace_hit(const struct weft_bpf_control *c, __u32 prog,
	const struct packet *p, const struct hit *h, __u32 gso_size)
{
	__u32 watch = *(const volatile __u32 *)&c->watch;

	if (__builtin_expect(watch != 0, 0))
		trace_put(h->dir, watch, (__u64)p->l3_len << 32 | gso_size << 8 | prog);
}

#endif
