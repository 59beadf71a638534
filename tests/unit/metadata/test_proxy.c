/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The metadata proxy between guests (socket pairs) and an endpoint that says what a test wants. The
 * engine is a fake: ports 7 (red/w1) and 8 (blue/w1). A condition is waited for by running the
 * event loop.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include <ccore/log.h>
#include <metadata/metadata.h>
#include <weft/metadata.h>

#include "head.h"

#define PATIENCE_MS 10000
#define GET	    "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

/* ---- the fake engine ---- */

static struct host this_host;
static struct weft_prefix addresses[2];
static struct port ports[] = {
	{.o = {.id = 7, .name = "red/w1"},
		.segment = "red/web",
		.addresses = addresses,
		.n_addresses = 2},
	{.o = {.id = 8, .name = "blue/w1"},
		.segment = "blue/web",
		.addresses = addresses,
		.n_addresses = 1},
};
static struct segment segments[] = {{.network = "red/main"}, {.network = "blue/other"}};

const struct model *engine_model(const struct engine *e)
{
	return NULL;
}

const char *engine_host(const struct engine *e)
{
	return "h1";
}

const struct compiler *engine_compiler(const struct engine *e)
{
	return NULL;
}

const char *compile_local_port(const struct compiler *c, uint32_t id)
{
	return id == 7 || id == 8 ? ports[id - 7].o.name : NULL;
}

const struct object *model_find(const struct model *m, enum model_kind kind, const char *name)
{
	bool blue = strncmp(name, "blue/", 5) == 0;

	switch (kind) {
	case MODEL_HOST:
		return &this_host.o;
	case MODEL_PORT:
		return &ports[blue].o;
	default:
		return &segments[blue].o;
	}
}

/* ---- the endpoint ---- */

static struct event_base *base;
static struct metadata *metadata;
static char path[64], endpoint_text[80];
static struct evconnlistener *listener;
static struct evbuffer *asked; /* all that endpoints got */
static const char *says;       /* NULL: closes without a word */
static size_t says_more;       /* bytes behind it */

static void on_said(struct bufferevent *b, void *arg)
{
	bufferevent_free(b);
}

static void on_gone(struct bufferevent *b, short what, void *arg)
{
	bufferevent_free(b);
}

static void on_asked(struct bufferevent *b, void *arg)
{
	static char more[65536];

	evbuffer_add_buffer(asked, bufferevent_get_input(b));
	if (says)
		bufferevent_write(b, says, strlen(says));
	for (size_t n = says_more; n > 0; n -= sizeof(more) < n ? sizeof(more) : n)
		bufferevent_write(b, more, sizeof(more) < n ? sizeof(more) : n);
	bufferevent_disable(b, EV_READ);
	bufferevent_setcb(b, NULL, on_said, on_gone, NULL);
	if (!says)
		bufferevent_free(b);
}

static void on_connection(
	struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct bufferevent *b = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

	bufferevent_setcb(b, on_asked, NULL, on_gone, NULL);
	bufferevent_enable(b, EV_READ | EV_WRITE);
}

static void endpoint_up(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	memcpy(sun.sun_path, path, strlen(path) + 1);
	listener = evconnlistener_new_bind(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE, 64,
		(struct sockaddr *)&sun, sizeof(sun));
	assert_non_null(listener);
}

static void endpoint_down(void)
{
	if (listener)
		evconnlistener_free(listener);
	listener = NULL;
	unlink(path);
}

/* ---- guests ---- */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int guest(uint32_t id, bool v4)
{
	struct weft_addr from = weft_metadata_asker(id, v4);
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	metadata_accept(metadata, fd[0], &from);
	return fd[1];
}

static void say(int fd, const char *text, size_t n)
{
	for (size_t sent = 0; sent < n;) {
		ssize_t r = send(fd, text + sent, n - sent, MSG_NOSIGNAL);

		if (r > 0)
			sent += (size_t)r;
		else
			assert_int_equal(errno, EAGAIN);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
}

/* All that comes until the end, as a string; the caller frees it. */
static char *hear(int fd, size_t *ret_n)
{
	struct evbuffer *in = evbuffer_new();
	uint64_t end = now_ms() + PATIENCE_MS;
	char *text;
	int n;

	while ((n = evbuffer_read(in, fd, -1)) != 0) {
		assert_true(n > 0 || errno == EAGAIN);
		event_base_loop(base, EVLOOP_NONBLOCK);
		assert_true(now_ms() < end);
	}
	if (ret_n)
		*ret_n = evbuffer_get_length(in);
	evbuffer_add(in, "", 1);
	text = strdup((const char *)evbuffer_pullup(in, -1));
	evbuffer_free(in);
	close(fd);
	return text;
}

static void check_answer(int fd, const char *request, const char *begins)
{
	char *text;

	say(fd, request, strlen(request));
	text = hear(fd, NULL);
	if (strncmp(text, begins, strlen(begins)) != 0)
		fail_msg("\"%s\" instead of \"%s\"", text, begins);
	free(text);
}

static void wait_connections(uint32_t n)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	struct metadata_status s;

	do {
		event_base_loop(base, EVLOOP_NONBLOCK);
		metadata_status(metadata, &s);
		assert_true(now_ms() < end);
	} while (s.connections != n);
}

static bool endpoint_got(const char *text)
{
	struct evbuffer_ptr at = evbuffer_search(asked, text, strlen(text), NULL);

	return at.pos >= 0;
}

static struct metadata_status status(void)
{
	struct metadata_status s;

	metadata_status(metadata, &s);
	return s;
}

/* ---- tests ---- */

static int setup(void **state)
{
	static const uint8_t v4[4] = {10, 1, 0, 5};
	static const struct metadata_config config;

	log_set_level(LOG_LEVEL_ERROR);
	base = event_base_new();
	asked = evbuffer_new();
	snprintf(path, sizeof(path), "/tmp/weft-test-metadata-%d.sock", getpid());
	snprintf(endpoint_text, sizeof(endpoint_text), "unix:%s", path);
	this_host.metadata = endpoint_text;
	addresses[0] = (struct weft_prefix){.addr = weft_addr_from_v4(v4), .len = 128};
	addresses[1] = (struct weft_prefix){.len = 128};
	weft_addr_parse("fd01::5", &addresses[1].addr);
	says = OK;
	says_more = 0;
	endpoint_down();
	endpoint_up();
	return metadata_new(base, NULL, &config, &metadata);
}

static int teardown(void **state)
{
	metadata_free(metadata);
	endpoint_down();
	event_base_loop(base, EVLOOP_NONBLOCK);
	evbuffer_free(asked);
	event_base_free(base);
	return 0;
}

static void test_identity(void **state)
{
	check_answer(guest(7, true), GET, OK);
	assert_true(endpoint_got("GET / HTTP/1.0\r\nHost: h\r\nX-Weft-Tenant: red\r\n"
				 "X-Weft-Network: main\r\nX-Weft-Port: w1\r\nX-Weft-Port-Id: 7\r\n"
				 "X-Weft-Address: 10.1.0.5\r\nX-Forwarded-For: 10.1.0.5\r\n"
				 "Connection: close\r\n\r\n"));
	check_answer(guest(7, false), GET, OK);
	assert_true(endpoint_got("X-Weft-Address: fd01::5\r\n"));
	check_answer(guest(8, true), GET, OK);
	assert_true(endpoint_got("X-Weft-Tenant: blue\r\nX-Weft-Network: other\r\n"));
	wait_connections(0);
	assert_int_equal(status().requests, 3);
	assert_int_equal(status().state, METADATA_ANSWERS);
}

static void test_request_byte_by_byte(void **state)
{
	static const char text[] = "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
	int fd = guest(7, true);
	char *answer;

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		say(fd, text + i, 1);
	answer = hear(fd, NULL);
	assert_string_equal(answer, OK);
	assert_true(endpoint_got("Content-Length: 5\r\nConnection: close\r\n\r\nhello"));
	free(answer);
}

static void test_guest_ends_its_half_first(void **state)
{
	int fd = guest(7, true);
	char *answer;

	say(fd, GET, strlen(GET));
	shutdown(fd, SHUT_WR);
	answer = hear(fd, NULL);
	assert_string_equal(answer, OK);
	free(answer);
}

static void test_nothing_of_a_second_request(void **state)
{
	check_answer(guest(7, true), GET "GET /second HTTP/1.1\r\nHost: h\r\n\r\n", OK);
	assert_false(endpoint_got("second"));
	assert_int_equal(status().requests, 1);
}

static void test_refusals(void **state)
{
	check_answer(guest(7, true), "nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n");
	check_answer(
		guest(7, true), "GET / HTTP/1.0\r\nContent-Length: 99999\r\n\r\n", "HTTP/1.1 413 ");
	check_answer(guest(7, true), "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 501 ");
	assert_int_equal(status().requests, 0);
	assert_int_equal(status().bad, 3);
}

static void test_endless_head(void **state)
{
	static char text[HEAD_MAX + BODY_MAX];
	int fd = guest(7, true);
	char *answer;

	memset(text, 'a', sizeof(text));
	say(fd, text, sizeof(text));
	answer = hear(fd, NULL);
	assert_memory_equal(answer, "HTTP/1.1 431 ", 13);
	free(answer);
}

static void test_endpoint_down(void **state)
{
	char *answer;
	int fd;

	endpoint_down();
	fd = guest(7, true);
	say(fd, GET, strlen(GET));
	answer = hear(fd, NULL);
	assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
	assert_non_null(strstr(answer, "\r\nRetry-After: 5\r\n"));
	free(answer);
	assert_int_equal(status().state, METADATA_FAILS);
	assert_int_equal(status().failed, 1);
	endpoint_up();
	check_answer(guest(7, true), GET, OK);
	assert_int_equal(status().state, METADATA_ANSWERS);
	this_host.metadata = NULL;
	check_answer(guest(7, true), GET, "HTTP/1.1 503 ");
}

static void test_endpoint_that_is_none(void **state)
{
	says = "220 smtp.example.org ESMTP\r\n";
	check_answer(guest(7, true), GET, "HTTP/1.1 502 ");
	says = NULL;
	check_answer(guest(7, true), GET, "HTTP/1.1 502 ");
	assert_int_equal(status().failed, 2);
}

static void test_who_is_no_port(void **state)
{
	static const struct weft_addr other = {.b = {[10] = 0xff, [11] = 0xff, [12] = 11}};
	int fd[2];
	char byte;

	check_answer(guest(9, true), GET, "HTTP/1.1 404 ");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	metadata_accept(metadata, fd[0], &other);
	assert_int_equal(read(fd[1], &byte, 1), 0);
	close(fd[1]);
	assert_int_equal(status().refused, 1);
}

static void test_connections_of_one_port(void **state)
{
	int fds[8], ninth;
	char byte;

	for (int i = 0; i < 8; i++)
		fds[i] = guest(7, true);
	ninth = guest(7, true);
	assert_int_equal(read(ninth, &byte, 1), 0);
	close(ninth);
	assert_int_equal(status().refused, 1);
	check_answer(guest(8, true), GET, OK);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	wait_connections(0);
	check_answer(guest(7, true), GET, OK);
}

/* As much as the guest does not read is not taken from the endpoint either. */
static void test_long_answer(void **state)
{
	size_t n;
	char *answer;
	int fd = guest(7, true);

	says = "HTTP/1.1 200 OK\r\n\r\n";
	says_more = 4 << 20;
	say(fd, GET, strlen(GET));
	for (int i = 0; i < 1000; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	answer = hear(fd, &n);
	assert_int_equal(n, strlen(says) + says_more);
	free(answer);
}

/* One without end is cut off. */
static void test_endless_answer(void **state)
{
	size_t n;
	char *answer;
	int fd = guest(7, true);

	says = "HTTP/1.1 200 OK\r\n\r\n";
	says_more = 32 << 20;
	say(fd, GET, strlen(GET));
	answer = hear(fd, &n);
	assert_true(n <= 16 << 20);
	free(answer);
	wait_connections(0);
}

static void test_guest_goes(void **state)
{
	int fd = guest(7, true);

	say(fd, "GET / HT", 8);
	close(fd);
	wait_connections(0);
	fd = guest(7, true);
	says_more = 4 << 20;
	says = "HTTP/1.1 200 OK\r\n\r\n";
	say(fd, GET, strlen(GET));
	close(fd);
	wait_connections(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identity),
		TEST(test_request_byte_by_byte),
		TEST(test_guest_ends_its_half_first),
		TEST(test_nothing_of_a_second_request),
		TEST(test_refusals),
		TEST(test_endless_head),
		TEST(test_endpoint_down),
		TEST(test_endpoint_that_is_none),
		TEST(test_who_is_no_port),
		TEST(test_connections_of_one_port),
		TEST(test_long_answer),
		TEST(test_endless_answer),
		TEST(test_guest_goes),
	};

	signal(SIGPIPE, SIG_IGN); /* as weftd does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
