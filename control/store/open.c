/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening the store: a new one is made, one that is damaged, newer, or another host's is refused
 * and not touched. Nothing is written, not even a checkpoint of its log, before all checks passed;
 * an older one is upgraded by store_load, when all of its content is known to be good.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "store_impl.h"

#define APPLICATION_ID 0x57454654 /* "WEFT", in the file's header */
#define STR(x)	       STR_(x)
#define STR_(x)	       #x

#define BUSY_TIMEOUT_MS 500 /* the weftd before may be on its way out */

/* What each version of the schema added to the one before. kind and id are the numbers of the
 * model; body is JSON as in the control API, less what has rows of its own. */
static const char *const schema[STORE_VERSION] = {
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE object ("
	" kind INTEGER NOT NULL, name TEXT NOT NULL, id INTEGER NOT NULL,"
	" revision INTEGER NOT NULL, body TEXT NOT NULL,"
	" PRIMARY KEY (kind, name)) WITHOUT ROWID;"
	"INSERT INTO meta VALUES ('revision', 0);"
	"PRAGMA application_id = " STR(APPLICATION_ID),
	"CREATE TABLE member (address_set INTEGER NOT NULL, prefix BLOB NOT NULL,"
	" PRIMARY KEY (address_set, prefix)) WITHOUT ROWID",
};

static const char *const statements[N_STORE_STATEMENTS] = {
	[STORE_BEGIN] = "BEGIN IMMEDIATE",
	[STORE_COMMIT] = "COMMIT",
	[STORE_PUT] = "INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?)",
	[STORE_DELETE] = "DELETE FROM object WHERE kind = ? AND name = ?",
	[STORE_REVISION] = "UPDATE meta SET value = ? WHERE key = 'revision'",
	[STORE_LOAD] = "SELECT kind, name, id, revision, body FROM object ORDER BY kind, name",
	[STORE_ADD_MEMBER] = "INSERT INTO member VALUES (?, ?)",
	[STORE_REMOVE_MEMBER] = "DELETE FROM member WHERE address_set = ? AND prefix = ?",
	[STORE_MEMBERS] = "SELECT prefix FROM member WHERE address_set = ? ORDER BY prefix",
	[STORE_STRAY_MEMBER] = "SELECT 1 FROM member WHERE address_set NOT IN"
			       " (SELECT id FROM object WHERE kind = ?) LIMIT 1",
};

static int exec(struct store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

/* The first column of the first row: as a number, and as text that the caller frees when ret_text
 * is not NULL. No row gives 0 and NULL. Returns an SQLite code. */
static int query(struct store *s, const char *sql, int64_t *ret, char **ret_text)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
		bool row = rc == SQLITE_ROW;

		*ret = row ? sqlite3_column_int64(stmt, 0) : 0;
		if (ret_text)
			*ret_text =
				row ? mem_strdup((const char *)sqlite3_column_text(stmt, 0)) : NULL;
		rc = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int refuse(struct store *s, int error, struct model_error *err, const char *why)
{
	model_fail(err, MODEL_ERR_INTERNAL, NULL, NULL, "store %.100s: %s; it was left as it is",
		s->path, why);
	return error;
}

static int check_version(
	struct store *s, int64_t application, int64_t version, struct model_error *err)
{
	if (application != APPLICATION_ID)
		return refuse(s, -EBADMSG, err, "it is a database of another program");
	if (version > STORE_VERSION)
		return refuse(s, -EPROTO, err,
			"it was written by a newer weftd; install that version again");
	if (version < 1)
		return refuse(s, -EBADMSG, err, "its schema version is not known");
	return 0;
}

static int check_content(struct store *s, const char *host, struct model_error *err)
{
	char *text = NULL;
	int64_t unused, revision = 0;
	int error = 0;
	int rc = query(s, "PRAGMA quick_check(1)", &unused, &text);

	if (rc == SQLITE_OK && (!text || strcmp(text, "ok") != 0))
		rc = SQLITE_CORRUPT;
	free(text);
	text = NULL;
	if (rc == SQLITE_OK)
		rc = query(s, "SELECT value FROM meta WHERE key = 'revision'", &revision, NULL);
	if (rc == SQLITE_OK)
		rc = query(s, "SELECT value FROM meta WHERE key = 'host'", &unused, &text);
	if (rc != SQLITE_OK)
		error = store_fail(s, rc, "cannot read", err);
	else if (!text || strcmp(text, host) != 0) {
		model_fail(err, MODEL_ERR_INTERNAL, NULL, NULL,
			"store %.80s belongs to host \"%.32s\", not to \"%.32s\"", s->path,
			text ? text : "", host);
		error = -EINVAL;
	}
	free(text);
	s->revision = (uint64_t)revision;
	return error;
}

/* Begins a transaction, and what later versions added in it. Returns an SQLite code. */
static int begin_schema(struct store *s, int version)
{
	int rc = exec(s, "BEGIN IMMEDIATE");

	for (; version < STORE_VERSION && rc == SQLITE_OK; version++)
		rc = exec(s, schema[version]);
	return rc == SQLITE_OK ? exec(s, "PRAGMA user_version = " STR(STORE_VERSION)) : rc;
}

static int create(struct store *s, const char *host, struct model_error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = exec(s, "PRAGMA journal_mode = WAL");

	if (rc == SQLITE_OK)
		rc = begin_schema(s, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(
			s->db, "INSERT INTO meta VALUES ('host', ?)", -1, &stmt, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_bind_text(stmt, 1, host, -1, SQLITE_STATIC);
		rc = sqlite3_step(stmt);
		rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_OK)
		rc = exec(s, "COMMIT");
	return rc == SQLITE_OK ? 0 : store_fail(s, rc, "cannot create", err);
}

static int check_or_create(struct store *s, const char *host, struct model_error *err)
{
	int64_t pages = 0, application = 0, version = 0;
	int error;
	int rc = query(s, "PRAGMA page_count", &pages, NULL);

	if (rc == SQLITE_OK)
		rc = query(s, "PRAGMA application_id", &application, NULL);
	if (rc == SQLITE_OK)
		rc = query(s, "PRAGMA user_version", &version, NULL);
	if (rc != SQLITE_OK)
		return store_fail(s, rc, "cannot open", err);
	s->version = pages == 0 ? STORE_VERSION : (int)version;
	if (pages == 0)
		return create(s, host, err);
	error = check_version(s, application, version, err);
	return error ? error : check_content(s, host, err);
}

static int prepare(struct store *s)
{
	int rc = SQLITE_OK;

	for (int i = 0; i < N_STORE_STATEMENTS && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
			&s->statements[i], NULL);
	return rc;
}

int store_begin_upgrade(struct store *s)
{
	int rc = begin_schema(s, s->version);

	return rc == SQLITE_OK ? prepare(s) : rc;
}

static int open_db(struct store *s, struct model_error *err)
{
	int rc = sqlite3_open_v2(s->path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);

	if (rc == SQLITE_OK && sqlite3_db_readonly(s->db, "main") == 1)
		rc = SQLITE_READONLY; /* SQLite falls back to reading */
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = exec(s, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL;"
			     "PRAGMA journal_size_limit = 67108864; PRAGMA cell_size_check = ON");
	return rc == SQLITE_OK ? 0 : store_fail(s, rc, "cannot open", err);
}

int store_open(const char *path, const char *host, struct store **ret, struct model_error *err)
{
	struct store *s = mem_zalloc(sizeof(*s));
	int error;

	s->path = mem_strdup(path);
	error = open_db(s, err);
	if (!error)
		error = check_or_create(s, host, err);
	if (!error && s->version == STORE_VERSION) {
		int rc = prepare(s);

		error = rc == SQLITE_OK ? 0 : store_fail(s, rc, "cannot open", err);
	}
	if (error) {
		store_close(s);
		return error;
	}
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	*ret = s;
	return 0;
}
