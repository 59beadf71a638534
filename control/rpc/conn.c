/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection: bytes to JSON values, values to exchanges (rpc/jsonrpc.h), answers to bytes. Here
 * are the limits on size, depth, requests in hand, rate and unread output. On weftd's event loop; a
 * turn does a bounded amount of work, so that one client cannot keep others waiting.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#include <weftrpc/codes.h>
#include <weftrpc/strict.h>

#include "server.h"
#include "utf8.h"

#define TURN_BYTES    (256 << 10) /* parsed in one turn: about 2 ms */
#define TURN_REQUESTS 16
#define CHARACTER_MAX 4		  /* bytes of UTF-8 */
#define INPUT_SIZE    (256 << 10) /* read ahead of the parser */

struct pending {
	LIST_ENTRY(pending) next;
	struct conn *conn;
	struct jsonrpc_exchange *exchange;
};

struct conn {
	LIST_ENTRY(conn) next;
	struct rpc *rpc;
	struct bufferevent *bev;
	struct event *work;    /* the next turn */
	struct event *stalled; /* fires when a request or the reader does not go on */
	struct peer *peer;
	bool may_write;
	struct json_tokener *tokener;
	size_t value_size; /* bytes of the value that has begun; 0: none has */
	LIST_HEAD(, pending) pending;
	unsigned int n_pending;
	struct pending *current; /* not dispatched to its end yet */
	bool eof;		 /* the client sends no more */
	bool broken;		 /* what it sends makes no sense any more: answer, then close */
	unsigned int events;	 /* that it subscribed to */
	bool doomed;		 /* too slow for its events: ends with the next turn */
	uint64_t began_ms;	 /* when the value begun was */
	uint64_t n_read;	 /* bytes that the client has read */
	uint64_t n_read_before;	 /* when the stall timer was set */
};

static struct evbuffer *output(struct conn *c)
{
	return bufferevent_get_output(c->bev);
}

static void next_turn(struct conn *c, unsigned int delay_ms)
{
	struct timeval tv = {.tv_sec = delay_ms / 1000, .tv_usec = (delay_ms % 1000) * 1000};

	/* By timer, not event_active: others get their turn in between. */
	if (!evtimer_pending(c->work, NULL))
		evtimer_add(c->work, &tv);
}

static void stall_watch(struct conn *c)
{
	struct timeval tv = {.tv_sec = c->rpc->config.limits.stalled_s};

	if (c->value_size == 0 && evbuffer_get_length(output(c)) == 0) {
		evtimer_del(c->stalled);
	} else if (!evtimer_pending(c->stalled, NULL)) {
		c->n_read_before = c->n_read;
		evtimer_add(c->stalled, &tv);
	}
}

static void on_output(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;

	c->n_read += info->n_deleted;
}

/* Nothing that follows can be understood: says so, and reads no more. */
static void give_up(struct conn *c, int code, const char *message)
{
	c->rpc->counters.parse_errors++;
	c->broken = true;
	c->value_size = 0;
	bufferevent_disable(c->bev, EV_READ);
	jsonrpc_error_text(output(c), code, message);
}

/* Dispatch and completion of exchanges. */

static void on_dispatch(
	void *arg, struct jsonrpc_call *call, const char *method, struct json_object *params)
{
	struct pending *p = arg;
	struct conn *c = p->conn;

	c->rpc->counters.requests++;
	rpc_dispatch(c->rpc, call, c->may_write, method, params);
}

static void on_complete(void *arg, struct jsonrpc_exchange *x, struct evbuffer *out)
{
	struct pending *p = arg;
	struct conn *c = p->conn;

	evbuffer_add_buffer(output(c), out);
	LIST_REMOVE(p, next);
	c->n_pending--;
	if (c->current == p)
		c->current = NULL;
	free(p);
	stall_watch(c);
	next_turn(c, 0);
}

void conn_ops(const struct rpc_limits *l, struct jsonrpc_ops *ret)
{
	*ret = (struct jsonrpc_ops){
		.dispatch = on_dispatch,
		.complete = on_complete,
		.batch_max = l->batch,
		.answer_size_max = l->output_size,
	};
}

/* Takes value. */
static void begin(struct conn *c, struct json_object *value)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		json_object_put(value);
		give_up(c, WEFTRPC_INTERNAL, "Internal error: out of memory");
		return;
	}
	p->conn = c;
	p->exchange = jsonrpc_begin(value, &c->rpc->ops, p);
	if (p->exchange == NULL) {
		free(p);
		give_up(c, WEFTRPC_INTERNAL, "Internal error: out of memory");
		return;
	}
	LIST_INSERT_HEAD(&c->pending, p, next);
	c->n_pending++;
	c->current = p;
}

static bool is_space(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

static void parse_error(struct conn *c, const char *what)
{
	char message[96];

	snprintf(message, sizeof(message), "Parse error: %s", what);
	give_up(c, WEFTRPC_PARSE, message);
}

static bool is_too_large(struct conn *c)
{
	const struct rpc_limits *l = &c->rpc->config.limits;
	size_t limit = c->may_write ? l->request_size : l->reader_request_size;
	char message[96];

	if (c->value_size <= limit)
		return false;
	snprintf(message, sizeof(message), "Invalid Request: more than %zu bytes; send it in parts",
		limit);
	give_up(c, WEFTRPC_REQUEST, message);
	return true;
}

/* A whole value. Takes it. */
static void end_value(struct conn *c, struct json_object *value)
{
	json_tokener_reset(c->tokener);
	if (is_too_large(c)) {
		json_object_put(value);
		return;
	}
	c->value_size = 0;
	begin(c, value);
}

/* Feeds the tokener. Returns the bytes used. */
static size_t feed(struct conn *c, const char *text, size_t len)
{
	struct utf8 utf8 = {0};
	size_t valid = utf8_check(&utf8, text, len), used;
	struct json_object *value = NULL;
	char message[64];

	if (c->value_size == 0)
		c->began_ms = rpc_now_ms();
	/* Without text json-c would take the zero that ends a string for its end. */
	if (valid == 0) {
		parse_error(c, "not UTF-8");
		return len;
	}
	value = weftrpc_parse_strict(c->tokener, text, valid, &used);
	c->value_size += used;
	switch (json_tokener_get_error(c->tokener)) {
	case json_tokener_success:
		end_value(c, value);
		break;
	case json_tokener_continue:
		if (!is_too_large(c) && valid < len)
			parse_error(c, "not UTF-8");
		break;
	case json_tokener_error_depth:
		snprintf(message, sizeof(message), "nested deeper than %u",
			c->rpc->config.limits.depth);
		parse_error(c, message);
		break;
	default:
		parse_error(c, json_tokener_error_desc(json_tokener_get_error(c->tokener)));
	}
	return used;
}

/* Parses on, up to the end of a value. False when more input is needed. */
static bool parse_some(struct conn *c, size_t *budget)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_iovec v;
	const char *text;
	size_t len, used = 0;

	/* A character that lies in two pieces of the buffer is made one. */
	evbuffer_pullup(in, evbuffer_get_length(in) < CHARACTER_MAX ? -1 : CHARACTER_MAX);
	if (evbuffer_peek(in, -1, NULL, &v, 1) < 1 || v.iov_len == 0)
		return false;
	text = v.iov_base;
	len = weftrpc_whole_characters(text, v.iov_len < TURN_BYTES ? v.iov_len : TURN_BYTES);
	if (len == 0)
		return false;
	while (c->value_size == 0 && used < len && is_space(text[used]))
		used++;
	if (used < len)
		used += feed(c, text + used, len - used);
	*budget -= used < *budget ? used : *budget;
	evbuffer_drain(in, used);
	return true;
}

static bool may_go_on(struct conn *c)
{
	const struct rpc_limits *l = &c->rpc->config.limits;

	return !c->broken && c->n_pending < l->in_flight + (c->current != NULL) &&
	       evbuffer_get_length(output(c)) < l->output_size;
}

/* One step of the current exchange, or of parsing. False: nothing to do now. */
static bool work_step(struct conn *c, size_t *bytes, unsigned int *requests)
{
	unsigned int wait;

	if (!may_go_on(c))
		return false;
	if (c->current == NULL)
		return parse_some(c, bytes);
	wait = peer_take(c->rpc, c->peer, 1);
	if (wait > 0) {
		c->rpc->counters.throttled++;
		next_turn(c, wait);
		*requests = 0;
		return false;
	}
	(*requests)--;
	if (jsonrpc_step(c->current->exchange, 1))
		c->current = NULL;
	return true;
}

/* The client sends no more: what it left half-said is an error, and when all is answered and read
 * the connection ends. */
static void end_if_over(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (c->eof && c->current == NULL && may_go_on(c) &&
		(c->value_size > 0 || evbuffer_get_length(in) > 0))
		give_up(c, WEFTRPC_PARSE, "Parse error: the connection ended within a value");
	if ((c->broken || (c->eof && evbuffer_get_length(in) == 0)) && c->n_pending == 0 &&
		evbuffer_get_length(output(c)) == 0)
		conn_free(c);
}

static void on_work(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	size_t bytes = TURN_BYTES;
	unsigned int requests = TURN_REQUESTS;
	bool more = true;

	if (c->doomed) {
		conn_free(c);
		return;
	}
	while (bytes > 0 && requests > 0 && more)
		more = work_step(c, &bytes, &requests);
	if (more)
		next_turn(c, 0);
	stall_watch(c);
	if (!more)
		end_if_over(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->broken)
		evbuffer_drain(bufferevent_get_input(bev), SIZE_MAX);
	else
		next_turn(c, 0);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	stall_watch(c);
	next_turn(c, 0);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	if (what & BEV_EVENT_ERROR) {
		conn_free(c);
		return;
	}
	if (what & BEV_EVENT_EOF) {
		c->eof = true;
		next_turn(c, 0);
	}
}

/* Half a request is given as long as a reader who takes it seriously could need: the limit, and a
 * second more for each MiB. */
static bool request_stalled(const struct conn *c)
{
	uint64_t allowed_ms =
		c->rpc->config.limits.stalled_s * UINT64_C(1000) + c->value_size / 1024;

	return c->value_size > 0 && rpc_now_ms() - c->began_ms >= allowed_ms;
}

static void on_stalled(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (evbuffer_get_length(output(c)) > 0 && c->n_read == c->n_read_before) {
		c->rpc->counters.slow_readers++;
		conn_free(c);
		return;
	}
	/* While it waits for the server, the client is not to blame. */
	if (c->current == NULL && may_go_on(c) && request_stalled(c)) {
		c->rpc->counters.stalled_requests++;
		give_up(c, WEFTRPC_PARSE,
			"Parse error: the rest of the value did not come in time");
	}
	stall_watch(c);
	next_turn(c, 0);
}

static int conn_start(struct conn *c, int fd)
{
	struct rpc *r = c->rpc;

	c->tokener = json_tokener_new_ex((int)r->config.limits.depth);
	c->work = evtimer_new(r->base, on_work, c);
	c->stalled = evtimer_new(r->base, on_stalled, c);
	c->bev = bufferevent_socket_new(r->base, fd, 0);
	if (c->tokener == NULL || c->work == NULL || c->stalled == NULL || c->bev == NULL)
		return -ENOMEM;
	json_tokener_set_flags(c->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	evbuffer_add_cb(output(c), on_output, c);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_SIZE);
	bufferevent_setwatermark(c->bev, EV_WRITE, r->config.limits.output_size / 2, 0);
	return bufferevent_enable(c->bev, EV_READ | EV_WRITE) == 0 ? 0 : -ENOMEM;
}

int conn_new(struct rpc *r, int fd)
{
	struct peer_rights rights;
	struct conn *c;
	int error = peer_rights(r, fd, &rights);

	if (error < 0)
		goto fail_close;
	c = calloc(1, sizeof(*c));
	error = -ENOMEM;
	if (c == NULL)
		goto fail_close;
	error = -EMFILE;
	c->peer = peer_join(r, &rights);
	if (c->peer == NULL)
		goto fail_free;
	c->rpc = r;
	c->may_write = rights.may_write;
	LIST_INIT(&c->pending);
	LIST_INSERT_HEAD(&r->conns, c, next);
	error = conn_start(c, fd);
	if (error == 0)
		return 0;
	if (c->bev == NULL)
		close(fd);
	conn_free(c);
	return error;
fail_free:
	free(c);
fail_close:
	close(fd);
	return error;
}

void conn_free(struct conn *c)
{
	struct pending *p;
	evutil_socket_t fd;

	trace_watch_leave(c->rpc, c);
	while ((p = LIST_FIRST(&c->pending)) != NULL) {
		LIST_REMOVE(p, next);
		jsonrpc_abandon(p->exchange);
		free(p);
	}
	if (c->bev != NULL) {
		fd = bufferevent_getfd(c->bev);
		bufferevent_free(c->bev);
		close(fd);
	}
	if (c->work != NULL)
		event_free(c->work);
	if (c->stalled != NULL)
		event_free(c->stalled);
	if (c->tokener != NULL)
		json_tokener_free(c->tokener);
	peer_leave(c->rpc, c->peer);
	LIST_REMOVE(c, next);
	free(c);
}

/* Events. */

struct conn *conn_of(struct jsonrpc_call *call)
{
	struct pending *p = jsonrpc_call_arg(call);

	return p == NULL ? NULL : p->conn;
}

void conn_subscribe(struct jsonrpc_call *call, unsigned int events)
{
	struct conn *c = conn_of(call);

	if (c != NULL)
		c->events = events;
}

bool conn_may_write(struct jsonrpc_call *call)
{
	const struct conn *c = conn_of(call);

	return c != NULL && c->may_write;
}

bool conn_anybody_wants(const struct rpc *r, unsigned int event)
{
	struct conn *c;

	LIST_FOREACH (c, &r->conns, next)
		if (c->events & event)
			return true;
	return false;
}

static const char *text_of(struct json_object *notification, size_t *ret_size)
{
	return json_object_to_json_string_length(
		notification, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret_size);
}

static void put_line(struct conn *c, const char *text, size_t size)
{
	evbuffer_add(output(c), text, size);
	evbuffer_add(output(c), "\n", 1);
	c->rpc->counters.events_sent++;
	stall_watch(c);
}

/* Half of what may wait, so that the answers to its requests still find room. */
bool conn_notify(struct conn *c, struct json_object *notification)
{
	size_t size;
	const char *text = text_of(notification, &size);

	if (c->doomed || c->broken ||
		evbuffer_get_length(output(c)) + size > c->rpc->config.limits.output_size / 2)
		return false;
	put_line(c, text, size);
	return true;
}

void conn_broadcast(struct rpc *r, unsigned int event, struct json_object *notification)
{
	size_t size;
	const char *text = text_of(notification, &size);
	struct conn *c;

	LIST_FOREACH (c, &r->conns, next) {
		if (!(c->events & event) || c->doomed || c->broken)
			continue;
		/* It may be this very connection's request that is being carried out, so the end
		 * has to wait for the next turn. */
		if (evbuffer_get_length(output(c)) + size > r->config.limits.output_size) {
			r->counters.slow_readers++;
			c->doomed = true;
			next_turn(c, 0);
			continue;
		}
		put_line(c, text, size);
	}
}
