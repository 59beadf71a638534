/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session path: n established UDP sessions with policy at the local ends, routed between two
 * segments, to a VTEP, from one and on this host; and how fast new ones are made and end.
 *
 * Sessions differ in their ports. The tenant's rules are such that the last of them allows it.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <core/clock.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <pkt/cksum.h>
#include <session/session.h>

#include "bed.h"
#include "bench.h"

#define CLIENT	 1 /* in segment 100 */
#define SERVER	 2 /* in segment 200 */
#define UPLINK	 9
#define N_RULES	 10
#define PAYLOAD	 18
#define OUTER	 50 /* bytes in front of the inner frame */
#define L4_ALIGN 2  /* the source varies 4 bytes, 2 behind where it is told */

enum way {
	WAY_ENCAP,
	WAY_DECAP,
	WAY_LOCAL,
};

static const char *const way_names[] = {"encap", "decap", "local"};

struct run {
	struct pipeline *pl;
	const struct config *cfg;
	const struct config_port *in;
	struct port *sink;
	uint32_t ms_per_burst; /* how the clock goes */
};

static const struct weft_mac client_mac = {.b = {2, 0, 0, 0, 0, 1}};
static const struct weft_mac server_mac = {.b = {2, 0, 0, 0, 0, 2}};
static const struct weft_mac router_mac = {.b = {2, 0, 0, 0, 0, 0xfe}};

/* .1 is the client, in its own subnet, .2 the server in the other. */
static struct weft_addr addr_of(bool v6, unsigned int host)
{
	const uint8_t v4[4] = {10, host, 0, host};
	struct weft_addr a = {.b = {0xfd, 0, [7] = host, [15] = host}};

	return v6 ? a : weft_addr_from_v4(v4);
}

static struct weft_addr vtep_addr(uint8_t last)
{
	const uint8_t v4[4] = {192, 0, 2, last};

	return weft_addr_from_v4(v4);
}

static void put_network(void)
{
	struct weft_tenant tenant = {.id = 1, .name = "bench"};
	struct weft_network net = {.id = 1, .tenant = 1, .name = "bench"};
	struct weft_router router = {.id = 1, .network = 1, .mac = router_mac, .name = "bench"};

	for (unsigned int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		net.timeout_s[i] = 1000000;
	bed_put(WEFT_TABLE_TENANT, &tenant);
	bed_put(WEFT_TABLE_NETWORK, &net);
	bed_put(WEFT_TABLE_ROUTER, &router);
	for (uint32_t vni = 100; vni <= 200; vni += 100) {
		struct weft_segment seg = {.vni = vni, .mtu = 1450, .network = 1, .router = 1};

		snprintf(seg.name, sizeof(seg.name), "segment%u", vni);
		bed_put(WEFT_TABLE_SEGMENT, &seg);
	}
}

static void put_rules(void)
{
	struct weft_ruleset set = {.id = 1, .tier = WEFT_TIER_GROUP, .name = "bench"};

	bed_put(WEFT_TABLE_RULESET, &set);
	for (unsigned int i = 1; i <= 2 * N_RULES; i++) {
		bool last = i % N_RULES == 0;
		struct weft_rule r = {.ruleset = 1,
			.id = i,
			.direction = i > N_RULES ? WEFT_RULE_EGRESS : WEFT_RULE_INGRESS,
			.action = WEFT_RULE_ALLOW,
			.proto = last ? IPPROTO_UDP : IPPROTO_TCP,
			.port_min = last ? 0 : i,
			.port_max = last ? UINT16_MAX : i};

		bed_put(WEFT_TABLE_RULE, &r);
	}
}

static void put_port(uint32_t id, uint32_t vni, const struct weft_mac *mac)
{
	struct weft_port p = {.id = id,
		.vni = vni,
		.kind = WEFT_PORT_FAKE,
		.role = vni ? WEFT_ROLE_TENANT : WEFT_ROLE_UPLINK,
		.n_queues = 1,
		.mtu = 1600,
		.mac = *mac};

	snprintf(p.name, sizeof(p.name), "port%u", id);
	if (vni) {
		p.mtu = 1500;
		p.flags = WEFT_PORT_ANTISPOOF | WEFT_PORT_DEFAULT_DENY;
		p.max_sessions = p.max_half_open = SESSION_MAX;
		p.rulesets[p.n_rulesets++] = 1;
		for (unsigned int v6 = 0; v6 < 2; v6++)
			p.addrs[p.n_addrs++] =
				(struct weft_prefix){.addr = addr_of(v6, id), .len = 128};
	}
	bed_put(WEFT_TABLE_PORT, &p);
}

/* The client or the server lives here, or behind the VTEP. */
static void put_host(uint32_t id, uint32_t vni, const struct weft_mac *mac, bool local)
{
	struct weft_fdb fdb = {.vni = vni, .mac = *mac};

	if (local) {
		put_port(id, vni, mac);
		fdb.port = id;
	} else {
		fdb.remote = vtep_addr(2);
	}
	bed_put(WEFT_TABLE_FDB, &fdb);
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct weft_neigh n = {.vni = vni, .addr = addr_of(v6, id), .mac = *mac};
		struct weft_route r = {.router = 1, .n_hops = 1};

		r.prefix = (struct weft_prefix){.addr = n.addr, .len = v6 ? 64 : 112};
		memset(r.prefix.addr.b + (v6 ? 8 : 14), 0, v6 ? 8 : 2);
		r.hops[0] = (struct weft_hop){.type = WEFT_HOP_CONNECTED, .ref = vni};
		bed_put(WEFT_TABLE_NEIGH, &n);
		bed_put(WEFT_TABLE_ROUTE, &r);
	}
}

static void put_tunnel(void)
{
	struct weft_local_vtep local = {
		.addr = vtep_addr(1), .uplink = UPLINK, .mac = {.b = {2, 0xaa, 0, 0, 0, 1}}};
	struct weft_vtep v = {.remote = vtep_addr(2),
		.local = vtep_addr(1),
		.uplink = UPLINK,
		.dst_mac = {.b = {2, 0xaa, 0, 0, 0, 2}},
		.src_mac = {.b = {2, 0xaa, 0, 0, 0, 1}},
		.path_mtu = 1500,
		.flags = WEFT_VTEP_RESOLVED,
		.ttl = 64};

	bed_put(WEFT_TABLE_LOCAL_VTEP, &local);
	bed_put(WEFT_TABLE_VTEP, &v);
	for (uint32_t vni = 100; vni <= 200; vni += 100) {
		struct weft_flood f = {.vni = vni, .remote = v.remote};

		bed_put(WEFT_TABLE_FLOOD, &f);
	}
}

static unsigned int put_ip(uint8_t *at, bool v6)
{
	struct weft_addr src = addr_of(v6, CLIENT), dst = addr_of(v6, SERVER);
	unsigned int len = sizeof(struct rte_udp_hdr) + PAYLOAD;

	if (v6) {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)at;

		*ip = (struct rte_ipv6_hdr){.vtc_flow = rte_cpu_to_be_32(6u << 28),
			.payload_len = rte_cpu_to_be_16(len),
			.proto = IPPROTO_UDP,
			.hop_limits = 64};
		memcpy(at + 8, &src, 16);
		memcpy(at + 24, &dst, 16);
		return sizeof(*ip);
	}
	*(struct rte_ipv4_hdr *)at = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(struct rte_ipv4_hdr) + len),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP};
	memcpy(at + 12, src.b + 12, 4);
	memcpy(at + 16, dst.b + 12, 4);
	cksum_ipv4_set((struct rte_ipv4_hdr *)at);
	return sizeof(struct rte_ipv4_hdr);
}

/* What the client sends, or what the client's host has made of it; *ret_l4 is where ports are. */
static unsigned int make_frame(uint8_t *buf, enum way way, bool v6, unsigned int *ret_l4)
{
	bool decap = way == WAY_DECAP;
	uint8_t *inner = buf + (decap ? OUTER : 0);
	struct rte_udp_hdr *udp;
	unsigned int at;

	memset(buf, 0, BENCH_FRAME_MAX);
	memcpy(inner, decap ? &server_mac : &router_mac, 6);
	memcpy(inner + 6, decap ? &router_mac : &client_mac, 6);
	inner[12] = v6 ? 0x86 : 8;
	inner[13] = v6 ? 0xdd : 0;
	at = 14 + put_ip(inner + 14, v6);
	udp = (struct rte_udp_hdr *)(inner + at);
	udp->dgram_len = rte_cpu_to_be_16(sizeof(*udp) + PAYLOAD);
	*ret_l4 = inner - buf + at;
	at += sizeof(*udp) + PAYLOAD;
	if (decap)
		bench_vxlan_header(buf, 200, at);
	return inner - buf + at;
}

static void prepare(struct run *r, enum way way, bool v6, uint32_t n)
{
	struct weft_mac none = {0};
	uint8_t frame[BENCH_FRAME_MAX];
	unsigned int l4, len;

	bed_reset();
	put_network();
	put_rules();
	put_port(UPLINK, 0, &none);
	put_tunnel();
	put_host(CLIENT, 100, &client_mac, way != WAY_DECAP);
	put_host(SERVER, 200, &server_mac, way != WAY_ENCAP);
	r->cfg = bed_commit();
	r->in = r->cfg->ports[bed_port(way == WAY_DECAP ? UPLINK : CLIENT)->slot];
	r->sink = bed_port(way == WAY_ENCAP ? UPLINK : SERVER);
	len = make_frame(frame, way, v6, &l4);
	bench_port_load(r->in->dev, frame, len, l4 - L4_ALIGN, n);
}

static uint64_t run_pipeline(void *arg, uint64_t n)
{
	struct run *r = arg;
	struct rte_mbuf *pkts[BENCH_BURST];
	uint64_t done = 0;

	while (done < n) {
		uint16_t got = port_rx(r->in->dev, 0, pkts, BENCH_BURST);

		pipeline_run(r->pl, r->cfg, r->in, pkts, got);
		if (r->ms_per_burst) {
			clock_warp(r->ms_per_burst);
			while (pipeline_tick(r->pl, r->cfg))
				;
		}
		done += got;
	}
	return done;
}

static uint64_t run_io(void *arg, uint64_t n)
{
	struct run *r = arg;
	struct rte_mbuf *pkts[BENCH_BURST];
	uint64_t done = 0;

	while (done < n) {
		uint16_t got = port_rx(r->in->dev, 0, pkts, BENCH_BURST);

		done += port_tx(r->sink, 0, pkts, got);
	}
	return done;
}

static void check_sent(const struct run *r)
{
	const struct weft_port_stats *s = counters_port(0, r->in->slot);

	if (s->sent == s->rx_packets)
		return;
	fprintf(stderr, "bench: %lu of %lu packets were sent\n", s->sent, s->rx_packets);
	for (unsigned int i = 0; i < WEFT_DROP_MAX; i++) {
		if (s->dropped[i])
			fprintf(stderr, "bench: %lu %s\n", s->dropped[i], weft_drop_name(i));
	}
	exit(1);
}

static void bench_hit(struct run *r, enum way way, bool v6, uint32_t n)
{
	struct session_stats before, after;
	double own, io;
	char name[64];

	prepare(r, way, v6, n);
	r->ms_per_burst = 1; /* below the slow path's rate */
	run_pipeline(r, 4ull * n + BENCH_BURST);
	r->ms_per_burst = 0;
	session_stats(&before);
	bench_cycles_pair(run_pipeline, run_io, r, &own, &io);
	session_stats(&after);
	check_sent(r);
	if (after.created != before.created) {
		fprintf(stderr, "bench: %lu sessions were made meanwhile\n",
			after.created - before.created);
		exit(1);
	}
	snprintf(name, sizeof(name), "session hit, %s, IPv%c", way_names[way], v6 ? '6' : '4');
	bench_report_of(name, n, "sessions", "packet", own - io);
}

/* Every packet is the first of its session; each ends two seconds later. */
static void bench_new(struct run *r, bool v6)
{
	struct weft_network net = {.id = 1, .tenant = 1, .name = "bench"};
	double own, io;
	char name[64];

	prepare(r, WAY_ENCAP, v6, UINT32_MAX);
	for (unsigned int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		net.timeout_s[i] = 1;
	bed_put(WEFT_TABLE_NETWORK, &net);
	r->cfg = bed_commit();
	r->in = r->cfg->ports[bed_port(CLIENT)->slot];
	r->ms_per_burst = 1;
	bench_cycles_pair(run_pipeline, run_io, r, &own, &io);
	r->ms_per_burst = 0;
	check_sent(r);
	snprintf(name, sizeof(name), "new session, encap, IPv%c", v6 ? '6' : '4');
	bench_report_of(name, 1, "session", "packet", own - io);
}

void bench_stateful(uint32_t only)
{
	static const uint32_t sizes[] = {64, 1000, 65536, 1000000};
	struct run r = {.pl = pipeline_new(0)};

	for (unsigned int v6 = 0; v6 < 2; v6++) {
		for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
			for (unsigned int way = WAY_ENCAP; way <= WAY_LOCAL; way++) {
				if (!only || only == sizes[i])
					bench_hit(&r, way, v6, sizes[i]);
			}
		}
		if (!only)
			bench_new(&r, v6);
	}
	pipeline_free(r.pl);
}
