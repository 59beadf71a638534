/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What fast path programs count, for each port and for themselves, and where they send frames.
 */
#ifndef WEFT_BPF_PORT_H
#define WEFT_BPF_PORT_H

#include <linux/types.h>

/* Program names: at most 15 characters, the kernel keeps no more. */
#define WEFT_BPF_PORT_PROG	"weft_port"
#define WEFT_BPF_PORT_OUT_PROG	"weft_port_out"
#define WEFT_BPF_UPLINK_TC_PROG "weft_uplink_tc"
#define WEFT_BPF_DELIVER_PROG	"weft_deliver"

#define WEFT_BPF_DEVS_MAP     "weft_devs"
#define WEFT_BPF_PORT_CNT_MAP "weft_port_cnt"
#define WEFT_BPF_PROG_CNT_MAP "weft_prog_cnt"

/* weft_devs: devmap by ifindex of ports whose other end takes XDP frames, see WEFT_BPF_DIR_XDP. */
#define WEFT_BPF_MAX_DEVS 4096

/* Before the frame, from the uplink's XDP program to weft_deliver: the same for all frames to one
 * port, so that GRO may join them. */
struct weft_bpf_meta {
	__u32 mark; /* weft_bpf_control.mark */
	__u32 out;  /* ifindex, and WEFT_BPF_META_PEER: into the other end of that veth */
};
_Static_assert(sizeof(struct weft_bpf_meta) == 8, "XDP metadata");
#define WEFT_BPF_META_PEER 0x80000000

/* weft_port_cnt: shared memory, for each port slot (WEFT_MAX_PORTS) an element per CPU, see
 * weft_bpf_port_cnt_at; each CPU writes its own, a line of its own. What programs carried
 * themselves, as weft/stats.h counts it; misses are not in it. Only grows; exact. An uplink's bytes
 * are of the whole frame with its outer headers. A GSO frame is one. */
struct weft_bpf_port_counters {
	__u64 rx_packets;
	__u64 rx_bytes;
	__u64 tx_packets;
	__u64 tx_bytes;
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct weft_bpf_port_counters) == 64, "one line");

/* The element of that slot and CPU; n_cpus: weft_bpf_control's. */
static inline __u32 weft_bpf_port_cnt_at(__u32 slot, __u32 cpu, __u32 n_cpus)
{
	return slot * n_cpus + cpu;
}

/* Why a packet was left to the data plane. X(NAME, "name on every surface"). Never a verdict: the
 * data plane judges it anew. */
#define WEFT_BPF_MISSES(X)                                                                         \
	X(NOT_READY, "not-ready")   /* the tables are not there, or have another layout */         \
	X(NOT_IP, "not-ip")	    /* neither IPv4 nor IPv6 */                                    \
	X(VLAN, "vlan")		    /* a tag of the tenant's */                                    \
	X(HEADERS, "headers")	    /* cut off, wrong, unusual, or offloads that don't fit them */ \
	X(PROTOCOL, "protocol")	    /* neither TCP nor UDP nor ICMP echo */                        \
	X(OUTER, "outer")	    /* outer headers that are wrong or unusual */                  \
	X(NO_SESSION, "no-session") /* */                                                          \
	X(CHANGING, "changing")	    /* the data plane was writing it */                            \
	X(EPOCH, "epoch")	    /* revoked */                                                  \
	X(MACS, "macs")		    /* other MACs than decided upon */                             \
	X(VTEP, "vtep")		    /* out of another tunnel, or another uplink */                 \
	X(ECN, "ecn")		    /* the outer ECN field changes the inner one */                \
	X(TTL, "ttl")		    /* used up */                                                  \
	X(TOO_LONG, "too-long")	    /* longer than the way allows */                               \
	X(TCP_FLAGS, "tcp-flags")   /* SYN, FIN, RST, or none at all */                            \
	X(TCP_STATE, "tcp-state")   /* the connection is opening or closing */                     \
	X(TCP_WINDOW, "tcp-window") /* out of the windows */                                       \
	X(KERNEL, "kernel")	    /* the kernel could not change the frame */

enum weft_bpf_miss {
	WEFT_BPF_MISS_NONE, /* a hit */
#define X(name, text) WEFT_BPF_MISS_##name,
	WEFT_BPF_MISSES(X)
#undef X
	WEFT_BPF_MISS_N,
};

enum weft_bpf_prog {
	WEFT_BPF_PROG_PORT,
	WEFT_BPF_PROG_PORT_OUT,
	WEFT_BPF_PROG_UPLINK_TC,
	WEFT_BPF_PROG_UPLINK_XDP,
	WEFT_BPF_PROG_DELIVER,
	WEFT_BPF_PROG_N,
};

/* weft_prog_cnt: per CPU, by enum weft_bpf_prog. Only grows. passed, hits, dropped and the sum of
 * misses are all the packets that the program has seen; a miss that comes by again with the mark is
 * not counted twice. */
struct weft_bpf_prog_counters {
	__u64 hits;
	__u64 passed;  /* uplinks: the host's own */
	__u64 dropped; /* nowhere to send it, or lost while it was changed */
	__u64 pad;
	__u64 misses[20]; /* by enum weft_bpf_miss */
};
_Static_assert(WEFT_BPF_MISS_N <= 20, "there is room for each");
_Static_assert(sizeof(struct weft_bpf_prog_counters) == 192, "map value");

#endif
