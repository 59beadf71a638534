/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour discovery read strictly; called by stages on workers. Whether its claims are true is
 * theirs to judge. Knows nothing of ports.
 */
#include <rte_ip.h>

#include <pkt/cksum.h>
#include <pkt/meta.h>
#include <pkt/nd.h>

#define HOP_LIMIT 255

/* By type from ND_ROUTER_SOLICIT on: the length before options, and the option with the MAC. */
static const struct {
	uint8_t size;
	uint8_t lladdr;
} nd_shape[] = {
	{8, ND_OPT_SOURCE_LLADDR},
	{16, ND_OPT_SOURCE_LLADDR},
	{24, ND_OPT_SOURCE_LLADDR},
	{24, ND_OPT_TARGET_LLADDR},
	{40, ND_OPT_TARGET_LLADDR},
};

static bool is_multicast(const struct weft_addr *a)
{
	return a->b[0] == 0xff;
}

static bool is_link_local(const struct weft_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* ff02::1:ff00:0/104 */
static bool is_solicited_node(const struct weft_addr *a)
{
	static const uint8_t prefix[13] = {0xff, 2, [11] = 1, 0xff};

	return memcmp(a->b, prefix, sizeof(prefix)) == 0;
}

static bool addresses_ok(const struct nd_info *nd)
{
	bool from_nobody = weft_addr_is_zero(&nd->src);

	if (is_multicast(&nd->src))
		return false;
	switch (nd->type) {
	case ND_ROUTER_SOLICIT:
		return !(from_nobody && nd->has_mac);
	case ND_NEIGHBOUR_SOLICIT:
		if (from_nobody && (nd->has_mac || !is_solicited_node(&nd->dst)))
			return false;
		return !is_multicast(&nd->target);
	case ND_NEIGHBOUR_ADVERT:
		return !from_nobody && !is_multicast(&nd->target) &&
		       !(nd->solicited && is_multicast(&nd->dst));
	default: /* router advertisement, redirect */
		return is_link_local(&nd->src);
	}
}

/* Walks the options from off to end. Each is at least 8 bytes long, so that the loop ends. */
static bool read_options(
	const struct rte_mbuf *m, uint32_t off, uint32_t end, uint8_t lladdr, struct nd_info *nd)
{
	while (off < end) {
		uint8_t copy[8];
		const uint8_t *opt;
		uint32_t size;

		if (end - off < 8)
			return false;
		opt = rte_pktmbuf_read(m, off, 8, copy);
		size = opt[1] * 8;
		if (size == 0 || size > end - off)
			return false;
		if (opt[0] == lladdr) {
			if (size != 8 || nd->has_mac)
				return false;
			memcpy(nd->mac.b, opt + 2, 6);
			nd->has_mac = true;
		}
		off += size;
	}
	return !nd->has_mac || (!weft_mac_is_group(&nd->mac) && !weft_mac_is_zero(&nd->mac));
}

static void read_body(const uint8_t *icmp, struct nd_info *nd)
{
	if (nd->type >= ND_NEIGHBOUR_SOLICIT)
		memcpy(nd->target.b, icmp + 8, sizeof(nd->target.b));
	if (nd->type == ND_NEIGHBOUR_ADVERT) {
		nd->router = icmp[4] & ND_FLAG_ROUTER;
		nd->solicited = icmp[4] & ND_FLAG_SOLICITED;
		nd->override = icmp[4] & ND_FLAG_OVERRIDE;
	}
}

bool nd_parse(const struct rte_mbuf *m, struct nd_info *ret)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off), *icmp;
	uint32_t end = meta->l3_off + meta->l3_len, len = end - meta->l4_off;
	struct nd_info nd = {.type = meta->sport >> 8};
	uint8_t copy[24], shape = nd.type - ND_ROUTER_SOLICIT;

	if (meta->l4_off != meta->l3_off + sizeof(struct rte_ipv6_hdr) || ip[7] != HOP_LIMIT)
		return false;
	if ((meta->sport & 0xff) != 0 || len < nd_shape[shape].size || !pkt_l4_cksum_ok(m))
		return false;
	icmp = rte_pktmbuf_read(m, meta->l4_off, RTE_MIN(len, sizeof(copy)), copy);
	memcpy(nd.src.b, ip + 8, sizeof(nd.src.b));
	memcpy(nd.dst.b, ip + 24, sizeof(nd.dst.b));
	read_body(icmp, &nd);
	if (!read_options(m, meta->l4_off + nd_shape[shape].size, end, nd_shape[shape].lladdr, &nd))
		return false;
	if (!addresses_ok(&nd))
		return false;
	nd.dad = nd.type == ND_NEIGHBOUR_SOLICIT && weft_addr_is_zero(&nd.src);
	*ret = nd;
	return true;
}
