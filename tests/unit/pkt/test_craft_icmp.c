/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP made here, byte by byte, in both families: echo replies, error messages of every kind, and
 * the packets that must have none.
 */
#include "craft_bed.h"

#include <pkt/cksum.h>
#include <pkt/craft.h>

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

/* Type and code as RFC 792, RFC 1812 and RFC 4443 have them. */
static const struct {
	enum pkt_error error;
	uint16_t v4, v6;
} says[] = {
	{PKT_ERROR_TOO_BIG, 0x0304, 0x0200},
	{PKT_ERROR_TTL, 0x0b00, 0x0300},
	{PKT_ERROR_NO_ROUTE, 0x0300, 0x0100},
	{PKT_ERROR_HOST, 0x0301, 0x0103},
	{PKT_ERROR_PORT, 0x0303, 0x0104},
	{PKT_ERROR_PROHIBITED, 0x030d, 0x0101},
};

static void check_error(
	const struct frame_spec *s, unsigned int kind, uint16_t mtu, const struct weft_addr *from)
{
	uint32_t l3 = 14 + s->n_vlans * 4, hdr = s->v6 ? 40 : 20, n = s->v6 ? 16 : 4;
	uint32_t a = l3 + (s->v6 ? 8 : 12), icmp = l3 + hdr, quote;
	struct rte_mbuf *m, *answer;

	frame_make(&f, s);
	m = parsed();
	answer = pkt_craft_error(m, says[kind].error, mtu, from);
	assert_non_null(answer);
	frame_read(&got, answer);
	quote = RTE_MIN(f.len - l3, (s->v6 ? 1280u : 576u) - hdr - 8);
	assert_int_equal(got.len, icmp + 8 + quote);
	assert_memory_equal(got.b, f.b + 6, 6);
	assert_memory_equal(got.b + 6, f.b, 6);
	assert_memory_equal(got.b + 12, f.b + 12, l3 - 12);
	assert_memory_equal(got.b + a, from ? from->b + 16 - n : f.b + a + n, n);
	assert_memory_equal(got.b + a + n, f.b + a, n);
	assert_memory_equal(got.b + icmp + 8, f.b + l3, quote);
	assert_int_equal(get16(got.b + icmp), s->v6 ? says[kind].v6 : says[kind].v4);
	assert_int_equal(get16(got.b + icmp + 4), 0);
	assert_int_equal(get16(got.b + icmp + 6), mtu);
	assert_true(pkt_meta(answer)->flags & PKT_L4);
	assert_true(pkt_l4_cksum_ok(answer));
	check_meta(answer);
	rte_pktmbuf_free(answer);
	rte_pktmbuf_free(m);
}

static void test_errors(void **state)
{
	static const struct frame_spec specs[] = {
		{.payload = 1800, .df = true},
		{.proto = 6, .payload = 1500, .df = true, .n_ip_options = 10, .n_vlans = 1},
		{.proto = 6, .payload = 10, .df = true},
		{.payload = 100, .frag = 0x2000, .df = true},
		{.proto = 1, .payload = 1800, .df = true},
		{.proto = 50, .payload = 3},
		{.v6 = true, .payload = 1900},
		{.v6 = true, .proto = 6, .payload = 1500, .n_vlans = 2},
		{.v6 = true, .proto = 58, .payload = 1500},
		{.v6 = true, .proto = 50, .payload = 1},
	};
	static const struct weft_addr gateway4 = {.b = {[10] = 0xff, 0xff, 10, 9, 8, 7}};
	static const struct weft_addr gateway6 = {.b = {0xfd, [15] = 9}};

	for (unsigned int i = 0; i < RTE_DIM(specs); i++) {
		const struct weft_addr *gateway = specs[i].v6 ? &gateway6 : &gateway4;

		check_error(&specs[i], 0, 65535, NULL);
		check_error(&specs[i], 0, 1450, gateway);
		for (unsigned int kind = 1; kind < RTE_DIM(says); kind++)
			check_error(&specs[i], kind, 0, kind & 1 ? gateway : NULL);
	}
}

static void check_no_answer(const char *why)
{
	struct rte_mbuf *m = parsed();

	for (unsigned int i = 0; i < RTE_DIM(says); i++) {
		if (pkt_craft_error(m, says[i].error, 1400, NULL))
			fail_msg("answered: %s", why);
	}
	rte_pktmbuf_free(m);
}

static void change_v4(uint32_t at, uint8_t value, const char *why)
{
	frame_make(&f, &(struct frame_spec){.payload = 1800, .df = true});
	f.b[at] = value;
	frame_fix_ipv4(&f, 14);
	check_no_answer(why);
}

static void test_refusals(void **state)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_echo, all_returned),
		cmocka_unit_test_teardown(test_errors, all_returned),
		cmocka_unit_test_teardown(test_refusals, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
