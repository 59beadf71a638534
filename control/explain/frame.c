/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A complete packet's bytes (explain/packet.h). Pure.
 */
#include <errno.h>
#include <netinet/in.h>

#include <explain/packet.h>

#include "bytes.h"

#define FRAGMENT_SIZE 8 /* IPv6's header */
#define LATER_PAYLOAD 8 /* of a later fragment of no stated size */

bool packet_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

static bool is_fragment(const struct packet *p)
{
	return p->fragment_offset != 0 || p->more_fragments;
}

static bool is_solicitation(const struct packet *p)
{
	return p->protocol == IPPROTO_ICMPV6 && p->icmp_type == ICMP6_SOLICIT;
}

/* The L4 header. */
static size_t header_size(const struct packet *p)
{
	if (p->fragment_offset != 0)
		return 0;
	switch (p->protocol) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_SCTP:
		return 12;
	case IPPROTO_DCCP:
		return 20;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_ICMP:
		return UDP_SIZE;
	case IPPROTO_ICMPV6:
		return is_solicitation(p) ? 32 : UDP_SIZE;
	default:
		return 0;
	}
}

static void put_icmp(const struct packet *p, uint8_t *l4)
{
	l4[0] = p->icmp_type;
	l4[1] = p->icmp_code;
	if (is_solicitation(p)) { /* RFC 4861 section 4.3, with the sender's MAC */
		memcpy(l4 + 8, p->target.b, 16);
		l4[24] = 1;
		l4[25] = 1;
		memcpy(l4 + 26, p->source_mac.b, 6);
		return;
	}
	put16(l4 + 4, p->icmp_id);
	put16(l4 + 6, 1);
}

static void put_tcp(const struct packet *p, uint8_t *l4)
{
	put32(l4 + 4, 1);
	put32(l4 + 8, p->tcp_flags & PACKET_TCP_ACK ? 1 : 0);
	l4[12] = 5 << 4;
	l4[13] = p->tcp_flags;
	put16(l4 + 14, UINT16_MAX);
}

/* n bytes from the L4 header on, which are zero. */
static void put_l4(const struct packet *p, uint8_t *l4, size_t n)
{
	if (packet_has_ports(p->protocol)) {
		put16(l4, p->source_port);
		put16(l4 + 2, p->destination_port);
	}
	switch (p->protocol) {
	case IPPROTO_TCP:
		put_tcp(p, l4);
		break;
	case IPPROTO_UDP:
		put16(l4 + 4, (uint32_t)n);
		break;
	case IPPROTO_DCCP: /* a request (RFC 4340 section 5.1), with long sequence numbers */
		l4[4] = 5;
		l4[8] = 1;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		put_icmp(p, l4);
		break;
	default:
		break;
	}
}

static size_t put_ipv4(const struct packet *p, uint8_t *ip, size_t n)
{
	ip[0] = 0x45;
	ip[1] = (uint8_t)(p->dscp << 2);
	put16(ip + 2, (uint32_t)(IPV4_SIZE + n));
	put16(ip + 4, is_fragment(p) ? 1 : 0);
	put16(ip + 6,
		(p->df ? 0x4000u : 0) | (p->more_fragments ? 0x2000u : 0) | p->fragment_offset / 8);
	ip[8] = p->ttl;
	ip[9] = p->protocol;
	memcpy(ip + 12, p->source.b + 12, 4);
	memcpy(ip + 16, p->destination.b + 12, 4);
	put16(ip + 10, bytes_checksum(ip, IPV4_SIZE, 0));
	return IPV4_SIZE;
}

static size_t put_ipv6(const struct packet *p, uint8_t *ip, size_t n)
{
	size_t fragment = is_fragment(p) ? FRAGMENT_SIZE : 0;

	put32(ip, 6u << 28 | (uint32_t)p->dscp << 22);
	put16(ip + 4, (uint32_t)(fragment + n));
	ip[6] = fragment != 0 ? IPPROTO_FRAGMENT : p->protocol;
	ip[7] = p->ttl;
	memcpy(ip + 8, p->source.b, 16);
	memcpy(ip + 24, p->destination.b, 16);
	if (fragment != 0) {
		ip[40] = p->protocol;
		put16(ip + 42, p->fragment_offset | p->more_fragments);
		put32(ip + 44, 1);
	}
	return IPV6_SIZE + fragment;
}

static size_t put_link(const struct packet *p, uint8_t *buf, uint16_t type)
{
	size_t n = put_ether(
		buf, &p->destination_mac, &p->source_mac, p->vlan != 0 ? ETHERTYPE_VLAN : type);

	if (p->vlan == 0)
		return n;
	put16(buf + n, p->vlan);
	put16(buf + n + 2, type);
	return n + 4;
}

/* RFC 826: who has dst? Returns its size. */
static size_t put_arp(const struct packet *p, uint8_t *arp)
{
	put16(arp, 1);
	put16(arp + 2, ETHERTYPE_IPV4);
	arp[4] = 6;
	arp[5] = 4;
	put16(arp + 6, 1);
	memcpy(arp + 8, p->source_mac.b, 6);
	memcpy(arp + 14, p->source.b + 12, 4);
	memcpy(arp + 24, p->destination.b + 12, 4);
	return 28;
}

/* How much follows the IP header, which ends at off. */
static int payload_size(const struct packet *p, size_t off, size_t *ret, struct model_error *err)
{
	size_t least = p->fragment_offset != 0 ? LATER_PAYLOAD : header_size(p);

	*ret = least;
	if (p->more_fragments)
		*ret = (least + 7) & ~(size_t)7;
	if (p->size != 0 && p->size < off + header_size(p))
		return model_fail(err, MODEL_ERR_INVALID, NULL, "size",
			"the headers alone are %zu bytes", off + header_size(p));
	if (p->size != 0)
		*ret = p->size - off;
	if (p->more_fragments && *ret % 8 != 0)
		return model_fail(err, MODEL_ERR_INVALID, NULL, "size",
			"fragments before the last carry a multiple of 8 bytes, this one %zu",
			*ret);
	return 0;
}

int packet_frame(const struct packet *p, uint8_t *buf, size_t *ret_size, struct model_error *err)
{
	bool v4 = weft_addr_is_v4(&p->destination);
	size_t ip_off, l4_off, n;
	int r;

	memset(buf, 0, PACKET_FRAME_MAX);
	if (p->is_arp) {
		*ret_size = put_link(p, buf, ETHERTYPE_ARP);
		*ret_size += put_arp(p, buf + *ret_size);
		if (p->size > *ret_size)
			*ret_size = p->size;
		return 0;
	}
	ip_off = put_link(p, buf, v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	l4_off = ip_off + (v4 ? IPV4_SIZE : IPV6_SIZE);
	if (!v4 && is_fragment(p))
		l4_off += FRAGMENT_SIZE;
	r = payload_size(p, l4_off, &n, err);
	if (r < 0)
		return r;
	if (v4)
		put_ipv4(p, buf + ip_off, n);
	else
		put_ipv6(p, buf + ip_off, n);
	if (p->fragment_offset == 0) {
		put_l4(p, buf + l4_off, n);
		bytes_l4_checksum(buf + ip_off, buf + l4_off, n, p->protocol);
	}
	*ret_size = l4_off + n;
	return 0;
}
