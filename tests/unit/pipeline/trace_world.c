/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The world of test_trace.c. Host h of a segment has MAC 02::h and the addresses that host_addr
 * makes; hosts 1..7 are ports here, 10 and 11 are behind VTEPs, 200 is the gateway, others nowhere.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <pkt/cksum.h>

#include "bed.h"
#include "trace_world.h"

#define GATEWAY 200
#define ROUTER	1
#define NETWORK 1
#define PLAIN	2 /* the network of segment 200 */

static const struct weft_mac router_mac = {.b = {2, 0x57, 0, 0, 0, 1}};

uint32_t roll(uint32_t n)
{
	return (uint32_t)random() % n;
}

static uint32_t vni_of(uint32_t host)
{
	return host <= 3 || host == 10 ? 100 : host <= 5 || host == 11 ? 101 : 200;
}

static struct weft_mac mac_of(uint32_t host)
{
	return (struct weft_mac){.b = {2, 0, 0, 0, 0, host}};
}

/* Of a host in that segment. */
static struct weft_addr addr_in(uint32_t vni, uint32_t host, bool v4)
{
	struct weft_addr a = {.b = {0xfd}};
	uint8_t b[4] = {10, 0, vni - 100, host};

	a.b[7] = vni;
	a.b[15] = host;
	return v4 ? weft_addr_from_v4(b) : a;
}

static struct weft_prefix prefix_of(struct weft_addr a, uint8_t len)
{
	struct weft_prefix p = {.addr = a, .len = len};

	for (unsigned int bit = len; bit < 128; bit++)
		p.addr.b[bit / 8] &= ~(0x80 >> bit % 8);
	return p;
}

static struct weft_addr underlay(uint8_t last)
{
	uint8_t b[4] = {192, 0, 2, last};

	return weft_addr_from_v4(b);
}

static void put_segment(uint32_t vni, uint16_t flags, bool routed)
{
	struct weft_segment s = {.vni = vni,
		.flags = flags,
		.mtu = 1400,
		.ageing_s = 1,
		.max_learned = 20,
		.network = routed ? NETWORK : PLAIN,
		.router = routed ? ROUTER : 0};

	bed_put(WEFT_TABLE_SEGMENT, &s);
	for (unsigned int v4 = 0; routed && v4 < 2; v4++) {
		struct weft_subnet sub = {.vni = vni,
			.prefix = prefix_of(addr_in(vni, 0, v4), v4 ? 120 : 64),
			.flags = vni == 100 ? WEFT_SUBNET_DHCP | (v4 ? 0 : WEFT_SUBNET_RA) : 0,
			.gateway = addr_in(vni, GATEWAY, v4)};
		struct weft_neigh gw = {.vni = vni,
			.addr = sub.gateway,
			.mac = router_mac,
			.flags = WEFT_NEIGH_GATEWAY};
		struct weft_route r = {.router = ROUTER,
			.prefix = sub.prefix,
			.n_hops = 1,
			.hops = {{.type = WEFT_HOP_CONNECTED, .ref = vni}}};

		bed_put(WEFT_TABLE_SUBNET, &sub);
		bed_put(WEFT_TABLE_NEIGH, &gw);
		bed_put(WEFT_TABLE_ROUTE, &r);
	}
}

static void put_host(uint32_t host)
{
	struct weft_fdb fdb = {.vni = vni_of(host), .mac = mac_of(host)};

	if (host < WORLD_UPLINK && (host != 4 || roll(2)))
		fdb.port = host;
	else
		fdb.remote = underlay(host == 10 ? 2 : 3);
	bed_put(WEFT_TABLE_FDB, &fdb);
	for (unsigned int v4 = 0; v4 < 2; v4++) {
		struct weft_neigh n = {.vni = vni_of(host),
			.addr = addr_in(vni_of(host), host, v4),
			.mac = fdb.mac};

		bed_put(WEFT_TABLE_NEIGH, &n);
	}
}

static void put_port(uint32_t host)
{
	struct weft_port p = {.id = host,
		.vni = vni_of(host),
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_TENANT,
		.flags = host == 7 ? WEFT_PORT_LEARN : WEFT_PORT_ANTISPOOF,
		.n_queues = 1,
		.mtu = host == 5 ? 1280 : 1500,
		.mac = mac_of(host),
		.n_addrs = 2,
		.max_learned = 10,
		.flood_pps = host == 6 ? 5 : 0,
		.max_sessions = host == 3 ? 1 + roll(20) : 0,
		.max_half_open = host == 2 ? 1 + roll(50) : 0,
		.session_rate = host == 1 ? 5 + roll(100) : 0};

	if (host <= 5 && roll(2)) {
		p.flags |= WEFT_PORT_DEFAULT_DENY;
		p.rulesets[0] = 1 + roll(4);
		p.n_rulesets = 1;
	}
	for (unsigned int v4 = 0; v4 < 2; v4++)
		p.addrs[v4] = prefix_of(addr_in(p.vni, host, v4), 128);
	bed_put(WEFT_TABLE_PORT, &p);
}

static void put_remote(uint8_t last, uint32_t vni)
{
	struct weft_vtep v = {.remote = underlay(last),
		.local = underlay(1),
		.uplink = WORLD_UPLINK,
		.path_mtu = 1450,
		.flags = last == 4 ? 0 : WEFT_VTEP_RESOLVED,
		.dst_mac = mac_of(0xee),
		.src_mac = mac_of(0xdd),
		.ttl = 64};
	struct weft_flood flood = {.vni = vni, .remote = v.remote};

	bed_put(WEFT_TABLE_VTEP, &v);
	bed_put(WEFT_TABLE_FLOOD, &flood);
}

static void put_rules(void)
{
	static const uint16_t protos[] = {
		WEFT_RULE_ANY_PROTO, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6};

	for (uint32_t set = 1; set <= 4; set++) {
		struct weft_ruleset rs = {.id = set, .tier = WEFT_TIER_GROUP};

		bed_put(WEFT_TABLE_RULESET, &rs);
		for (uint32_t id = 1; id <= 6; id++) {
			struct weft_rule r = {.ruleset = set,
				.id = id,
				.priority = roll(4),
				.direction = 1 + roll(2),
				.action = roll(5) ? WEFT_RULE_ALLOW : 2 + roll(2),
				.flags = roll(3) ? 0 : WEFT_RULE_LOG,
				.proto = protos[roll(5)],
				.port_max = UINT16_MAX};

			if (r.proto == IPPROTO_TCP || r.proto == IPPROTO_UDP)
				r.port_max = (r.port_min = roll(40)) + roll(40);
			if (roll(3) == 0)
				r.remote = prefix_of(
					addr_in(100 + roll(2), roll(12), roll(2)), 128 - roll(8));
			bed_put(WEFT_TABLE_RULE, &r);
		}
	}
}

static void put_routes(void)
{
	static const enum weft_hop_type types[] = {
		WEFT_HOP_BLACKHOLE, WEFT_HOP_UNREACHABLE, WEFT_HOP_VIA};

	for (uint8_t i = 0; i < 3; i++) {
		uint8_t b[4] = {10, 7 + i, 0, 0};
		struct weft_route r = {.router = ROUTER,
			.prefix = prefix_of(weft_addr_from_v4(b), 112),
			.n_hops = 1,
			.hops = {{.type = types[roll(3)]}}};

		if (r.hops[0].type == WEFT_HOP_VIA) {
			r.hops[0].ref = 101;
			r.hops[0].via = addr_in(101, 4 + roll(3), true);
		}
		bed_put(WEFT_TABLE_ROUTE, &r);
	}
}

const struct config *world_change(void)
{
	struct weft_network net = {.id = NETWORK,
		.tenant = 1,
		.flags = (roll(2) ? WEFT_NETWORK_TCP_STRICT : 0) |
			 (roll(2) ? WEFT_NETWORK_FULL_STATELESS : 0) |
			 (roll(2) ? WEFT_NETWORK_MSS_CLAMP : 0),
		.timeout_s = {30, 100, 30, 10, 30, 60, 30, 30}};

	bed_put(WEFT_TABLE_NETWORK, &net);
	net.id = PLAIN;
	bed_put(WEFT_TABLE_NETWORK, &net);
	put_rules();
	put_routes();
	for (uint32_t host = 1; host <= 7; host++)
		put_port(host);
	put_host(4); /* here, or behind a VTEP */
	return bed_commit();
}

const struct config *world_build(void)
{
	struct weft_tenant tenant = {.id = 1, .max_sessions = 400};
	struct weft_router router = {.id = ROUTER, .network = NETWORK, .mac = router_mac};
	struct weft_port up = {.id = WORLD_UPLINK,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_UPLINK,
		.n_queues = 1,
		.mtu = 1500};
	struct weft_local_vtep local = {
		.addr = underlay(1), .uplink = WORLD_UPLINK, .mac = mac_of(0xdd)};

	bed_put(WEFT_TABLE_TENANT, &tenant);
	bed_put(WEFT_TABLE_ROUTER, &router);
	put_segment(100, 0, true);
	put_segment(101, WEFT_SEGMENT_PROXY | WEFT_SEGMENT_FLOOD_UNKNOWN, true);
	put_segment(200, WEFT_SEGMENT_FLOOD_UNKNOWN | WEFT_SEGMENT_LEARN_WIRE, false);
	bed_put(WEFT_TABLE_PORT, &up);
	bed_put(WEFT_TABLE_LOCAL_VTEP, &local);
	put_remote(2, 100);
	put_remote(2, 101);
	put_remote(3, 100);
	put_remote(3, 101);
	put_remote(4, 200);
	for (uint32_t host = 1; host <= 11; host++)
		if (host <= 7 || host >= 10)
			put_host(host);
	return world_change();
}

/* ---- packets ---- */

static unsigned int put_ether(uint8_t *b, const struct weft_mac *src, uint32_t dst, uint16_t type)
{
	struct weft_mac d = mac_of(dst);

	if (dst == GATEWAY)
		d = router_mac;
	memcpy(b, &d, 6);
	if (roll(30) == 0)
		memset(b, 0xff, 6);
	memcpy(b + 6, src, 6);
	b[12] = type >> 8;
	b[13] = type;
	return 14;
}

/* Ports are few, so that packets meet in sessions. */
static unsigned int put_l4(uint8_t *b, uint8_t proto, unsigned int payload)
{
	uint16_t low = 1 + roll(3), high = 1000;
	bool answer = roll(2);
	static const uint8_t flags[] = {2, 0x12, 0x10, 0x10, 0x18, 4, 0x11, 0, 0x3f};

	if (proto == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)b;

		*tcp = (struct rte_tcp_hdr){.src_port = rte_cpu_to_be_16(answer ? low : high),
			.dst_port = rte_cpu_to_be_16(answer ? high : low),
			.sent_seq = rte_cpu_to_be_32(roll(3)),
			.recv_ack = rte_cpu_to_be_32(roll(3)),
			.data_off = sizeof(*tcp) << 2,
			.rx_win = roll(2) ? 0xffff : 0,
			.tcp_flags = flags[roll(sizeof(flags))]};
		return sizeof(*tcp) + payload;
	}
	if (proto == IPPROTO_UDP) {
		struct rte_udp_hdr *udp = (struct rte_udp_hdr *)b;

		if (roll(40) == 0)
			low = 67;
		*udp = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(answer ? low : high),
			.dst_port = rte_cpu_to_be_16(answer ? high : low),
			.dgram_len = rte_cpu_to_be_16(sizeof(*udp) + payload)};
		return sizeof(*udp) + payload;
	}
	memset(b, 0, 8);
	b[0] = proto == IPPROTO_ICMP ? (roll(3) ? (roll(2) ? 8 : 0) : 3) : 128 + roll(3);
	b[5] = roll(4);
	return 8 + payload;
}

static unsigned int put_ip(
	uint8_t *b, bool v4, const struct weft_addr *src, const struct weft_addr *dst)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP, 1, 50};
	uint8_t proto = protos[roll(sizeof(protos))];
	unsigned int len, payload = roll(5) ? roll(100) : 1100 + roll(400);

	if (proto == 1 && !v4)
		proto = IPPROTO_ICMPV6;
	if (!v4) {
		len = put_l4(b + 40, proto, payload);
		memset(b, 0, 40);
		b[0] = 0x60;
		b[4] = len >> 8;
		b[5] = len;
		b[6] = proto;
		b[7] = roll(20) ? 64 : roll(3);
		memcpy(b + 8, src, 16);
		memcpy(b + 24, dst, 16);
		return 40 + len;
	}
	len = put_l4(b + 20, proto, payload);
	*(struct rte_ipv4_hdr *)b = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(20 + len),
		.packet_id = rte_cpu_to_be_16(roll(8)),
		.fragment_offset = rte_cpu_to_be_16(roll(3)   ? RTE_IPV4_HDR_DF_FLAG
						    : roll(3) ? 0
							      : (roll(2) << 13 | roll(4) * 8)),
		.time_to_live = roll(20) ? 64 : roll(3),
		.next_proto_id = proto};
	memcpy(b + 12, &src->b[12], 4);
	memcpy(b + 16, &dst->b[12], 4);
	cksum_ipv4_set(b);
	return 20 + len;
}

static unsigned int put_arp(uint8_t *b, const struct weft_mac *mac, const struct weft_addr *src,
	const struct weft_addr *dst)
{
	static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 1};

	memset(b, 0, 28);
	memcpy(b, head, sizeof(head));
	memcpy(b + 8, mac, 6);
	memcpy(b + 14, &src->b[12], 4);
	memcpy(b + 24, &dst->b[12], 4);
	return 28;
}

/* Routed hosts mostly talk to routed ones, others to those of their segment. */
static uint32_t some_host(uint32_t vni, bool tunnel)
{
	static const uint8_t routed[] = {1, 2, 3, 4, 5, 10, 11};

	if (tunnel && roll(12))
		return vni == 200 ? 6 + roll(2) : 1 + roll(5);

	if (roll(12) == 0)
		return 1 + roll(12);
	return vni == 200 ? 6 + roll(2) : routed[roll(sizeof(routed))];
}

/* Asks for routers (RFC 4861 section 4.1). */
static unsigned int put_solicit(uint8_t *b, uint32_t host)
{
	static const uint8_t to_all[6] = {0x33, 0x33, 0, 0, 0, 2};
	struct weft_mac mac = mac_of(host);
	struct weft_addr src = weft_addr_link_local(&mac);
	uint16_t sum;

	put_ether(b, &mac, 0, 0x86dd);
	memcpy(b, to_all, sizeof(to_all));
	memset(b + 14, 0, 48);
	b[14] = 0x60;
	b[19] = 8;
	b[20] = IPPROTO_ICMPV6;
	b[21] = 255;
	memcpy(b + 22, &src, sizeof(src));
	b[38] = 0xff;
	b[39] = b[53] = 2;
	b[54] = 133;
	sum = ~cksum_fold(
		(uint64_t)cksum_pseudo(b + 14, true, IPPROTO_ICMPV6, 8) + cksum_bytes(b + 54, 8));
	memcpy(b + 56, &sum, sizeof(sum));
	return 62;
}

/* What that host sends; another host's router has done its part for what comes through the tunnel.
 */
static unsigned int put_inner(uint8_t *b, uint32_t host, bool tunnel, uint32_t *ret_vni)
{
	uint32_t vni = vni_of(host), to = some_host(vni, tunnel), to_vni = vni_of(to);
	struct weft_mac mac = mac_of(host == 7 ? 20 + roll(100) : roll(30) ? host : roll(12));
	bool v4 = roll(2);
	struct weft_addr src = addr_in(vni, roll(30) ? host : roll(12), v4);
	struct weft_addr dst = addr_in(roll(10) ? to_vni : vni, roll(10) ? to : GATEWAY, v4);
	unsigned int len, kind = roll(30);

	if (v4 && roll(10) == 0)
		dst.b[13] = 7 + roll(4);
	if (kind == 0) {
		len = put_ether(b, &mac, 0xff, 0x0806);
		memset(b, 0xff, 6);
		src = addr_in(vni, host, true);
		dst = addr_in(vni, roll(3) ? to : GATEWAY, true);
		return len + put_arp(b + len, &mac, &src, &dst);
	}
	if (kind == 3)
		return put_solicit(b, host);
	*ret_vni = tunnel ? to_vni : vni;
	if (tunnel && to_vni != vni)
		mac = router_mac;
	len = put_ether(b, &mac, tunnel || to_vni == vni ? to : GATEWAY,
		kind == 1   ? 0x8899
		: kind == 2 ? 0x8100
		: v4	    ? 0x0800
			    : 0x86dd);
	return len + put_ip(b + len, v4, &src, &dst);
}

static unsigned int put_outer(uint8_t *b)
{
	uint32_t host = roll(20) ? (roll(4) ? 10 + roll(2) : 4) : 6;
	uint32_t vni = 100;
	uint8_t last = roll(30) ? (host == 10 ? 2 : host == 6 ? 4 : 3) : roll(6);
	unsigned int inner = put_inner(b + 50, host, true, &vni), len = 36 + inner;
	uint8_t vxlan[8] = {8, 0, 0, 0, 0, 0, roll(20) ? vni : 100 + roll(3), 0};
	struct weft_addr src = underlay(last), dst = underlay(roll(30) ? 1 : 7);
	struct rte_udp_hdr udp = {.src_port = 0x3412,
		.dst_port = rte_cpu_to_be_16(4789),
		.dgram_len = rte_cpu_to_be_16(16 + inner)};
	struct weft_mac mac = mac_of(0xee);

	put_ether(b, &mac, 0xdd, 0x0800);
	*(struct rte_ipv4_hdr *)(b + 14) = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(len),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP};
	memcpy(b + 26, &src.b[12], 4);
	memcpy(b + 30, &dst.b[12], 4);
	cksum_ipv4_set(b + 14);
	memcpy(b + 34, &udp, sizeof(udp));
	memcpy(b + 42, vxlan, sizeof(vxlan));
	return 50 + inner;
}

unsigned int world_frame(uint32_t port, uint8_t *b)
{
	unsigned int len;
	uint32_t vni;

	memset(b, 0, WORLD_FRAME);
	len = port == WORLD_UPLINK ? put_outer(b) : put_inner(b, port, false, &vni);
	if (roll(30) == 0)
		b[roll(len)] ^= 1u << roll(8);
	return roll(60) ? len : 1 + roll(len);
}
