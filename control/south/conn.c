/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel's client on the event loop (conn.h). Every callback may close the connection, so
 * after each one it is looked at again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"

/* Of one turn of the loop: 16 messages of 64 KiB are a few milliseconds. */
#define TURN_MESSAGES 16

struct conn_request {
	TAILQ_ENTRY(conn_request) link;
	conn_reply_fn reply;
	void *arg;
	enum weft_msg_type type;
	uint32_t seq;
	unsigned int n_fds;
	int fds[WEFT_MSG_FDS_MAX]; /* until it is sent */
	size_t size;
	uint8_t payload[];
};

static void close_fds(struct conn_request *r)
{
	while (r->n_fds > 0)
		close(r->fds[--r->n_fds]);
}

static void request_free(struct conn_request *r)
{
	close_fds(r);
	free(r);
}

static struct conn_request *find_request(struct conn *c, uint32_t seq)
{
	struct conn_request *r;

	TAILQ_FOREACH (r, &c->sent, link)
		if (r->seq == seq)
			return r;
	return NULL;
}

static void dispatch(struct conn *c, struct weft_client_msg *m)
{
	struct conn_request *r;

	c->n_received++;
	r = m->hdr->seq ? find_request(c, m->hdr->seq) : NULL;
	if (!r) {
		c->user.message(c->user.arg, m);
		return;
	}
	/* Out of the list while its owner looks at it: the owner may close the connection. */
	TAILQ_REMOVE(&c->sent, r, link);
	if (r->reply(r->arg, m)) {
		free(r);
	} else if (conn_is_open(c)) {
		TAILQ_INSERT_HEAD(&c->sent, r, link);
	} else {
		if (r->reply)
			r->reply(r->arg, NULL);
		free(r);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct weft_client_msg *m;
	struct conn *c = arg;

	for (unsigned int i = 0; i < TURN_MESSAGES && conn_is_open(c); i++) {
		int rc = weft_client_recv(c->client, &m);

		if (rc == 0)
			return;
		if (rc == -ECONNRESET) {
			conn_fail(c, "the data plane closed the connection");
		} else if (rc == -EBADMSG) {
			char why[WEFT_TEXT_SIZE + 64];

			snprintf(why, sizeof(why), "the data plane sent what is no message: %s",
				weft_client_error(c->client));
			conn_fail(c, why);
		} else if (rc < 0) {
			conn_fail(c, strerror(-rc));
		} else {
			dispatch(c, m);
		}
	}
}

/* 0: all sent, 1: more next turn, -EAGAIN: no room, else the connection is gone. */
static int send_some(struct conn *c)
{
	struct conn_request *r;
	int rc;

	for (unsigned int i = 0; i < TURN_MESSAGES; i++) {
		while ((r = TAILQ_FIRST(&c->unsent))) {
			rc = weft_client_send_fds(
				c->client, r->type, r->payload, r->size, r->fds, r->n_fds, &r->seq);
			if (rc < 0)
				return rc;
			TAILQ_REMOVE(&c->unsent, r, link);
			close_fds(r);
			if (r->reply)
				TAILQ_INSERT_TAIL(&c->sent, r, link);
			else
				request_free(r);
		}
		rc = c->user.stream(c->user.arg, c->client);
		if (rc < 0 || (rc == 0 && TAILQ_EMPTY(&c->unsent)))
			return rc;
	}
	return 1;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	int rc = send_some(c);

	if (rc == 1 || rc == -EAGAIN)
		event_add(c->write_event, NULL);
	else if (rc < 0)
		conn_fail(c, strerror(-rc));
}

void conn_init(struct conn *c, struct event_base *base, const struct conn_user *user)
{
	*c = (struct conn){.base = base, .user = *user};
	TAILQ_INIT(&c->unsent);
	TAILQ_INIT(&c->sent);
}

int conn_open(struct conn *c, const char *path)
{
	int rc = weft_client_open(path, &c->client);

	if (rc < 0) {
		c->client = NULL;
		return rc;
	}
	rc = weft_client_fd(c->client);
	c->read_event = event_new(c->base, rc, EV_READ | EV_PERSIST, on_readable, c);
	c->write_event = event_new(c->base, rc, EV_WRITE, on_writable, c);
	if (c->read_event && c->write_event && event_add(c->read_event, NULL) == 0)
		return 0;
	conn_close(c);
	return -ENOMEM;
}

static void tell_requests(struct conn_request_list *list)
{
	struct conn_request *r;

	while ((r = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, r, link);
		if (r->reply)
			r->reply(r->arg, NULL);
		request_free(r);
	}
}

void conn_close(struct conn *c)
{
	if (!conn_is_open(c))
		return;
	if (c->read_event)
		event_free(c->read_event);
	if (c->write_event)
		event_free(c->write_event);
	c->read_event = c->write_event = NULL;
	weft_client_close(c->client);
	c->client = NULL;
	tell_requests(&c->sent);
	tell_requests(&c->unsent);
}

void conn_fail(struct conn *c, const char *why)
{
	if (!conn_is_open(c))
		return;
	conn_close(c);
	c->user.closed(c->user.arg, why);
}

/* 0 or -errno. */
static int copy_fds(struct conn_request *r, const int *fds, unsigned int n_fds)
{
	for (unsigned int i = 0; i < n_fds; i++) {
		r->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (r->fds[i] < 0)
			return -errno;
		r->n_fds++;
	}
	return 0;
}

int conn_request_fds(struct conn *c, enum weft_msg_type type, const void *payload, size_t size,
	const int *fds, unsigned int n_fds, conn_reply_fn reply, void *arg)
{
	struct conn_request *r;
	int rc;

	if (!conn_is_open(c))
		return -ENOTCONN;
	if (n_fds > WEFT_MSG_FDS_MAX)
		return -E2BIG;
	r = calloc(1, sizeof(*r) + size);
	if (!r)
		return -ENOMEM;
	rc = copy_fds(r, fds, n_fds);
	if (rc < 0) {
		request_free(r);
		return rc;
	}
	r->type = type;
	r->reply = reply;
	r->arg = arg;
	r->size = size;
	if (size > 0)
		memcpy(r->payload, payload, size);
	TAILQ_INSERT_TAIL(&c->unsent, r, link);
	conn_kick(c);
	return 0;
}

int conn_request(struct conn *c, enum weft_msg_type type, const void *payload, size_t size,
	conn_reply_fn reply, void *arg)
{
	return conn_request_fds(c, type, payload, size, NULL, 0, reply, arg);
}

bool conn_is_waiting(const struct conn *c)
{
	return !TAILQ_EMPTY(&c->sent);
}

void conn_kick(struct conn *c)
{
	if (conn_is_open(c))
		event_add(c->write_event, NULL);
}
