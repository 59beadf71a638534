/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP read strictly; called by stages on workers. Whether its claims are true is theirs to judge.
 */
#include <rte_arp.h>
#include <rte_byteorder.h>
#include <rte_ether.h>

#include <pkt/arp.h>
#include <pkt/meta.h>

static bool arp_is_ipv4(const struct rte_arp_hdr *h)
{
	return h->arp_hardware == rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) &&
	       h->arp_protocol == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) && h->arp_hlen == 6 &&
	       h->arp_plen == 4;
}

bool arp_parse(const struct rte_mbuf *m, struct arp_info *ret)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	const struct rte_arp_hdr *h =
		rte_pktmbuf_mtod_offset(m, const struct rte_arp_hdr *, meta->l3_off);
	uint16_t op = rte_be_to_cpu_16(h->arp_opcode);
	struct arp_info info = {.op = op};

	if (!arp_is_ipv4(h) || (op != ARP_REQUEST && op != ARP_REPLY))
		return false;
	memcpy(info.sender_mac.b, &h->arp_data.arp_sha, 6);
	memcpy(info.target_mac.b, &h->arp_data.arp_tha, 6);
	if (weft_mac_is_group(&info.sender_mac) || weft_mac_is_zero(&info.sender_mac))
		return false;
	info.sender = weft_addr_from_v4(&h->arp_data.arp_sip);
	info.target = weft_addr_from_v4(&h->arp_data.arp_tip);
	info.probe = h->arp_data.arp_sip == 0;
	info.announcement = h->arp_data.arp_sip == h->arp_data.arp_tip;
	*ret = info;
	return true;
}
