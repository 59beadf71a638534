/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the uplink program and user space share: names, map layouts, counters.
 *
 * Compiles with gcc, clang and clang -target bpf, so it knows neither libc nor libbpf. The names
 * are how a restarted control daemon recognizes its own program and maps on an interface: changing
 * a layout means changing the map's name, so that an old map is never read with a new layout.
 */
#ifndef WEFT_BPF_UPLINK_H
#define WEFT_BPF_UPLINK_H

#include <linux/types.h>

#include <weft/drop_reason.h>

/* At most 15 characters: the kernel keeps no more. */
#define WEFT_BPF_UPLINK_PROG  "weft_uplink"
#define WEFT_BPF_XSKS_MAP     "weft_xsks"
#define WEFT_BPF_VTEPS_MAP    "weft_vteps"
#define WEFT_BPF_COUNTERS_MAP "weft_uplink_cnt"

#define WEFT_BPF_VXLAN_PORT 4789

/* weft_xsks: receive queue of the interface -> AF_XDP socket. A queue without one drops. */
#define WEFT_BPF_MAX_QUEUES 64
/* weft_vteps: tunnel addresses of this host on this interface. */
#define WEFT_BPF_MAX_VTEPS 64

/* Key of weft_vteps; IPv4 as ::ffff:a.b.c.d, the same bytes as struct weft_addr. The value is a
 * __u32 that is always 1. */
struct weft_bpf_addr {
	__u8 b[16];
};
_Static_assert(sizeof(struct weft_bpf_addr) == 16, "map key");

/* The only element of weft_uplink_cnt, one copy per CPU; counts only grow. */
struct weft_bpf_uplink_counters {
	__u64 redirected; /* handed to an AF_XDP socket (which may still be full) */
	__u64 passed;	  /* left to the kernel's own stack */
	__u64 dropped[WEFT_DROP_MAX];
};
_Static_assert(sizeof(struct weft_bpf_uplink_counters) == 1168, "map value");

#endif
