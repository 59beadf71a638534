/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the store, for the files of this folder.
 */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include <sqlite3.h>

#include <store/store.h>

enum store_statement {
	STORE_BEGIN,
	STORE_COMMIT,
	STORE_ROLLBACK,
	STORE_PUT,
	STORE_DELETE,
	STORE_REVISION,
	STORE_LOAD,
	N_STORE_STATEMENTS,
};

struct store {
	sqlite3 *db;
	char *path;
	uint64_t revision; /* when it was opened */
	sqlite3_stmt *statements[N_STORE_STATEMENTS];
};

/* The negative errno that an SQLite code stands for. */
int store_error(int rc);
/* Fills err from an SQLite code ("cannot write" store PATH: why) and returns store_error(rc). */
int store_fail(struct store *s, int rc, const char *what, struct model_error *err);

#endif
