/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation of addresses and ports (translate.h): what changes is summed up once, as a difference
 * that holds for every checksum that covers it. Workers.
 */
#include <netinet/in.h>
#include <stddef.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <pkt/cksum.h>

#include "translate.h"

/* The sum of what is there less the sum of what was there, in one's complement: unfolded. */
static uint64_t translate_replace(uint8_t *at, const void *with, unsigned int len)
{
	uint16_t before = cksum_fold(cksum_sum32(at, len));

	memcpy(at, with, len);
	return cksum_sum32(at, len) + (uint16_t)~before;
}

/* RFC 1624 equation 3. */
static void translate_update(uint8_t *field, uint64_t difference)
{
	uint16_t sum;

	memcpy(&sum, field, sizeof(sum));
	sum = ~cksum_fold((uint16_t)~sum + difference);
	memcpy(field, &sum, sizeof(sum));
}

static uint64_t translate_addresses(
	uint8_t *ip, const struct pkt_meta *meta, const struct session_key *answers)
{
	uint64_t difference;

	if (meta->flags & PKT_IPV6)
		return translate_replace(ip + offsetof(struct rte_ipv6_hdr, src_addr),
			       answers->dst.b, sizeof(answers->dst.b)) +
		       translate_replace(ip + offsetof(struct rte_ipv6_hdr, dst_addr),
			       answers->src.b, sizeof(answers->src.b));
	difference = translate_replace(
		ip + offsetof(struct rte_ipv4_hdr, src_addr), answers->dst.b + 12, 4);
	difference += translate_replace(
		ip + offsetof(struct rte_ipv4_hdr, dst_addr), answers->src.b + 12, 4);
	translate_update(ip + offsetof(struct rte_ipv4_hdr, hdr_checksum), difference);
	return difference;
}

/* Zero means that there is none, so a sum of zero is sent as its other form (RFC 768). */
static void translate_udp_sum(uint8_t *field, uint64_t difference)
{
	static const uint8_t none[2], zero[2] = {0xff, 0xff};

	if (memcmp(field, none, sizeof(none)) == 0)
		return;
	translate_update(field, difference);
	if (memcmp(field, none, sizeof(none)) == 0)
		memcpy(field, zero, sizeof(zero));
}

/* TCP and UDP begin alike. */
static uint64_t translate_ports(
	uint8_t *l4, struct pkt_meta *meta, const struct session_key *answers)
{
	rte_be16_t ports[2] = {rte_cpu_to_be_16(answers->dport), rte_cpu_to_be_16(answers->sport)};

	meta->sport = answers->dport;
	meta->dport = answers->sport;
	return translate_replace(l4, ports, sizeof(ports));
}

/* Type, code, checksum, identifier, sequence number (RFC 792, RFC 4443). */
static void translate_icmp(
	uint8_t *l4, struct pkt_meta *meta, const struct session_key *answers, uint64_t addresses)
{
	rte_be16_t words[2] = {rte_cpu_to_be_16(answers->dport)};

	memcpy(&words[1], l4 + 6, sizeof(words[1]));
	meta->dport = answers->dport;
	/* Only ICMPv6 covers the addresses. */
	translate_update(l4 + 2, translate_replace(l4 + 4, words, sizeof(words)) +
					 (meta->flags & PKT_IPV6 ? addresses : 0));
}

void translate(struct rte_mbuf *m, const struct session_key *answers)
{
	struct pkt_meta *meta = pkt_meta(m);
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *l4 = frame + meta->l4_off;
	uint64_t difference = translate_addresses(frame + meta->l3_off, meta, answers);
	bool partial = meta->flags & PKT_CKSUM_PARTIAL;

	if (!(meta->flags & PKT_L4))
		return;
	switch (meta->l4_proto) {
	case IPPROTO_TCP:
		difference += translate_ports(l4, meta, answers);
		if (!partial)
			translate_update(l4 + offsetof(struct rte_tcp_hdr, cksum), difference);
		break;
	case IPPROTO_UDP:
		difference += translate_ports(l4, meta, answers);
		if (!partial)
			translate_udp_sum(
				l4 + offsetof(struct rte_udp_hdr, dgram_cksum), difference);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		translate_icmp(l4, meta, answers, difference);
		break;
	default:
		break;
	}
}
