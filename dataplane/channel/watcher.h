/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who watches real packets (WATCH), and what it is told. One client at a time. What its socket does
 * not take stays in the workers' rings, which lose and count what finds no room: nothing is kept
 * here but one message. Main thread.
 */
#ifndef CHANNEL_WATCHER_H
#define CHANNEL_WATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include <weft/msg.h>

struct client;

/* Requests; each answers its client. */
void watcher_begin(struct client *c, uint32_t seq, const struct weft_msg_watch *request);
void watcher_end(struct client *c, uint32_t seq);
/* The client is gone. */
void watcher_forget(const struct client *c);
bool watcher_is(const struct client *c);
/* The EVENT_TRACE to send now, the same one until watcher_sent; NULL: there is nothing to tell. */
const void *watcher_event(size_t *ret_size);
void watcher_sent(void);

#endif
