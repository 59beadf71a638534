/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client library against a real server (rpcd, named by $RPCD) and against one that answers
 * nonsense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <weftrpc/client.h>
#include <weftrpc/text.h>

#define TIMEOUT_MS 30000

struct fixture {
	char path[64];
	pid_t server;
	FILE *commands, *replies;
	struct weftrpc *c;
	struct weftrpc_error err;
};

static void expect_line(FILE *f, const char *wanted)
{
	char line[64];

	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, wanted);
}

static void command(struct fixture *f, const char *text)
{
	fprintf(f->commands, "%s\n", text);
	fflush(f->commands);
	expect_line(f->replies, "ok\n");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int in[2], out[2];

	snprintf(f->path, sizeof(f->path), "/tmp/weft-client-%d.sock", getpid());
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	f->server = fork();
	if (f->server == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[1]);
		close(out[0]);
		execl(getenv("RPCD"), "rpcd", f->path, "h1", "-1", NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	f->commands = fdopen(in[1], "w");
	f->replies = fdopen(out[0], "r");
	expect_line(f->replies, "ready\n");
	assert_int_equal(weftrpc_connect(f->path, &f->c, &f->err), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int status;

	weftrpc_close(f->c);
	weftrpc_error_clear(&f->err);
	fclose(f->commands);
	fclose(f->replies);
	waitpid(f->server, &status, 0);
	free(f);
	return 0;
}

static struct json_object *json(const char *text)
{
	struct json_object *o = json_tokener_parse(text);

	assert_non_null(o);
	return o;
}

static void call(struct fixture *f, const char *method, const char *params)
{
	struct json_object *result;

	assert_int_equal(weftrpc_call(f->c, method, json(params), TIMEOUT_MS, &result, &f->err), 0);
	json_object_put(result);
}

static void test_call(void **state)
{
	struct fixture *f = *state;
	struct json_object *result = NULL;

	assert_int_equal(weftrpc_call(f->c, "version", NULL, TIMEOUT_MS, &result, NULL), 0);
	assert_string_equal(json_object_get_string(json_object_object_get(result, "host")), "h1");
	json_object_put(result);
}

static void test_error(void **state)
{
	struct fixture *f = *state;
	struct json_object *result = NULL, *object;

	assert_int_equal(weftrpc_call(f->c, "tenant.get", json("{\"name\":\"no\"}"), TIMEOUT_MS,
				 &result, &f->err),
		-EREMOTEIO);
	assert_null(result);
	assert_int_equal(f->err.code, WEFTRPC_NOT_FOUND);
	assert_true(json_object_object_get_ex(f->err.data, "object", &object));
	assert_string_equal(json_object_get_string(object), "tenant no");
	/* The connection is as good as before. */
	call(f, "version", "{}");
}

static void test_notifications(void **state)
{
	struct fixture *f = *state;
	struct json_object *n;

	call(f, "events.subscribe", "{\"events\":[\"commit\"]}");
	assert_int_equal(weftrpc_notification(f->c, 0, &n, &f->err), -ETIMEDOUT);
	/* These arrive while calls wait. */
	call(f, "tenant.create", "{\"name\":\"a\"}");
	call(f, "tenant.create", "{\"name\":\"b\"}");
	for (int i = 1; i <= 2; i++) {
		struct json_object *params;

		assert_int_equal(weftrpc_notification(f->c, TIMEOUT_MS, &n, &f->err), 0);
		params = json_object_object_get(n, "params");
		assert_int_equal(
			json_object_get_int(json_object_object_get(params, "revision")), i);
		json_object_put(n);
	}
	assert_int_equal(weftrpc_notification(f->c, 0, &n, &f->err), -ETIMEDOUT);
}

static void test_batch(void **state)
{
	struct fixture *f = *state;
	struct json_object *answer;

	assert_int_equal(weftrpc_raw(f->c,
				 json("[{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":\"a\"},"
				      "{\"jsonrpc\":\"2.0\",\"method\":\"tenant.create\","
				      "\"params\":{\"name\":"
				      "\"x\"}},7]"),
				 TIMEOUT_MS, &answer, &f->err),
		0);
	assert_int_equal(json_object_array_length(answer), 2);
	json_object_put(answer);
	/* Nothing in it asks for an answer, so none is waited for. */
	assert_int_equal(
		weftrpc_raw(f->c,
			json("[{\"jsonrpc\":\"2.0\",\"method\":\"tenant.create\",\"params\":"
			     "{\"name\":\"y\"}}]"),
			TIMEOUT_MS, &answer, &f->err),
		0);
	assert_null(answer);
	call(f, "tenant.get", "{\"name\":\"y\"}");
}

static void count_progress(void *arg, size_t done, size_t total)
{
	unsigned int *n = arg;

	assert_true(done <= total);
	++*n;
}

static struct json_object *tenant_ops(int n, int bad)
{
	struct json_object *ops = json_object_new_array();
	char text[128];

	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text),
			"{\"verb\":\"create\",\"kind\":\"tenant\",\"object\":{\"name\":\"%st%d\"}}",
			i == bad ? "!" : "", i);
		json_object_array_add(ops, json(text));
	}
	return ops;
}

static void test_chunks(void **state)
{
	struct fixture *f = *state;
	unsigned int n = 0;
	size_t done = 0;

	assert_int_equal(weftrpc_transact(f->c, tenant_ops(25, -1), 10, TIMEOUT_MS, count_progress,
				 &n, &done, &f->err),
		0);
	assert_int_equal(done, 25);
	assert_int_equal(n, 3);
	call(f, "apply", "{\"document\":{\"tenants\":[]}}");
	/* What was committed stays, what comes behind the mistake is not sent. */
	assert_int_equal(weftrpc_transact(f->c, tenant_ops(25, 12), 10, TIMEOUT_MS, NULL, NULL,
				 &done, &f->err),
		-EREMOTEIO);
	assert_int_equal(done, 10);
	call(f, "tenant.get", "{\"name\":\"t9\"}");
	weftrpc_error_clear(&f->err);
	assert_int_equal(weftrpc_transact(f->c, tenant_ops(0, -1), 10, TIMEOUT_MS, NULL, NULL,
				 &done, &f->err),
		0);
	assert_int_equal(done, 0);
}

/* The late answer is not taken for that to the next call. */
static void test_timeout(void **state)
{
	struct fixture *f = *state;
	struct json_object *result = NULL;

	command(f, "connect");
	command(f, "hang");
	assert_int_equal(weftrpc_call(f->c, "fdb.list", NULL, 50, &result, &f->err), -ETIMEDOUT);
	assert_int_equal(f->err.code, 0);
	assert_int_equal(
		weftrpc_call(f->c, "neighbour.list", NULL, TIMEOUT_MS, &result, &f->err), 0);
	assert_int_equal(json_object_get_int(json_object_object_get(result, "total")), 1);
	json_object_put(result);
}

/* Larger than all buffers on the way, in both directions at once. */
static void test_large(void **state)
{
	struct fixture *f = *state;
	struct json_object *params = json_object_new_object(), *result = NULL;

	json_object_object_add(params, "ops", tenant_ops(30000, -1));
	json_object_object_add(params, "changes", json_object_new_boolean(true));
	assert_int_equal(weftrpc_call(f->c, "transact", params, TIMEOUT_MS, &result, &f->err), 0);
	assert_int_equal(
		json_object_array_length(json_object_object_get(result, "changes")), 30000);
	json_object_put(result);
}

static void test_server_dies(void **state)
{
	struct fixture *f = *state;
	struct json_object *result = NULL;

	kill(f->server, SIGKILL);
	assert_int_equal(
		weftrpc_call(f->c, "version", NULL, TIMEOUT_MS, &result, &f->err), -ECONNRESET);
	assert_non_null(strstr(f->err.text, "closed the connection"));
	unlink(f->path);
}

static void test_connect_failures(void **state)
{
	struct weftrpc_error err = {0};
	struct weftrpc *c = NULL;
	char path[200];

	assert_int_equal(weftrpc_connect("/nonexistent/x.sock", &c, &err), -ENOENT);
	assert_non_null(strstr(err.text, "weftd is not running"));
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	assert_int_equal(weftrpc_connect(path, &c, NULL), -ENAMETOOLONG);
	assert_null(c);
	weftrpc_close(NULL);
}

/* What a server says that is not ours. */
static void test_nonsense(void **state)
{
	static const char *const answers[] = {"hello\n", "{\"id\":1}\n", "[]\n", "7 \n",
		"{\"id\":1,\"error\":5}\n", "{\"id\":1,\"result\":", ""};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct sockaddr_un sun = {.sun_family = AF_UNIX};
		struct json_object *result = NULL;
		struct weftrpc *c;
		int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd, r;

		snprintf(
			sun.sun_path, sizeof(sun.sun_path), "/tmp/weft-nonsense-%d.sock", getpid());
		assert_int_equal(bind(listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
		listen(listener, 1);
		assert_int_equal(weftrpc_connect(sun.sun_path, &c, NULL), 0);
		fd = accept(listener, NULL, NULL);
		assert_int_equal(write(fd, answers[i], strlen(answers[i])), strlen(answers[i]));
		shutdown(fd, SHUT_WR);
		r = weftrpc_call(c, "version", NULL, TIMEOUT_MS, &result, NULL);
		assert_true(r == -EPROTO || r == -ECONNRESET);
		assert_null(result);
		weftrpc_close(c);
		close(fd);
		close(listener);
		unlink(sun.sun_path);
	}
}

static void test_socket_path(void **state)
{
	char path[WEFTRPC_PATH_SIZE], name[200];

	unsetenv("WEFT_SOCKET");
	assert_int_equal(weftrpc_socket_path(NULL, NULL, path), 0);
	assert_string_equal(path, "/run/weft/weftd.sock");
	assert_int_equal(weftrpc_socket_path(NULL, "a", path), 0);
	assert_string_equal(path, "/run/weft/a/weftd.sock");
	setenv("WEFT_SOCKET", "/x", 1);
	assert_int_equal(weftrpc_socket_path(NULL, NULL, path), 0);
	assert_string_equal(path, "/x");
	assert_int_equal(weftrpc_socket_path("/y", NULL, path), 0);
	assert_string_equal(path, "/y");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_int_equal(weftrpc_socket_path(name, NULL, path), -ENAMETOOLONG);
	unsetenv("WEFT_SOCKET");
}

static const char *nearest(const char *word)
{
	static const char *const words[] = {"segment", "name", "mac", "queues", "addresses"};
	struct weftrpc_nearest n;

	weftrpc_nearest_init(&n, word);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		weftrpc_nearest_try(&n, words[i]);
	return n.best != NULL ? n.best : "";
}

static void test_nearest(void **state)
{
	char longer[100];

	assert_string_equal(nearest("segmnt"), "segment");
	assert_string_equal(nearest("nmae"), "name");
	assert_string_equal(nearest("adresses"), "addresses");
	assert_string_equal(nearest("colour"), "");
	assert_string_equal(nearest(""), "");
	assert_string_equal(nearest("x"), "");
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	assert_string_equal(nearest(longer), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notifications, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chunks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_dies, setup, teardown),
		cmocka_unit_test(test_connect_failures),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_socket_path),
		cmocka_unit_test(test_nearest),
	};

	if (getenv("RPCD") == NULL) {
		printf("skipped: RPCD does not name the test server\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("rpc/client", tests, NULL, NULL);
}
