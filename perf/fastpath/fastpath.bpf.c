/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fast path's benchmark needs around it: a source of frames (run with
 * BPF_F_TEST_XDP_LIVE_FRAMES), sinks that count, the bare redirect to compare with, and the way of
 * misses to a bridge that stands in for the data plane.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FRAME_MIN 64
#define HEADERS	  96 /* that the source writes anew: pages come back as programs left them */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sunk SEC(".maps");

/* Set by the benchmark before it runs the source. */
__u32 source_ifindex;
__u32 source_flows;
__u32 source_port_at; /* where the frame has the source port that varies */
__u8 source_headers[HEADERS];
__u32 wire_ifindex[2]; /* what comes in by one goes out by the other */
__u32 miss_mark, miss_ifindex;

static __u32 n;

SEC("xdp")
int source(struct xdp_md *ctx)
{
	void *data = (void *)(unsigned long)ctx->data;
	void *end = (void *)(unsigned long)ctx->data_end;
	__u32 at = source_port_at;

	if (data + HEADERS <= end)
		__builtin_memcpy(data, source_headers, HEADERS);
	else if (data + FRAME_MIN <= end)
		__builtin_memcpy(data, source_headers, FRAME_MIN);
	if (at > HEADERS || data + at + 2 > end)
		return XDP_DROP;
	*(__be16 *)(data + at) = bpf_htons(10000 + n++ % source_flows);
	return bpf_redirect(source_ifindex, 0);
}

static __always_inline void count(void)
{
	__u32 zero = 0;
	__u64 *c = bpf_map_lookup_elem(&sunk, &zero);

	if (c)
		++*c;
}

SEC("xdp")
int sink(struct xdp_md *ctx)
{
	count();
	return XDP_DROP;
}

SEC("tc")
int sink_tc(struct __sk_buff *skb)
{
	count();
	return TC_ACT_SHOT;
}

SEC("xdp")
int wire(struct xdp_md *ctx)
{
	return bpf_redirect(wire_ifindex[ctx->ingress_ifindex == wire_ifindex[0]], 0);
}

/* Before the port's program. */
SEC("tc")
int misses(struct __sk_buff *skb)
{
	if (skb->mark != miss_mark)
		return TC_ACT_UNSPEC;
	skb->mark = 0;
	return bpf_redirect(miss_ifindex, BPF_F_INGRESS);
}

char weft_license[] SEC("license") = "Dual BSD/GPL";
