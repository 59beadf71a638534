/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel's client on the event loop: connects, sends requests in order, finds the request that
 * a reply belongs to, and bounds the work of each turn of the loop. Does not know what tables or
 * transactions are for.
 */
#ifndef SOUTH_CONN_H
#define SOUTH_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>

#include <weft/client.h>

/* m: a message with this request's seq, ERROR included. NULL: the connection is gone, this is the
 * last call. Returns true when the request is answered. */
typedef bool (*conn_reply_fn)(void *arg, struct weft_client_msg *m);

struct conn_user {
	void *arg;
	/* A message that answers no request: an event, or the refusal of an op. */
	void (*message)(void *arg, struct weft_client_msg *m);
	/* Adds something long with weft_client_op when there is room. Returns 0 (nothing left),
	 * 1 (more, next turn) or what weft_client_op returned. */
	int (*stream)(void *arg, struct weft_client *client);
	/* The connection ended, not by conn_close. All requests were told before. */
	void (*closed)(void *arg, const char *why);
};

struct conn_request;
TAILQ_HEAD(conn_request_list, conn_request);

struct conn {
	struct event_base *base;
	struct conn_user user;
	struct weft_client *client; /* NULL: not connected */
	uint64_t n_received;	    /* messages */
	struct event *read_event;
	struct event *write_event;
	struct conn_request_list unsent;
	struct conn_request_list sent;
};

void conn_init(struct conn *c, struct event_base *base, const struct conn_user *user);
/* 0 or -errno. */
int conn_open(struct conn *c, const char *path);
/* Requests that wait are told. Does nothing on one that is closed. */
void conn_close(struct conn *c);
/* Closes and tells the user why. */
void conn_fail(struct conn *c, const char *why);

static inline bool conn_is_open(const struct conn *c)
{
	return c->client != NULL;
}

/* Queues a request, whose payload is copied. reply NULL: it has no answer of its own. 0,
 * -ENOTCONN or -ENOMEM. */
int conn_request(struct conn *c, enum weft_msg_type type, const void *payload, size_t size,
	conn_reply_fn reply, void *arg);
/* The same with descriptors, which are duplicated. */
int conn_request_fds(struct conn *c, enum weft_msg_type type, const void *payload, size_t size,
	const int *fds, unsigned int n_fds, conn_reply_fn reply, void *arg);
/* Some request waits for its answer. */
bool conn_is_waiting(const struct conn *c);
/* The stream has something. */
void conn_kick(struct conn *c);

#endif
