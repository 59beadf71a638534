/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tc ingress on an uplink with the XDP program: frames that it decapsulated and marked go into the
 * port that they are for, by now perhaps joined by GRO. All others are the host's own.
 */
#include <linux/bpf.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

#include "lib/skb.h"

SEC("tc")
int weft_deliver(struct __sk_buff *skb)
{
	const struct weft_bpf_meta *meta = (void *)(unsigned long)skb->data_meta;
	const struct weft_bpf_control *ctl;
	__u32 out;

	if ((void *)(meta + 1) > (void *)(unsigned long)skb->data)
		return TC_ACT_UNSPEC;
	ctl = control();
	if (!ctl || ctl->mark == 0 || meta->mark != ctl->mark)
		return TC_ACT_UNSPEC;
	out = meta->out;
	count_hit(WEFT_BPF_PROG_DELIVER);
	return skb_deliver(skb, out & ~WEFT_BPF_META_PEER, out & WEFT_BPF_META_PEER, ctl->mark);
}

char weft_license[] SEC("license") = "Dual BSD/GPL";
