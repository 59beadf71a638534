/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VXLAN (RFC 7348): the headers of a VTEP, made once (tunnel/encap.h puts them on), and ECN of
 * packets that come in.
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

#define VXLAN_ECN_MASK 3 /* of TOS and traffic class */

/* Fills vtep->hdr and vtep->inner_mtu from vtep->spec. Main thread. */
void vxlan_prepare(struct config_vtep *vtep);

/* RFC 6040 section 4.2: merges the outer ECN field into the inner IP header (checksum updated).
 * Returns 0 or WEFT_DROP_ECN_DECAP. After pkt_parse of the inner frame. */
enum weft_drop vxlan_merge_ecn(struct rte_mbuf *m, struct pkt_meta *meta);

#endif
