/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * References between objects: each entry knows what it refers to and who refers to it. Which fields
 * refer is in the table of fields, so that a new kind needs no code here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <model/schema.h>

#include "model_impl.h"

/* Where a reference stands: "host", "security_groups[1]", "rules[2].address_set". */
struct place {
	const struct place *in; /* NULL: the object itself */
	const char *field;	/* or NULL: an element */
	bool any_tenant;
	size_t i;
};

static void place_text(const struct place *p, char *text, size_t size)
{
	size_t n;

	if (!p)
		return;
	place_text(p->in, text, size);
	n = strlen(text);
	if (p->field)
		snprintf(text + n, size - n, "%s%s", n ? "." : "", p->field);
	else
		snprintf(text + n, size - n, "[%zu]", p->i);
}

typedef int (*ref_fn)(void *arg, const struct place *where, enum model_kind kind, const char *name);

static int walk_refs(
	const struct place *in, const struct field *f, const void *base, ref_fn fn, void *arg);

static int walk_array(const struct place *in, const struct field *f, const uint8_t *array, size_t n,
	ref_fn fn, void *arg)
{
	int error = 0;

	for (size_t i = 0; i < n && !error; i++) {
		const struct place where = {.in = in, .i = i};
		const void *element = array + i * schema_element_size(f);

		if (f->type == FIELD_REFS)
			error = fn(arg, &where, f->ref, *(char *const *)element);
		else
			error = walk_refs(&where, f->fields, element, fn, arg);
	}
	return error;
}

/* Calls fn for each reference in these fields, the tenant apart, until it returns non-zero. */
static int walk_refs(
	const struct place *in, const struct field *f, const void *base, ref_fn fn, void *arg)
{
	int error = 0;

	for (; f->name && !error; f++) {
		const struct place where = {
			.in = in, .field = f->name, .any_tenant = f->any_tenant};
		const uint8_t *member = (const uint8_t *)base + f->offset;

		if (f->type == FIELD_REFS || f->type == FIELD_STRUCTS)
			error = walk_array(&where, f, *(void *const *)member,
				*(const size_t *)((const uint8_t *)base + f->count_offset), fn,
				arg);
		else if (f->type == FIELD_STRUCT)
			error = walk_refs(&where, f->fields, member, fn, arg);
		else if (f->type == FIELD_REF && !schema_is_name(f) && *(char *const *)member)
			error = fn(arg, &where, f->ref, *(char *const *)member);
	}
	return error;
}

/* True when the object refers to another of its tenant in any case, which then keeps the tenant. */
static bool implies_tenant(const struct field *f)
{
	for (; f->name; f++)
		if (f->type == FIELD_REF && f->required && model_kind_in_tenant(f->ref))
			return true;
	return false;
}

/* All references of an object. */
static int walk_object(const struct object *o, ref_fn fn, void *arg)
{
	const struct field *fields = schema_fields(o->kind);
	const struct place where = {.field = "tenant"};
	char tenant[MODEL_NAME_MAX + 1];
	int error = 0;

	if (model_kind_in_tenant(o->kind) && !implies_tenant(fields))
		error = fn(arg, &where, MODEL_TENANT, model_name_tenant(o->name, tenant));
	return error ? error : walk_refs(NULL, fields, o, fn, arg);
}

static int count_ref(void *arg, const struct place *where, enum model_kind kind, const char *name)
{
	++*(size_t *)arg;
	return 0;
}

static bool same_tenant(const char *a, const char *b)
{
	char tenant_a[MODEL_NAME_MAX + 1], tenant_b[MODEL_NAME_MAX + 1];

	return strcmp(model_name_tenant(a, tenant_a), model_name_tenant(b, tenant_b)) == 0;
}

struct making {
	const struct model *m;
	struct entry *e;
	struct model_error *err;
};

static int fail(const struct making *k, const struct place *where, enum model_kind kind,
	const char *name, const struct entry *target)
{
	char field[64] = "";

	place_text(where, field, sizeof(field));
	if (target && target->o)
		return model_fail(
			k->err, MODEL_ERR_REFERENCE, k->e->o, field, "is of another tenant");
	if (target && target->change && k->m->changes[target->change - 1].before)
		return model_fail(k->err, MODEL_ERR_REFERENCE, k->e->o, field,
			"%s \"%s\" is deleted by the same request: a document must have all that "
			"it refers to, or be applied with --no-prune",
			model_kind_name(kind), name);
	return model_fail(k->err, MODEL_ERR_REFERENCE, k->e->o, field,
		"there is no %s \"%s\"; create it first", model_kind_name(kind), name);
}

static bool has_link(const struct entry *e, const struct entry *target)
{
	for (uint32_t i = 0; i < e->n_links; i++)
		if (e->links[i].target == target)
			return true;
	return false;
}

static int make_ref(void *arg, const struct place *where, enum model_kind kind, const char *name)
{
	const struct making *k = arg;
	struct entry *e = k->e, *target = entry_find(k->m, kind, name);
	struct link *l;

	if (!target || !target->o ||
		(model_kind_in_tenant(kind) && model_kind_in_tenant(e->kind) &&
			!where->any_tenant && !same_tenant(e->name, name)))
		return fail(k, where, kind, name, target);
	if (has_link(e, target))
		return 0;
	l = &e->links[e->n_links++];
	l->target = target;
	l->user = e;
	LIST_INSERT_HEAD(&target->users, l, next);
	target->n_users++;
	return 0;
}

int links_make(const struct model *m, struct entry *e, struct model_error *err)
{
	struct making k = {m, e, err};
	size_t n = 0;

	walk_object(e->o, count_ref, &n);
	if (n == 0)
		return 0;
	e->links = mem_alloc(n * sizeof(*e->links)); /* they are in lists: must not move */
	return walk_object(e->o, make_ref, &k);
}

void links_drop(struct entry *e)
{
	for (uint32_t i = 0; i < e->n_links; i++) {
		LIST_REMOVE(&e->links[i], next);
		e->links[i].target->n_users--;
	}
	free(e->links);
	e->links = NULL;
	e->n_links = 0;
}

struct entry *link_to(const struct entry *e, enum model_kind kind)
{
	for (uint32_t i = 0; i < e->n_links; i++)
		if (e->links[i].target->kind == kind)
			return e->links[i].target;
	return NULL;
}
