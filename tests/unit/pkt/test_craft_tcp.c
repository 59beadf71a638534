/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP resets, byte by byte: the numbers of RFC 9293 section 3.10.7.1 for each kind of segment, and
 * the packets that must have none.
 */
#include "craft_bed.h"

#include <pkt/cksum.h>
#include <pkt/craft.h>

#define SEQ 0xfffffe00u /* as frame_make has them: with payload it wraps */
#define ACK 77777u

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	PSH = 8,
	ACKS = 16
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void check_reset(const struct frame_spec *s, uint32_t seq, uint32_t ack, uint8_t flags)
{
	uint32_t l3 = 14 + s->n_vlans * 4, hdr = s->v6 ? 40 : 20, n = s->v6 ? 16 : 4;
	uint32_t a = l3 + (s->v6 ? 8 : 12), tcp = l3 + hdr;
	uint32_t asked = l3 + hdr + s->n_ip_options * 4 + s->ext_len;
	struct rte_mbuf *m, *answer;

	frame_make(&f, s);
	m = parsed();
	answer = pkt_craft_reset(m);
	assert_non_null(answer);
	frame_read(&got, answer);
	assert_int_equal(got.len, tcp + 20);
	assert_memory_equal(got.b, f.b + 6, 6);
	assert_memory_equal(got.b + 6, f.b, 6);
	assert_memory_equal(got.b + 12, f.b + 12, l3 - 12);
	assert_memory_equal(got.b + a, f.b + a + n, n);
	assert_memory_equal(got.b + a + n, f.b + a, n);
	assert_memory_equal(got.b + tcp, f.b + asked + 2, 2);
	assert_memory_equal(got.b + tcp + 2, f.b + asked, 2);
	assert_int_equal(get32(got.b + tcp + 4), seq);
	assert_int_equal(get32(got.b + tcp + 8), ack);
	assert_int_equal(got.b[tcp + 12], 0x50);
	assert_int_equal(got.b[tcp + 13], flags);
	assert_int_equal(get32(got.b + tcp + 14) & 0xffff, get16(got.b + tcp + 16));
	assert_int_equal(get16(got.b + tcp + 14), 0);
	assert_int_equal(get16(got.b + tcp + 18), 0);
	assert_true(pkt_l4_cksum_ok(answer));
	assert_int_equal(pkt_meta(answer)->l4_proto, 6);
	check_meta(answer);
	rte_pktmbuf_free(answer);
	rte_pktmbuf_free(m);
}

static void test_numbers(void **state)
{
	static const uint8_t options[8] = {60};

	for (int v6 = 0; v6 < 2; v6++) {
		struct frame_spec s = {.v6 = v6, .proto = 6, .tcp_flags = SYN};

		check_reset(&s, 0, SEQ + 1, RST | ACKS);
		s.payload = 1000; /* TCP fast open */
		check_reset(&s, 0, SEQ + 1001, RST | ACKS);
		s.tcp_flags = SYN | FIN;
		check_reset(&s, 0, SEQ + 1002, RST | ACKS);
		s.tcp_flags = PSH;
		check_reset(&s, 0, SEQ + 1000, RST | ACKS);
		s.tcp_flags = FIN;
		check_reset(&s, 0, SEQ + 1001, RST | ACKS);
		s.tcp_flags = ACKS | PSH;
		check_reset(&s, ACK, 0, RST);
		s.tcp_flags = ACKS | FIN;
		check_reset(&s, ACK, 0, RST);
		s.tcp_flags = ACKS | SYN;
		s.n_tcp_options = 5;
		s.n_vlans = 1;
		if (v6) {
			s.ext = options;
			s.ext_len = 8;
			s.ext_proto = 60;
		} else {
			s.n_ip_options = 3;
		}
		check_reset(&s, ACK, 0, RST);
		s.tcp_flags = PSH;
		check_reset(&s, 0, SEQ + 1000, RST | ACKS);
	}
}

static void check_none(const char *why)
{
	struct rte_mbuf *m = parsed();

	if (pkt_craft_reset(m))
		fail_msg("answered: %s", why);
	rte_pktmbuf_free(m);
}

static void test_refusals(void **state)
{
	const struct frame_spec syn = {.proto = 6, .tcp_flags = SYN, .payload = 100};

	frame_make(&f, &(struct frame_spec){.proto = 6, .tcp_flags = RST});
	check_none("a reset");
	frame_make(&f, &(struct frame_spec){.proto = 6, .tcp_flags = RST | ACKS});
	check_none("a reset with an acknowledgement");
	frame_make(&f, &(struct frame_spec){.proto = 17});
	check_none("UDP");
	frame_make(&f, &(struct frame_spec){.proto = 6, .frag = 0x2000, .payload = 100});
	check_none("a first fragment");
	frame_make(&f, &(struct frame_spec){.proto = 6, .frag = 0x0009, .payload = 100});
	check_none("a later fragment");
	frame_make(&f, &syn);
	f.b[0] |= 1;
	check_none("to a group");
	frame_make(&f, &syn);
	f.b[30] = 224;
	frame_fix_ipv4(&f, 14);
	check_none("to multicast");
	frame_make(&f, &syn);
	memset(f.b + 26, 0xff, 4);
	frame_fix_ipv4(&f, 14);
	check_none("from broadcast");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_numbers, all_returned),
		cmocka_unit_test_teardown(test_refusals, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
