/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VXLAN (RFC 7348): putting the outer headers on and judging those that come in.
 */
#ifndef TUNNEL_VXLAN_H
#define TUNNEL_VXLAN_H

#include <stdint.h>

#include <rte_mbuf.h>

#include <pkt/meta.h>
#include <table/config.h>

#define VXLAN_PORT 4789

/* Bytes that encapsulation adds in front of the inner Ethernet frame. */
#define VXLAN_OVERHEAD_V4 50
#define VXLAN_OVERHEAD_V6 70

/* Fills vtep->hdr and vtep->inner_mtu from vtep->spec. */
void vxlan_prepare(struct config_vtep *vtep);

/* Prepends the outer headers. The inner frame is complete (checksums, size checked). Source port
 * from the flow hash in 49152..65535, outer TOS by RFC 6040 normal mode and the VTEP's DSCP
 * setting. False: no headroom; m is unchanged. */
bool vxlan_encap(struct rte_mbuf *m, const struct pkt_meta *meta, const struct config_vtep *vtep,
	uint32_t vni);

/* RFC 6040 section 4.2: merges the outer ECN field into the inner IP header (checksum updated).
 * Returns 0 or WEFT_DROP_ECN_DECAP. After pkt_parse of the inner frame. */
enum weft_drop vxlan_merge_ecn(struct rte_mbuf *m, struct pkt_meta *meta);

#endif
