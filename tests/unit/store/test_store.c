/* SPDX-License-Identifier: BSD-3-Clause */
/* What is committed is read back: objects, ids, revisions; and nothing of what failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <build.h>
#include <store/store.h>

#include "dir.h"

static struct store *open_store(void)
{
	struct model_error err;
	struct store *s;

	if (store_open(test_path, "a", &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static struct model *load(struct store *s)
{
	struct model *m = model_new();
	struct model_error err;

	if (store_load(s, m, &err) < 0)
		fail_msg("%s", err.text);
	return m;
}

/* Ends the model's open transaction in both. */
static int commit(struct store *s, struct model *m, struct model_error *err)
{
	const struct model_change *changes;
	size_t n;
	int error = model_check(m, err);

	if (error)
		fail_msg("%s %s", err->object, err->text);
	changes = model_changes(m, &n);
	error = store_commit(s, model_revision(m) + 1, changes, n, err);
	if (error)
		model_rollback(m);
	else
		model_commit(m);
	return error;
}

static void compare(const struct model *a, const struct model *b)
{
	for (int kind = 1; kind < MODEL_KIND_MAX; kind++) {
		const struct object *o = NULL, *p;

		assert_int_equal(model_count(a, kind), model_count(b, kind));
		while ((o = model_next(a, kind, o ? o->name : NULL))) {
			p = model_find(b, kind, o->name);
			assert_non_null(p);
			assert_true(object_equal(o, p));
			assert_int_equal(o->id, p->id);
			assert_int_equal(o->revision, p->revision);
		}
	}
	assert_int_equal(model_revision(a), model_revision(b));
}

static void random_transaction(struct model *m)
{
	struct model_error err;

	model_begin(m);
	if (!model_find(m, MODEL_NETWORK, "t/n")) {
		build_put(m, MODEL_TENANT, "{'name':'t','description':'\\u00e9 \\\\ \\\"'}");
		build_put(m, MODEL_NETWORK, "{'tenant':'t','name':'n'}");
		build_put(m, MODEL_SEGMENT, "{'tenant':'t','name':'s','network':'n','vni':7}");
		build_put(m, MODEL_HOST, "{'name':'a','vteps':['192.0.2.1','2001:db8::1']}");
	}
	for (int n = 0; n < 4; n++) {
		char name[32];
		int i = (int)(random() % 20);

		snprintf(name, sizeof(name), "t/p%d", i);
		if (random() % 3 == 0)
			model_delete(m, MODEL_PORT, name, &err);
		else
			build_put(m, MODEL_PORT,
				"{'tenant':'t','name':'p%d','segment':'s','host':'a',"
				"'mac':'02:00:00:00:00:%02x','mtu':%ld}",
				i, i, 1000 + random() % 3);
	}
}

static void test_round_trip(void **state)
{
	struct store *s = open_store();
	struct model *m = load(s);
	struct model_error err;

	srandom(3);
	for (int round = 0; round < 40; round++) {
		struct model *again;

		random_transaction(m);
		assert_int_equal(commit(s, m, &err), 0);
		if (round % 4)
			continue;
		store_close(s);
		s = open_store();
		again = load(s);
		compare(m, again);
		model_free(m);
		m = again;
	}
	model_free(m);
	store_close(s);
}

static void test_memory(void **state)
{
	struct model_error err;
	struct model *m;
	struct store *s;

	assert_int_equal(store_open(":memory:", "a", &s, &err), 0);
	m = load(s);
	random_transaction(m);
	assert_int_equal(commit(s, m, &err), 0);
	model_free(m);
	store_close(s);
}

/* In a child of its own mount namespace, on a file system of 300 kB. 77: cannot be made here. */
static int full_disk(void)
{
	struct model_error err = {0};
	struct model *m, *again;
	struct store *s;
	int error = 0, done = 0;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("weft-test", test_dir, "tmpfs", 0, "size=300k") < 0)
		return 77;
	s = open_store();
	m = load(s);
	for (; !error && done < 5000; done++) {
		model_begin(m);
		build_put(m, MODEL_TENANT, "{'name':'t%d','description':'%0200d'}", done, done);
		error = commit(s, m, &err);
	}
	assert_int_equal(error, -ENOSPC);
	assert_non_null(strstr(err.text, "full"));
	store_close(s);
	s = open_store();
	again = load(s);
	compare(m, again);
	store_close(s);
	model_free(m);
	model_free(again);
	return 0;
}

static void test_full_disk(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(full_disk());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("skipped: no right to mount a small file system\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, dir_make, dir_remove),
		cmocka_unit_test(test_memory),
		cmocka_unit_test_setup_teardown(test_full_disk, dir_make, dir_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
