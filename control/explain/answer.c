/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers of guests (explain/answer.h). What is given was judged by the data plane's parser, but is
 * measured again here. Pure.
 */
#include <netinet/in.h>

#include <explain/answer.h>
#include <explain/packet.h>

#include "bytes.h"

#define ANSWER_TTL 64

struct question {
	const uint8_t *frame, *ip, *l4;
	size_t link_size, ip_size, l4_size; /* link: with a tag */
	uint8_t protocol;
};

static const char *read_ip(struct question *q, size_t room)
{
	const uint8_t *ip = q->ip;
	size_t total;

	if (ip[0] >> 4 == 4) {
		q->ip_size = (size_t)(ip[0] & 15) * 4;
		total = room >= IPV4_SIZE ? get16(ip + 2) : 0;
		if (q->ip_size < IPV4_SIZE || total < q->ip_size || total > room)
			return "it is cut short";
		if ((get16(ip + 6) & 0x3fff) != 0)
			return "it is a fragment";
		q->protocol = ip[9];
	} else {
		q->ip_size = IPV6_SIZE;
		total = room >= IPV6_SIZE ? IPV6_SIZE + get16(ip + 4) : 0;
		if (total < IPV6_SIZE || total > room)
			return "it is cut short";
		q->protocol = ip[6];
		if (q->protocol == IPPROTO_FRAGMENT)
			return "it is a fragment";
	}
	q->l4 = ip + q->ip_size;
	q->l4_size = total - q->ip_size;
	return NULL;
}

static const char *read_question(struct question *q, const uint8_t *frame, size_t size)
{
	uint16_t type;

	if (size < ETHER_SIZE + 4 + 1)
		return "it is cut short";
	*q = (struct question){.frame = frame, .link_size = ETHER_SIZE};
	if (get16(frame + 12) == ETHERTYPE_VLAN)
		q->link_size += 4;
	if (frame[0] & 1)
		return "it is not for one recipient";
	type = get16(frame + q->link_size - 2);
	if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
		return "it is not IP";
	q->ip = frame + q->link_size;
	if (q->ip[0] >> 4 != (type == ETHERTYPE_IPV4 ? 4 : 6))
		return "it is not IP";
	return read_ip(q, size - q->link_size);
}

/* RFC 9293 section 3.10. Returns false where nothing is answered. */
static bool put_tcp(const struct question *q, uint8_t *l4)
{
	const uint8_t *in = q->l4;
	size_t header = q->l4_size >= 20 ? (size_t)(in[12] >> 4) * 4 : 0;
	uint32_t next;

	if (header < 20 || header > q->l4_size || (in[13] & PACKET_TCP_RST))
		return false;
	next = get32(in + 4) + (uint32_t)(q->l4_size - header) + ((in[13] & PACKET_TCP_SYN) != 0) +
	       ((in[13] & PACKET_TCP_FIN) != 0);
	put32(l4 + 4, in[13] & PACKET_TCP_ACK ? get32(in + 8) : 1);
	put32(l4 + 8, next);
	l4[12] = 5 << 4;
	l4[13] = PACKET_TCP_ACK;
	if ((in[13] & (PACKET_TCP_SYN | PACKET_TCP_ACK)) == PACKET_TCP_SYN)
		l4[13] |= PACKET_TCP_SYN;
	put16(l4 + 14, UINT16_MAX);
	return true;
}

/* The type that answers a query, or 0 (RFC 792, RFC 4443). */
static uint8_t icmp_reply(uint8_t protocol, uint8_t type)
{
	if (protocol == IPPROTO_ICMPV6)
		return type == 128 ? 129 : 0;
	return type == 13 ? 14 : 0;
}

static bool is_echo(const struct question *q)
{
	return q->protocol == IPPROTO_ICMP && q->l4[0] == 8;
}

/* The L4 part of the answer. Returns its size, or SIZE_MAX where nothing is answered. */
static size_t put_l4(const struct question *q, uint8_t *l4)
{
	size_t n = q->protocol == IPPROTO_TCP ? 20 : q->l4_size;
	bool is_icmp = q->protocol == IPPROTO_ICMP || q->protocol == IPPROTO_ICMPV6;

	if ((is_icmp || packet_has_ports(q->protocol)) && q->l4_size < 8)
		return SIZE_MAX;
	if (q->protocol != IPPROTO_TCP)
		memcpy(l4, q->l4, n);
	if (is_icmp) {
		l4[0] = icmp_reply(q->protocol, q->l4[0]);
		return l4[0] != 0 || is_echo(q) ? n : SIZE_MAX;
	}
	if (q->protocol == IPPROTO_TCP && !put_tcp(q, l4))
		return SIZE_MAX;
	if (packet_has_ports(q->protocol)) {
		memcpy(l4, q->l4 + 2, 2);
		memcpy(l4 + 2, q->l4, 2);
	}
	return n;
}

static void put_ip(const struct question *q, uint8_t *ip, size_t n)
{
	memcpy(ip, q->ip, q->ip_size);
	if (q->ip[0] >> 4 == 6) {
		memcpy(ip + 8, q->ip + 24, 16);
		memcpy(ip + 24, q->ip + 8, 16);
		put16(ip + 4, (uint32_t)n);
		ip[7] = ANSWER_TTL;
		return;
	}
	memcpy(ip + 12, q->ip + 16, 4);
	memcpy(ip + 16, q->ip + 12, 4);
	put16(ip + 2, (uint32_t)(q->ip_size + n));
	ip[8] = ANSWER_TTL;
	put16(ip + 10, 0);
	put16(ip + 10, bytes_checksum(ip, q->ip_size, 0));
}

const char *answer_make(const uint8_t *frame, size_t size, uint8_t *buf, size_t *ret_size)
{
	struct question q;
	const char *why = read_question(&q, frame, size);
	size_t l4_off, n;

	if (why != NULL)
		return why;
	if (size > PACKET_FRAME_MAX)
		return "it is too long";
	l4_off = q.link_size + q.ip_size;
	memset(buf, 0, PACKET_FRAME_MAX);
	n = put_l4(&q, buf + l4_off);
	if (n == SIZE_MAX)
		return "it is nothing that is answered";
	memcpy(buf, frame, q.link_size);
	memcpy(buf, frame + 6, 6);
	memcpy(buf + 6, frame, 6);
	put_ip(&q, buf + q.link_size, n);
	bytes_l4_checksum(buf + q.link_size, buf + l4_off, n, q.protocol);
	*ret_size = l4_off + n;
	return NULL;
}
