/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys of all protocols, and what begins, answers and belongs to no session beside TCP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pkt/parse.h>

#include "conversation.h"
#include "world.h"

static struct conversation c;

static struct sent icmp(uint8_t type, uint8_t code, uint16_t id)
{
	return (struct sent){.spec = {.proto = c.v6 ? 58 : 1, .dport = id, .payload = 20},
		.icmp = type << 8 | code};
}

static bool key_of(unsigned int dir, const struct sent *what, struct session_key *ret)
{
	struct rte_mbuf *m = conversation_packet(&c, dir, what);
	const struct pkt_meta *meta = pkt_meta(m);
	bool has = track_key(meta, rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off), ret);

	rte_pktmbuf_free(m);
	return has;
}

static enum weft_drop begin_with(const struct sent *what, struct session_key keys[2])
{
	struct rte_mbuf *m = conversation_packet(&c, 0, what);
	enum weft_drop drop = track_begin(m, pkt_meta(m), &world_network, keys);

	rte_pktmbuf_free(m);
	return drop;
}

/* What end 1 answers with has the key that track_begin said. */
static void expect_answers(const struct sent *request, const struct sent *reply)
{
	struct session_key keys[2], there, back;

	assert_int_equal(begin_with(request, keys), 0);
	assert_true(key_of(0, request, &there));
	assert_true(key_of(1, reply, &back));
	assert_memory_equal(&keys[0], &there, sizeof(there));
	assert_memory_equal(&keys[1], &back, sizeof(back));
	assert_memory_not_equal(&there, &back, sizeof(back));
}

static void test_keys(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		const struct sent udp = {.spec = {.payload = 10}};
		const struct sent tcp = {.spec = {.proto = 6}, .flags = 2};
		const struct sent esp = {.spec = {.proto = 50, .payload = 30}};
		struct session_key k;

		conversation_start(&c, v6);
		expect_answers(&udp, &udp);
		expect_answers(&tcp, &tcp);
		expect_answers(&esp, &esp);
		assert_true(key_of(0, &udp, &k));
		assert_int_equal(weft_addr_is_v4(&k.src), !v6);
		assert_int_equal(k.src.b[15], 1);
		assert_int_equal(k.dst.b[15], 2);
		assert_int_equal(k.sport, 1000);
		assert_int_equal(k.dport, 2000);
		assert_int_equal(k.segment, 7);
		assert_int_equal(k.proto, 17);
		assert_true(key_of(0, &esp, &k));
		assert_int_equal(k.sport | k.dport, 0);
	}
}

/* The other family's ICMP is a protocol like any. */
static void test_foreign_icmp(void **state)
{
	const struct sent one = {.spec = {.proto = 1, .payload = 20}};
	const struct sent other = {.spec = {.proto = 58, .payload = 20}};

	conversation_start(&c, true);
	expect_answers(&one, &one);
	conversation_start(&c, false);
	expect_answers(&other, &other);
}

static void test_icmp_queries(void **state)
{
	static const uint8_t v4[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}};
	struct session_key keys[2];

	for (int i = 0; i < 5; i++) {
		uint8_t request = i == 4 ? 128 : v4[i][0], reply = i == 4 ? 129 : v4[i][1];
		struct sent ask, answer, other;

		conversation_start(&c, i == 4);
		ask = icmp(request, 0, 77);
		answer = icmp(reply, 0, 77);
		other = icmp(reply, 0, 78);
		expect_answers(&ask, &answer);
		assert_int_equal(begin_with(&answer, keys), WEFT_DROP_ICMP_UNRELATED);
		/* The peer's own query is no answer, whatever its identifier. */
		assert_int_equal(conversation_send(&c, 0, &ask), 0);
		assert_int_equal(conversation_send(&c, 1, &other), WEFT_DROP_ICMP_UNRELATED);
		assert_int_equal(c.n, 1);
		assert_int_equal(conversation_send(&c, 1, &ask), 0);
		assert_int_equal(c.n, 2);
	}
}

static void test_icmp_classes(void **state)
{
	for (unsigned int proto = 1; proto <= 58; proto += 57) {
		for (unsigned int type = 0; type < 256; type++) {
			bool v6 = proto == 58;
			bool error =
				v6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;
			bool query = v6 ? type == 128 || type == 129
					: type == 0 || type == 8 || (type >= 13 && type <= 18);
			enum track_icmp with_code = track_icmp_class(proto, type << 8 | 1);
			enum track_icmp class = track_icmp_class(proto, type << 8);

			assert_int_equal(class == TRACK_ICMP_ERROR, error);
			assert_int_equal(
				class == TRACK_ICMP_REQUEST || class == TRACK_ICMP_REPLY, query);
			assert_int_equal(class == TRACK_ICMP_OTHER, !error && !query);
			assert_int_equal(with_code, error ? TRACK_ICMP_ERROR : TRACK_ICMP_OTHER);
		}
	}
}

static void test_no_session(void **state)
{
	static const uint16_t lone[] = {0x0500, 0x0400, 0x0801, 0x0001, 0x0900, 0x0301, 0x0b00};
	struct session_key keys[2];

	conversation_start(&c, false);
	for (unsigned int i = 0; i < RTE_DIM(lone); i++) {
		struct sent what = icmp(lone[i] >> 8, lone[i], 5);

		assert_false(key_of(0, &what, &keys[0]));
		assert_int_equal(begin_with(&what, keys), WEFT_DROP_ICMP_UNRELATED);
	}
}

static void test_later_fragment(void **state)
{
	const struct sent later = {.spec = {.frag = 0x2003, .payload = 64}};
	const struct sent first = {.spec = {.frag = 0x2000, .payload = 64}};
	struct session_key k;

	conversation_start(&c, false);
	assert_false(key_of(0, &later, &k));
	assert_true(key_of(0, &first, &k));
	assert_int_equal(k.dport, 2000);
}

static void test_answered(void **state)
{
	static const struct {
		struct frame_spec spec;
		uint8_t first, answered;
		const char *name, *name_answered;
	} cases[] = {
		{{.payload = 8}, WEFT_TIMEOUT_UDP_FIRST, WEFT_TIMEOUT_UDP_ANSWERED, "udp-first",
			"udp-answered"},
		{{.proto = 47, .payload = 8}, WEFT_TIMEOUT_OTHER, WEFT_TIMEOUT_OTHER, "other",
			"other"},
		{{.proto = 1}, WEFT_TIMEOUT_ICMP, WEFT_TIMEOUT_ICMP, "icmp", "icmp"},
	};

	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct sent what = {.spec = cases[i].spec}, answer = what;

		conversation_start(&c, false);
		what.icmp = 0x0800; /* answered by 0 */
		for (int n = 0; n < 3; n++)
			assert_int_equal(conversation_send(&c, 0, &what), 0);
		assert_int_equal(c.s->state, cases[i].first);
		assert_true(conversation_is_half_open(&c));
		assert_string_equal(track_state_name(c.s), cases[i].name);
		for (int n = 0; n < 3; n++)
			assert_int_equal(conversation_send(&c, 1, &answer), 0);
		assert_int_equal(c.s->state, cases[i].answered);
		assert_false(conversation_is_half_open(&c));
		assert_string_equal(track_state_name(c.s), cases[i].name_answered);
		assert_int_equal(c.n, 1);
		assert_int_equal(track_dir_flags(c.s, 1), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_foreign_icmp),
		cmocka_unit_test(test_icmp_queries),
		cmocka_unit_test(test_icmp_classes),
		cmocka_unit_test(test_no_session),
		cmocka_unit_test(test_later_fragment),
		cmocka_unit_test(test_answered),
	};

	conversation_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
