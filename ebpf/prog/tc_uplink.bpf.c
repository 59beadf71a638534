/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tc ingress on a kernel uplink that delivers whole GSO frames (a veth, or a NIC that joins tunnel
 * packets): VXLAN of sessions that the data plane has decided upon loses its outer headers and goes
 * to its port, other VXLAN for this host goes to the data plane, marked, through the same ingress
 * once more (as in tc_port.bpf.c), a first fragment of VXLAN is dropped (RFC 7348 section 4.3), all
 * else is the host's own.
 *
 * On a veth this is the better one of the two, in small frames (2.3 against 2.6 us of CPU with XDP,
 * which makes skbs XDP frames) and in TCP (4 times what XDP carries, which takes no GSO frames). On
 * a driver that receives into pages XDP costs half of it (xdp_uplink.bpf.c).
 */
#include <linux/bpf.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

#include "lib/skb.h"
#include "lib/steer.h"
#include "lib/trace.h"

/* Outer headers over IPv6, and an inner frame of Ethernet, IPv6, TCP. */
#define REACH (70 + 14 + 40 + 20)

static __always_inline int uplink_parse(struct __sk_buff *skb, struct outer *o, struct packet *p)
{
	struct cursor c = skb_cursor(skb, REACH);
	int miss;

	if (skb->vlan_present)
		return WEFT_BPF_MISS_VLAN;
	miss = outer_parse(&c, skb->len, o);
	if (miss)
		return miss;
	if (o->has_sum && !skb_outer_sum_known(skb))
		return WEFT_BPF_MISS_OUTER;
	p->key.scope = weft_bpf_scope_vni(o->vni);
	return parse_frame(&c, o->inner_len, skb->gso_size != 0, p);
}

static __always_inline int uplink_judge(const struct weft_bpf_control *ctl, struct __sk_buff *skb,
	const struct outer *o, const struct packet *p, struct hit *h)
{
	int miss = hit_find(ctl, p, skb->gso_size, h);
	__u8 flags;

	if (miss)
		return miss;
	/* nothing goes from a tunnel to a tunnel */
	if (h->d.out_ifindex == 0)
		return WEFT_BPF_MISS_VTEP;
	if (!skb_sum_fits(skb, p, o->size))
		return WEFT_BPF_MISS_HEADERS;
	return outer_judge(o, p, &h->d, skb->ifindex, &flags);
}

/* As skb_decap. What stands behind the inner packet is cut last: it may be within the outer one,
 * which would be cut short for the data plane. */
static __always_inline int uplink_strip(
	struct __sk_buff *skb, const struct outer *o, struct packet *p, const struct hit *h)
{
	int miss;

	if (skb->gso_size && skb->len != o->size + ETH_HLEN + p->l3_len)
		return WEFT_BPF_MISS_HEADERS;
	if (h->d.flags & WEFT_BPF_DIR_ROUTED)
		hit_route(h, p);
	miss = skb_decap(skb, p, o);
	if (miss)
		return miss;
	return skb_trim(skb, ETH_HLEN + p->l3_len, 0) ? 0 : -1;
}

/* What is no session's. */
static __always_inline int uplink_other(
	struct __sk_buff *skb, const struct weft_bpf_control *ctl, int miss)
{
	struct cursor c = {
		.pos = (void *)(unsigned long)skb->data,
		.end = (void *)(unsigned long)skb->data_end,
	};

	switch (skb->vlan_present ? STEER_NOT_OURS : steer(&c)) {
	case STEER_VXLAN:
		return skb_miss(skb, ctl, WEFT_BPF_PROG_UPLINK_TC, miss);
	case STEER_FRAGMENT:
		return skb_lost(WEFT_BPF_PROG_UPLINK_TC);
	case STEER_NOT_OURS:
		break;
	}
	count_passed(WEFT_BPF_PROG_UPLINK_TC);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int weft_uplink_tc(struct __sk_buff *skb)
{
	const struct weft_bpf_control *ctl = control();
	struct packet p = {};
	struct outer o;
	struct hit h;
	__u32 len = skb->len;
	int miss;

	if (!ctl)
		return skb_lost(WEFT_BPF_PROG_UPLINK_TC);
	if (skb_was_missed(skb, ctl))
		return TC_ACT_SHOT;
	miss = control_ready(ctl) ? uplink_parse(skb, &o, &p) : WEFT_BPF_MISS_NOT_READY;
	if (!miss)
		miss = uplink_judge(ctl, skb, &o, &p, &h);
	if (!miss)
		miss = uplink_strip(skb, &o, &p, &h);
	if (miss > 0)
		return uplink_other(skb, ctl, miss);
	if (miss < 0)
		return skb_lost(WEFT_BPF_PROG_UPLINK_TC);
	hit_done(ctl, &p, &h, len, skb->len);
	trace_hit(ctl, WEFT_BPF_PROG_UPLINK_TC, &p, &h, skb->gso_size);
	count_hit(WEFT_BPF_PROG_UPLINK_TC);
	return skb_deliver(skb, h.d.out_ifindex, h.d.flags & WEFT_BPF_DIR_PEER, ctl->mark);
}

char weft_license[] SEC("license") = "Dual BSD/GPL";
