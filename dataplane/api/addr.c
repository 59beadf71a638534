/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text forms of addresses, prefixes and MACs: RFC 5952 for IPv6 (by inet_ntop), dotted quad for
 * IPv4. Knows no tables. Pure; any thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <weft/addr.h>

#define V4_BITS 96 /* of the 16-byte form in front of an IPv4 address */

char *weft_addr_format(const struct weft_addr *a, char *buf)
{
	if (weft_addr_is_v4(a))
		inet_ntop(AF_INET, &a->b[12], buf, WEFT_ADDR_STR_SIZE);
	else
		inet_ntop(AF_INET6, a->b, buf, WEFT_ADDR_STR_SIZE);
	return buf;
}

char *weft_prefix_format(const struct weft_prefix *p, char *buf)
{
	char addr[WEFT_ADDR_STR_SIZE];
	unsigned int len = p->len;

	if (weft_addr_is_v4(&p->addr) && len >= V4_BITS)
		len -= V4_BITS;
	snprintf(buf, WEFT_PREFIX_STR_SIZE, "%s/%u", weft_addr_format(&p->addr, addr),
		len > 128 ? 128 : len);
	return buf;
}

char *weft_mac_format(const struct weft_mac *m, char *buf)
{
	snprintf(buf, WEFT_MAC_STR_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2],
		m->b[3], m->b[4], m->b[5]);
	return buf;
}

int weft_addr_parse(const char *text, struct weft_addr *ret)
{
	struct weft_addr a;
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) == 1)
		a = weft_addr_from_v4(v4);
	else if (inet_pton(AF_INET6, text, a.b) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

/* Decimal, one to three digits, no sign, no leading zero. Returns -1 when it is none. */
static int parse_len(const char *text)
{
	int len = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0') || strlen(text) > 3)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		len = len * 10 + (*text - '0');
	}
	return len;
}

bool weft_prefix_host_bits_zero(const struct weft_prefix *p)
{
	for (unsigned int bit = p->len; bit < 128; bit++)
		if (p->addr.b[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

int weft_prefix_parse(const char *text, bool allow_host_bits, struct weft_prefix *ret)
{
	const char *slash = strchr(text, '/');
	char addr[WEFT_ADDR_STR_SIZE];
	struct weft_prefix p;
	int len = -1, max;

	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, slash - text);
	addr[slash - text] = '\0';
	if (weft_addr_parse(addr, &p.addr))
		return -EINVAL;
	/* ::ffff:10.0.0.0/104 is text of IPv6 and counts all 128 bits. */
	max = strchr(addr, ':') ? 128 : 32;
	len = parse_len(slash + 1);
	if (len < 0 || len > max)
		return -EINVAL;
	p.len = max == 32 ? len + V4_BITS : len;
	if (!allow_host_bits && !weft_prefix_host_bits_zero(&p))
		return -EINVAL;
	*ret = p;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int weft_mac_parse(const char *text, struct weft_mac *ret)
{
	struct weft_mac m;

	for (unsigned int i = 0; i < sizeof(m.b); i++, text += 3) {
		int hi = hex_digit(text[0]), lo = hi < 0 ? -1 : hex_digit(text[1]);

		if (lo < 0 || text[2] != (i + 1 < sizeof(m.b) ? ':' : '\0'))
			return -EINVAL;
		m.b[i] = hi << 4 | lo;
	}
	*ret = m;
	return 0;
}
