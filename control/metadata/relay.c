/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection of a guest: its request is read as a whole, handed on, and the answer goes back as
 * it comes, no faster than the guest takes it. Then it ends, in order: the guest gets the end of
 * the answer before whatever else it sent is thrown away.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "head.h"
#include "proxy.h"

#define REQUEST_S  5  /* for the whole request */
#define ANSWER_S   10 /* until the answer begins */
#define WHOLE_S	   60 /* until it ends */
#define LINGER_S   2  /* for the guest to see the end */
#define RETRY_S	   5  /* what a guest is told when the endpoint is down */
#define OUTPUT_MAX 65536
#define ANSWER_MAX (16 << 20)

enum relay_state {
	RELAY_READS,	/* the request */
	RELAY_ASKS,	/* the endpoint */
	RELAY_ANSWERS,	/* the answer is on its way */
	RELAY_FINISHES, /* all of it is in our output */
	RELAY_LINGERS,
};

struct relay {
	LIST_ENTRY(relay) link;
	struct metadata *m;
	struct weft_addr from;
	enum relay_state state;
	struct head head;
	struct bufferevent *guest;
	struct bufferevent *endpoint; /* or NULL */
	struct event *timer;
	size_t answered; /* bytes */
};

static void relay_free(struct relay *r)
{
	LIST_REMOVE(r, link);
	r->m->status.connections--;
	if (r->endpoint)
		bufferevent_free(r->endpoint);
	if (r->guest)
		bufferevent_free(r->guest);
	if (r->timer)
		event_free(r->timer);
	free(r);
}

static void set_timer(struct relay *r, unsigned int seconds)
{
	struct timeval tv = {.tv_sec = seconds};

	evtimer_add(r->timer, &tv);
}

static void release_endpoint(struct relay *r)
{
	if (r->endpoint)
		bufferevent_free(r->endpoint);
	r->endpoint = NULL;
}

/* All that the guest gets is in our output or on its way. */
static void finish(struct relay *r)
{
	release_endpoint(r);
	r->state = RELAY_FINISHES;
	if (evbuffer_get_length(bufferevent_get_output(r->guest)) > 0)
		return;
	r->state = RELAY_LINGERS;
	shutdown(bufferevent_getfd(r->guest), SHUT_WR);
	evbuffer_drain(bufferevent_get_input(r->guest),
		evbuffer_get_length(bufferevent_get_input(r->guest)));
	bufferevent_enable(r->guest, EV_READ);
	set_timer(r, LINGER_S);
}

static const char *reason(int status)
{
	switch (status) {
	case 404:
		return "Not Found";
	case 408:
		return "Request Timeout";
	case 413:
		return "Content Too Large";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

/* An answer of our own. */
static void refuse(struct relay *r, int status)
{
	struct evbuffer *out = bufferevent_get_output(r->guest);
	const char *text = reason(status);

	evbuffer_add_printf(out,
		"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n", status,
		text, strlen(text) + 1);
	if (status == 503)
		evbuffer_add_printf(out, "Retry-After: %d\r\n", RETRY_S);
	evbuffer_add_printf(out, "Connection: close\r\n\r\n%s\n", text);
	if (status < 500 || status == 501 || status == 505)
		r->m->status.bad++;
	set_timer(r, ANSWER_S);
	finish(r);
}

static void endpoint_failed(struct relay *r, int status, const char *why)
{
	metadata_note(r->m, why);
	refuse(r, status);
}

/* ---- the endpoint's side ---- */

/* An answer begins like HTTP, or it is none. False: it is not complete enough to tell. */
static bool answer_begins(struct relay *r, struct evbuffer *in)
{
	char start[7];

	if (r->state == RELAY_ANSWERS)
		return true;
	if (evbuffer_copyout(in, start, sizeof(start)) < (ssize_t)sizeof(start))
		return false;
	if (memcmp(start, "HTTP/1.", sizeof(start)) != 0) {
		endpoint_failed(r, 502, "does not speak HTTP/1");
		return false;
	}
	metadata_note(r->m, NULL);
	r->state = RELAY_ANSWERS;
	set_timer(r, WHOLE_S);
	return true;
}

static void on_answer(struct bufferevent *b, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(b), *out;
	struct relay *r = arg;

	if (!answer_begins(r, in))
		return;
	out = bufferevent_get_output(r->guest);
	r->answered += evbuffer_get_length(in);
	if (r->answered > ANSWER_MAX) {
		relay_free(r); /* cut off, so that nobody takes it for the whole */
		return;
	}
	evbuffer_add_buffer(out, in);
	if (evbuffer_get_length(out) > OUTPUT_MAX)
		bufferevent_disable(b, EV_READ);
}

static void on_endpoint_event(struct bufferevent *b, short what, void *arg)
{
	struct relay *r = arg;

	if (what & BEV_EVENT_CONNECTED)
		return;
	if (r->state == RELAY_ASKS && (what & BEV_EVENT_ERROR))
		endpoint_failed(r, 503, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	else if (r->state == RELAY_ASKS)
		endpoint_failed(r, 502, "closed the connection without an answer");
	else if (what & BEV_EVENT_EOF)
		finish(r);
	else
		relay_free(r);
}

static void ask(struct relay *r, const char *request)
{
	char identity[IDENTITY_MAX];
	union endpoint to;
	socklen_t size = metadata_endpoint(r->m, &to);
	struct evbuffer *out;

	if (!metadata_identity(r->m, &r->from, identity, sizeof(identity))) {
		refuse(r, 404);
		return;
	}
	r->state = RELAY_ASKS;
	r->m->status.requests++;
	if (size)
		r->endpoint = bufferevent_socket_new(
			r->m->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!r->endpoint) {
		refuse(r, 503);
		return;
	}
	bufferevent_setcb(r->endpoint, on_answer, NULL, on_endpoint_event, r);
	bufferevent_setwatermark(r->endpoint, EV_READ, 0, OUTPUT_MAX);
	out = bufferevent_get_output(r->endpoint);
	head_write(out, request, &r->head, identity);
	evbuffer_add(out, request + r->head.size, r->head.body);
	set_timer(r, ANSWER_S);
	bufferevent_enable(r->endpoint, EV_READ | EV_WRITE);
	/* What does not fail at once is told as an event. */
	if (bufferevent_socket_connect(r->endpoint, &to.any, size) < 0)
		endpoint_failed(r, 503, strerror(errno));
}

/* ---- the guest's side ---- */

static void on_request(struct bufferevent *b, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(b);
	size_t n = evbuffer_get_length(in);
	struct relay *r = arg;
	const char *data;
	int status;

	if (r->state != RELAY_READS) {
		evbuffer_drain(in, n);
		return;
	}
	data = (const char *)evbuffer_pullup(in, -1);
	status = head_parse(data, n, &r->head);
	if (status == 0 || (status == 200 && n < r->head.size + r->head.body))
		return;
	bufferevent_disable(b, EV_READ);
	if (status == 200)
		ask(r, data);
	else
		refuse(r, status);
}

static void on_written(struct bufferevent *b, void *arg)
{
	struct relay *r = arg;

	if (r->state == RELAY_FINISHES)
		finish(r);
	else if (r->endpoint)
		bufferevent_enable(r->endpoint, EV_READ);
}

static void on_guest_event(struct bufferevent *b, short what, void *arg)
{
	relay_free(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct relay *r = arg;

	if (r->state == RELAY_READS) {
		bufferevent_disable(r->guest, EV_READ);
		refuse(r, 408);
	} else if (r->state == RELAY_ASKS) {
		endpoint_failed(r, 504, "does not answer in time");
	} else {
		relay_free(r);
	}
}

void relay_new(struct metadata *m, int fd, const struct weft_addr *from)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r) {
		evutil_closesocket(fd);
		return;
	}
	r->m = m;
	r->from = *from;
	LIST_INSERT_HEAD(&m->relays, r, link);
	m->status.connections++;
	r->guest = bufferevent_socket_new(m->base, fd, BEV_OPT_CLOSE_ON_FREE);
	r->timer = evtimer_new(m->base, on_timer, r);
	if (!r->guest || !r->timer) {
		if (!r->guest)
			evutil_closesocket(fd);
		relay_free(r);
		return;
	}
	bufferevent_setcb(r->guest, on_request, on_written, on_guest_event, r);
	bufferevent_setwatermark(r->guest, EV_READ, 0, HEAD_MAX + BODY_MAX);
	bufferevent_enable(r->guest, EV_READ | EV_WRITE);
	set_timer(r, REQUEST_S);
}

void relay_free_all(struct metadata *m)
{
	struct relay *r;

	while ((r = LIST_FIRST(&m->relays)))
		relay_free(r);
}

unsigned int relay_count(const struct metadata *m, const struct weft_addr *from)
{
	const struct relay *r;
	unsigned int n = 0;

	LIST_FOREACH (r, &m->relays, link)
		n += weft_addr_equal(&r->from, from);
	return n;
}
