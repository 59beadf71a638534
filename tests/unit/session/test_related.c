/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors: the key found in what they quote is that of the quoted packet's answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pkt/parse.h>

#include "conversation.h"
#include "world.h"

static struct conversation c;
static uint32_t quoted_seq;

/* An error of that type, sent to end 0, that quotes size bytes of q's IP packet. */
static struct rte_mbuf *error_of(uint8_t type, const struct frame *q, uint32_t size)
{
	static struct frame f;
	uint32_t icmp = c.v6 ? 54 : 34;

	frame_make(&f,
		&(struct frame_spec){
			.v6 = c.v6, .proto = c.v6 ? 58 : 1, .sport = type << 8, .payload = size});
	memcpy(f.b + icmp + 8, q->b + 14, size);
	/* From the end that the packet went to, as far as this one can tell. */
	if (c.v6) {
		f.b[14 + 23] = 2;
		f.b[14 + 39] = 1;
	} else {
		f.b[14 + 15] = 2;
		f.b[14 + 19] = 1;
		frame_fix_ipv4(&f, 14);
	}
	return frame_exact(f.b, f.len);
}

static bool related(uint8_t type, const struct frame *q, uint32_t size, struct session_key *ret)
{
	struct rte_mbuf *m = error_of(type, q, size);
	bool found;

	pkt_meta(m)->segment = 7;
	assert_int_equal(pkt_parse(m), 0);
	found = track_related(m, pkt_meta(m), ret, &quoted_seq);
	rte_pktmbuf_free(m);
	return found;
}

/* The keys of a session that spec's packet begins. */
static void keys_of(const struct frame_spec *spec, struct frame *f, struct session_key keys[2])
{
	struct rte_mbuf *m;

	frame_make(f, spec);
	m = frame_exact(f->b, f->len);
	pkt_meta(m)->segment = 7;
	assert_int_equal(pkt_parse(m), 0);
	assert_int_equal(track_begin(m, pkt_meta(m), &world_network, keys), 0);
	rte_pktmbuf_free(m);
}

static const uint8_t ext_both[24] = {44, 0, 1, 4, 0, 0, 0, 0, 60, 0, 0, 1, 0, 0, 0, 9, 0, 0, 1, 4};

static const struct {
	struct frame_spec spec;
	uint32_t least; /* bytes of IP packet that must be quoted */
} quoted[] = {
	{{.payload = 40}, 28},
	{{.proto = 6, .payload = 40, .tcp_flags = 2}, 28},
	{{.proto = 6, .payload = 40, .tcp_flags = 2, .n_ip_options = 10}, 68},
	{{.proto = 1, .payload = 40}, 28},
	{{.proto = 1, .sport = 0x0d00, .payload = 40}, 28},
	{{.proto = 47, .payload = 40}, 28},
	{{.frag = 0x2000, .payload = 40}, 28},
	{{.v6 = true, .payload = 40}, 48},
	{{.v6 = true, .proto = 6, .payload = 40, .tcp_flags = 2}, 48},
	{{.v6 = true, .proto = 58, .payload = 40}, 48},
	{{.v6 = true, .ext = ext_both, .ext_len = 24, .ext_last = 16, .payload = 40}, 72},
};

static void test_quotes(void **state)
{
	static const uint8_t types[2][4] = {{3, 11, 12, 3}, {1, 2, 3, 4}};
	struct session_key keys[2], got;
	static struct frame f;

	for (unsigned int i = 0; i < RTE_DIM(quoted); i++) {
		struct frame_spec spec = quoted[i].spec;

		conversation_start(&c, spec.v6);
		keys_of(&spec, &f, keys);
		for (uint32_t size = 0; size <= f.len - 14; size++) {
			for (unsigned int t = 0; t < 4; t++) {
				bool found = related(types[spec.v6][t], &f, size, &got);

				assert_int_equal(found, size >= quoted[i].least);
				if (found)
					assert_memory_equal(&got, &keys[1], sizeof(got));
			}
		}
	}
}

/* The quote of an answer is about the same session, the other way. */
static void test_quoted_reply(void **state)
{
	struct session_key keys[2], got;
	static struct frame f;

	conversation_start(&c, false);
	keys_of(&(struct frame_spec){.proto = 1, .dport = 99}, &f, keys);
	f.b[34] = 0;
	assert_true(related(3, &f, 28, &got));
	keys[1].icmp_type = 8;
	assert_memory_equal(&got, &keys[1], sizeof(got));
}

static void test_not_related(void **state)
{
	static const uint8_t later[16] = {44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 8};
	static struct frame f;
	struct session_key got;

	conversation_start(&c, false);
	frame_make(&f, &(struct frame_spec){.payload = 40});
	/* No errors. */
	assert_false(related(5, &f, 48, &got));
	assert_false(related(4, &f, 48, &got));
	assert_false(related(8, &f, 48, &got));
	/* Quoted: another version, a header too short, somebody else's packet. */
	f.b[14] = 0x65;
	assert_false(related(3, &f, 48, &got));
	f.b[14] = 0x44;
	assert_false(related(3, &f, 48, &got));
	f.b[14] = 0x45;
	assert_true(related(3, &f, 48, &got));
	f.b[14 + 15] = 9;
	assert_false(related(3, &f, 48, &got));
	/* A later fragment, an error. */
	frame_make(&f, &(struct frame_spec){.frag = 0x2001, .payload = 40});
	assert_false(related(3, &f, 48, &got));
	frame_make(&f, &(struct frame_spec){.proto = 1, .sport = 0x0301, .payload = 40});
	assert_false(related(3, &f, 48, &got));

	conversation_start(&c, true);
	frame_make(
		&f, &(struct frame_spec){
			    .v6 = true, .ext = later, .ext_len = 16, .ext_last = 8, .payload = 40});
	assert_false(related(1, &f, 96, &got));
	frame_make(&f, &(struct frame_spec){.v6 = true, .payload = 40});
	assert_false(related(137, &f, 88, &got));
	assert_true(related(1, &f, 88, &got));
	f.b[14 + 23] = 9;
	assert_false(related(1, &f, 88, &got));
}

/* Headers without end. */
static void test_endless_chain(void **state)
{
	static uint8_t ext[160];
	static struct frame f;
	struct session_key got;

	conversation_start(&c, true);
	for (unsigned int i = 0; i < sizeof(ext); i += 8)
		ext[i] = 60;
	for (unsigned int n = 1; n <= 20; n++) {
		frame_make(&f, &(struct frame_spec){.v6 = true,
				       .ext = ext,
				       .ext_len = n * 8,
				       .ext_proto = 60,
				       .ext_last = (n - 1) * 8,
				       .payload = 8});
		assert_int_equal(related(1, &f, f.len - 14, &got), n <= 8);
	}
}

/* ---- what TCP has on its way (RFC 5927 section 4.1) ---- */

#define FIRST  1000u /* end 0's initial sequence number; end 1's is SECOND */
#define SECOND 5000u
#define WINDOW 4000

static void say(unsigned int dir, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t payload)
{
	struct sent what = {.spec = {.proto = 6, .payload = payload},
		.seq = seq,
		.ack = ack,
		.win = WINDOW,
		.flags = flags};

	assert_int_equal(conversation_send(&c, dir, &what), 0);
}

/* About a segment of end 0's: the error's key is of what end 1 sends. */
static bool fits(uint32_t seq)
{
	return track_quote_fits(&c.s->dir[1], seq);
}

static void expect_from_to(uint32_t from, uint32_t to)
{
	assert_true(fits(from));
	assert_true(fits(to));
	assert_false(fits(from - 1));
	assert_false(fits(to + 1));
	assert_false(fits(from + (1u << 31)));
}

static void test_on_its_way(void **state)
{
	conversation_start(&c, false);
	say(0, 2, FIRST, 0, 0);
	expect_from_to(FIRST, FIRST + 1);
	say(1, 0x12, SECOND, FIRST + 1, 0);
	say(0, 0x10, FIRST + 1, SECOND + 1, 0);
	expect_from_to(FIRST, FIRST + 1);
	say(0, 0x18, FIRST + 1, SECOND + 1, 500);
	expect_from_to(FIRST, FIRST + 501);
	say(1, 0x10, SECOND + 1, FIRST + 501, 0);
	expect_from_to(FIRST + 500, FIRST + 501);
	/* The other way nothing is on its way but what was just sent. */
	assert_true(track_quote_fits(&c.s->dir[0], SECOND + 1));
	assert_false(track_quote_fits(&c.s->dir[0], SECOND + 2));
	assert_false(track_quote_fits(&c.s->dir[0], FIRST));
}

/* Numbers wrap. */
static void test_wraps(void **state)
{
	conversation_start(&c, true);
	say(0, 2, UINT32_MAX - 100, 0, 0);
	say(1, 0x12, SECOND, UINT32_MAX - 99, 0);
	say(0, 0x10, UINT32_MAX - 99, SECOND + 1, 0);
	say(0, 0x18, UINT32_MAX - 99, SECOND + 1, 300);
	expect_from_to(UINT32_MAX - 100, 200);
}

/* Of a connection that was found on its way too little is known. */
static void test_picked_up(void **state)
{
	conversation_start(&c, false);
	say(0, 0x10, FIRST, SECOND, 100);
	assert_true(fits(FIRST) && fits(FIRST + (1u << 30)));
	assert_true(track_quote_fits(&c.s->dir[0], 7));
}

static void test_not_tcp(void **state)
{
	struct sent what = {.spec = {.payload = 10}};

	conversation_start(&c, false);
	assert_int_equal(conversation_send(&c, 0, &what), 0);
	assert_true(fits(0) && fits(UINT32_MAX));
}

static void test_quoted_number(void **state)
{
	struct session_key got;
	static struct frame f;

	conversation_start(&c, false);
	frame_make(&f, &(struct frame_spec){.proto = 6, .seq = 0x89abcdef});
	assert_true(related(3, &f, 28, &got));
	assert_int_equal(quoted_seq, 0x89abcdef);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_quoted_reply),
		cmocka_unit_test(test_not_related),
		cmocka_unit_test(test_endless_chain),
		cmocka_unit_test(test_quoted_number),
		cmocka_unit_test(test_on_its_way),
		cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_picked_up),
		cmocka_unit_test(test_not_tcp),
	};

	conversation_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
