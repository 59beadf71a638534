/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold for the rules of security groups and policies, and how many policies may cover one
 * port. Types, ranges and forms are checked where JSON is read. Called by model_check.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"

/* The rule that is being checked, for errors. */
struct checking {
	const struct object *o;
	size_t i;
	struct model_error *err;
};

__attribute__((format(printf, 3, 4))) static int fail(
	const struct checking *c, const char *field, const char *format, ...)
{
	char path[64], text[200];
	va_list ap;

	snprintf(path, sizeof(path), "rules[%zu].%s", c->i, field);
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return model_fail(c->err, MODEL_ERR_INVALID, c->o, path, "%s", text);
}

static bool is_icmp(const struct rule *r)
{
	return r->protocol == IPPROTO_ICMP || r->protocol == IPPROTO_ICMPV6;
}

static bool has_ports(const struct rule *r)
{
	return r->protocol == IPPROTO_TCP || r->protocol == IPPROTO_UDP ||
	       r->protocol == IPPROTO_UDPLITE || r->protocol == IPPROTO_SCTP ||
	       r->protocol == IPPROTO_DCCP;
}

static int check_protocol(const struct checking *c, const struct rule *r)
{
	if (r->ports.min && !has_ports(r))
		return fail(c, "ports",
			"needs a protocol that has ports: tcp, udp, sctp, 33 (DCCP) or 136 "
			"(UDP-Lite)");
	if (r->icmp_type != RULE_ICMP_ANY && !is_icmp(r))
		return fail(c, "icmp_type", "needs the protocol icmp or icmpv6");
	if (r->icmp_code != RULE_ICMP_ANY && r->icmp_type == RULE_ICMP_ANY)
		return fail(c, "icmp_code", "needs an icmp_type");
	if (r->protocol == IPPROTO_ICMP && r->family == 6)
		return fail(c, "protocol", "icmp is of IPv4; for family ipv6 take icmpv6");
	if (r->protocol == IPPROTO_ICMPV6 && r->family == 4)
		return fail(c, "protocol", "icmpv6 is of IPv6; for family ipv4 take icmp");
	return 0;
}

static int check_remote(const struct checking *c, const struct rule *r)
{
	bool given = r->remote.len != PREFIX_NONE;
	uint8_t family = weft_addr_is_v4(&r->remote.addr) ? 4 : 6;

	if (given + (r->remote_group != NULL) + (r->address_set != NULL) > 1)
		return fail(c, r->address_set ? "address_set" : "remote_group",
			"only one of remote, remote_group and address_set may be given");
	if (given && r->family && r->family != family)
		return fail(c, "remote", "is IPv%u but the family is ipv%u", family, r->family);
	if (given && ((r->protocol == IPPROTO_ICMP && family == 6) ||
			     (r->protocol == IPPROTO_ICMPV6 && family == 4)))
		return fail(c, "remote", "is IPv%u, which does not go with the protocol", family);
	return 0;
}

static int check_rules(
	const struct object *o, const struct rule *rules, size_t n, struct model_error *err)
{
	struct checking c = {.o = o, .err = err};

	for (; c.i < n; c.i++)
		if (check_protocol(&c, &rules[c.i]) || check_remote(&c, &rules[c.i]))
			return -EINVAL;
	return 0;
}

int policy_check_group(const struct security_group *g, struct model_error *err)
{
	return check_rules(&g->o, g->rules, g->n_rules, err);
}

int policy_check_policy(const struct policy *p, struct model_error *err)
{
	return check_rules(&p->o, p->rules, p->n_rules, err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, *(char *const *)b);
}

static bool has_name(char *const *names, size_t n, const char *name)
{
	return name && n && bsearch(name, names, n, sizeof(*names), compare_names);
}

bool policy_covers(const struct policy *p, const char *tenant, const char *network)
{
	return (p->n_tenants == 0 && p->n_networks == 0) ||
	       has_name(p->tenants, p->n_tenants, tenant) ||
	       has_name(p->networks, p->n_networks, network);
}

#define FOR_EACH_POLICY(p, m)                                                                      \
	for (const struct policy *p = (const struct policy *)model_next(m, MODEL_POLICY, NULL); p; \
		p = (const struct policy *)model_next(m, MODEL_POLICY, p->o.name))

/* The ports of a tenant that are in no network with policies of its own, or those of a network. */
static int check_ports(const struct model *m, const struct policy *p, const char *tenant,
	const char *network, struct model_error *err)
{
	size_t n = 0;

	FOR_EACH_POLICY(other, m)
	n += other->tier == p->tier && policy_covers(other, tenant, network);
	if (n <= MODEL_PORT_POLICIES)
		return 0;
	return model_fail(err, MODEL_ERR_LIMIT, &p->o, NULL,
		"more than %d policies of this tier would cover the ports of %s%s; put rules of "
		"several into one",
		MODEL_PORT_POLICIES,
		network	 ? "network "
		: tenant ? "tenant "
			 : "every tenant",
		network	 ? network
		: tenant ? tenant
			 : "");
}

/* All that p names. */
static int check_named(const struct model *m, const struct policy *named, const struct policy *p,
	struct model_error *err)
{
	char tenant[MODEL_NAME_MAX + 1];

	for (size_t i = 0; i < named->n_tenants; i++)
		if (policy_covers(p, named->tenants[i], NULL) &&
			check_ports(m, p, named->tenants[i], NULL, err))
			return -EINVAL;
	for (size_t i = 0; i < named->n_networks; i++) {
		model_name_tenant(named->networks[i], tenant);
		if (policy_covers(p, tenant, named->networks[i]) &&
			check_ports(m, p, tenant, named->networks[i], err))
			return -EINVAL;
	}
	return 0;
}

/* Policies refer to address sets of so few tenants that a port's rule sets fit WEFT_PORT_SCOPES. */
static int check_scopes(const struct model *m, const struct policy *last, struct model_error *err)
{
	char seen[MODEL_POLICY_SCOPES][MODEL_NAME_MAX + 1], tenant[MODEL_NAME_MAX + 1];
	size_t n = 0, k;

	FOR_EACH_POLICY(p, m)
	for (size_t i = 0; i < p->n_rules; i++) {
		if (!p->rules[i].address_set)
			continue;
		model_name_tenant(p->rules[i].address_set, tenant);
		for (k = 0; k < n && strcmp(seen[k], tenant) != 0; k++)
			;
		if (k < n)
			continue;
		if (n == MODEL_POLICY_SCOPES)
			return model_fail(err, MODEL_ERR_LIMIT, &last->o, NULL,
				"policies would refer to address sets of more than %d tenants; "
				"keep them in one",
				MODEL_POLICY_SCOPES);
		memcpy(seen[n++], tenant, sizeof(tenant));
	}
	return 0;
}

int policy_check_coverage(const struct model *m, const struct policy *p, struct model_error *err)
{
	if (policy_covers(p, NULL, NULL) && check_ports(m, p, NULL, NULL, err))
		return -EINVAL;
	FOR_EACH_POLICY(other, m)
	if (other->tier == p->tier && check_named(m, other, p, err))
		return -EINVAL;
	return check_scopes(m, p, err);
}
