/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VXLAN around frames and off them (explain/tunnel.h). Pure.
 */
#include <netinet/in.h>

#include <explain/packet.h>
#include <explain/tunnel.h>

#include "bytes.h"

#define VXLAN_PORT 4789
#define VXLAN_SIZE 8
#define VXLAN_VNI  0x08 /* flag: the VNI is valid */
#define OUTER_TTL  64
#define PORT_MIN   49152 /* of the entropy, RFC 7348 section 5 */

static size_t put_ip(const struct tunnel *t, uint8_t *ip, size_t n)
{
	if (weft_addr_is_v4(&t->destination)) {
		ip[0] = 0x45;
		put16(ip + 2, (uint32_t)(IPV4_SIZE + n));
		put16(ip + 6, 0x4000);
		ip[8] = OUTER_TTL;
		ip[9] = IPPROTO_UDP;
		memcpy(ip + 12, t->source.b + 12, 4);
		memcpy(ip + 16, t->destination.b + 12, 4);
		put16(ip + 10, bytes_checksum(ip, IPV4_SIZE, 0));
		return IPV4_SIZE;
	}
	put32(ip, 6u << 28);
	put16(ip + 4, (uint32_t)n);
	ip[6] = IPPROTO_UDP;
	ip[7] = OUTER_TTL;
	memcpy(ip + 8, t->source.b, 16);
	memcpy(ip + 24, t->destination.b, 16);
	return IPV6_SIZE;
}

size_t tunnel_wrap(const struct tunnel *t, const uint8_t *inner, size_t size, uint8_t *buf)
{
	bool v4 = weft_addr_is_v4(&t->destination);
	size_t udp_size = UDP_SIZE + VXLAN_SIZE + size, off;

	if (ETHER_SIZE + IPV6_SIZE + udp_size > PACKET_FRAME_MAX)
		return 0;
	memset(buf, 0, ETHER_SIZE + IPV6_SIZE + UDP_SIZE + VXLAN_SIZE);
	off = put_ether(
		buf, &t->destination_mac, &t->source_mac, v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	off += put_ip(t, buf + off, udp_size);
	put16(buf + off, PORT_MIN);
	put16(buf + off + 2, VXLAN_PORT);
	put16(buf + off + 4, (uint32_t)udp_size);
	off += UDP_SIZE;
	buf[off] = VXLAN_VNI;
	put32(buf + off + 4, t->vni << 8);
	off += VXLAN_SIZE;
	memcpy(buf + off, inner, size);
	return off + size;
}

size_t tunnel_unwrap(const uint8_t *frame, size_t size, struct tunnel *ret)
{
	bool v4 = size > ETHER_SIZE && get16(frame + 12) == ETHERTYPE_IPV4;
	size_t off = ETHER_SIZE + (v4 ? IPV4_SIZE : IPV6_SIZE);
	const uint8_t *ip = frame + ETHER_SIZE, *udp = frame + off;

	if (size < off + UDP_SIZE + VXLAN_SIZE || (!v4 && get16(frame + 12) != ETHERTYPE_IPV6) ||
		(v4 && ip[0] != 0x45) || ip[v4 ? 9 : 6] != IPPROTO_UDP ||
		get16(udp + 2) != VXLAN_PORT)
		return 0;
	*ret = (struct tunnel){.vni = get32(udp + UDP_SIZE + 4) >> 8};
	memcpy(ret->destination_mac.b, frame, 6);
	memcpy(ret->source_mac.b, frame + 6, 6);
	if (v4) {
		ret->source = weft_addr_from_v4(ip + 12);
		ret->destination = weft_addr_from_v4(ip + 16);
	} else {
		memcpy(ret->source.b, ip + 8, 16);
		memcpy(ret->destination.b, ip + 24, 16);
	}
	return off + UDP_SIZE + VXLAN_SIZE;
}
