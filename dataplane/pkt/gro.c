/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Joining TCP segments. DPDK's rte_gro is not used: 22.11 knows no TCP over IPv6, no release
 * verifies checksums, and what it can't join changes places with what it can.
 *
 * Joined are full segments whose headers differ in length, sequence number, IPv4 id and checksums
 * only. All but the last have one size, the last may have PSH. A wrong checksum must reach the
 * receiver as it came, so each is verified before. Workers; trusts the meta that the parser filled.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include <pkt/cksum.h>
#include <pkt/gro.h>
#include <pkt/gso.h>
#include <pkt/meta.h>
#include <pkt/pullup.h>

/* A connection whose next segment may still come. */
struct gro_flow {
	struct rte_mbuf *head;
	struct rte_mbuf *tail; /* last mbuf of the chain */
	uint32_t hash;
	uint32_t next_seq;
	uint32_t l3_len; /* of all that was joined */
	uint16_t size;	 /* payload of each segment but the last */
	uint16_t n;	 /* segments */
	bool closed;	 /* nothing is joined any more */
};

struct gro {
	unsigned int n;
	unsigned int next; /* whose place a new connection takes when there is none left */
	struct gro_flow flows[PKT_GRO_FLOWS];
};

static struct rte_tcp_hdr *tcp_of(struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_tcp_hdr *, meta->l4_off);
}

static uint32_t payload_of(const struct pkt_meta *meta)
{
	return meta->l3_off + meta->l3_len - meta->hdr_len;
}

/* Neither IPv4 options nor IPv6 extension headers. */
static bool is_plain_ip(const struct pkt_meta *meta)
{
	unsigned int len = meta->l4_off - meta->l3_off;

	return len ==
	       (meta->flags & PKT_IPV6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr));
}

/* A segment with data and no flag but ACK, PSH and ECE. */
static bool is_candidate(struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const uint32_t want = PKT_L4 | PKT_FROM_TUNNEL;
	const uint32_t never = PKT_GSO | PKT_CKSUM_PARTIAL | PKT_FRAGMENT | PKT_GROUP | PKT_VLAN;
	const uint8_t may = RTE_TCP_PSH_FLAG | RTE_TCP_ECE_FLAG;

	return meta->l4_proto == IPPROTO_TCP && (meta->flags & (want | never)) == want &&
	       (tcp_of(m, meta)->tcp_flags & ~may) == RTE_TCP_ACK_FLAG &&
	       m->data_len > meta->hdr_len && is_plain_ip(meta) && pkt_owns_data(m);
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, unsigned int from, unsigned int to)
{
	return memcmp(a + from, b + from, to - from) == 0;
}

/* Ethernet and IP headers but for what differs between segments. n: segments that head holds. The
 * id says nothing where fragmenting is forbidden (RFC 6864 section 4.1). */
static bool same_network(
	struct rte_mbuf *head, struct rte_mbuf *m, const struct pkt_meta *meta, uint16_t n)
{
	const uint8_t *l2 = rte_pktmbuf_mtod(head, const uint8_t *);
	const uint8_t *m_l2 = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *a = l2 + meta->l3_off, *b = m_l2 + meta->l3_off;
	const struct rte_ipv4_hdr *ip = (const void *)a, *m_ip = (const void *)b;

	if (!same_bytes(l2, m_l2, 0, meta->l3_off))
		return false;
	if (meta->flags & PKT_IPV6)
		return same_bytes(a, b, 0, 4) && same_bytes(a, b, 6, sizeof(struct rte_ipv6_hdr));
	return same_bytes(a, b, 0, 2) && same_bytes(a, b, 6, 10) &&
	       same_bytes(a, b, 12, sizeof(*ip)) &&
	       ((meta->flags & PKT_DF) || rte_be_to_cpu_16(m_ip->packet_id) ==
						  (uint16_t)(rte_be_to_cpu_16(ip->packet_id) + n));
}

/* All of the TCP header but sequence number, checksum and PSH. The head never has PSH here. */
static bool same_tcp(const struct rte_tcp_hdr *a, const struct rte_tcp_hdr *b, unsigned int hdr_len)
{
	return a->src_port == b->src_port && a->dst_port == b->dst_port &&
	       a->recv_ack == b->recv_ack && a->data_off == b->data_off &&
	       a->tcp_flags == (b->tcp_flags & ~RTE_TCP_PSH_FLAG) && a->rx_win == b->rx_win &&
	       a->tcp_urp == b->tcp_urp && memcmp(a + 1, b + 1, hdr_len - sizeof(*a)) == 0;
}

static bool has_room(const struct gro_flow *f, const struct rte_mbuf *m, uint32_t payload)
{
	return payload <= f->size && f->l3_len + payload <= UINT16_MAX && f->n < PKT_GSO_SEGS_MAX &&
	       f->head->nb_segs + m->nb_segs <= PKT_GRO_CHAIN_MAX;
}

/* m, a candidate, is the next segment of f. */
static bool is_next(const struct gro_flow *f, struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct pkt_meta *head = pkt_meta(f->head);
	const struct rte_tcp_hdr *tcp = tcp_of(m, meta);

	return !f->closed && ((head->flags ^ meta->flags) & ~(uint32_t)PKT_PLAIN) == 0 &&
	       head->hdr_len == meta->hdr_len && rte_be_to_cpu_32(tcp->sent_seq) == f->next_seq &&
	       has_room(f, m, payload_of(meta)) && same_network(f->head, m, meta, f->n) &&
	       same_tcp(tcp_of(f->head, head), tcp, meta->hdr_len - meta->l4_off) &&
	       pkt_l4_cksum_ok(m) && (f->n > 1 || pkt_l4_cksum_ok(f->head));
}

static void flow_join(struct gro_flow *f, struct rte_mbuf *m, const struct pkt_meta *meta)
{
	uint32_t payload = payload_of(meta);
	uint8_t psh = tcp_of(m, meta)->tcp_flags & RTE_TCP_PSH_FLAG;

	tcp_of(f->head, pkt_meta(f->head))->tcp_flags |= psh;
	f->closed = psh || payload < f->size;
	f->next_seq += payload;
	f->l3_len += payload;
	f->n++;
	rte_pktmbuf_adj(m, meta->hdr_len);
	f->tail->next = m;
	f->tail = rte_pktmbuf_lastseg(m);
	f->head->pkt_len += m->pkt_len;
	f->head->nb_segs += m->nb_segs;
}

/* What was joined becomes a proper GSO frame. */
static void flow_finish(const struct gro_flow *f)
{
	struct pkt_meta *meta = pkt_meta(f->head);
	void *l3 = rte_pktmbuf_mtod_offset(f->head, void *, meta->l3_off);

	if (f->n == 1)
		return;
	meta->flags = (meta->flags & ~(uint32_t)PKT_PLAIN) | PKT_GSO | PKT_CKSUM_PARTIAL;
	meta->l3_len = f->l3_len;
	meta->gso_size = f->size;
	meta->joined = f->n - 1;
	if (meta->flags & PKT_IPV6) {
		struct rte_ipv6_hdr *ip6 = l3;

		ip6->payload_len = rte_cpu_to_be_16(f->l3_len - sizeof(*ip6));
	} else {
		struct rte_ipv4_hdr *ip = l3;

		ip->total_length = rte_cpu_to_be_16(f->l3_len);
		cksum_ipv4_set(ip);
	}
	pkt_tx_offload(f->head);
}

static struct gro_flow *flow_find(struct gro *g, uint32_t hash)
{
	for (unsigned int i = 0; i < g->n; i++) {
		if (g->flows[i].hash == hash)
			return &g->flows[i];
	}
	return NULL;
}

/* A place for a connection that has none: a free one, or that of the oldest. */
static struct gro_flow *flow_place(struct gro *g)
{
	struct gro_flow *f;

	if (g->n < PKT_GRO_FLOWS)
		return &g->flows[g->n++];
	f = &g->flows[g->next];
	g->next = (g->next + 1) % PKT_GRO_FLOWS;
	flow_finish(f);
	return f;
}

static void flow_start(struct gro_flow *f, struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct rte_tcp_hdr *tcp = tcp_of(m, meta);

	*f = (struct gro_flow){
		.head = m,
		.tail = rte_pktmbuf_lastseg(m),
		.hash = meta->hash,
		.next_seq = rte_be_to_cpu_32(tcp->sent_seq) + payload_of(meta),
		.l3_len = meta->l3_len,
		.size = payload_of(meta),
		.n = 1,
		.closed = tcp->tcp_flags & RTE_TCP_PSH_FLAG,
	};
}

/* Nothing overtakes a frame that can't be joined. A fragment's hash knows no ports: it may belong
 * to any connection. */
static void gro_close(struct gro *g, const struct pkt_meta *meta)
{
	for (unsigned int i = 0; i < g->n; i++) {
		if (g->flows[i].hash == meta->hash || (meta->flags & PKT_FRAGMENT))
			g->flows[i].closed = true;
	}
}

/* True: m is part of an earlier frame now. */
static bool gro_take(struct gro *g, struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	struct gro_flow *f;

	if (!is_candidate(m, meta)) {
		gro_close(g, meta);
		return false;
	}
	f = flow_find(g, meta->hash);
	if (f && is_next(f, m, meta)) {
		flow_join(f, m, meta);
		return true;
	}
	if (f)
		flow_finish(f);
	else
		f = flow_place(g);
	flow_start(f, m, meta);
	return false;
}

uint16_t pkt_gro(struct rte_mbuf **pkts, uint16_t n)
{
	struct gro g;
	uint16_t left = 0;

	g.n = g.next = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (!gro_take(&g, pkts[i]))
			pkts[left++] = pkts[i];
	}
	for (unsigned int i = 0; i < g.n; i++)
		flow_finish(&g.flows[i]);
	return left;
}
