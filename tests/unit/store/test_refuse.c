/* SPDX-License-Identifier: BSD-3-Clause */
/* A store that is not right is refused with a sentence, and not one byte of it changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <sqlite3.h>

#include <build.h>
#include <store/store.h>

#include "dir.h"

struct content {
	char *bytes;
	size_t size;
};

static struct content read_all(const char *path)
{
	struct content c = {.bytes = malloc(4 << 20)};
	int fd = open(path, O_RDONLY);

	if (fd >= 0) {
		c.size = read(fd, c.bytes, 4 << 20);
		close(fd);
	}
	return c;
}

/* A store of host "a" with 300 tenants in many pages. */
static void make_store(void)
{
	const struct model_change *changes;
	struct model *m = model_new();
	struct model_error err;
	struct store *s;
	size_t n;

	assert_int_equal(store_open(test_path, "a", &s, &err), 0);
	model_begin(m);
	for (int i = 0; i < 300; i++)
		build_put(m, MODEL_TENANT, "{'name':'t%d','description':'%0200d'}", i, i);
	build_put(m, MODEL_NETWORK, "{'tenant':'t7','name':'n'}");
	build_put(m, MODEL_ADDRESS_SET,
		"{'tenant':'t20','name':'s','prefixes':['10.0.0.0/8','192.0.2.1','2001:db8::/"
		"32']}");
	assert_int_equal(model_check(m, &err), 0);
	changes = model_changes(m, &n);
	assert_int_equal(store_commit(s, 1, changes, n, &err), 0);
	model_commit(m);
	model_free(m);
	store_close(s);
}

static void sql(const char *statement)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(test_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, statement, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Opening (or loading) fails with error and a sentence with word in it. */
static void refused(const char *host, int error, const char *word)
{
	struct content before = read_all(test_path), after;
	struct model *m = model_new();
	struct model_error err = {0};
	struct store *s;
	int got = store_open(test_path, host, &s, &err);

	if (!got) {
		got = store_load(s, m, &err);
		store_close(s);
		assert_int_equal(model_count(m, MODEL_TENANT), 0);
	}
	if (got != error || !strstr(err.text, word))
		fail_msg("%d: %s", got, err.text);
	after = read_all(test_path);
	assert_int_equal(after.size, before.size);
	assert_memory_equal(after.bytes, before.bytes, before.size);
	free(before.bytes);
	free(after.bytes);
	model_free(m);
}

static void write_at(off_t offset, const void *bytes, size_t size)
{
	int fd = open(test_path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, offset), size);
	close(fd);
}

static void test_wrong_host(void **state)
{
	make_store();
	refused("b", -EINVAL, "belongs to host \"a\"");
}

static void test_newer(void **state)
{
	make_store();
	sql("PRAGMA user_version = 3");
	refused("a", -EPROTO, "newer");
}

static void test_other_program(void **state)
{
	sql("CREATE TABLE x (y)");
	refused("a", -EBADMSG, "another program");
}

static void test_no_database(void **state)
{
	char text[8192];

	memset(text, 'x', sizeof(text));
	write_at(0, text, sizeof(text));
	refused("a", -EBADMSG, "damaged");
}

/* Bytes of any page overwritten: refused, or (bytes that nobody uses) read as it was. */
static void test_damaged(void **state)
{
	struct content good;
	uint8_t garbage[600];
	int n_refused = 0;

	make_store();
	good = read_all(test_path);
	srandom(5);
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (uint8_t)random();
	for (off_t page = 0; page < (off_t)good.size; page += 4096) {
		struct model_error err = {0};
		struct store *s;

		write_at(page, garbage, sizeof(garbage));
		if (store_open(test_path, "a", &s, &err) == 0)
			store_close(s);
		else
			n_refused++;
		write_at(0, good.bytes, good.size);
	}
	assert_true(n_refused >= (int)(good.size / 4096) - 2);
	write_at(4096 * 3, garbage, sizeof(garbage));
	refused("a", -EBADMSG, "damaged");
	write_at(0, good.bytes, good.size);
	assert_int_equal(truncate(test_path, (off_t)good.size / 8192 * 4096), 0);
	refused("a", -EBADMSG, "damaged");
	free(good.bytes);
}

static void test_bad_objects(void **state)
{
	make_store();
	sql("UPDATE object SET body = '{\"name\":5}' WHERE name = 't5'");
	refused("a", -EBADMSG, "t5");
	sql("UPDATE object SET body = '{\"name\":\"t6\"}' WHERE name = 't5'");
	refused("a", -EBADMSG, "t5");
	sql("UPDATE object SET body = '{' WHERE name = 't5'");
	refused("a", -EBADMSG, "t5");
	sql("UPDATE object SET body = '{\"name\":\"t5\"}' WHERE name = 't5'");
	sql("UPDATE object SET id = 1 WHERE name IN ('t5', 't6')");
	refused("a", -EBADMSG, "id");
	sql("DELETE FROM object WHERE name IN ('t5', 't6')");
	sql("DELETE FROM object WHERE name = 't7'"); /* t7/n refers to it */
	refused("a", -EBADMSG, "network t7/n");
	sql("UPDATE object SET kind = 77 WHERE name = 't8'");
	refused("a", -EBADMSG, "t8");
}

/* Rows of members that are none, or of no set, or beside those in a body. */
static void test_bad_members(void **state)
{
	static const char *const bad[] = {
		"x'00'",				 /* too short */
		"'00000000000000000'",			 /* text */
		"x'00000000000000000000ffffc000020181'", /* a length of 129 */
		"x'00000000000000000000ffffc000020178'", /* host bits */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char statement[200];

		snprintf(statement, sizeof(statement),
			"UPDATE member SET prefix = %s"
			" WHERE hex(prefix) LIKE '%%C000020180'",
			bad[i]);
		make_store();
		sql(statement);
		refused("a", -EBADMSG, "t20/s");
		assert_int_equal(remove(test_path), 0);
	}
	make_store();
	sql("UPDATE object SET body = '{\"tenant\":\"t20\",\"name\":\"s\","
	    "\"prefixes\":[\"10.0.0.0/8\"]}' WHERE kind = 8");
	refused("a", -EBADMSG, "t20/s");
	sql("DELETE FROM object WHERE kind = 8");
	refused("a", -EBADMSG, "damaged");
}

static void test_in_use(void **state)
{
	struct model_error err;
	struct store *s;

	make_store();
	assert_int_equal(store_open(test_path, "a", &s, &err), 0);
	refused("a", -EBUSY, "another process");
	store_close(s);
}

static void test_no_directory(void **state)
{
	snprintf(test_path, sizeof(test_path), "%s/no/store", test_dir);
	refused("a", -EACCES, "directory");
}

/* As a user who may not write: in a child that gives up root. */
static void test_read_only(void **state)
{
	struct model_error err = {0};
	struct store *s;
	int status;
	pid_t pid;

	make_store();
	assert_int_equal(chmod(test_dir, 0555), 0);
	assert_int_equal(chmod(test_path, 0444), 0);
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && seteuid(65534) < 0)
			_exit(77);
		status = store_open(test_path, "a", &s, &err);
		_exit((status == -EROFS || status == -EACCES) && strstr(err.text, test_path) ? 0
											     : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(chmod(test_dir, 0755), 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, dir_make, dir_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_wrong_host),
		TEST(test_newer),
		TEST(test_other_program),
		TEST(test_no_database),
		TEST(test_damaged),
		TEST(test_bad_objects),
		TEST(test_bad_members),
		TEST(test_in_use),
		TEST(test_no_directory),
		TEST(test_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
