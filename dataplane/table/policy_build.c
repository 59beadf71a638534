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
		.set = s->set,
		.scope = s->scope,
		.action = r->action,
		.flags = r->flags,
	};
	prefix_mask(r->remote.len, ret->mask);
	addr_words(&r->remote.addr, ret->remote);
	for (unsigned int i = 0; i < 2; i++)
		ret->remote[i] &= ret->mask[i];
}

static void filter_compile(const struct weft_rule *r, struct policy_filter *f, unsigned int lane)
{
	f->proto[lane] = r->proto;
	f->proto_mask[lane] = r->proto == WEFT_RULE_ANY_PROTO ? 0 : UINT16_MAX;
	f->port_min[lane] = r->port_min;
	f->port_range[lane] = r->port_max - r->port_min;
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

/* A protocol that no packet has, for the lanes behind the last rule. */
static void list_end(struct policy_rule_list *list, struct policy_filter *filters)
{
	struct weft_rule nothing = {.proto = UINT16_MAX};

	for (uint32_t i = list->n; i % POLICY_LANES; i++)
		filter_compile(&nothing, &filters[i / POLICY_LANES], i % POLICY_LANES);
}

static void compile_lists(struct policy_ruleset *rs, const struct policy_rule_spec **order,
	struct policy_filter *filters, struct policy_rule *next)
{
	for (unsigned int k = 0; k < WEFT_RULE_EGRESS * POLICY_FAMILIES; k++) {
		unsigned int direction = k / POLICY_FAMILIES + 1, family = k % POLICY_FAMILIES;
		struct policy_rule_list *list = &rs->lists[direction - 1][family];
		uint32_t n = 0;

		list->rules = next;
		list->filters = filters;
		for (uint32_t i = 0; i < rs->n_rules; i++) {
			const struct weft_rule *r = &order[i]->rule;

			if (r->direction != direction || !is_of_family(r, family))
				continue;
			rule_compile(order[i], next++);
			filter_compile(r, &filters[n / POLICY_LANES], n % POLICY_LANES);
			n++;
		}
		list->n = n;
		list_end(list, filters);
		filters += (n + POLICY_LANES - 1) / POLICY_LANES;
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
	uint32_t n_compiled = count_compiled(rules, n);
	/* Each list may end with lanes to spare. */
	size_t filters_size = (n_compiled / POLICY_LANES + WEFT_RULE_EGRESS * POLICY_FAMILIES) *
			      sizeof(struct policy_filter);
	size_t compiled_size = filters_size + lines(n_compiled * sizeof(struct policy_rule));
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
	compile_lists(rs, order, (struct policy_filter *)(block + head_size),
		(struct policy_rule *)(block + head_size + filters_size));
	free(order);
	return rs;
fail:
	free(order);
	free(block);
	return NULL;
}
