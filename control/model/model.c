/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model: names to objects, look-ups and iteration. Transactions are in txn.c.
 */
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "model_impl.h"

static int entry_compare(const struct entry *a, const struct entry *b)
{
	return strcmp(a->name, b->name);
}

RB_GENERATE_INTERNAL(entry_tree, entry, by_name, entry_compare, static __attribute__((unused)))

struct model *model_new(void)
{
	struct model *m = mem_zalloc(sizeof(*m));

	for (int kind = 1; kind < MODEL_KIND_MAX; kind++)
		RB_INIT(&m->names[kind]);
	m->ids[MODEL_SECURITY_GROUP].max = MODEL_SECURITY_GROUPS;
	claims_init(m);
	return m;
}

void model_free(struct model *m)
{
	struct entry *e, *next;

	if (!m)
		return;
	if (m->open)
		model_rollback(m);
	for (int kind = 1; kind < MODEL_KIND_MAX; kind++) {
		RB_FOREACH_SAFE(e, entry_tree, &m->names[kind], next)
		entry_remove(m, e);
		free(m->ids[kind].words);
	}
	hset_clear(&m->claims);
	free(m->changes);
	free(m->report);
	free(m);
}

struct entry *entry_find(const struct model *m, enum model_kind kind, const char *name)
{
	struct entry probe = {.name = name};

	return RB_FIND(entry_tree, (struct entry_tree *)&m->names[kind], &probe);
}

struct entry *entry_add(struct model *m, enum model_kind kind, const char *name)
{
	struct entry *e = mem_zalloc(sizeof(*e));

	e->name = name;
	e->kind = kind;
	LIST_INIT(&e->users);
	RB_INSERT(entry_tree, &m->names[kind], e);
	return e;
}

void entry_remove(struct model *m, struct entry *e)
{
	RB_REMOVE(entry_tree, &m->names[e->kind], e);
	object_free(e->o);
	free(e->links);
	free(e);
}

const struct object *model_find(const struct model *m, enum model_kind kind, const char *name)
{
	struct entry *e = entry_find(m, kind, name);

	return e ? e->o : NULL;
}

static const struct object *object_of(const struct entry *e)
{
	return e ? e->o : NULL;
}

const struct segment *model_segment_by_vni(const struct model *m, uint32_t vni)
{
	return (const struct segment *)object_of(claims_find_vni(m, vni));
}

const struct host *model_host_by_vtep(const struct model *m, const struct weft_addr *addr)
{
	return (const struct host *)object_of(claims_find_vtep(m, addr));
}

const struct port *model_port_by_mac(
	const struct model *m, const char *segment, const struct weft_mac *mac)
{
	const struct entry *s = entry_find(m, MODEL_SEGMENT, segment);

	return s ? (const struct port *)object_of(claims_find_mac(m, s, mac)) : NULL;
}

const struct port *model_port_by_addr(
	const struct model *m, const char *segment, const struct weft_addr *addr)
{
	const struct entry *s = entry_find(m, MODEL_SEGMENT, segment);

	return s ? (const struct port *)object_of(claims_find_addr(m, s, addr)) : NULL;
}

const struct object *model_next(const struct model *m, enum model_kind kind, const char *after)
{
	struct entry_tree *tree = (struct entry_tree *)&m->names[kind];
	struct entry probe = {.name = after}, *e;

	e = after ? RB_NFIND(entry_tree, tree, &probe) : RB_MIN(entry_tree, tree);
	if (e && after && strcmp(e->name, after) == 0)
		e = RB_NEXT(entry_tree, tree, e);
	while (e && !e->o)
		e = RB_NEXT(entry_tree, tree, e);
	return object_of(e);
}

size_t model_count(const struct model *m, enum model_kind kind)
{
	return m->n[kind];
}

int model_users(const struct model *m, enum model_kind kind, const char *name, enum model_kind of,
	int (*fn)(const struct object *user, void *arg), void *arg)
{
	const struct entry *e = entry_find(m, kind, name);
	const struct link *l;
	int stop = 0;

	if (!e)
		return 0;
	LIST_FOREACH (l, &e->users, next) {
		if (l->user->kind == of)
			stop = fn(l->user->o, arg);
		if (stop)
			break;
	}
	return stop;
}

struct port_fn {
	int (*fn)(const struct port *p, void *arg);
	void *arg;
};

static int call_port_fn(const struct object *o, void *arg)
{
	const struct port_fn *f = arg;

	return f->fn((const struct port *)o, f->arg);
}

int model_segment_ports(const struct model *m, const char *segment,
	int (*fn)(const struct port *p, void *arg), void *arg)
{
	struct port_fn f = {fn, arg};

	return model_users(m, MODEL_SEGMENT, segment, MODEL_PORT, call_port_fn, &f);
}

int model_host_ports(const struct model *m, const char *host,
	int (*fn)(const struct port *p, void *arg), void *arg)
{
	struct port_fn f = {fn, arg};

	return model_users(m, MODEL_HOST, host, MODEL_PORT, call_port_fn, &f);
}

const struct router *model_segment_router(const struct model *m, const char *segment)
{
	const struct entry *s = entry_find(m, MODEL_SEGMENT, segment);

	return s ? (const struct router *)object_of(claims_find_routed(m, s)) : NULL;
}

const struct route *model_route_by_prefix(
	const struct model *m, const char *router, const struct weft_prefix *prefix)
{
	const struct entry *r = entry_find(m, MODEL_ROUTER, router);

	return r ? (const struct route *)object_of(claims_find_route(m, r, prefix)) : NULL;
}

const struct entry *entry_segment(const struct entry *router, size_t i)
{
	return i + 1 < router->n_links ? router->links[i + 1].target : NULL;
}

const struct entry *entry_router_segment(
	const struct entry *router, const struct weft_addr *addr, const struct subnet **ret_subnet)
{
	const struct entry *e;

	for (size_t i = 0; (e = entry_segment(router, i)); i++) {
		*ret_subnet = segment_subnet((const struct segment *)e->o, addr);
		if (*ret_subnet)
			return e;
	}
	return NULL;
}

const struct segment *model_router_segment(const struct model *m, const char *router,
	const struct weft_addr *addr, const struct subnet **ret_subnet)
{
	const struct entry *r = entry_find(m, MODEL_ROUTER, router);

	return r ? (const struct segment *)object_of(entry_router_segment(r, addr, ret_subnet))
		 : NULL;
}

uint64_t model_revision(const struct model *m)
{
	return m->revision;
}
