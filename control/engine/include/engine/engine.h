/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine: one way for every change of intent, whoever asks for it: model, check, store,
 * compile, then the ops to whoever programs the data plane. Single-threaded (weftd's event loop).
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <compile/compile.h>
#include <model/model.h>
#include <store/store.h>

struct engine;

/* Whoever takes ops (south/). It starts from compile_full when it is set, and gets what changes
 * from then on. Members may be NULL. */
struct engine_sink {
	void *arg;
	/* Begin and end of one generation's ops; the sink sends them when it can. Each commit is
	 * one, also when no op follows from it, so that the sink knows the revision; news of the
	 * underlay only when ops do. */
	void (*begin)(void *arg);
	compile_emit_fn emit;
	void (*end)(void *arg, uint64_t revision);
	/* The set of remote VTEPs or the uplink may have changed: host/ looks again. */
	void (*underlay_wanted)(void *arg);
};

/* Opens the store and loads it. 0 or -errno with err. */
int engine_open(
	const char *store_path, const char *host, struct engine **ret, struct model_error *err);
void engine_close(struct engine *e);
void engine_set_sink(struct engine *e, const struct engine_sink *sink);

const struct model *engine_model(const struct engine *e);
const struct compiler *engine_compiler(const struct engine *e);
const char *engine_host(const struct engine *e);

enum engine_verb {
	ENGINE_CREATE = 1, /* must not exist */
	ENGINE_PUT,	   /* add or replace */
	ENGINE_UPDATE,	   /* must exist */
	ENGINE_DELETE,	   /* must exist */
	ENGINE_DELETE_IF_PRESENT,
};

struct engine_op {
	enum engine_verb verb;
	enum model_kind kind;
	struct object *object; /* not for deletes; the engine takes ownership in every case */
	const char *name;      /* deletes */
	uint64_t if_revision;  /* 0: any */
};

struct engine_result {
	uint64_t revision; /* of the model afterwards */
	size_t n_created, n_updated, n_deleted;
};

/* All ops or none, durable when it returns 0. dry_run: judged, then rolled back. on_change (may be
 * NULL) is called for every difference before the end, also in a dry run. On error err names the
 * object and field, and *ret_op (may be NULL) the op or SIZE_MAX. */
int engine_transact(struct engine *e, struct engine_op *ops, size_t n, bool dry_run,
	void (*on_change)(void *arg, const struct model_change *c), void *arg,
	struct engine_result *ret, size_t *ret_op, struct model_error *err);

/* From host/: news of the underlay; ops go to the sink when something follows from it. */
void engine_paths(struct engine *e, const struct underlay_path *paths, size_t n);
void engine_link(struct engine *e, const struct underlay_link *link);

/* Listeners learn of changes that are durable (RPC notifications), while what was before is still
 * there; model_revision() is revision only after they returned. They must not change anything. */
void engine_on_commit(struct engine *e,
	void (*fn)(void *arg, const struct model_change *c, size_t n, uint64_t revision),
	void *arg);

#endif
