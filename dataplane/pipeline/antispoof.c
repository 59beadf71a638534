/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Anti-spoofing: a tenant's port sends only from its MAC and its addresses, from its first frame
 * on.
 *
 * Beside the port's own addresses a guest needs, and may use as sources:
 *  - 0.0.0.0 toward 255.255.255.255 in DHCP requests (RFC 2131), and in ARP probes (RFC 5227) for
 * an address of its own;
 *  - :: in duplicate address detection (RFC 4862) for an address of its own, in router
 *    solicitations (RFC 4861) and in MLD reports (RFC 3590);
 *  - the link-local address made of its MAC (RFC 4291 appendix A). Other link-local addresses must
 *    be among the port's.
 * In ARP the sender fields, in ND the target of advertisements and every link-layer address option
 * must be the port's too. Redirects (RFC 4861) are not a guest's to send, and ND is never
 * fragmented (RFC 6980). Frames that are neither IP nor ARP are judged by their MAC alone.
 *
 * Drops: SPOOFED_MAC, SPOOFED_ADDR, SPOOFED_ARP. Workers; reads only.
 */
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include <pkt/arp.h>
#include <pkt/nd.h>

#include "stages.h"

#define MLD_REPORT  131
#define MLD_DONE    132
#define MLD2_REPORT 143
#define DHCP_CLIENT 68
#define DHCP_SERVER 67

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

static inline bool antispoof_is(const struct weft_prefix *p, const struct weft_addr *addr)
{
	struct addr_pair want = antispoof_pair(&p->addr), have = antispoof_pair(addr);

	return p->len == 128 && want.high == have.high && want.low == have.low;
}

static bool antispoof_is_own_link_local(const struct weft_port *port, const struct weft_addr *a)
{
	const struct weft_addr own = weft_addr_link_local(&port->mac);

	return weft_addr_equal(a, &own);
}

/* Apart, for the stack and registers that it takes. */
static __rte_noinline bool antispoof_owns_prefix(
	const struct weft_port *port, const struct weft_addr *a)
{
	for (unsigned int i = 0; i < port->n_addrs; i++) {
		if (weft_prefix_contains(&port->addrs[i], a))
			return true;
	}
	return antispoof_is_own_link_local(port, a);
}

/* Most ports have single addresses. */
static inline bool antispoof_owns(const struct weft_port *port, const struct weft_addr *a)
{
	for (unsigned int i = 0; i < port->n_addrs; i++) {
		if (antispoof_is(&port->addrs[i], a))
			return true;
	}
	return antispoof_owns_prefix(port, a);
}

static int antispoof_arp(const struct weft_port *port, const struct rte_mbuf *m)
{
	struct arp_info arp;

	if (!arp_parse(m, &arp) || !weft_mac_equal(&arp.sender_mac, &port->mac) ||
		!antispoof_owns(port, arp.probe ? &arp.target : &arp.sender))
		return WEFT_DROP_SPOOFED_ARP;
	return VERDICT_CONTINUE;
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

static int antispoof_nd(const struct weft_port *port, const struct rte_mbuf *m)
{
	struct nd_info nd;

	if (!nd_parse(m, &nd) || nd.type == ND_REDIRECT)
		return WEFT_DROP_SPOOFED_ARP;
	if (nd.has_mac && !weft_mac_equal(&nd.mac, &port->mac))
		return WEFT_DROP_SPOOFED_ARP;
	if ((nd.type == ND_NEIGHBOUR_ADVERT || nd.dad) && !antispoof_owns(port, &nd.target))
		return WEFT_DROP_SPOOFED_ARP;
	return VERDICT_CONTINUE;
}

/* May a packet have no source address? ND is judged further by antispoof_nd. */
static bool antispoof_may_be_unspecified(const struct pkt_meta *meta)
{
	uint8_t type = meta->sport >> 8;

	if ((meta->flags & (PKT_L4 | PKT_FRAGMENT)) != PKT_L4 || meta->l4_proto != IPPROTO_ICMPV6)
		return false;
	return type == ND_NEIGHBOUR_SOLICIT || type == ND_ROUTER_SOLICIT || type == MLD_REPORT ||
	       type == MLD_DONE || type == MLD2_REPORT;
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
		return antispoof_nd(port, m);
	return VERDICT_CONTINUE;
}

int antispoof_check(const struct config_port *port, struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	if (unlikely(memcmp(port->spec.mac.b, frame + RTE_ETHER_ADDR_LEN, RTE_ETHER_ADDR_LEN) != 0))
		return WEFT_DROP_SPOOFED_MAC;
	if (likely(meta->flags & PKT_IPV4))
		return antispoof_ipv4(&port->spec, meta, frame + meta->l3_off);
	if (meta->flags & PKT_IPV6)
		return antispoof_ipv6(&port->spec, m, meta, frame + meta->l3_off);
	if (meta->flags & PKT_ARP)
		return antispoof_arp(&port->spec, m);
	return VERDICT_CONTINUE;
}
