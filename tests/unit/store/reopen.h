/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store of dir.h opened, loaded into a model and committed to, and two models compared.
 */
#ifndef TESTS_STORE_REOPEN_H
#define TESTS_STORE_REOPEN_H

#include <store/store.h>

#include "dir.h"

static inline struct store *open_store(void)
{
	struct model_error err;
	struct store *s;

	if (store_open(test_path, "a", &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static inline struct model *load(struct store *s)
{
	struct model *m = model_new();
	struct model_error err;

	if (store_load(s, m, &err) < 0)
		fail_msg("%s", err.text);
	return m;
}

/* Ends the model's open transaction in both, as the engine does. */
static inline int commit(struct store *s, struct model *m, struct model_error *err)
{
	const struct model_change *changes;
	size_t n;
	int error = model_check(m, err);

	if (error)
		fail_msg("%s %s", err->object, err->text);
	changes = model_changes(m, &n);
	error = n ? store_commit(s, model_revision(m) + 1, changes, n, err) : 0;
	if (error || !n)
		model_rollback(m);
	else
		model_commit(m);
	return error;
}

static inline void compare(const struct model *a, const struct model *b)
{
	for (int kind = 1; kind < MODEL_KIND_MAX; kind++) {
		const struct object *o = NULL, *p;

		assert_int_equal(model_count(a, kind), model_count(b, kind));
		while ((o = model_next(a, kind, o ? o->name : NULL))) {
			p = model_find(b, kind, o->name);
			assert_non_null(p);
			assert_true(object_equal(o, p));
			assert_int_equal(o->id, p->id);
			assert_int_equal(o->revision, p->revision);
		}
	}
	assert_int_equal(model_revision(a), model_revision(b));
}

#endif
