/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table entries from words: one function per table. Names of keys are those of the entry's members,
 * short ones where cases use them a lot.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

const char *words_value(const struct words *w, const char *key)
{
	size_t len = strlen(key);

	for (unsigned int i = 1; i < w->n; i++) {
		if (strncmp(w->word[i], key, len) == 0 && w->word[i][len] == '=')
			return w->word[i] + len + 1;
	}
	return NULL;
}

uint32_t words_number(const struct words *w, const char *key, uint32_t otherwise)
{
	const char *v = words_value(w, key);

	return v ? strtoul(v, NULL, 0) : otherwise;
}

uint32_t words_flags(const char *list, const struct flag_name *names)
{
	char text[256], *save = NULL;
	uint32_t flags = 0;

	snprintf(text, sizeof(text), "%s", list ? list : "");
	for (char *f = strtok_r(text, ",", &save); f; f = strtok_r(NULL, ",", &save)) {
		const struct flag_name *n = names;

		while (n->name && strcmp(n->name, f) != 0)
			n++;
		if (!n->name)
			words_bad("flag", f);
		flags |= n->flag;
	}
	return flags;
}

static uint32_t flags_of(const struct words *w, const struct flag_name *names)
{
	return words_flags(words_value(w, "flags"), names);
}

static struct weft_mac mac_of(const struct words *w, const char *key)
{
	struct weft_mac mac = {0};
	const char *v = words_value(w, key);

	if (v && weft_mac_parse(v, &mac) < 0)
		words_bad("MAC", v);
	return mac;
}

static struct weft_addr addr_of(const struct words *w, const char *key)
{
	struct weft_addr addr = {0};
	const char *v = words_value(w, key);

	if (v && weft_addr_parse(v, &addr) < 0)
		words_bad("address", v);
	return addr;
}

static struct weft_prefix prefix_of(const char *text)
{
	struct weft_prefix prefix = {0};

	if (text && weft_prefix_parse(text, false, &prefix) < 0)
		words_bad("prefix", text);
	return prefix;
}

static void name_of(const struct words *w, char name[WEFT_NAME_SIZE], const char *kind, uint32_t id)
{
	const char *v = words_value(w, "name");

	if (v)
		snprintf(name, WEFT_NAME_SIZE, "%s", v);
	else
		snprintf(name, WEFT_NAME_SIZE, "%s%u", kind, id);
}

/* Calls add for each part of a list. */
static void each(const struct words *w, const char *key, void (*add)(union weft_entry *, char *),
	union weft_entry *e)
{
	char text[1024], *save = NULL;
	const char *list = words_value(w, key);

	snprintf(text, sizeof(text), "%s", list ? list : "");
	for (char *a = strtok_r(text, ",", &save); a; a = strtok_r(NULL, ",", &save))
		add(e, a);
}

static void read_segment(const struct words *w, union weft_entry *ret)
{
	static const struct flag_name flags[] = {{"flood_unknown", WEFT_SEGMENT_FLOOD_UNKNOWN},
		{"learn_wire", WEFT_SEGMENT_LEARN_WIRE}, {"proxy", WEFT_SEGMENT_PROXY},
		{"inner_vlan", WEFT_SEGMENT_INNER_VLAN}, {"l3_only", WEFT_SEGMENT_L3_ONLY}, {0}};

	ret->segment = (struct weft_segment){
		.vni = words_number(w, "vni", 0),
		.flags = flags_of(w, flags),
		.mtu = words_number(w, "mtu", 1450),
		.ageing_s = words_number(w, "ageing", 300),
		.max_learned = words_number(w, "max_learned", 0),
		.network = words_number(w, "network", 0),
		.router = words_number(w, "router", 0),
	};
	name_of(w, ret->segment.name, "segment", ret->segment.vni);
}

static void add_port_addr(union weft_entry *e, char *text)
{
	if (e->port.n_addrs == WEFT_PORT_ADDRS)
		words_bad("too many addresses", text);
	e->port.addrs[e->port.n_addrs++] = prefix_of(text);
}

static void add_port_ruleset(union weft_entry *e, char *text)
{
	if (e->port.n_rulesets == WEFT_PORT_RULESETS)
		words_bad("too many rule sets", text);
	e->port.rulesets[e->port.n_rulesets++] = strtoul(text, NULL, 0);
}

static uint8_t port_role(const struct words *w, uint32_t vni)
{
	static const struct flag_name roles[] = {{"tenant", WEFT_ROLE_TENANT},
		{"uplink", WEFT_ROLE_UPLINK}, {"service", WEFT_ROLE_SERVICE}, {0}};
	const char *role = words_value(w, "role");

	if (role)
		return words_flags(role, roles);
	return vni ? WEFT_ROLE_TENANT : WEFT_ROLE_UPLINK;
}

static void read_port(const struct words *w, union weft_entry *ret)
{
	static const struct flag_name flags[] = {{"antispoof", WEFT_PORT_ANTISPOOF},
		{"learn", WEFT_PORT_LEARN}, {"admin_down", WEFT_PORT_ADMIN_DOWN},
		{"default_deny", WEFT_PORT_DEFAULT_DENY}, {0}};

	ret->port = (struct weft_port){
		.id = words_number(w, "id", 0),
		.vni = words_number(w, "vni", 0),
		.kind = WEFT_PORT_FAKE,
		.flags = flags_of(w, flags),
		.n_queues = 1,
		.mtu = words_number(w, "mtu", WEFT_MTU_MAX),
		.mac = mac_of(w, "mac"),
		.max_learned = words_number(w, "max_learned", 0),
		.flood_pps = words_number(w, "flood_pps", 0),
		.max_sessions = words_number(w, "max_sessions", 0),
		.max_half_open = words_number(w, "max_half_open", 0),
		.session_rate = words_number(w, "session_rate", 0),
	};
	ret->port.role = port_role(w, ret->port.vni);
	name_of(w, ret->port.name, "port", ret->port.id);
	if (words_value(w, "hostname"))
		snprintf(ret->port.hostname, WEFT_NAME_SIZE, "%s", words_value(w, "hostname"));
	each(w, "addrs", add_port_addr, ret);
	each(w, "rulesets", add_port_ruleset, ret);
}

static void read_local_vtep(const struct words *w, union weft_entry *ret)
{
	ret->local_vtep = (struct weft_local_vtep){.addr = addr_of(w, "addr"),
		.uplink = words_number(w, "uplink", 0),
		.mac = mac_of(w, "mac")};
}

static void read_vtep(const struct words *w, union weft_entry *ret)
{
	static const struct flag_name flags[] = {
		{"unresolved", WEFT_VTEP_RESOLVED}, {"dscp_copy", WEFT_VTEP_DSCP_COPY}, {0}};

	ret->vtep = (struct weft_vtep){
		.remote = addr_of(w, "remote"),
		.local = addr_of(w, "local"),
		.uplink = words_number(w, "uplink", 0),
		.dst_mac = mac_of(w, "dst"),
		.src_mac = mac_of(w, "src"),
		.path_mtu = words_number(w, "mtu", 1500),
		.flags = flags_of(w, flags) ^ WEFT_VTEP_RESOLVED,
		.ttl = words_number(w, "ttl", 64),
		.dscp = words_number(w, "dscp", 0),
	};
}

static void read_flood(const struct words *w, union weft_entry *ret)
{
	static const struct flag_name flags[] = {{"accept_only", WEFT_FLOOD_ACCEPT_ONLY}, {0}};

	ret->flood = (struct weft_flood){.vni = words_number(w, "vni", 0),
		.remote = addr_of(w, "remote"),
		.flags = flags_of(w, flags)};
}

static void read_fdb(const struct words *w, union weft_entry *ret)
{
	ret->fdb = (struct weft_fdb){.vni = words_number(w, "vni", 0),
		.port = words_number(w, "port", 0),
		.mac = mac_of(w, "mac"),
		.remote = addr_of(w, "remote")};
}

static void read_neigh(const struct words *w, union weft_entry *ret)
{
	static const struct flag_name flags[] = {{"gateway", WEFT_NEIGH_GATEWAY}, {0}};

	ret->neigh = (struct weft_neigh){.vni = words_number(w, "vni", 0),
		.addr = addr_of(w, "addr"),
		.mac = mac_of(w, "mac"),
		.flags = flags_of(w, flags)};
}

static void read_tenant(const struct words *w, union weft_entry *ret)
{
	ret->tenant = (struct weft_tenant){.id = words_number(w, "id", 0),
		.max_sessions = words_number(w, "max_sessions", 0),
		.max_half_open = words_number(w, "max_half_open", 0),
		.session_rate = words_number(w, "session_rate", 0)};
	name_of(w, ret->tenant.name, "tenant", ret->tenant.id);
}

static void read_network(const struct words *w, union weft_entry *ret)
{
	static const struct flag_name flags[] = {{"tcp_strict", WEFT_NETWORK_TCP_STRICT},
		{"full_stateless", WEFT_NETWORK_FULL_STATELESS},
		{"metadata", WEFT_NETWORK_METADATA}, {"mss_clamp", WEFT_NETWORK_MSS_CLAMP}, {0}};

	ret->network = (struct weft_network){.id = words_number(w, "id", 0),
		.tenant = words_number(w, "tenant", 0),
		.flags = flags_of(w, flags),
#define TIMEOUT(number, id, name, dflt) .timeout_s[number] = words_number(w, name, dflt),
		WEFT_TIMEOUTS(TIMEOUT)
#undef TIMEOUT
	};
	name_of(w, ret->network.name, "network", ret->network.id);
}

static void read_router(const struct words *w, union weft_entry *ret)
{
	ret->router = (struct weft_router){.id = words_number(w, "id", 0),
		.network = words_number(w, "network", 0),
		.mac = mac_of(w, "mac")};
	name_of(w, ret->router.name, "router", ret->router.id);
}

static void add_subnet_dns(union weft_entry *e, char *text)
{
	if (e->subnet.n_dns == WEFT_SUBNET_SERVERS ||
		weft_addr_parse(text, &e->subnet.dns[e->subnet.n_dns++]) < 0)
		words_bad("DNS server", text);
}

/* PREFIX>VIA */
static void add_subnet_route(union weft_entry *e, char *text)
{
	struct weft_host_route *r = &e->subnet.routes[e->subnet.n_routes++];
	char *via = strchr(text, '>');

	if (e->subnet.n_routes > WEFT_SUBNET_ROUTES || !via ||
		weft_addr_parse(via + 1, &r->via) < 0)
		words_bad("route", text);
	*via = '\0';
	r->prefix = prefix_of(text);
}

static void read_subnet(const struct words *w, union weft_entry *ret)
{
	static const struct flag_name flags[] = {{"dhcp", WEFT_SUBNET_DHCP}, {"ra", WEFT_SUBNET_RA},
		{"autonomous", WEFT_SUBNET_AUTONOMOUS}, {"dns", WEFT_SUBNET_DNS}, {0}};
	const char *domain = words_value(w, "domain");

	ret->subnet = (struct weft_subnet){.vni = words_number(w, "vni", 0),
		.prefix = prefix_of(words_value(w, "prefix")),
		.flags = flags_of(w, flags),
		.gateway = addr_of(w, "gateway"),
		.lease_s = words_number(w, "lease", 3600)};
	snprintf(ret->subnet.domain, sizeof(ret->subnet.domain), "%s", domain ? domain : "");
	each(w, "dns", add_subnet_dns, ret);
	each(w, "routes", add_subnet_route, ret);
}

/* TYPE, TYPE:REF or TYPE:REF:VIA */
static void add_hop(union weft_entry *e, char *text)
{
	static const struct flag_name types[] = {{"connected", WEFT_HOP_CONNECTED},
		{"via", WEFT_HOP_VIA}, {"router", WEFT_HOP_ROUTER},
		{"blackhole", WEFT_HOP_BLACKHOLE}, {"unreachable", WEFT_HOP_UNREACHABLE}, {0}};
	struct weft_hop *h = &e->route.hops[e->route.n_hops++];
	char *save = NULL, *part = strtok_r(text, ":", &save);

	if (e->route.n_hops > WEFT_ROUTE_HOPS)
		words_bad("too many hops", text);
	h->type = words_flags(part, types);
	part = strtok_r(NULL, ":", &save);
	if (part)
		h->ref = strtoul(part, NULL, 0);
	if (part && *save && weft_addr_parse(save, &h->via) < 0)
		words_bad("next hop", save);
}

static void read_route(const struct words *w, union weft_entry *ret)
{
	ret->route = (struct weft_route){.router = words_number(w, "router", 0),
		.prefix = prefix_of(words_value(w, "prefix"))};
	each(w, "hops", add_hop, ret);
}

static void read_set(const struct words *w, union weft_entry *ret)
{
	ret->set = (struct weft_set){
		.id = words_number(w, "id", 0), .scope = words_number(w, "scope", 1)};
	name_of(w, ret->set.name, "set", ret->set.id);
}

static void read_set_member(const struct words *w, union weft_entry *ret)
{
	ret->set_member = (struct weft_set_member){
		.set = words_number(w, "set", 0), .prefix = prefix_of(words_value(w, "prefix"))};
}

static void read_ruleset(const struct words *w, union weft_entry *ret)
{
	static const struct flag_name tiers[] = {{"override", WEFT_TIER_OVERRIDE},
		{"group", WEFT_TIER_GROUP}, {"baseline", WEFT_TIER_BASELINE}, {0}};
	const char *tier = words_value(w, "tier");

	ret->ruleset = (struct weft_ruleset){.id = words_number(w, "id", 0),
		.tier = tier ? words_flags(tier, tiers) : WEFT_TIER_GROUP};
	name_of(w, ret->ruleset.name, "ruleset", ret->ruleset.id);
}

/* proto: a number or a name; port: one, or FROM-TO; icmp: TYPE or TYPE/CODE. */
static void read_rule_l4(const struct words *w, struct weft_rule *r)
{
	static const struct flag_name protos[] = {
		{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}, {0}};
	const char *proto = words_value(w, "proto"), *port = words_value(w, "port"),
		   *icmp = words_value(w, "icmp");
	char *end;

	r->proto = WEFT_RULE_ANY_PROTO;
	r->port_max = UINT16_MAX;
	if (proto) {
		r->proto = strtoul(proto, &end, 0);
		if (*end)
			r->proto = words_flags(proto, protos);
	}
	if (port) {
		r->port_min = r->port_max = strtoul(port, &end, 0);
		if (*end == '-')
			r->port_max = strtoul(end + 1, NULL, 0);
	}
	if (icmp) {
		r->port_min = strtoul(icmp, &end, 0) << 8;
		r->port_max = r->port_min | 0xff;
		if (*end == '/')
			r->port_min = r->port_max = r->port_min | strtoul(end + 1, NULL, 0);
	}
}

static void read_rule(const struct words *w, union weft_entry *ret)
{
	static const struct flag_name directions[] = {
		{"ingress", WEFT_RULE_INGRESS}, {"egress", WEFT_RULE_EGRESS}, {0}};
	static const struct flag_name actions[] = {{"allow", WEFT_RULE_ALLOW},
		{"deny", WEFT_RULE_DENY}, {"reject", WEFT_RULE_REJECT}, {"pass", WEFT_RULE_PASS},
		{0}};
	static const struct flag_name flags[] = {{"log", WEFT_RULE_LOG}, {0}};
	const char *action = words_value(w, "action");

	ret->rule = (struct weft_rule){.ruleset = words_number(w, "ruleset", 0),
		.id = words_number(w, "id", 0),
		.priority = words_number(w, "priority", 0),
		.direction = words_flags(words_value(w, "direction"), directions),
		.action = action ? words_flags(action, actions) : WEFT_RULE_ALLOW,
		.family = words_number(w, "family", 0),
		.flags = flags_of(w, flags),
		.remote = prefix_of(words_value(w, "remote")),
		.set = words_number(w, "set", 0)};
	read_rule_l4(w, &ret->rule);
}

static void read_dns(const struct words *w, union weft_entry *ret)
{
	const char *name = words_value(w, "name");

	ret->dns = (struct weft_dns){
		.network = words_number(w, "network", 0), .addr = addr_of(w, "addr")};
	snprintf(ret->dns.name, sizeof(ret->dns.name), "%s", name ? name : "");
	weft_dns_hash(ret->dns.name, strlen(ret->dns.name), ret->dns.hash);
}

unsigned int entry_table(const char *name)
{
	for (unsigned int t = 1; t < WEFT_TABLE_MAX; t++) {
		if (strcmp(weft_table_name(t), name) == 0)
			return t;
	}
	return 0;
}

void entry_read(enum weft_table table, const struct words *w, union weft_entry *ret)
{
	static void (*const read[WEFT_TABLE_MAX])(const struct words *, union weft_entry *) = {
		[WEFT_TABLE_SEGMENT] = read_segment,
		[WEFT_TABLE_PORT] = read_port,
		[WEFT_TABLE_LOCAL_VTEP] = read_local_vtep,
		[WEFT_TABLE_VTEP] = read_vtep,
		[WEFT_TABLE_FLOOD] = read_flood,
		[WEFT_TABLE_FDB] = read_fdb,
		[WEFT_TABLE_NEIGH] = read_neigh,
		[WEFT_TABLE_TENANT] = read_tenant,
		[WEFT_TABLE_NETWORK] = read_network,
		[WEFT_TABLE_ROUTER] = read_router,
		[WEFT_TABLE_SUBNET] = read_subnet,
		[WEFT_TABLE_ROUTE] = read_route,
		[WEFT_TABLE_SET] = read_set,
		[WEFT_TABLE_SET_MEMBER] = read_set_member,
		[WEFT_TABLE_RULESET] = read_ruleset,
		[WEFT_TABLE_RULE] = read_rule,
		[WEFT_TABLE_DNS] = read_dns,
	};

	memset(ret, 0, sizeof(*ret));
	read[table](w, ret);
}
