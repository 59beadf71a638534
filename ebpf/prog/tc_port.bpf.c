/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tc on the host's end of a kernel port (the veth of a container, a TAP).
 *
 * weft_port, ingress, what the tenant sends: packets of sessions that the data plane has decided
 * upon go straight to where they go, another port of this host or a tunnel; all others go to the
 * data plane with their offload metadata: marked, through the same ingress once more, where the
 * data plane's packet socket sees them and this program, which comes after it, drops them. Nothing
 * reaches the host's own IP stack, and nothing passes that has no decision: before a data plane has
 * taken the tables over every packet is a miss.
 *
 * Why through the same ingress: the frame keeps its metadata, its tags and its port, and each port
 * has its own buffers; a device for all misses would need a label on each frame and lets one port's
 * flood push the others' out. A tenant can't forge the mark: frames lose theirs where they enter
 * this network namespace. What it costs, a second pass through the receive path and the backlog of
 * its CPU (net.core.netdev_max_backlog), only misses pay.
 *
 * weft_port_out, egress, what the host sends to the tenant: only what another fast path program
 * marked. The data plane's own packet socket does not pass here; what else comes was made by the
 * host's stack (router solicitations, MLD, ARP) and is none of the tenant's business.
 *
 * Why tc and not XDP: what a container sends is an skb, whole GSO frames with partial checksums.
 * XDP on a veth turns that off (a factor of 3 to 4 in bulk TCP) and makes every skb an XDP frame
 * first: a bare XDP redirect to the uplink costs 0.92 of what this program with its lookup and
 * encapsulation does. Only for frames that are XDP frames already, which nothing but a test sends
 * into a port, it is 5 times cheaper (perf/fastpath).
 *
 * Why redirect_peer for veths: 0.6 to 1.0 of the CPU time per small frame of a redirect out of the
 * host's end, which goes through the queueing layer and a second receive path; in bulk TCP the two
 * are alike. It skips the other end's XDP, and what is attached to the port's egress.
 */
#include <linux/bpf.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

#include "lib/skb.h"
#include "lib/trace.h"

/* Ethernet, IPv6, TCP. */
#define REACH (14 + 40 + 20)

static __always_inline int port_parse(struct __sk_buff *skb, struct packet *p)
{
	struct cursor c = skb_cursor(skb, REACH);

	if (skb->vlan_present)
		return WEFT_BPF_MISS_VLAN;
	p->key.scope = weft_bpf_scope_port(skb->ifindex);
	return parse_frame(&c, skb->len, skb->gso_size != 0, p);
}

/* Carries the decision out; *ret_action. As skb_encap. */
static __always_inline int port_send(struct __sk_buff *skb, const struct weft_bpf_control *ctl,
	struct packet *p, const struct hit *h, int *ret_action)
{
	int routed = h->d.flags & WEFT_BPF_DIR_ROUTED, error = 0;
	__u32 ifindex = h->d.out_ifindex;

	if (!skb_trim(skb, ETH_HLEN + p->l3_len, skb->gso_size))
		return WEFT_BPF_MISS_HEADERS;
	if (ifindex == 0) {
		error = skb_encap(skb, p, &h->d, &ifindex);
		if (error == 0)
			*ret_action = bpf_redirect(ifindex, 0);
		return error;
	}
	if (routed && bpf_skb_store_bytes(skb, 0, p->head, HEAD_SIZE, STORE_FLAGS))
		return -1;
	*ret_action = skb_deliver(skb, ifindex, h->d.flags & WEFT_BPF_DIR_PEER, ctl->mark);
	return 0;
}

SEC("tc")
int weft_port(struct __sk_buff *skb)
{
	const struct weft_bpf_control *ctl = control();
	struct packet p = {};
	struct hit h;
	__u32 len = skb->len;
	int miss, action = TC_ACT_SHOT;

	if (!ctl)
		return skb_lost(WEFT_BPF_PROG_PORT);
	if (skb_was_missed(skb, ctl))
		return TC_ACT_SHOT;
	miss = control_ready(ctl) ? port_parse(skb, &p) : WEFT_BPF_MISS_NOT_READY;
	if (!miss)
		miss = hit_find(ctl, &p, skb->gso_size, &h);
	if (!miss && !skb_sum_fits(skb, &p, 0))
		miss = WEFT_BPF_MISS_HEADERS;
	if (!miss) {
		if (h.d.flags & WEFT_BPF_DIR_ROUTED)
			hit_route(&h, &p);
		miss = port_send(skb, ctl, &p, &h, &action);
	}
	if (miss > 0)
		return skb_miss(skb, ctl, WEFT_BPF_PROG_PORT, miss);
	if (miss < 0)
		return skb_lost(WEFT_BPF_PROG_PORT);
	hit_done(ctl, &p, &h, len, skb->len);
	trace_hit(ctl, WEFT_BPF_PROG_PORT, &p, &h, skb->gso_size);
	count_hit(WEFT_BPF_PROG_PORT);
	return action;
}

SEC("tc")
int weft_port_out(struct __sk_buff *skb)
{
	const struct weft_bpf_control *ctl = control();

	if (!ctl || skb->mark != ctl->mark || ctl->mark == 0)
		return skb_lost(WEFT_BPF_PROG_PORT_OUT);
	skb->mark = 0;
	count_passed(WEFT_BPF_PROG_PORT_OUT);
	return TC_ACT_UNSPEC;
}

char weft_license[] SEC("license") = "Dual BSD/GPL";
