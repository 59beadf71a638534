/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The compiler's loop: marks become ops. Knows no table's content (one file for each) and does no
 * I/O. Called by the engine, on weftd's event loop.
 */
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "uses.h"

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
	[WEFT_TABLE_TENANT] = &compile_tenant,
	[WEFT_TABLE_NETWORK] = &compile_network,
	[WEFT_TABLE_ROUTER] = &compile_router,
	[WEFT_TABLE_SUBNET] = &compile_subnet,
	[WEFT_TABLE_ROUTE] = &compile_route,
	[WEFT_TABLE_SET] = &compile_set,
	[WEFT_TABLE_SET_MEMBER] = &compile_set_member,
	[WEFT_TABLE_RULESET] = &compile_ruleset,
	[WEFT_TABLE_RULE] = &compile_rule,
	[WEFT_TABLE_DNS] = &compile_dns,
};

/* An entry refers only to tables before its own, or to its own. */
static const uint8_t order[WEFT_TABLE_MAX - 1] = {
	WEFT_TABLE_TENANT,
	WEFT_TABLE_NETWORK,
	WEFT_TABLE_ROUTER,
	WEFT_TABLE_SET,
	WEFT_TABLE_SET_MEMBER,
	WEFT_TABLE_RULESET,
	WEFT_TABLE_RULE,
	WEFT_TABLE_SEGMENT,
	WEFT_TABLE_PORT,
	WEFT_TABLE_LOCAL_VTEP,
	WEFT_TABLE_VTEP,
	WEFT_TABLE_FLOOD,
	WEFT_TABLE_FDB,
	WEFT_TABLE_NEIGH,
	WEFT_TABLE_SUBNET,
	WEFT_TABLE_ROUTE,
	WEFT_TABLE_DNS,
};

static union key key_of(enum weft_table table, const void *entry)
{
	union key k = key_id(0);

	weft_entry_key(table, entry, k.bytes);
	return k;
}

static uint64_t key_hash(const union key *k)
{
	return hset_hash(k, sizeof(*k));
}

/* Another one than that of emitted entries: a set that grows by elements in the order of their hash
 * has long runs. */
static uint64_t key_mark_hash(const union key *k)
{
	uint64_t hash = key_hash(k);

	return hash << 32 | hash >> 32;
}

static uint64_t mark_hash(const void *element)
{
	return key_mark_hash(&((const struct mark *)element)->key);
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
		return key_hash(&k);                                                               \
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

	if (c->all)
		return;
	if (!hset_find(&c->marked[table], key_mark_hash(&k), mark_has_key, &k))
		hset_insert(&c->marked[table], &m);
}

void mark_all(struct compiler *c)
{
	c->all = true;
	for (int table = 1; table < WEFT_TABLE_MAX; table++)
		hset_clear(&c->marked[table]);
}

struct compiler *compile_new(const struct model *m, const char *host)
{
	struct compiler *c = mem_zalloc(sizeof(*c));
	const struct object *o = NULL;

	c->m = m;
	c->all = true;
	c->host = mem_strdup(host);
	for (int table = 1; table < WEFT_TABLE_MAX; table++) {
		hset_init(&c->marked[table], sizeof(struct mark), mark_hash);
		hset_init(&c->emitted[table], weft_entry_size(table), emitted[table].hash);
	}
	members_init(c);
	routing_init(c);
	uses_init(c);
	dns_init(c);
	underlay_init(c);
	uses_note_policies(c);
	while ((o = model_next(m, MODEL_ROUTER, o ? o->name : NULL)))
		routing_note_router(c, NULL, (const struct router *)o);
	while ((o = model_next(m, MODEL_ROUTE, o ? o->name : NULL)))
		routing_note_route(c, NULL, (const struct route *)o);
	while ((o = model_next(m, MODEL_PORT, o ? o->name : NULL))) {
		members_note_port(c, NULL, (const struct port *)o);
		uses_note_port(c, NULL, (const struct port *)o);
	}
	members_settle(c);
	uses_note_after(c, NULL, 0);
	return c;
}

void compile_free(struct compiler *c)
{
	if (!c)
		return;
	members_clear(c);
	routing_clear(c);
	uses_clear(c);
	dns_clear(c);
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
	const struct seg *seg;

	switch (o->kind) {
	case MODEL_SEGMENT:
		mark(c, WEFT_TABLE_SEGMENT, key_id(s->vni));
		mark_local_ports(c, o->name); /* their MTU */
		seg = seg_find(c, o->name);
		mark_subnets(c, s->vni, seg ? seg->rtr : NULL, s);
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
	case MODEL_ROUTER:
		mark_router(c, (const struct router *)o);
		break;
	case MODEL_ROUTE:
		mark_route(c, (const struct route *)o);
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
		routing_note_segment(c, (const struct segment *)change->before,
			(const struct segment *)change->after);
		break;
	case MODEL_HOST:
		if (change->after)
			members_set_vteps(c, (const struct host *)change->after);
		break;
	case MODEL_PORT:
		members_note_port(
			c, (const struct port *)change->before, (const struct port *)change->after);
		dns_note_port(
			c, (const struct port *)change->before, (const struct port *)change->after);
		break;
	case MODEL_ROUTER:
		routing_note_router(c, (const struct router *)change->before,
			(const struct router *)change->after);
		break;
	case MODEL_ROUTE:
		routing_note_route(c, (const struct route *)change->before,
			(const struct route *)change->after);
		break;
	default:
		break;
	}
}

void compile_note(struct compiler *c, const struct model_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uses_note_before(c, &changes[i]);
		if (changes[i].before)
			note_object(c, changes[i].before);
	}
	for (size_t i = 0; i < n; i++)
		note_change(c, &changes[i]);
	members_settle(c);
	uses_note(c, changes, n);
	uses_note_after(c, changes, n);
	for (size_t i = 0; i < n; i++)
		if (changes[i].after)
			note_object(c, changes[i].after);
}

struct run {
	struct compiler *c;
	enum weft_table table;
	compile_emit_fn emit;
	void *arg;
};

/* The PUT of a key, if any. False: it was emitted and should not be any more. */
static bool run_key(const struct run *r, const union key *k)
{
	struct hset *set = &r->c->emitted[r->table];
	size_t size = weft_entry_size(r->table);
	void *is = hset_find(set, key_hash(k), emitted[r->table].has_key, k);
	union weft_entry should;

	memset(&should, 0, size);
	if (!tables[r->table]->get(r->c, k, &should))
		return is == NULL;
	if (is && memcmp(is, &should, size) == 0)
		return true;
	if (is)
		memcpy(is, &should, size);
	else
		hset_insert(set, &should);
	r->emit(r->arg, r->table, WEFT_OP_PUT, &should);
	return true;
}

static void run_walked(void *arg, const union key *k)
{
	run_key(arg, k);
}

/* All PUTs of a table. */
static void run_puts(const struct run *r)
{
	if (r->c->all) {
		tables[r->table]->walk(r->c, run_walked, (void *)r);
		return;
	}
	for (struct mark *m = NULL; (m = hset_next(&r->c->marked[r->table], m));)
		m->gone = !run_key(r, &m->key);
}

/* Marks what was emitted and should not be any more, when nothing is marked. */
static void find_gone(const struct run *r)
{
	struct compiler *c = r->c;
	union weft_entry unused;

	for (void *e = NULL; (e = hset_next(&c->emitted[r->table], e));) {
		struct mark m = {.key = key_of(r->table, e), .gone = true};

		if (!tables[r->table]->get(c, &m.key, &unused))
			hset_insert(&c->marked[r->table], &m);
	}
}

/* All DELETEs of a table. */
static void run_deletes(const struct run *r)
{
	struct hset *set = &r->c->emitted[r->table];
	union weft_entry entry;

	if (r->c->all)
		find_gone(r);
	for (struct mark *m = NULL; (m = hset_next(&r->c->marked[r->table], m));) {
		void *is;

		if (!m->gone)
			continue;
		is = hset_find(set, key_hash(&m->key), emitted[r->table].has_key, &m->key);
		memcpy(&entry, is, weft_entry_size(r->table));
		hset_remove(set, is);
		r->emit(r->arg, r->table, WEFT_OP_DELETE, &entry);
	}
	hset_clear(&r->c->marked[r->table]);
}

void compile_run(struct compiler *c, compile_emit_fn emit, void *arg)
{
	struct run r = {.c = c, .emit = emit, .arg = arg};

	for (int i = 0; i < WEFT_TABLE_MAX - 1; i++) {
		r.table = order[i];
		run_puts(&r);
	}
	for (int i = WEFT_TABLE_MAX - 2; i >= 0; i--) {
		r.table = order[i];
		run_deletes(&r);
	}
	c->all = false;
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
	for (int i = 0; i < WEFT_TABLE_MAX - 1; i++) {
		struct full f = {c, order[i], emit, arg};

		tables[f.table]->walk(c, emit_walked, &f);
	}
}
