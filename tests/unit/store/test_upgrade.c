/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A store of version 1, in which the members of address sets were in their bodies, is read and
 * upgraded at once and whole, or left as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <sqlite3.h>

#include <build.h>

#include "reopen.h"

#define MEMBERS 3000

/* As weftd made it. */
static const char version_1[] =
	"PRAGMA journal_mode = WAL; BEGIN;"
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE object (kind INTEGER NOT NULL, name TEXT NOT NULL, id INTEGER NOT NULL,"
	" revision INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;"
	"INSERT INTO meta VALUES ('revision', 41), ('host', 'a');"
	"INSERT INTO object VALUES"
	" (1, 't', 7, 3, '{\"name\":\"t\",\"description\":\"first\"}'),"
	" (2, 't/n', 9, 4, '{\"tenant\":\"t\",\"name\":\"n\"}'),"
	" (8, 't/none', 4, 40, '{\"tenant\":\"t\",\"name\":\"none\"}'),"
	" (8, 't/some', 5, 41, '{\"tenant\":\"t\",\"name\":\"some\",\"description\":\"x\","
	"\"prefixes\":[\"2001:db8::/32\",\"192.0.2.1\",\"10.0.0.0/8\"]}');"
	"PRAGMA application_id = 0x57454654; PRAGMA user_version = 1; COMMIT";

static sqlite3 *open_db(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(test_path, &db), SQLITE_OK);
	return db;
}

static int64_t ask(const char *sql)
{
	sqlite3 *db = open_db();
	sqlite3_stmt *stmt;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

static void sql(const char *statements)
{
	sqlite3 *db = open_db();

	assert_int_equal(sqlite3_exec(db, statements, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A set of many addresses in random order, some of them twice. */
static void add_long_set(void)
{
	struct json_object *body = json_object_new_object(), *list = json_object_new_array();
	sqlite3 *db = open_db();
	sqlite3_stmt *stmt;

	for (uint32_t i = 0; i < MEMBERS + 100; i++) {
		char text[32];

		snprintf(text, sizeof(text), "fd00::%x", (i * 1237 % MEMBERS) + 1);
		json_object_array_add(list, json_object_new_string(text));
	}
	json_object_object_add(body, "tenant", json_object_new_string("t"));
	json_object_object_add(body, "name", json_object_new_string("many"));
	json_object_object_add(body, "prefixes", list);
	assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO object VALUES (8, 't/many', 6, 2, ?)",
				 -1, &stmt, NULL),
		SQLITE_OK);
	sqlite3_bind_text(stmt, 1, json_object_to_json_string(body), -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	json_object_put(body);
}

static void check_object(const struct model *m, struct object *should, uint32_t id, uint64_t rev)
{
	const struct object *o = model_find(m, should->kind, should->name);

	assert_non_null(o);
	assert_true(object_equal(o, should));
	assert_int_equal(o->id, id);
	assert_int_equal(o->revision, rev);
	object_free(should);
}

static void check_all(const struct model *m)
{
	const struct address_set *many;

	assert_int_equal(model_revision(m), 41);
	check_object(m, build_object(MODEL_TENANT, "{'name':'t','description':'first'}"), 7, 3);
	check_object(m, build_object(MODEL_NETWORK, "{'tenant':'t','name':'n'}"), 9, 4);
	check_object(m, build_object(MODEL_ADDRESS_SET, "{'tenant':'t','name':'none'}"), 4, 40);
	check_object(m,
		build_object(MODEL_ADDRESS_SET,
			"{'tenant':'t','name':'some','description':'x',"
			"'prefixes':['10.0.0.0/8','192.0.2.1','2001:db8::/32']}"),
		5, 41);
	many = (const struct address_set *)model_find(m, MODEL_ADDRESS_SET, "t/many");
	assert_non_null(many);
	assert_int_equal(many->n_prefixes, MEMBERS);
}

static void test_upgrade(void **state)
{
	struct model_error err;
	struct model *m, *again;
	struct store *s;

	sql(version_1);
	add_long_set();
	s = open_store();
	m = load(s);
	check_all(m);
	store_close(s);
	assert_int_equal(ask("PRAGMA user_version"), 2);
	assert_int_equal(ask("SELECT count(*) FROM member"), MEMBERS + 3);
	assert_int_equal(ask("SELECT count(*) FROM object WHERE body LIKE '%prefixes%'"), 0);
	s = open_store();
	again = load(s);
	compare(m, again);
	check_all(again);
	model_free(m);
	/* What is committed to it is a change of the members that it had. */
	model_begin(again);
	build_put(again, MODEL_ADDRESS_SET,
		"{'tenant':'t','name':'some','prefixes':['192.0.2.1','192.0.2.2']}");
	assert_int_equal(commit(s, again, &err), 0);
	store_close(s);
	s = open_store();
	m = load(s);
	compare(m, again);
	store_close(s);
	model_free(m);
	model_free(again);
}

/* Loading fails with error; what the store has is what it had, and still of version 1. */
static void check_refused(int error)
{
	struct model *m = model_new();
	struct store *s = open_store();
	struct model_error err;

	assert_int_equal(store_load(s, m, &err), error);
	assert_int_equal(model_count(m, MODEL_TENANT), 0);
	store_close(s);
	model_free(m);
	assert_int_equal(ask("PRAGMA user_version"), 1);
	assert_int_equal(ask("SELECT count(*) FROM sqlite_master WHERE name = 'member'"), 0);
}

static void test_damaged(void **state)
{
	sql(version_1);
	sql("UPDATE object SET body = '{' WHERE kind = 8");
	check_refused(-EBADMSG);
	sql("UPDATE object SET body = '{\"tenant\":\"t\",\"name\":\"none\"}' WHERE kind = 8");
	check_refused(-EBADMSG);
	sql("DELETE FROM object WHERE kind != 2"); /* what the network refers to */
	check_refused(-EBADMSG);
}

/* A file cannot grow beyond some size, a larger one each time, until the upgrade fits. */
static void test_interrupted(void **state)
{
	struct rlimit all, limit;
	struct model *m = NULL;
	int n_failed = 0;

	sql(version_1);
	add_long_set();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	limit = all;
	for (limit.rlim_cur = 0; !m; limit.rlim_cur += 8 << 10) {
		struct model *try = model_new();
		struct model_error err;
		struct store *s;
		int error;

		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		error = store_open(test_path, "a", &s, &err);
		if (!error) {
			error = store_load(s, try, &err);
			store_close(s);
		}
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
		if (!error) {
			m = try;
			continue;
		}
		n_failed++;
		assert_int_equal(model_count(try, MODEL_TENANT), 0);
		model_free(try);
		assert_int_equal(ask("PRAGMA user_version"), 1);
	}
	assert_true(n_failed > 5);
	check_all(m);
	model_free(m);
	assert_int_equal(ask("SELECT count(*) FROM member"), MEMBERS + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_upgrade, dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(test_damaged, dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(test_interrupted, dir_make, dir_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
