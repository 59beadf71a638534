/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser of the fast path: what a session's packet looks like, and nothing else. Whatever is
 * unusual is left to the data plane's parser (dataplane/pkt/parse.c), which is the judge of what is
 * wrong: a packet that passes here passes there, with the same key.
 */
#ifndef PROG_LIB_PACKET_H
#define PROG_LIB_PACKET_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>

#include <weft_bpf/port.h>
#include <weft_bpf/session.h>

#include "cursor.h"

#define IPV4_PLAIN 0x45	  /* version 4, no options */
#define IPV4_FRAG  0x3fff /* more fragments, offset */

/* The Ethernet header and what may change of an IP header: 12 bytes, up to the checksum of IPv4 and
 * beyond the hop limit of IPv6. */
#define HEAD_SIZE (ETH_HLEN + 12)

struct packet {
	struct weft_bpf_key key; /* scope is the caller's */
	__u8 head[HEAD_SIZE + 6];
	__u32 l3_len;  /* as its header says */
	__u32 hdr_len; /* IP and L4 header */
	__u8 tos;
	__u8 ttl;
	struct tcp_segment tcp;
} __attribute__((aligned(8)));

/* linux/tcp.h has the flags as a word, under the names of weft_bpf/tcp_window.h. */
struct tcp_header {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack;
	__u8 offset; /* upper half: words of header */
	__u8 flags;
	__be16 window;
	__be16 check;
	__be16 urgent;
};

/* Of both families; their headers of the C library don't compile for BPF. */
struct echo_header {
	__u8 type;
	__u8 code;
	__be16 check;
	__be16 id;
	__be16 seq;
};
#define ICMP_ECHO	  8
#define ICMP_ECHO_REPLY	  0
#define ICMPV6_ECHO	  128
#define ICMPV6_ECHO_REPLY 129

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* Of a header without options. */
static __always_inline int ipv4_sum_ok(const struct iphdr *ip)
{
	const __u32 *w = (const __u32 *)ip;

	return fold((__u64)w[0] + w[1] + w[2] + w[3] + w[4]) == 0xffff;
}

static __always_inline void put_v4(__u8 *to, __be32 addr)
{
	__u32 *w = (__u32 *)to;

	w[0] = 0;
	w[1] = 0;
	w[2] = bpf_htonl(0xffff);
	w[3] = addr;
}

static __always_inline int parse_tcp(struct cursor *c, __u32 room, struct packet *p)
{
	struct tcp_header *tcp = cursor_take(c, struct tcp_header);
	__u32 size;

	if (!tcp || room < sizeof(*tcp))
		return WEFT_BPF_MISS_HEADERS;
	size = (tcp->offset >> 4) * 4;
	if (size < sizeof(*tcp) || size > room)
		return WEFT_BPF_MISS_HEADERS;
	if ((tcp->flags & TCP_FLAGS) != TCP_FLAG_ACK)
		return WEFT_BPF_MISS_TCP_FLAGS;
	p->key.sport = bpf_ntohs(tcp->source);
	p->key.dport = bpf_ntohs(tcp->dest);
	p->hdr_len = p->l3_len - room + size;
	p->tcp.seq = bpf_ntohl(tcp->seq);
	p->tcp.end = p->tcp.seq + room - size;
	p->tcp.ack = bpf_ntohl(tcp->ack);
	p->tcp.win = bpf_ntohs(tcp->window);
	return 0;
}

static __always_inline int parse_udp(struct cursor *c, __u32 room, int gso, struct packet *p)
{
	struct udphdr *udp = cursor_take(c, struct udphdr);
	__u32 len;

	if (!udp || room < sizeof(*udp))
		return WEFT_BPF_MISS_HEADERS;
	len = bpf_ntohs(udp->len);
	if (len < sizeof(*udp) || len > room || (gso && len != room))
		return WEFT_BPF_MISS_HEADERS;
	p->key.sport = bpf_ntohs(udp->source);
	p->key.dport = bpf_ntohs(udp->dest);
	p->hdr_len = p->l3_len - room + sizeof(*udp);
	return 0;
}

/* Echo alone. */
static __always_inline int parse_echo(
	struct cursor *c, __u32 room, __u8 request, __u8 reply, struct packet *p)
{
	struct echo_header *icmp = cursor_take(c, struct echo_header);

	if (!icmp || room < sizeof(*icmp))
		return WEFT_BPF_MISS_HEADERS;
	if ((icmp->type != request && icmp->type != reply) || icmp->code != 0)
		return WEFT_BPF_MISS_PROTOCOL;
	p->key.icmp_type = icmp->type;
	p->key.sport = p->key.dport = bpf_ntohs(icmp->id);
	p->hdr_len = p->l3_len - room + sizeof(*icmp);
	return 0;
}

/* room: bytes of the IP packet behind its header. */
static __always_inline int parse_l4(
	struct cursor *c, __u8 proto, int is_v6, __u32 room, int gso, struct packet *p)
{
	p->key.proto = proto;
	if (proto == IPPROTO_TCP)
		return parse_tcp(c, room, p);
	if (proto == IPPROTO_UDP)
		return parse_udp(c, room, gso, p);
	if (gso) /* nobody can cut it */
		return WEFT_BPF_MISS_PROTOCOL;
	if (!is_v6 && proto == IPPROTO_ICMP)
		return parse_echo(c, room, ICMP_ECHO, ICMP_ECHO_REPLY, p);
	if (is_v6 && proto == IPPROTO_ICMPV6)
		return parse_echo(c, room, ICMPV6_ECHO, ICMPV6_ECHO_REPLY, p);
	return WEFT_BPF_MISS_PROTOCOL;
}

static __always_inline int parse_ipv4(struct cursor *c, __u32 room, int gso, struct packet *p)
{
	struct iphdr *ip = cursor_take(c, struct iphdr);

	if (!ip || *(__u8 *)ip != IPV4_PLAIN)
		return WEFT_BPF_MISS_HEADERS;
	p->l3_len = bpf_ntohs(ip->tot_len);
	if (p->l3_len < sizeof(*ip) || p->l3_len > room)
		return WEFT_BPF_MISS_HEADERS;
	if ((ip->frag_off & bpf_htons(IPV4_FRAG)) || !ipv4_sum_ok(ip))
		return WEFT_BPF_MISS_HEADERS;
	p->tos = ip->tos;
	p->ttl = ip->ttl;
	p->key.family = 4;
	put_v4(p->key.src, ip->saddr);
	put_v4(p->key.dst, ip->daddr);
	__builtin_memcpy(p->head + ETH_HLEN, ip, 12);
	return parse_l4(c, ip->protocol, 0, p->l3_len - sizeof(*ip), gso, p);
}

static __always_inline int parse_ipv6(struct cursor *c, __u32 room, int gso, struct packet *p)
{
	struct ipv6hdr *ip = cursor_take(c, struct ipv6hdr);
	__u32 payload;

	if (!ip || ip->version != 6)
		return WEFT_BPF_MISS_HEADERS;
	payload = bpf_ntohs(ip->payload_len);
	p->l3_len = payload + sizeof(*ip);
	if (p->l3_len > room || p->l3_len > 0xffff)
		return WEFT_BPF_MISS_HEADERS;
	p->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	p->ttl = ip->hop_limit;
	p->key.family = 6;
	__builtin_memcpy(p->key.src, &ip->saddr, 16);
	__builtin_memcpy(p->key.dst, &ip->daddr, 16);
	__builtin_memcpy(p->head + ETH_HLEN, ip, 12);
	return parse_l4(c, ip->nexthdr, 1, payload, gso, p);
}

/* The frame at the cursor, of len bytes, of which the first ones are within the cursor's reach.
 * gso: it is longer than what the wire takes. Returns 0 or enum weft_bpf_miss. */
static __always_inline int parse_frame(struct cursor *c, __u32 len, int gso, struct packet *p)
{
	struct ethhdr *eth = cursor_take(c, struct ethhdr);

	if (!eth || len < sizeof(*eth))
		return WEFT_BPF_MISS_HEADERS;
	__builtin_memcpy(p->head, eth, sizeof(*eth));
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(c, len - sizeof(*eth), gso, p);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(c, len - sizeof(*eth), gso, p);
	if (eth->h_proto == bpf_htons(ETH_P_8021Q) || eth->h_proto == bpf_htons(ETH_P_8021AD))
		return WEFT_BPF_MISS_VLAN;
	return WEFT_BPF_MISS_NOT_IP;
}

#endif
