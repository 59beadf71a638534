/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the store, for the files of this folder.
 */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include <sqlite3.h>

#include <model/json.h>
#include <store/store.h>

#define STORE_VERSION 2

enum store_statement {
	STORE_BEGIN,
	STORE_COMMIT,
	STORE_PUT,
	STORE_DELETE,
	STORE_REVISION,
	STORE_LOAD,
	STORE_ADD_MEMBER,
	STORE_REMOVE_MEMBER,
	STORE_MEMBERS,
	STORE_STRAY_MEMBER,
	N_STORE_STATEMENTS,
};

struct store {
	sqlite3 *db;
	char *path;
	uint64_t revision; /* when it was opened */
	int version;	   /* of its schema; older than STORE_VERSION until it is loaded */
	sqlite3_stmt *statements[N_STORE_STATEMENTS];
};

/* The negative errno that an SQLite code stands for. */
int store_error(int rc);
/* Fills err from an SQLite code ("cannot write" store PATH: why) and returns store_error(rc). */
int store_fail(struct store *s, int rc, const char *what, struct model_error *err);
/* open.c: brings the tables of an older store to STORE_VERSION, and prepares the statements, in a
 * transaction that stays open, for the objects to be written again in it. Returns an SQLite code.
 */
int store_begin_upgrade(struct store *s);
/* Runs a statement that gives no rows, and makes it ready again. Returns an SQLite code. */
int store_run(sqlite3_stmt *stmt);

/* members.c: the prefixes of address sets, which are not in their set's body. Other kinds of
 * objects have none. */
/* The object as JSON, less its members. Caller puts it. */
struct json_object *members_omit(const struct object *o);
/* Writes in what before and after differ; either may be NULL. Returns an SQLite code. */
int members_write(struct store *s, const struct object *before, const struct object *after);
/* Fills the object from its members; its id is set. Returns an SQLite code, SQLITE_CORRUPT when a
 * row is none. */
int members_load(struct store *s, struct object *o);
/* SQLITE_CORRUPT when there are members of what is no address set. */
int members_check(struct store *s);

#endif
