/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each program did with each packet.
 */
#ifndef PROG_LIB_COUNT_H
#define PROG_LIB_COUNT_H

#include "maps.h"

static __always_inline struct weft_bpf_prog_counters *counters_of(__u32 prog)
{
	return bpf_map_lookup_elem(&weft_prog_cnt, &prog);
}

static __always_inline void count_hit(__u32 prog)
{
	struct weft_bpf_prog_counters *n = counters_of(prog);

	if (n)
		n->hits++;
}

static __always_inline void count_passed(__u32 prog)
{
	struct weft_bpf_prog_counters *n = counters_of(prog);

	if (n)
		n->passed++;
}

static __always_inline void count_dropped(__u32 prog)
{
	struct weft_bpf_prog_counters *n = counters_of(prog);

	if (n)
		n->dropped++;
}

static __always_inline void count_miss(__u32 prog, __u32 miss)
{
	struct weft_bpf_prog_counters *n = counters_of(prog);

	if (n && miss < WEFT_BPF_MISS_N)
		n->misses[miss]++;
}

#endif
