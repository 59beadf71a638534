/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of fields: what an object of each kind has, what is valid, what is said about it in
 * the help. Data only; schema.h says what each column means.
 */
#include <netinet/in.h>
#include <string.h>

#include <model/endpoint.h>
#include <model/schema.h>

#define SIZE_OF(holder, member) sizeof(((struct holder *)0)->member)

#define STRING(holder, member, limit, text)                                                        \
	.name = #member, .type = FIELD_STRING, .offset = offsetof(struct holder, member),          \
	.max = (limit), .help = text
#define UINT(holder, member, lo, hi, dflt, text)                                                   \
	.name = #member, .type = FIELD_UINT, .offset = offsetof(struct holder, member),            \
	.size = SIZE_OF(holder, member), .min = (lo), .max = (hi), .fallback = (dflt),             \
	.help = text
#define BOOL(holder, member, dflt, text)                                                           \
	.name = #member, .type = FIELD_BOOL, .offset = offsetof(struct holder, member),            \
	.fallback = (dflt), .help = text
#define MAC(holder, member, text)                                                                  \
	.name = #member, .type = FIELD_MAC, .offset = offsetof(struct holder, member), .help = text
#define ARRAY(holder, member, kind, limit, text)                                                   \
	.name = #member, .type = (kind), .offset = offsetof(struct holder, member),                \
	.count_offset = offsetof(struct holder, n_##member), .max = (limit), .help = text
#define ADDR(holder, member, text)                                                                 \
	.name = #member, .type = FIELD_ADDR, .offset = offsetof(struct holder, member), .help = text
#define PREFIX(holder, member, text)                                                               \
	.name = #member, .type = FIELD_PREFIX, .offset = offsetof(struct holder, member),          \
	.help = text
#define STRUCTS(holder, member, element, table, limit, text)                                       \
	ARRAY(holder, member, FIELD_STRUCTS, limit, text), .fields = (table),                      \
							   .size = sizeof(struct element)
#define REF(holder, member, target, text)                                                          \
	.name = #member, .type = FIELD_REF, .offset = offsetof(struct holder, member),             \
	.ref = (target), .help = text

/* Every object has these; "tenant" and "name" make up the full name. */
#define TENANT                                                                                     \
	{                                                                                          \
		.name = "tenant", .type = FIELD_REF, .offset = offsetof(struct object, name),      \
		.ref = MODEL_TENANT, .required = true, .help = "tenant that it belongs to"         \
	}
#define NAME                                                                                       \
	{                                                                                          \
		.name = "name", .type = FIELD_NAME, .offset = offsetof(struct object, name),       \
		.required = true, .help = "name; letters, digits, '.', '_' and '-'"                \
	}
#define DESCRIPTION                                                                                \
	{                                                                                          \
		.name = "description", .type = FIELD_STRING,                                       \
		.offset = offsetof(struct object, description), .max = 255,                        \
		.help = "free text for people"                                                     \
	}

static const struct field_enum port_kinds[] = {
	{"vhost-user", WEFT_PORT_VHOST_USER},
	{"tap", WEFT_PORT_TAP},
	{"veth", WEFT_PORT_VETH},
	{"memif", WEFT_PORT_MEMIF},
	{"dpdk", WEFT_PORT_ETHDEV},
	{"fake", WEFT_PORT_FAKE},
	{NULL, 0},
};

static const struct field_enum uplink_kinds[] = {
	{"af_xdp", UPLINK_AF_XDP},
	{"dpdk", UPLINK_DPDK},
	{"memif", UPLINK_MEMIF},
	{"veth", UPLINK_VETH},
	{NULL, 0},
};

const struct field schema_uplink[] = {
	{.name = "kind",
		.type = FIELD_ENUM,
		.offset = offsetof(struct uplink, kind),
		.names = uplink_kinds,
		.required = true,
		.help = "af_xdp: kernel interface shared with the host; dpdk: devargs"},
	{STRING(uplink, device, WEFT_DEVICE_SIZE - 1,
		 "interface name, socket path or DPDK devargs"),
		.required = true},
	{UINT(uplink, queues, 1, WEFT_PORT_QUEUES, 1, "receive queues")},
	{UINT(uplink, instance, 0, UINT16_MAX, 0, "memif interface id")},
	{BOOL(uplink, server, false, "memif: this side listens")},
	{UINT(uplink, mtu, WEFT_MTU_MIN, WEFT_MTU_MAX, 0,
		"MTU of the underlay; 0: the kernel's, or 1500 without a kernel interface")},
	{MAC(uplink, mac, "own MAC; only without a kernel interface")},
	{MAC(uplink, next_hop_mac, "next hop of all VTEPs; only without a kernel interface")},
	{.name = NULL},
};

/* Limits of a tenant or a port. */
#define SESSION_LIMITS(holder, whose, without)                                                     \
	{UINT(holder, max_sessions, 0, UINT32_MAX, 0,                                              \
		"sessions that " whose " may have on a host; 0: " without)},                       \
		{UINT(holder, max_half_open, 0, UINT32_MAX, 0,                                     \
			"of those, not answered yet; 0: no limit")},                               \
	{                                                                                          \
		UINT(holder, session_rate, 0, UINT32_MAX, 0,                                       \
			"new sessions per second on a host; 0: no limit")                          \
	}

static const struct field tenant_fields[] = {
	NAME,
	DESCRIPTION,
	SESSION_LIMITS(tenant, "its ports together", "four for each place that is free"),
	{.name = NULL},
};

static const struct field_enum when_full[] = {
	{"drop", WHEN_FULL_DROP},
	{"stateless", WHEN_FULL_STATELESS},
	{NULL, 0},
};

#define TIMEOUT_MAX_S (30 * 86400)

static const struct field timeout_fields[] = {
#define TIMEOUT(number, id, state, dflt)                                                           \
	{.name = state,                                                                            \
		.type = FIELD_UINT,                                                                \
		.offset = (number) * sizeof(uint32_t),                                             \
		.size = sizeof(uint32_t),                                                          \
		.min = 1,                                                                          \
		.max = TIMEOUT_MAX_S,                                                              \
		.fallback = (dflt),                                                                \
		.help = "seconds without packets until such a session ends"},
	WEFT_TIMEOUTS(TIMEOUT)
#undef TIMEOUT
		{.name = NULL},
};

static const struct field network_fields[] = {
	TENANT,
	NAME,
	DESCRIPTION,
	{BOOL(network, tcp_strict, false,
		"TCP sessions begin with a SYN only, else they are also picked up on their way")},
	{.name = "when_full",
		.type = FIELD_ENUM,
		.offset = offsetof(struct network, when_full),
		.names = when_full,
		.fallback = WHEN_FULL_DROP,
		.help = "no room for a session: drop, or judge each packet by itself"},
	{BOOL(network, mss_clamp, false, "make the MSS of TCP fit the path")},
	{BOOL(network, metadata, false,
		"serve instance metadata at 169.254.169.254 and fd00:ec2::254")},
	{.name = "timeouts_s",
		.type = FIELD_STRUCT,
		.offset = offsetof(struct network, timeouts),
		.size = sizeof(struct timeouts),
		.fields = timeout_fields,
		.help = "when silent sessions end, by their state"},
	{.name = NULL},
};

static const struct field subnet_fields[] = {
	{PREFIX(subnet, prefix, "addresses of the subnet"), .required = true},
	{ADDR(subnet, gateway, "of the router, inside the subnet")},
	{.name = NULL},
};

static const struct field host_route_fields[] = {
	{PREFIX(host_route, prefix, "destination"), .required = true},
	{ADDR(host_route, via, "next hop, in a subnet of the segment"), .required = true},
	{.name = NULL},
};

static const struct field segment_fields[] = {
	TENANT,
	NAME,
	DESCRIPTION,
	{REF(segment, network, MODEL_NETWORK, "network that it is part of"), .required = true},
	{UINT(segment, vni, 1, (1 << 24) - 1, 0,
		 "VXLAN network identifier, unique over all tenants"),
		.required = true},
	{STRUCTS(segment, subnets, subnet, subnet_fields, 64,
		 "prefixes that its ports have addresses in, each with an optional gateway"),
		.shorthand = true},
	{UINT(segment, mtu, WEFT_MTU_MIN, WEFT_MTU_MAX, 0,
		"largest IP packet; 0: what the underlay allows")},
	{UINT(segment, ageing_s, 0, 1000000, 300,
		"seconds until a silent learned MAC is forgotten; 0: never")},
	{UINT(segment, max_learned, 0, WEFT_MAX_FDB / 4, 4096,
		"MACs learned on one host; 0: no learning")},
	{BOOL(segment, flood_unknown, false,
		"flood frames to unknown unicast MACs instead of dropping them")},
	{BOOL(segment, learn_from_wire, false, "learn MACs also from VXLAN")},
	{BOOL(segment, answer_locally, true, "answer ARP and ND on the host for known ports")},
	{BOOL(segment, carry_vlan, false, "carry frames with a VLAN tag instead of dropping them")},
	{BOOL(segment, l3_only, false,
		"pass only routed unicast: all ARP and ND is answered with the router's MAC")},
	{BOOL(segment, dhcp, false, "answer DHCPv4 and DHCPv6 with the ports' addresses")},
	{BOOL(segment, ra, false, "send IPv6 router advertisements to its ports")},
	{BOOL(segment, slaac, false, "with ra: let machines make addresses of their own (SLAAC)")},
	{BOOL(segment, dns_local, false,
		"answer DNS queries for names of ports at the gateways' addresses")},
	{ARRAY(segment, dns_servers, FIELD_ADDRS, 2 * WEFT_SUBNET_SERVERS,
		"DNS servers that ports are told, at most 4 per family; with dns_local behind the "
		"gateway")},
	{STRING(segment, domain, WEFT_NAME_SIZE - 1,
		"domain of its ports: told by DHCP and RA, and behind their names in DNS")},
	{UINT(segment, lease_s, 60, UINT32_MAX - 1, 86400,
		"seconds that addresses from DHCP and RA are valid")},
	{STRUCTS(segment, host_routes, host_route, host_route_fields, WEFT_SUBNET_ROUTES,
		 "routes that ports are told by DHCPv4, as PREFIX@VIA"),
		.shorthand = true},
	{.name = NULL},
};

static const struct field host_fields[] = {
	NAME,
	DESCRIPTION,
	{ARRAY(host, vteps, FIELD_ADDRS, 2, "tunnel addresses, at most one per family")},
	{.name = "uplink",
		.type = FIELD_STRUCT,
		.offset = offsetof(struct host, uplink),
		.size = sizeof(struct uplink),
		.fields = schema_uplink,
		.help = "how the host reaches the underlay"},
	{UINT(host, ttl, 1, 255, 64, "TTL of tunnel packets that it sends")},
	{UINT(host, dscp, 0, 63, 0, "DSCP of tunnel packets that it sends")},
	{BOOL(host, dscp_copy, false, "copy DSCP from the inner packet instead")},
	{STRING(host, metadata, ENDPOINT_TEXT_MAX,
		"where instance metadata is served: unix:/PATH or http://ADDRESS:PORT")},
	{.name = NULL},
};

static const struct field port_fields[] = {
	TENANT,
	NAME,
	DESCRIPTION,
	{REF(port, segment, MODEL_SEGMENT, "segment that it is attached to"), .required = true},
	{REF(port, host, MODEL_HOST, "host that it is on; none: not reachable yet")},
	{MAC(port, mac, "MAC of the machine behind it"), .required = true},
	{ARRAY(port, addresses, FIELD_PREFIXES, WEFT_PORT_ADDRS,
		"addresses of the machine, and prefixes that it may send from")},
	{.name = "kind",
		.type = FIELD_ENUM,
		.offset = offsetof(struct port, kind),
		.names = port_kinds,
		.fallback = WEFT_PORT_VHOST_USER,
		.help = "type of attachment"},
	{STRING(port, device, WEFT_DEVICE_SIZE - 1,
		"socket path, interface name or devargs; vhost-user without one: " PORT_SOCKET_DIR
		"TENANT+NAME.sock")},
	{UINT(port, queues, 1, WEFT_PORT_QUEUES, 1, "queue pairs")},
	{UINT(port, instance, 0, UINT16_MAX, 0, "memif interface id")},
	{UINT(port, mtu, WEFT_MTU_MIN, WEFT_MTU_MAX, 0, "0: the segment's")},
	{UINT(port, flood_pps, 0, UINT32_MAX, 0,
		"flooded packets per second that it may send; 0: no limit")},
	{UINT(port, max_learned, 1, UINT16_MAX, 64, "MACs learned behind it, with learn")},
	{BOOL(port, anti_spoof, true, "let only its MAC and addresses be sent from")},
	{BOOL(port, learn, false, "learn MACs behind it; not with anti_spoof")},
	{BOOL(port, server, false, "vhost-user, memif: this side listens on the socket")},
	{BOOL(port, enabled, true, "false: nothing passes")},
	{BOOL(port, offload, true, "offer checksum offload and TSO")},
	{BOOL(port, fast_path, true, "veth: the kernel may carry its established sessions")},
	{BOOL(port, xdp_delivery, false,
		"veth: its other end takes XDP frames (GRO is on there); fast from an af_xdp "
		"uplink")},
	{ARRAY(port, security_groups, FIELD_REFS, MODEL_PORT_GROUPS,
		 "security groups that it is in; with any, what none of them allows is denied"),
		.ref = MODEL_SECURITY_GROUP, .is_set = true},
	SESSION_LIMITS(port, "it", "half of the table"),
	{STRING(port, hostname, WEFT_NAME_SIZE - 1,
		"host name told by DHCP and DNS; none: the port's, when that is a host name")},
	{.name = NULL},
};

static const struct field address_set_fields[] = {
	TENANT,
	NAME,
	DESCRIPTION,
	{ARRAY(address_set, prefixes, FIELD_PREFIXES, MODEL_SET_PREFIXES,
		 "addresses and prefixes; address-set.add and .remove change some of them"),
		.is_set = true},
	{.name = NULL},
};

static const struct field_enum directions[] = {
	{"ingress", WEFT_RULE_INGRESS},
	{"egress", WEFT_RULE_EGRESS},
	{NULL, 0},
};

static const struct field_enum actions[] = {
	{"allow", WEFT_RULE_ALLOW},
	{"deny", WEFT_RULE_DENY},
	{"reject", WEFT_RULE_REJECT},
	{"pass", WEFT_RULE_PASS},
	{NULL, 0},
};

static const struct field_enum families[] = {
	{"any", 0},
	{"ipv4", 4},
	{"ipv6", 6},
	{NULL, 0},
};

static const struct field_enum protocols[] = {
	{"any", WEFT_RULE_ANY_PROTO},
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{"icmp", IPPROTO_ICMP},
	{"icmpv6", IPPROTO_ICMPV6},
	{"sctp", IPPROTO_SCTP},
	{NULL, 0},
};

#define RULE_DIRECTION                                                                             \
	{                                                                                          \
		.name = "direction", .type = FIELD_ENUM,                                           \
		.offset = offsetof(struct rule, direction), .names = directions, .required = true, \
		.help = "ingress: toward the port; egress: from the port"                          \
	}

/* What a rule matches. */
#define RULE_MATCH                                                                                 \
	{.name = "family",                                                                         \
		.type = FIELD_ENUM,                                                                \
		.offset = offsetof(struct rule, family),                                           \
		.names = families,                                                                 \
		.help = "family of addresses"},                                                    \
		{UINT(rule, protocol, 0, 255, WEFT_RULE_ANY_PROTO, "name or number"),              \
			.names = protocols},                                                       \
		{.name = "ports",                                                                  \
			.type = FIELD_PORTS,                                                       \
			.offset = offsetof(struct rule, ports),                                    \
			.help = "destination port, or ports such as 1000-2000; none: any"},        \
		{UINT(rule, icmp_type, 0, 255, RULE_ICMP_ANY, "ICMP type; none: any"),             \
			.optional = true},                                                         \
	{                                                                                          \
		UINT(rule, icmp_code, 0, 255, RULE_ICMP_ANY, "ICMP code; none: any"),              \
			.optional = true                                                           \
	}

#define RULE_REMOTE                                                                                \
	{                                                                                          \
		PREFIX(rule, remote, "addresses of the other side; none: any")                     \
	}

#define RULE_REST                                                                                  \
	{REF(rule, address_set, MODEL_ADDRESS_SET,                                                 \
		"address set that the other side is in, instead of remote")},                      \
		{BOOL(rule, log, false, "an event for each session that it decides")},             \
	{                                                                                          \
		STRING(rule, description, 255, "free text for people")                             \
	}

static const struct field group_rule_fields[] = {
	RULE_DIRECTION,
	RULE_MATCH,
	RULE_REMOTE,
	{REF(rule, remote_group, MODEL_SECURITY_GROUP,
		"security group that the other side is in, instead of remote")},
	RULE_REST,
	{.name = NULL},
};

static const struct field security_group_fields[] = {
	TENANT,
	NAME,
	DESCRIPTION,
	{STRUCTS(security_group, rules, rule, group_rule_fields, WEFT_RULESET_RULES,
		"what is allowed; answers to it are, too")},
	{.name = NULL},
};

static const struct field policy_rule_fields[] = {
	RULE_DIRECTION,
	{.name = "action",
		.type = FIELD_ENUM,
		.offset = offsetof(struct rule, action),
		.names = actions,
		.required = true,
		.help = "reject: deny and tell the sender; pass: leave it to the next tier"},
	RULE_MATCH,
	RULE_REMOTE,
	RULE_REST,
	{.name = NULL},
};

static const struct field_enum tiers[] = {
	{"override", WEFT_TIER_OVERRIDE},
	{"baseline", WEFT_TIER_BASELINE},
	{NULL, 0},
};

static const struct field policy_fields[] = {
	NAME,
	DESCRIPTION,
	{.name = "tier",
		.type = FIELD_ENUM,
		.offset = offsetof(struct policy, tier),
		.names = tiers,
		.required = true,
		.help = "override: before security groups; baseline: for ports without any"},
	{UINT(policy, priority, 1, 65535, 0, "order within the tier; lowest first, unique"),
		.required = true},
	{ARRAY(policy, tenants, FIELD_REFS, MODEL_POLICY_LIST,
		 "covers the ports of these tenants; with no tenants and networks: all ports"),
		.ref = MODEL_TENANT, .is_set = true},
	{ARRAY(policy, networks, FIELD_REFS, MODEL_POLICY_LIST,
		 "covers the ports of these networks (tenant/name)"),
		.ref = MODEL_NETWORK, .is_set = true},
	{STRUCTS(policy, rules, rule, policy_rule_fields, WEFT_RULESET_RULES,
		"the first that matches decides")},
	{.name = NULL},
};

static const struct field router_fields[] = {
	TENANT,
	NAME,
	DESCRIPTION,
	{REF(router, network, MODEL_NETWORK, "network whose segments it connects"),
		.required = true},
	{ARRAY(router, segments, FIELD_REFS, ROUTER_SEGMENTS_MAX,
		 "segments that it connects: each of their subnets needs a gateway, its address; a "
		 "segment is in one router at most"),
		.ref = MODEL_SEGMENT, .is_set = true},
	{MAC(router, mac, "its MAC on all segments and hosts; without one: 02:57:45:46:54:01")},
	{.name = NULL},
};

static const struct field route_fields[] = {
	TENANT,
	NAME,
	DESCRIPTION,
	{REF(route, router, MODEL_ROUTER, "router that it is a route of"), .required = true},
	{PREFIX(route, prefix, "destination; one of a router's routes at most has it"),
		.required = true},
	{ARRAY(route, next_hops, FIELD_ADDRS, WEFT_ROUTE_HOPS,
		"addresses in subnets of the router's segments; flows are spread over them")},
	{REF(route, peer, MODEL_ROUTER,
		 "look further in this router; of another tenant: TENANT/NAME, and it needs a "
		 "route back for answers"),
		.any_tenant = true},
	{BOOL(route, blackhole, false, "drop what goes there")},
	{BOOL(route, unreachable, false, "drop it and tell the sender")},
	{.name = NULL},
};

static const struct {
	const struct field *fields;
	size_t size;
} schema_kinds[MODEL_KIND_MAX] = {
#define SCHEMA_KIND(number, id, one, many, type)                                                   \
	[MODEL_##id] = {type##_fields, sizeof(struct type)},
	MODEL_KINDS(SCHEMA_KIND)
#undef SCHEMA_KIND
};

const struct field *schema_fields(enum model_kind kind)
{
	return schema_kinds[kind].fields;
}

size_t schema_size(enum model_kind kind)
{
	return schema_kinds[kind].size;
}

bool schema_is_name(const struct field *f)
{
	return f->type == FIELD_NAME || (f->type == FIELD_REF && f->ref == MODEL_TENANT);
}

size_t schema_element_size(const struct field *f)
{
	switch (f->type) {
	case FIELD_ADDRS:
		return sizeof(struct weft_addr);
	case FIELD_PREFIXES:
		return sizeof(struct weft_prefix);
	case FIELD_REFS:
		return sizeof(char *);
	case FIELD_STRUCTS:
		return f->size;
	default:
		return 0;
	}
}
