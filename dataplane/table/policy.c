/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judging the first packet of a session by the rule sets of a port. Knows no packets and no
 * sessions. Workers.
 */
#include <rte_common.h>

#include "policy_priv.h"

/* One judgement under way. The sets of a scope are looked up when the first rule asks for one. */
struct judgement {
	const struct config *cfg;
	uint64_t remote_words[2];
	enum policy_family family;
	uint16_t l4;
	uint16_t l4_unknown; /* all bits when it is: no range but the full one is as wide */
	uint16_t proto;
	uint16_t n_scopes; /* looked up */
	uint32_t steps;
	uint16_t scopes[WEFT_PORT_SCOPES];
	uint64_t in[SET_WORDS]; /* bit of a set's slot: remote is in it; valid with n_scopes */
};

/* Steps, beside one for each filter and each rule that is compared. */
#define STEPS_LOOKUP 8
#define STEPS_MAP    32
#define STEPS_LIST   4 /* so many sets of a list are one */

static void member_collect(struct judgement *j, const struct member *m)
{
	uint64_t *in = j->in;

	if (m->n > POLICY_LIST_MAX) {
		j->steps += STEPS_MAP;
		for (unsigned int i = 0; i < SET_WORDS; i++)
			in[i] |= m->sets.map[i];
		return;
	}
	j->steps += m->n / STEPS_LIST;
	for (uint32_t i = 0; i < m->n; i++) {
		uint16_t set = member_list(m)[i];

		in[set / 64] |= UINT64_C(1) << set % 64;
	}
}

/* The prefixes of remote whose lengths are the bits of lens, first + 0 .. first + 63. */
static void collect_lens(struct judgement *j, uint16_t scope, uint64_t lens, unsigned int first)
{
	struct member_key keys[VHASH_BULK_MAX];
	const void *pointers[VHASH_BULK_MAX];
	struct vhash_entry *found[VHASH_BULK_MAX];
	unsigned int n = 0;
	uint64_t hits;

	for (; lens; lens &= lens - 1, n++) {
		unsigned int len = first + __builtin_ctzll(lens);
		uint64_t words[2];

		prefix_mask(len, words);
		words[0] &= j->remote_words[0];
		words[1] &= j->remote_words[1];
		keys[n] = (struct member_key){.scope_slot = scope, .family = j->family, .len = len};
		memcpy(&keys[n].addr, words, sizeof(words));
		pointers[n] = &keys[n];
	}
	if (n == 0)
		return;
	j->steps += n * STEPS_LOOKUP;
	hits = vhash_find_bulk(j->cfg->set_members, pointers, n, j->cfg->generation, found);
	for (; hits; hits &= hits - 1)
		member_collect(j, (struct member *)found[__builtin_ctzll(hits)]);
}

static __attribute__((noinline)) void collect_scope(struct judgement *j, uint16_t scope)
{
	const struct policy_scope *s = j->cfg->scopes[scope];

	if (j->n_scopes == 0)
		memset(j->in, 0, sizeof(j->in));
	j->scopes[j->n_scopes++] = scope;
	for (unsigned int i = 0; i < RTE_DIM(s->lens[0]); i++)
		collect_lens(j, scope, s->lens[j->family][i], i * 64);
}

static bool is_in_set(struct judgement *j, const struct policy_rule *r)
{
	unsigned int i = 0;

	while (i < j->n_scopes && j->scopes[i] != r->scope)
		i++;
	if (i == j->n_scopes)
		collect_scope(j, r->scope);
	return j->in[r->set / 64] >> r->set % 64 & 1;
}

typedef uint16_t lanes_t __attribute__((vector_size(POLICY_LANES * sizeof(uint16_t))));

static inline lanes_t load_lanes(const uint16_t *v)
{
	return *(const lanes_t *)v;
}

/* All bits of a lane are set when its rule may match; ret[0] has the first lanes. */
static inline void filter_match(
	const struct judgement *j, const struct policy_filter *f, uint64_t ret[2])
{
	lanes_t distance = (j->l4 - load_lanes(f->port_min)) | j->l4_unknown;
	lanes_t differs = (j->proto ^ load_lanes(f->proto)) & load_lanes(f->proto_mask);
	lanes_t hits = (lanes_t)(distance <= load_lanes(f->port_range)) & (lanes_t)(differs == 0);

	static_assert(sizeof(hits) == 2 * sizeof(ret[0]), "eight lanes of 16 bits");
	memcpy(ret, &hits, sizeof(hits));
}

static bool rule_match(struct judgement *j, const struct policy_rule *r)
{
	uint64_t differs;

	j->steps++;
	differs = ((j->remote_words[0] ^ r->remote[0]) & r->mask[0]) |
		  ((j->remote_words[1] ^ r->remote[1]) & r->mask[1]);

	return !differs && (!r->set || is_in_set(j, r));
}

static const struct policy_rule *list_match(
	struct judgement *j, const struct policy_rule_list *list)
{
	for (uint32_t i = 0; i < list->n; i += POLICY_LANES) {
		uint64_t hits[2];

		j->steps++;
		filter_match(j, &list->filters[i / POLICY_LANES], hits);
		for (unsigned int half = 0; half < 2; half++) {
			while (hits[half]) {
				unsigned int lane = __builtin_ctzll(hits[half]) / 16;
				const struct policy_rule *r =
					&list->rules[i + half * POLICY_LANES / 2 + lane];

				if (rule_match(j, r))
					return r;
				hits[half] &= ~(UINT64_C(0xffff) << lane * 16);
			}
		}
	}
	return NULL;
}

static void judgement_start(struct judgement *j, const struct config *cfg,
	enum weft_rule_direction direction, const struct policy_flow *flow)
{
	bool is_v4 = weft_addr_is_v4(&flow->src) && weft_addr_is_v4(&flow->dst);

	j->cfg = cfg;
	addr_words(direction == WEFT_RULE_INGRESS ? &flow->src : &flow->dst, j->remote_words);
	j->family = is_v4 ? POLICY_V4 : POLICY_V6;
	j->l4 = flow->l4;
	j->l4_unknown = flow->has_l4 ? 0 : UINT16_MAX;
	j->proto = flow->proto;
	j->n_scopes = 0;
	j->steps = 0;
}

void policy_judge(const struct config *cfg, const struct config_port *port,
	enum weft_rule_direction direction, const struct policy_flow *flow,
	struct policy_verdict *ret)
{
	struct judgement j;	 /* large: only what is needed gets a value */
	unsigned int passed = 0; /* tiers */

	judgement_start(&j, cfg, direction, flow);
	for (unsigned int i = 0; i < port->n_rulesets; i++) {
		const struct policy_ruleset *rs = cfg->rulesets[port->rulesets[i]];
		const struct policy_rule *r;

		if (passed >> rs->spec.tier & 1)
			continue;
		r = list_match(&j, &rs->lists[direction - 1][j.family]);
		if (r && r->action == WEFT_RULE_PASS) {
			passed |= 1u << rs->spec.tier;
		} else if (r) {
			*ret = (struct policy_verdict){.action = r->action,
				.flags = r->flags,
				.ruleset_slot = rs->slot,
				.rule = r->id,
				.steps = j.steps};
			return;
		}
	}
	*ret = (struct policy_verdict){.action = port->spec.flags & WEFT_PORT_DEFAULT_DENY
							 ? WEFT_RULE_DENY
							 : WEFT_RULE_ALLOW,
		.steps = j.steps};
}
