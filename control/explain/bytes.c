/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums (bytes.h). Pure.
 */
#include <netinet/in.h>

#include "bytes.h"

static uint32_t sum_words(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t bytes_checksum(const uint8_t *p, size_t n, uint32_t sum)
{
	return (uint16_t)~fold(sum_words(p, n, sum));
}

/* Of addresses, length and protocol (RFC 9293 section 3.1, RFC 8200 section 8.1). */
static uint32_t pseudo_sum(const uint8_t *ip, size_t n, uint8_t protocol)
{
	uint32_t sum = (uint32_t)n + protocol;

	return ip[0] >> 4 == 4 ? sum_words(ip + 12, 8, sum) : sum_words(ip + 8, 32, sum);
}

/* CRC32c, reflected, as SCTP has it (RFC 9260 appendix A). */
static void put_crc32c(uint8_t *l4, size_t n)
{
	uint32_t crc = UINT32_MAX;

	memset(l4 + 8, 0, 4);
	for (size_t i = 0; i < n; i++) {
		crc ^= l4[i];
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	crc = ~crc;
	for (unsigned int i = 0; i < 4; i++)
		l4[8 + i] = (uint8_t)(crc >> 8 * i);
}

void bytes_l4_checksum(const uint8_t *ip, uint8_t *l4, size_t n, uint8_t protocol)
{
	static const uint8_t places[] = {[IPPROTO_TCP] = 16,
		[IPPROTO_UDP] = 6,
		[IPPROTO_UDPLITE] = 6,
		[IPPROTO_DCCP] = 6,
		[IPPROTO_ICMP] = 2,
		[IPPROTO_ICMPV6] = 2};
	uint8_t place = protocol < sizeof(places) ? places[protocol] : 0;
	uint32_t start = protocol == IPPROTO_ICMP ? 0 : pseudo_sum(ip, n, protocol);
	uint16_t sum;

	if (protocol == IPPROTO_SCTP && n >= 12)
		put_crc32c(l4, n);
	if (place == 0 || n < place + 2u)
		return;
	put16(l4 + place, 0);
	sum = bytes_checksum(l4, n, start);
	put16(l4 + place, sum == 0 && protocol != IPPROTO_TCP ? 0xffff : sum);
}
