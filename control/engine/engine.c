/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine: one way for every change of intent. The order is what makes it safe: judged before
 * stored, stored before it counts, and nothing after the store can fail.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <engine/engine.h>

#define MAX_LISTENERS 4

struct listener {
	void (*fn)(void *arg, const struct model_change *c, size_t n, uint64_t revision);
	void *arg;
};

struct engine {
	char *host;
	struct model *model;
	struct store *store;
	struct compiler *compiler;
	struct engine_sink sink;
	struct listener listeners[MAX_LISTENERS];
	size_t n_listeners;
};

/* One generation on its way to the sink. */
struct generation {
	struct engine *e;
	bool begun;
	bool underlay; /* ops that host/ may care about */
};

static void begin(struct generation *g)
{
	if (g->begun)
		return;
	g->begun = true;
	if (g->e->sink.begin)
		g->e->sink.begin(g->e->sink.arg);
}

static void emit(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
	struct generation *g = arg;

	begin(g);
	g->underlay |= table == WEFT_TABLE_VTEP || table == WEFT_TABLE_LOCAL_VTEP ||
		       (table == WEFT_TABLE_PORT && entry->port.role == WEFT_ROLE_UPLINK);
	if (g->e->sink.emit)
		g->e->sink.emit(g->e->sink.arg, table, verb, entry);
}

/* Sends what follows from the changes noted so far; also when nothing does, if begun. */
static void end(struct generation *g)
{
	const struct engine_sink *sink = &g->e->sink;

	compile_run(g->e->compiler, emit, g);
	if (g->begun && sink->end)
		sink->end(sink->arg, model_revision(g->e->model));
}

static void ignore(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
}

int engine_open(
	const char *store_path, const char *host, struct engine **ret, struct model_error *err)
{
	struct engine *e = mem_zalloc(sizeof(*e));
	int error;

	e->host = mem_strdup(host);
	e->model = model_new();
	error = store_open(store_path, host, &e->store, err);
	if (!error)
		error = store_load(e->store, e->model, err);
	if (error) {
		engine_close(e);
		return error;
	}
	e->compiler = compile_new(e->model, host);
	/* A sink starts from compile_full and gets what changes from then on. */
	compile_run(e->compiler, ignore, NULL);
	*ret = e;
	return 0;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	compile_free(e->compiler);
	model_free(e->model);
	store_close(e->store);
	free(e->host);
	free(e);
}

void engine_set_sink(struct engine *e, const struct engine_sink *sink)
{
	e->sink = sink ? *sink : (struct engine_sink){0};
}

const struct model *engine_model(const struct engine *e)
{
	return e->model;
}

const struct compiler *engine_compiler(const struct engine *e)
{
	return e->compiler;
}

const char *engine_host(const struct engine *e)
{
	return e->host;
}

static int check_verb(const struct engine_op *op, const char *name, const struct object *present,
	struct model_error *err)
{
	if (op->verb == ENGINE_CREATE && present)
		return model_fail(err, MODEL_ERR_EXISTS, present, NULL, "exists already");
	if ((op->verb == ENGINE_UPDATE || op->verb == ENGINE_DELETE) && !present)
		return model_fail(err, MODEL_ERR_NOT_FOUND, NULL, NULL, "there is no %s \"%s\"",
			model_kind_name(op->kind), name);
	if (op->if_revision && present && present->revision != op->if_revision)
		return model_fail(err, MODEL_ERR_REVISION, present, "revision",
			"was changed by revision %lu; read it again", (long)present->revision);
	if (op->if_revision && !present)
		return model_fail(err, MODEL_ERR_REVISION, NULL, NULL,
			"%s \"%s\" was deleted meanwhile", model_kind_name(op->kind), name);
	return 0;
}

/* Takes the op's object. */
static int apply(struct engine *e, struct engine_op *op, struct model_error *err)
{
	struct object *o = op->object;
	const char *name = o ? o->name : op->name;
	const struct object *present = model_find(e->model, op->kind, name);
	int error = check_verb(op, name, present, err);

	op->object = NULL;
	if (error) {
		object_free(o);
		return error;
	}
	if (op->verb != ENGINE_DELETE && op->verb != ENGINE_DELETE_IF_PRESENT)
		return model_put(e->model, o, err);
	object_free(o);
	return present ? model_delete(e->model, op->kind, name, err) : 0;
}

/* Puts the ops into the model; frees the objects of those not reached. */
static int apply_all(
	struct engine *e, struct engine_op *ops, size_t n, size_t *ret_op, struct model_error *err)
{
	int error = 0;

	for (size_t i = 0; i < n; i++) {
		if (error) {
			object_free(ops[i].object);
			ops[i].object = NULL;
			continue;
		}
		error = apply(e, &ops[i], err);
		if (error && ret_op)
			*ret_op = i;
	}
	return error;
}

static void count(const struct model_change *c, struct engine_result *ret)
{
	if (!c->before)
		ret->n_created++;
	else if (!c->after)
		ret->n_deleted++;
	else
		ret->n_updated++;
}

/* Makes durable what the model checked, then takes it over everywhere. */
static int commit(
	struct engine *e, const struct model_change *changes, size_t n, struct model_error *err)
{
	struct generation g = {.e = e};
	uint64_t revision = model_revision(e->model) + 1;
	int error = store_commit(e->store, revision, changes, n, err);

	if (error)
		return error;
	compile_note(e->compiler, changes, n);
	for (size_t i = 0; i < e->n_listeners; i++)
		e->listeners[i].fn(e->listeners[i].arg, changes, n, revision);
	model_commit(e->model);
	begin(&g);
	end(&g);
	if (g.underlay && e->sink.underlay_wanted)
		e->sink.underlay_wanted(e->sink.arg);
	return 0;
}

int engine_transact(struct engine *e, struct engine_op *ops, size_t n, bool dry_run,
	void (*on_change)(void *arg, const struct model_change *c), void *arg,
	struct engine_result *ret, size_t *ret_op, struct model_error *err)
{
	struct engine_result result = {0};
	const struct model_change *changes;
	size_t n_changes;
	int error;

	if (ret_op)
		*ret_op = SIZE_MAX;
	model_begin(e->model);
	error = apply_all(e, ops, n, ret_op, err);
	if (!error)
		error = model_check(e->model, err);
	if (error) {
		model_rollback(e->model);
		return error;
	}
	changes = model_changes(e->model, &n_changes);
	for (size_t i = 0; i < n_changes; i++) {
		count(&changes[i], &result);
		if (on_change)
			on_change(arg, &changes[i]);
	}
	if (!dry_run && n_changes)
		error = commit(e, changes, n_changes, err);
	if (dry_run || !n_changes || error)
		model_rollback(e->model);
	if (error)
		return error;
	result.revision = model_revision(e->model);
	*ret = result;
	return 0;
}

void engine_paths(struct engine *e, const struct underlay_path *paths, size_t n)
{
	struct generation g = {.e = e};

	for (size_t i = 0; i < n; i++)
		compile_note_path(e->compiler, &paths[i]);
	end(&g);
}

void engine_link(struct engine *e, const struct underlay_link *link)
{
	struct generation g = {.e = e};

	compile_note_link(e->compiler, link);
	end(&g);
	if (g.underlay && e->sink.underlay_wanted)
		e->sink.underlay_wanted(e->sink.arg);
}

void engine_on_commit(struct engine *e,
	void (*fn)(void *arg, const struct model_change *c, size_t n, uint64_t revision), void *arg)
{
	assert(e->n_listeners < MAX_LISTENERS);
	e->listeners[e->n_listeners++] = (struct listener){fn, arg};
}
