/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table RULE: the rules of the rule sets that are programmed here. A rule's id is its place in the
 * list, from 1, and so says where it stands in "weft security-group rule list".
 */
#include <netinet/in.h>

#include "uses.h"

static uint8_t family_of(const struct rule *r)
{
	if (r->remote.len != PREFIX_NONE)
		return weft_addr_is_v4(&r->remote.addr) ? 4 : 6;
	if (r->protocol == IPPROTO_ICMP)
		return 4;
	return r->protocol == IPPROTO_ICMPV6 ? 6 : r->family;
}

static void fill_ports(const struct rule *r, struct weft_rule *e)
{
	e->port_min = r->ports.min;
	e->port_max = r->ports.min ? r->ports.max : UINT16_MAX;
	if (r->icmp_type == RULE_ICMP_ANY)
		return;
	e->port_min = (uint16_t)(r->icmp_type << 8);
	e->port_max = e->port_min | UINT8_MAX;
	if (r->icmp_code != RULE_ICMP_ANY)
		e->port_min = e->port_max = (uint16_t)(r->icmp_type << 8 | r->icmp_code);
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct use *u = use_find(c, WEFT_TABLE_RULESET, k->in.id);
	struct weft_rule *e = &ret->rule;
	const struct rule *r;
	size_t n;

	r = u ? use_rules(c, u, &n) : NULL;
	if (!r || k->in.sub > n)
		return false;
	r += k->in.sub - 1;
	e->ruleset = u->id;
	e->id = k->in.sub;
	e->direction = r->direction;
	e->action = u->network ? WEFT_RULE_ALLOW : r->action;
	e->family = family_of(r);
	e->flags = r->log ? WEFT_RULE_LOG : 0;
	e->proto = r->protocol;
	fill_ports(r, e);
	if (r->remote.len != PREFIX_NONE)
		e->remote = r->remote;
	e->set = rule_set_id(c, u, r);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	for (struct use **p = NULL; (p = hset_next(&c->uses, p));) {
		size_t n = 0;

		if ((*p)->table == WEFT_TABLE_RULESET)
			use_rules(c, *p, &n);
		for (uint32_t i = 1; i <= n; i++) {
			union key k = key_rule((*p)->id, i);

			fn(arg, &k);
		}
	}
}

const struct compile_table compile_rule = {get, walk};
