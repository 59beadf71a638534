/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP resets in the name of who does not want a connection. Called by the pipeline on workers, for
 * few packets; who may be answered how often is the caller's business.
 */
#include <netinet/in.h>
#include <stddef.h>

#include <rte_tcp.h>

#include <pkt/craft.h>

#include "craft_priv.h"

/* SEG.LEN of RFC 9293 section 3.3.1: SYN and FIN count. */
static uint32_t segment_len(const struct pkt_meta *meta, const struct rte_tcp_hdr *tcp)
{
	uint32_t payload = meta->l3_off + meta->l3_len - meta->hdr_len;

	return payload + !!(tcp->tcp_flags & RTE_TCP_SYN_FLAG) +
	       !!(tcp->tcp_flags & RTE_TCP_FIN_FLAG);
}

struct rte_mbuf *pkt_craft_reset(const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(frame + meta->l4_off);
	bool v6 = meta->flags & PKT_IPV6;
	struct rte_tcp_hdr *out;
	struct rte_mbuf *a;
	uint8_t *ip;

	if ((meta->flags & (PKT_L4 | PKT_FRAGMENT)) != PKT_L4 || meta->l4_proto != IPPROTO_TCP ||
		(tcp->tcp_flags & RTE_TCP_RST_FLAG) || !craft_sent_to_host(m, meta) ||
		!craft_between_hosts(meta, frame + meta->l3_off))
		return NULL;
	a = craft_new(m, NULL, IPPROTO_TCP, sizeof(*out), 0);
	if (!a)
		return NULL;
	ip = rte_pktmbuf_mtod_offset(a, uint8_t *, meta->l3_off);
	out = (struct rte_tcp_hdr *)(ip + craft_ip_size(v6));
	*out = (struct rte_tcp_hdr){.src_port = tcp->dst_port,
		.dst_port = tcp->src_port,
		.data_off = sizeof(*out) / 4 << 4,
		.tcp_flags = RTE_TCP_RST_FLAG};
	if (tcp->tcp_flags & RTE_TCP_ACK_FLAG) {
		out->sent_seq = tcp->recv_ack;
	} else {
		out->tcp_flags |= RTE_TCP_ACK_FLAG;
		out->recv_ack =
			rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + segment_len(meta, tcp));
	}
	craft_l4_cksum(ip, v6, IPPROTO_TCP, (uint8_t *)out, sizeof(*out),
		offsetof(struct rte_tcp_hdr, cksum));
	craft_finish(a);
	return a;
}
