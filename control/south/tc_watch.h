/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * News of tc filters and queueing disciplines in this network namespace, from the kernel, so that a
 * filter that somebody takes off or replaces is noticed at once. Event loop's thread.
 */
#ifndef SOUTH_TC_WATCH_H
#define SOUTH_TC_WATCH_H

#include <event2/event.h>

struct tc_watch;

/* changed: on this interface something is otherwise; 0: perhaps on any, news were lost. It may not
 * free the watch. 0 or -errno. */
int tc_watch_new(struct event_base *base, void (*changed)(void *arg, int ifindex), void *arg,
	struct tc_watch **ret);
/* Accepts NULL. */
void tc_watch_free(struct tc_watch *w);

#endif
