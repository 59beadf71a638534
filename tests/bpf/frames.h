/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames for tests of the fast path, put together byte by byte with whole checksums: the oracle of
 * what programs make by rewriting.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <weft_bpf/session.h>
#include <weft_bpf/tunnel.h>

struct frame {
	uint8_t b[2048];
	unsigned int len;
};

/* What a frame of a tenant says. */
struct flow {
	bool v6;
	uint8_t proto;
	uint8_t src_mac[6], dst_mac[6];
	uint8_t src[16], dst[16]; /* IPv4: mapped */
	uint16_t sport, dport;	  /* ICMP echo: the identifier in both */
	uint8_t icmp_type;
	uint8_t tos, ttl;
	uint8_t tcp_flags;
	uint32_t seq, ack;
	uint16_t win;
	unsigned int payload;
};

/* TCP, UDP or ICMP of that family (proto is corrected for IPv6) between two fixed hosts, with
 * sequence numbers that flow_tcp allows. */
struct flow flow_make(bool v6, uint8_t proto);
/* The key that its packets have. */
struct weft_bpf_key flow_key(const struct flow *f, uint32_t scope);
/* What both sides of a TCP session have seen so far. [0] sends f. */
void flow_tcp(struct session_tcp ret[2]);

struct frame frame_make(const struct flow *f);
/* Recomputes the IPv4 header's checksum of the header at off. */
void frame_ipv4_sum(struct frame *f, unsigned int off);

/* The tunnel between 192.0.2.1 (or 2001:db8::1) here and .2 there. */
struct weft_bpf_tunnel tunnel_make(bool v6, uint32_t ifindex);
/* f as it looks within the tunnel; back: as the other end sends it. */
struct frame frame_encap(const struct frame *f, const struct weft_bpf_tunnel *t, bool back,
	uint32_t vni, uint32_t hash, uint8_t tos);

#endif
