/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a method's name to its handler: look-up, permission, parameters; and the forms of answers
 * that all handlers share. On weftd's event loop.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <weftrpc/codes.h>

#include "server.h"
#include "utf8.h"

static const request_handler handlers[RPC_ID_MAX] = {
#define HANDLER(id, name, handler, ...) [RPC_##id] = handle_##handler,
	RPC_KIND_METHODS(HANDLER) RPC_METHODS(HANDLER)
#undef HANDLER
};

static int code_of(enum model_error_code code)
{
	switch (code) {
	case MODEL_ERR_INVALID:
		return WEFTRPC_PARAMS;
	case MODEL_ERR_NOT_FOUND:
		return WEFTRPC_NOT_FOUND;
	case MODEL_ERR_EXISTS:
		return WEFTRPC_EXISTS;
	case MODEL_ERR_REFERENCE:
		return WEFTRPC_REFERENCE;
	case MODEL_ERR_IN_USE:
		return WEFTRPC_IN_USE;
	case MODEL_ERR_CONFLICT:
		return WEFTRPC_CONFLICT;
	case MODEL_ERR_REVISION:
		return WEFTRPC_REVISION;
	case MODEL_ERR_LIMIT:
		return WEFTRPC_LIMIT;
	case MODEL_ERR_INTERNAL:
		break;
	}
	return WEFTRPC_INTERNAL;
}

static struct json_object *error_data(int code, const char *object, const char *field, size_t op)
{
	struct json_object *data = json_object_new_object();

	json_object_object_add(data, "reason", json_object_new_string(weftrpc_code_name(code)));
	if (object[0] != 0)
		json_object_object_add(data, "object", json_object_new_string(object));
	if (field[0] != 0)
		json_object_object_add(data, "field", json_object_new_string(field));
	if (op != SIZE_MAX)
		json_object_object_add(data, "op", json_object_new_uint64(op));
	return data;
}

/* Bytes of the UTF-8 character that text begins with, or 0. */
static size_t character(const char *text)
{
	struct utf8 u = {0};
	size_t n = 0;

	do {
		if (text[n] == 0 || utf8_check(&u, text + n, 1) == 0)
			return 0;
		n++;
	} while (u.n_more > 0);
	return n;
}

/* Messages quote what clients sent, cut to fit, perhaps within a character; answers must be UTF-8.
 */
static void mend_utf8(char *text)
{
	while (*text != 0) {
		size_t n = character(text);

		if (n == 0)
			*text = '?';
		text += n > 0 ? n : 1;
	}
}

static void refuse_call(
	struct rpc *r, struct jsonrpc_call *call, const struct model_error *err, size_t op)
{
	int code = code_of(err->code);
	struct model_error e = *err;
	char text[420];

	mend_utf8(e.object);
	mend_utf8(e.field);
	mend_utf8(e.text);
	snprintf(text, sizeof(text), "%s%s%s%s%s", e.object, e.object[0] != 0 ? ": " : "", e.field,
		e.field[0] != 0 ? ": " : "", e.text);
	r->counters.errors++;
	jsonrpc_fail(call, code, text, error_data(code, e.object, e.field, op));
}

void request_result(struct request *rq, struct json_object *result)
{
	jsonrpc_result(rq->call, result);
}

void request_fail(struct request *rq, int code, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	mend_utf8(text);
	rq->rpc->counters.errors++;
	jsonrpc_fail(rq->call, code, text, error_data(code, "", "", SIZE_MAX));
}

void request_refuse(struct request *rq, const struct model_error *err, size_t op)
{
	refuse_call(rq->rpc, rq->call, err, op);
}

static void not_found(struct request *rq, const char *name, const char *suggestion)
{
	if (suggestion[0] != 0)
		request_fail(rq, WEFTRPC_METHOD, "Method not found: %.64s; did you mean %s?", name,
			suggestion);
	else
		request_fail(rq, WEFTRPC_METHOD,
			"Method not found: %.64s; rpc.describe lists the methods", name);
}

void rpc_dispatch(struct rpc *r, struct jsonrpc_call *call, bool may_write, const char *method,
	struct json_object *params)
{
	struct request rq = {.rpc = r, .call = call};
	struct model_error err = {0};
	char suggestion[64];

	rq.method = rpc_method_find(method, &rq.kind, suggestion, sizeof(suggestion));
	if (rq.method == NULL) {
		not_found(&rq, method, suggestion);
		return;
	}
	if (rq.method->access == RPC_WRITE && !may_write) {
		r->counters.denied++;
		request_fail(&rq, WEFTRPC_DENIED,
			"%s changes something and you may only read: become root or a member of "
			"the operators' group",
			method);
		return;
	}
	if (params_check(rq.method, rq.kind, params, &rq.params, &rq.fields, &err) < 0) {
		refuse_call(r, call, &err, SIZE_MAX);
		return;
	}
	handlers[rq.method->id](&rq);
	json_object_put(rq.params);
	json_object_put(rq.fields);
}
