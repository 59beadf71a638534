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
#include "reopen.h"

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

#define ADDRESSES 600
#define SETS	  3

/* The sets as they should be: which of the first ADDRESSES of 10.0.0.0/16 are in each. */
struct oracle {
	bool is_there[SETS];
	bool has[SETS][ADDRESSES];
};

static void put_set(struct model *m, const struct oracle *w, int set)
{
	struct address_set *s = (struct address_set *)build_object(
		MODEL_ADDRESS_SET, "{'tenant':'t','name':'s%d'}", set);
	struct model_error err;

	s->prefixes = calloc(ADDRESSES, sizeof(*s->prefixes));
	for (int i = 0; i < ADDRESSES; i++) {
		const uint8_t v4[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};

		if (w->has[set][i])
			s->prefixes[s->n_prefixes++] =
				(struct weft_prefix){weft_addr_from_v4(v4), 128};
	}
	assert_int_equal(model_put(m, &s->o, &err), 0);
}

/* Changes a few members, or all, or takes the set away. */
static void change_set(struct model *m, struct oracle *w, int set)
{
	char name[16];
	struct model_error err;
	int n = random() % 4 ? (int)(random() % 5) : ADDRESSES;

	snprintf(name, sizeof(name), "t/s%d", set);
	if (random() % 8 == 0) {
		if (w->is_there[set])
			assert_int_equal(model_delete(m, MODEL_ADDRESS_SET, name, &err), 0);
		w->is_there[set] = false;
		memset(w->has[set], 0, sizeof(w->has[set]));
		return;
	}
	for (; n > 0; n--)
		w->has[set][random() % ADDRESSES] ^= true;
	w->is_there[set] = true;
	put_set(m, w, set);
}

static void check_sets(const struct model *m, const struct oracle *w)
{
	size_t n_there = 0;

	for (int set = 0; set < SETS; set++) {
		const struct address_set *s;
		char name[16];
		size_t n = 0;

		snprintf(name, sizeof(name), "t/s%d", set);
		s = (const struct address_set *)model_find(m, MODEL_ADDRESS_SET, name);
		assert_int_equal(s != NULL, w->is_there[set]);
		n_there += w->is_there[set];
		for (int i = 0; s && i < ADDRESSES; i++) {
			const uint8_t v4[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
			const struct weft_prefix p = {weft_addr_from_v4(v4), 128};

			assert_int_equal(address_set_has(s, &p), w->has[set][i]);
			n += w->has[set][i];
		}
		assert_true(!s || s->n_prefixes == n);
	}
	assert_int_equal(model_count(m, MODEL_ADDRESS_SET), n_there);
}

/* Members come and go at random; restarts, and transactions that are
 * given up, between. */
static void test_members(void **state)
{
	struct store *s = open_store();
	struct model *m = load(s), *again;
	struct oracle w = {0}, before;
	struct model_error err;

	srandom(11);
	model_begin(m);
	build_put(m, MODEL_TENANT, "{'name':'t'}");
	assert_int_equal(commit(s, m, &err), 0);
	for (int round = 0; round < 300; round++) {
		before = w;
		model_begin(m);
		for (int n = (int)(random() % 3); n >= 0; n--)
			change_set(m, &w, (int)(random() % SETS));
		if (random() % 8 == 0) {
			model_rollback(m);
			w = before;
		} else {
			assert_int_equal(commit(s, m, &err), 0);
		}
		if (round % 10)
			continue;
		store_close(s);
		s = open_store();
		again = load(s);
		compare(m, again);
		check_sets(again, &w);
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
		cmocka_unit_test_setup_teardown(test_members, dir_make, dir_remove),
		cmocka_unit_test(test_memory),
		cmocka_unit_test_setup_teardown(test_full_disk, dir_make, dir_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
