/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The blocking JSON-RPC client (weftrpc/client.h). Runs in the tool's own thread; trusts the
 * server no further than that its answers must be JSON-RPC and of bounded depth.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <weftrpc/client.h>

#define DEPTH_MAX	  64
#define CHUNK_SIZE	  65536
#define POLL_MAX_MS	  1000000
#define NOTIFICATIONS_MAX 10000 /* kept while a call waits; the oldest goes first */

struct notification {
	STAILQ_ENTRY(notification) next;
	struct json_object *value;
};

struct weftrpc {
	int fd;
	int64_t last_id;
	struct json_tokener *tokener;
	char *in;
	size_t in_used; /* bytes in in that the tokener has not seen */
	bool mid_value;
	STAILQ_HEAD(, notification) notifications;
	size_t n_notifications;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* -1: no deadline. */
static int64_t deadline_of(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

__attribute__((format(printf, 3, 4))) static int fail(
	struct weftrpc_error *err, int error, const char *format, ...)
{
	va_list ap;

	if (err != NULL) {
		err->code = 0;
		err->data = NULL;
		va_start(ap, format);
		vsnprintf(err->text, sizeof(err->text), format, ap);
		va_end(ap);
	}
	return error;
}

void weftrpc_error_clear(struct weftrpc_error *err)
{
	json_object_put(err->data);
	*err = (struct weftrpc_error){0};
}

int weftrpc_socket_path(const char *path, const char *instance, char ret[WEFTRPC_PATH_SIZE])
{
	int n;

	/* What was said on the command line comes before the environment. */
	if (path == NULL && (instance == NULL || instance[0] == 0))
		path = getenv("WEFT_SOCKET");
	if (path != NULL && path[0] != 0)
		n = snprintf(ret, WEFTRPC_PATH_SIZE, "%s", path);
	else if (instance != NULL && instance[0] != 0)
		n = snprintf(ret, WEFTRPC_PATH_SIZE, "/run/weft/%s/weftd.sock", instance);
	else
		n = snprintf(ret, WEFTRPC_PATH_SIZE, "/run/weft/weftd.sock");
	return n < WEFTRPC_PATH_SIZE ? 0 : -ENAMETOOLONG;
}

static int connect_failed(struct weftrpc_error *err, const char *path, int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return fail(err, -error,
			"weftd is not running: nobody listens on %s; start weftd, or name its "
			"socket with --socket, --instance or WEFT_SOCKET",
			path);
	case EACCES:
	case EPERM:
		return fail(err, -error,
			"no permission to use %s: become root or a member of the socket's group",
			path);
	default:
		return fail(err, -error, "can't connect to %s: %s", path, strerror(error));
	}
}

int weftrpc_connect(const char *path, struct weftrpc **ret, struct weftrpc_error *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct weftrpc *c;
	int fd, error;

	if (strlen(path) >= sizeof(sun.sun_path))
		return fail(err, -ENAMETOOLONG, "the socket's path is longer than %zu bytes: %s",
			sizeof(sun.sun_path) - 1, path);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(err, -errno, "can't make a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		error = errno;
		close(fd);
		return connect_failed(err, path, error);
	}
	c = calloc(1, sizeof(*c));
	if (c != NULL) {
		c->fd = fd;
		STAILQ_INIT(&c->notifications);
		c->in = malloc(CHUNK_SIZE);
		c->tokener = json_tokener_new_ex(DEPTH_MAX);
	}
	if (c == NULL || c->in == NULL || c->tokener == NULL) {
		if (c == NULL)
			close(fd);
		weftrpc_close(c);
		return fail(err, -ENOMEM, "out of memory");
	}
	*ret = c;
	return 0;
}

void weftrpc_close(struct weftrpc *c)
{
	struct notification *n;

	if (c == NULL)
		return;
	while ((n = STAILQ_FIRST(&c->notifications)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->notifications, next);
		json_object_put(n->value);
		free(n);
	}
	if (c->tokener != NULL)
		json_tokener_free(c->tokener);
	free(c->in);
	close(c->fd);
	free(c);
}

/* Waits for events on the socket. 0, -ETIMEDOUT or -errno. */
static int wait_for(struct weftrpc *c, short events, int64_t deadline)
{
	struct pollfd p = {.fd = c->fd, .events = events};

	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - now_ms();
		int n;

		if (deadline >= 0 && left < 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, left > POLL_MAX_MS ? POLL_MAX_MS : (int)left);
		if (n > 0)
			return 0;
		if (n == 0 && left >= 0 && left <= POLL_MAX_MS)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* Parses what is in the buffer. 0 with *ret NULL when more bytes are needed. */
static int parse_buffered(struct weftrpc *c, struct json_object **ret)
{
	size_t skip = 0, used;

	*ret = NULL;
	if (!c->mid_value)
		skip = strspn(c->in, " \t\r\n");
	if (skip >= c->in_used) {
		c->in_used = 0;
		return 0;
	}
	*ret = json_tokener_parse_ex(c->tokener, c->in + skip, (int)(c->in_used - skip));
	switch (json_tokener_get_error(c->tokener)) {
	case json_tokener_continue:
		c->mid_value = true;
		c->in_used = 0;
		return 0;
	case json_tokener_success:
		used = skip + json_tokener_get_parse_end(c->tokener);
		memmove(c->in, c->in + used, c->in_used - used);
		c->in_used -= used;
		c->mid_value = false;
		json_tokener_reset(c->tokener);
		return 0;
	default:
		return -EPROTO;
	}
}

/* The next JSON value from the server. */
static int read_value(
	struct weftrpc *c, int64_t deadline, struct json_object **ret, struct weftrpc_error *err)
{
	for (;;) {
		ssize_t n;
		int r;

		c->in[c->in_used] = 0;
		r = parse_buffered(c, ret);
		if (r < 0)
			return fail(err, r, "weftd sent something that is not JSON");
		if (*ret != NULL)
			return 0;
		r = wait_for(c, POLLIN, deadline);
		if (r == -ETIMEDOUT)
			return fail(err, r, "no answer from weftd in time");
		if (r < 0)
			return fail(err, r, "waiting for weftd failed: %s", strerror(-r));
		n = recv(c->fd, c->in + c->in_used, CHUNK_SIZE - 1 - c->in_used, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return fail(err, -ECONNRESET, "weftd closed the connection");
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail(err, -errno, "reading from weftd failed: %s", strerror(errno));
		if (n > 0)
			c->in_used += (size_t)n;
	}
}

/* Sends a value and a newline. While the server does not read it may be waiting for this side to
 * read: a batch's answers are gathered there, so writing alone can't block for ever. */
static int send_value(
	struct weftrpc *c, struct json_object *value, int64_t deadline, struct weftrpc_error *err)
{
	size_t size, sent = 0;
	const char *text = json_object_to_json_string_length(value, JSON_C_TO_STRING_PLAIN, &size);

	if (text == NULL)
		return fail(err, -ENOMEM, "out of memory");
	while (sent <= size) {
		/* The terminating zero is sent as a newline. */
		const char *from = sent < size ? text + sent : "\n";
		ssize_t n = send(
			c->fd, from, sent < size ? size - sent : 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		/* The reason why the server closed may be waiting to be read. */
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return fail(err, -errno, "writing to weftd failed: %s", strerror(errno));
		r = wait_for(c, POLLOUT, deadline);
		if (r < 0)
			return fail(err, r, "weftd does not take the request: %s", strerror(-r));
	}
	return 0;
}

static bool is_notification(struct json_object *value)
{
	return json_object_is_type(value, json_type_object) &&
	       json_object_object_get_ex(value, "method", NULL);
}

/* Takes value. */
static int keep_notification(struct weftrpc *c, struct json_object *value)
{
	struct notification *n = malloc(sizeof(*n));

	if (n == NULL) {
		json_object_put(value);
		return -ENOMEM;
	}
	n->value = value;
	STAILQ_INSERT_TAIL(&c->notifications, n, next);
	if (++c->n_notifications > NOTIFICATIONS_MAX) {
		n = STAILQ_FIRST(&c->notifications);
		STAILQ_REMOVE_HEAD(&c->notifications, next);
		c->n_notifications--;
		json_object_put(n->value);
		free(n);
	}
	return 0;
}

/* The next value that is an answer; notifications are kept for later. */
static int read_answer(
	struct weftrpc *c, int64_t deadline, struct json_object **ret, struct weftrpc_error *err)
{
	for (;;) {
		int r = read_value(c, deadline, ret, err);

		if (r < 0 || !is_notification(*ret))
			return r;
		if (keep_notification(c, *ret) < 0)
			return fail(err, -ENOMEM, "out of memory");
	}
}

/* Turns an answer into a result or an error. Puts answer. */
static int take_answer(
	struct json_object *answer, struct json_object **ret, struct weftrpc_error *err)
{
	struct json_object *e, *member;
	int r = 0;

	if (json_object_is_type(answer, json_type_object) &&
		json_object_object_get_ex(answer, "result", &member)) {
		*ret = json_object_get(member);
	} else if (json_object_is_type(answer, json_type_object) &&
		   json_object_object_get_ex(answer, "error", &e) &&
		   json_object_object_get_ex(e, "message", &member)) {
		r = fail(err, -EREMOTEIO, "%s", json_object_get_string(member));
		if (err != NULL && json_object_object_get_ex(e, "code", &member))
			err->code = json_object_get_int(member);
		if (err != NULL && json_object_object_get_ex(e, "data", &member))
			err->data = json_object_get(member);
	} else {
		r = fail(err, -EPROTO, "weftd's answer is neither a result nor an error");
	}
	json_object_put(answer);
	return r;
}

int weftrpc_raw(struct weftrpc *c, struct json_object *request, int timeout_ms,
	struct json_object **ret, struct weftrpc_error *err)
{
	int64_t deadline = deadline_of(timeout_ms);
	bool wants_answer = !json_object_is_type(request, json_type_object) ||
			    json_object_object_get_ex(request, "id", NULL);
	int r;

	if (json_object_is_type(request, json_type_array)) {
		size_t n = json_object_array_length(request);

		wants_answer = n == 0;
		for (size_t i = 0; i < n && !wants_answer; i++) {
			struct json_object *o = json_object_array_get_idx(request, i);

			wants_answer = !json_object_is_type(o, json_type_object) ||
				       json_object_object_get_ex(o, "id", NULL);
		}
	}
	r = send_value(c, request, deadline, err);
	json_object_put(request);
	*ret = NULL;
	if (r == 0 && wants_answer)
		r = read_answer(c, deadline, ret, err);
	return r;
}

int weftrpc_call(struct weftrpc *c, const char *method, struct json_object *params, int timeout_ms,
	struct json_object **ret, struct weftrpc_error *err)
{
	int64_t deadline = deadline_of(timeout_ms);
	struct json_object *request = json_object_new_object(), *answer, *id;
	int r;

	json_object_object_add(request, "jsonrpc", json_object_new_string("2.0"));
	json_object_object_add(request, "method", json_object_new_string(method));
	if (params != NULL)
		json_object_object_add(request, "params", params);
	json_object_object_add(request, "id", json_object_new_int64(++c->last_id));
	r = send_value(c, request, deadline, err);
	json_object_put(request);
	while (r == 0) {
		r = read_answer(c, deadline, &answer, err);
		if (r < 0)
			break;
		/* An answer to an earlier call that timed out is skipped. An error without an
		 * id is about whatever was sent last. */
		if (!json_object_object_get_ex(answer, "id", &id) || id == NULL ||
			json_object_get_int64(id) == c->last_id)
			return take_answer(answer, ret, err);
		json_object_put(answer);
	}
	return r;
}

int weftrpc_transact(struct weftrpc *c, struct json_object *ops, size_t chunk, int timeout_ms,
	void (*progress)(void *arg, size_t done, size_t total), void *arg, size_t *ret_done,
	struct weftrpc_error *err)
{
	size_t total = json_object_array_length(ops), done = 0;
	int r = 0;

	while (r == 0 && done < total) {
		struct json_object *part = json_object_new_array(), *params, *result = NULL;
		size_t n = total - done < chunk ? total - done : chunk;

		for (size_t i = 0; i < n; i++)
			json_object_array_add(
				part, json_object_get(json_object_array_get_idx(ops, done + i)));
		params = json_object_new_object();
		json_object_object_add(params, "ops", part);
		r = weftrpc_call(c, "transact", params, timeout_ms, &result, err);
		json_object_put(result);
		if (r == 0)
			done += n;
		if (r == 0 && progress != NULL)
			progress(arg, done, total);
	}
	if (ret_done != NULL)
		*ret_done = done;
	json_object_put(ops);
	return r;
}

int weftrpc_notification(
	struct weftrpc *c, int timeout_ms, struct json_object **ret, struct weftrpc_error *err)
{
	struct notification *n = STAILQ_FIRST(&c->notifications);
	int64_t deadline = deadline_of(timeout_ms);

	if (n != NULL) {
		STAILQ_REMOVE_HEAD(&c->notifications, next);
		c->n_notifications--;
		*ret = n->value;
		free(n);
		return 0;
	}
	for (;;) {
		int r = read_value(c, deadline, ret, err);

		if (r < 0 || is_notification(*ret))
			return r;
		json_object_put(*ret); /* a late answer */
	}
}
