/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames for tests: built byte by byte with naive code that shares nothing with the data plane, and
 * put into mbufs whose ends the address sanitizer can see. Needs mem_pools (test_pools).
 */
#ifndef TEST_FRAME_H
#define TEST_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define FRAME_MAX 70000

struct frame {
	uint32_t len;
	uint8_t b[FRAME_MAX];
};

/* What frame_make builds; zero values give the commonest frame: IPv4, protocol as stated. */
struct frame_spec {
	bool v6;
	uint8_t proto; /* 0: UDP */
	uint8_t tos;
	bool df;
	uint32_t payload;      /* bytes behind the L4 header */
	uint8_t n_vlans;       /* 0..3 tags: 0x88a8 outside, 0x8100 innermost */
	uint8_t n_ip_options;  /* IPv4: words */
	uint8_t n_tcp_options; /* words */
	uint8_t tcp_flags;     /* 0: ACK */
	uint16_t sport, dport; /* 0: 1000, 2000; ICMP: type << 8 | code, identifier */
	const uint8_t *ext;    /* IPv6: extension headers, the first of type ext_proto */
	uint16_t ext_len;      /* the last one's next header is filled in */
	uint8_t ext_proto;
	uint16_t ext_last; /* where in ext the last header starts */
	uint16_t frag;	   /* IPv4: flags and offset field beside DF */
	uint16_t ip_id;
	uint32_t seq;
	bool partial; /* the L4 checksum holds the pseudo-header sum only */
};

/* Addresses of made frames: MACs 02:00:00:00:00:02 <- ...:01, 10.0.0.1 -> 10.0.0.2,
 * fd00::1 -> fd00::2. Payload byte i is i * 7 + 3. */
void frame_make(struct frame *f, const struct frame_spec *spec);
/* VXLAN around inner: outer MACs 02:aa:...:02 <- :01, 192.0.2.1 -> .2, 2001:db8::1 -> ::2. */
void frame_vxlan(struct frame *f, bool v6, uint32_t vni, uint8_t tos, const struct frame *inner);

uint16_t naive_cksum(const uint8_t *b, uint32_t len, uint32_t start); /* complemented, host order */
/* Recomputes the checksum of the IPv4 header at off. */
void frame_fix_ipv4(struct frame *f, uint32_t l3_off);
/* The L4 checksum as it should be, over len bytes at l4_off; field counted as zero. */
uint16_t frame_l4_cksum(
	const uint8_t *b, uint32_t l3_off, uint32_t l4_off, uint32_t len, uint8_t proto);
void put16(uint8_t *p, uint16_t v);
void put32(uint8_t *p, uint32_t v);
uint16_t get16(const uint8_t *p);

/* Makes mem_pools with n ordinary mbufs; the program ends when it can't. */
void test_pools(unsigned int n);
/* True when every mbuf is back in its pool. */
bool test_pools_full(void);

/* One mbuf of mem_pools.packet, with headroom; len <= 2048. */
struct rte_mbuf *frame_mbuf(const uint8_t *b, uint32_t len);
/* A chain of external buffers of exactly n_cuts + 1 sizes: cuts are offsets, ascending. */
struct rte_mbuf *frame_chain(const uint8_t *b, uint32_t len, const uint32_t *cuts, unsigned int n);
/* One external buffer of exactly len bytes. */
struct rte_mbuf *frame_exact(const uint8_t *b, uint32_t len);
/* Copies the frame out and checks that the chain's lengths agree. */
void frame_read(struct frame *f, const struct rte_mbuf *m);

/* The same sequence in every run (splitmix64). */
uint64_t test_random(uint64_t *state);

#endif
