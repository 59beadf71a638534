/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The compiler's loop: marks become ops. Knows no table's content (one file for each) and does no
 * I/O. Called by the engine, on weftd's event loop.
 */
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "compile_impl.h"

struct mark {
	union key key;
	bool gone; /* in a run: was emitted and should not be any more */
};

static const struct compile_table *const tables[WEFT_TABLE_MAX] = {
	[WEFT_TABLE_SEGMENT] = &compile_segment,
	[WEFT_TABLE_PORT] = &compile_port,
	[WEFT_TABLE_LOCAL_VTEP] = &compile_local_vtep,
	[WEFT_TABLE_VTEP] = &compile_vtep,
	[WEFT_TABLE_FLOOD] = &compile_flood,
	[WEFT_TABLE_FDB] = &compile_fdb,
	[WEFT_TABLE_NEIGH] = &compile_neigh,
};

static union key key_of(enum weft_table table, const void *entry)
{
	union key k = key_id(0);

	weft_entry_key(table, entry, k.bytes);
	return k;
}

static uint64_t mark_hash(const void *element)
{
	return hset_hash(&((const struct mark *)element)->key, sizeof(union key));
}

static bool mark_has_key(const void *element, const void *probe)
{
	return memcmp(element, probe, sizeof(union key)) == 0;
}

/* Emitted entries: a hash and a comparison for each table. */
#define EMITTED(number, id, type, name)                                                            \
	static uint64_t id##_hash(const void *element)                                             \
	{                                                                                          \
		union key k = key_of(number, element);                                             \
                                                                                                   \
		return hset_hash(&k, sizeof(k));                                                   \
	}                                                                                          \
	static bool id##_has_key(const void *element, const void *probe)                           \
	{                                                                                          \
		union key k = key_of(number, element);                                             \
                                                                                                   \
		return memcmp(&k, probe, sizeof(k)) == 0;                                          \
	}
WEFT_TABLES(EMITTED)
#undef EMITTED

static const struct {
	hset_hash_fn hash;
	hset_eq_fn has_key;
} emitted[WEFT_TABLE_MAX] = {
#define EMITTED(number, id, type, name) [number] = {id##_hash, id##_has_key},
	WEFT_TABLES(EMITTED)
#undef EMITTED
};

void mark(struct compiler *c, enum weft_table table, union key k)
{
	struct mark m = {.key = k};

	if (!hset_find(&c->marked[table], mark_hash(&m), mark_has_key, &k))
		hset_insert(&c->marked[table], &m);
}

struct walk {
	struct compiler *c;
	enum weft_table table;
};

static void mark_walked(void *arg, const union key *k)
{
	struct walk *w = arg;

	mark(w->c, w->table, *k);
}

void mark_all(struct compiler *c)
{
	for (int table = 1; table < WEFT_TABLE_MAX; table++) {
		struct walk w = {c, table};

		for (void *e = NULL; (e = hset_next(&c->emitted[table], e));)
			mark(c, table, key_of(table, e));
		tables[table]->walk(c, mark_walked, &w);
	}
}

struct compiler *compile_new(const struct model *m, const char *host)
{
	struct compiler *c = mem_zalloc(sizeof(*c));
	const struct object *o = NULL;

	c->m = m;
	c->host = mem_strdup(host);
	for (int table = 1; table < WEFT_TABLE_MAX; table++) {
		hset_init(&c->marked[table], sizeof(struct mark), mark_hash);
		hset_init(&c->emitted[table], weft_entry_size(table), emitted[table].hash);
	}
	members_init(c);
	underlay_init(c);
	while ((o = model_next(m, MODEL_PORT, o ? o->name : NULL)))
		members_note_port(c, NULL, (const struct port *)o);
	members_settle(c);
	mark_all(c);
	return c;
}

void compile_free(struct compiler *c)
{
	if (!c)
		return;
	members_clear(c);
	hset_clear(&c->paths);
	for (int table = 1; table < WEFT_TABLE_MAX; table++) {
		hset_clear(&c->marked[table]);
		hset_clear(&c->emitted[table]);
	}
	free(c->host);
	free(c);
}

static void note_object(struct compiler *c, const struct object *o)
{
	const struct segment *s = (const struct segment *)o;
	const struct peer *peer;

	switch (o->kind) {
	case MODEL_SEGMENT:
		mark(c, WEFT_TABLE_SEGMENT, key_id(s->vni));
		mark_local_ports(c, o->name); /* their MTU */
		break;
	case MODEL_HOST:
		peer = peer_find(c, o->name);
		if (peer)
			mark_peer(c, peer);
		if (strcmp(o->name, c->host) == 0)
			mark_all(c);
		break;
	case MODEL_PORT:
		mark_port(c, (const struct port *)o);
		break;
	default:
		break;
	}
}

/* Between the marks by the old state and those by the new. */
static void note_change(struct compiler *c, const struct model_change *change)
{
	switch (change->kind) {
	case MODEL_SEGMENT:
		members_touch(c, change->name);
		break;
	case MODEL_HOST:
		if (change->after)
			members_set_vteps(c, (const struct host *)change->after);
		break;
	case MODEL_PORT:
		members_note_port(
			c, (const struct port *)change->before, (const struct port *)change->after);
		break;
	default:
		break;
	}
}

void compile_note(struct compiler *c, const struct model_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].before)
			note_object(c, changes[i].before);
	for (size_t i = 0; i < n; i++)
		note_change(c, &changes[i]);
	members_settle(c);
	for (size_t i = 0; i < n; i++)
		if (changes[i].after)
			note_object(c, changes[i].after);
}

/* The PUT of one marked key, if any. */
static void run_mark(
	struct compiler *c, enum weft_table table, struct mark *m, compile_emit_fn emit, void *arg)
{
	struct hset *set = &c->emitted[table];
	size_t size = weft_entry_size(table);
	union weft_entry should;
	void *is = hset_find(set, mark_hash(m), emitted[table].has_key, &m->key);

	memset(&should, 0, size);
	if (!tables[table]->get(c, &m->key, &should)) {
		m->gone = is != NULL;
		return;
	}
	if (is && memcmp(is, &should, size) == 0)
		return;
	if (is)
		memcpy(is, &should, size);
	else
		hset_insert(set, &should);
	emit(arg, table, WEFT_OP_PUT, &should);
}

static void run_gone(struct compiler *c, enum weft_table table, const struct mark *m,
	compile_emit_fn emit, void *arg)
{
	struct hset *set = &c->emitted[table];
	void *is = hset_find(set, mark_hash(m), emitted[table].has_key, &m->key);
	union weft_entry entry;

	memcpy(&entry, is, weft_entry_size(table));
	hset_remove(set, is);
	emit(arg, table, WEFT_OP_DELETE, &entry);
}

void compile_run(struct compiler *c, compile_emit_fn emit, void *arg)
{
	struct mark *m;

	for (int table = 1; table < WEFT_TABLE_MAX; table++)
		for (m = NULL; (m = hset_next(&c->marked[table], m));)
			run_mark(c, table, m, emit, arg);
	for (int table = WEFT_TABLE_MAX - 1; table > 0; table--) {
		for (m = NULL; (m = hset_next(&c->marked[table], m));)
			if (m->gone)
				run_gone(c, table, m, emit, arg);
		hset_clear(&c->marked[table]);
	}
}

struct full {
	const struct compiler *c;
	enum weft_table table;
	compile_emit_fn emit;
	void *arg;
};

static void emit_walked(void *arg, const union key *k)
{
	struct full *f = arg;
	union weft_entry entry;

	memset(&entry, 0, weft_entry_size(f->table));
	if (tables[f->table]->get(f->c, k, &entry))
		f->emit(f->arg, f->table, WEFT_OP_PUT, &entry);
}

void compile_full(const struct compiler *c, compile_emit_fn emit, void *arg)
{
	for (int table = 1; table < WEFT_TABLE_MAX; table++) {
		struct full f = {c, table, emit, arg};

		tables[table]->walk(c, emit_walked, &f);
	}
}
