/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The members of address sets: a row for each prefix, under its set's id, so that a change of one
 * of a million writes one. A row's prefix is the 17 bytes of struct weft_prefix, whose order is
 * the order in the set. On weftd's event loop.
 */
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "store_impl.h"

#define FIRST_VERSION 2 /* of the schema: members were in the body before */

struct json_object *members_omit(const struct object *o)
{
	struct address_set bare;

	if (o->kind != MODEL_ADDRESS_SET)
		return object_to_json(o, false);
	bare = *(const struct address_set *)o;
	bare.n_prefixes = 0;
	return object_to_json(&bare.o, false);
}

struct writing {
	struct store *s;
	uint32_t set;
	int rc;
};

static void write_member(void *arg, const struct weft_prefix *p, bool added)
{
	struct writing *w = arg;
	sqlite3_stmt *stmt = w->s->statements[added ? STORE_ADD_MEMBER : STORE_REMOVE_MEMBER];

	if (w->rc != SQLITE_OK)
		return;
	sqlite3_bind_int64(stmt, 1, w->set);
	sqlite3_bind_blob(stmt, 2, p, sizeof(*p), SQLITE_STATIC);
	w->rc = store_run(stmt);
}

int members_write(struct store *s, const struct object *before, const struct object *after)
{
	const struct object *any = after ? after : before;
	struct writing w = {.s = s, .set = any->id, .rc = SQLITE_OK};

	if (any->kind == MODEL_ADDRESS_SET)
		address_set_diff((const struct address_set *)before,
			(const struct address_set *)after, write_member, &w);
	return w.rc;
}

/* The row as the set's next member. */
static bool read_member(sqlite3_stmt *row, struct address_set *set)
{
	struct weft_prefix *p = &set->prefixes[set->n_prefixes];

	if (sqlite3_column_type(row, 0) != SQLITE_BLOB ||
		sqlite3_column_bytes(row, 0) != sizeof(*p))
		return false;
	memcpy(p, sqlite3_column_blob(row, 0), sizeof(*p));
	set->n_prefixes++;
	return p->len <= 128 && weft_prefix_host_bits_zero(p);
}

int members_load(struct store *s, struct object *o)
{
	struct address_set *set = (struct address_set *)o;
	sqlite3_stmt *row = s->statements[STORE_MEMBERS];
	size_t room = 0;
	int rc;

	if (o->kind != MODEL_ADDRESS_SET || s->version < FIRST_VERSION)
		return SQLITE_OK;
	if (set->n_prefixes > 0)
		return SQLITE_CORRUPT;
	sqlite3_bind_int64(row, 1, o->id);
	while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
		if (set->n_prefixes == room) {
			room = room ? 2 * room : 16;
			set->prefixes = mem_realloc(set->prefixes, room, sizeof(*set->prefixes));
		}
		if (set->n_prefixes == MODEL_SET_PREFIXES || !read_member(row, set)) {
			rc = SQLITE_CORRUPT;
			break;
		}
	}
	sqlite3_reset(row);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int members_check(struct store *s)
{
	sqlite3_stmt *row = s->statements[STORE_STRAY_MEMBER];
	int rc;

	sqlite3_bind_int(row, 1, MODEL_ADDRESS_SET);
	rc = sqlite3_step(row);
	sqlite3_reset(row);
	if (rc == SQLITE_ROW)
		return SQLITE_CORRUPT;
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
