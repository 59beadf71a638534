/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frames that questions are made of, judged by the data plane's own parser: all protocols, both
 * families, tags, fragments, tunnels, and answers. Whatever bytes come back, answers and tunnels
 * read nothing beyond them.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <explain/answer.h>
#include <explain/packet.h>
#include <explain/tunnel.h>
#include <pkt/meta.h>
#include <pkt/parse.h>

#include "frame.h"
#include "test_eal.h"

static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP,
	IPPROTO_DCCP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE};
#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static uint8_t buf[PACKET_FRAME_MAX], other[PACKET_FRAME_MAX];

static struct weft_addr addr(const char *text)
{
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(text, &a), 0);
	return a;
}

static struct packet a_packet(uint8_t protocol, bool v4)
{
	return (struct packet){.protocol = protocol,
		.has_source = true,
		.source = addr(v4 ? "10.0.0.1" : "fd00::1"),
		.destination = addr(v4 ? "10.0.0.2" : "fd00::2"),
		.source_mac = {{2, 0, 0, 0, 0, 1}},
		.destination_mac = {{2, 0, 0, 0, 0, 2}},
		.source_port = 1000,
		.destination_port = 2000,
		.tcp_flags = PACKET_TCP_SYN,
		.icmp_type = v4 ? 8 : 128,
		.icmp_id = 77,
		.ttl = 64};
}

static size_t make(const struct packet *p)
{
	struct model_error err;
	size_t size;

	assert_int_equal(packet_frame(p, buf, &size, &err), 0);
	return size;
}

/* Where the checksum is that frame_l4_cksum knows; 0: nowhere. */
static unsigned int cksum_at(const struct pkt_meta *meta)
{
	if (!(meta->flags & PKT_L4) || (meta->flags & PKT_FRAGMENT))
		return 0;
	switch (meta->l4_proto) {
	case IPPROTO_TCP:
		return meta->l4_off + 16;
	case IPPROTO_UDP:
		return meta->l4_off + 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return meta->l4_off + 2;
	default:
		return 0;
	}
}

/* As the parser finds it: nothing is wrong, nothing lies behind it, its checksum is right. */
static struct pkt_meta parse(const uint8_t *b, size_t size)
{
	struct rte_mbuf *m = frame_exact(b, size);
	struct pkt_meta meta;
	unsigned int at;

	memset(pkt_meta(m), 0, sizeof(struct pkt_meta));
	assert_int_equal(pkt_parse(m), 0);
	assert_int_equal(m->pkt_len, size);
	meta = *pkt_meta(m);
	rte_pktmbuf_free(m);
	at = cksum_at(&meta);
	if (at)
		assert_int_equal(get16(b + at), frame_l4_cksum(b, meta.l3_off, meta.l4_off,
							size - meta.l4_off, meta.l4_proto));
	return meta;
}

static bool fits(uint8_t protocol, bool v4)
{
	return protocol != (v4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static void test_protocols(void **state)
{
	for (unsigned int i = 0; i < 2 * N_PROTOCOLS; i++) {
		struct packet p = a_packet(protocols[i / 2], i % 2);
		struct pkt_meta meta;

		if (!fits(p.protocol, i % 2))
			continue;
		p.vlan = i % 3 == 0 ? 5 : 0;
		p.size = i % 5 == 0 ? 900 : 0;
		meta = parse(buf, make(&p));
		assert_int_equal(meta.l4_proto, p.protocol);
		assert_int_equal(!!(meta.flags & PKT_IPV4), i % 2);
		assert_int_equal(!!(meta.flags & PKT_VLAN), p.vlan != 0);
		if (packet_has_ports(p.protocol)) {
			assert_int_equal(meta.sport, 1000);
			assert_int_equal(meta.dport, 2000);
		} else if (p.protocol != IPPROTO_GRE) {
			assert_int_equal(meta.dport, 77);
		}
	}
}

static void test_fragments(void **state)
{
	for (int v4 = 0; v4 < 2; v4++) {
		struct packet p = a_packet(IPPROTO_UDP, v4);

		p.more_fragments = true;
		assert_int_equal(parse(buf, make(&p)).flags & (PKT_FRAGMENT | PKT_LATER_FRAGMENT),
			PKT_FRAGMENT);
		p.fragment_offset = 800;
		assert_true(parse(buf, make(&p)).flags & PKT_LATER_FRAGMENT);
	}
}

static void test_arp(void **state)
{
	struct packet p = a_packet(0, true);

	p.is_arp = true;
	assert_true(parse(buf, make(&p)).flags & PKT_ARP);
}

static void test_answers(void **state)
{
	for (unsigned int i = 0; i < 2 * N_PROTOCOLS; i++) {
		struct packet p = a_packet(protocols[i / 2], i % 2);
		struct pkt_meta meta;
		size_t size;

		if (!fits(p.protocol, i % 2))
			continue;
		p.vlan = i % 3 == 0 ? 5 : 0;
		assert_null(answer_make(buf, make(&p), other, &size));
		assert_memory_equal(other, buf + 6, 6);
		assert_memory_equal(other + 6, buf, 6);
		meta = parse(other, size);
		if (packet_has_ports(p.protocol)) {
			assert_int_equal(meta.sport, 2000);
			assert_int_equal(meta.dport, 1000);
		} else if (p.protocol != IPPROTO_GRE) {
			assert_int_equal(meta.sport >> 8, i % 2 ? 0 : 129);
			assert_int_equal(meta.dport, 77);
		}
	}
}

static void test_tunnel(void **state)
{
	for (int v4 = 0; v4 < 2; v4++) {
		struct packet p = a_packet(IPPROTO_UDP, true);
		struct tunnel t = {.source = addr(v4 ? "192.0.2.2" : "2001:db8::2"),
			.destination = addr(v4 ? "192.0.2.1" : "2001:db8::1"),
			.source_mac = {{2, 0, 0, 0, 0, 9}},
			.destination_mac = {{2, 0, 0, 0, 0, 8}},
			.vni = 0xabcdef};
		size_t inner = make(&p), size = tunnel_wrap(&t, buf, inner, other);
		struct rte_mbuf *m = frame_exact(other, size);
		struct pkt_outer outer;
		struct tunnel back;

		assert_int_equal(size, inner + (v4 ? 50 : 70));
		assert_int_equal(pkt_parse_outer(m, &outer), 0);
		assert_int_equal(outer.vni, t.vni);
		assert_true(weft_addr_equal(&outer.src, &t.source));
		assert_true(weft_addr_equal(&outer.dst, &t.destination));
		rte_pktmbuf_free(m);
		assert_int_equal(tunnel_unwrap(other, size, &back), size - inner);
		assert_memory_equal(&back, &t, sizeof(t));
		assert_memory_equal(other + size - inner, buf, inner);
		assert_int_equal(tunnel_wrap(&t, buf, PACKET_FRAME_MAX - 50, other), 0);
	}
}

/* Copies of exactly their size, so that the sanitizer sees a read beyond. */
static void test_cut_and_broken(void **state)
{
	uint64_t random = 1;

	for (unsigned int i = 0; i < 40000; i++) {
		struct packet p = a_packet(protocols[i % N_PROTOCOLS], i & 8);
		size_t size = make(&p), n = 1 + test_random(&random) % size, answer;
		struct tunnel t;
		uint8_t *copy;

		copy = memcpy(malloc(n), buf, n);
		for (unsigned int flips = 0; flips < i % 4; flips++)
			copy[test_random(&random) % n] ^= 1u << test_random(&random) % 8;
		if (!answer_make(copy, n, other, &answer))
			assert_in_range(answer, 20, PACKET_FRAME_MAX);
		tunnel_unwrap(copy, n, &t);
		free(copy);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_cut_and_broken),
	};

	test_eal_init(64);
	test_pools(512);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
