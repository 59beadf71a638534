/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a frame to a request and from an answer to a frame. Called by the pipeline; workers.
 *
 * An answer is always a new frame: it is longer than its question as often as not, and the
 * question's buffer may be the guest's memory.
 */
#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <core/mem.h>
#include <pkt/bytes.h>
#include <pkt/cksum.h>
#include <pkt/parse.h>
#include <service/service.h>

#define ANSWER_TTL   64
#define ND_HOP_LIMIT 255 /* RFC 4861 section 6.1.2 */

static_assert(RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv6_hdr) + sizeof(struct rte_udp_hdr) +
			      SERVICE_ANSWER_MAX <=
		      MEM_DATA_SIZE,
	"one mbuf");

bool service_read(const struct rte_mbuf *m, uint8_t *copy, struct service_request *ret)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + meta->l3_off;
	uint32_t size;

	if ((meta->flags & (PKT_L4 | PKT_FRAGMENT | PKT_GSO)) != PKT_L4)
		return false;
	size = load16(frame + meta->l4_off + 4) - sizeof(struct rte_udp_hdr);
	if (size > SERVICE_REQUEST_MAX)
		return false;
	if (!(meta->flags & PKT_CKSUM_PARTIAL) && !pkt_l4_cksum_ok(m))
		return false;
	memcpy(ret->src_mac.b, frame + RTE_ETHER_ADDR_LEN, sizeof(ret->src_mac.b));
	if (meta->flags & PKT_IPV4) {
		ret->src = weft_addr_from_v4(ip + 12);
		ret->dst = weft_addr_from_v4(ip + 16);
	} else {
		memcpy(&ret->src, ip + 8, sizeof(ret->src));
		memcpy(&ret->dst, ip + 24, sizeof(ret->dst));
	}
	ret->sport = meta->sport;
	ret->size = size;
	ret->data = rte_pktmbuf_read(m, meta->l4_off + sizeof(struct rte_udp_hdr), size, copy);
	return ret->data;
}

static void put_ipv4(uint8_t *ip, const struct service_answer *a, uint16_t l4_len)
{
	struct rte_ipv4_hdr h = {.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(h) + l4_len),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = ANSWER_TTL,
		.next_proto_id = a->proto};

	memcpy(&h.src_addr, &a->src.b[12], 4);
	memcpy(&h.dst_addr, &a->dst.b[12], 4);
	memcpy(ip, &h, sizeof(h));
	cksum_ipv4_set(ip);
}

static void put_ipv6(uint8_t *ip, const struct service_answer *a, uint16_t l4_len)
{
	struct rte_ipv6_hdr h = {.vtc_flow = rte_cpu_to_be_32(6u << 28),
		.payload_len = rte_cpu_to_be_16(l4_len),
		.proto = a->proto,
		.hop_limits = a->proto == IPPROTO_ICMPV6 ? ND_HOP_LIMIT : ANSWER_TTL};

	memcpy(&h.src_addr, &a->src, 16);
	memcpy(&h.dst_addr, &a->dst, 16);
	memcpy(ip, &h, sizeof(h));
}

/* The L4 header, the data and the checksum over both. */
static void put_l4(
	uint8_t *l4, const uint8_t *ip, bool v6, const struct service_answer *a, uint16_t l4_len)
{
	bool udp = a->proto == IPPROTO_UDP;
	struct rte_udp_hdr h = {.src_port = rte_cpu_to_be_16(a->sport),
		.dst_port = rte_cpu_to_be_16(a->dport),
		.dgram_len = rte_cpu_to_be_16(l4_len)};
	uint16_t sum;

	if (udp)
		memcpy(l4, &h, sizeof(h));
	memcpy(l4 + l4_len - a->size, a->data, a->size);
	sum = ~cksum_fold(
		(uint64_t)cksum_pseudo(ip, v6, a->proto, l4_len) + cksum_bytes(l4, l4_len));
	if (udp && sum == 0)
		sum = 0xffff; /* zero would mean none (RFC 768) */
	memcpy(l4 + (udp ? offsetof(struct rte_udp_hdr, dgram_cksum) : 2), &sum, sizeof(sum));
}

struct rte_mbuf *service_frame(const struct service_answer *a, const struct weft_mac *src_mac,
	uint16_t in_port, uint16_t segment)
{
	bool v6 = !weft_addr_is_v4(&a->src);
	uint16_t l3_len = v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	uint16_t l4_len = a->size + (a->proto == IPPROTO_UDP ? sizeof(struct rte_udp_hdr) : 0);
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);
	uint16_t ethertype = rte_cpu_to_be_16(v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	uint8_t *frame;

	if (!m)
		return NULL;
	m->data_len = RTE_ETHER_HDR_LEN + l3_len + l4_len;
	m->pkt_len = m->data_len;
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(frame, a->dst_mac.b, RTE_ETHER_ADDR_LEN);
	memcpy(frame + RTE_ETHER_ADDR_LEN, src_mac->b, RTE_ETHER_ADDR_LEN);
	memcpy(frame + 2 * RTE_ETHER_ADDR_LEN, &ethertype, sizeof(ethertype));
	frame += RTE_ETHER_HDR_LEN;
	if (v6)
		put_ipv6(frame, a, l4_len);
	else
		put_ipv4(frame, a, l4_len);
	put_l4(frame + l3_len, frame, v6, a, l4_len);
	*pkt_meta(m) = (struct pkt_meta){.in_port = in_port, .segment = segment};
	pkt_parse(m); /* finds no fault with it */
	return m;
}
