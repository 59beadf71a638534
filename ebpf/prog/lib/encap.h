/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VXLAN headers of the fast path: those that go on, the same bytes as dataplane/tunnel/vxlan.c, and
 * those that come off, judged as dataplane/pkt/parse_outer.c does.
 */
#ifndef PROG_LIB_ENCAP_H
#define PROG_LIB_ENCAP_H

#include "hit.h"

#define VXLAN_FLAG_VNI 0x08
#define ECN_MASK       3
#define ECN_ECT1       1
#define ECN_ECT0       2
#define ECN_CE	       3

struct vxlan_header {
	__u8 flags;
	__u8 reserved[3];
	__be32 vni; /* and eight reserved bits */
};

struct outer_v4 {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	struct vxlan_header vxlan;
} __attribute__((packed, aligned(2)));
_Static_assert(sizeof(struct outer_v4) == WEFT_BPF_OUTER_V4, "wire layout");

struct outer_v6 {
	struct ethhdr eth;
	struct ipv6hdr ip;
	struct udphdr udp;
	struct vxlan_header vxlan;
} __attribute__((packed, aligned(2)));
_Static_assert(sizeof(struct outer_v6) == WEFT_BPF_OUTER_V6, "wire layout");

/* What goes in front: outer headers, then the inner head as it leaves. */
union encap {
	struct outer_v4 v4;
	struct outer_v6 v6;
	__u8 bytes[WEFT_BPF_OUTER_V6 + HEAD_SIZE];
} __attribute__((aligned(8)));

/* What was found of a packet that comes out of a tunnel. */
struct outer {
	struct weft_bpf_addr src;
	struct weft_bpf_addr dst;
	__u32 vni;
	__u32 inner_len; /* the inner frame, as the UDP header says */
	__u32 size;	 /* of the outer headers */
	__u8 tos;
	__u8 has_sum; /* a checksum, which must be right: for the caller to ask */
};

/* Of the VTEP slot; NULL: no tunnel. *ret_seq is for tunnel_unchanged, once all is read. */
static __always_inline const struct weft_bpf_tunnel *tunnel_begin(__u32 slot, __u32 *ret_seq)
{
	const struct weft_bpf_tunnel *t = bpf_map_lookup_elem(&weft_tunnels, &slot);

	if (!t || t->uplink_ifindex == 0)
		return NULL;
	*ret_seq = *(const volatile __u32 *)&t->seq;
	compiler_barrier();
	return t;
}

static __always_inline int tunnel_unchanged(const struct weft_bpf_tunnel *t, __u32 seq)
{
	compiler_barrier();
	return !(seq & 1) && seq == *(const volatile __u32 *)&t->seq;
}

static __always_inline __be16 source_port(__u32 hash)
{
	return bpf_htons(0xc000 | ((hash ^ hash >> 16) & 0x3fff));
}

/* RFC 6040 section 4.1, normal mode. */
static __always_inline __u8 outer_tos(const struct weft_bpf_tunnel *t, __u8 tos)
{
	__u8 dscp = t->flags & WEFT_BPF_TUNNEL_DSCP_COPY ? tos : t->dscp;

	return (dscp & ~ECN_MASK) | (tos & ECN_MASK);
}

/* The two below: the outer headers for p, which leaves with the head that it has now. */
static __always_inline void encap_v4(const struct weft_bpf_tunnel *t, const struct packet *p,
	const struct weft_bpf_decision *d, union encap *e)
{
	__u32 inner = ETH_HLEN + p->l3_len;
	__be16 len = bpf_htons(inner + sizeof(e->v4) - ETH_HLEN);
	__u8 tos = outer_tos(t, p->tos);

	__builtin_memcpy(e->bytes, t->hdr, sizeof(e->v4));
	e->v4.ip.tos = tos;
	e->v4.ip.tot_len = len;
	e->v4.ip.check = ~fold((__u64)t->ip_cksum + len + bpf_htons(tos));
	e->v4.udp.source = source_port(d->flow_hash);
	e->v4.udp.len = bpf_htons(inner + sizeof(e->v4.udp) + sizeof(e->v4.vxlan));
	e->v4.vxlan.vni = bpf_htonl(d->out_vni << 8);
	__builtin_memcpy(e->bytes + sizeof(e->v4), p->head, HEAD_SIZE);
}

static __always_inline void encap_v6(const struct weft_bpf_tunnel *t, const struct packet *p,
	const struct weft_bpf_decision *d, union encap *e)
{
	__u32 inner = ETH_HLEN + p->l3_len, tos = outer_tos(t, p->tos);
	__be16 len = bpf_htons(inner + sizeof(e->v6.udp) + sizeof(e->v6.vxlan));
	__be32 first = bpf_htonl(6u << 28 | tos << 20 | (d->flow_hash & 0xfffff));

	__builtin_memcpy(e->bytes, t->hdr, sizeof(e->v6));
	__builtin_memcpy(e->bytes + ETH_HLEN, &first, sizeof(first));
	e->v6.ip.payload_len = len;
	e->v6.udp.source = source_port(d->flow_hash);
	e->v6.udp.len = len;
	e->v6.vxlan.vni = bpf_htonl(d->out_vni << 8);
	__builtin_memcpy(e->bytes + sizeof(e->v6), p->head, HEAD_SIZE);
}

/* room: bytes of the outer IP packet behind its header. */
static __always_inline int outer_udp(struct cursor *c, __u32 room, struct outer *o)
{
	struct udphdr *udp = cursor_take(c, struct udphdr);
	struct vxlan_header *vxlan = cursor_take(c, struct vxlan_header);
	__u32 len;

	if (!udp || !vxlan || udp->dest != bpf_htons(WEFT_BPF_VXLAN_PORT))
		return WEFT_BPF_MISS_OUTER;
	len = bpf_ntohs(udp->len);
	if (len > room || len < sizeof(*udp) + sizeof(*vxlan))
		return WEFT_BPF_MISS_OUTER;
	if (!(vxlan->flags & VXLAN_FLAG_VNI))
		return WEFT_BPF_MISS_OUTER;
	o->has_sum = udp->check != 0;
	o->vni = bpf_ntohl(vxlan->vni) >> 8;
	o->inner_len = len - sizeof(*udp) - sizeof(*vxlan);
	return 0;
}

static __always_inline int outer_ipv4(struct cursor *c, __u32 room, struct outer *o)
{
	struct iphdr *ip = cursor_take(c, struct iphdr);
	__u32 total;

	if (!ip || *(__u8 *)ip != IPV4_PLAIN || ip->protocol != IPPROTO_UDP)
		return WEFT_BPF_MISS_OUTER;
	total = bpf_ntohs(ip->tot_len);
	if (total < sizeof(*ip) || total > room || (ip->frag_off & bpf_htons(IPV4_FRAG)) ||
		!ipv4_sum_ok(ip))
		return WEFT_BPF_MISS_OUTER;
	put_v4(o->src.b, ip->saddr);
	put_v4(o->dst.b, ip->daddr);
	o->tos = ip->tos;
	o->size = sizeof(struct outer_v4);
	return outer_udp(c, total - sizeof(*ip), o);
}

static __always_inline int outer_ipv6(struct cursor *c, __u32 room, struct outer *o)
{
	struct ipv6hdr *ip = cursor_take(c, struct ipv6hdr);
	__u32 payload;

	if (!ip || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
		return WEFT_BPF_MISS_OUTER;
	payload = bpf_ntohs(ip->payload_len);
	if (payload + sizeof(*ip) > room)
		return WEFT_BPF_MISS_OUTER;
	__builtin_memcpy(&o->src, &ip->saddr, 16);
	__builtin_memcpy(&o->dst, &ip->daddr, 16);
	o->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	o->size = sizeof(struct outer_v6);
	return outer_udp(c, payload, o);
}

/* From the outer Ethernet header to the inner one. len: bytes of the frame, also beyond the
 * cursor's reach. Returns 0 or enum weft_bpf_miss. */
static __always_inline int outer_parse(struct cursor *c, __u32 len, struct outer *o)
{
	struct ethhdr *eth = cursor_take(c, struct ethhdr);

	if (!eth || len < sizeof(*eth) || (eth->h_dest[0] & 1))
		return WEFT_BPF_MISS_OUTER;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return outer_ipv4(c, len - sizeof(*eth), o);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return outer_ipv6(c, len - sizeof(*eth), o);
	return WEFT_BPF_MISS_OUTER;
}

static __always_inline int addrs_equal(const struct weft_bpf_addr *a, const struct weft_bpf_addr *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* RFC 6040 figure 4: those that leave the inner field as it is. */
static __always_inline int ecn_stays(__u8 inner, __u8 outer)
{
	inner &= ECN_MASK;
	outer &= ECN_MASK;
	if (outer == ECN_CE)
		return inner == ECN_CE;
	return !(outer == ECN_ECT1 && inner == ECN_ECT0);
}

/* Came the packet out of the tunnel that its session's packets come out of? *ret_flags: the
 * tunnel's. Returns 0 or enum weft_bpf_miss. */
static __always_inline int outer_judge(const struct outer *o, const struct packet *p,
	const struct weft_bpf_decision *d, __u32 ifindex, __u8 *ret_flags)
{
	const struct weft_bpf_tunnel *t;
	__u32 seq;
	int same;

	if (d->in_vtep == 0)
		return WEFT_BPF_MISS_VTEP;
	t = tunnel_begin(d->in_vtep, &seq);
	if (!t)
		return WEFT_BPF_MISS_VTEP;
	same = t->uplink_ifindex == ifindex && addrs_equal(&t->remote, &o->src) &&
	       addrs_equal(&t->local, &o->dst);
	*ret_flags = t->flags;
	if (!tunnel_unchanged(t, seq))
		return WEFT_BPF_MISS_CHANGING;
	if (!same)
		return WEFT_BPF_MISS_VTEP;
	return ecn_stays(p->tos, o->tos) ? 0 : WEFT_BPF_MISS_ECN;
}

#endif
