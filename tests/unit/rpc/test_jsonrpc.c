/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON-RPC 2.0 against the examples of its specification (section 7), with the methods that those
 * use; then answers that come later, and exchanges that nobody waits for any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rpc/jsonrpc.h>
#include <weftrpc/codes.h>

static struct jsonrpc_call *waiting[64];
static size_t n_waiting;
static char *output;
static unsigned int n_complete, n_updates;

static void subtract(struct jsonrpc_call *call, struct json_object *params)
{
	struct json_object *a, *b;

	if (json_object_is_type(params, json_type_array)) {
		a = json_object_array_get_idx(params, 0);
		b = json_object_array_get_idx(params, 1);
	} else {
		a = json_object_object_get(params, "minuend");
		b = json_object_object_get(params, "subtrahend");
	}
	jsonrpc_result(call, json_object_new_int(json_object_get_int(a) - json_object_get_int(b)));
}

static void sum(struct jsonrpc_call *call, struct json_object *params)
{
	int n = 0;

	for (size_t i = 0; i < json_object_array_length(params); i++)
		n += json_object_get_int(json_object_array_get_idx(params, i));
	jsonrpc_result(call, json_object_new_int(n));
}

static void get_data(struct jsonrpc_call *call)
{
	struct json_object *a = json_object_new_array();

	json_object_array_add(a, json_object_new_string("hello"));
	json_object_array_add(a, json_object_new_int(5));
	jsonrpc_result(call, a);
}

static void dispatch(
	void *arg, struct jsonrpc_call *call, const char *method, struct json_object *params)
{
	if (strcmp(method, "subtract") == 0) {
		subtract(call, params);
	} else if (strcmp(method, "sum") == 0) {
		sum(call, params);
	} else if (strcmp(method, "get_data") == 0) {
		get_data(call);
	} else if (strcmp(method, "later") == 0) {
		assert_true(n_waiting < 64);
		waiting[n_waiting++] = call;
	} else if (strcmp(method, "update") == 0 || strncmp(method, "notify", 6) == 0) {
		n_updates++;
		jsonrpc_result(call, NULL);
	} else {
		jsonrpc_fail(call, WEFTRPC_METHOD, "Method not found", NULL);
	}
}

static void complete(void *arg, struct jsonrpc_exchange *x, struct evbuffer *out)
{
	size_t size = evbuffer_get_length(out);

	n_complete++;
	free(output);
	output = calloc(1, size + 1);
	evbuffer_remove(out, output, size);
}

static const struct jsonrpc_ops ops = {dispatch, complete, 10, 4096};

static int setup(void **state)
{
	n_waiting = n_complete = n_updates = 0;
	return 0;
}

static int teardown(void **state)
{
	free(output);
	output = NULL;
	return 0;
}

/* What comes back is JSON equal to answer; "" is nothing. */
static void expect_output(const char *answer)
{
	struct json_object *got, *want;

	if (answer[0] == 0) {
		assert_string_equal(output, "");
		return;
	}
	got = json_tokener_parse(output);
	want = json_tokener_parse(answer);
	if (!json_object_equal(got, want))
		fail_msg("got %s, want %s", output, answer);
	assert_int_equal(output[strlen(output) - 1], '\n');
	json_object_put(got);
	json_object_put(want);
}

static struct jsonrpc_exchange *begin(const char *request)
{
	struct json_object *v = json_tokener_parse(request);

	assert_non_null(v);
	return jsonrpc_begin(v, &ops, NULL);
}

static void exchange(const char *request, const char *answer)
{
	n_complete = 0;
	assert_true(jsonrpc_step(begin(request), SIZE_MAX));
	assert_int_equal(n_complete, 1);
	expect_output(answer);
}

#define INVALID(text)                                                                              \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request: " text     \
	"\"},\"id\":null}"
#define NOT_A_REQUEST INVALID("a request is a JSON object")

static void test_positional_parameters(void **state)
{
	exchange(
		"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42, 23], \"id\": 1}",
		"{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": 1}");
	exchange(
		"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [23, 42], \"id\": 2}",
		"{\"jsonrpc\": \"2.0\", \"result\": -19, \"id\": 2}");
}

static void test_named_parameters(void **state)
{
	exchange(
		"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": {\"subtrahend\": 23, "
		"\"minuend\": 42}, \"id\": 3}",
		"{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": 3}");
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": {\"minuend\": 42, "
		 "\"subtrahend\": 23}, \"id\": 4}",
		"{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": 4}");
}

static void test_notifications(void **state)
{
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"update\", \"params\": [1,2,3,4,5]}", "");
	assert_int_equal(n_updates, 1);
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"foobar\"}", "");
}

static void test_method_not_found(void **state)
{
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"foobar\", \"id\": \"1\"}",
		"{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32601, \"message\": \"Method not "
		"found\"}, \"id\": \"1\"}");
}

static void test_invalid_request(void **state)
{
	exchange("{\"jsonrpc\": \"2.0\", \"method\": 1, \"params\": \"bar\"}",
		INVALID("\\\"method\\\" must be a string"));
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": \"bar\"}",
		INVALID("\\\"params\\\" must be an object or an array"));
	exchange("{\"jsonrpc\": 2.0, \"method\": \"sum\"}",
		INVALID("\\\"jsonrpc\\\" must be \\\"2.0\\\""));
	exchange("{\"method\": \"sum\"}", INVALID("\\\"jsonrpc\\\" must be \\\"2.0\\\""));
	exchange("17", NOT_A_REQUEST);
	exchange("\"x\"", NOT_A_REQUEST);
}

static void test_batches(void **state)
{
	exchange("[]", INVALID("the batch is empty"));
	exchange("[1]", "[" NOT_A_REQUEST "]");
	exchange("[1,2,3]", "[" NOT_A_REQUEST "," NOT_A_REQUEST "," NOT_A_REQUEST "]");
	exchange("[{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"},"
		 "{\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]},"
		 "{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42,23], \"id\": "
		 "\"2\"},"
		 "{\"foo\": \"boo\"},"
		 "{\"jsonrpc\": \"2.0\", \"method\": \"foo.get\", \"params\": {\"name\": "
		 "\"myself\"}, "
		 "\"id\": \"5\"},"
		 "{\"jsonrpc\": \"2.0\", \"method\": \"get_data\", \"id\": \"9\"}]",
		"[{\"jsonrpc\": \"2.0\", \"result\": 7, \"id\": \"1\"},"
		"{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": \"2\"}," INVALID(
			"\\\"jsonrpc\\\" must be \\\"2.0\\\"") ","
							       "{\"jsonrpc\": \"2.0\", \"error\": "
							       "{\"code\": -32601, \"message\": "
							       "\"Method not "
							       "found\"}, \"id\": \"5\"},"
							       "{\"jsonrpc\": \"2.0\", \"result\": "
							       "[\"hello\", 5], \"id\": \"9\"}]");
	exchange("[{\"jsonrpc\": \"2.0\", \"method\": \"notify_sum\", \"params\": [1,2,4]},"
		 "{\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]}]",
		"");
	assert_int_equal(n_updates, 3);
	exchange("[1,1,1,1,1,1,1,1,1,1,1]", INVALID("more than 10 requests in a batch"));
}

static void test_ids(void **state)
{
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [], \"id\": null}",
		"{\"jsonrpc\": \"2.0\", \"result\": 0, \"id\": null}");
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [], \"id\": 1.5}",
		"{\"jsonrpc\": \"2.0\", \"result\": 0, \"id\": 1.5}");
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [], \"id\": -9}",
		"{\"jsonrpc\": \"2.0\", \"result\": 0, \"id\": -9}");
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [], \"id\": []}",
		INVALID("\\\"id\\\" must be a string, a number or null"));
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [], \"id\": "
		 "99999999999999999999999999}",
		INVALID("\\\"id\\\" does not fit 64 bits"));
	exchange("{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [], \"id\": NaN}",
		INVALID("\\\"id\\\" is no number that can be repeated"));
}

/* What a double was written as is what it is repeated as. */
static void test_id_is_repeated_exactly(void **state)
{
	assert_true(jsonrpc_step(
		begin("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":[],\"id\":1.500}"),
		SIZE_MAX));
	assert_string_equal(output, "{\"jsonrpc\":\"2.0\",\"result\":0,\"id\":1.500}\n");
}

static void test_later_answers(void **state)
{
	struct jsonrpc_exchange *x =
		begin("[{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":1},"
		      "{\"jsonrpc\":\"2.0\",\"method\":\"later\"},"
		      "{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":[1],\"id\":2}]");

	assert_false(jsonrpc_step(x, 1));
	assert_false(jsonrpc_step(x, 1));
	assert_true(jsonrpc_step(x, 1));
	assert_int_equal(n_complete, 0);
	jsonrpc_result(waiting[0], json_object_new_int(7));
	assert_int_equal(n_complete, 0);
	jsonrpc_fail(waiting[1], 5, "nobody is told", NULL);
	assert_int_equal(n_complete, 1);
	expect_output("[{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":2},"
		      "{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":1}]");
}

/* The client went: nothing is completed, nothing leaks, late answers are harmless. */
static void test_abandoned(void **state)
{
	struct jsonrpc_exchange *x = begin("[{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":1},"
					   "{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":2},"
					   "{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":3}]");

	jsonrpc_step(x, 2);
	jsonrpc_abandon(x);
	assert_null(jsonrpc_call_arg(waiting[0]));
	jsonrpc_result(waiting[0], json_object_new_int(7));
	jsonrpc_fail(waiting[1], 5, "nobody is told", json_object_new_object());
	assert_int_equal(n_complete, 0);
	assert_int_equal(n_waiting, 2);

	x = begin("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":[1],\"id\":2}");
	jsonrpc_abandon(x);
	assert_int_equal(n_complete, 0);
}

/* A batch whose answers grow beyond the limit is cut short, each request still has its answer. */
static void test_batch_answer_limit(void **state)
{
	struct json_object *a;
	char text[1024];
	size_t n = 0;

	n += (size_t)snprintf(text + n, sizeof(text) - n, "[");
	for (int i = 0; i < 3; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"%s{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":%d}", i ? "," : "", i);
	snprintf(text + n, sizeof(text) - n, "]");
	{
		struct jsonrpc_exchange *x = begin(text);
		char *big = malloc(8192);

		memset(big, 'x', 8191);
		big[8191] = 0;
		assert_false(jsonrpc_step(x, 1));
		jsonrpc_result(waiting[0], json_object_new_string(big));
		free(big);
		assert_true(jsonrpc_step(x, 2));
	}
	assert_int_equal(n_waiting, 1);
	assert_int_equal(n_complete, 1);
	a = json_tokener_parse(output);
	assert_int_equal(json_object_array_length(a), 3);
	assert_non_null(strstr(output, "-32002"));
	json_object_put(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_positional_parameters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_named_parameters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notifications, setup, teardown),
		cmocka_unit_test_setup_teardown(test_method_not_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_invalid_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batches, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_id_is_repeated_exactly, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_abandoned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch_answer_limit, setup, teardown),
	};

	return cmocka_run_group_tests_name("rpc/jsonrpc", tests, NULL, NULL);
}
