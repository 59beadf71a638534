/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events to those clients that asked for them. Main thread.
 *
 * Port states are levels: a slow client gets the last one, none is lost. Events of the FDB and of
 * policy are queued, a bounded number per client; what does not fit is counted and told as
 * EVENTS_LOST.
 */
#ifndef CHANNEL_EVENTS_H
#define CHANNEL_EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <table/learn.h>
#include <weft/msg.h>

#define EVENTS_QUEUE 512 /* per client */

struct event {
	enum weft_msg_type type;
	union {
		struct weft_event_fdb fdb;
		struct weft_event_policy policy;
	};
};

/* What one client has not been told yet. */
struct event_queue {
	LIST_ENTRY(event_queue) link;
	uint64_t ports[WEFT_MAX_PORTS / 64]; /* bit per slot: tell its state */
	bool any_port;
	uint64_t n_lost;
	uint32_t head, tail;
	struct event queued[EVENTS_QUEUE];
};

/* A queue that begins with the state of every port. NULL: out of memory. */
struct event_queue *event_queue_new(void);
void event_queue_free(struct event_queue *q);
bool event_queue_empty(const struct event_queue *q);
/* Sends until the queue is empty or send returns false. send: takes one event message, or false:
 * not now. */
void event_queue_flush(struct event_queue *q,
	bool (*send)(void *arg, enum weft_msg_type type, const void *payload, size_t size),
	void *arg);

/* For every client that listens. */
void events_port(uint16_t slot);
/* A learn_listener_fn. */
void events_fdb(const struct config *cfg, const struct fdb_key *key, dest_t dest,
	enum weft_fdb_event event);
/* A policy_log_listener_fn. */
void events_policy(const struct weft_event_policy *e);

#endif
