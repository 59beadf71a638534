/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fast path's benchmarks need around it: a source of frames (run with
 * BPF_F_TEST_XDP_LIVE_FRAMES), sinks that count, the bare redirect to compare with, and the way of
 * misses to a bridge that stands in for the data plane.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "fastpath.h"

#define FRAME_MIN 64

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sunk SEC(".maps");

/* Set by the benchmark before it runs the source. */
struct fastpath_source sources[2]; /* that take turns, */
__u32 two_sources;		   /* if there are two */
__u32 source_flows;
__u32 wire_ifindex[2]; /* what comes in by one goes out by the other */
__u32 miss_mark, miss_ifindex;
__u32 sink_len[2]; /* only frames of these lengths count; 0: all do */

__u64 source_sent;

SEC("xdp")
int source(struct xdp_md *ctx)
{
	const struct fastpath_source *s = &sources[two_sources && source_sent & 1];
	__u64 n = two_sources ? source_sent / 2 : source_sent;
	__u32 at = s->port_at;
	void *data, *end;

	if (s->len < ctx->data_end - ctx->data &&
		bpf_xdp_adjust_tail(ctx, (int)(s->len - (ctx->data_end - ctx->data))))
		return XDP_DROP;
	data = (void *)(unsigned long)ctx->data;
	end = (void *)(unsigned long)ctx->data_end;
	if (data + FASTPATH_HEADERS <= end)
		__builtin_memcpy(data, s->headers, FASTPATH_HEADERS);
	else if (data + FRAME_MIN <= end)
		__builtin_memcpy(data, s->headers, FRAME_MIN);
	if (at > FASTPATH_HEADERS || data + at + 2 > end)
		return XDP_DROP;
	*(__be16 *)(data + at) = bpf_htons(FASTPATH_PORT + n % source_flows);
	source_sent++;
	return bpf_redirect(s->ifindex, 0);
}

static __always_inline void count(__u32 len)
{
	__u32 zero = 0;
	__u64 *c = bpf_map_lookup_elem(&sunk, &zero);

	if (sink_len[0] && len != sink_len[0] && len != sink_len[1])
		return;
	if (c)
		++*c;
}

SEC("xdp")
int sink(struct xdp_md *ctx)
{
	count(ctx->data_end - ctx->data);
	return XDP_DROP;
}

SEC("tc")
int sink_tc(struct __sk_buff *skb)
{
	count(skb->len);
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
