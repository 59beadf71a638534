/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compiles a rule set: from rules as control puts them to what policy_judge scans. Knows no sets
 * and no transactions. Main thread, within a commit.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#include "policy_priv.h"

bool policy_scopes_add(
	uint16_t list[WEFT_PORT_SCOPES], uint16_t *n, const uint16_t *scopes, uint16_t n_scopes)
{
	for (uint16_t i = 0; i < n_scopes; i++) {
		uint16_t at = 0;

		while (at < *n && list[at] != scopes[i])
			at++;
		if (at < *n)
			continue;
		if (*n == WEFT_PORT_SCOPES)
			return false;
		list[(*n)++] = scopes[i];
	}
	return true;
}

static bool is_of_family(const struct weft_rule *r, enum policy_family family)
{
	if (r->family != 0 && r->family != (family == POLICY_V4 ? 4 : 6))
		return false;
	return r->remote.len == 0 || prefix_family(&r->remote) == family;
}

static void rule_compile(const struct policy_rule_spec *s, struct policy_rule *ret)
{
	const struct weft_rule *r = &s->rule;

	*ret = (struct policy_rule){
		.id = r->id,
		.port_min = r->port_min,
		.port_range = r->port_max - r->port_min,
		.set = s->set,
		.scope = s->scope,
		.proto = r->proto == WEFT_RULE_ANY_PROTO ? 0 : r->proto,
		.proto_mask = r->proto == WEFT_RULE_ANY_PROTO ? 0 : 0xff,
		.action = r->action,
		.flags = r->flags,
	};
	prefix_mask(r->remote.len, ret->mask);
	addr_words(&r->remote.addr, ret->remote);
	for (unsigned int i = 0; i < 2; i++)
		ret->remote[i] &= ret->mask[i];
}

static int compare_order(const void *a, const void *b)
{
	const struct weft_rule *x = &(*(const struct policy_rule_spec *const *)a)->rule;
	const struct weft_rule *y = &(*(const struct policy_rule_spec *const *)b)->rule;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* How many rules the lists have in all; a rule of both families is in two. */
static uint32_t count_compiled(const struct policy_rule_spec *rules, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		for (unsigned int family = 0; family < POLICY_FAMILIES; family++)
			sum += is_of_family(&rules[i].rule, family);
	return sum;
}

static void compile_lists(
	struct policy_ruleset *rs, const struct policy_rule_spec **order, struct policy_rule *next)
{
	for (unsigned int d = WEFT_RULE_INGRESS; d <= WEFT_RULE_EGRESS; d++) {
		for (unsigned int family = 0; family < POLICY_FAMILIES; family++) {
			struct policy_rule_list *list = &rs->lists[d - 1][family];

			list->rules = next;
			for (uint32_t i = 0; i < rs->n_rules; i++)
				if (order[i]->rule.direction == d &&
					is_of_family(&order[i]->rule, family))
					rule_compile(order[i], next++);
			list->n = next - list->rules;
		}
	}
}

static int compare_sets(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* Lists scopes and sets, each once. False: more scopes than there may be. */
static bool list_references(struct policy_ruleset *rs, uint16_t *sets)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < rs->n_rules; i++) {
		const struct policy_rule_spec *r = &rs->rules[i];

		if (!r->set)
			continue;
		sets[n++] = r->set;
		if (!policy_scopes_add(rs->scopes, &rs->n_scopes, &r->scope, 1))
			return false;
	}
	qsort(sets, n, sizeof(sets[0]), compare_sets);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || sets[i] != sets[i - 1])
			sets[rs->n_sets++] = sets[i];
	rs->sets = sets;
	return true;
}

static size_t lines(size_t size)
{
	return RTE_ALIGN_CEIL(size, (size_t)RTE_CACHE_LINE_SIZE);
}

struct policy_ruleset *policy_ruleset_new(const struct weft_ruleset *spec, uint16_t slot,
	const struct policy_rule_spec *rules, uint32_t n)
{
	size_t compiled_size = lines(count_compiled(rules, n) * sizeof(struct policy_rule));
	size_t head_size = lines(sizeof(struct policy_ruleset));
	size_t specs_size = lines(n * sizeof(*rules));
	const struct policy_rule_spec **order = malloc((n + 1) * sizeof(*order));
	uint8_t *block = aligned_alloc(RTE_CACHE_LINE_SIZE,
		head_size + compiled_size + specs_size + lines(n * sizeof(uint16_t)));
	struct policy_ruleset *rs = (struct policy_ruleset *)block;

	if (!order || !block)
		goto fail;
	memset(block, 0, head_size);
	rs->spec = *spec;
	rs->slot = slot;
	rs->n_rules = n;
	rs->rules = (struct policy_rule_spec *)(block + head_size + compiled_size);
	if (n > 0)
		memcpy(block + head_size + compiled_size, rules, n * sizeof(*rules));
	if (!list_references(rs, (uint16_t *)(block + head_size + compiled_size + specs_size))) {
		errno = E2BIG;
		goto fail;
	}
	for (uint32_t i = 0; i < n; i++)
		order[i] = &rs->rules[i];
	qsort(order, n, sizeof(*order), compare_order);
	compile_lists(rs, order, (struct policy_rule *)(block + head_size));
	free(order);
	return rs;
fail:
	free(order);
	free(block);
	return NULL;
}
