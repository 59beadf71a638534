/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions as BPF programs see them: buckets that lead from a key to a direction, and directions
 * that hold the whole decision for their packets.
 *
 * Who writes what (shared memory as in control.h):
 *  - The data plane alone writes buckets, keys and decisions. To change a direction it makes seq
 *    odd, then writes, then makes seq even again, another number than before; a program reads seq
 *    before and after, and takes an odd or a changed one for a miss. It puts a direction into its
 *    bucket when it is complete, and takes it out before it reuses it.
 *  - While a direction is in its bucket, programs write weft_bpf_state. The data plane reads it
 *    (it may be a packet old), and writes two things: tcp.flags, which programs only read, and
 *    higher numbers into the rest of tcp, which only ever grow. It has to: what passed it while the
 *    session was put in, or as a miss, the programs did not see, and their windows would stand
 *    still. If a program stores its older number at that moment, the next packet raises it again.
 *    The data plane fills the state in before, and has it back once the direction is out and no
 *    program runs any more that found it there (some milliseconds later).
 *    Two CPUs that get packets of one direction at the same time may lose a count of it, never
 *    more; counters of ports are exact (port.h).
 *  - Nothing is ever evicted: a full bucket means that the session stays with the data plane.
 * Addresses and MACs are in network order, all else in host order.
 */
#ifndef WEFT_BPF_SESSION_H
#define WEFT_BPF_SESSION_H

#include <linux/types.h>

#include <weft_bpf/control.h>
#include <weft_bpf/tcp_window.h>

#define WEFT_BPF_BUCKETS_MAP "weft_buckets"
#define WEFT_BPF_DIRS_MAP    "weft_dirs"

/* What a packet looks like when it enters. All bytes count. */
struct weft_bpf_key {
	__u8 src[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 dst[16];
	__u16 sport; /* ICMP echo: the identifier in both */
	__u16 dport;
	__u32 scope; /* weft_bpf_scope_*: where it came from */
	__u8 proto;
	__u8 icmp_type; /* a request answers no request; other protocols: 0 */
	__u8 family;	/* 4 or 6: an IPv6 packet with a mapped address is no IPv4 packet */
	__u8 zero;
	__u32 zero2;
};
_Static_assert(sizeof(struct weft_bpf_key) == 48, "hashed and compared without padding");

/* From a kernel port, or out of a tunnel; VNIs have 24 bits. */
static inline __u32 weft_bpf_scope_port(__u32 ifindex)
{
	return ifindex | 0x80000000;
}

static inline __u32 weft_bpf_scope_vni(__u32 vni)
{
	return vni;
}

/* NH (RFC 4418 section 5.2): for whoever doesn't know the seed, two keys collide with probability
 * 2^-32 whatever they are; six multiplications, none of which needs the high half. The last step
 * spreads the result over all bits and maps no two of them to one. */
static inline __u64 weft_bpf_hash(const struct weft_bpf_key *key, const __u32 *seed)
{
	const __u32 *w = (const __u32 *)key;
	__u64 h = 0;

	for (int i = 0; i < WEFT_BPF_SEED_WORDS; i += 2)
		h += (__u64)(w[i] + seed[i]) * (w[i + 1] + seed[i + 1]);
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15;
	return h ^ h >> 29;
}

static inline __u32 weft_bpf_hash_bucket(__u64 hash, __u32 n_buckets_mask)
{
	return (__u32)hash & n_buckets_mask;
}

/* 0 is a free place. */
static inline __u32 weft_bpf_hash_tag(__u64 hash)
{
	__u32 tag = hash >> 32;

	return tag ? tag : 1;
}

/* weft_buckets: one line. A place is written as one word: tag below, index of the direction
 * above; 0: free. A tag occurs once in a bucket: a second session with it stays with the data
 * plane. */
#define WEFT_BPF_PLACES 8
struct weft_bpf_bucket {
	__u64 place[WEFT_BPF_PLACES];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct weft_bpf_bucket) == 64, "one line");

static inline __u64 weft_bpf_place(__u32 tag, __u32 index)
{
	return (__u64)index << 32 | tag;
}

enum weft_bpf_dir_flag {
	WEFT_BPF_DIR_ROUTED = 1 << 0, /* MACs are replaced and the TTL goes down */
	WEFT_BPF_DIR_PEER = 1 << 1,   /* out_ifindex is a veth whose other end is elsewhere */
	WEFT_BPF_DIR_XDP = 1 << 2,    /* out_ifindex takes XDP frames: it is in weft_devs */
	WEFT_BPF_DIR_PLAIN = 1 << 3,  /* the data plane's own: its segment needs no sessions */
};

/* What a direction's packets get. */
struct weft_bpf_decision {
	__u32 epoch;	   /* it holds while weft_epochs[segment] is the same; never 0 */
	__u16 segment;	   /* slot in which they enter */
	__u16 flags;	   /* enum weft_bpf_dir_flag */
	__u32 peer;	   /* index of the other direction */
	__u32 out_ifindex; /* local delivery; 0: into the tunnel out_vtep */
	__u16 in_port;	   /* slot, for counters: the port or the uplink */
	__u16 in_vtep;	   /* slot: the tunnel that they must come out of; 0: a port */
	__u16 out_port;	   /* slot, for counters: the port or the uplink */
	__u16 out_vtep;	   /* slot */
	__u32 out_vni;
	__u32 flow_hash;       /* of the inner flow: source port and flow label of the tunnel */
	__u16 max_l3;	       /* largest IP packet that may go there */
	__u8 match_macs[12];   /* destination and source MAC that packets must have */
	__u8 rewrite_macs[12]; /* the ones they get, with WEFT_BPF_DIR_ROUTED */
	__u16 pad;
};
_Static_assert(sizeof(struct weft_bpf_decision) == 60, "fits beside the key");

/* A GSO frame of more segments is nobody's: the data plane refuses it (pkt/gso.h). */
#define WEFT_BPF_GSO_SEGS_MAX 128

/* What programs write. */
struct weft_bpf_state {
	__u64 packets; /* frames as they passed: a GSO frame is one */
	__u64 bytes;   /* of those, from the inner Ethernet header on, as they entered */
	__u32 seen_s;  /* weft_bpf_control.now_s at the last one; 0: none yet */
	struct session_tcp tcp;
	__u8 pad[20];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct weft_bpf_state) == 64, "one line");

/* weft_dirs, [0] is never used. */
struct weft_bpf_dir {
	struct weft_bpf_key key;
	__u32 seq;   /* even: complete */
	__u32 owner; /* the data plane's own word; programs don't look at it */
	struct weft_bpf_decision d;
	__u8 pad[12];
	struct weft_bpf_state state;
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct weft_bpf_dir) == 192, "three lines");

#endif
