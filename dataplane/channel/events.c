/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: what each listener has yet to be told. Knows no sockets. Main thread.
 */
#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "dump.h"
#include "events.h"

static LIST_HEAD(, event_queue) queues = LIST_HEAD_INITIALIZER(queues);

struct event_queue *event_queue_new(void)
{
	struct event_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	memset(q->ports, 0xff, sizeof(q->ports));
	q->any_port = true;
	LIST_INSERT_HEAD(&queues, q, link);
	return q;
}

void event_queue_free(struct event_queue *q)
{
	if (!q)
		return;
	LIST_REMOVE(q, link);
	free(q);
}

bool event_queue_empty(const struct event_queue *q)
{
	return !q->any_port && q->head == q->tail && q->n_lost == 0;
}

static bool flush_ports(struct event_queue *q,
	bool (*send)(void *arg, enum weft_msg_type type, const void *payload, size_t size),
	void *arg)
{
	for (uint32_t word = 0; word < WEFT_MAX_PORTS / 64; word++) {
		while (q->ports[word]) {
			unsigned int bit = __builtin_ctzll(q->ports[word]);
			struct weft_event_port e;

			if (device_state(word * 64 + bit, &e) &&
				!send(arg, WEFT_MSG_EVENT_PORT, &e, sizeof(e)))
				return false;
			q->ports[word] &= ~(UINT64_C(1) << bit);
		}
	}
	q->any_port = false;
	return true;
}

void event_queue_flush(struct event_queue *q,
	bool (*send)(void *arg, enum weft_msg_type type, const void *payload, size_t size),
	void *arg)
{
	struct weft_event_lost lost = {.n = q->n_lost};

	if (q->any_port && !flush_ports(q, send, arg))
		return;
	for (; q->head != q->tail; q->head++) {
		const struct event *e = &q->queued[q->head % EVENTS_QUEUE];
		bool is_fdb = e->type == WEFT_MSG_EVENT_FDB;

		if (!send(arg, e->type, &e->fdb, is_fdb ? sizeof(e->fdb) : sizeof(e->policy)))
			return;
	}
	/* The lost ones came after what was queued. */
	if (q->n_lost && send(arg, WEFT_MSG_EVENTS_LOST, &lost, sizeof(lost)))
		q->n_lost = 0;
}

void events_port(uint16_t slot)
{
	struct event_queue *q;

	LIST_FOREACH (q, &queues, link) {
		q->ports[slot / 64] |= UINT64_C(1) << slot % 64;
		q->any_port = true;
	}
}

/* To every client that has room. */
static void enqueue(const struct event *e)
{
	struct event_queue *q;

	LIST_FOREACH (q, &queues, link) {
		if (q->tail - q->head == EVENTS_QUEUE || q->n_lost)
			q->n_lost++;
		else
			q->queued[q->tail++ % EVENTS_QUEUE] = *e;
	}
}

void events_fdb(
	const struct config *cfg, const struct fdb_key *key, dest_t dest, enum weft_fdb_event event)
{
	struct event e = {.type = WEFT_MSG_EVENT_FDB, .fdb = {.event = event}};

	if (!LIST_EMPTY(&queues) && fdb_export(cfg, key, dest, true, &e.fdb.entry))
		enqueue(&e);
}

void events_policy(const struct weft_event_policy *e)
{
	struct event event = {.type = WEFT_MSG_EVENT_POLICY, .policy = *e};

	enqueue(&event);
}
