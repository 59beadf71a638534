/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * References between objects: each entry knows what it refers to and who refers to it.
 */
#include <errno.h>
#include <string.h>

#include "model_impl.h"

struct entry *link_user(const struct link *l)
{
	size_t which = l->target->kind == MODEL_HOST ? LINK_HOST : LINK_PARENT;

	return (struct entry *)((char *)(l - which) - offsetof(struct entry, links));
}

static bool same_tenant(const char *a, const char *b)
{
	char tenant_a[MODEL_NAME_MAX + 1], tenant_b[MODEL_NAME_MAX + 1];

	return strcmp(model_name_tenant(a, tenant_a), model_name_tenant(b, tenant_b)) == 0;
}

static int make(const struct model *m, struct entry *e, unsigned int which, const char *field,
	enum model_kind kind, const char *name, struct model_error *err)
{
	struct link *l = &e->links[which];
	struct entry *target = entry_find(m, kind, name);

	if (target && !target->o && target->change && m->changes[target->change - 1].before)
		return model_fail(err, MODEL_ERR_REFERENCE, e->o, field,
			"%s \"%s\" is deleted by the same request: a document must have all that "
			"it refers to, or be applied with --no-prune",
			model_kind_name(kind), name);
	if (!target || !target->o)
		return model_fail(err, MODEL_ERR_REFERENCE, e->o, field,
			"there is no %s \"%s\"; create it first", model_kind_name(kind), name);
	if (model_kind_in_tenant(kind) && !same_tenant(e->name, name))
		return model_fail(err, MODEL_ERR_REFERENCE, e->o, field, "is of another tenant");
	l->target = target;
	LIST_INSERT_HEAD(&target->users, l, next);
	target->n_users++;
	return 0;
}

int links_make(const struct model *m, struct entry *e, struct model_error *err)
{
	const struct port *p = (const struct port *)e->o;
	char tenant[MODEL_NAME_MAX + 1];
	int error;

	switch (e->o->kind) {
	case MODEL_NETWORK:
		return make(m, e, LINK_PARENT, "tenant", MODEL_TENANT,
			model_name_tenant(e->name, tenant), err);
	case MODEL_SEGMENT:
		return make(m, e, LINK_PARENT, "network", MODEL_NETWORK,
			((const struct segment *)e->o)->network, err);
	case MODEL_PORT:
		error = make(m, e, LINK_PARENT, "segment", MODEL_SEGMENT, p->segment, err);
		if (error || !p->host)
			return error;
		return make(m, e, LINK_HOST, "host", MODEL_HOST, p->host, err);
	default:
		return 0;
	}
}

void links_drop(struct entry *e)
{
	for (int i = 0; i < N_LINKS; i++) {
		struct link *l = &e->links[i];

		if (!l->target)
			continue;
		LIST_REMOVE(l, next);
		l->target->n_users--;
		l->target = NULL;
	}
}
