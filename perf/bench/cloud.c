/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a cloud's host has for one tenant: two segments behind a router, a client in the first and a
 * server in the second, policy at the ends that are here. Tenants have the same addresses.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <pkt/cksum.h>
#include <session/session.h>

#include "bed.h"
#include "bench.h"
#include "cloud.h"

#define L4_BYTES 26 /* UDP with 18 bytes; TCP without any, padded */
#define OUTER	 50 /* bytes in front of the inner frame */

const struct weft_mac cloud_router_mac = {.b = {2, 0, 0, 0, 0, 0xfe}};

struct weft_mac cloud_mac(unsigned int tenant, enum cloud_end end)
{
	return (struct weft_mac){.b = {2, 0, 0, tenant >> 8, tenant, end}};
}

/* Each in a subnet of its own. */
struct weft_addr cloud_addr(bool v6, enum cloud_end end)
{
	const uint8_t v4[4] = {10, end, 0, end};
	struct weft_addr a = {.b = {0xfd, 0, [7] = end, [15] = end}};

	return v6 ? a : weft_addr_from_v4(v4);
}

static struct weft_addr vtep_addr(uint8_t last)
{
	const uint8_t v4[4] = {192, 0, 2, last};

	return weft_addr_from_v4(v4);
}

struct weft_network cloud_network(unsigned int tenant)
{
	struct weft_network net = {.id = tenant, .tenant = tenant};

	snprintf(net.name, sizeof(net.name), "tenant%u", tenant);
	for (unsigned int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		net.timeout_s[i] = 1000000;
	return net;
}

struct weft_segment cloud_segment(unsigned int tenant, enum cloud_end end)
{
	struct weft_segment seg = {
		.vni = cloud_vni(tenant, end), .mtu = 1450, .network = tenant, .router = tenant};

	snprintf(seg.name, sizeof(seg.name), "segment%u", seg.vni);
	return seg;
}

void cloud_put_network(unsigned int tenant)
{
	struct weft_network net = cloud_network(tenant);
	struct weft_tenant t = {.id = tenant};
	struct weft_router router = {.id = tenant, .network = tenant, .mac = cloud_router_mac};

	memcpy(t.name, net.name, sizeof(t.name));
	memcpy(router.name, net.name, sizeof(router.name));
	bed_put(WEFT_TABLE_TENANT, &t);
	bed_put(WEFT_TABLE_NETWORK, &net);
	bed_put(WEFT_TABLE_ROUTER, &router);
	for (enum cloud_end end = CLOUD_CLIENT; end <= CLOUD_SERVER; end++) {
		struct weft_segment seg = cloud_segment(tenant, end);

		bed_put(WEFT_TABLE_SEGMENT, &seg);
	}
}

void cloud_put_rules(unsigned int tenant, unsigned int n)
{
	struct weft_ruleset set = {.id = tenant, .tier = WEFT_TIER_GROUP};

	snprintf(set.name, sizeof(set.name), "tenant%u", tenant);
	bed_put(WEFT_TABLE_RULESET, &set);
	for (unsigned int i = 1; i <= 2 * n; i++) {
		bool last = i % n == 0;
		struct weft_rule r = {.ruleset = tenant,
			.id = i,
			.direction = i > n ? WEFT_RULE_EGRESS : WEFT_RULE_INGRESS,
			.action = WEFT_RULE_ALLOW,
			.proto = last ? WEFT_RULE_ANY_PROTO : IPPROTO_TCP,
			.port_min = last ? 0 : i,
			.port_max = last ? UINT16_MAX : i};

		bed_put(WEFT_TABLE_RULE, &r);
	}
}

struct weft_port cloud_port(unsigned int tenant, enum cloud_end end)
{
	struct weft_port p = {.id = cloud_port_id(tenant, end),
		.vni = cloud_vni(tenant, end),
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_TENANT,
		.flags = WEFT_PORT_ANTISPOOF | WEFT_PORT_DEFAULT_DENY,
		.n_queues = 1,
		.mtu = 1500,
		.mac = cloud_mac(tenant, end),
		.n_rulesets = 1,
		.rulesets = {tenant},
		.n_addrs = 2,
		.addrs = {{.addr = cloud_addr(false, end), .len = 128},
			{.addr = cloud_addr(true, end), .len = 128}}};

	snprintf(p.name, sizeof(p.name), "port%u", p.id);
	return p;
}

void cloud_put_end(unsigned int tenant, enum cloud_end end, const struct weft_port *port)
{
	uint32_t vni = cloud_vni(tenant, end);
	struct weft_fdb fdb = {.vni = vni, .mac = cloud_mac(tenant, end)};

	if (port) {
		bed_put(WEFT_TABLE_PORT, port);
		fdb.port = port->id;
	} else {
		fdb.remote = vtep_addr(2);
	}
	bed_put(WEFT_TABLE_FDB, &fdb);
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct weft_neigh n = {.vni = vni, .addr = cloud_addr(v6, end), .mac = fdb.mac};
		struct weft_route r = {.router = tenant, .n_hops = 1};

		r.prefix = (struct weft_prefix){.addr = n.addr, .len = v6 ? 64 : 112};
		memset(r.prefix.addr.b + (v6 ? 8 : 14), 0, v6 ? 8 : 2);
		r.hops[0] = (struct weft_hop){.type = WEFT_HOP_CONNECTED, .ref = vni};
		bed_put(WEFT_TABLE_NEIGH, &n);
		bed_put(WEFT_TABLE_ROUTE, &r);
	}
}

void cloud_put_uplink(void)
{
	struct weft_port p = {.id = CLOUD_UPLINK,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_UPLINK,
		.n_queues = 1,
		.mtu = 1600,
		.name = "uplink"};
	struct weft_local_vtep local = {
		.addr = vtep_addr(1), .uplink = CLOUD_UPLINK, .mac = {.b = {2, 0xaa, 0, 0, 0, 1}}};
	struct weft_vtep v = {.remote = vtep_addr(2),
		.local = local.addr,
		.uplink = CLOUD_UPLINK,
		.dst_mac = {.b = {2, 0xaa, 0, 0, 0, 2}},
		.src_mac = local.mac,
		.path_mtu = 1500,
		.flags = WEFT_VTEP_RESOLVED,
		.ttl = 64};

	bed_put(WEFT_TABLE_PORT, &p);
	bed_put(WEFT_TABLE_LOCAL_VTEP, &local);
	bed_put(WEFT_TABLE_VTEP, &v);
}

void cloud_put_flood(unsigned int tenant)
{
	for (enum cloud_end end = CLOUD_CLIENT; end <= CLOUD_SERVER; end++) {
		struct weft_flood f = {.vni = cloud_vni(tenant, end), .remote = vtep_addr(2)};

		bed_put(WEFT_TABLE_FLOOD, &f);
	}
}

static unsigned int put_ip(uint8_t *at, const struct cloud_packet *p)
{
	enum cloud_end from = p->answer ? CLOUD_SERVER : CLOUD_CLIENT;
	enum cloud_end to = p->answer ? CLOUD_CLIENT : CLOUD_SERVER;
	struct weft_addr src = cloud_addr(p->v6, from), dst = cloud_addr(p->v6, to);
	unsigned int len = p->tcp ? sizeof(struct rte_tcp_hdr) : L4_BYTES;
	uint8_t proto = p->tcp ? IPPROTO_TCP : IPPROTO_UDP;

	if (p->v6) {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)at;

		*ip = (struct rte_ipv6_hdr){.vtc_flow = rte_cpu_to_be_32(6u << 28),
			.payload_len = rte_cpu_to_be_16(len),
			.proto = proto,
			.hop_limits = 64};
		memcpy(at + 8, &src, 16);
		memcpy(at + 24, &dst, 16);
		return sizeof(*ip);
	}
	*(struct rte_ipv4_hdr *)at = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(struct rte_ipv4_hdr) + len),
		.time_to_live = 64,
		.next_proto_id = proto};
	memcpy(at + 12, src.b + 12, 4);
	memcpy(at + 16, dst.b + 12, 4);
	cksum_ipv4_set((struct rte_ipv4_hdr *)at);
	return sizeof(struct rte_ipv4_hdr);
}

static void put_macs(uint8_t *at, const struct cloud_packet *p)
{
	struct weft_mac from = cloud_mac(p->tenant, p->answer ? CLOUD_SERVER : CLOUD_CLIENT);
	struct weft_mac to = cloud_mac(p->tenant, p->answer ? CLOUD_CLIENT : CLOUD_SERVER);

	memcpy(at, p->from_wire ? &to : &cloud_router_mac, 6);
	memcpy(at + 6, p->from_wire ? &cloud_router_mac : &from, 6);
	at[12] = p->v6 ? 0x86 : 8;
	at[13] = p->v6 ? 0xdd : 0;
}

unsigned int cloud_frame(uint8_t *buf, const struct cloud_packet *p, unsigned int *ret_l4)
{
	uint8_t *inner = buf + (p->from_wire ? OUTER : 0);
	unsigned int at;

	memset(buf, 0, BENCH_FRAME_MAX);
	put_macs(inner, p);
	at = 14 + put_ip(inner + 14, p);
	if (!p->tcp)
		((struct rte_udp_hdr *)(inner + at))->dgram_len = rte_cpu_to_be_16(L4_BYTES);
	*ret_l4 = inner - buf + at;
	at += L4_BYTES;
	if (p->from_wire)
		bench_vxlan_header(
			buf, cloud_vni(p->tenant, p->answer ? CLOUD_CLIENT : CLOUD_SERVER), at);
	return inner - buf + at;
}

void cloud_load(struct port *p, const struct cloud_packet *packet, uint32_t n)
{
	uint8_t frame[BENCH_FRAME_MAX];
	unsigned int l4, len = cloud_frame(frame, packet, &l4);

	bench_port_load(p, frame, len, BENCH_VARY_PORTS, l4, n);
}
