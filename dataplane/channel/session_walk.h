/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions listed and flushed for a client, a bounded part at a time. Main thread.
 */
#ifndef CHANNEL_SESSION_WALK_H
#define CHANNEL_SESSION_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/msg.h>

struct session_walk {
	struct weft_session_filter filter;
	uint32_t seq;
	uint32_t cursor;
	uint32_t left; /* to be told */
	uint64_t n;
	bool remove;
};

void session_list_start(
	struct session_walk *w, const struct weft_msg_session_list *request, uint32_t seq);
void session_flush_start(
	struct session_walk *w, const struct weft_msg_session_flush *request, uint32_t seq);
/* Goes on, and writes the next message into buf (WEFT_MSG_SIZE_MAX); returns its size, 0 when there
 * is none yet. Its type is SESSION_END when it is the last. */
size_t session_walk_next(struct session_walk *w, void *buf);

#endif
