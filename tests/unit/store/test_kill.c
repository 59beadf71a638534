/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was acknowledged survives kill -9: a child commits transactions and says each number on a
 * pipe; the parent kills it at a random one and reads the store. Every transaction puts two tenants
 * and deletes one, and moves an address set on by a member, so that half a transaction would show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <build.h>
#include <store/store.h>

#include "dir.h"

#define ROUNDS 12

static struct store *open_and_load(struct model *m)
{
	struct model_error err;
	struct store *s;

	if (store_open(test_path, "a", &s, &err) < 0 || store_load(s, m, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

/* Its members after transaction i: i, i + 1 and i + 2. */
static struct object *window(uint32_t i)
{
	return build_object(MODEL_ADDRESS_SET,
		"{'tenant':'a0','name':'s','prefixes':['::%x','::%x','::%x']}", i + 1, i + 2,
		i + 3);
}

static void put_two(struct model *m, uint32_t i)
{
	struct model_error err;
	char name[32];

	build_put(m, MODEL_TENANT, "{'name':'a%u','description':'%0100u'}", i, i);
	build_put(m, MODEL_TENANT, "{'name':'b%u'}", i);
	snprintf(name, sizeof(name), "b%u", i - 1);
	if (i > 0)
		model_delete(m, MODEL_TENANT, name, &err);
	model_put(m, window(i), &err);
}

static void child(int fd, uint32_t i)
{
	const struct model_change *changes;
	struct model *m = model_new();
	struct store *s = open_and_load(m);
	struct model_error err;
	size_t n;

	for (;; i++) {
		model_begin(m);
		put_two(m, i);
		if (model_check(m, &err))
			_exit(1);
		changes = model_changes(m, &n);
		if (store_commit(s, model_revision(m) + 1, changes, n, &err))
			_exit(1);
		model_commit(m);
		if (write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

/* Runs a child from number first on and kills it; returns the last acknowledged number. */
static uint32_t run_and_kill(uint32_t first)
{
	uint32_t i = 0, stop = first + (uint32_t)(random() % 30);
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		child(fds[1], first);
	close(fds[1]);
	while (read(fds[0], &i, sizeof(i)) == sizeof(i) && i < stop)
		;
	kill(pid, SIGKILL);
	while (read(fds[0], &status, sizeof(status)) == sizeof(status))
		i = (uint32_t)status;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return i;
}

static void test_kill(void **state)
{
	uint32_t next = 0;

	srandom((unsigned int)getpid());
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t last = run_and_kill(next);
		struct model *m = model_new();
		struct object *members;
		struct store *s;
		char name[32];

		s = open_and_load(m);
		next = (uint32_t)model_revision(m); /* one more may have been written */
		assert_true(next == last + 1 || next == last + 2);
		assert_int_equal(model_count(m, MODEL_TENANT), next + 1);
		for (uint32_t i = 0; i < next; i++) {
			snprintf(name, sizeof(name), "a%u", i);
			assert_non_null(model_find(m, MODEL_TENANT, name));
		}
		snprintf(name, sizeof(name), "b%u", next - 1);
		assert_non_null(model_find(m, MODEL_TENANT, name));
		members = window(next - 1);
		assert_true(object_equal(model_find(m, MODEL_ADDRESS_SET, "a0/s"), members));
		object_free(members);
		store_close(s);
		model_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kill, dir_make, dir_remove)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
