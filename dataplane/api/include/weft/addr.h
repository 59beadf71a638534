/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses as every part of Weft holds them: 16 bytes for both families, in
 * network byte order, IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so that
 * IPv4 and IPv6 share tables and code. Free of DPDK.
 */
#ifndef WEFT_ADDR_H
#define WEFT_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct weft_mac {
	uint8_t b[6];
};

struct weft_addr {
	uint8_t b[16];
};

/* A prefix length always counts bits of the 16-byte form: 10.0.0.0/8 has 104. */
struct weft_prefix {
	struct weft_addr addr;
	uint8_t len;
};

static inline bool weft_addr_is_v4(const struct weft_addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

/* v4 points at four bytes in network order. */
static inline struct weft_addr weft_addr_from_v4(const void *v4)
{
	struct weft_addr a = {.b = {[10] = 0xff, [11] = 0xff}};

	memcpy(&a.b[12], v4, 4);
	return a;
}

static inline bool weft_addr_equal(const struct weft_addr *a, const struct weft_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool weft_addr_is_zero(const struct weft_addr *a)
{
	static const struct weft_addr zero;

	return weft_addr_equal(a, &zero);
}

static inline bool weft_mac_equal(const struct weft_mac *a, const struct weft_mac *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool weft_mac_is_group(const struct weft_mac *m)
{
	return m->b[0] & 1;
}

static inline bool weft_mac_is_zero(const struct weft_mac *m)
{
	static const struct weft_mac zero;

	return weft_mac_equal(m, &zero);
}

/* True when addr lies in p. Any p->len up to 128 is valid. */
static inline bool weft_prefix_contains(const struct weft_prefix *p, const struct weft_addr *addr)
{
	unsigned int whole = p->len / 8, rest = p->len % 8;

	if (memcmp(p->addr.b, addr->b, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.b[whole] ^ addr->b[whole]) >> (8 - rest)) == 0;
}

/* True when no bit beyond len is set. */
bool weft_prefix_host_bits_zero(const struct weft_prefix *p);

/* fe80::/64 with the interface identifier of a MAC (RFC 4291 appendix A). */
static inline struct weft_addr weft_addr_link_local(const struct weft_mac *mac)
{
	const uint8_t *m = mac->b;

	return (struct weft_addr){
		.b = {0xfe, 0x80, [8] = m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}};
}

#define WEFT_ADDR_STR_SIZE   46
#define WEFT_PREFIX_STR_SIZE 50
#define WEFT_MAC_STR_SIZE    18

/* Text forms; buf holds at least the size above. Return buf. */
char *weft_addr_format(const struct weft_addr *a, char *buf);
char *weft_prefix_format(const struct weft_prefix *p, char *buf);
char *weft_mac_format(const struct weft_mac *m, char *buf);

/* Return 0, or -EINVAL with *ret untouched. Prefix: host bits must be zero unless allow_host_bits.
 */
int weft_addr_parse(const char *text, struct weft_addr *ret);
int weft_prefix_parse(const char *text, bool allow_host_bits, struct weft_prefix *ret);
int weft_mac_parse(const char *text, struct weft_mac *ret);

#endif
