/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TCP tracker on scripted conversations: how they open, go on, close, and what attackers try.
 * Sequence numbers begin just below the wrap, so that every script passes it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conversation.h"
#include "test_eal.h"

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
	const char *state; /* NULL: as before */
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
	if (c.begun && state)
		assert_string_equal(track_state_name(&c.s), state);
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
		assert_int_equal(c.s.state, WEFT_TIMEOUT_TCP_OPENING);
		RUN({0, ACK, 1, 1, .state = "established"});
		assert_false(conversation_is_half_open(&c));
		assert_int_equal(c.s.state, WEFT_TIMEOUT_TCP_ESTABLISHED);
		RUN({0, ACK | PSH, 1, 1, .len = 300}, {1, ACK, 1, 301, .len = 700},
			{0, ACK, 301, 701});
		RUN({0, FIN | ACK, 301, 701, .state = "fin-wait-1"});
		assert_int_equal(c.s.state, WEFT_TIMEOUT_TCP_CLOSING);
		RUN({1, ACK, 701, 302, .state = "fin-wait-2"}, {1, ACK, 701, 302, .len = 50},
			{0, ACK, 302, 751}, {1, FIN | ACK, 751, 302, .state = "last-ack"});
		assert_int_equal(c.s.state, WEFT_TIMEOUT_TCP_CLOSING);
		RUN({0, ACK, 302, 752, .state = "time-wait"});
		assert_int_equal(c.s.state, WEFT_TIMEOUT_TCP_CLOSED);
		/* The last acknowledgement was lost. */
		RUN({1, FIN | ACK, 751, 302, .state = "time-wait"}, {0, ACK, 302, 752});
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_and_close),
	};

	test_eal_init(64);
	test_pools(256);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
