/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See talk.h.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "talk.h"

#define TURNS_MAX 10000

struct weft_client *open_client(void)
{
	struct weft_client *c;

	assert_int_equal(weft_client_open(fixture_socket(), &c), 0);
	fixture_turn(0);
	return c;
}

/* Turns the main loop until a message comes. -errno when the connection ended. */
int receive(struct weft_client *c, struct weft_client_msg **ret)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		int rc = weft_client_recv(c, ret);

		if (rc)
			return rc;
		fixture_turn(0);
	}
	fail_msg("nothing came");
	return 0;
}

const void *expect(struct weft_client *c, enum weft_msg_type type, uint32_t seq)
{
	struct weft_client_msg *m;

	assert_int_equal(receive(c, &m), 1);
	if (m->hdr->type != type)
		fail_msg("%s instead of %s: %s", weft_msg_name(m->hdr->type), weft_msg_name(type),
			m->hdr->type == WEFT_MSG_ERROR
				? ((const struct weft_msg_error *)m->payload)->text
				: "");
	assert_int_equal(m->hdr->seq, seq);
	return m->payload;
}

void expect_error(struct weft_client *c, uint32_t seq, int error, const char *text)
{
	const struct weft_msg_error *e = expect(c, WEFT_MSG_ERROR, seq);

	assert_int_equal(e->error, error);
	if (!strstr(e->text, text))
		fail_msg("'%s' instead of '%s'", e->text, text);
}

void expect_closed(struct weft_client *c)
{
	struct weft_client_msg *m;
	int rc = receive(c, &m);

	assert_true(rc == -ECONNRESET || rc == -EPIPE);
}

uint32_t request(struct weft_client *c, enum weft_msg_type type, const void *payload, size_t size)
{
	uint32_t seq;

	assert_int_equal(weft_client_send(c, type, payload, size, &seq), 0);
	return seq;
}

struct weft_client *greeted_client(uint16_t flags)
{
	struct weft_client *c = open_client();
	uint32_t seq;

	assert_int_equal(weft_client_hello(c, "test", flags, &seq), 0);
	expect(c, WEFT_MSG_HELLO_ACK, seq);
	return c;
}
