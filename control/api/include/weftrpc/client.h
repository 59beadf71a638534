/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The JSON-RPC client that every tool uses: blocking calls with a timeout, batches, large
 * transactions in chunks, and notifications. One thread per client. Knows no methods.
 */
#ifndef WEFTRPC_CLIENT_H
#define WEFTRPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include <weftrpc/codes.h>

#define WEFTRPC_PATH_SIZE 108 /* of a Unix socket's path, terminating zero included */

/* Why a call failed. code is the server's (codes.h), or 0 when the call did not come so far: then
 * text says what happened on the way. */
struct weftrpc_error {
	int code;
	char text[400];
	struct json_object *data; /* of the server's error, or NULL; see weftrpc_error_clear */
};

struct weftrpc;

/* Where weftd listens: path when not NULL, else $WEFT_SOCKET, else the path of the instance (NULL
 * or
 * "": the only one on this machine). Returns 0 or -ENAMETOOLONG. */
int weftrpc_socket_path(const char *path, const char *instance, char ret[WEFTRPC_PATH_SIZE]);

/* Returns 0 or -errno with a sentence in err->text. err may be NULL here and below. */
int weftrpc_connect(const char *path, struct weftrpc **ret, struct weftrpc_error *err);
/* Accepts NULL. */
void weftrpc_close(struct weftrpc *c);

/* Calls a method and waits. Takes params (may be NULL). timeout_ms covers the whole call; -1 waits
 * for ever. Returns 0 with the result (the caller puts it), -EREMOTEIO when the server answered
 * with an error, -EPROTO when it answered nonsense, or another -errno; after those but -EREMOTEIO
 * the connection is of no use any more. */
int weftrpc_call(struct weftrpc *c, const char *method, struct json_object *params, int timeout_ms,
	struct json_object **ret, struct weftrpc_error *err);

/* Sends an array of requests as it is (a JSON-RPC batch) or a single one; *ret is the answer as it
 * came, or NULL when nothing in it asked for one. Takes request. */
int weftrpc_raw(struct weftrpc *c, struct json_object *request, int timeout_ms,
	struct json_object **ret, struct weftrpc_error *err);

/* Sends ops (an array for "transact", put afterwards) in transactions of at most chunk each. What
 * was committed before an error stays; *ret_done counts the ops committed. progress may be NULL. */
int weftrpc_transact(struct weftrpc *c, struct json_object *ops, size_t chunk, int timeout_ms,
	void (*progress)(void *arg, size_t done, size_t total), void *arg, size_t *ret_done,
	struct weftrpc_error *err);

/* The next notification, also one that arrived during a call. Returns 0, -ETIMEDOUT, or -errno. The
 * caller puts it. */
int weftrpc_notification(
	struct weftrpc *c, int timeout_ms, struct json_object **ret, struct weftrpc_error *err);

void weftrpc_error_clear(struct weftrpc_error *err);

#endif
