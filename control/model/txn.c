/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions on the model: puts and deletes happen in place and leave what was there before in
 * an undo log. What is derived from objects (links, claims) is taken away at the first change of an
 * entry and made again by model_check, which is also where a clash is found.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "model_impl.h"

void model_begin(struct model *m)
{
	assert(!m->open);
	m->open = true;
	m->checked = true;
	m->next_revision = m->revision + 1;
}

void model_begin_load(struct model *m, uint64_t revision)
{
	model_begin(m);
	m->loading = true;
	m->next_revision = revision;
}

static void drop_derived(struct model *m, struct change *c)
{
	if (!c->derived)
		return;
	if (c->e->o)
		claims_drop(m, c->e);
	links_drop(c->e);
	c->derived = false;
}

/* The entry's change in this transaction, ready to take another object or none. */
static struct change *change_entry(struct model *m, struct entry *e)
{
	struct change *c;

	if (!e->change) {
		if (m->n_changes == m->max_changes) {
			m->max_changes = m->max_changes ? 2 * m->max_changes : 16;
			m->changes = mem_realloc(m->changes, m->max_changes, sizeof(*m->changes));
		}
		m->changes[m->n_changes++] =
			(struct change){.e = e, .before = e->o, .derived = e->o != NULL};
		e->change = (uint32_t)m->n_changes;
	}
	c = &m->changes[e->change - 1];
	drop_derived(m, c);
	m->checked = false;
	return c;
}

/* Makes o, or nothing, the entry's object. The one from before the transaction is kept, and one
 * that was made and deleted in it too: the entry still needs its name. */
static void set_object(struct model *m, struct change *c, struct object *o)
{
	struct entry *e = c->e;
	struct object *old = e->o;

	m->n[e->kind] += (o != NULL);
	m->n[e->kind] -= (old != NULL);
	e->o = o;
	if (o)
		e->name = o->name;
	else if (c->before)
		e->name = c->before->name;
	else if (old)
		c->ghost = old;
	if (o) {
		object_free(c->ghost);
		c->ghost = NULL;
	}
	if (old != c->before && old != c->ghost)
		object_free(old);
}

static int give_id(struct model *m, struct change *c, struct object *o, struct model_error *err)
{
	struct id_set *ids = &m->ids[o->kind];

	if (c->before)
		o->id = c->before->id;
	else if (c->id)
		o->id = c->id;
	else if (!m->loading && o->kind == MODEL_NETWORK)
		o->id = c->id = network_id_take(m, o);
	else if (!m->loading)
		o->id = c->id = id_take(ids);
	else if (id_take_this(ids, o->id))
		c->id = o->id;
	if (o->id == 0 && !m->loading)
		return model_fail(err, MODEL_ERR_LIMIT, o, NULL, "no %s can be added: too many",
			model_kind_name(o->kind));
	if (m->loading && (!c->id || (o->kind == MODEL_NETWORK && !network_id_is_good(m, o))))
		return model_fail(err, MODEL_ERR_INVALID, o, "id", "is not valid or used twice");
	return 0;
}

int model_put(struct model *m, struct object *o, struct model_error *err)
{
	struct entry *e = entry_find(m, o->kind, o->name);
	struct change *c;

	assert(m->open);
	if (e && e->o && object_equal(e->o, o)) {
		object_free(o);
		return 0;
	}
	if (!e)
		e = entry_add(m, o->kind, o->name);
	c = change_entry(m, e);
	if (c->before && object_equal(c->before, o)) {
		set_object(m, c, c->before);
		object_free(o);
		return 0;
	}
	set_object(m, c, o);
	if (!m->loading)
		o->revision = m->next_revision;
	return give_id(m, c, o, err);
}

int model_delete(struct model *m, enum model_kind kind, const char *name, struct model_error *err)
{
	struct entry *e = entry_find(m, kind, name);
	struct change *c;

	assert(m->open);
	if (!e || !e->o)
		return model_fail(err, MODEL_ERR_NOT_FOUND, NULL, NULL, "there is no %s \"%s\"",
			model_kind_name(kind), name);
	c = change_entry(m, e);
	set_object(m, c, NULL);
	return 0;
}

static int check_deleted(const struct change *c, struct model_error *err)
{
	const struct link *user = LIST_FIRST(&c->e->users);
	const struct entry *by;

	if (!user)
		return 0;
	by = user->user;
	if (c->e->n_users == 1)
		return model_fail(err, MODEL_ERR_IN_USE, c->before, NULL,
			"%s %s refers to it; delete that first", model_kind_name(by->kind),
			by->name);
	return model_fail(err, MODEL_ERR_IN_USE, c->before, NULL,
		"%s %s and %u more refer to it; delete those first", model_kind_name(by->kind),
		by->name, c->e->n_users - 1);
}

static bool same_segments(const struct object *a, const struct object *b)
{
	const struct router *x = (const struct router *)a, *y = (const struct router *)b;
	bool same = x->n_segments == y->n_segments;

	for (size_t i = 0; same && i < x->n_segments; i++)
		same = strcmp(x->segments[i], y->segments[i]) == 0;
	return same;
}

/* A segment that changed: its subnets against its ports, and all of it against its router. */
static int check_segment(const struct model *m, const struct change *c, struct model_error *err)
{
	const struct segment *s = (const struct segment *)c->e->o;
	const struct entry *router = claims_find_routed(m, c->e);
	const struct link *l;
	int error = 0;

	if (rules_check_l3_only(m, c->e, err) < 0)
		return -EINVAL;
	if (!c->before) /* a router and ports that refer to it changed too */
		return 0;
	if (router && rules_check_router(m, router, err) < 0)
		return -EINVAL;
	if (segment_same_subnets((const struct segment *)c->before, s))
		return 0;
	LIST_FOREACH (l, &c->e->users, next) {
		if (l->user->kind == MODEL_PORT)
			error = rules_check_port((const struct port *)l->user->o, s, err);
		if (error)
			return error;
	}
	return router ? rules_check_routes(router, err) : 0;
}

/* What must hold between objects; each pair is checked when one of them changed. */
static int check_relations(const struct model *m, const struct change *c, struct model_error *err)
{
	const struct entry *e = c->e;

	if (e->kind == MODEL_ROUTER && c->before &&
		rules_check_left(m, (const struct router *)c->before, err) < 0)
		return -EINVAL;
	if (!e->o)
		return 0;
	switch (e->kind) {
	case MODEL_SEGMENT:
		return check_segment(m, c, err);
	case MODEL_PORT:
		if (rules_check_port((const struct port *)e->o,
			    (const struct segment *)link_to(e, MODEL_SEGMENT)->o, err) < 0)
			return -EINVAL;
		return rules_check_routed_port(m, e, err);
	case MODEL_ROUTER:
		if (rules_check_router(m, e, err) < 0)
			return -EINVAL;
		return c->before && !same_segments(c->before, e->o) ? rules_check_routes(e, err)
								    : 0;
	case MODEL_ROUTE:
		return rules_check_route(e, err);
	default:
		return 0;
	}
}

static int check_limits(const struct model *m, struct model_error *err)
{
	if (m->n[MODEL_HOST] > MODEL_MAX_HOSTS)
		return model_fail(
			err, MODEL_ERR_LIMIT, NULL, NULL, "more than %d hosts", MODEL_MAX_HOSTS);
	if (m->n[MODEL_PORT] > MODEL_MAX_PORTS)
		return model_fail(
			err, MODEL_ERR_LIMIT, NULL, NULL, "more than %d ports", MODEL_MAX_PORTS);
	if (m->n[MODEL_ROUTE] > MODEL_MAX_ROUTES)
		return model_fail(
			err, MODEL_ERR_LIMIT, NULL, NULL, "more than %d routes", MODEL_MAX_ROUTES);
	if (m->n[MODEL_PORT] + m->n_claims[CLAIM_ADDR] > MODEL_MAX_NEIGHBOURS)
		return model_fail(err, MODEL_ERR_LIMIT, NULL, NULL,
			"more than %d addresses of ports, link-local ones included",
			MODEL_MAX_NEIGHBOURS);
	return 0;
}

static int check_host_limit(const struct entry *port, struct model_error *err)
{
	const struct entry *host = port->kind == MODEL_PORT ? link_to(port, MODEL_HOST) : NULL;

	if (!host || host->n_users <= MODEL_MAX_HOST_PORTS)
		return 0;
	return model_fail(err, MODEL_ERR_LIMIT, port->o, "host", "%s has more than %d ports",
		host->name, MODEL_MAX_HOST_PORTS);
}

static int make_links(struct model *m, struct change *c, struct model_error *err)
{
	if (!c->e->o)
		return 0;
	if (rules_check_object(c->e->o, err))
		return -EINVAL;
	c->derived = true;
	return links_make(m, c->e, err);
}

static int make_claims(struct model *m, struct change *c, struct model_error *err)
{
	if (!c->e->o)
		return check_deleted(c, err);
	if (claims_make(m, c->e, err) || check_host_limit(c->e, err))
		return -EINVAL;
	if (c->e->kind == MODEL_POLICY)
		return policy_check_coverage(m, (const struct policy *)c->e->o, err);
	return 0;
}

/* Each pass needs what the one before it made, of all changes. */
static int make_derived(struct model *m, struct model_error *err)
{
	int error = 0;

	for (size_t i = 0; i < m->n_changes; i++)
		drop_derived(m, &m->changes[i]); /* of an earlier check of this transaction */
	for (size_t i = 0; i < m->n_changes && !error; i++)
		error = make_links(m, &m->changes[i], err);
	for (size_t i = 0; i < m->n_changes && !error; i++)
		error = make_claims(m, &m->changes[i], err);
	for (size_t i = 0; i < m->n_changes && !error; i++)
		error = check_relations(m, &m->changes[i], err);
	return error;
}

int model_check(struct model *m, struct model_error *err)
{
	int error = make_derived(m, err);

	if (!error)
		error = check_limits(m, err);
	m->checked = !error;
	return error;
}

const struct model_change *model_changes(struct model *m, size_t *ret_n)
{
	size_t n = 0;

	m->report = mem_realloc(m->report, m->n_changes, sizeof(*m->report));
	for (int kind = 1; kind < MODEL_KIND_MAX; kind++)
		for (size_t i = 0; i < m->n_changes; i++) {
			const struct change *c = &m->changes[i];

			if ((int)c->e->kind == kind && c->before != c->e->o)
				m->report[n++] =
					(struct model_change){kind, c->e->name, c->before, c->e->o};
		}
	*ret_n = n;
	return m->report;
}

static void end(struct model *m)
{
	m->n_changes = 0;
	if (m->max_changes > 1024) { /* a large transaction is not kept room for */
		free(m->changes);
		m->changes = NULL;
		m->max_changes = 0;
	}
	free(m->report);
	m->report = NULL;
	m->open = m->loading = false;
}

void model_commit(struct model *m)
{
	bool changed = m->loading;

	assert(m->open && m->checked);
	for (size_t i = 0; i < m->n_changes; i++) {
		struct change *c = &m->changes[i];
		struct entry *e = c->e;

		e->change = 0;
		object_free(c->ghost);
		if (c->before == e->o && e->o)
			continue;
		changed = true;
		if (!e->o && (c->before || c->id))
			id_release(&m->ids[e->kind], c->before ? c->before->id : c->id);
		object_free(c->before);
		if (!e->o)
			entry_remove(m, e);
	}
	if (changed)
		m->revision = m->next_revision;
	end(m);
}

void model_rollback(struct model *m)
{
	assert(m->open);
	for (size_t i = 0; i < m->n_changes; i++)
		drop_derived(m, &m->changes[i]);
	for (size_t i = 0; i < m->n_changes; i++) {
		struct change *c = &m->changes[i];

		c->e->change = 0;
		set_object(m, c, c->before);
		if (c->before)
			continue;
		if (c->id)
			id_release(&m->ids[c->e->kind], c->id);
		entry_remove(m, c->e);
		object_free(c->ghost);
	}
	for (size_t i = 0; i < m->n_changes; i++) {
		struct entry *e = m->changes[i].e;

		if (!m->changes[i].before)
			continue;
		links_make(m, e, NULL); /* was so before: cannot fail */
		claims_make(m, e, NULL);
	}
	end(m);
}
