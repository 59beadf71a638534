/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <table/policy.h>

#include "fixture_policy.h"
#include "state.h"

struct weft_set a_set(uint32_t id, uint32_t scope)
{
	struct weft_set s = {.id = id, .scope = scope};

	snprintf(s.name, sizeof(s.name), "test/set-%u", id);
	return s;
}

struct weft_set_member a_member(uint32_t set, const char *prefix)
{
	struct weft_set_member m = {.set = set};

	assert_int_equal(weft_prefix_parse(prefix, false, &m.prefix), 0);
	return m;
}

struct weft_ruleset a_ruleset(uint32_t id)
{
	struct weft_ruleset r = {.id = id, .tier = WEFT_TIER_GROUP};

	snprintf(r.name, sizeof(r.name), "test/rules-%u", id);
	return r;
}

struct weft_rule a_rule(uint32_t ruleset, uint32_t id, uint16_t port, uint32_t set)
{
	return (struct weft_rule){.ruleset = ruleset,
		.id = id,
		.direction = WEFT_RULE_INGRESS,
		.action = WEFT_RULE_ALLOW,
		.proto = 6,
		.port_min = port,
		.port_max = port,
		.set = set};
}

static void check_ruleset(const struct config *c, uint16_t slot, struct refs *refs)
{
	const struct policy_ruleset *rs = c->rulesets[slot];

	assert_int_equal(rs->slot, slot);
	assert_int_equal(slot_find(channel.rulesets.ids, &rs->spec.id, c->generation), slot);
	for (uint32_t i = 0; i < rs->n_rules; i++) {
		const struct policy_rule_spec *r = &rs->rules[i];
		const struct set_entry *set = (const struct set_entry *)vhash_find(
			channel.sets.ids, &r->rule.set, c->generation);

		assert_int_equal(r->rule.ruleset, rs->spec.id);
		assert_true(i == 0 || rs->rules[i - 1].rule.id < r->rule.id);
		assert_int_equal(r->set != 0, r->rule.set != 0);
		if (!r->set)
			continue;
		assert_non_null(set);
		assert_int_equal(set->base.slot, r->set);
		assert_int_equal(set->scope_slot, r->scope);
		refs->set_rules[r->set]++;
	}
}

/* Members of each length are as many as the scopes say. */
static void check_members(const struct config *c, struct refs *refs)
{
	uint64_t cursor = 0, inner = 0;
	uint32_t all = UINT32_MAX;
	struct weft_prefix prefix;
	uint16_t set;

	while (policy_member_next(
		c->set_members, &cursor, &inner, c->generation, &all, &set, &prefix)) {
		const struct set_entry *e = (const struct set_entry *)vhash_find(
			channel.sets.ids, &channel.set_ids[set], c->generation);
		bool is_v4 = weft_addr_is_v4(&prefix.addr) && prefix.len >= 96;
		const struct policy_scope *s;

		assert_non_null(e);
		assert_int_equal(e->base.slot, set);
		s = c->scopes[e->scope_slot];
		assert_true(s->n_prefixes[is_v4 ? POLICY_V4 : POLICY_V6][prefix.len] > 0);
		assert_true(
			s->lens[is_v4 ? POLICY_V4 : POLICY_V6][prefix.len / 64] >> prefix.len % 64 &
			1);
		refs->set_members[set]++;
		refs->n_set_members++;
	}
}

static void check_scopes(const struct config *c)
{
	uint32_t n_sets = 0, n_scopes = 0, n_prefixes = 0;
	struct set_entry *e;
	uint64_t cursor = 0;

	while ((e = (struct set_entry *)vhash_next(channel.sets.ids, &cursor, c->generation)))
		assert_int_equal(c->scopes[e->scope_slot]->id, e->spec.scope);
	for (uint32_t i = 0; i < WEFT_MAX_SCOPES; i++) {
		const struct policy_scope *s = c->scopes[i];

		if (!s)
			continue;
		n_scopes++;
		n_sets += s->n_sets;
		assert_int_equal(s->slot, i);
		assert_int_equal(slot_find(channel.scopes.ids, &s->id, c->generation), i);
		for (unsigned int len = 0; len <= 128; len++) {
			assert_true(s->n_prefixes[POLICY_V4][len] == 0 || len >= 96);
			n_prefixes += s->n_prefixes[POLICY_V4][len];
			n_prefixes += s->n_prefixes[POLICY_V6][len];
		}
	}
	assert_int_equal(n_prefixes, vhash_count(c->set_members));
	assert_int_equal(n_scopes, vhash_count(channel.scopes.ids));
	assert_int_equal(n_sets, vhash_count(channel.sets.ids));
}

void check_policy(const struct config *c, struct refs *refs)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEFT_MAX_RULESETS; i++) {
		if (!c->rulesets[i])
			continue;
		n++;
		check_ruleset(c, i, refs);
	}
	assert_int_equal(n, vhash_count(channel.rulesets.ids));
	check_members(c, refs);
	check_scopes(c);
}
