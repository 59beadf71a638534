/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Heads of HTTP/1 requests (RFC 9112), read strictly: what two readers might understand in two ways
 * is refused. Pure. Private to this folder and its tests.
 */
#ifndef METADATA_HEAD_H
#define METADATA_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/buffer.h>

#define HEAD_MAX 8192
#define BODY_MAX 65536

struct head {
	size_t size; /* of the head, the empty line included */
	size_t body; /* bytes that follow */
	bool has_length;
};

/* Reads the request that begins at data. 0: more is needed; 200: *ret is filled; else the status
 * that it is refused with. */
int head_parse(const char *data, size_t n, struct head *ret);

/* Appends the head that was parsed, as it is handed on: HTTP/1.0 and no connection kept, so that
 * the answer ends with the connection. Without what concerns the connection and without headers
 * that tell who asks, by whatever spelling; identity are the right ones, each with its CRLF. */
void head_write(struct evbuffer *out, const char *data, const struct head *h, const char *identity);

#endif
