/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Software segmentation. DPDK's rte_gso is not used: up to 24.11 it knows TCP and UDP over IPv4
 * only, cuts UDP into IP fragments where guests ask for datagrams, leaves checksums to hardware,
 * and always answers with two mbufs per segment. Workers; trusts the meta that the parser filled.
 */
#include <errno.h>
#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <core/mem.h>
#include <pkt/cksum.h>
#include <pkt/gso.h>

/* Where the next payload byte is. */
struct gso_source {
	struct rte_mbuf *seg;
	uint32_t off;
};

static uint32_t gso_payload(const struct pkt_meta *meta)
{
	return meta->l3_off + meta->l3_len - meta->hdr_len;
}

uint16_t pkt_gso_count(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return (gso_payload(meta) + meta->gso_size - 1) / meta->gso_size;
}

/* The bytes at the source's place that are contiguous, at most len; steps over empty segments. */
static uint32_t source_run(struct gso_source *src, uint32_t len)
{
	while (src->off == src->seg->data_len && src->seg->next) {
		src->seg = src->seg->next;
		src->off = 0;
	}
	return RTE_MIN(len, src->seg->data_len - src->off);
}

static void copy_payload(struct rte_mbuf *out, struct gso_source *src, uint32_t len)
{
	uint8_t *dst = rte_pktmbuf_mtod_offset(out, uint8_t *, out->data_len);

	out->data_len += len;
	out->pkt_len += len;
	while (len > 0) {
		uint32_t n = source_run(src, len);

		memcpy(dst, rte_pktmbuf_mtod_offset(src->seg, void *, src->off), n);
		dst += n;
		src->off += n;
		len -= n;
	}
}

/* Chains references to the payload behind out. False: no mbuf; what was chained stays with out. */
static bool refer_payload(struct rte_mbuf *out, struct gso_source *src, uint32_t len)
{
	struct rte_mbuf *tail = out;

	while (len > 0) {
		uint32_t n = source_run(src, len);
		struct rte_mbuf *ref = rte_pktmbuf_alloc(mem_pools.indirect);

		if (!ref)
			return false;
		rte_pktmbuf_attach(ref, src->seg);
		ref->data_off += src->off;
		ref->data_len = n;
		tail->next = ref;
		tail = ref;
		out->nb_segs++;
		out->pkt_len += n;
		src->off += n;
		len -= n;
	}
	return true;
}

/* One output frame with the headers of m and len bytes of payload; NULL: no mbuf. */
static struct rte_mbuf *cut_one(
	const struct rte_mbuf *m, struct gso_source *src, uint32_t len, unsigned int flags)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	struct rte_mbuf *out = rte_pktmbuf_alloc(mem_pools.packet);

	if (!out)
		return NULL;
	memcpy(rte_pktmbuf_mtod(out, void *), rte_pktmbuf_mtod(m, void *), meta->hdr_len);
	out->data_len = meta->hdr_len;
	out->pkt_len = meta->hdr_len;
	out->port = m->port;
	if ((flags & PKT_GSO_LINEAR) && len <= rte_pktmbuf_tailroom(out)) {
		copy_payload(out, src, len);
	} else if (!refer_payload(out, src, len)) {
		rte_pktmbuf_free(out);
		return NULL;
	}
	return out;
}

static void set_l3(struct rte_mbuf *out, const struct pkt_meta *meta, uint16_t index)
{
	void *l3 = rte_pktmbuf_mtod_offset(out, void *, meta->l3_off);

	if (meta->flags & PKT_IPV6) {
		struct rte_ipv6_hdr *ip6 = l3;

		ip6->payload_len = rte_cpu_to_be_16(meta->l3_len - sizeof(*ip6));
	} else {
		struct rte_ipv4_hdr *ip = l3;

		ip->total_length = rte_cpu_to_be_16(meta->l3_len);
		ip->packet_id = rte_cpu_to_be_16(rte_be_to_cpu_16(ip->packet_id) + index);
		cksum_ipv4_set(ip);
	}
}

/* done: payload bytes in earlier segments. FIN and PSH belong to the last one, CWR to the first
 * (RFC 3168 section 6.1.2). */
static void set_l4(
	struct rte_mbuf *out, const struct pkt_meta *meta, uint32_t done, bool first, bool last)
{
	void *l4 = rte_pktmbuf_mtod_offset(out, void *, meta->l4_off);

	if (meta->l4_proto == IPPROTO_UDP) {
		struct rte_udp_hdr *udp = l4;

		udp->dgram_len = rte_cpu_to_be_16(meta->l3_off + meta->l3_len - meta->l4_off);
	} else {
		struct rte_tcp_hdr *tcp = l4;

		tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + done);
		if (!last)
			tcp->tcp_flags &= ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
		if (!first)
			tcp->tcp_flags &= ~RTE_TCP_CWR_FLAG;
	}
}

static void set_headers(struct rte_mbuf *out, const struct pkt_meta *whole, uint16_t index,
	uint16_t count, unsigned int flags)
{
	struct pkt_meta *meta = pkt_meta(out);

	*meta = *whole;
	meta->flags = (meta->flags & ~(uint32_t)PKT_GSO) | PKT_CKSUM_PARTIAL;
	meta->l3_len = out->pkt_len - meta->l3_off;
	meta->gso_size = 0;
	set_l3(out, meta, index);
	set_l4(out, meta, (uint32_t)index * whole->gso_size, index == 0, index == count - 1);
	if (flags & PKT_GSO_CKSUM_PARTIAL)
		pkt_l4_store_pseudo(out);
	else
		pkt_l4_complete(out);
}

int pkt_gso(struct rte_mbuf *m, struct rte_mbuf **out, uint16_t max, unsigned int flags)
{
	const struct pkt_meta *meta = pkt_meta(m);
	struct gso_source src = {.seg = m, .off = meta->hdr_len};
	uint32_t left = gso_payload(meta);
	uint16_t count = pkt_gso_count(m, meta);

	if (count > max)
		return -E2BIG;
	for (uint16_t i = 0; i < count; i++) {
		uint32_t len = RTE_MIN(left, meta->gso_size);

		out[i] = cut_one(m, &src, len, flags);
		if (!out[i]) {
			rte_pktmbuf_free_bulk(out, i);
			return -ENOMEM;
		}
		set_headers(out[i], meta, i, count, flags);
		left -= len;
	}
	rte_pktmbuf_free(m);
	return count;
}
