/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON-RPC 2.0 itself, between parsed JSON values and text: requests, notifications, batches,
 * ids and error objects. Knows neither sockets nor methods. Single-threaded (weftd's event loop).
 */
#ifndef RPC_JSONRPC_H
#define RPC_JSONRPC_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/buffer.h>
#include <json-c/json.h>

#define JSONRPC_ID_SIZE_MAX 256 /* of an id that is a string */

struct jsonrpc_call;	 /* one request that is to be answered */
struct jsonrpc_exchange; /* one value that arrived: a request or a batch, and its answer */

struct jsonrpc_ops {
	/* Answers call now or later, by jsonrpc_result or jsonrpc_fail, exactly once. method and
	 * params (NULL, array or object) live as long as call. */
	void (*dispatch)(void *arg, struct jsonrpc_call *call, const char *method,
		struct json_object *params);
	/* Everything is answered: out holds the text to send, nothing when no answer was asked for.
	 * x is freed when this returns. */
	void (*complete)(void *arg, struct jsonrpc_exchange *x, struct evbuffer *out);
	size_t batch_max;	/* requests in a batch */
	size_t answer_size_max; /* of a batch; further requests in it are refused */
};

/* Takes value. NULL: out of memory. ops lives as long as the exchange. */
struct jsonrpc_exchange *jsonrpc_begin(
	struct json_object *value, const struct jsonrpc_ops *ops, void *arg);
/* Dispatches the next n requests of the exchange; true when none is left to dispatch. x may be gone
 * after it returned true. */
bool jsonrpc_step(struct jsonrpc_exchange *x, size_t n);
/* Nobody waits for the answer any more: no callback will follow. x is freed now or with its last
 * outstanding call. */
void jsonrpc_abandon(struct jsonrpc_exchange *x);

/* Both take their JSON. result NULL is the JSON null. */
void jsonrpc_result(struct jsonrpc_call *call, struct json_object *result);
void jsonrpc_fail(
	struct jsonrpc_call *call, int code, const char *message, struct json_object *data);
/* The arg of jsonrpc_begin, or NULL when the exchange was abandoned. */
void *jsonrpc_call_arg(const struct jsonrpc_call *call);

/* The text of an error that belongs to no request (id null). */
void jsonrpc_error_text(struct evbuffer *out, int code, const char *message);

#endif
