/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the oracle reads frames: Ethernet, 802.1Q, ARP, IPv4, IPv6 with its extension headers, and
 * the ports of what has them.
 */
#include <string.h>

#include "oracle.h"

static bool read_l4(struct view *v, uint32_t end)
{
	const uint8_t *p = v->b + v->l4;
	uint32_t room = end - v->l4;

	v->has_l4 = false;
	switch (v->proto) {
	case 6:
		if (room < 20 || (p[12] >> 4) < 5 || (p[12] >> 4) * 4u > room)
			return false;
		break;
	case 17:
		if (room < 8 || read16(p + 4) < 8 || (read16(p + 4) > room && !v->fragment))
			return false;
		break;
	case 33:  /* RFC 4340: at least 12 bytes */
	case 132: /* RFC 9260 */
		if (room < 12)
			return false;
		break;
	case 136: /* RFC 3828 */
		if (room < 8)
			return false;
		break;
	case 1:
	case 58:
		if ((v->family == 4) != (v->proto == 1))
			return true;
		if (room < 8)
			return false;
		v->has_l4 = true;
		v->sport = read16(p);
		if (v->family == 4 ? p[0] == 0 || p[0] == 8 || (p[0] >= 13 && p[0] <= 18)
				   : p[0] == 128 || p[0] == 129)
			v->dport = read16(p + 4);
		v->nd = v->family == 6 && p[0] >= 133 && p[0] <= 137;
		return true;
	default:
		return true;
	}
	v->has_l4 = true;
	v->sport = read16(p);
	v->dport = read16(p + 2);
	return true;
}

static bool read_ipv4(struct view *v, uint32_t len)
{
	const uint8_t *ip = v->b + v->l3;
	uint32_t room = len - v->l3, head, total, field;

	if (room < 20 || ip[0] >> 4 != 4)
		return false;
	head = (ip[0] & 15) * 4;
	total = read16(ip + 2);
	if (head < 20 || head > room || total < head || total > room || naive_sum(ip, head, 0) != 0)
		return false;
	v->family = 4;
	v->src = weft_addr_from_v4(ip + 12);
	v->dst = weft_addr_from_v4(ip + 16);
	v->ttl = ip[8];
	v->proto = ip[9];
	v->len = v->l3 + total;
	v->l4 = v->l3 + head;
	field = read16(ip + 6);
	v->more = field & 0x2000;
	v->frag_start = (field & 0x1fff) * 8;
	v->frag_id = read16(ip + 4);
	v->fragment = v->more || v->frag_start;
	v->later = v->frag_start > 0;
	if (v->later) /* RFC 1858; RFC 791: 65535 bytes in all */
		return v->frag_start + total - head <= 65535 &&
		       !(v->proto == 6 && v->frag_start < 20);
	return read_l4(v, v->len);
}

/* Bytes of that extension header; 0: it is none. */
uint32_t view_ext_bytes(uint8_t type, const uint8_t *p)
{
	switch (type) {
	case 0:
	case 43:
	case 60:
	case 135:
	case 139:
	case 140:
		return 8 + 8 * p[1];
	case 51:
		return 8 + 4 * p[1];
	case 44:
		return 8;
	}
	return 0;
}

static bool read_ipv6(struct view *v, uint32_t len)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *ip = v->b + v->l3;
	uint32_t total, size;
	bool seen = false;

	if (len - v->l3 < 40 || ip[0] >> 4 != 6)
		return false;
	total = 40 + read16(ip + 4);
	if (total > len - v->l3 || memcmp(ip + 8, mapped, 12) == 0 ||
		memcmp(ip + 24, mapped, 12) == 0)
		return false;
	v->family = 6;
	memcpy(&v->src, ip + 8, 16);
	memcpy(&v->dst, ip + 24, 16);
	v->ttl = ip[7];
	v->proto = ip[6];
	v->len = v->l3 + total;
	v->l4 = v->l3 + 40;
	for (unsigned int n = 0; !v->later; n++) {
		static const uint8_t zero[2];
		const uint8_t *p = v->b + v->l4;

		if (view_ext_bytes(v->proto, zero) == 0)
			break;
		if (n == 8 || v->l4 + 8 > v->len) /* pkt/parse.h: PKT_EXT_MAX */
			return false;
		size = view_ext_bytes(v->proto, p);
		if (v->l4 + size > v->len || v->l4 + size > 196 || (v->proto == 0 && n > 0) ||
			(v->proto == 44 && seen))
			return false;
		if (v->proto == 44) {
			seen = true;
			v->frag_id = read32(p + 4);
			v->frag_start = read16(p + 2) & 0xfff8;
			v->more = p[3] & 1;
			v->fragment = v->more || v->frag_start;
			v->later = v->frag_start > 0;
		}
		v->l4 += size;
		v->proto = p[0];
	}
	return v->later || read_l4(v, v->len);
}

bool view_parse(struct view *v, const uint8_t *b, uint32_t len)
{
	uint32_t type, tags = 0;

	*v = (struct view){.b = b, .len = len, .l3 = 14};
	if (len < 14)
		return false;
	memcpy(&v->dmac, b, 6);
	memcpy(&v->smac, b + 6, 6);
	v->group = b[0] & 1;
	if ((b[6] & 1) || weft_mac_is_zero(&v->smac))
		return false;
	for (type = read16(b + 12); type == 0x8100 || type == 0x88a8; tags++) {
		if (tags == 2 || len < v->l3 + 4)
			return false;
		type = read16(b + v->l3 + 2);
		v->l3 += 4;
		v->vlan = true;
	}
	if (type == 0x0800)
		return read_ipv4(v, len);
	if (type == 0x86dd)
		return read_ipv6(v, len);
	v->arp = type == 0x0806;
	return !v->arp || len >= v->l3 + 28;
}
