/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The oracle's policy: struct weft_rule, weft_ruleset and weft_port of weft/entry.h, rule by rule.
 */
#include "oracle.h"

void flow_of(const struct view *v, struct flow_view *ret)
{
	bool icmp = v->proto == (v->family == 4 ? 1 : 58);

	*ret = (struct flow_view){
		.src = v->src, .dst = v->dst, .proto = v->proto, .has_port = v->has_l4};
	ret->port = icmp ? v->sport : v->dport;
}

static bool is_in_set(uint32_t set, const struct weft_addr *a)
{
	for (unsigned int i = 0; i < oracle_now->n_set_member; i++) {
		const struct weft_set_member *m = &oracle_now->set_member[i];
		bool of_v4 = weft_addr_is_v4(&m->prefix.addr) && m->prefix.len >= 96;

		if (m->set == set && of_v4 == weft_addr_is_v4(a) && has_prefix(&m->prefix, a))
			return true;
	}
	return false;
}

static bool rule_matches(
	const struct weft_rule *r, unsigned int direction, const struct flow_view *f)
{
	const struct weft_addr *remote = direction == WEFT_RULE_INGRESS ? &f->src : &f->dst;
	bool v4 = weft_addr_is_v4(remote);

	if (r->direction != direction || (r->family && (r->family == 4) != v4))
		return false;
	if (r->proto != WEFT_RULE_ANY_PROTO && r->proto != f->proto)
		return false;
	if (!(r->port_min == 0 && r->port_max == 65535) &&
		(!f->has_port || f->port < r->port_min || f->port > r->port_max))
		return false;
	if (r->remote.len) {
		bool of_v4 = weft_addr_is_v4(&r->remote.addr) && r->remote.len >= 96;

		if (of_v4 != v4 || !has_prefix(&r->remote, remote))
			return false;
	}
	return r->set == 0 || is_in_set(r->set, remote);
}

/* The first rule of the set that matches: lowest priority, then lowest id. */
static const struct weft_rule *first_match(
	uint32_t ruleset, unsigned int direction, const struct flow_view *f)
{
	const struct weft_rule *best = NULL;

	for (unsigned int i = 0; i < oracle_now->n_rule; i++) {
		const struct weft_rule *r = &oracle_now->rule[i];

		if (r->ruleset != ruleset || !rule_matches(r, direction, f))
			continue;
		if (!best || r->priority < best->priority ||
			(r->priority == best->priority && r->id < best->id))
			best = r;
	}
	return best;
}

static unsigned int tier_of(uint32_t ruleset)
{
	for (unsigned int i = 0; i < oracle_now->n_ruleset; i++) {
		if (oracle_now->ruleset[i].id == ruleset)
			return oracle_now->ruleset[i].tier;
	}
	return 0;
}

unsigned int judge_port(
	const struct weft_port *p, unsigned int direction, const struct flow_view *f)
{
	unsigned int passed = 0; /* the tier that was left */

	for (unsigned int i = 0; i < p->n_rulesets; i++) {
		unsigned int tier = tier_of(p->rulesets[i]);
		const struct weft_rule *r;

		if (tier == passed)
			continue;
		r = first_match(p->rulesets[i], direction, f);
		if (r && r->action != WEFT_RULE_PASS)
			return r->action;
		if (r)
			passed = tier;
	}
	return p->flags & WEFT_PORT_DEFAULT_DENY ? WEFT_RULE_DENY : WEFT_RULE_ALLOW;
}

enum weft_drop judge_ends(uint32_t from, uint32_t to, const struct flow_view *f)
{
	unsigned int action =
		from ? judge_port(find_port(from), WEFT_RULE_EGRESS, f) : WEFT_RULE_ALLOW;

	if (action != WEFT_RULE_ALLOW)
		return action == WEFT_RULE_REJECT ? WEFT_DROP_POLICY_REJECT
						  : WEFT_DROP_POLICY_EGRESS;
	action = to ? judge_port(find_port(to), WEFT_RULE_INGRESS, f) : WEFT_RULE_ALLOW;
	if (action != WEFT_RULE_ALLOW)
		return action == WEFT_RULE_REJECT ? WEFT_DROP_POLICY_REJECT
						  : WEFT_DROP_POLICY_INGRESS;
	return 0;
}
