/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <build.h>

#include "random_policy.h"

static int below(int n)
{
	return (int)(random() % n);
}

static const char *const networks[] = {"t/n", "t/k", "u/n"};

static const char *tenant(void)
{
	return below(3) ? "t" : "u";
}

static struct object *random_network(void)
{
	const char *name = networks[below(3)];

	return build_object(MODEL_NETWORK,
		"{'tenant':'%.1s','name':'%s','tcp_strict':%s,'when_full':'%s','metadata':%s,"
		"'timeouts_s':{'icmp':%d}}",
		name, name + 2, below(2) ? "true" : "false", below(2) ? "drop" : "stateless",
		below(2) ? "true" : "false", 1 + below(3));
}

/* Those behind s3 are in no router; they change networks. */
static struct object *random_segment(void)
{
	const char *name = networks[below(3)];

	return build_object(MODEL_SEGMENT, "{'tenant':'%.1s','name':'s%d','network':'%s','vni':%d}",
		name, 4 + below(3), name + 2, 8 + below(6));
}

static struct object *random_set(void)
{
	static const char *const prefixes[] = {
		"10.0.0.0/8", "10.0.0.1", "fd00::/8", "::/0", "0.0.0.0/0", "192.0.2.0/24"};
	char list[200] = "";

	for (int i = 0; i < 6; i++)
		if (below(2))
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s'%s'",
				list[0] ? "," : "", prefixes[i]);
	return build_object(MODEL_ADDRESS_SET, "{'tenant':'%s','name':'a%d','prefixes':[%s]}",
		tenant(), below(2), list);
}

static void random_rules(bool policy, char *ret, size_t size)
{
	static const char *const matches[] = {"", ",'protocol':'tcp','ports':'80-90'",
		",'protocol':'icmp','icmp_type':8", ",'family':'ipv6','log':true",
		",'protocol':'icmpv6','icmp_type':1,'icmp_code':4", ",'protocol':17,'ports':53"};
	static const char *const actions[] = {"allow", "deny", "reject", "pass"};
	char remote[64], action[32];
	size_t n = 0;

	ret[0] = '\0';
	for (int i = below(4); i > 0; i--) {
		int kind = below(4);

		remote[0] = action[0] = '\0';
		if (kind == 1)
			snprintf(remote, sizeof(remote), ",'address_set':'%sa%d'",
				policy ? (below(2) ? "t/" : "u/") : "", below(2));
		else if (kind == 2 && !policy)
			snprintf(remote, sizeof(remote), ",'remote_group':'g%d'", below(3));
		if (policy)
			snprintf(action, sizeof(action), ",'action':'%s'", actions[below(4)]);
		n += (size_t)snprintf(ret + n, size - n, "%s{'direction':'%s'%s%s%s%s}",
			n ? "," : "", below(2) ? "ingress" : "egress",
			kind == 3 ? "" : matches[below(6)], remote, action,
			kind == 3 ? below(2) ? ",'remote':'::/0'" : ",'remote':'10.0.0.0/8'" : "");
	}
}

static struct object *random_group(void)
{
	char rules[800];

	random_rules(false, rules, sizeof(rules));
	return build_object(MODEL_SECURITY_GROUP, "{'tenant':'%s','name':'g%d','rules':[%s]}",
		tenant(), below(3), rules);
}

static struct object *random_policy(void)
{
	static const char *const covered[] = {"", "", ",'tenants':['t']", ",'tenants':['t','u']",
		",'networks':['t/n','u/n']", ",'tenants':['u'],'networks':['t/k']"};
	char rules[800];

	random_rules(true, rules, sizeof(rules));
	return build_object(MODEL_POLICY, "{'name':'y%d','tier':'%s','priority':%d,'rules':[%s]%s}",
		below(5), below(2) ? "override" : "baseline", 1 + below(5), rules,
		covered[below(6)]);
}

static struct object *random_member(void)
{
	static const char *const groups[] = {
		"", "", "'g0'", "'g1'", "'g0','g1'", "'g2','g1'", "'g0','g1','g2'"};
	static const char *const addresses[] = {"", "'10.0.0.%d'", "'10.0.0.%d','10.1.0.0/16'",
		"'10.1.0.0/16','fd00::%d'", "'fd00::%d'"};
	char list[80], host[32] = "";

	snprintf(list, sizeof(list), addresses[below(5)], 10 + below(12));
	if (below(6))
		snprintf(host, sizeof(host), ",'host':'h%d'", below(2) ? below(4) : 0);
	return build_object(MODEL_PORT,
		"{'tenant':'%s','name':'q%d','segment':'s%d','mac':'02:00:00:00:01:%02d',"
		"'addresses':[%s],'security_groups':[%s],'max_sessions':%d%s}",
		tenant(), below(10), 4 + below(3), below(90), list, groups[below(7)], below(2),
		host);
}

struct object *random_policy_object(void)
{
	switch (below(12)) {
	case 0:
		return build_object(
			MODEL_TENANT, "{'name':'%s','session_rate':%d}", tenant(), below(3));
	case 1:
		return random_network();
	case 2:
		return random_segment();
	case 3:
	case 4:
		return random_set();
	case 5:
	case 6:
		return random_group();
	case 7:
		return random_policy();
	default:
		return random_member();
	}
}
