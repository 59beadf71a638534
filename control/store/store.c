/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and writing the store. Opening, with all that can be wrong then, is in open.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <model/json.h>

#include "store_impl.h"

int store_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

int store_fail(struct store *s, int rc, const char *what, struct model_error *err)
{
	const char *why = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
	int error = store_error(rc);

	switch (error) {
	case -ENOSPC:
		why = "the disk is full; make room, nothing was changed";
		break;
	case -EROFS:
		why = "it cannot be written; check the file system and permissions";
		break;
	case -EBUSY:
		why = "another process has it open; only one weftd may use a store";
		break;
	case -EACCES:
		why = "it cannot be opened; the directory must exist and be writable";
		break;
	case -EBADMSG:
		why = "it is damaged; it was left as it is, restore it from a backup or move it "
		      "away to start empty";
		break;
	}
	model_fail(err, MODEL_ERR_INTERNAL, NULL, NULL, "%s store %.120s: %s", what, s->path, why);
	return error ? error : -EIO;
}

int store_run(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_object(struct store *s, const struct object *o)
{
	struct json_object *json = members_omit(o);
	sqlite3_stmt *stmt = s->statements[STORE_PUT];
	const char *body;
	size_t size;
	int rc;

	body = json_object_to_json_string_length(
		json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
	sqlite3_bind_int(stmt, 1, o->kind);
	sqlite3_bind_text(stmt, 2, o->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, o->id);
	sqlite3_bind_int64(stmt, 4, (sqlite3_int64)o->revision);
	sqlite3_bind_text(stmt, 5, body, (int)size, SQLITE_STATIC);
	rc = store_run(stmt);
	json_object_put(json);
	return rc;
}

static int delete_object(struct store *s, const struct model_change *c)
{
	sqlite3_stmt *stmt = s->statements[STORE_DELETE];

	sqlite3_bind_int(stmt, 1, c->kind);
	sqlite3_bind_text(stmt, 2, c->name, -1, SQLITE_STATIC);
	return store_run(stmt);
}

static int write_revision(struct store *s, uint64_t revision)
{
	sqlite3_bind_int64(s->statements[STORE_REVISION], 1, (sqlite3_int64)revision);
	return store_run(s->statements[STORE_REVISION]);
}

static int write_change(struct store *s, const struct model_change *c)
{
	int rc = c->after ? write_object(s, c->after) : delete_object(s, c);

	return rc == SQLITE_OK ? members_write(s, c->before, c->after) : rc;
}

static int write_changes(
	struct store *s, uint64_t revision, const struct model_change *changes, size_t n)
{
	int rc = store_run(s->statements[STORE_BEGIN]);

	for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
		rc = write_change(s, &changes[i]);
	if (rc == SQLITE_OK)
		rc = write_revision(s, revision);
	if (rc == SQLITE_OK)
		rc = store_run(s->statements[STORE_COMMIT]);
	return rc;
}

static void roll_back(struct store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int store_commit(struct store *s, uint64_t revision, const struct model_change *changes, size_t n,
	struct model_error *err)
{
	int rc = write_changes(s, revision, changes, n), error;

	if (rc == SQLITE_OK)
		return 0;
	error = store_fail(s, rc, "cannot write", err);
	roll_back(s);
	return error;
}

static int bad_row(
	struct store *s, const char *name, const struct model_error *why, struct model_error *err)
{
	model_fail(err, MODEL_ERR_INTERNAL, NULL, NULL,
		"store %.80s: %.64s cannot be read: %.80s; it was left as it is", s->path, name,
		why->text);
	return -EBADMSG;
}

/* One row into the model. */
static int load_row(struct store *s, sqlite3_stmt *row, struct model *m, struct json_tokener *tok,
	struct model_error *err)
{
	int kind = sqlite3_column_int(row, 0);
	const char *name = (const char *)sqlite3_column_text(row, 1);
	const char *body = (const char *)sqlite3_column_text(row, 4);
	struct model_error why = {.text = "it is not an object of a known kind"};
	struct json_object *json;
	struct object *o = NULL;
	int error = -EINVAL;

	if (kind <= 0 || kind >= MODEL_KIND_MAX || !name || !body)
		return bad_row(s, name ? name : "", &why, err);
	json_tokener_reset(tok);
	json = json_tokener_parse_ex(tok, body, sqlite3_column_bytes(row, 4));
	if (json)
		error = object_from_json(kind, json, NULL, &o, &why);
	json_object_put(json);
	if (!error && strcmp(o->name, name) != 0) {
		object_free(o);
		error = -EINVAL;
	}
	if (error)
		return bad_row(s, name, &why, err);
	o->id = (uint32_t)sqlite3_column_int64(row, 2);
	o->revision = (uint64_t)sqlite3_column_int64(row, 3);
	if (store_error(members_load(s, o)) < 0) {
		object_free(o);
		why = (struct model_error){.text = "its members are damaged or unreadable"};
		return bad_row(s, name, &why, err);
	}
	return model_put(m, o, &why) < 0 ? bad_row(s, name, &why, err) : 0;
}

static int load_rows(struct store *s, struct model *m, struct model_error *err)
{
	sqlite3_stmt *row = s->statements[STORE_LOAD];
	struct json_tokener *tok = json_tokener_new();
	int error = 0, rc;

	json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
	while ((rc = sqlite3_step(row)) == SQLITE_ROW && !error)
		error = load_row(s, row, m, tok, err);
	if (!error && rc != SQLITE_DONE)
		error = store_fail(s, rc, "cannot read", err);
	sqlite3_reset(row);
	json_tokener_free(tok);
	return error;
}

/* Ends an upgrade: writes all that was loaded again, as this version does. */
static int end_upgrade(struct store *s, struct model *m, struct model_error *err)
{
	const struct model_change *objects;
	int rc = SQLITE_OK;
	size_t n;

	objects = model_changes(m, &n);
	for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
		rc = write_change(s, &objects[i]);
	if (rc == SQLITE_OK)
		rc = store_run(s->statements[STORE_COMMIT]);
	if (rc != SQLITE_OK)
		return store_fail(s, rc, "cannot upgrade", err);
	s->version = STORE_VERSION;
	return 0;
}

/* All of the store into the model, checked, in the model's open transaction. */
static int load(struct store *s, struct model *m, struct model_error *err)
{
	struct model_error why;
	int error = load_rows(s, m, err), rc;

	if (error)
		return error;
	rc = members_check(s);
	if (rc != SQLITE_OK)
		return store_fail(s, rc, "cannot read", err);
	return model_check(m, &why) < 0 ? bad_row(s, why.object, &why, err) : 0;
}

int store_load(struct store *s, struct model *m, struct model_error *err)
{
	bool upgrade = s->version < STORE_VERSION;
	int rc = upgrade ? store_begin_upgrade(s) : SQLITE_OK, error;

	model_begin_load(m, s->revision);
	error = rc == SQLITE_OK ? load(s, m, err) : store_fail(s, rc, "cannot upgrade", err);
	if (!error && upgrade)
		error = end_upgrade(s, m, err);
	if (error) {
		roll_back(s);
		model_rollback(m);
	} else {
		model_commit(m);
	}
	return error;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (int i = 0; i < N_STORE_STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}
