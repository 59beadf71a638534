/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine: each verb and its errors, then random transactions with a store that fails now and
 * then. After each, what a sink holds is what compile_full says, and a failed or dry transaction
 * changed nothing; a restart finds the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <engine/engine.h>

#include "../compile/applied.h"
#include "build.h"

/* The store, which fails when told to. Put in by the linker (--wrap). */
static bool store_fails;
int __real_store_commit(struct store *s, uint64_t revision, const struct model_change *changes,
	size_t n, struct model_error *err);
int __wrap_store_commit(struct store *s, uint64_t revision, const struct model_change *changes,
	size_t n, struct model_error *err);

int __wrap_store_commit(struct store *s, uint64_t revision, const struct model_change *changes,
	size_t n, struct model_error *err)
{
	if (!store_fails)
		return __real_store_commit(s, revision, changes, n, err);
	model_fail(err, MODEL_ERR_INTERNAL, NULL, NULL, "the disk is full");
	return -ENOSPC;
}

struct world {
	struct engine *e;
	struct applied applied;
	int n_begun, n_ended, n_wanted;
	uint64_t ended_revision;
	size_t n_listened;
	uint64_t listened_revision;
};

static void on_begin(void *arg)
{
	struct world *w = arg;

	assert_int_equal(w->n_begun++, w->n_ended);
}

static void on_emit(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
	struct world *w = arg;

	assert_int_equal(w->n_begun, w->n_ended + 1);
	applied_op(&w->applied, table, verb, entry);
}

static void on_end(void *arg, uint64_t revision)
{
	struct world *w = arg;

	assert_int_equal(w->n_begun, ++w->n_ended);
	w->ended_revision = revision;
}

static void on_wanted(void *arg)
{
	((struct world *)arg)->n_wanted++;
}

static void on_commit(void *arg, const struct model_change *c, size_t n, uint64_t revision)
{
	struct world *w = arg;

	w->n_listened += n;
	w->listened_revision = revision;
	for (size_t i = 0; i < n; i++) {
		const char *name = (c[i].after ? c[i].after : c[i].before)->name;

		assert_string_equal(c[i].name, name);
		assert_ptr_equal(model_find(engine_model(w->e), c[i].kind, name), c[i].after);
	}
}

static void open_engine(struct world *w, const char *path)
{
	struct engine_sink sink = {w, on_begin, on_emit, on_end, on_wanted};
	struct model_error err;

	memset(w, 0, sizeof(*w));
	if (engine_open(path, "h0", &w->e, &err) < 0)
		fail_msg("%s", err.text);
	engine_set_sink(w->e, &sink);
	engine_on_commit(w->e, on_commit, w);
	compile_full(engine_compiler(w->e), applied_op, &w->applied);
	w->applied.check_order = true;
}

static void close_engine(struct world *w)
{
	engine_close(w->e);
	applied_clear(&w->applied);
}

static struct engine_op op_put(enum engine_verb verb, struct object *o)
{
	return (struct engine_op){.verb = verb, .kind = o->kind, .object = o};
}

static struct engine_op op_delete(enum engine_verb verb, enum model_kind kind, const char *name)
{
	return (struct engine_op){.verb = verb, .kind = kind, .name = name};
}

static struct object *tenant(const char *name, int description)
{
	return build_object(MODEL_TENANT, "{'name':'%s','description':'%d'}", name, description);
}

/* One op; returns the error's code, 0 when it was taken. */
static enum model_error_code one(struct world *w, struct engine_op op)
{
	struct engine_result result;
	struct model_error err = {0};
	size_t index;
	int error = engine_transact(w->e, &op, 1, false, NULL, NULL, &result, &index, &err);

	assert_int_equal(error != 0, err.code != 0);
	return err.code;
}

static void test_verbs(void **state)
{
	struct engine_op old = op_put(ENGINE_PUT, tenant("red", 5));
	struct world w;

	open_engine(&w, ":memory:");
	assert_int_equal(one(&w, op_put(ENGINE_UPDATE, tenant("red", 0))), MODEL_ERR_NOT_FOUND);
	assert_int_equal(one(&w, op_put(ENGINE_CREATE, tenant("red", 0))), 0);
	assert_int_equal(one(&w, op_put(ENGINE_CREATE, tenant("red", 0))), MODEL_ERR_EXISTS);
	assert_int_equal(one(&w, op_put(ENGINE_UPDATE, tenant("red", 1))), 0);
	assert_int_equal(one(&w, op_put(ENGINE_PUT, tenant("red", 1))), 0); /* no difference */
	assert_int_equal(model_revision(engine_model(w.e)), 2);
	old.if_revision = 1;
	assert_int_equal(one(&w, old), MODEL_ERR_REVISION);
	old = op_put(ENGINE_PUT, tenant("red", 5));
	old.if_revision = 2;
	assert_int_equal(one(&w, old), 0);
	old = op_put(ENGINE_PUT, tenant("green", 5));
	old.if_revision = 2;
	assert_int_equal(one(&w, old), MODEL_ERR_REVISION);
	assert_int_equal(
		one(&w, op_delete(ENGINE_DELETE, MODEL_TENANT, "blue")), MODEL_ERR_NOT_FOUND);
	assert_int_equal(one(&w, op_delete(ENGINE_DELETE_IF_PRESENT, MODEL_TENANT, "blue")), 0);
	assert_int_equal(one(&w, op_delete(ENGINE_DELETE, MODEL_TENANT, "red")), 0);
	assert_int_equal(model_revision(engine_model(w.e)), 4);
	assert_int_equal(w.listened_revision, 4);
	assert_int_equal(w.ended_revision, 4);
	assert_int_equal(w.n_listened, 4);
	close_engine(&w);
}

static void count_change(void *arg, const struct model_change *c)
{
	++*(size_t *)arg;
}

/* The failing op is named, the others' objects are freed, nothing is left. */
static void test_all_or_none(void **state)
{
	struct engine_result result = {.revision = 77};
	struct model_error err;
	struct engine_op ops[4];
	size_t index, n_changes = 0;
	struct world w;

	open_engine(&w, ":memory:");
	ops[0] = op_put(ENGINE_CREATE, tenant("a", 0));
	ops[1] = op_put(ENGINE_CREATE, tenant("b", 0));
	ops[2] = op_put(ENGINE_CREATE, tenant("a", 0));
	ops[3] = op_put(ENGINE_CREATE, tenant("c", 0));
	assert_int_equal(engine_transact(w.e, ops, 4, false, count_change, &n_changes, &result,
				 &index, &err),
		-EINVAL);
	assert_int_equal(index, 2);
	assert_int_equal(n_changes, 0);
	assert_int_equal(result.revision, 77);
	assert_int_equal(model_count(engine_model(w.e), MODEL_TENANT), 0);
	/* what only the check finds is of no single op */
	ops[0] = op_put(ENGINE_CREATE, tenant("a", 0));
	ops[1] = op_put(ENGINE_CREATE, build_object(MODEL_NETWORK, "{'tenant':'x','name':'n'}"));
	assert_int_equal(
		engine_transact(w.e, ops, 2, false, NULL, NULL, &result, &index, &err), -EINVAL);
	assert_true(index == SIZE_MAX);
	assert_string_equal(err.object, "network x/n");
	/* a dry run reports and changes nothing */
	ops[0] = op_put(ENGINE_CREATE, tenant("a", 0));
	assert_int_equal(
		engine_transact(w.e, ops, 1, true, count_change, &n_changes, &result, &index, &err),
		0);
	assert_int_equal(n_changes, 1);
	assert_int_equal(result.n_created, 1);
	assert_int_equal(result.revision, 0);
	assert_int_equal(model_count(engine_model(w.e), MODEL_TENANT), 0);
	assert_int_equal(w.n_begun, 0);
	close_engine(&w);
}

static int below(int n)
{
	return (int)(random() % n);
}

static struct object *random_object(void)
{
	switch (below(10)) {
	case 0:
		return tenant("t", below(3));
	case 1:
		return build_object(MODEL_NETWORK, "{'tenant':'t','name':'n'}");
	case 2:
		return build_object(MODEL_SEGMENT,
			"{'tenant':'t','name':'s%d','network':'n','vni':%d}", below(3),
			1 + below(5));
	case 3:
		return build_object(MODEL_HOST, "{'name':'h%d','vteps':['192.0.2.%d']%s}", below(3),
			1 + below(4),
			below(3) ? ",'uplink':{'kind':'af_xdp','device':'eth1'}" : "");
	default:
		return build_object(MODEL_PORT,
			"{'tenant':'t','name':'p%d','segment':'s%d','mac':'02:00:00:00:00:0%d',"
			"'host':'h%d','addresses':['10.0.0.%d']}",
			below(8), below(3), below(8), below(3), 1 + below(8));
	}
}

/* All objects as text. */
static char *dump(const struct model *m)
{
	struct json_object *all = json_object_new_array();
	char *text;

	for (int kind = 1; kind < MODEL_KIND_MAX; kind++)
		for (const struct object *o = NULL;
			(o = model_next(m, kind, o ? o->name : NULL));) {
			struct json_object *json = object_to_json(o, false);

			json_object_object_add(json, "id", json_object_new_int64(o->id));
			json_object_object_add(
				json, "revision", json_object_new_uint64(o->revision));
			json_object_array_add(all, json);
		}
	text = strdup(json_object_to_json_string(all));
	json_object_put(all);
	return text;
}

static void check(struct world *w)
{
	struct applied full = {0};

	compile_full(engine_compiler(w->e), applied_op, &full);
	applied_compare(&w->applied, "sink", &full, "full");
	applied_clear(&full);
}

static void random_transaction(struct world *w)
{
	char *before = dump(engine_model(w->e)), *after, *names[6] = {NULL};
	uint64_t revision = model_revision(engine_model(w->e));
	bool dry = below(6) == 0;
	int n = 1 + (below(3) ? 0 : below(6)), n_begun = w->n_begun, error;
	struct engine_result result;
	struct engine_op ops[6];
	struct model_error err;
	size_t index;

	for (int i = 0; i < n; i++) {
		struct object *o = random_object();

		ops[i] = op_put(below(4) ? ENGINE_PUT : ENGINE_CREATE, o);
		if (below(4))
			continue;
		names[i] = strdup(o->name);
		ops[i] = op_delete(
			below(2) ? ENGINE_DELETE : ENGINE_DELETE_IF_PRESENT, o->kind, names[i]);
		object_free(o);
	}
	store_fails = below(5) == 0;
	error = engine_transact(w->e, ops, n, dry, NULL, NULL, &result, &index, &err);
	after = dump(engine_model(w->e));
	if (error || dry) {
		assert_string_equal(before, after);
		assert_int_equal(model_revision(engine_model(w->e)), revision);
		assert_int_equal(w->n_begun, n_begun);
	} else {
		assert_int_equal(result.revision, model_revision(engine_model(w->e)));
		assert_int_equal(strcmp(before, after) != 0, result.revision != revision);
		assert_int_equal(w->n_begun - n_begun, result.revision != revision);
	}
	store_fails = false;
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(before);
	free(after);
}

static void random_underlay(struct world *w)
{
	struct underlay_link link = {.mac = {{2, 0, 0, 0, 0, below(3)}}, .mtu = 1500, .up = true};
	struct underlay_path path = {.mtu = 1500, .resolved = below(2), .dst_mac = {{2}}};
	char text[20];

	snprintf(text, sizeof(text), "192.0.2.%d", 1 + below(4));
	weft_addr_parse(text, &path.remote);
	path.src_mac = link.mac;
	if (below(3) == 0)
		engine_link(w->e, &link);
	else
		engine_paths(w->e, &path, 1);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static void test_random(void **state)
{
	char dir[] = "/tmp/weft-engine-XXXXXX", path[64], *before, *after;
	int n_wanted = 0;
	struct world w;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/store", dir);
	open_engine(&w, path);
	srandom(11);
	for (int round = 0; round < 2500; round++) {
		if (below(10) == 0)
			random_underlay(&w);
		else
			random_transaction(&w);
		check(&w);
		if (below(150))
			continue;
		n_wanted += w.n_wanted;
		before = dump(engine_model(w.e));
		close_engine(&w);
		open_engine(&w, path);
		after = dump(engine_model(w.e));
		assert_string_equal(before, after);
		free(before);
		free(after);
	}
	assert_true(model_revision(engine_model(w.e)) > 200); /* many were accepted */
	assert_true(n_wanted > 10);
	close_engine(&w);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_all_or_none),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
