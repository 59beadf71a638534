/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft_port for GSO frames of BPF_PROG_TEST_RUN, which can't say that their checksum is yet to be
 * completed, as it is of all that the program carries. Here it is, and where it belongs; whether
 * the program asks for that, test_misses sees on real devices.
 */
#include <linux/bpf.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

#define skb_sum_fits skb_sum_fits_really
#include "../../../ebpf/prog/lib/skb.h"
#undef skb_sum_fits

static __always_inline int skb_sum_fits(
	struct __sk_buff *skb, const struct packet *p, __u32 eth_off)
{
	return skb->gso_size != 0 || skb_sum_fits_really(skb, p, eth_off);
}

#include "../../../ebpf/prog/tc_port.bpf.c"
