/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON-RPC 2.0 (rpc/jsonrpc.h), by the text of its specification of 2010 (revised 2013). Where that
 * leaves a choice: an answer's members are in the order jsonrpc, result or error, id; batches
 * are answered in the order in which their requests finish; values end with a newline.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <rpc/jsonrpc.h>
#include <weftrpc/codes.h>

struct jsonrpc_call {
	LIST_ENTRY(jsonrpc_call) next;
	struct jsonrpc_exchange *x;
	struct json_object *request;
	struct json_object *id;
	bool is_notification;
};

struct jsonrpc_exchange {
	const struct jsonrpc_ops *ops;
	void *arg;
	struct json_object *value;
	struct evbuffer *out;
	LIST_HEAD(, jsonrpc_call) calls;
	size_t n_requests;
	size_t n_dispatched;
	bool is_batch;
	bool stepping; /* do not complete below jsonrpc_step, which still uses x */
};

static void exchange_free(struct jsonrpc_exchange *x)
{
	json_object_put(x->value);
	evbuffer_free(x->out);
	free(x);
}

/* Ends the exchange when nothing is left to do. True when x is gone. */
static bool finish_if_done(struct jsonrpc_exchange *x)
{
	if (x->stepping || x->n_dispatched < x->n_requests || !LIST_EMPTY(&x->calls))
		return false;
	if (x->ops != NULL) {
		if (x->is_batch && evbuffer_get_length(x->out) > 0)
			evbuffer_add(x->out, "]", 1);
		if (evbuffer_get_length(x->out) > 0)
			evbuffer_add(x->out, "\n", 1);
		x->ops->complete(x->arg, x, x->out);
	}
	exchange_free(x);
	return true;
}

struct jsonrpc_exchange *jsonrpc_begin(
	struct json_object *value, const struct jsonrpc_ops *ops, void *arg)
{
	struct jsonrpc_exchange *x = calloc(1, sizeof(*x));

	if (x != NULL)
		x->out = evbuffer_new();
	if (x == NULL || x->out == NULL) {
		json_object_put(value);
		free(x);
		return NULL;
	}
	LIST_INIT(&x->calls);
	x->value = value;
	x->ops = ops;
	x->arg = arg;
	x->is_batch = json_object_is_type(value, json_type_array) &&
		      json_object_array_length(value) > 0 &&
		      json_object_array_length(value) <= ops->batch_max;
	x->n_requests = x->is_batch ? json_object_array_length(value) : 1;
	return x;
}

/* Adds {"jsonrpc":"2.0",NAME:body,"id":id}. Takes body; NULL is null. */
static void add_answer(
	struct evbuffer *out, const char *name, struct json_object *body, struct json_object *id)
{
	static const char nothing[] = "null";
	const char *text = nothing;
	size_t size = sizeof(nothing) - 1;

	if (body != NULL)
		text = json_object_to_json_string_length(
			body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
	evbuffer_add_printf(out, "{\"jsonrpc\":\"2.0\",\"%s\":", name);
	evbuffer_add(out, text, size);
	evbuffer_add_printf(out, ",\"id\":%s}",
		id == NULL ? nothing : json_object_to_json_string_ext(id, JSON_C_TO_STRING_PLAIN));
	json_object_put(body);
}

static struct json_object *error_object(int code, const char *message, struct json_object *data)
{
	struct json_object *e = json_object_new_object();

	json_object_object_add(e, "code", json_object_new_int(code));
	json_object_object_add(e, "message", json_object_new_string(message));
	if (data != NULL)
		json_object_object_add(e, "data", data);
	return e;
}

void jsonrpc_error_text(struct evbuffer *out, int code, const char *message)
{
	add_answer(out, "error", error_object(code, message, NULL), NULL);
	evbuffer_add(out, "\n", 1);
}

/* Puts an answer into the exchange. Takes body. */
static void answer(struct jsonrpc_exchange *x, const char *name, struct json_object *body,
	struct json_object *id)
{
	if (x->is_batch)
		evbuffer_add(x->out, evbuffer_get_length(x->out) == 0 ? "[" : ",", 1);
	add_answer(x->out, name, body, id);
}

/* Ends a call. Takes body. */
static void call_end(struct jsonrpc_call *call, const char *name, struct json_object *body)
{
	struct jsonrpc_exchange *x = call->x;

	LIST_REMOVE(call, next);
	if (x->ops != NULL && !call->is_notification)
		answer(x, name, body, call->id);
	else
		json_object_put(body);
	json_object_put(call->request);
	free(call);
	finish_if_done(x);
}

void jsonrpc_result(struct jsonrpc_call *call, struct json_object *result)
{
	call_end(call, "result", result);
}

void jsonrpc_fail(
	struct jsonrpc_call *call, int code, const char *message, struct json_object *data)
{
	call_end(call, "error", error_object(code, message, data));
}

void *jsonrpc_call_arg(const struct jsonrpc_call *call)
{
	return call->x->ops == NULL ? NULL : call->x->arg;
}

/* An id that can be repeated exactly. json-c clamps integers that do not fit 64 bits. */
static const char *check_id(struct json_object *id)
{
	switch (json_object_get_type(id)) {
	case json_type_null:
		return NULL;
	case json_type_string:
		if (json_object_get_string_len(id) > JSONRPC_ID_SIZE_MAX)
			return "Invalid Request: \"id\" is longer than 256 bytes";
		return NULL;
	case json_type_int:
		if (json_object_get_int64(id) == INT64_MIN ||
			json_object_get_uint64(id) == UINT64_MAX)
			return "Invalid Request: \"id\" does not fit 64 bits";
		return NULL;
	case json_type_double:
		if (!isfinite(json_object_get_double(id)) ||
			strlen(json_object_get_string(id)) > JSONRPC_ID_SIZE_MAX)
			return "Invalid Request: \"id\" is no number that can be repeated";
		return NULL;
	default:
		return "Invalid Request: \"id\" must be a string, a number or null";
	}
}

/* NULL when v is a request by the specification, else what is wrong. ret_id is what the error is
 * to carry. */
static const char *check_request(struct json_object *v, struct json_object **ret_id)
{
	struct json_object *o;
	const char *wrong;

	*ret_id = NULL;
	if (!json_object_is_type(v, json_type_object))
		return "Invalid Request: a request is a JSON object";
	if (json_object_object_get_ex(v, "id", &o)) {
		wrong = check_id(o);
		if (wrong != NULL)
			return wrong;
		*ret_id = o;
	}
	if (!json_object_object_get_ex(v, "jsonrpc", &o) ||
		!json_object_is_type(o, json_type_string) ||
		strcmp(json_object_get_string(o), "2.0") != 0)
		return "Invalid Request: \"jsonrpc\" must be \"2.0\"";
	if (!json_object_object_get_ex(v, "method", &o) ||
		!json_object_is_type(o, json_type_string) ||
		strlen(json_object_get_string(o)) != (size_t)json_object_get_string_len(o))
		return "Invalid Request: \"method\" must be a string";
	if (json_object_object_get_ex(v, "params", &o) &&
		!json_object_is_type(o, json_type_object) &&
		!json_object_is_type(o, json_type_array))
		return "Invalid Request: \"params\" must be an object or an array";
	return NULL;
}

static void refuse(struct jsonrpc_exchange *x, const char *message, struct json_object *id)
{
	answer(x, "error", error_object(WEFTRPC_REQUEST, message, NULL), id);
}

static void dispatch(struct jsonrpc_exchange *x, struct json_object *request)
{
	struct json_object *params = NULL, *id;
	const char *wrong = check_request(request, &id);
	struct jsonrpc_call *call;

	if (wrong != NULL) {
		refuse(x, wrong, id);
		return;
	}
	call = calloc(1, sizeof(*call));
	if (call == NULL) {
		answer(x, "error",
			error_object(WEFTRPC_INTERNAL, "Internal error: out of memory", NULL), id);
		return;
	}
	call->x = x;
	call->request = json_object_get(request);
	call->id = id;
	call->is_notification = !json_object_object_get_ex(request, "id", NULL);
	LIST_INSERT_HEAD(&x->calls, call, next);
	if (evbuffer_get_length(x->out) > x->ops->answer_size_max) {
		jsonrpc_fail(call, WEFTRPC_TOO_LARGE,
			"the answers to this batch are too large; ask for less at a time", NULL);
		return;
	}
	json_object_object_get_ex(request, "params", &params);
	x->ops->dispatch(x->arg, call,
		json_object_get_string(json_object_object_get(request, "method")), params);
}

static void dispatch_next(struct jsonrpc_exchange *x)
{
	size_t i = x->n_dispatched++;
	char text[96];

	if (x->is_batch) {
		dispatch(x, json_object_array_get_idx(x->value, i));
		/* The call holds what it needs; a large batch shrinks as it goes. */
		json_object_array_put_idx(x->value, i, NULL);
	} else if (!json_object_is_type(x->value, json_type_array)) {
		dispatch(x, x->value);
	} else if (json_object_array_length(x->value) == 0) {
		refuse(x, "Invalid Request: the batch is empty", NULL);
	} else {
		snprintf(text, sizeof(text), "Invalid Request: more than %zu requests in a batch",
			x->ops->batch_max);
		refuse(x, text, NULL);
	}
}

bool jsonrpc_step(struct jsonrpc_exchange *x, size_t n)
{
	bool all;

	x->stepping = true;
	while (n-- > 0 && x->n_dispatched < x->n_requests && x->ops != NULL)
		dispatch_next(x);
	x->stepping = false;
	all = x->n_dispatched == x->n_requests;
	finish_if_done(x);
	return all;
}

void jsonrpc_abandon(struct jsonrpc_exchange *x)
{
	x->ops = NULL;
	x->n_dispatched = x->n_requests;
	finish_if_done(x);
}
