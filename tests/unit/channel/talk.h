/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client's side of a conversation with the channel of fixture.h, on the same thread: waiting for
 * an answer turns the main loop.
 */
#ifndef TALK_H
#define TALK_H

#include <weft/client.h>

/* Connected; one that has said HELLO with those flags. */
struct weft_client *open_client(void);
struct weft_client *greeted_client(uint16_t flags);
/* Sends; returns the request's seq. */
uint32_t request(struct weft_client *c, enum weft_msg_type type, const void *payload, size_t size);
/* Waits for a message. 1, or -errno when the connection ended. */
int receive(struct weft_client *c, struct weft_client_msg **ret);
/* Waits for that answer; returns its payload. */
const void *expect(struct weft_client *c, enum weft_msg_type type, uint32_t seq);
/* text: a part of it. */
void expect_error(struct weft_client *c, uint32_t seq, int error, const char *text);
void expect_closed(struct weft_client *c);

#endif
