/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Heads of HTTP requests: what is taken, what is refused and as what, and what is handed on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "head.h"

#define GET	 "GET / HTTP/1.1\r\nHost: h\r\n"
#define IDENTITY "X-Weft-Port: w1\r\n"

static const struct {
	const char *text;
	int status;
	size_t body;
} cases[] = {
	{GET "\r\n", 200, 0},
	{"GET / HTTP/1.0\r\n\r\n", 200, 0},
	{"PUT /latest/api/token?a=b HTTP/1.1\r\nhost:h\r\nContent-Length: 17\r\n\r\n", 200, 17},
	{GET "A: b\r\nC:\t d \r\nE:\r\n\r\n", 200, 0},
	{GET "X: \xc3\xa4\r\n\r\n", 200, 0},
	/* not complete */
	{"", 0, 0},
	{"GET", 0, 0},
	{GET, 0, 0},
	{GET "\r", 0, 0},
	{"GET / HTTP/1.1\n\n", 0, 0},
	/* the request line */
	{"\r\n\r\n", 400, 0},
	{"GET\r\n\r\n", 400, 0},
	{"GET /\r\n\r\n", 400, 0},
	{"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0},
	{"GET / a HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0},
	{" / HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0},
	{"GE(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0},
	{"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0},
	{"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0},
	{"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0},
	{"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0},
	{"GET /\t HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0},
	{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, 0},
	{"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400, 0},
	{"GET / HtTP/1.0\r\n\r\n", 505, 0}, /* names of versions are case-sensitive */
	{"GET / HTTP/1.11\r\nHost: h\r\n\r\n", 505, 0},
	/* fields: no name, a space before the colon, folding, controls, a lone LF or CR */
	{GET ": v\r\n\r\n", 400, 0},
	{GET "novalue\r\n\r\n", 400, 0},
	{GET "A : b\r\n\r\n", 400, 0},
	{GET "A: b\r\n c\r\n\r\n", 400, 0},
	{GET "A: b\x01\r\n\r\n", 400, 0},
	{GET "A: b\nX-Weft-Port: x\r\n\r\n", 400, 0},
	{GET "A: b\rX-Weft-Port: x\r\n\r\n", 400, 0},
	/* which host (RFC 9112 section 3.2) */
	{"GET / HTTP/1.1\r\n\r\n", 400, 0},
	{GET "Host: other\r\n\r\n", 400, 0},
	{"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, 0},
	/* how long (RFC 9112 section 6.3) */
	{GET "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400, 0},
	{GET "Content-Length: 5, 5\r\n\r\n", 400, 0},
	{GET "Content-Length: -1\r\n\r\n", 400, 0},
	{GET "Content-Length: +1\r\n\r\n", 400, 0},
	{GET "Content-Length: 0x1\r\n\r\n", 400, 0},
	{GET "Content-Length:\r\n\r\n", 400, 0},
	{GET "Content-Length: 65536\r\n\r\n", 200, 65536},
	{GET "Content-Length: 65537\r\n\r\n", 413, 0},
	{GET "Content-Length: 99999999999999999999999999\r\n\r\n", 413, 0},
	{GET "Transfer-Encoding: chunked\r\n\r\n", 501, 0},
	{GET "transfer-encoding: identity\r\nContent-Length: 1\r\n\r\n", 501, 0},
};

static void test_parse(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].text);
		char *exact = malloc(n + 1); /* its end is the end of the block */
		struct head h;

		memcpy(exact + 1, cases[i].text, n);
		if (head_parse(exact + 1, n, &h) != cases[i].status)
			fail_msg("case %zu: %d for %s", i, head_parse(exact + 1, n, &h),
				cases[i].text);
		if (cases[i].status == 200) {
			assert_int_equal(h.size, n);
			assert_int_equal(h.body, cases[i].body);
		}
		free(exact);
	}
}

static void test_nul_is_refused(void **state)
{
	static const char text[] = "GET / HTTP/1.0\r\nA: b\0c\r\n\r\n";
	static const char name[] = "GET / HTTP/1.0\r\nA\0: b\r\n\r\n";
	struct head h;

	assert_int_equal(head_parse(text, sizeof(text) - 1, &h), 400);
	assert_int_equal(head_parse(name, sizeof(name) - 1, &h), 400);
}

static void test_too_long(void **state)
{
	char text[2 * HEAD_MAX];
	struct head h;

	memset(text, 'a', sizeof(text));
	assert_int_equal(head_parse(text, HEAD_MAX - 1, &h), 0);
	assert_int_equal(head_parse(text, HEAD_MAX, &h), 431);
	/* The end of the head is beyond what is looked at. */
	memcpy(text, "GET / HTTP/1.0\r\nA: ", 19);
	memcpy(text + HEAD_MAX - 2, "\r\n\r\n", 4);
	assert_int_equal(head_parse(text, sizeof(text), &h), 431);
	memcpy(text + HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(head_parse(text, sizeof(text), &h), 200);
	assert_int_equal(h.size, HEAD_MAX);
}

static void check_written(const char *text, const char *expected)
{
	struct evbuffer *out = evbuffer_new();
	struct head h;

	assert_int_equal(head_parse(text, strlen(text), &h), 200);
	head_write(out, text, &h, IDENTITY);
	evbuffer_add(out, "", 1);
	assert_string_equal((const char *)evbuffer_pullup(out, -1), expected);
	evbuffer_free(out);
}

static void test_write(void **state)
{
	check_written("GET /a?b HTTP/1.1\r\nHost: h\r\nAccept:  */* \r\n\r\n",
		"GET /a?b HTTP/1.0\r\nHost: h\r\nAccept: */*\r\n" IDENTITY
		"Connection: close\r\n\r\n");
	check_written("PUT / HTTP/1.0\r\nContent-Length: 007\r\nExpect: 100-continue\r\n\r\n",
		"PUT / HTTP/1.0\r\n" IDENTITY "Content-Length: 7\r\nConnection: close\r\n\r\n");
}

static void test_write_without_lies(void **state)
{
	check_written("GET / HTTP/1.1\r\nHost: h\r\nX-Weft-Port: root\r\nx-weft-anything: 1\r\n"
		      "X_WEFT_TENANT: blue\r\nx-Weft_Port-id: 7\r\nX-Forwarded-For: 1.2.3.4\r\n"
		      "X_Forwarded_Host: x\r\nForwarded: for=1\r\nX-Real-IP: 1\r\nVia: x\r\n"
		      "Connection: X-Weft-Port\r\nKeep-Alive: 5\r\nProxy-Authorization: x\r\n"
		      "TE: trailers\r\nTrailer: x\r\nUpgrade: h2c\r\n"
		      "X-Weftless: kept\r\nText: kept\r\nX-aws-ec2-metadata-token: kept\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: h\r\nX-Weftless: kept\r\nText: kept\r\n"
		"X-aws-ec2-metadata-token: kept\r\n" IDENTITY "Connection: close\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_nul_is_refused),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_without_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
