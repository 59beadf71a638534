/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tc on the host's end of a tenant's veth, both directions: drops everything. Two names, so that
 * one can see which of them is where.
 *
 * Ingress: the data plane's AF_PACKET socket taps frames before tc, with their offload metadata;
 * the host's own IP stack sits behind tc and must never see what a tenant sends. Egress: the data
 * plane's socket bypasses the queueing layer and tc with it; what does come here was made by the
 * host's stack (router solicitations, MLD, ARP) and is none of the tenant's business.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

SEC("tc")
int weft_guard(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

SEC("tc")
int weft_guard_out(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

char weft_license[] SEC("license") = "Dual BSD/GPL";
