/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tc programs do to frames. Never by direct writes: these make the verifier put a copy of the
 * headers in front of the program for every clone, and what a local TCP sends is always a clone;
 * bpf_skb_store_bytes sees that such headers are writable as they are. One store per packet.
 *
 * Room is made behind the Ethernet header and described to the kernel, so that GSO frames and
 * checksums to be completed stay as they are.
 */
#ifndef PROG_LIB_SKB_H
#define PROG_LIB_SKB_H

#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_core_read.h>

#include "count.h"
#include "encap.h"

#define STORE_FLAGS BPF_F_RECOMPUTE_CSUM
#define ROOM_ENCAP                                                                                 \
	(BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP |                                  \
		BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN) | BPF_F_ADJ_ROOM_ENCAP_L2_ETH)
/* Linux 6.3; older ones refuse it, then such packets are misses. */
#define ROOM_DECAP_V4 (1 << 7)
#define ROOM_DECAP_V6 (1 << 8)

/* What the kernel tells programs nothing of; where it is, libbpf finds out (CO-RE). */
struct sk_buff {
	__u16 csum_start; /* this one and mac_header from where the buffer begins */
	__u16 csum_offset;
	__u16 mac_header;
	__u8 ip_summed : 2;
} __attribute__((preserve_access_index));

#define CHECKSUM_PARTIAL 3
#define TCP_CHECK	 16
#define UDP_CHECK	 6

/* Linux 6.2 lets programs read it as it is, by this; older ones by a helper, which costs a call for
 * each field. The kernel has the name of the function in this enum, too. */
void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;
enum special_kfunc_type {
	KF_bpf_cast_to_kern_ctx,
};

/* A checksum that is yet to be completed; at: its L4 header's place in the frame, beyond which it
 * is by offset. */
struct skb_sum {
	__u16 at;
	__u16 offset;
};

/* A cursor at the frame's start that reaches at least size bytes, if there are so many. */
static __always_inline struct cursor skb_cursor(struct __sk_buff *skb, __u32 size)
{
	void *data = (void *)(unsigned long)skb->data;

	if (size > skb->len)
		size = skb->len;
	if (data + size > (void *)(unsigned long)skb->data_end)
		bpf_skb_pull_data(skb, size);
	return (struct cursor){
		.pos = (void *)(unsigned long)skb->data,
		.end = (void *)(unsigned long)skb->data_end,
	};
}

/* False: there is none. */
static __always_inline int skb_sum(struct __sk_buff *skb, struct skb_sum *ret)
{
	const struct sk_buff *s;

	if (bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_cast_to_kern_ctx)) {
		s = bpf_cast_to_kern_ctx(skb);
		ret->at = s->csum_start - s->mac_header;
		ret->offset = s->csum_offset;
		return BPF_CORE_READ_BITFIELD(s, ip_summed) == CHECKSUM_PARTIAL;
	}
	s = (const void *)skb;
	if (BPF_CORE_READ_BITFIELD_PROBED(s, ip_summed) != CHECKSUM_PARTIAL)
		return 0;
	ret->at = BPF_CORE_READ(s, csum_start) - BPF_CORE_READ(s, mac_header);
	ret->offset = BPF_CORE_READ(s, csum_offset);
	return 1;
}

/* Whether a checksum that is yet to be completed goes into the L4 header of p, whose Ethernet
 * header is eth_off into the frame. A tenant says where (virtio-net header): anywhere else it would
 * change the frame after all questions have been asked of it. One that is complete does not fit
 * into what is cut yet: the data plane refuses such frames, as virtio does (1.2, section 5.1.6.2).
 */
static __always_inline int skb_sum_fits(
	struct __sk_buff *skb, const struct packet *p, __u32 eth_off)
{
	__u32 l3_size = p->key.family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	struct skb_sum sum;

	if (!skb_sum(skb, &sum))
		return skb->gso_size == 0;
	if (sum.at != eth_off + ETH_HLEN + l3_size)
		return 0;
	return (p->key.proto == IPPROTO_TCP && sum.offset == TCP_CHECK) ||
	       (p->key.proto == IPPROTO_UDP && sum.offset == UDP_CHECK);
}

/* Whether the outer checksum of a tunnel packet is right as far as the kernel knows: the NIC has
 * seen that it is, or it has not been on a wire yet and is right once the inner one is completed.
 * The data plane sums up the one, and takes the other as it is, too. */
static __always_inline int skb_outer_sum_known(struct __sk_buff *skb)
{
	struct skb_sum sum;

	return bpf_csum_level(skb, BPF_CSUM_LEVEL_QUERY) >= 0 || skb_sum(skb, &sum);
}

/* Cuts what stands behind the IP packet. len: of the frame with it. False: can't be done. */
static __always_inline int skb_trim(struct __sk_buff *skb, __u32 len, __u32 gso)
{
	if (skb->len <= len)
		return skb->len == len;
	return !gso && bpf_skb_change_tail(skb, len, 0) == 0;
}

/* Puts the outer headers on p, which fills skb. Returns 0, or enum weft_bpf_miss with skb
 * unchanged, or -1 when it is lost. (A miss may have lost its padding before: nobody misses it.) */
static __always_inline int skb_encap(struct __sk_buff *skb, const struct packet *p,
	const struct weft_bpf_decision *d, __u32 *ret_ifindex)
{
	const struct weft_bpf_tunnel *t;
	union encap e;
	__u32 seq;
	int is_v6;

	t = tunnel_begin(d->out_vtep, &seq);
	if (!t)
		return WEFT_BPF_MISS_VTEP;
	is_v6 = t->flags & WEFT_BPF_TUNNEL_V6;
	if (is_v6)
		encap_v6(t, p, d, &e);
	else
		encap_v4(t, p, d, &e);
	*ret_ifindex = t->uplink_ifindex;
	if (!tunnel_unchanged(t, seq))
		return WEFT_BPF_MISS_CHANGING;
	if (p->l3_len > 0xffff - WEFT_BPF_OUTER_V6)
		return WEFT_BPF_MISS_TOO_LONG;
	if (is_v6) {
		if (bpf_skb_adjust_room(skb, WEFT_BPF_OUTER_V6, BPF_ADJ_ROOM_MAC,
			    ROOM_ENCAP | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6))
			return WEFT_BPF_MISS_KERNEL;
		return bpf_skb_store_bytes(
			       skb, 0, e.bytes, WEFT_BPF_OUTER_V6 + HEAD_SIZE, STORE_FLAGS)
			       ? -1
			       : 0;
	}
	if (bpf_skb_adjust_room(skb, WEFT_BPF_OUTER_V4, BPF_ADJ_ROOM_MAC,
		    ROOM_ENCAP | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4))
		return WEFT_BPF_MISS_KERNEL;
	return bpf_skb_store_bytes(skb, 0, e.bytes, WEFT_BPF_OUTER_V4 + HEAD_SIZE, STORE_FLAGS) ? -1
												: 0;
}

/* Takes the outer headers off; the inner frame gets p's head. Returns as skb_encap. */
static __always_inline int skb_decap(
	struct __sk_buff *skb, const struct packet *p, const struct outer *o)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;
	int is_v6 = o->size == WEFT_BPF_OUTER_V6;

	if (is_v6 != (p->key.family == 6))
		flags |= p->key.family == 6 ? ROOM_DECAP_V6 : ROOM_DECAP_V4;
	if (bpf_skb_adjust_room(skb, -(__s32)o->size, BPF_ADJ_ROOM_MAC, flags))
		return WEFT_BPF_MISS_KERNEL;
	return bpf_skb_store_bytes(skb, 0, p->head, HEAD_SIZE, STORE_FLAGS) ? -1 : 0;
}

/* To a port on this host. peer: straight into the other end of a veth, which has to take the frame
 * for its own; else out of the device, whose guard lets marked frames pass. */
static __always_inline int skb_deliver(struct __sk_buff *skb, __u32 ifindex, int peer, __u32 mark)
{
	if (peer) {
		bpf_skb_change_type(skb, PACKET_HOST);
		return bpf_redirect_peer(ifindex, 0);
	}
	skb->mark = mark;
	return bpf_redirect(ifindex, 0);
}

/* What is left of a frame that is neither here nor there. */
static __always_inline int skb_lost(__u32 prog)
{
	count_dropped(prog);
	return TC_ACT_SHOT;
}

/* To the data plane: once more into the interface that it came by, marked. The data plane's packet
 * socket there, which runs before tc, takes what is marked and nothing else. */
static __always_inline int skb_miss(
	struct __sk_buff *skb, const struct weft_bpf_control *ctl, __u32 prog, __u32 miss)
{
	if (ctl->mark == 0)
		return skb_lost(prog);
	count_miss(prog, miss);
	skb->mark = ctl->mark;
	return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

/* A miss, again: the data plane has it. */
static __always_inline int skb_was_missed(
	const struct __sk_buff *skb, const struct weft_bpf_control *ctl)
{
	return ctl->mark != 0 && skb->mark == ctl->mark;
}

#endif
