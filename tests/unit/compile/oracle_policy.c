/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "oracle.h"

#define FOR_EACH(o, m, kind)                                                                       \
	for (const struct object *o = NULL; (o = model_next(m, kind, o ? o->name : NULL));)

struct policy_oracle {
	const struct model *m;
	const char *self;
	struct applied *out;
};

static const char *network_of(const struct model *m, const struct port *p)
{
	return ((const struct segment *)model_find(m, MODEL_SEGMENT, p->segment))->network;
}

static const struct object *tenant_of(const struct model *m, const char *name)
{
	char tenant[MODEL_NAME_MAX + 1];

	return model_find(m, MODEL_TENANT, model_name_tenant(name, tenant));
}

static bool in_group(const struct port *p, const char *group)
{
	for (size_t i = 0; i < p->n_security_groups; i++)
		if (strcmp(p->security_groups[i], group) == 0)
			return true;
	return false;
}

static bool covers(const struct model *m, const struct policy *y, const struct port *p)
{
	for (size_t i = 0; i < y->n_tenants; i++)
		if (strcmp(y->tenants[i], tenant_of(m, p->o.name)->name) == 0)
			return true;
	for (size_t i = 0; i < y->n_networks; i++)
		if (strcmp(y->networks[i], network_of(m, p)) == 0)
			return true;
	return y->n_tenants + y->n_networks == 0;
}

/* Adds the id of the policy of that tier that comes next behind priority and covers the port. */
static uint32_t next_policy(
	const struct model *m, const struct port *p, uint8_t tier, uint32_t priority, uint32_t *ret)
{
	uint32_t best = 0;

	FOR_EACH(o, m, MODEL_POLICY)
	{
		const struct policy *y = (const struct policy *)o;

		if (y->tier != tier || y->priority <= priority || !covers(m, y, p) ||
			(best && y->priority >= best))
			continue;
		best = y->priority;
		*ret = o->id;
	}
	return best;
}

static void add_tier(
	const struct model *m, const struct port *p, uint8_t tier, struct weft_port *ret)
{
	uint32_t priority = 0;

	while ((priority = next_policy(m, p, tier, priority, &ret->rulesets[ret->n_rulesets])))
		ret->n_rulesets++;
}

void oracle_port_policy(const struct model *m, const struct port *p, struct weft_port *ret)
{
	const struct network *n =
		(const struct network *)model_find(m, MODEL_NETWORK, network_of(m, p));

	ret->max_sessions = p->max_sessions;
	ret->max_half_open = p->max_half_open;
	ret->session_rate = p->session_rate;
	snprintf(ret->hostname, sizeof(ret->hostname), "%s", port_hostname(p));
	add_tier(m, p, WEFT_TIER_OVERRIDE, ret);
	for (size_t i = 0; i < p->n_security_groups; i++)
		ret->rulesets[ret->n_rulesets++] =
			group_network_id((const struct security_group *)model_find(
						 m, MODEL_SECURITY_GROUP, p->security_groups[i]),
				n);
	if (p->n_security_groups)
		ret->flags |= WEFT_PORT_DEFAULT_DENY;
	else
		add_tier(m, p, WEFT_TIER_BASELINE, ret);
}

static void add(const struct policy_oracle *w, enum weft_table table, const union weft_entry *e)
{
	applied_op(w->out, table, WEFT_OP_PUT, e);
}

static void add_member(const struct policy_oracle *w, uint32_t set, const struct weft_prefix *p)
{
	union weft_entry e = {0};

	e.set_member.set = set;
	e.set_member.prefix = *p;
	if (!applied_find(w->out, WEFT_TABLE_SET_MEMBER, &e))
		add(w, WEFT_TABLE_SET_MEMBER, &e);
}

/* False: it is there already. */
static bool add_set(const struct policy_oracle *w, uint32_t id, uint32_t scope, const char *name)
{
	union weft_entry e = {0};

	e.set.id = id;
	e.set.scope = scope;
	snprintf(e.set.name, sizeof(e.set.name), "%s", name);
	if (applied_find(w->out, WEFT_TABLE_SET, &e))
		return false;
	add(w, WEFT_TABLE_SET, &e);
	return true;
}

static uint32_t add_address_set(const struct policy_oracle *w, const char *name)
{
	const struct address_set *s =
		(const struct address_set *)model_find(w->m, MODEL_ADDRESS_SET, name);

	if (add_set(w, s->o.id, tenant_of(w->m, name)->id, name))
		for (size_t i = 0; i < s->n_prefixes; i++)
			add_member(w, s->o.id, &s->prefixes[i]);
	return s->o.id;
}

static uint32_t add_group_set(
	const struct policy_oracle *w, const char *group, const struct network *n)
{
	uint32_t id = group_network_id(
		(const struct security_group *)model_find(w->m, MODEL_SECURITY_GROUP, group), n);

	if (!add_set(w, id, 0x80000000u | n->o.id, group))
		return id;
	FOR_EACH(o, w->m, MODEL_PORT)
	{
		const struct port *p = (const struct port *)o;

		for (size_t i = 0; i < p->n_addresses; i++)
			if (in_group(p, group) && strcmp(network_of(w->m, p), n->o.name) == 0)
				add_member(w, id, &p->addresses[i]);
	}
	return id;
}

static void add_rule(const struct policy_oracle *w, uint32_t ruleset, size_t i,
	const struct rule *r, const struct network *n)
{
	union weft_entry e = {0};

	e.rule.ruleset = ruleset;
	e.rule.id = (uint32_t)i + 1;
	e.rule.direction = r->direction;
	e.rule.action = n ? WEFT_RULE_ALLOW : r->action;
	e.rule.flags = r->log * WEFT_RULE_LOG;
	e.rule.proto = r->protocol;
	e.rule.family = r->protocol == IPPROTO_ICMP ? 4 : r->protocol == 58 ? 6 : r->family;
	e.rule.port_max = 65535;
	if (r->ports.min) {
		e.rule.port_min = r->ports.min;
		e.rule.port_max = r->ports.max;
	}
	if (r->icmp_type < 256) {
		e.rule.port_min = r->icmp_type * 256 + (r->icmp_code < 256 ? r->icmp_code : 0);
		e.rule.port_max = r->icmp_type * 256 + (r->icmp_code < 256 ? r->icmp_code : 255);
	}
	if (r->remote.len <= 128) {
		e.rule.remote = r->remote;
		e.rule.family = weft_addr_is_v4(&r->remote.addr) ? 4 : 6;
	}
	if (r->remote_group)
		e.rule.set = add_group_set(w, r->remote_group, n);
	if (r->address_set)
		e.rule.set = add_address_set(w, r->address_set);
	add(w, WEFT_TABLE_RULE, &e);
}

/* n: of a group, else NULL. */
static void add_ruleset(const struct policy_oracle *w, uint32_t id, uint8_t tier, const char *name,
	const struct rule *rules, size_t n_rules, const struct network *n)
{
	union weft_entry e = {0};

	e.ruleset.id = id;
	e.ruleset.tier = tier;
	snprintf(e.ruleset.name, sizeof(e.ruleset.name), "%s", name);
	if (applied_find(w->out, WEFT_TABLE_RULESET, &e))
		return;
	add(w, WEFT_TABLE_RULESET, &e);
	for (size_t i = 0; i < n_rules; i++)
		add_rule(w, id, i, &rules[i], n);
}

static void add_port_rulesets(const struct policy_oracle *w, const struct port *p)
{
	const struct network *n =
		(const struct network *)model_find(w->m, MODEL_NETWORK, network_of(w->m, p));

	FOR_EACH(o, w->m, MODEL_POLICY)
	{
		const struct policy *y = (const struct policy *)o;

		if (covers(w->m, y, p) &&
			(y->tier == WEFT_TIER_OVERRIDE || p->n_security_groups == 0))
			add_ruleset(w, o->id, y->tier, o->name, y->rules, y->n_rules, NULL);
	}
	for (size_t i = 0; i < p->n_security_groups; i++) {
		const struct security_group *g = (const struct security_group *)model_find(
			w->m, MODEL_SECURITY_GROUP, p->security_groups[i]);

		add_ruleset(w, group_network_id(g, n), WEFT_TIER_GROUP, g->o.name, g->rules,
			g->n_rules, n);
	}
}

static void add_tenant(const struct policy_oracle *w, const struct tenant *t)
{
	union weft_entry e = {0};

	e.tenant.id = t->o.id;
	e.tenant.max_sessions = t->max_sessions;
	e.tenant.max_half_open = t->max_half_open;
	e.tenant.session_rate = t->session_rate;
	snprintf(e.tenant.name, sizeof(e.tenant.name), "%s", t->o.name);
	if (!applied_find(w->out, WEFT_TABLE_TENANT, &e))
		add(w, WEFT_TABLE_TENANT, &e);
}

static bool is_used(const struct applied *a, uint32_t network)
{
	for (size_t i = 0; i < a->n[WEFT_TABLE_SEGMENT]; i++)
		if (a->entries[WEFT_TABLE_SEGMENT][i].segment.network == network)
			return true;
	for (size_t i = 0; i < a->n[WEFT_TABLE_ROUTER]; i++)
		if (a->entries[WEFT_TABLE_ROUTER][i].router.network == network)
			return true;
	return false;
}

static void add_network(const struct policy_oracle *w, const struct network *n)
{
	const struct tenant *t = (const struct tenant *)tenant_of(w->m, n->o.name);
	union weft_entry e = {0};

	add_tenant(w, t);
	e.network.id = n->o.id;
	e.network.tenant = t->o.id;
	e.network.flags = n->tcp_strict * WEFT_NETWORK_TCP_STRICT +
			  (n->when_full == WHEN_FULL_STATELESS) * WEFT_NETWORK_FULL_STATELESS +
			  n->metadata * WEFT_NETWORK_METADATA +
			  n->mss_clamp * WEFT_NETWORK_MSS_CLAMP;
	for (int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		e.network.timeout_s[i] = n->timeouts.s[i];
	snprintf(e.network.name, sizeof(e.network.name), "%s", n->o.name);
	add(w, WEFT_TABLE_NETWORK, &e);
}

void oracle_policy(const struct model *m, const char *self, struct applied *ret)
{
	const struct policy_oracle w = {m, self, ret};

	FOR_EACH(o, m, MODEL_NETWORK)
	if (is_used(ret, o->id))
		add_network(&w, (const struct network *)o);
	FOR_EACH(o, m, MODEL_PORT)
	{
		const struct port *p = (const struct port *)o;

		if (p->host && strcmp(p->host, self) == 0)
			add_port_rulesets(&w, p);
	}
}
