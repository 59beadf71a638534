/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meaning of single entries of policy: address sets, rule sets, rules, and what a port says of
 * them. Knows nothing of other entries. Pure; any thread.
 */
#include <errno.h>
#include <netinet/in.h>

#include "check.h"

#define V4_BITS 96

int check_set(const struct check *c, const struct weft_set *s)
{
	int rc = check_id(c, "id", s->id);

	return rc ? rc : check_name(c, "name", s->name);
}

int check_set_member(const struct check *c, const struct weft_set_member *m)
{
	int rc = check_id(c, "set", m->set);

	return rc ? rc : check_prefix(c, "prefix", &m->prefix);
}

int check_ruleset(const struct check *c, const struct weft_ruleset *r)
{
	int rc = check_id(c, "id", r->id);

	if (rc)
		return rc;
	if (r->tier < WEFT_TIER_OVERRIDE || r->tier > WEFT_TIER_BASELINE)
		return check_bad(c, -EINVAL, "tier", "%u is unknown", r->tier);
	return check_name(c, "name", r->name);
}

static bool has_ports(uint16_t proto)
{
	switch (proto) {
	case IPPROTO_ICMP:
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_DCCP:
	case IPPROTO_ICMPV6:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		return true;
	}
	return false;
}

static int check_rule_ports(const struct check *c, const struct weft_rule *r)
{
	if (r->port_min > r->port_max)
		return check_bad(
			c, -EINVAL, "port_max", "%u is below %u", r->port_max, r->port_min);
	if ((r->port_min > 0 || r->port_max < UINT16_MAX) && !has_ports(r->proto))
		return check_bad(c, -EINVAL, "port_min", "protocol %u has no ports", r->proto);
	return 0;
}

static int check_rule_remote(const struct check *c, const struct weft_rule *r)
{
	bool is_v4 = weft_addr_is_v4(&r->remote.addr) && r->remote.len >= V4_BITS;
	int rc = check_prefix(c, "remote", &r->remote);

	if (rc || r->remote.len == 0 || r->family == 0)
		return rc;
	if (is_v4 != (r->family == 4))
		return check_bad(c, -EINVAL, "remote", "is not of family %u", r->family);
	return 0;
}

int check_rule(const struct check *c, const struct weft_rule *r)
{
	int rc;

	if ((rc = check_id(c, "ruleset", r->ruleset)) || (rc = check_id(c, "id", r->id)) ||
		(rc = check_flags(c, r->flags, WEFT_RULE_LOG)))
		return rc;
	if (r->direction != WEFT_RULE_INGRESS && r->direction != WEFT_RULE_EGRESS)
		return check_bad(c, -EINVAL, "direction", "%u is unknown", r->direction);
	if (r->action < WEFT_RULE_ALLOW || r->action > WEFT_RULE_PASS)
		return check_bad(c, -EINVAL, "action", "%u is unknown", r->action);
	if (r->family != 0 && r->family != 4 && r->family != 6)
		return check_bad(c, -EINVAL, "family", "%u is not 0, 4 or 6", r->family);
	if (r->proto > WEFT_RULE_ANY_PROTO)
		return check_bad(c, -EINVAL, "proto", "%u is beyond 256 (any)", r->proto);
	rc = check_rule_ports(c, r);
	return rc ? rc : check_rule_remote(c, r);
}

int check_port_policy(const struct check *c, const struct weft_port *p)
{
	if (p->n_rulesets > WEFT_PORT_RULESETS)
		return check_bad(c, -E2BIG, "n_rulesets", "%u is beyond %u", p->n_rulesets,
			WEFT_PORT_RULESETS);
	if (p->role != WEFT_ROLE_TENANT &&
		(p->n_rulesets > 0 || (p->flags & WEFT_PORT_DEFAULT_DENY)))
		return check_bad(c, -EINVAL, "n_rulesets", "only a tenant's port has policy");
	for (unsigned int i = 0; i < p->n_rulesets; i++) {
		int rc = check_id(c, "rulesets", p->rulesets[i]);

		if (rc)
			return rc;
		for (unsigned int k = 0; k < i; k++)
			if (p->rulesets[k] == p->rulesets[i])
				return check_bad(
					c, -EINVAL, "rulesets", "has %u twice", p->rulesets[i]);
	}
	return 0;
}
