/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ops on rule sets and rules, and what ports have to do with them. The rules that ops name are
 * gathered per rule set; then each rule set is compiled once, from its old rules and those. Ports
 * only refer to rule sets: a thousand ports share one. Main thread, within a commit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commit_policy.h"

/* One op on a rule. */
struct rule_op {
	struct policy_rule_spec spec; /* DELETE: its key */
	uint32_t op;
	bool put;
};

/* A rule set while it changes. */
struct ruleset_draft {
	bool present;
	struct weft_ruleset spec;
	struct rule_op *ops;
	uint32_t n_ops, capacity;
};

static struct ruleset_draft *ruleset_draft(struct commit *c, uint16_t slot)
{
	const struct policy_ruleset *old = c->old->rulesets[slot];
	struct ruleset_draft *d = c->ruleset_drafts[slot];

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	if (old) {
		d->present = true;
		d->spec = old->spec;
	}
	c->ruleset_drafts[slot] = d;
	touch(&c->rulesets, slot, c->op);
	return d;
}

/* Its slot as the transaction leaves it, 0: none. Valid once all objects were applied. */
static uint16_t ruleset_find(const struct commit *c, uint32_t id)
{
	uint16_t slot = slot_find(channel.rulesets.ids, &id, c->g);
	const struct ruleset_draft *d = c->ruleset_drafts[slot];

	return d && !d->present ? 0 : slot;
}

static int ruleset_put(struct commit *c, const struct txn_walk *w)
{
	const struct weft_ruleset *spec = &w->op.entry->ruleset;
	struct ruleset_draft *d;
	uint16_t slot;
	int rc;

	rc = slot_obtain(c, channel.rulesets.ids, &channel.rulesets.pool, &spec->id, w, &slot);
	if (rc)
		return rc;
	touch(&c->rulesets, slot, c->op);
	d = ruleset_draft(c, slot);
	if (!d)
		return commit_fail_memory(c);
	d->present = true;
	d->spec = *spec;
	return 0;
}

static int ruleset_delete(struct commit *c, const struct txn_walk *w)
{
	uint16_t slot = slot_find(channel.rulesets.ids, &w->op.entry->ruleset.id, c->g);
	struct ruleset_draft *d;

	if (!slot)
		return 0;
	d = ruleset_draft(c, slot);
	if (!d)
		return commit_fail_memory(c);
	d->present = false;
	touch(&c->rulesets, slot, c->op);
	return 0;
}

int commit_policy_object(struct commit *c, const struct txn_walk *w)
{
	if (w->op.table == WEFT_TABLE_SET)
		return commit_set_object(c, w);
	return w->op.verb == WEFT_OP_PUT ? ruleset_put(c, w) : ruleset_delete(c, w);
}

/* A place for one more op. NULL: out of memory. */
static struct rule_op *rule_op_new(struct ruleset_draft *d)
{
	if (d->n_ops == d->capacity) {
		uint32_t capacity = d->capacity ? d->capacity * 2 : 16;
		struct rule_op *ops = realloc(d->ops, capacity * sizeof(*ops));

		if (!ops)
			return NULL;
		d->ops = ops;
		d->capacity = capacity;
	}
	return &d->ops[d->n_ops++];
}

static int rule_resolve(struct commit *c, struct policy_rule_spec *s)
{
	const struct set_entry *set;

	if (!s->rule.set)
		return 0;
	set = commit_set(c, s->rule.set);
	if (!set)
		return commit_fail_entry(c, ENOENT, c->op, WEFT_TABLE_RULE, &s->rule,
			"set: there is no set %u", s->rule.set);
	s->set = set->base.slot;
	s->scope = set->scope_slot;
	return 0;
}

/* Rules of a rule set that goes in the same transaction can still be deleted. */
static int rule_apply(struct commit *c, const struct txn_walk *w)
{
	const struct weft_rule *r = &w->op.entry->rule;
	bool put = w->op.verb == WEFT_OP_PUT;
	uint16_t slot = put ? ruleset_find(c, r->ruleset)
			    : slot_find(channel.rulesets.ids, &r->ruleset, c->g);
	bool had_op = c->rulesets.has[slot];
	struct ruleset_draft *d;
	struct rule_op *o;

	if (!slot && !put)
		return 0;
	if (!slot)
		return commit_fail_entry(c, ENOENT, c->op, WEFT_TABLE_RULE, r,
			"ruleset: there is no rule set %u", r->ruleset);
	d = ruleset_draft(c, slot);
	o = d ? rule_op_new(d) : NULL;
	if (!o)
		return commit_fail_memory(c);
	if (!had_op)
		touch(&c->rulesets, slot, c->op);
	*o = (struct rule_op){.spec = {.rule = *r}, .op = c->op, .put = put};
	return put ? rule_resolve(c, &o->spec) : 0;
}

int commit_policy_entry(struct commit *c, const struct txn_walk *w)
{
	return w->op.table == WEFT_TABLE_RULE ? rule_apply(c, w) : commit_set_member(c, w);
}

int commit_policy_port(struct commit *c, struct config_port *p, uint32_t op)
{
	p->n_rulesets = p->spec.n_rulesets;
	for (uint16_t i = 0; i < p->n_rulesets; i++) {
		p->rulesets[i] = ruleset_find(c, p->spec.rulesets[i]);
		if (!p->rulesets[i])
			return commit_fail_entry(c, ENOENT, op, WEFT_TABLE_PORT, &p->spec,
				"rulesets: there is no rule set %u", p->spec.rulesets[i]);
	}
	return 0;
}

static int compare_ops(const void *a, const void *b)
{
	const struct rule_op *x = a, *y = b;

	if (x->spec.rule.id != y->spec.rule.id)
		return x->spec.rule.id < y->spec.rule.id ? -1 : 1;
	return x->op < y->op ? -1 : x->op > y->op;
}

/* The old rules, by id, with the ops applied: the last one on a rule decides. Returns how many;
 * ret has room for all old ones and one per op. */
static uint32_t rules_merge(
	struct ruleset_draft *d, const struct policy_ruleset *old, struct policy_rule_spec *ret)
{
	uint32_t n = 0, at = 0, n_old = old ? old->n_rules : 0;

	if (d->n_ops)
		qsort(d->ops, d->n_ops, sizeof(d->ops[0]), compare_ops);
	for (uint32_t i = 0; i < d->n_ops; i++) {
		const struct rule_op *o = &d->ops[i];
		uint32_t id = o->spec.rule.id;

		if (i + 1 < d->n_ops && d->ops[i + 1].spec.rule.id == id)
			continue;
		while (at < n_old && old->rules[at].rule.id < id)
			ret[n++] = old->rules[at++];
		if (at < n_old && old->rules[at].rule.id == id)
			at++;
		if (o->put)
			ret[n++] = o->spec;
	}
	while (at < n_old)
		ret[n++] = old->rules[at++];
	return n;
}

static void count_set_rules(
	struct commit *c, const struct policy_rule_spec *rules, uint32_t n, int change)
{
	for (uint32_t i = 0; i < n; i++)
		if (rules[i].set)
			c->refs->set_rules[rules[i].set] += change;
}

static int ruleset_refused(struct commit *c, const struct ruleset_draft *d, uint16_t slot)
{
	if (errno == E2BIG)
		return commit_fail_entry(c, E2BIG, c->rulesets.op[slot], WEFT_TABLE_RULESET,
			&d->spec, "its rules refer to sets of more than %u scopes",
			WEFT_PORT_SCOPES);
	return commit_fail_memory(c);
}

static bool is_same(const struct policy_ruleset *old, const struct ruleset_draft *d,
	const struct policy_rule_spec *rules, uint32_t n)
{
	return old && memcmp(&old->spec, &d->spec, sizeof(d->spec)) == 0 && old->n_rules == n &&
	       (n == 0 || memcmp(old->rules, rules, n * sizeof(*rules)) == 0);
}

static int ruleset_replace(struct commit *c, uint16_t slot, struct ruleset_draft *d,
	const struct policy_rule_spec *rules, uint32_t n)
{
	const struct policy_ruleset *old = c->old->rulesets[slot];
	uint32_t op = c->rulesets.op[slot];

	if (d->present && is_same(old, d, rules, n))
		return 0;
	if (!d->present && n > 0)
		return commit_fail_entry(
			c, EBUSY, op, WEFT_TABLE_RULESET, &d->spec, "still has %u rules", n);
	if (n > WEFT_RULESET_RULES)
		return commit_fail_entry(c, E2BIG, op, WEFT_TABLE_RULESET, &d->spec,
			"%u rules are more than %u", n, WEFT_RULESET_RULES);
	if (old)
		count_set_rules(c, old->rules, old->n_rules, -1);
	count_set_rules(c, rules, n, 1);
	c->ruleset_stale[slot] = true;
	c->next->rulesets[slot] = NULL;
	if (!d->present)
		return vhash_delete(channel.rulesets.ids, &d->spec.id, c->g)
			       ? 0
			       : commit_fail_memory(c);
	c->next->rulesets[slot] = policy_ruleset_new(&d->spec, slot, rules, n);
	return c->next->rulesets[slot] ? 0 : ruleset_refused(c, d, slot);
}

static int ruleset_build(struct commit *c, uint16_t slot)
{
	const struct policy_ruleset *old = c->old->rulesets[slot];
	struct ruleset_draft *d = c->ruleset_drafts[slot];
	struct policy_rule_spec *rules;
	int rc;

	rules = malloc(((old ? old->n_rules : 0) + d->n_ops + 1) * sizeof(*rules));
	if (!rules)
		return commit_fail_memory(c);
	rc = ruleset_replace(c, slot, d, rules, rules_merge(d, old, rules));
	free(rules);
	return rc;
}

/* Rule sets that refer to a set whose members have changed. */
static void mark_by_sets(struct commit *c)
{
	for (uint32_t slot = 1; slot < WEFT_MAX_RULESETS && c->any_set_changed; slot++) {
		const struct policy_ruleset *rs = c->next->rulesets[slot];

		for (uint32_t i = 0; rs && !c->ruleset_stale[slot] && i < rs->n_sets; i++)
			c->ruleset_stale[slot] = c->set_changed[rs->sets[i]];
	}
}

/* The op that is to blame for what the port refers to. */
static uint32_t port_op(const struct commit *c, const struct config_port *p)
{
	uint16_t i = 0;

	if (c->ports.has[p->slot])
		return c->ports.op[p->slot];
	while (i + 1 < p->n_rulesets && !c->rulesets.has[p->rulesets[i]])
		i++;
	return c->rulesets.op[p->rulesets[i]];
}

/* A rule set of the port has gone, or all of them refer to too many scopes. */
static int port_check(struct commit *c, const struct config_port *p)
{
	uint16_t scopes[WEFT_PORT_SCOPES], n = 0;

	for (uint16_t i = 0; i < p->n_rulesets; i++) {
		uint16_t slot = p->rulesets[i];
		const struct policy_ruleset *rs = c->next->rulesets[slot];

		if (!rs)
			return commit_fail_entry(c, EBUSY, c->rulesets.op[slot], WEFT_TABLE_RULESET,
				&c->ruleset_drafts[slot]->spec, "port %u (%s) still refers to it",
				p->spec.id, p->spec.name);
		if (!policy_scopes_add(scopes, &n, rs->scopes, rs->n_scopes))
			return commit_fail_entry(c, E2BIG, port_op(c, p), WEFT_TABLE_PORT, &p->spec,
				"rulesets: refer to sets of more than %u scopes", WEFT_PORT_SCOPES);
	}
	return 0;
}

/* Sessions of a port are judged again when what one of its rule sets says may be other now. */
static int check_ports(struct commit *c)
{
	if (!c->rulesets.n && !c->ports.n && !c->any_set_changed)
		return 0;
	for (uint32_t slot = 1; slot < WEFT_MAX_PORTS; slot++) {
		const struct config_port *p = c->next->ports[slot];
		bool stale = false;
		int rc;

		for (uint16_t i = 0; p && i < p->n_rulesets; i++)
			stale |= c->ruleset_stale[p->rulesets[i]];
		if (stale)
			commit_stale_segment(c, p->segment_slot);
		if (p && (stale || c->ports.has[slot]) && (rc = port_check(c, p)))
			return rc;
	}
	return 0;
}

int commit_policy_build(struct commit *c)
{
	int rc;

	for (uint32_t i = 0; i < c->rulesets.n; i++) {
		rc = ruleset_build(c, c->rulesets.slots[i]);
		if (rc)
			return rc;
	}
	mark_by_sets(c);
	rc = check_ports(c);
	return rc ? rc : commit_set_build(c);
}

void commit_policy_publish(struct commit *c)
{
	commit_set_publish(c);
	vhash_commit(channel.rulesets.ids, c->g);
	for (uint32_t i = 0; i < c->rulesets.n; i++) {
		uint16_t slot = c->rulesets.slots[i];

		if (c->next->rulesets[slot] != c->old->rulesets[slot])
			retire_object(c->old->rulesets[slot]);
		if (!c->next->rulesets[slot])
			slot_retire(&channel.rulesets.pool, slot);
	}
}

void commit_policy_undo(struct commit *c)
{
	commit_set_undo(c);
	vhash_abort(channel.rulesets.ids, c->g);
	for (uint32_t i = 0; i < c->rulesets.n; i++) {
		uint16_t slot = c->rulesets.slots[i];

		if (c->next->rulesets[slot] != c->old->rulesets[slot])
			free(c->next->rulesets[slot]);
		if (!c->old->rulesets[slot])
			slot_release(&channel.rulesets.pool, slot);
	}
}

void commit_policy_clear(struct commit *c)
{
	commit_set_clear(c);
	for (uint32_t i = 0; i < c->rulesets.n; i++) {
		uint16_t slot = c->rulesets.slots[i];

		if (c->ruleset_drafts[slot])
			free(c->ruleset_drafts[slot]->ops);
		free(c->ruleset_drafts[slot]);
		c->ruleset_drafts[slot] = NULL;
	}
	memset(c->ruleset_stale, 0, sizeof(c->ruleset_stale));
}
