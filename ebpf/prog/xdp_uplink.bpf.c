/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * XDP on a kernel uplink: VXLAN for this host's VTEP addresses goes to the data plane's AF_XDP
 * socket of the receive queue; all other traffic stays with the kernel, untouched.
 *
 * VXLAN for us never reaches the kernel's own stack: without a socket it is dropped (no-uplink), so
 * that a data plane that is away cannot turn tenant traffic into host traffic. A first fragment of
 * VXLAN is dropped (RFC 7348 section 4.3); later fragments carry no port and stay with the kernel,
 * where they wait for a first one that never comes. Frames with a VLAN tag belong to a VLAN
 * interface of the kernel, not to this one.
 *
 * Lengths and checksums are judged by the data plane's parser: here only what is read is checked.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <weft_bpf/uplink.h>

#include "lib/cursor.h"

#define IPV4_MORE_FRAGMENTS  0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_EXT_MAX	     8 /* extension headers followed before UDP */

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, WEFT_BPF_MAX_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} weft_xsks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEFT_BPF_MAX_VTEPS);
	__type(key, struct weft_bpf_addr);
	__type(value, __u32);
} weft_vteps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weft_bpf_uplink_counters);
} weft_uplink_cnt SEC(".maps");

enum verdict {
	NOT_OURS,
	VXLAN,
	VXLAN_FRAGMENT,
};

struct ipv6_ext {
	__u8 next;
	__u8 len; /* in 8 bytes beyond the first 8 */
	__be16 frag_off;
	__be32 frag_id;
};

static __always_inline enum verdict classify_udp(
	struct cursor *c, const struct weft_bpf_addr *dst, int fragment)
{
	struct udphdr *udp = cursor_take(c, struct udphdr);

	if (!udp || udp->dest != bpf_htons(WEFT_BPF_VXLAN_PORT))
		return NOT_OURS;
	if (!bpf_map_lookup_elem(&weft_vteps, dst))
		return NOT_OURS;
	return fragment ? VXLAN_FRAGMENT : VXLAN;
}

static __always_inline enum verdict classify_ipv4(struct cursor *c)
{
	struct weft_bpf_addr dst = {.b = {[10] = 0xff, [11] = 0xff}};
	void *start = c->pos;
	struct iphdr *ip = cursor_take(c, struct iphdr);

	if (!ip || ip->version != 4 || ip->ihl < 5 || ip->protocol != IPPROTO_UDP)
		return NOT_OURS;
	if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET))
		return NOT_OURS;
	__builtin_memcpy(&dst.b[12], &ip->daddr, 4);
	c->pos = start + ip->ihl * 4;
	return classify_udp(c, &dst, (ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS)) != 0);
}

/* Follows extension headers (RFC 8200 section 4) to UDP: an address that filters nothing but the
 * plain form would let a peer reach the kernel's stack by adding a header. */
static __always_inline enum verdict classify_ipv6(struct cursor *c)
{
	struct ipv6hdr *ip = cursor_take(c, struct ipv6hdr);
	struct weft_bpf_addr dst;
	int fragment = 0;
	__u8 next;

	if (!ip || ip->version != 6)
		return NOT_OURS;
	__builtin_memcpy(&dst, &ip->daddr, sizeof(dst));
	next = ip->nexthdr;
	for (int i = 0; i <= IPV6_EXT_MAX; i++) {
		void *start = c->pos;
		struct ipv6_ext *ext;

		if (next == IPPROTO_UDP)
			return classify_udp(c, &dst, fragment);
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
			next != IPPROTO_FRAGMENT)
			return NOT_OURS;
		ext = cursor_take(c, struct ipv6_ext);
		if (!ext)
			return NOT_OURS;
		if (next == IPPROTO_FRAGMENT) {
			if (ext->frag_off & bpf_htons(IPV6_FRAGMENT_OFFSET))
				return NOT_OURS;
			fragment = 1;
		} else {
			c->pos = start + (ext->len + 1) * 8;
		}
		next = ext->next;
	}
	return NOT_OURS;
}

static __always_inline enum verdict classify(struct xdp_md *ctx)
{
	struct cursor c = {
		.pos = (void *)(unsigned long)ctx->data,
		.end = (void *)(unsigned long)ctx->data_end,
	};
	struct ethhdr *eth = cursor_take(&c, struct ethhdr);

	if (!eth)
		return NOT_OURS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return classify_ipv4(&c);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return classify_ipv6(&c);
	return NOT_OURS;
}

SEC("xdp.frags")
int weft_uplink(struct xdp_md *ctx)
{
	struct weft_bpf_uplink_counters *counters;
	__u32 zero = 0;

	counters = bpf_map_lookup_elem(&weft_uplink_cnt, &zero);
	if (!counters)
		return XDP_ABORTED;
	switch (classify(ctx)) {
	case NOT_OURS:
		counters->passed++;
		return XDP_PASS;
	case VXLAN_FRAGMENT:
		counters->dropped[WEFT_DROP_OUTER_FRAGMENT]++;
		return XDP_DROP;
	case VXLAN:
		break;
	}
	if (bpf_redirect_map(&weft_xsks, ctx->rx_queue_index, XDP_DROP) != XDP_REDIRECT) {
		counters->dropped[WEFT_DROP_NO_UPLINK]++;
		return XDP_DROP;
	}
	counters->redirected++;
	return XDP_REDIRECT;
}

char weft_license[] SEC("license") = "Dual BSD/GPL";
