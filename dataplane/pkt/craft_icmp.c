/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP and ICMPv6: echo replies and error messages. Called by the pipeline on workers, for few
 * packets; who may be answered how often is the caller's business.
 */
#include <netinet/in.h>

#include <rte_icmp.h>

#include <pkt/cksum.h>
#include <pkt/craft.h>
#include <pkt/nd.h>

#include "craft_priv.h"

#define ICMP_HDR_SIZE 8
#define ICMPV4_MAX    576  /* RFC 1812 section 4.3.2.3 */
#define ICMPV6_MAX    1280 /* RFC 4443 section 2.4 (c) */
#define ICMPV4_TOS    0xc0 /* internetwork control (RFC 1812 section 4.3.2.5) */

enum {
	ICMPV4_ECHO_REPLY = 0,
	ICMPV4_ECHO_REQUEST = 8,
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
};

/* Type and code by error and family: RFC 792, RFC 1812 section 5.2.7, RFC 4443 section 3. */
static const struct {
	uint8_t v4[2], v6[2];
} icmp_errors[] = {
	[PKT_ERROR_TOO_BIG] = {{3, 4}, {2, 0}},
	[PKT_ERROR_TTL] = {{11, 0}, {3, 0}},
	[PKT_ERROR_NO_ROUTE] = {{3, 0}, {1, 0}},
	[PKT_ERROR_HOST] = {{3, 1}, {1, 3}},
	[PKT_ERROR_PORT] = {{3, 3}, {1, 4}},
	[PKT_ERROR_PROHIBITED] = {{3, 13}, {1, 1}},
};

static void swap_bytes(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t tmp[16];

	memcpy(tmp, a, n);
	memcpy(a, b, n);
	memcpy(b, tmp, n);
}

static bool is_echo_request(const struct pkt_meta *meta)
{
	if ((meta->flags & (PKT_L4 | PKT_FRAGMENT)) != PKT_L4)
		return false;
	return meta->flags & PKT_IPV4
		       ? meta->l4_proto == IPPROTO_ICMP && meta->sport == ICMPV4_ECHO_REQUEST << 8
		       : meta->l4_proto == IPPROTO_ICMPV6 && meta->sport == ICMPV6_ECHO_REQUEST
										    << 8;
}

bool pkt_craft_echo_reply(struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + meta->l3_off;
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(frame + meta->l4_off);
	bool v6 = meta->flags & PKT_IPV6;

	if (!is_echo_request(meta) || !craft_sent_to_host(m, meta))
		return false;
	/* Swapping addresses leaves every sum as it is. */
	swap_bytes(frame, frame + 6, 6);
	if (v6) {
		swap_bytes(ip + 8, ip + 24, 16);
		ip[7] = CRAFT_TTL;
	} else {
		swap_bytes(ip + 12, ip + 16, 4);
		ip[8] = CRAFT_TTL;
		cksum_ipv4_set(ip);
	}
	icmp->icmp_type = v6 ? ICMPV6_ECHO_REPLY : ICMPV4_ECHO_REPLY;
	cksum_update16(&icmp->icmp_cksum, rte_cpu_to_be_16(meta->sport),
		rte_cpu_to_be_16(icmp->icmp_type << 8));
	craft_finish(m);
	return true;
}

static bool is_icmp_error(const struct pkt_meta *meta)
{
	uint8_t type = meta->sport >> 8;

	if (!(meta->flags & PKT_L4))
		return false;
	if (meta->flags & PKT_IPV6)
		return meta->l4_proto == IPPROTO_ICMPV6 && (type < 128 || type == ND_REDIRECT);
	return meta->l4_proto == IPPROTO_ICMP &&
	       (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
}

/* Copies len bytes of the chain from off to dst. */
static void copy_out(const struct rte_mbuf *m, uint32_t off, uint32_t len, uint8_t *dst)
{
	const void *src = rte_pktmbuf_read(m, off, len, dst);

	if (src && src != dst)
		memcpy(dst, src, len);
}

struct rte_mbuf *pkt_craft_error(
	const struct rte_mbuf *m, enum pkt_error error, uint16_t mtu, const struct weft_addr *from)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	bool v6 = meta->flags & PKT_IPV6;
	uint32_t hdrs = craft_ip_size(v6) + ICMP_HDR_SIZE;
	uint32_t quote = RTE_MIN((v6 ? ICMPV6_MAX : ICMPV4_MAX) - hdrs, (uint32_t)meta->l3_len);
	uint16_t mtu_be = rte_cpu_to_be_16(mtu);
	uint8_t proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, *ip, *icmp;
	struct rte_mbuf *a;

	if (!craft_sent_to_host(m, meta) || (meta->flags & PKT_LATER_FRAGMENT) ||
		is_icmp_error(meta) ||
		!craft_between_hosts(
			meta, rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off)))
		return NULL;
	a = craft_new(m, from, proto, ICMP_HDR_SIZE + quote, ICMPV4_TOS);
	if (!a)
		return NULL;
	ip = rte_pktmbuf_mtod_offset(a, uint8_t *, meta->l3_off);
	icmp = ip + craft_ip_size(v6);
	memset(icmp, 0, ICMP_HDR_SIZE);
	memcpy(icmp, v6 ? icmp_errors[error].v6 : icmp_errors[error].v4, 2);
	/* In both families the low half of the second word. */
	memcpy(icmp + 6, &mtu_be, sizeof(mtu_be));
	copy_out(m, meta->l3_off, quote, icmp + ICMP_HDR_SIZE);
	craft_l4_cksum(ip, v6, proto, icmp, ICMP_HDR_SIZE + quote, 2);
	craft_finish(a);
	return a;
}
