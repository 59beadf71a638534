/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client that watches (watcher.h). Main thread.
 */
#include <errno.h>
#include <string.h>

#include <core/clock.h>
#include <pipeline/watch.h>
#include <weft/codec.h>

#include "client.h"
#include "state.h"
#include "watcher.h"

#define RECORDS_OFFSET (sizeof(struct weft_msg_hdr) + sizeof(struct weft_event_trace))
#define RECORDS_MAX    ((WEFT_MSG_SIZE_MAX - RECORDS_OFFSET) / sizeof(struct weft_trace_record))

static struct {
	const struct client *client; /* NULL: nobody watches */
	struct watch_missed told;
	size_t size; /* of the event that was not sent yet; 0: none */
	_Alignas(8) uint8_t event[WEFT_MSG_SIZE_MAX];
} watcher;

static void watcher_reset(const struct client *c)
{
	watcher.client = c;
	watcher.told = (struct watch_missed){0};
	watcher.size = 0;
}

static const char *watcher_absent(const struct weft_watch_filter *f)
{
	uint64_t g = channel.config->generation;

	if (f->port && !slot_find(channel.port_ids, &f->port, g))
		return "port";
	return f->vni && !slot_find(channel.config->vni, &f->vni, g) ? "segment" : NULL;
}

void watcher_begin(struct client *c, uint32_t seq, const struct weft_msg_watch *request)
{
	const struct weft_watch_filter *f = &request->filter;
	const char *wrong = weft_watch_wrong(f), *absent = watcher_absent(f);

	if (wrong) {
		client_error(c, seq, EINVAL, "the filter's %s makes no sense", wrong);
	} else if (absent) {
		client_error(c, seq, ENOENT, "this host has no such %s", absent);
	} else if (watcher.client && watcher.client != c) {
		client_error(c, seq, EBUSY, "client %s (pid %u) watches already",
			watcher.client->name, watcher.client->pid);
	} else if (watch_set(f)) {
		client_error(c, seq, ENOMEM, "out of memory");
	} else {
		watcher_reset(c);
		client_reply(c, WEFT_MSG_PONG, seq, NULL, 0, -1);
	}
}

void watcher_end(struct client *c, uint32_t seq)
{
	watcher_forget(c);
	client_reply(c, WEFT_MSG_PONG, seq, NULL, 0, -1);
}

void watcher_forget(const struct client *c)
{
	if (watcher.client != c)
		return;
	watch_clear();
	watcher_reset(NULL);
}

bool watcher_is(const struct client *c)
{
	return watcher.client == c;
}

const void *watcher_event(size_t *ret_size)
{
	struct weft_trace_record *records = (void *)(watcher.event + RECORDS_OFFSET);
	struct weft_event_trace head = {.now_ms = clock_ms()};
	struct watch_missed missed;

	if (watcher.size == 0) {
		head.n = watch_drain(records, RECORDS_MAX);
		watch_missed(&missed);
		if (head.n == 0 && memcmp(&missed, &watcher.told, sizeof(missed)) == 0)
			return NULL;
		watcher.told = missed;
		head.lost = missed.lost;
		head.skipped = missed.skipped < UINT32_MAX ? missed.skipped : UINT32_MAX;
		weft_msg_build(watcher.event, WEFT_MSG_EVENT_TRACE, 0, &head, sizeof(head));
		watcher.size = RECORDS_OFFSET + head.n * sizeof(*records);
		((struct weft_msg_hdr *)(void *)watcher.event)->size =
			watcher.size - sizeof(struct weft_msg_hdr);
	}
	*ret_size = watcher.size;
	return watcher.event;
}

void watcher_sent(void)
{
	watcher.size = 0;
}
