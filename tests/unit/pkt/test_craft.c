/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers to ARP and ND questions, byte by byte, and the questions that must have none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <core/mem.h>
#include <pkt/cksum.h>
#include <pkt/craft.h>
#include <pkt/meta.h>
#include <pkt/nd.h>
#include <pkt/parse.h>

#include "craft_bed.h"

static const struct weft_mac owner = {{2, 0, 0, 0, 0, 9}};

static void make_arp(int n_vlans)
{
	uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 9, 9, 9, 9, 9, 9,
		10, 0, 0, 2};
	uint32_t off = 14 + n_vlans * 4;

	frame_make(&f, &(struct frame_spec){.n_vlans = n_vlans, .payload = 60});
	memset(f.b, 0xff, 6);
	put16(f.b + off - 2, 0x0806);
	memcpy(f.b + off, arp, sizeof(arp));
}

static void test_arp_answer(void **state)
{
	static const uint8_t want[28] = {0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 9, 10, 0, 0, 2, 2,
		0, 0, 0, 0, 1, 10, 0, 0, 1};

	for (int n_vlans = 0; n_vlans < 2; n_vlans++) {
		struct pkt_question q;
		struct rte_mbuf *m;

		make_arp(n_vlans);
		m = parsed();
		assert_true(pkt_parse_question(m, &q));
		assert_int_equal(q.target.b[15], 2);
		assert_int_equal(q.sender.b[15], 1);
		assert_int_equal(pkt_craft_answer(m, &q, &owner), 0);
		frame_read(&got, m);
		assert_int_equal(got.len, 60);
		assert_memory_equal(got.b, f.b + 6, 6);
		assert_memory_equal(got.b + 6, owner.b, 6);
		assert_memory_equal(got.b + 12, f.b + 12, 2 + n_vlans * 4);
		assert_memory_equal(got.b + 14 + n_vlans * 4, want, sizeof(want));
		assert_true(pkt_meta(m)->flags & PKT_ARP);
		check_meta(m);
		rte_pktmbuf_free(m);
	}
	make_arp(0);
	f.b[21] = 2; /* a reply is no question */
	struct rte_mbuf *m = parsed();
	struct pkt_question q;
	assert_false(pkt_parse_question(m, &q));
	rte_pktmbuf_free(m);
}

static void make_solicit(bool dad, uint32_t options, int n_vlans)
{
	static const uint8_t group[16] = {0xff, 2, [11] = 1, 0xff, 0, 0, 2};
	uint32_t ip = 14 + n_vlans * 4, icmp = ip + 40;

	frame_make(&f, &(struct frame_spec){.v6 = true,
			       .proto = 58,
			       .sport = 0x8700,
			       .payload = 16 + options * 8,
			       .n_vlans = n_vlans});
	put16(f.b, 0x3333);
	f.b[ip + 7] = 255;
	memcpy(f.b + ip + 24, group, 16);
	memset(f.b + icmp + 4, 0, 20 + options * 8);
	f.b[icmp + 8] = 0xfd;
	f.b[icmp + 23] = 2;
	for (uint32_t i = 0; i < options; i++) {
		f.b[icmp + 24 + i * 8] = i ? 99 : 1;
		f.b[icmp + 25 + i * 8] = 1;
		f.b[icmp + 26 + i * 8] = 2;
	}
	if (dad)
		memset(f.b + ip + 8, 0, 16);
	put16(f.b + icmp + 2, 0);
	put16(f.b + icmp + 2, frame_l4_cksum(f.b, ip, icmp, f.len - icmp, 58));
}

static void check_advert(struct rte_mbuf *m, bool dad, bool router, int n_vlans)
{
	static const uint8_t all[16] = {0xff, 2, [15] = 1}, all_mac[6] = {0x33, 0x33, [5] = 1};
	uint32_t ip = 14 + n_vlans * 4, icmp = ip + 40;
	struct nd_info nd;

	frame_read(&got, m);
	assert_int_equal(got.len, icmp + 32);
	assert_memory_equal(got.b, dad ? all_mac : f.b + 6, 6);
	assert_memory_equal(got.b + 6, owner.b, 6);
	assert_memory_equal(got.b + ip + 8, f.b + icmp + 8, 16);
	assert_memory_equal(got.b + ip + 24, dad ? all : f.b + ip + 8, 16);
	assert_int_equal(get16(got.b + icmp + 2), frame_l4_cksum(got.b, ip, icmp, 32, 58));
	assert_true(nd_parse(m, &nd));
	assert_int_equal(nd.type, ND_NEIGHBOUR_ADVERT);
	assert_int_equal(nd.router, router);
	assert_int_equal(nd.solicited, !dad);
	assert_true(nd.override && nd.has_mac);
	assert_memory_equal(&nd.mac, owner.b, 6);
	check_meta(m);
}

static void test_nd_answer(void **state)
{
	for (int i = 0; i < 8; i++) {
		bool dad = i & 1, router = i & 2;
		int n_vlans = i / 4;

		for (uint32_t options = 0; options < 60; options += 1 + options) {
			struct pkt_question q;
			struct rte_mbuf *m;

			if (dad && options > 0)
				break;
			make_solicit(dad, options, n_vlans);
			m = parsed();
			assert_true(pkt_parse_question(m, &q));
			q.router = router;
			assert_int_equal(pkt_craft_answer(m, &q, &owner), 0);
			check_advert(m, dad, router, n_vlans);
			rte_pktmbuf_free(m);
		}
	}
}

static void test_nd_answer_without_room(void **state)
{
	struct pkt_question q;
	struct rte_mbuf *m;

	make_solicit(true, 0, 0);
	m = frame_exact(f.b, f.len);
	assert_int_equal(pkt_parse(m), 0);
	assert_true(pkt_parse_question(m, &q));
	assert_int_equal(pkt_craft_answer(m, &q, &owner), WEFT_DROP_NO_MBUF);
	frame_read(&got, m);
	assert_int_equal(got.len, f.len);
	assert_memory_equal(got.b, f.b, f.len);
	rte_pktmbuf_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_arp_answer, all_returned),
		cmocka_unit_test_teardown(test_nd_answer, all_returned),
		cmocka_unit_test_teardown(test_nd_answer_without_room, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
