/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is a packet on an uplink VXLAN for this host? Asked of everything that is no session's: VXLAN for
 * a VTEP address of ours never reaches the kernel's own stack, and nothing else is touched.
 *
 * Lengths and checksums are judged by the data plane's parser: here only what is read is checked.
 */
#ifndef PROG_LIB_STEER_H
#define PROG_LIB_STEER_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>

#include <weft_bpf/uplink.h>

#include "packet.h"

#define IPV4_MORE_FRAGMENTS  0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_EXT_MAX	     8 /* extension headers followed before UDP */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEFT_BPF_MAX_VTEPS);
	__type(key, struct weft_bpf_addr);
	__type(value, __u32);
} weft_vteps SEC(".maps");

enum steer {
	STEER_NOT_OURS,
	STEER_VXLAN,
	STEER_FRAGMENT,
};

struct ipv6_ext {
	__u8 next;
	__u8 len; /* in 8 bytes beyond the first 8 */
	__be16 frag_off;
	__be32 frag_id;
};

static __always_inline enum steer steer_udp(
	struct cursor *c, const struct weft_bpf_addr *dst, int fragment)
{
	struct udphdr *udp = cursor_take(c, struct udphdr);

	if (!udp || udp->dest != bpf_htons(WEFT_BPF_VXLAN_PORT))
		return STEER_NOT_OURS;
	if (!bpf_map_lookup_elem(&weft_vteps, dst))
		return STEER_NOT_OURS;
	return fragment ? STEER_FRAGMENT : STEER_VXLAN;
}

static __always_inline enum steer steer_ipv4(struct cursor *c)
{
	struct weft_bpf_addr dst __attribute__((aligned(8)));
	void *start = c->pos;
	struct iphdr *ip = cursor_take(c, struct iphdr);

	if (!ip || ip->version != 4 || ip->ihl < 5 || ip->protocol != IPPROTO_UDP)
		return STEER_NOT_OURS;
	if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET))
		return STEER_NOT_OURS;
	put_v4(dst.b, ip->daddr);
	c->pos = start + ip->ihl * 4;
	return steer_udp(c, &dst, (ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS)) != 0);
}

/* Follows extension headers (RFC 8200 section 4) to UDP: an address that filters nothing but the
 * plain form would let a peer reach the kernel's stack by adding a header. */
static __always_inline enum steer steer_ipv6(struct cursor *c)
{
	struct ipv6hdr *ip = cursor_take(c, struct ipv6hdr);
	struct weft_bpf_addr dst;
	int fragment = 0;
	__u8 next;

	if (!ip || ip->version != 6)
		return STEER_NOT_OURS;
	__builtin_memcpy(&dst, &ip->daddr, sizeof(dst));
	next = ip->nexthdr;
	for (int i = 0; i <= IPV6_EXT_MAX; i++) {
		void *start = c->pos;
		struct ipv6_ext *ext;

		if (next == IPPROTO_UDP)
			return steer_udp(c, &dst, fragment);
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
			next != IPPROTO_FRAGMENT)
			return STEER_NOT_OURS;
		ext = cursor_take(c, struct ipv6_ext);
		if (!ext)
			return STEER_NOT_OURS;
		if (next == IPPROTO_FRAGMENT) {
			if (ext->frag_off & bpf_htons(IPV6_FRAGMENT_OFFSET))
				return STEER_NOT_OURS;
			fragment = 1;
		} else {
			c->pos = start + (ext->len + 1) * 8;
		}
		next = ext->next;
	}
	return STEER_NOT_OURS;
}

/* The cursor is at the Ethernet header. Frames with a VLAN tag belong to a VLAN interface of the
 * kernel, not to this one. */
static __always_inline enum steer steer(struct cursor *c)
{
	struct ethhdr *eth = cursor_take(c, struct ethhdr);

	if (!eth)
		return STEER_NOT_OURS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return steer_ipv4(c);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return steer_ipv6(c);
	return STEER_NOT_OURS;
}

#endif
