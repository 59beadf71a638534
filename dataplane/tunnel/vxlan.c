/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ready-made header of a VTEP, and ECN across the tunnel (RFC 6040). vxlan_prepare runs on the
 * main thread before a VTEP is published, the rest on workers. Knows nothing of segments or of who
 * may talk to whom.
 */
#include <netinet/in.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include <pkt/cksum.h>
#include <tunnel/encap.h>
#include <tunnel/vxlan.h>

#define TTL_DEFAULT    64
#define VXLAN_FLAG_VNI 0x08

enum {
	ECN_NOT_ECT = 0,
	ECN_ECT1 = 1,
	ECN_ECT0 = 2,
	ECN_CE = 3,
	ECN_DROP = 0xff,
};

/* RFC 6040 figure 4: [inner][outer] gives the field to forward. */
static const uint8_t ecn_decap[4][4] = {
	[ECN_NOT_ECT] = {ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, ECN_DROP},
	[ECN_ECT1] = {ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE},
	[ECN_ECT0] = {ECN_ECT0, ECN_ECT1, ECN_ECT0, ECN_CE},
	[ECN_CE] = {ECN_CE, ECN_CE, ECN_CE, ECN_CE},
};

static void prepare_v4(struct tunnel_hdr *hdr, const struct weft_vtep *spec, uint8_t ttl)
{
	struct vxlan_hdr_v4 *h = (struct vxlan_hdr_v4 *)hdr->bytes;

	h->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	h->ip.version_ihl = RTE_IPV4_VHL_DEF;
	/* DF: a VTEP never fragments (RFC 7348 section 4.3); the id may then be 0 (RFC 6864). */
	h->ip.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	h->ip.time_to_live = ttl;
	h->ip.next_proto_id = IPPROTO_UDP;
	memcpy(&h->ip.src_addr, &spec->local.b[12], 4);
	memcpy(&h->ip.dst_addr, &spec->remote.b[12], 4);
	h->udp.dst_port = rte_cpu_to_be_16(VXLAN_PORT);
	h->vxlan.vx_flags = rte_cpu_to_be_32((uint32_t)VXLAN_FLAG_VNI << 24);
	hdr->ip_cksum = cksum_fold(cksum_sum32(&h->ip, sizeof(h->ip)));
	hdr->size = sizeof(*h);
}

/* The UDP checksum stays zero: RFC 6935 and 6936 allow it for tunnels. */
static void prepare_v6(struct tunnel_hdr *hdr, const struct weft_vtep *spec, uint8_t ttl)
{
	struct vxlan_hdr_v6 *h = (struct vxlan_hdr_v6 *)hdr->bytes;

	h->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6);
	h->ip.vtc_flow = rte_cpu_to_be_32(6u << 28);
	h->ip.proto = IPPROTO_UDP;
	h->ip.hop_limits = ttl;
	memcpy(&h->ip.src_addr, spec->local.b, 16);
	memcpy(&h->ip.dst_addr, spec->remote.b, 16);
	h->udp.dst_port = rte_cpu_to_be_16(VXLAN_PORT);
	h->vxlan.vx_flags = rte_cpu_to_be_32((uint32_t)VXLAN_FLAG_VNI << 24);
	hdr->size = sizeof(*h);
	hdr->is_v6 = 1;
}

void vxlan_prepare(struct config_vtep *vtep)
{
	const struct weft_vtep *spec = &vtep->spec;
	uint8_t ttl = spec->ttl ? spec->ttl : TTL_DEFAULT;

	memset(&vtep->hdr, 0, sizeof(vtep->hdr));
	vtep->hdr.tos_copied = spec->flags & WEFT_VTEP_DSCP_COPY ? 0xff : VXLAN_ECN_MASK;
	vtep->hdr.tos = (uint8_t)(spec->dscp << 2) & ~vtep->hdr.tos_copied;
	memcpy(vtep->hdr.bytes, spec->dst_mac.b, 6);
	memcpy(vtep->hdr.bytes + 6, spec->src_mac.b, 6);
	if (weft_addr_is_v4(&spec->remote))
		prepare_v4(&vtep->hdr, spec, ttl);
	else
		prepare_v6(&vtep->hdr, spec, ttl);
	/* The outer Ethernet header is no part of the outer IP packet, the inner one is: they weigh
	 * the same. */
	vtep->inner_mtu = spec->path_mtu > vtep->hdr.size ? spec->path_mtu - vtep->hdr.size : 0;
}

static void set_ecn_v4(struct rte_ipv4_hdr *ip, uint8_t tos)
{
	/* The word is version, IHL and TOS in memory order. */
	uint16_t before, after;

	memcpy(&before, ip, sizeof(before));
	ip->type_of_service = tos;
	memcpy(&after, ip, sizeof(after));
	cksum_update16(&ip->hdr_checksum, before, after);
}

enum weft_drop vxlan_merge_ecn(struct rte_mbuf *m, struct pkt_meta *meta)
{
	uint8_t inner = meta->tos & VXLAN_ECN_MASK, outer = meta->outer_tos & VXLAN_ECN_MASK;
	uint8_t ecn = ecn_decap[inner][outer], tos;
	void *ip;

	/* Without an IP header there is no ECN field to merge into. */
	if (likely(ecn == inner || !(meta->flags & (PKT_IPV4 | PKT_IPV6))))
		return 0;
	if (ecn == ECN_DROP)
		return WEFT_DROP_ECN_DECAP;
	tos = (meta->tos & ~VXLAN_ECN_MASK) | ecn;
	ip = rte_pktmbuf_mtod_offset(m, void *, meta->l3_off);
	if (meta->flags & PKT_IPV4) {
		set_ecn_v4(ip, tos);
	} else {
		struct rte_ipv6_hdr *ip6 = ip;
		uint32_t word = rte_be_to_cpu_32(ip6->vtc_flow);

		ip6->vtc_flow = rte_cpu_to_be_32((word & ~(0xffu << 20)) | (uint32_t)tos << 20);
	}
	meta->tos = tos;
	return 0;
}
