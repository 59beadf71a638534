/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Anti-spoofing: a tenant's port sends only from its MAC and its addresses, from its first frame
 * on.
 *
 * Beside the port's own addresses a guest needs, and may use as sources:
 *  - 0.0.0.0 toward 255.255.255.255 in DHCP requests (RFC 2131), and in ARP probes (RFC 5227) for
 * an address of its own;
 *  - :: in duplicate address detection (RFC 4862) for an address of its own and in MLD reports
 *    (RFC 3590);
 *  - the link-local address made of its MAC (RFC 4291 appendix A). Other link-local addresses must
 *    be among the port's.
 * In ARP the sender fields, in ND the target of advertisements and every link-layer address option
 * must be the port's too. Redirects (RFC 4861) are not a guest's to send, and ND is never
 * fragmented (RFC 6980). Frames that are neither IP nor ARP are judged by their MAC alone.
 *
 * Drops: SPOOFED_MAC, SPOOFED_ADDR, SPOOFED_ARP. Workers; reads only.
 */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "stages.h"

#define ND_NS		 135
#define ND_NA		 136
#define ND_REDIRECT	 137
#define MLD_REPORT	 131
#define MLD_DONE	 132
#define MLD2_REPORT	 143
#define ND_OPTION_SOURCE 1 /* source link-layer address */
#define ND_OPTION_TARGET 2 /* target link-layer address */
#define DHCP_CLIENT	 68
#define DHCP_SERVER	 67

/* An address as two numbers, for comparing under a mask. */
struct addr_pair {
	uint64_t high;
	uint64_t low;
};

static inline struct addr_pair antispoof_pair(const struct weft_addr *a)
{
	struct addr_pair p;

	memcpy(&p, a, sizeof(p));
	return p;
}

static inline bool antispoof_prefix_has(const struct weft_prefix *p, const struct weft_addr *addr)
{
	struct addr_pair want = antispoof_pair(&p->addr), have = antispoof_pair(addr);

	if (likely(p->len == 128))
		return want.high == have.high && want.low == have.low;
	return weft_prefix_contains(p, addr);
}

/* fe80::/64 with the interface identifier of the port's MAC. */
static bool antispoof_is_own_link_local(const struct weft_port *port, const struct weft_addr *a)
{
	const uint8_t *m = port->mac.b;
	const struct weft_addr own = {
		.b = {0xfe, 0x80, [8] = m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}};

	return weft_addr_equal(a, &own);
}

static inline bool antispoof_owns(const struct weft_port *port, const struct weft_addr *a)
{
	for (unsigned int i = 0; i < port->n_addrs; i++) {
		if (antispoof_prefix_has(&port->addrs[i], a))
			return true;
	}
	return antispoof_is_own_link_local(port, a);
}

static bool antispoof_is_own_mac(const struct weft_port *port, const uint8_t *mac)
{
	return memcmp(port->mac.b, mac, sizeof(port->mac.b)) == 0;
}

static int antispoof_arp(const struct weft_port *port, const uint8_t *arp)
{
	static const uint8_t ethernet_ipv4[] = {0, 1, 8, 0, 6, 4};
	struct weft_addr sender = weft_addr_from_v4(arp + 14), target = weft_addr_from_v4(arp + 24);
	static const uint8_t nobody[4];
	bool request = arp[6] == 0 && arp[7] == 1, reply = arp[6] == 0 && arp[7] == 2;

	if (memcmp(arp, ethernet_ipv4, sizeof(ethernet_ipv4)) != 0 || (!request && !reply))
		return WEFT_DROP_SPOOFED_ARP;
	if (!antispoof_is_own_mac(port, arp + 8))
		return WEFT_DROP_SPOOFED_ARP;
	if (request && memcmp(arp + 14, nobody, sizeof(nobody)) == 0)
		return antispoof_owns(port, &target) ? VERDICT_CONTINUE : WEFT_DROP_SPOOFED_ARP;
	return antispoof_owns(port, &sender) ? VERDICT_CONTINUE : WEFT_DROP_SPOOFED_ARP;
}

static bool antispoof_is_dhcp(const struct pkt_meta *meta, const uint8_t *ip)
{
	static const uint8_t everybody[4] = {0xff, 0xff, 0xff, 0xff};

	return (meta->flags & (PKT_L4 | PKT_FRAGMENT)) == PKT_L4 && meta->l4_proto == IPPROTO_UDP &&
	       meta->sport == DHCP_CLIENT && meta->dport == DHCP_SERVER &&
	       memcmp(ip + 16, everybody, sizeof(everybody)) == 0;
}

static inline int antispoof_ipv4(
	const struct weft_port *port, const struct pkt_meta *meta, const uint8_t *ip)
{
	struct weft_addr src = weft_addr_from_v4(ip + 12);
	static const uint8_t nobody[4];

	if (likely(antispoof_owns(port, &src)))
		return VERDICT_CONTINUE;
	if (memcmp(ip + 12, nobody, sizeof(nobody)) == 0 && antispoof_is_dhcp(meta, ip))
		return VERDICT_CONTINUE;
	return WEFT_DROP_SPOOFED_ADDR;
}

/* Every link-layer address option of the message, from off to end, must be the port's MAC. */
static bool antispoof_nd_options(
	const struct weft_port *port, const struct rte_mbuf *m, uint32_t off, uint32_t end)
{
	while (off + 8 <= end) {
		uint8_t buf[8];
		const uint8_t *o = rte_pktmbuf_read(m, off, sizeof(buf), buf);

		if (!o || o[1] == 0)
			return false;
		if (o[0] == ND_OPTION_SOURCE || o[0] == ND_OPTION_TARGET) {
			if (o[1] != 1 || !antispoof_is_own_mac(port, o + 2))
				return false;
		}
		off += o[1] * 8u;
	}
	return off == end;
}

/* Bytes of each ND message in front of its options (RFC 4861 section 4). */
static uint32_t antispoof_nd_size(uint8_t type)
{
	switch (type) {
	case ND_ROUTER_SOLICIT:
		return 8;
	case ND_ROUTER_ADVERT:
		return 16;
	case ND_NS:
	case ND_NA:
		return 24;
	default:
		return 0;
	}
}

static int antispoof_nd(const struct weft_port *port, const struct rte_mbuf *m,
	const struct pkt_meta *meta, bool unspecified)
{
	uint8_t type = meta->sport >> 8, buf[16];
	uint32_t size = antispoof_nd_size(type), end = meta->l3_off + meta->l3_len;
	const void *target;
	struct weft_addr a;

	if ((meta->flags & PKT_FRAGMENT) || size == 0 || meta->l4_off + size > end)
		return WEFT_DROP_SPOOFED_ARP;
	if (type == ND_NA || (type == ND_NS && unspecified)) {
		target = rte_pktmbuf_read(m, meta->l4_off + 8, sizeof(a), buf);
		if (!target)
			return WEFT_DROP_SPOOFED_ARP;
		memcpy(&a, target, sizeof(a));
		if (!antispoof_owns(port, &a))
			return WEFT_DROP_SPOOFED_ARP;
	}
	return antispoof_nd_options(port, m, meta->l4_off + size, end) ? VERDICT_CONTINUE
								       : WEFT_DROP_SPOOFED_ARP;
}

/* May a packet have no source address? ND is judged further by antispoof_nd. */
static bool antispoof_may_be_unspecified(const struct pkt_meta *meta)
{
	uint8_t type = meta->sport >> 8;

	if ((meta->flags & (PKT_L4 | PKT_FRAGMENT)) != PKT_L4 || meta->l4_proto != IPPROTO_ICMPV6)
		return false;
	return type == ND_NS || type == MLD_REPORT || type == MLD_DONE || type == MLD2_REPORT;
}

static inline int antispoof_ipv6(const struct weft_port *port, const struct rte_mbuf *m,
	const struct pkt_meta *meta, const uint8_t *ip)
{
	struct weft_addr src;
	bool unspecified;

	memcpy(&src, ip + 8, sizeof(src));
	unspecified = weft_addr_is_zero(&src);
	if (!(unspecified ? antispoof_may_be_unspecified(meta) : antispoof_owns(port, &src)))
		return WEFT_DROP_SPOOFED_ADDR;
	if (unlikely(meta->flags & PKT_ND))
		return antispoof_nd(port, m, meta, unspecified);
	return VERDICT_CONTINUE;
}

int antispoof_check(const struct config_port *port, struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	if (unlikely(!antispoof_is_own_mac(&port->spec, frame + RTE_ETHER_ADDR_LEN)))
		return WEFT_DROP_SPOOFED_MAC;
	if (likely(meta->flags & PKT_IPV4))
		return antispoof_ipv4(&port->spec, meta, frame + meta->l3_off);
	if (meta->flags & PKT_IPV6)
		return antispoof_ipv6(&port->spec, m, meta, frame + meta->l3_off);
	if (meta->flags & PKT_ARP)
		return antispoof_arp(&port->spec, frame + meta->l3_off);
	return VERDICT_CONTINUE;
}
