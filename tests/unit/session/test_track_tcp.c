/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TCP tracker on scripted conversations: how they open, go on, close, and what attackers try.
 * Sequence numbers begin just below the wrap, so that every script passes it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "conversation.h"
#include "world.h"

#define FIN  0x01
#define SYN  0x02
#define RST  0x04
#define PSH  0x08
#define ACK  0x10
#define ISN0 0xfffffff0u /* of end 0 */
#define ISN1 0xffffff00u
#define WIN  1000

static struct conversation c;

struct step {
	uint8_t dir;
	uint8_t flags;
	uint32_t seq, ack; /* from the initial numbers, like ethereal does */
	uint16_t win;	   /* 0: WIN; ZERO_WIN: 0 */
	uint16_t len;
	enum weft_drop drop;
	const char *state; /* NULL: as before; "": whatever it is */
	const uint8_t *options;
	uint8_t n_options;
};
#define ZERO_WIN 0xffff

static const char *run_one(const struct step *p, const char *state)
{
	struct sent what = {
		.spec = {.proto = 6, .payload = p->len},
		.seq = p->seq + (p->dir ? ISN1 : ISN0),
		.ack = p->flags & ACK ? p->ack + (p->dir ? ISN0 : ISN1) : 0,
		.win = p->win == ZERO_WIN ? 0
		       : p->win		  ? p->win
					  : WIN,
		.flags = p->flags,
		.options = p->options,
		.n_options = p->n_options,
	};
	enum weft_drop drop = conversation_send(&c, p->dir, &what);

	assert_int_equal(drop, p->drop);
	state = p->state ? p->state : state;
	if (!!c.s && state && *state)
		assert_string_equal(track_state_name(c.s), state);
	return state;
}

static void run(const struct step *steps, unsigned int n)
{
	const char *state = NULL;

	for (unsigned int i = 0; i < n; i++) {
		/* Tells which step it was. */
		if (getenv("VERBOSE"))
			print_message("step %u\n", i);
		state = run_one(&steps[i], state);
	}
}
#define RUN(...)                                                                                   \
	run((const struct step[]){__VA_ARGS__},                                                    \
		sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

#define HANDSHAKE                                                                                  \
	{0, SYN, 0, .state = "syn-sent"}, {1, SYN | ACK, 0, 1, .state = "syn-received"},           \
	{                                                                                          \
		0, ACK, 1, 1, .state = "established"                                               \
	}

static void test_open_and_close(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		conversation_start(&c, v6);
		RUN({0, SYN, 0, .state = "syn-sent"},
			{1, SYN | ACK, 0, 1, .state = "syn-received"});
		assert_true(conversation_is_half_open(&c));
		assert_int_equal(c.s->state, WEFT_TIMEOUT_TCP_OPENING);
		RUN({0, ACK, 1, 1, .state = "established"});
		assert_false(conversation_is_half_open(&c));
		assert_int_equal(c.s->state, WEFT_TIMEOUT_TCP_ESTABLISHED);
		RUN({0, ACK | PSH, 1, 1, .len = 300}, {1, ACK, 1, 301, .len = 700},
			{0, ACK, 301, 701});
		RUN({0, FIN | ACK, 301, 701, .state = "fin-wait-1"});
		assert_int_equal(c.s->state, WEFT_TIMEOUT_TCP_CLOSING);
		RUN({1, ACK, 701, 302, .state = "fin-wait-2"}, {1, ACK, 701, 302, .len = 50},
			{0, ACK, 302, 751}, {1, FIN | ACK, 751, 302, .state = "last-ack"});
		assert_int_equal(c.s->state, WEFT_TIMEOUT_TCP_CLOSING);
		RUN({0, ACK, 302, 752, .state = "time-wait"});
		assert_int_equal(c.s->state, WEFT_TIMEOUT_TCP_CLOSED);
		/* The last acknowledgement was lost. */
		RUN({1, FIN | ACK, 751, 302, .state = "time-wait"}, {0, ACK, 302, 752});
	}
}

static void test_crossed_syns(void **state)
{
	for (int plain = 0; plain < 2; plain++) {
		conversation_start(&c, false);
		RUN({0, SYN, 0, .state = "syn-sent"}, {1, SYN, 0, .state = "syn-both"}, {0, SYN, 0},
			{1, SYN, 0}, {0, SYN | ACK, 0, 2, .drop = WEFT_DROP_TCP_WINDOW});
		if (plain)
			RUN({1, ACK, 1, 1, .state = "syn-received"},
				{0, ACK, 1, 1, .state = "established"});
		else
			RUN({0, SYN | ACK, 0, 1, .state = "syn-received"},
				{1, SYN | ACK, 0, 1, .state = "established"});
		RUN({1, ACK, 1, 1, .len = 1000}, {0, ACK, 1, 1001, .len = 1000},
			{1, ACK, 1001, 1001});
		assert_int_equal(c.n, 1);
	}
}

/* An end that remembers another connection challenges the SYN, and is reset. */
static void test_half_open_peer(void **state)
{
	conversation_start(&c, false);
	RUN({0, SYN, 0, .state = "syn-sent"}, {1, ACK, 99000, 77000}, {0, RST, 77000}, {0, SYN, 0},
		{1, SYN | ACK, 0, 1, .state = "syn-received"},
		{0, ACK, 1, 1, .state = "established"});
}

static void test_refused(void **state)
{
	conversation_start(&c, false);
	RUN({0, SYN, 0, .state = "syn-sent"}, {1, RST | ACK, 0, 2, .drop = WEFT_DROP_TCP_WINDOW},
		{1, RST | ACK, 0, 0, .drop = WEFT_DROP_TCP_WINDOW},
		{1, RST, 1, .drop = WEFT_DROP_TCP_WINDOW},
		{1, SYN | ACK, 0, 2, .drop = WEFT_DROP_TCP_WINDOW},
		{1, SYN | ACK, 0, 0, .drop = WEFT_DROP_TCP_WINDOW},
		{1, RST | ACK, 0, 1, .state = "closed"});
	assert_false(conversation_is_half_open(&c));
	RUN({0, SYN, 5, .state = "syn-sent"});
	assert_int_equal(c.n, 2);
	assert_true(conversation_is_half_open(&c));
	/* The opener gives up; that was no answer. */
	RUN({0, RST, 6, .state = "closed"});
	assert_true(conversation_is_half_open(&c));
}

static void test_opening_order(void **state)
{
	conversation_start(&c, false);
	RUN({0, SYN, 0, .state = "syn-sent"}, {0, ACK, 1, 1, .drop = WEFT_DROP_TCP_STATE},
		{0, FIN | ACK, 1, 1, .drop = WEFT_DROP_TCP_STATE},
		{0, SYN | ACK, 0, 1, .drop = WEFT_DROP_TCP_STATE}, {0, SYN, 40},
		{1, SYN | ACK, 0, 1, .drop = WEFT_DROP_TCP_WINDOW},
		{1, SYN | ACK, 0, 41, .state = "syn-received"},
		{0, ACK, 41, 2, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 41, 0, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 41, 0xfffffff0, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 0x40000029, 1, .drop = WEFT_DROP_TCP_WINDOW}, {0, SYN, 40}, {0, SYN, 90},
		{0, ACK, 41, 1, .state = "established"});
	assert_int_equal(c.n, 1);
}

/* The first SYN-ACK is lost; the server, which keeps no state of SYNs, makes another one. */
static void test_syn_cookies(void **state)
{
	conversation_start(&c, false);
	RUN({0, SYN, 0, .state = "syn-sent"}, {1, SYN | ACK, 0, 1, .state = "syn-received"},
		{0, SYN, 0}, {1, SYN | ACK, 0x50000000, 9, .drop = WEFT_DROP_TCP_WINDOW},
		{1, SYN | ACK, 0x50000000, 1}, {0, ACK, 1, 1, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 1, 0x50000001, .state = "established"},
		{1, ACK, 0x50000001, 1, .len = 1000},
		{1, SYN | ACK, 0x60000000, 1, .drop = WEFT_DROP_TCP_WINDOW});
}

/* RFC 7413: data with the SYN, an answer and its FIN before the handshake is complete. */
static void test_fast_open(void **state)
{
	conversation_start(&c, false);
	RUN({0, SYN, 0, .len = 500, .state = "syn-sent"},
		{1, SYN | ACK, 0, 502, .drop = WEFT_DROP_TCP_WINDOW},
		{1, SYN | ACK, 0, 501, .state = "syn-received"}, {1, ACK, 1, 501, .len = 900},
		{1, FIN | ACK, 901, 501, .state = "fin-wait-1"});
	assert_false(conversation_is_half_open(&c));
	RUN({0, ACK, 501, 902, .state = "fin-wait-2"},
		{0, FIN | ACK, 501, 902, .state = "last-ack"},
		{1, ACK, 902, 502, .state = "time-wait"});
	/* The data is not taken. */
	conversation_start(&c, false);
	RUN({0, SYN, 0, .len = 500, .state = "syn-sent"},
		{1, SYN | ACK, 0, 1, .state = "syn-received"},
		{0, ACK, 1, 1, .len = 500, .state = "established"}, {1, ACK, 1, 501});
}

static bool flags_are_possible(uint8_t f)
{
	switch (f & (FIN | SYN | RST | ACK)) {
	case SYN:
	case SYN | ACK:
	case ACK:
	case FIN | ACK:
	case RST:
	case RST | ACK:
		return true;
	default:
		return false;
	}
}

static void test_flags(void **state)
{
	for (unsigned int f = 0; f < 256; f++) {
		bool ok = flags_are_possible(f);

		for (int strict = 0; strict < 2; strict++) {
			bool begins =
				strict || (f & (SYN | RST)) ? (f & (SYN | RST | ACK)) == SYN : ok;

			conversation_start(&c, false);
			world_network.spec.flags = strict ? WEFT_NETWORK_TCP_STRICT : 0;
			RUN({0, f, 0, 0,
				.drop = !ok	 ? WEFT_DROP_TCP_FLAGS
					: begins ? 0
						 : WEFT_DROP_TCP_STATE});
			assert_int_equal(!!c.s, ok && begins);
		}
		conversation_start(&c, false);
		RUN(HANDSHAKE, {0, f, 1, 1, .drop = ok ? 0 : WEFT_DROP_TCP_FLAGS, .state = ""});
	}
}

static void test_window(void **state)
{
	conversation_start(&c, false);
	RUN(HANDSHAKE,
		/* All that the peer allows, sent again, in part again; one byte may probe. */
		{0, ACK, 1, 1, .len = 1000}, {0, ACK, 1, 1, .len = 1000},
		{0, ACK, 501, 1, .len = 500}, {0, ACK, 1001, 1, .len = 1},
		{0, ACK, 1001, 1, .len = 2, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 1003, 1, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 0x7fff0000, 1, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 0x80010000, 1, .drop = WEFT_DROP_TCP_WINDOW},
		/* What was never sent can't be acknowledged, nor what is long past. */
		{1, ACK, 1, 1003, .drop = WEFT_DROP_TCP_WINDOW},
		{1, ACK, 1, 0x80000000, .drop = WEFT_DROP_TCP_WINDOW},
		{1, ACK, 1, 0xfffd0000, .drop = WEFT_DROP_TCP_WINDOW}, {1, ACK, 1, 1},
		/* The window opens. */
		{1, ACK, 1, 1001, .win = 3000}, {0, ACK, 1001, 1, .len = 3000},
		{1, ACK, 1, 4001, .win = 3000},
		{0, ACK, 1, 1, .len = 900, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 998, 1, .drop = WEFT_DROP_TCP_WINDOW}, {0, ACK, 1001, 1, .len = 100});
}

/* What is refused changes nothing: it would open the window for what comes next. */
static void test_refused_changes_nothing(void **state)
{
	struct session before;

	conversation_start(&c, false);
	RUN(HANDSHAKE);
	before = *c.s;
	RUN({0, ACK, 5000, 1, .win = 60000, .len = 9, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 1, 5000, .win = 60000, .drop = WEFT_DROP_TCP_WINDOW},
		{1, FIN | ACK, 5000, 1, .drop = WEFT_DROP_TCP_WINDOW},
		{1, RST, 5000, .drop = WEFT_DROP_TCP_WINDOW},
		{1, SYN | ACK, 5000, 1, .drop = WEFT_DROP_TCP_WINDOW});
	assert_memory_equal(&before, c.s, sizeof(before));
}

static void test_zero_window_and_keepalive(void **state)
{
	conversation_start(&c, false);
	RUN(HANDSHAKE, {1, ACK, 1, 1, .len = 1000}, {0, ACK, 1, 1001, .win = ZERO_WIN},
		/* Probes: a byte ahead, the byte before, nothing. */
		{1, ACK, 1001, 1, .len = 1}, {1, ACK, 1001, 1, .len = 1},
		{1, ACK, 1000, 1, .len = 1}, {1, ACK, 1000, 1}, {1, ACK, 1001, 1},
		{0, ACK, 1, 1001, .win = ZERO_WIN},
		{1, ACK, 1001, 1, .len = 3, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 1, 1001, .win = 1000}, {1, ACK, 1001, 1, .len = 1000}, {0, ACK, 1, 2001},
		/* Keep-alives with and without the byte of garbage (RFC 9293 section 3.8.4). */
		{0, ACK, 0, 2001}, {0, ACK, 0, 2001, .len = 1}, {1, ACK, 2000, 1},
		{1, ACK, 2001, 1});
}

/* An end that has never opened its window. */
static void test_no_window_at_all(void **state)
{
	conversation_start(&c, false);
	RUN({0, SYN, 0, .win = ZERO_WIN, .state = "syn-sent"},
		{1, SYN | ACK, 0, 1, .win = ZERO_WIN, .state = "syn-received"},
		{0, ACK, 1, 1, .win = ZERO_WIN, .state = "established"},
		{1, ACK, 1, 1, .win = ZERO_WIN, .len = 1}, {1, ACK, 0, 1, .win = ZERO_WIN},
		{0, FIN | ACK, 1, 1, .win = ZERO_WIN, .state = "fin-wait-1"},
		{1, ACK, 1, 2, .win = ZERO_WIN, .state = "fin-wait-2"});
}

static const uint8_t scale7[] = {2, 4, 5, 0xb4, 1, 3, 3, 7};
static const uint8_t scale15[] = {1, 1, 1, 3, 3, 15, 0, 0};

static void test_window_scale(void **state)
{
	static const uint8_t broken[][8] = {{3, 2, 7, 1}, {3, 4, 7, 0}, {2, 0, 3, 3, 7},
		{2, 9, 1, 1, 3, 3, 7}, {0, 3, 3, 7}, {1, 1, 1, 1, 1, 1, 1, 3}};

	conversation_start(&c, false);
	RUN({0, SYN, 0, .options = scale7, .n_options = 2, .state = "syn-sent"},
		{1, SYN | ACK, 0, 1, .options = scale15, .n_options = 2, .state = "syn-received"},
		/* Windows of SYNs are not scaled. */
		{1, ACK, 1, 1, .len = 1002, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 1, 1, .win = 10, .state = "established"},
		{1, ACK, 1, 1, .win = 1, .len = 1280}, {0, ACK, 1, 1281, .win = 10},
		{1, ACK, 1281, 1, .len = 1282, .drop = WEFT_DROP_TCP_WINDOW},
		{1, ACK, 1281, 1, .win = 2}, {0, ACK, 1, 1281, .len = 32768},
		{0, ACK, 32769, 1281, .len = 2, .drop = WEFT_DROP_TCP_WINDOW});
	/* One side alone does not scale. */
	for (unsigned int i = 0; i < 2 + RTE_DIM(broken); i++) {
		const uint8_t *a = i == 0 ? NULL : scale7;
		const uint8_t *b = i == 0 ? scale7 : i == 1 ? NULL : broken[i - 2];

		conversation_start(&c, true);
		RUN({0, SYN, 0, .options = a, .n_options = a ? 2 : 0, .state = "syn-sent"},
			{1, SYN | ACK, 0, 1, .options = b, .n_options = b ? 2 : 0,
				.state = "syn-received"},
			{0, ACK, 1, 1, .state = "established"},
			{1, ACK, 1, 1, .len = 1002, .drop = WEFT_DROP_TCP_WINDOW},
			{1, ACK, 1, 1, .len = 1000},
			{0, ACK, 1, 1, .len = 1002, .drop = WEFT_DROP_TCP_WINDOW});
	}
}

static void test_reset(void **state)
{
	for (int dir = 0; dir < 2; dir++) {
		conversation_start(&c, false);
		RUN(HANDSHAKE, {0, ACK, 1, 1, .len = 200}, {1, ACK, 1, 201, .len = 200},
			{dir, RST, 0x10000000, .drop = WEFT_DROP_TCP_WINDOW},
			{dir, RST, 0xf0000000, .drop = WEFT_DROP_TCP_WINDOW},
			{dir, RST, 1500, .drop = WEFT_DROP_TCP_WINDOW},
			{dir, RST | ACK, 0, 1500, .state = "closed"});
		assert_int_equal(c.s->state, WEFT_TIMEOUT_TCP_CLOSED);
		/* If it was not meant so, the connection goes on. */
		RUN({0, ACK, 201, 201, .len = 100}, {1, ACK, 201, 301},
			{0, ACK, 9000, 201, .drop = WEFT_DROP_TCP_WINDOW}, {0, FIN | ACK, 301, 201},
			{1, ACK, 201, 302});
		assert_int_equal(c.n, 1);
	}
	/* While it opens: what the SYN-ACK gets, and the server being gone. */
	conversation_start(&c, false);
	RUN({0, SYN, 0, .state = "syn-sent"}, {1, SYN | ACK, 0, 1, .state = "syn-received"},
		{0, RST, 1, .state = "closed"});
	assert_false(conversation_is_half_open(&c));
	conversation_start(&c, false);
	RUN({0, SYN, 0, .state = "syn-sent"}, {1, SYN, 0, .state = "syn-both"},
		{1, RST | ACK, 0x30000000, 1, .state = "closed"});
}

/* RFC 5961 section 4: a SYN within a connection is its receiver's to challenge. */
static void test_late_syn(void **state)
{
	for (int dir = 0; dir < 2; dir++) {
		conversation_start(&c, false);
		RUN(HANDSHAKE, {dir, SYN, 0x40000000}, {dir, SYN, 1}, {!dir, ACK, 1, 1},
			{dir, RST, 1, .state = "closed"},
			{dir, SYN, 0x40000000, .state = "syn-sent"});
		assert_int_equal(c.n, 2);
		/* The receiver has forgotten the connection: taken or refused, it is over. */
		conversation_start(&c, false);
		RUN(HANDSHAKE, {dir, SYN, 0x40000000, .state = "established"},
			{!dir, SYN | ACK, 0x70000000, 0x40000002, .drop = WEFT_DROP_TCP_WINDOW},
			{!dir, SYN | ACK, 0x70000000, 0x40000001, .drop = WEFT_DROP_TCP_STATE,
				.state = "closed"},
			{dir, SYN, 0x40000000, .state = "syn-sent"});
		assert_int_equal(c.n, 2);
		conversation_start(&c, false);
		RUN(HANDSHAKE,
			{!dir, RST | ACK, 0x70000000, 0x40000001, .drop = WEFT_DROP_TCP_WINDOW,
				.state = "established"},
			{dir, SYN, 0x40000000},
			{!dir, RST | ACK, 0x70000000, 0x40000001, .state = "closed"});
	}
	/* The SYN-ACK again: its acknowledgement was lost. */
	conversation_start(&c, false);
	RUN(HANDSHAKE, {1, SYN | ACK, 0, 1}, {0, ACK, 1, 1});
}

static void test_reopening(void **state)
{
	for (int dir = 0; dir < 2; dir++) {
		conversation_start(&c, false);
		RUN(HANDSHAKE, {0, FIN | ACK, 1, 1, .state = "fin-wait-1"}, {dir, SYN, 5000},
			{1, ACK, 1, 2, .state = "fin-wait-2"},
			{1, FIN | ACK, 1, 2, .state = "last-ack"}, {dir, SYN, 5000},
			{0, ACK, 2, 2, .state = "time-wait"});
		assert_int_equal(c.n, 1);
		RUN({dir, SYN, 5000, .state = "syn-sent"});
		assert_int_equal(c.n, 2);
		/* Whoever sent it began it: the ends may have changed places. */
		assert_int_equal(c.s->dir[0].key.sport, dir ? 2000 : 1000);
	}
}

static void test_closing(void **state)
{
	/* Both at once. */
	conversation_start(&c, false);
	RUN(HANDSHAKE, {0, FIN | ACK, 1, 1, .state = "fin-wait-1"},
		{1, FIN | ACK, 1, 1, .state = "closing"}, {0, ACK, 2, 2, .state = "last-ack"},
		{1, ACK, 2, 2, .state = "time-wait"});
	/* Behind a FIN there is nothing, before it no other FIN. */
	conversation_start(&c, false);
	RUN(HANDSHAKE, {0, ACK, 1, 1, .len = 100},
		{0, FIN | ACK, 50, 1, .drop = WEFT_DROP_TCP_WINDOW},
		{0, FIN | ACK, 101, 1, .len = 10, .state = "fin-wait-1"},
		{0, ACK, 112, 1, .len = 10, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 50, 1, .len = 51}, {0, FIN | ACK, 101, 1, .len = 10}, {1, ACK, 1, 111},
		{1, ACK, 1, 112, .state = "fin-wait-2"});
	/* FIN and the acknowledgement of the other one in one segment. */
	RUN({1, FIN | ACK, 1, 112, .state = "last-ack"}, {0, ACK, 112, 2, .state = "time-wait"});
	/* Not acknowledged yet. */
	conversation_start(&c, false);
	RUN(HANDSHAKE, {0, FIN | ACK, 1, 1, .state = "fin-wait-1"},
		{1, FIN | ACK, 1, 2, .state = "last-ack"}, {0, ACK, 2, 1},
		{0, ACK, 2, 2, .state = "time-wait"});
}

/* In the state that nearly all segments meet, the lock is not taken, or this would never end; nor
 * in a half-closed one. */
static void test_no_lock(void **state)
{
	conversation_start(&c, false);
	RUN(HANDSHAKE);
	alarm(10);
	session_lock(c.s);
	for (unsigned int i = 0; i < 50; i++)
		RUN({0, ACK, 1 + i * 900, 1 + i * 1000, .len = 900},
			{1, ACK | PSH, 1 + i * 1000, 901 + i * 900, .len = 1000},
			{0, ACK, 99000, 1, .drop = WEFT_DROP_TCP_WINDOW});
	session_unlock(c.s);
	RUN({0, FIN | ACK, 45001, 50001, .state = "fin-wait-1"},
		{1, ACK, 50001, 45002, .state = "fin-wait-2"});
	session_lock(c.s);
	for (unsigned int i = 0; i < 50; i++)
		RUN({1, ACK, 50001 + i * 1000, 45002, .len = 1000},
			{0, ACK, 45002, 51001 + i * 1000});
	session_unlock(c.s);
	alarm(0);
}

/* One frame of many segments is judged by all of its payload. */
static void test_long_frames(void **state)
{
	conversation_start(&c, true);
	RUN({0, SYN, 0, .win = 65000, .state = "syn-sent"},
		{1, SYN | ACK, 0, 1, .win = 65000, .state = "syn-received"},
		{0, ACK, 1, 1, .len = 65000, .state = "established"},
		{1, ACK, 1, 65001, .len = 65000},
		{0, ACK, 65001, 65001, .len = 65002, .drop = WEFT_DROP_TCP_WINDOW});
}

static enum weft_drop send_fragment(unsigned int dir, uint16_t frag, const struct step *p)
{
	struct sent what = {.spec = {.proto = 6, .payload = p->len, .frag = frag},
		.seq = p->seq + ISN0,
		.ack = p->ack + ISN1,
		.win = WIN,
		.flags = p->flags};

	return conversation_send(&c, dir, &what);
}

/* A fragment does not tell how long its segment is: more may be acknowledged than was seen. */
static void test_fragments(void **state)
{
	struct rte_mbuf *m;

	conversation_start(&c, false);
	RUN(HANDSHAKE, {1, ACK, 1, 800, .drop = WEFT_DROP_TCP_WINDOW});
	assert_int_equal(send_fragment(0, 0x2000, &(struct step){0, ACK, 1, 1, .len = 508}), 0);
	m = conversation_packet(
		&c, 0, &(struct sent){.spec = {.proto = 6, .payload = 300, .frag = 0x0041}});
	assert_int_equal(track_packet(&c.s->dir[0], m, pkt_meta(m)), 0);
	assert_false(track_reopens(&c.s->dir[0], m, pkt_meta(m)));
	rte_pktmbuf_free(m);
	RUN({1, ACK, 1, 829}, {0, ACK, 829, 1, .len = 100}, {1, ACK, 1, 929},
		{1, ACK, 1, 90000, .drop = WEFT_DROP_TCP_WINDOW});
}

static void test_picked_up(void **state)
{
	conversation_start(&c, false);
	RUN({0, ACK, 5000, 7000, .len = 300, .state = "picked-up"});
	assert_int_equal(c.s->state, WEFT_TIMEOUT_TCP_OPENING);
	/* More before the other side is heard, which had sent further, and in a scale unknown. */
	RUN({0, ACK, 5300, 7000, .len = 20000}, {0, ACK, 25300, 207000});
	assert_true(conversation_is_half_open(&c));
	RUN({1, ACK, 206000, 5000, .len = 1000, .state = "established"});
	assert_false(conversation_is_half_open(&c));
	/* From before: what fills a gap is acknowledged with all behind it. */
	RUN({1, ACK, 207000, 25300, .len = 400}, {0, ACK, 25300, 900000}, {1, ACK, 900000, 25300},
		{0, ACK, 0x90000000, 900000, .drop = WEFT_DROP_TCP_WINDOW},
		{0, ACK, 25300, 0x90000000, .drop = WEFT_DROP_TCP_WINDOW},
		{0, RST, 0x70000000, .drop = WEFT_DROP_TCP_WINDOW},
		{0, FIN | ACK, 25300, 900000, .state = "fin-wait-1"},
		{1, FIN | ACK, 900000, 25301, .state = "last-ack"},
		{0, ACK, 25301, 900001, .state = "time-wait"});

	/* Its first packet closes it. */
	conversation_start(&c, false);
	RUN({0, FIN | ACK, 5000, 7000, .state = "fin-wait-1"});
	assert_true(conversation_is_half_open(&c));
	RUN({1, ACK, 7000, 5001, .state = "fin-wait-2"});
	assert_false(conversation_is_half_open(&c));

	/* The other end knows nothing of it. */
	conversation_start(&c, false);
	RUN({0, ACK, 5000, 7000, .state = "picked-up"},
		{1, RST, 0x40000000, .drop = WEFT_DROP_TCP_WINDOW},
		{1, RST, 7000, .state = "closed"}, {0, SYN, 9000, .state = "syn-sent"});
	assert_int_equal(c.n, 2);

	/* A guess gives way to a real connection, from either end. */
	for (int dir = 0; dir < 2; dir++) {
		for (int fin = 0; fin < 2; fin++) {
			conversation_start(&c, false);
			RUN({0, fin | ACK, 5000, 7000}, {dir, SYN, 0, .state = "syn-sent"},
				{!dir, SYN | ACK, 0, 1, .state = "syn-received"},
				{dir, ACK, 1, 1, .state = "established"});
			assert_int_equal(c.n, 2);
		}
	}
}

/* Blind attackers: they know the addresses and ports, and guess the rest. */
static void test_blind_injection(void **state)
{
	static const uint8_t flags[] = {ACK, FIN | ACK, RST, RST | ACK, SYN | ACK};
	unsigned int passed = 0, n = 100000;
	uint64_t random = 1;

	conversation_start(&c, false);
	RUN({0, SYN, 0, .options = scale7, .n_options = 2, .win = 65535, .state = "syn-sent"},
		{1, SYN | ACK, 0, 1, .options = scale7, .n_options = 2, .win = 65535,
			.state = "syn-received"},
		{0, ACK, 1, 1, .win = 8192, .state = "established"}, {1, ACK, 1, 1, .win = 8192});
	for (unsigned int i = 0; i < n; i++) {
		uint64_t r = test_random(&random);
		struct sent what = {.spec = {.proto = 6, .payload = r % 100},
			.seq = r >> 32,
			.ack = test_random(&random),
			.win = r >> 8,
			.flags = flags[i % 5]};

		passed += conversation_send(&c, r & 1, &what) == 0;
	}
	/* With a window of 1 MB on each side: a reset needs one of 2^11 numbers. */
	assert_in_range(passed, 0, n / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_and_close),
		cmocka_unit_test(test_crossed_syns),
		cmocka_unit_test(test_half_open_peer),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_opening_order),
		cmocka_unit_test(test_syn_cookies),
		cmocka_unit_test(test_fast_open),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_refused_changes_nothing),
		cmocka_unit_test(test_zero_window_and_keepalive),
		cmocka_unit_test(test_no_window_at_all),
		cmocka_unit_test(test_window_scale),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_late_syn),
		cmocka_unit_test(test_reopening),
		cmocka_unit_test(test_closing),
		cmocka_unit_test(test_no_lock),
		cmocka_unit_test(test_long_frames),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_picked_up),
		cmocka_unit_test(test_blind_injection),
	};

	conversation_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
