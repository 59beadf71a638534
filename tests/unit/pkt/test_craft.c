/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers, byte by byte, and the packets that must have none.
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

#include "frame.h"
#include "test_eal.h"

static const struct weft_mac owner = {{2, 0, 0, 0, 0, 9}};
static struct frame f, got;

static struct rte_mbuf *parsed(void)
{
	struct rte_mbuf *m = frame_mbuf(f.b, f.len);
	struct pkt_meta *meta = pkt_meta(m);

	meta->flags = PKT_FROM_TUNNEL;
	meta->in_port = 3;
	meta->segment = 4;
	meta->in_vtep = 5;
	assert_int_equal(pkt_parse(m), 0);
	return m;
}

static void check_meta(const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta_const(m);

	assert_int_equal(meta->in_port, 3);
	assert_int_equal(meta->segment, 4);
	assert_int_equal(meta->in_vtep, 5);
	assert_false(meta->flags & PKT_FROM_TUNNEL);
	assert_int_equal(m->nb_segs, 1);
}

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

static void test_echo(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t l4 = v6 ? 54 : 34, n = v6 ? 16 : 4, a = v6 ? 22 : 26;
		struct rte_mbuf *m;

		frame_make(&f, &(struct frame_spec){.v6 = v6, .proto = v6 ? 58 : 1, .payload = 56});
		m = parsed();
		assert_true(pkt_craft_echo_reply(m));
		frame_read(&got, m);
		assert_int_equal(got.len, f.len);
		assert_memory_equal(got.b, f.b + 6, 6);
		assert_memory_equal(got.b + 6, f.b, 6);
		assert_memory_equal(got.b + a, f.b + a + n, n);
		assert_memory_equal(got.b + a + n, f.b + a, n);
		assert_int_equal(got.b[l4], v6 ? 129 : 0);
		assert_memory_equal(got.b + l4 + 4, f.b + l4 + 4, f.len - l4 - 4);
		assert_true(pkt_l4_cksum_ok(m));
		check_meta(m);
		assert_false(pkt_craft_echo_reply(m)); /* a reply has none */
		rte_pktmbuf_free(m);
		f.b[0] |= 1;
		m = parsed();
		assert_false(pkt_craft_echo_reply(m));
		rte_pktmbuf_free(m);
	}
}

static void check_too_big(const struct frame_spec *s, uint16_t mtu)
{
	uint32_t l3 = 14 + s->n_vlans * 4, hdr = s->v6 ? 40 : 20, n = s->v6 ? 16 : 4;
	uint32_t a = l3 + (s->v6 ? 8 : 12), icmp = l3 + hdr, quote;
	struct rte_mbuf *m, *answer;

	frame_make(&f, s);
	m = parsed();
	answer = pkt_craft_error(m, PKT_ERROR_TOO_BIG, mtu, NULL);
	assert_non_null(answer);
	frame_read(&got, answer);
	quote = RTE_MIN(f.len - l3, (s->v6 ? 1280u : 576u) - hdr - 8);
	assert_int_equal(got.len, icmp + 8 + quote);
	assert_memory_equal(got.b, f.b + 6, 6);
	assert_memory_equal(got.b + 6, f.b, 6);
	assert_memory_equal(got.b + 12, f.b + 12, l3 - 12);
	assert_memory_equal(got.b + a, f.b + a + n, n);
	assert_memory_equal(got.b + a + n, f.b + a, n);
	assert_memory_equal(got.b + icmp + 8, f.b + l3, quote);
	assert_int_equal(get16(got.b + icmp), s->v6 ? 0x0200 : 0x0304);
	assert_int_equal(get16(got.b + icmp + 4), 0);
	assert_int_equal(get16(got.b + icmp + 6), mtu);
	assert_true(pkt_meta(answer)->flags & PKT_L4);
	assert_true(pkt_l4_cksum_ok(answer));
	check_meta(answer);
	rte_pktmbuf_free(answer);
	rte_pktmbuf_free(m);
}

static void test_too_big(void **state)
{
	static const struct frame_spec specs[] = {
		{.payload = 1800, .df = true},
		{.proto = 6, .payload = 1500, .df = true, .n_ip_options = 10, .n_vlans = 1},
		{.proto = 6, .payload = 10, .df = true},
		{.payload = 100, .frag = 0x2000, .df = true},
		{.proto = 1, .payload = 1800, .df = true},
		{.v6 = true, .payload = 1900},
		{.v6 = true, .proto = 6, .payload = 1500, .n_vlans = 2},
		{.v6 = true, .proto = 58, .payload = 1500},
		{.v6 = true, .proto = 50, .payload = 1},
	};

	for (unsigned int i = 0; i < RTE_DIM(specs); i++) {
		check_too_big(&specs[i], 1450);
		check_too_big(&specs[i], 65535);
	}
}

static void check_no_answer(const char *why)
{
	struct rte_mbuf *m = parsed();

	if (pkt_craft_error(m, PKT_ERROR_TOO_BIG, 1400, NULL))
		fail_msg("answered: %s", why);
	rte_pktmbuf_free(m);
}

static void change_v4(uint32_t at, uint8_t value, const char *why)
{
	frame_make(&f, &(struct frame_spec){.payload = 1800, .df = true});
	f.b[at] = value;
	frame_fix_ipv4(&f, 14);
	check_no_answer(why);
}

static void test_too_big_refusals(void **state)
{
	static const uint8_t v4_errors[] = {3, 4, 5, 11, 12}, v6_errors[] = {1, 2, 3, 4, 127, 137};
	static const uint8_t later[8] = {0, 0, 0, 9};

	for (unsigned int i = 0; i < RTE_DIM(v4_errors); i++) {
		frame_make(&f, &(struct frame_spec){
				       .proto = 1, .sport = v4_errors[i] << 8, .payload = 1800});
		check_no_answer("ICMPv4 error");
	}
	for (unsigned int i = 0; i < RTE_DIM(v6_errors); i++) {
		frame_make(&f, &(struct frame_spec){.v6 = true,
				       .proto = 58,
				       .sport = v6_errors[i] << 8,
				       .payload = 1800});
		check_no_answer("ICMPv6 error");
	}
	change_v4(0, 0x03, "group MAC");
	frame_make(&f, &(struct frame_spec){.payload = 1800, .df = true});
	memset(f.b, 0, 6);
	check_no_answer("zero MAC");
	change_v4(30, 224, "to multicast");
	change_v4(30, 255, "to broadcast");
	change_v4(26, 0, "from nobody");
	change_v4(26, 127, "from loopback");
	change_v4(26, 230, "from multicast");
	change_v4(12, 0x07, "not IP");
	frame_make(&f, &(struct frame_spec){.frag = 0x0009, .df = true, .payload = 1800});
	check_no_answer("later fragment");
	frame_make(&f,
		&(struct frame_spec){
			.v6 = true, .ext = later, .ext_len = 8, .ext_proto = 44, .payload = 1800});
	check_no_answer("later fragment");
	frame_make(&f, &(struct frame_spec){.v6 = true, .payload = 1800});
	f.b[38] = 0xff;
	check_no_answer("to multicast");
	frame_make(&f, &(struct frame_spec){.v6 = true, .payload = 1800});
	memset(f.b + 22, 0, 16);
	check_no_answer("from nobody");
}

static int all_returned(void **state)
{
	return test_pools_full() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_arp_answer, all_returned),
		cmocka_unit_test_teardown(test_nd_answer, all_returned),
		cmocka_unit_test_teardown(test_nd_answer_without_room, all_returned),
		cmocka_unit_test_teardown(test_echo, all_returned),
		cmocka_unit_test_teardown(test_too_big, all_returned),
		cmocka_unit_test_teardown(test_too_big_refusals, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
