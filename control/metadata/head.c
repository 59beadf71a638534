/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Heads of HTTP/1 requests (head.h).
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "head.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct slice {
	const char *at;
	size_t n;
};

struct field {
	struct slice name, value;
};

/* RFC 9110 section 5.6.2. */
static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.at[i]) &&
			(s.at[i] == '\0' || !strchr("!#$%&'*+-.^_`|~", s.at[i])))
			return false;
	return s.n > 0;
}

static bool is_text(struct slice s, unsigned char lowest)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c == 0x7f || (c < lowest && c != '\t'))
			return false;
	}
	return true;
}

static bool is_named(struct slice name, const char *want)
{
	return name.n == strlen(want) && strncasecmp(name.at, want, name.n) == 0;
}

/* The next line without its CRLF; every line of a head has one. */
static struct slice next_line(const char **at, const char *end)
{
	const char *crlf = memmem(*at, (size_t)(end - *at), "\r\n", 2);
	struct slice line = {*at, (size_t)(crlf - *at)};

	*at = crlf + 2;
	return line;
}

static bool split_field(struct slice line, struct field *ret)
{
	const char *colon = memchr(line.at, ':', line.n);

	if (!colon)
		return false;
	ret->name = (struct slice){line.at, (size_t)(colon - line.at)};
	ret->value = (struct slice){colon + 1, line.n - ret->name.n - 1};
	while (ret->value.n && strchr(" \t", ret->value.at[0]) && ret->value.at[0]) {
		ret->value.at++;
		ret->value.n--;
	}
	while (ret->value.n && strchr(" \t", ret->value.at[ret->value.n - 1]) &&
		ret->value.at[ret->value.n - 1])
		ret->value.n--;
	return is_token(ret->name) && is_text(ret->value, ' ');
}

/* METHOD /TARGET HTTP/1.x: one space each. */
static int parse_request_line(struct slice line, bool *ret_needs_host)
{
	const char *first = memchr(line.at, ' ', line.n), *last = memrchr(line.at, ' ', line.n);
	struct slice method, target, version;

	if (!first || first == last)
		return 400;
	method = (struct slice){line.at, (size_t)(first - line.at)};
	target = (struct slice){first + 1, (size_t)(last - first) - 1};
	version = (struct slice){last + 1, line.n - (size_t)(last + 1 - line.at)};
	if (!is_token(method) || target.n == 0 || target.at[0] != '/' || !is_text(target, '!') ||
		memchr(target.at, '\t', target.n))
		return 400;
	if (version.n != 8 || memcmp(version.at, "HTTP/1.", 7) != 0 ||
		!strchr("01", version.at[7]) || !version.at[7])
		return 505;
	*ret_needs_host = version.at[7] == '1';
	return 200;
}

static int parse_length(struct slice value, struct head *ret)
{
	if (ret->has_length || value.n == 0)
		return 400;
	ret->has_length = true;
	ret->body = 0;
	for (size_t i = 0; i < value.n; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return 400;
		ret->body = ret->body * 10 + (size_t)(value.at[i] - '0');
		if (ret->body > BODY_MAX)
			return 413;
	}
	return 200;
}

static int parse_fields(const char *at, const char *end, bool needs_host, struct head *ret)
{
	unsigned int n_hosts = 0;
	int status;

	while (at < end) {
		struct slice line = next_line(&at, end);
		struct field f;

		if (line.n == 0)
			break;
		if (!split_field(line, &f))
			return 400;
		if (is_named(f.name, "transfer-encoding"))
			return 501;
		if (is_named(f.name, "host"))
			n_hosts++;
		if (!is_named(f.name, "content-length"))
			continue;
		status = parse_length(f.value, ret);
		if (status != 200)
			return status;
	}
	return n_hosts > 1 || (needs_host && n_hosts == 0) ? 400 : 200;
}

int head_parse(const char *data, size_t n, struct head *ret)
{
	const char *blank = memmem(data, n < HEAD_MAX ? n : HEAD_MAX, "\r\n\r\n", 4);
	const char *at = data, *end;
	bool needs_host;
	int status;

	if (!blank)
		return n < HEAD_MAX ? 0 : 431;
	end = blank + 4;
	*ret = (struct head){.size = (size_t)(end - data)};
	status = parse_request_line(next_line(&at, end), &needs_host);
	return status == 200 ? parse_fields(at, end, needs_host, ret) : status;
}

/* Some servers take '_' in a name for '-'. */
static bool begins_like(struct slice name, const char *prefix)
{
	size_t n = strlen(prefix);

	if (name.n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name.at[i] == '_' ? '-' : (char)tolower((unsigned char)name.at[i]);

		if (c != prefix[i])
			return false;
	}
	return true;
}

static bool is_handed_on(struct slice name)
{
	static const char *const never[] = {"x-weft-", "x-forwarded-", "x-real-ip", "forwarded",
		"via", "connection", "proxy-", "keep-alive", "te", "trailer", "upgrade", "expect",
		"content-length"};

	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		size_t n = strlen(never[i]);

		if (begins_like(name, never[i]) && (never[i][n - 1] == '-' || name.n == n))
			return false;
	}
	return true;
}

void head_write(struct evbuffer *out, const char *data, const struct head *h, const char *identity)
{
	const char *at = data, *end = data + h->size;
	struct slice line = next_line(&at, end);
	struct field f;

	evbuffer_add(out, line.at, line.n - 1); /* all but the minor version */
	evbuffer_add_printf(out, "0\r\n");
	while ((line = next_line(&at, end)).n != 0) {
		if (split_field(line, &f) && is_handed_on(f.name))
			evbuffer_add_printf(out, "%.*s: %.*s\r\n", (int)f.name.n, f.name.at,
				(int)f.value.n, f.value.at);
	}
	evbuffer_add_printf(out, "%s", identity);
	if (h->has_length)
		evbuffer_add_printf(out, "Content-Length: %zu\r\n", h->body);
	evbuffer_add_printf(out, "Connection: close\r\n\r\n");
}
