/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting the outer headers on: once per packet that leaves by a tunnel, so it is inlined here.
 * Workers.
 */
#ifndef TUNNEL_ENCAP_H
#define TUNNEL_ENCAP_H

#include <assert.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include <pkt/cksum.h>
#include <tunnel/vxlan.h>

struct vxlan_hdr_v4 {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	struct rte_vxlan_hdr vxlan;
} __attribute__((packed, aligned(2)));
static_assert(sizeof(struct vxlan_hdr_v4) == VXLAN_OVERHEAD_V4, "wire layout");

struct vxlan_hdr_v6 {
	struct rte_ether_hdr eth;
	struct rte_ipv6_hdr ip;
	struct rte_udp_hdr udp;
	struct rte_vxlan_hdr vxlan;
} __attribute__((packed, aligned(2)));
static_assert(sizeof(struct vxlan_hdr_v6) == VXLAN_OVERHEAD_V6, "wire layout");
static_assert(sizeof(struct vxlan_hdr_v6) <= TUNNEL_HDR_MAX, "fits the template");

/* RFC 7348 section 5: from the dynamic ports, by the inner flow. */
static inline rte_be16_t vxlan_source_port(uint32_t hash)
{
	return rte_cpu_to_be_16(0xc000 | ((hash ^ hash >> 16) & 0x3fff));
}

static inline void vxlan_patch_v4(struct vxlan_hdr_v4 *h, const struct tunnel_hdr *hdr,
	uint32_t inner, uint8_t tos, uint32_t hash)
{
	rte_be16_t len = rte_cpu_to_be_16(inner + sizeof(*h) - sizeof(h->eth));

	h->ip.type_of_service = tos;
	h->ip.total_length = len;
	h->ip.hdr_checksum = ~cksum_fold((uint64_t)hdr->ip_cksum + len + rte_cpu_to_be_16(tos));
	h->udp.src_port = vxlan_source_port(hash);
	h->udp.dgram_len = rte_cpu_to_be_16(inner + sizeof(h->udp) + sizeof(h->vxlan));
}

/* The flow label carries the entropy too (RFC 6438). */
static inline void vxlan_patch_v6(
	struct vxlan_hdr_v6 *h, uint32_t inner, uint8_t tos, uint32_t hash)
{
	rte_be16_t len = rte_cpu_to_be_16(inner + sizeof(h->udp) + sizeof(h->vxlan));

	h->ip.vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)tos << 20 | (hash & 0xfffff));
	h->ip.payload_len = len;
	h->udp.src_port = vxlan_source_port(hash);
	h->udp.dgram_len = len;
}

/* Prepends the outer headers. The inner frame is complete (checksums, size checked). Source port
 * from the flow hash in 49152..65535, outer TOS by RFC 6040 section 4.1, normal mode (the inner ECN
 * field is copied, CE too), and the VTEP's DSCP setting. False: no headroom; m is unchanged. */
static inline bool vxlan_encap(struct rte_mbuf *m, const struct pkt_meta *meta,
	const struct config_vtep *vtep, uint32_t vni)
{
	const struct tunnel_hdr *hdr = &vtep->hdr;
	uint8_t tos = hdr->tos | (meta->tos & hdr->tos_copied);
	rte_be32_t vni_be = rte_cpu_to_be_32(vni << 8);
	uint32_t inner = m->pkt_len, hash = meta->hash;

	if (likely(!hdr->is_v6)) {
		struct vxlan_hdr_v4 *h = (struct vxlan_hdr_v4 *)rte_pktmbuf_prepend(m, sizeof(*h));

		if (unlikely(!h))
			return false;
		memcpy(h, hdr->bytes, sizeof(*h));
		vxlan_patch_v4(h, hdr, inner, tos, hash);
		h->vxlan.vx_vni = vni_be;
	} else {
		struct vxlan_hdr_v6 *h = (struct vxlan_hdr_v6 *)rte_pktmbuf_prepend(m, sizeof(*h));

		if (unlikely(!h))
			return false;
		memcpy(h, hdr->bytes, sizeof(*h));
		vxlan_patch_v6(h, inner, tos, hash);
		h->vxlan.vx_vni = vni_be;
	}
	return true;
}

#endif
