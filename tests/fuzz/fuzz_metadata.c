/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target: the head of a guest's request to the metadata proxy. What is handed on is one
 * head of HTTP/1.0, line by line, in which only the proxy says who asks and how long the body is.
 *
 * Input: the bytes of the request.
 */
#include <string.h>

#include "fuzz.h"
#include "head.h"

#define IDENTITY "X-Weft-Port: w1\r\n"

int fuzz_start(void)
{
	return 0;
}

static char plain(char c)
{
	return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static int begins(const char *line, size_t n, const char *with)
{
	for (size_t i = 0; with[i]; i++)
		if (i >= n || plain(line[i]) != with[i])
			return 0;
	return 1;
}

static void check_head(const char *text, size_t n, const struct head *h)
{
	unsigned int n_identity = 0, n_lengths = 0, n_closes = 0;
	const char *at = text, *end = text + n - 2;

	fuzz_check(n > 4 && memcmp(end - 2, "\r\n\r\n", 4) == 0);
	while (at < end) {
		const char *crlf = memmem(at, (size_t)(end - at), "\r\n", 2);
		size_t len;

		fuzz_check(crlf != NULL && crlf > at);
		len = (size_t)(crlf - at);
		fuzz_check(!memchr(at, '\n', len) && !memchr(at, '\r', len) && !memchr(at, 0, len));
		if (at == text)
			fuzz_check(memcmp(crlf - 9, " HTTP/1.0", 9) == 0);
		else
			fuzz_check(memchr(at, ':', len) != NULL && at[0] != ' ');
		n_identity += begins(at, len, "x-weft-") && at != text;
		n_lengths += begins(at, len, "content-length:") && at != text;
		n_closes += begins(at, len, "connection:") && at != text;
		fuzz_check(at == text || !begins(at, len, "transfer-encoding:"));
		at = crlf + 2;
	}
	fuzz_check(n_identity == 1 && n_closes == 1 && n_lengths == (unsigned int)h->has_length);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct evbuffer *out;
	struct head h;
	int status = head_parse((const char *)data, size, &h);

	if (status != 200) {
		fuzz_check(status == 0 || (status >= 400 && status < 600));
		return;
	}
	fuzz_check(h.size <= size && h.size <= HEAD_MAX && h.body <= BODY_MAX);
	out = evbuffer_new();
	head_write(out, (const char *)data, &h, IDENTITY);
	check_head((const char *)evbuffer_pullup(out, -1), evbuffer_get_length(out), &h);
	evbuffer_free(out);
}

void fuzz_seeds(void)
{
	static const char *const seeds[] = {"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"PUT /latest/api/token HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
		"GET / HTTP/1.0\r\nX-Weft-Port: x\r\nx_weft_tenant: y\r\nX-Forwarded-For: "
		"1\r\n\r\n",
		"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed(seeds[i], strlen(seeds[i]));
}
