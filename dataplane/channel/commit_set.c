/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ops on address sets and their members. A set has a slot, which rules and members know it by, and
 * belongs to a scope, which exists as long as it has sets. Main thread, within a commit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commit_policy.h"

/* The set's newest version, also when it goes; NULL: none. */
static struct set_entry *set_find(const struct commit *c, uint32_t id, uint64_t g)
{
	return (struct set_entry *)vhash_find(channel.sets.ids, &id, g);
}

const struct set_entry *commit_set(const struct commit *c, uint32_t id)
{
	const struct set_entry *e = set_find(c, id, c->g);

	return e && !c->set_goes[e->base.slot] ? e : NULL;
}

/* The scope as the transaction leaves it, to be changed. NULL: out of memory. */
static struct policy_scope *scope_edit(struct commit *c, uint16_t slot)
{
	struct policy_scope *old = c->old->scopes[slot], *s = c->next->scopes[slot];

	if (s != old)
		return s;
	s = object_new(sizeof(*s));
	if (!s)
		return NULL;
	if (old)
		*s = *old;
	s->slot = slot;
	c->next->scopes[slot] = s;
	touch(&c->scopes, slot, c->op);
	return s;
}

/* The set's scope gets one more set. Returns 0 or a failure. */
static int scope_join(struct commit *c, const struct txn_walk *w, uint16_t *ret_slot)
{
	uint32_t id = w->op.entry->set.scope;
	struct policy_scope *s;
	int rc;

	rc = slot_obtain(c, channel.scopes.ids, &channel.scopes.pool, &id, w, ret_slot);
	if (rc)
		return rc;
	/* Touched first: a slot just taken goes back when the scope can't be made. */
	touch(&c->scopes, *ret_slot, c->op);
	s = scope_edit(c, *ret_slot);
	if (!s)
		return commit_fail_memory(c);
	s->id = id;
	s->n_sets++;
	return 0;
}

static int set_put(struct commit *c, const struct txn_walk *w)
{
	const struct weft_set *spec = &w->op.entry->set;
	struct set_entry *e = set_find(c, spec->id, c->g);
	uint16_t slot, scope_slot = e ? e->scope_slot : 0;
	int rc;

	if (e && e->spec.scope != spec->scope)
		return commit_fail_entry(c, EBUSY, c->op, WEFT_TABLE_SET, spec,
			"scope: is %u and can't change", e->spec.scope);
	rc = slot_obtain(c, channel.sets.ids, &channel.sets.pool, &spec->id, w, &slot);
	if (rc)
		return rc;
	channel.set_ids[slot] = spec->id;
	touch(&c->sets, slot, c->op);
	c->set_goes[slot] = false;
	if (!e && (rc = scope_join(c, w, &scope_slot)))
		return rc;
	e = (struct set_entry *)vhash_put(channel.sets.ids, &spec->id, c->g);
	if (!e)
		return entry_refused(c, w);
	e->base.slot = slot;
	e->scope_slot = scope_slot;
	e->spec = *spec;
	return 0;
}

static int set_delete(struct commit *c, const struct txn_walk *w)
{
	const struct set_entry *e = set_find(c, w->op.entry->set.id, c->g);

	if (!e)
		return 0;
	touch(&c->sets, e->base.slot, c->op);
	c->set_goes[e->base.slot] = true;
	return 0;
}

int commit_set_object(struct commit *c, const struct txn_walk *w)
{
	return w->op.verb == WEFT_OP_PUT ? set_put(c, w) : set_delete(c, w);
}

/* Sessions of ports whose rules refer to the set are judged again. */
static void set_note_change(struct commit *c, uint16_t slot)
{
	/* The op of the set itself is the one to be named. */
	if (!c->sets.has[slot])
		touch(&c->sets, slot, c->op);
	c->set_changed[slot] = true;
	c->any_set_changed = true;
}

static int member_change(struct commit *c, const struct txn_walk *w, const struct set_entry *e)
{
	const struct weft_prefix *p = &w->op.entry->set_member.prefix;
	struct policy_scope *scope = scope_edit(c, e->scope_slot);
	struct vhash *members = c->next->set_members;
	uint16_t slot = e->base.slot;
	int rc, change = w->op.verb == WEFT_OP_PUT ? 1 : -1;

	if (!scope)
		return commit_fail_memory(c);
	if (change > 0)
		rc = policy_member_put(members, scope, p, slot, c->g);
	else
		rc = policy_member_delete(members, scope, p, slot, c->g);
	if (rc < 0) {
		errno = -rc;
		return entry_refused(c, w);
	}
	if (rc == 0)
		return 0;
	set_note_change(c, slot);
	c->refs->set_members[slot] += change;
	c->refs->n_set_members += change;
	if (c->refs->n_set_members > WEFT_MAX_SET_MEMBERS) {
		errno = ENOSPC;
		return entry_refused(c, w);
	}
	return 0;
}

int commit_set_member(struct commit *c, const struct txn_walk *w)
{
	uint32_t id = w->op.entry->set_member.set;
	const struct set_entry *e;

	if (w->op.verb == WEFT_OP_DELETE) {
		e = set_find(c, id, c->g);
		return e ? member_change(c, w, e) : 0;
	}
	e = commit_set(c, id);
	if (!e)
		return commit_fail_entry(c, ENOENT, c->op, WEFT_TABLE_SET_MEMBER, w->op.entry,
			"set: there is no set %u", id);
	return member_change(c, w, e);
}

/* Nothing may refer to a set that goes, and it leaves its scope. */
static int set_end(struct commit *c, uint16_t slot)
{
	const struct set_entry *e = set_find(c, channel.set_ids[slot], c->g);
	uint32_t n_members = c->refs->set_members[slot], n_rules = c->refs->set_rules[slot];
	struct policy_scope *s;

	if (n_members + n_rules > 0)
		return commit_fail_entry(c, EBUSY, c->sets.op[slot], WEFT_TABLE_SET, &e->spec,
			"still has %u members, and %u rules refer to it", n_members, n_rules);
	s = scope_edit(c, e->scope_slot);
	if (!s || !vhash_delete(channel.sets.ids, &channel.set_ids[slot], c->g))
		return commit_fail_memory(c);
	s->n_sets--;
	return 0;
}

static int scope_end(struct commit *c, uint16_t slot)
{
	struct policy_scope *s = c->next->scopes[slot];

	if (!vhash_delete(channel.scopes.ids, &s->id, c->g))
		return commit_fail_memory(c);
	free(s);
	c->next->scopes[slot] = NULL;
	return 0;
}

int commit_set_build(struct commit *c)
{
	for (uint32_t i = 0; i < c->sets.n; i++) {
		uint16_t slot = c->sets.slots[i];
		int rc = c->set_goes[slot] ? set_end(c, slot) : 0;

		if (rc)
			return rc;
	}
	for (uint32_t i = 0; i < c->scopes.n; i++) {
		uint16_t slot = c->scopes.slots[i];
		int rc = c->next->scopes[slot]->n_sets ? 0 : scope_end(c, slot);

		if (rc)
			return rc;
	}
	return 0;
}

void commit_set_publish(struct commit *c)
{
	vhash_commit(channel.sets.ids, c->g);
	vhash_commit(channel.scopes.ids, c->g);
	vhash_commit(c->next->set_members, c->g);
	for (uint32_t i = 0; i < c->sets.n; i++)
		if (c->set_goes[c->sets.slots[i]])
			slot_retire(&channel.sets.pool, c->sets.slots[i]);
	for (uint32_t i = 0; i < c->scopes.n; i++) {
		uint16_t slot = c->scopes.slots[i];

		retire_object(c->old->scopes[slot]);
		if (!c->next->scopes[slot])
			slot_retire(&channel.scopes.pool, slot);
	}
}

void commit_set_undo(struct commit *c)
{
	for (uint32_t i = 0; i < c->sets.n; i++) {
		uint16_t slot = c->sets.slots[i];

		if (!set_find(c, channel.set_ids[slot], c->old->generation))
			slot_release(&channel.sets.pool, slot);
	}
	vhash_abort(channel.sets.ids, c->g);
	vhash_abort(channel.scopes.ids, c->g);
	vhash_abort(c->next->set_members, c->g);
	for (uint32_t i = 0; i < c->scopes.n; i++) {
		uint16_t slot = c->scopes.slots[i];

		if (c->next->scopes[slot] != c->old->scopes[slot])
			free(c->next->scopes[slot]);
		if (!c->old->scopes[slot])
			slot_release(&channel.scopes.pool, slot);
	}
}

void commit_set_clear(struct commit *c)
{
	for (uint32_t i = 0; i < c->sets.n; i++) {
		c->set_goes[c->sets.slots[i]] = false;
		c->set_changed[c->sets.slots[i]] = false;
	}
	c->any_set_changed = false;
}
