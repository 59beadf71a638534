/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums in software, for what guests left to be completed. Trusts the meta that the parser
 * filled. Runs on workers.
 */
#include <netinet/in.h>
#include <stddef.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <pkt/bytes.h>
#include <pkt/cksum.h>
#include <pkt/meta.h>

void cksum_ipv4_set(void *ip)
{
	struct rte_ipv4_hdr *h = ip;

	h->hdr_checksum = 0;
	h->hdr_checksum = ~cksum_fold(cksum_sum32(ip, (h->version_ihl & 0xf) * 4));
}

uint16_t cksum_pseudo(const void *ip, bool is_v6, uint8_t proto, uint32_t l4_len)
{
	const uint8_t *p = ip;
	uint64_t sum = (uint64_t)rte_cpu_to_be_32(l4_len) + rte_cpu_to_be_16(proto);

	if (is_v6)
		sum += cksum_sum32(p + offsetof(struct rte_ipv6_hdr, src_addr), 32);
	else
		sum += cksum_sum32(p + offsetof(struct rte_ipv4_hdr, src_addr), 8);
	return cksum_fold(sum);
}

/* Eight bytes a step into two sums, so that additions don't wait for each other. */
uint16_t cksum_bytes(const void *data, uint32_t len)
{
	const uint8_t *p = data;
	uint64_t lo = 0, hi = 0;
	uint32_t tail[2] = {0};

	for (; len >= 16; len -= 16, p += 16) {
		uint64_t a = load64_raw(p), b = load64_raw(p + 8);

		lo += (uint32_t)a;
		hi += a >> 32;
		lo += (uint32_t)b;
		hi += b >> 32;
	}
	if (len >= 8) {
		uint64_t a = load64_raw(p);

		lo += (uint32_t)a;
		hi += a >> 32;
		len -= 8;
		p += 8;
	}
	memcpy(tail, p, len); /* what is missing counts as zero (RFC 1071) */
	return cksum_fold(lo + hi + tail[0] + tail[1]);
}

uint16_t cksum_chain(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint64_t sum = 0;
	bool odd = false;

	while (off >= m->data_len && m->next) {
		off -= m->data_len;
		m = m->next;
	}
	for (; m && len > 0; m = m->next, off = 0) {
		uint32_t n = RTE_MIN(len, m->data_len - off);
		uint16_t part = cksum_bytes(rte_pktmbuf_mtod_offset(m, void *, off), n);

		sum += odd ? rte_bswap16(part) : part;
		odd ^= n & 1;
		len -= n;
	}
	return cksum_fold(sum);
}

/* Offset of the checksum field in the L4 header, 0 when the protocol has none that we know. */
static uint16_t field_off(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return offsetof(struct rte_tcp_hdr, cksum);
	case IPPROTO_UDP:
		return offsetof(struct rte_udp_hdr, dgram_cksum);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

static bool is_tcp_or_udp(const struct pkt_meta *meta)
{
	return (meta->flags & PKT_L4) &&
	       (meta->l4_proto == IPPROTO_TCP || meta->l4_proto == IPPROTO_UDP);
}

/* UDP may end before the IP packet does. */
static uint32_t l4_len(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct rte_udp_hdr *udp;

	if (meta->l4_proto != IPPROTO_UDP)
		return meta->l3_off + meta->l3_len - meta->l4_off;
	udp = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, meta->l4_off);
	return rte_be_to_cpu_16(udp->dgram_len);
}

static uint16_t pseudo_of(const struct rte_mbuf *m, const struct pkt_meta *meta, uint32_t len)
{
	return cksum_pseudo(rte_pktmbuf_mtod_offset(m, void *, meta->l3_off),
		meta->flags & PKT_IPV6, meta->l4_proto, len);
}

static uint16_t *field_of(struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return rte_pktmbuf_mtod_offset(m, uint16_t *, meta->l4_off + field_off(meta->l4_proto));
}

void pkt_l4_complete(struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	uint16_t *field, sum;
	uint32_t len;

	if (!is_tcp_or_udp(meta))
		return;
	len = l4_len(m, meta);
	field = field_of(m, meta);
	*field = 0;
	sum = ~cksum_fold((uint64_t)pseudo_of(m, meta, len) + cksum_chain(m, meta->l4_off, len));
	if (sum == 0 && meta->l4_proto == IPPROTO_UDP)
		sum = 0xffff; /* zero means that there is none */
	*field = sum;
	meta->flags &= ~(uint32_t)PKT_CKSUM_PARTIAL;
}

void pkt_l4_store_pseudo(struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);

	if (is_tcp_or_udp(meta))
		*field_of(m, meta) = pseudo_of(m, meta, l4_len(m, meta));
}

bool pkt_l4_cksum_ok(const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	uint32_t len = l4_len(m, meta);
	uint64_t sum = cksum_chain(m, meta->l4_off, len);
	const uint16_t *field;

	if (field_off(meta->l4_proto) == 0)
		return false;
	field = rte_pktmbuf_mtod_offset(
		m, const uint16_t *, meta->l4_off + field_off(meta->l4_proto));
	if (*field == 0 && meta->l4_proto == IPPROTO_UDP)
		return meta->flags & PKT_IPV4; /* RFC 8200 section 8.1 wants one */
	if (meta->l4_proto != IPPROTO_ICMP)
		sum += pseudo_of(m, meta, len);
	return cksum_fold(sum) == 0xffff;
}

void pkt_tx_offload(struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	bool tcp = meta->l4_proto == IPPROTO_TCP, gso = meta->flags & PKT_GSO;

	pkt_l4_store_pseudo(m);
	m->l2_len = meta->l3_off;
	m->l3_len = meta->l4_off - meta->l3_off;
	m->l4_len = meta->hdr_len - meta->l4_off;
	m->tso_segsz = meta->gso_size;
	m->ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	m->ol_flags |= meta->flags & PKT_IPV6 ? RTE_MBUF_F_TX_IPV6
					      : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	if (gso)
		m->ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_SEG : RTE_MBUF_F_TX_UDP_SEG;
}
