/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames in one line for people: Ethernet, ARP, IPv4, IPv6, TCP, UDP, ICMP, and VXLAN with what is
 * in it. Bytes come from elsewhere: nothing is read beyond those that are there.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define VXLAN_PORT 4789

struct decoder {
	const uint8_t *p;
	size_t left;
	char *buf;
	size_t room;
	bool in_tunnel;
};

__attribute__((format(printf, 2, 3))) static void say(struct decoder *d, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(d->buf, d->room, format, ap);
	va_end(ap);
	if (n > 0) {
		size_t used = (size_t)n < d->room ? (size_t)n : d->room - 1;

		d->buf += used;
		d->room -= used;
	}
}

/* The next n bytes, or NULL. */
static const uint8_t *take(struct decoder *d, size_t n)
{
	const uint8_t *p = d->p;

	if (d->left < n)
		return NULL;
	d->p += n;
	d->left -= n;
	return p;
}

static unsigned int read16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static void say_addr(struct decoder *d, int family, const uint8_t *addr)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(family, addr, text, sizeof(text));
	say(d, "%s", text);
}

/* port NULL: none is known. */
static void say_end(struct decoder *d, int family, const uint8_t *addr, const uint8_t *port)
{
	bool brackets = port != NULL && family == AF_INET6;

	say(d, "%s", brackets ? "[" : "");
	say_addr(d, family, addr);
	say(d, "%s", brackets ? "]" : "");
	if (port != NULL)
		say(d, ":%u", read16(port));
}

static void say_tcp_flags(struct decoder *d, uint8_t flags)
{
	static const char letters[] = "FSRPAUEC";

	say(d, " ");
	for (unsigned int i = 0; i < 8; i++)
		if (flags & 1u << i)
			say(d, "%c", letters[i]);
}

static void say_frame(struct decoder *d);

static void say_vxlan(struct decoder *d)
{
	const uint8_t *p = take(d, 8);

	if (p == NULL)
		return;
	d->in_tunnel = true;
	say(d, " vxlan vni %u: ", (unsigned int)p[4] << 16 | (unsigned int)p[5] << 8 | p[6]);
	say_frame(d);
}

static void say_l4(struct decoder *d, uint8_t proto, unsigned int dport)
{
	const uint8_t *p;

	switch (proto) {
	case IPPROTO_TCP:
		say(d, " tcp");
		p = take(d, 20);
		if (p != NULL)
			say_tcp_flags(d, p[13]);
		break;
	case IPPROTO_UDP:
		say(d, " udp");
		if (take(d, 8) != NULL && dport == VXLAN_PORT && !d->in_tunnel)
			say_vxlan(d);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		say(d, proto == IPPROTO_ICMP ? " icmp" : " icmpv6");
		p = take(d, 2);
		if (p != NULL)
			say(d, " type %u code %u", p[0], p[1]);
		break;
	default:
		say(d, " protocol %u", proto);
	}
}

/* addrs: source and destination; offset: the fragment's, in bytes. */
static void say_packet(struct decoder *d, int family, const uint8_t *addrs, uint8_t proto,
	unsigned int offset, bool fragment)
{
	size_t len = family == AF_INET ? 4 : 16;
	bool ports = (proto == IPPROTO_TCP || proto == IPPROTO_UDP) && d->left >= 4 && offset == 0;
	const uint8_t *l4 = d->p;

	say_end(d, family, addrs, ports ? l4 : NULL);
	say(d, " > ");
	say_end(d, family, addrs + len, ports ? l4 + 2 : NULL);
	if (offset == 0)
		say_l4(d, proto, ports ? read16(l4 + 2) : 0);
	else
		say(d, " protocol %u", proto);
	if (fragment)
		say(d, " fragment at %u", offset);
}

static void say_ipv4(struct decoder *d)
{
	const uint8_t *ip = take(d, 20);
	unsigned int field;

	if (ip == NULL || take(d, ip[0] % 16 < 5 ? 0 : ip[0] % 16 * 4u - 20) == NULL) {
		say(d, "IPv4, cut short");
		return;
	}
	field = read16(ip + 6);
	say_packet(d, AF_INET, ip + 12, ip[9], (field & 0x1fff) * 8, field & 0x3fff);
}

static void say_ipv6(struct decoder *d)
{
	const uint8_t *ip = take(d, 40), *ext;
	unsigned int field = 0;
	bool fragment = false;
	uint8_t next;

	if (ip == NULL) {
		say(d, "IPv6, cut short");
		return;
	}
	next = ip[6];
	while (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
		next == IPPROTO_FRAGMENT) {
		ext = take(d, 8);
		if (ext == NULL)
			break;
		if (next == IPPROTO_FRAGMENT) {
			fragment = true;
			field = read16(ext + 2);
		} else if (take(d, ext[1] * 8u) == NULL) {
			break;
		}
		next = ext[0];
	}
	say_packet(d, AF_INET6, ip + 8, next, field & 0xfff8, fragment);
}

static void say_arp(struct decoder *d)
{
	const uint8_t *p = take(d, 28);

	if (p == NULL || read16(p + 2) != 0x0800 || p[5] != 4) {
		say(d, "arp");
		return;
	}
	say(d, "arp %s ", read16(p + 6) == 1 ? "request" : "reply");
	say_addr(d, AF_INET, read16(p + 6) == 1 ? p + 24 : p + 14);
	say(d, read16(p + 6) == 1 ? " asked by " : " told to ");
	say_addr(d, AF_INET, read16(p + 6) == 1 ? p + 14 : p + 24);
}

static void say_mac(struct decoder *d, const uint8_t *m)
{
	say(d, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void say_frame(struct decoder *d)
{
	const uint8_t *eth = take(d, 14), *tag;
	unsigned int type;

	if (eth == NULL) {
		say(d, "%zu bytes", d->left);
		return;
	}
	type = read16(eth + 12);
	if (type == 0x8100 && (tag = take(d, 4)) != NULL) {
		say(d, "vlan %u ", read16(tag) & 0xfff);
		type = read16(tag + 2);
	}
	switch (type) {
	case 0x0800:
		say_ipv4(d);
		break;
	case 0x86dd:
		say_ipv6(d);
		break;
	case 0x0806:
		say_arp(d);
		break;
	default:
		say_mac(d, eth + 6);
		say(d, " > ");
		say_mac(d, eth);
		say(d, " type 0x%04x", type);
	}
}

const char *decode_frame(const uint8_t *b, size_t n, size_t size, char *buf, size_t buf_size)
{
	struct decoder d = {.p = b, .left = n, .buf = buf, .room = buf_size};

	buf[0] = 0;
	say_frame(&d);
	say(&d, " (%zu bytes)", size);
	return buf;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint8_t *decode_hex(const char *hex, size_t *ret_n)
{
	uint8_t *b = malloc(strlen(hex) / 2 + 1);
	size_t n = 0;

	if (b == NULL)
		abort();
	while (*hex != 0) {
		if (strchr(" :\n\t", *hex) != NULL) {
			hex++;
		} else if (digit(hex[0]) >= 0 && digit(hex[1]) >= 0) {
			b[n++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
			hex += 2;
		} else {
			free(b);
			return NULL;
		}
	}
	*ret_n = n;
	return b;
}
