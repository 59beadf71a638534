/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pipeline under random frames and random faults (links, full queues, no buffers): the ledger
 * of every port is exact, no mbuf leaks, and nothing crosses from one segment into another.
 *
 * Then the same with networks, routers and policies that change at random while it runs.
 *
 * Two tenants with the same addresses. Each frame's payload is filled with its segment's mark,
 * which survives cutting, flooding and quoting in ICMP; frames made here without payload (ARP and
 * ND answers) carry none. The seed is printed; WEFT_TEST_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <core/clock.h>
#include <core/mem.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <pkt/cksum.h>
#include <pkt/meta.h>
#include <table/learn.h>

#include <session/fragment.h>
#include <session/session.h>

#include "bed.h"
#include "test_eal.h"

#define BURSTS	   4000
#define N_PORTS	   7 /* 1..3 in segment 100, 4..6 in 200, 7 the uplink */
#define UPLINK	   7
#define FRAME_MAX  4000
#define SMALL_POOL 2048

#define RULESETS   3 /* one per kind of port */
#define RULES	   8
#define ROUTER_MAC 7
#define SETTLE_MS  60000

static struct pipeline *pl;
static const struct config *cfg;
static bool policies; /* segments have networks, ports have rule sets */

static uint32_t roll(uint32_t n)
{
	return (uint32_t)random() % n;
}

static uint32_t vni_of(uint32_t id)
{
	return id == UPLINK ? 0 : id <= 3 ? 100 : 200;
}

static uint8_t mark_of(uint32_t vni)
{
	return vni == 100 ? 0xa1 : 0xb2;
}

static struct weft_mac mac_of(uint32_t n)
{
	return (struct weft_mac){.b = {2, 0, 0, 0, 0, n}};
}

static struct weft_addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	const uint8_t bytes[4] = {a, b, c, d};

	return weft_addr_from_v4(bytes);
}

static uint32_t network_of(uint32_t vni)
{
	return vni / 100;
}

static void put_network(uint32_t vni)
{
	uint32_t id = network_of(vni);
	struct weft_tenant tenant = {.id = id};
	struct weft_network net = {.id = id, .tenant = id, .flags = id};
	struct weft_router router = {.id = id, .network = id, .mac = mac_of(ROUTER_MAC)};
	struct weft_route route = {.router = id, .prefix = {v4(10, 0, 0, 0), 120}, .n_hops = 1};

	snprintf(tenant.name, sizeof(tenant.name), "tenant%u", id);
	snprintf(net.name, sizeof(net.name), "network%u", id);
	snprintf(router.name, sizeof(router.name), "router%u", id);
	for (unsigned int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		net.timeout_s[i] = 2;
	route.hops[0] = (struct weft_hop){.type = WEFT_HOP_CONNECTED, .ref = vni};
	bed_put(WEFT_TABLE_TENANT, &tenant);
	bed_put(WEFT_TABLE_NETWORK, &net);
	bed_put(WEFT_TABLE_ROUTER, &router);
	bed_put(WEFT_TABLE_ROUTE, &route);
}

static void put_rule(uint32_t ruleset, uint32_t id)
{
	static const uint16_t protos[] = {6, 17, WEFT_RULE_ANY_PROTO, WEFT_RULE_ANY_PROTO};
	struct weft_rule r = {.ruleset = ruleset,
		.id = id,
		.priority = roll(4),
		.direction = 1 + roll(2),
		.action = roll(2) ? WEFT_RULE_ALLOW : 1 + roll(4),
		.proto = protos[roll(RTE_DIM(protos))],
		.port_max = UINT16_MAX};

	if (r.proto != WEFT_RULE_ANY_PROTO && roll(2))
		r.port_min = r.port_max = r.proto == 6 ? 1 : 2000;
	if (roll(3) == 0)
		r.remote = (struct weft_prefix){v4(10, 0, 0, roll(8)), 128};
	bed_put(WEFT_TABLE_RULE, &r);
}

static void put_rulesets(void)
{
	for (uint32_t id = 1; id <= RULESETS; id++) {
		struct weft_ruleset set = {.id = id, .tier = WEFT_TIER_GROUP};

		snprintf(set.name, sizeof(set.name), "set%u", id);
		bed_put(WEFT_TABLE_RULESET, &set);
		for (uint32_t rule = 1; rule <= RULES; rule++)
			put_rule(id, rule);
	}
}

/* MACs 1..3 are at the ports of either segment, 4 and 5 at VTEPs, the rest unknown. */
static void put_tables(uint32_t vni, uint32_t first_port)
{
	struct weft_segment seg = {.vni = vni,
		.mtu = 1450,
		.max_learned = 20,
		.flags = WEFT_SEGMENT_FLOOD_UNKNOWN | WEFT_SEGMENT_PROXY | WEFT_SEGMENT_LEARN_WIRE};

	if (policies) {
		put_network(vni);
		seg.network = seg.router = network_of(vni);
	}
	snprintf(seg.name, sizeof(seg.name), "segment%u", vni);
	bed_put(WEFT_TABLE_SEGMENT, &seg);
	for (unsigned int i = 1; i <= 3; i++) {
		struct weft_port p = {.id = first_port + i - 1,
			.vni = vni,
			.kind = WEFT_PORT_FAKE,
			.role = WEFT_ROLE_TENANT,
			.flags = i == 1	  ? WEFT_PORT_ANTISPOOF
				 : i == 2 ? WEFT_PORT_LEARN
					  : 0,
			.max_learned = 8,
			.flood_pps = i == 3 ? 50 : 0,
			.n_queues = 1,
			.mtu = 1500,
			.mac = mac_of(i),
			.n_addrs = 1};
		struct weft_fdb fdb = {.vni = vni, .mac = p.mac, .port = p.id};
		struct weft_neigh neigh = {.vni = vni, .mac = p.mac, .addr = v4(10, 0, 0, i)};

		p.addrs[0] = (struct weft_prefix){.addr = neigh.addr, .len = 128};
		if (policies) {
			p.flags |= i == 2 ? WEFT_PORT_DEFAULT_DENY : 0;
			p.rulesets[p.n_rulesets++] = i;
			p.max_sessions = i == 3 ? 8 : 0;
		}
		bed_put(WEFT_TABLE_PORT, &p);
		bed_put(WEFT_TABLE_FDB, &fdb);
		bed_put(WEFT_TABLE_NEIGH, &neigh);
	}
}

static void put_remote(uint32_t vni, uint8_t last, unsigned int mac)
{
	struct weft_vtep v = {.remote = v4(192, 0, 2, last),
		.local = v4(192, 0, 2, 1),
		.uplink = UPLINK,
		.path_mtu = 1500 - 50 * (last % 2),
		.flags = last == 4 ? 0 : WEFT_VTEP_RESOLVED,
		.dst_mac = mac_of(8),
		.src_mac = mac_of(9),
		.ttl = 64};
	struct weft_flood flood = {.vni = vni, .remote = v.remote};
	struct weft_fdb fdb = {.vni = vni, .mac = mac_of(mac), .remote = v.remote};

	bed_put(WEFT_TABLE_VTEP, &v);
	bed_put(WEFT_TABLE_FLOOD, &flood);
	bed_put(WEFT_TABLE_FDB, &fdb);
}

static void build(void)
{
	struct weft_port up = {.id = UPLINK,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_UPLINK,
		.n_queues = 1,
		.mtu = 1500};
	struct weft_local_vtep local = {
		.addr = v4(192, 0, 2, 1), .uplink = UPLINK, .mac = mac_of(9)};

	if (policies)
		put_rulesets();
	put_tables(100, 1);
	put_tables(200, 4);
	bed_put(WEFT_TABLE_PORT, &up);
	bed_put(WEFT_TABLE_LOCAL_VTEP, &local);
	for (unsigned int s = 0; s < 2; s++) {
		put_remote(s ? 200 : 100, 2, 4);
		put_remote(s ? 200 : 100, 3, 5);
		put_remote(s ? 200 : 100, 4, 6);
	}
	cfg = bed_commit();
}

static unsigned int put_ip(uint8_t *at, struct weft_addr src, struct weft_addr dst, uint16_t sport,
	uint16_t dport, unsigned int payload)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(*ip) + sizeof(*udp) + payload),
		.fragment_offset = roll(2) ? rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG) : 0,
		.type_of_service = roll(4),
		.time_to_live = 64,
		.next_proto_id = 17,
	};
	memcpy(&ip->src_addr, &src.b[12], 4);
	memcpy(&ip->dst_addr, &dst.b[12], 4);
	cksum_ipv4_set(ip);
	*udp = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(sport),
		.dst_port = rte_cpu_to_be_16(dport),
		.dgram_len = rte_cpu_to_be_16(sizeof(*udp) + payload)};
	return sizeof(*ip) + sizeof(*udp);
}

static unsigned int put_ether(uint8_t *at, uint32_t src, uint32_t dst, uint16_t type)
{
	struct weft_mac s = mac_of(src), d = mac_of(dst);

	memcpy(at, &d, 6);
	if (dst == 0)
		memset(at, 0xff, 6);
	memcpy(at + 6, &s, 6);
	at[12] = type >> 8;
	at[13] = type;
	return 14;
}

static unsigned int put_arp(uint8_t *at, uint32_t src, uint32_t dst)
{
	static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 1};
	struct weft_addr s = v4(10, 0, 0, src), d = v4(10, 0, 0, dst);
	struct weft_mac mac = mac_of(src);

	memset(at, 0, 28);
	memcpy(at, head, 8);
	memcpy(at + 8, &mac, 6);
	memcpy(at + 14, &s.b[12], 4);
	memcpy(at + 24, &d.b[12], 4);
	return 28;
}

static uint32_t bulk_dst; /* who gets most of the burst, 0: nobody */

/* The next segment of a connection for each pair; what follows it often can be joined. */
static unsigned int put_tcp(uint8_t *at, uint32_t src, uint32_t dst, uint8_t mark)
{
	static uint32_t next_seq[256];
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);
	unsigned int payload = roll(10) ? 100 : roll(100), len = sizeof(*tcp) + payload;
	uint32_t *seq = &next_seq[src << 4 | dst];

	put_ip(at, v4(10, 0, 0, src), v4(10, 0, 0, dst), 0, 0, payload);
	*tcp = (struct rte_tcp_hdr){.dst_port = 1,
		.sent_seq = rte_cpu_to_be_32(*seq),
		.data_off = sizeof(*tcp) << 2,
		.tcp_flags = roll(20) ? RTE_TCP_ACK_FLAG : roll(256)};
	*seq += payload;
	memset(tcp + 1, mark, payload);
	ip->next_proto_id = 6;
	ip->type_of_service = 0;
	ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + len);
	cksum_ipv4_set(ip);
	tcp->cksum = ~cksum_fold((uint64_t)cksum_pseudo(ip, false, 6, len) + cksum_bytes(tcp, len));
	return sizeof(*ip) + len;
}

/* An inner frame of that segment's tenants; returns its length. */
static unsigned int make_inner(uint8_t *b, uint32_t vni, uint32_t src)
{
	unsigned int len, dst = roll(8), payload = roll(10) ? roll(200) : roll(3000);

	if (bulk_dst && roll(8)) {
		len = put_ether(b, src, bulk_dst, 0x0800);
		return len + put_tcp(b + len, src, bulk_dst, mark_of(vni));
	}
	if (roll(8) == 0) {
		len = put_ether(b, src, 0, 0x0806);
		return len + put_arp(b + len, src, dst);
	}
	len = put_ether(b, src, dst, roll(10) ? 0x0800 : 0x8899);
	len += put_ip(b + len, v4(10, 0, 0, src), v4(10, 0, 0, dst), 1000 + roll(9), 2000, payload);
	memset(b + len, mark_of(vni), payload);
	return len + payload;
}

static unsigned int make_outer(uint8_t *b)
{
	uint32_t vni = roll(20) ? 100 + 100 * roll(2) : roll(1000), inner;
	uint8_t vxlan[8] = {8, 0, 0, 0, vni >> 16, vni >> 8, vni, 0};

	inner = make_inner(b + 50, vni, bulk_dst ? 4 : 4 + roll(3));
	put_ether(b, 0xee, 0xdd, 0x0800);
	put_ip(b + 14, v4(192, 0, 2, 2 + roll(4)), v4(192, 0, 2, roll(20) ? 1 : 9),
		50000 + roll(1000), 4789, sizeof(vxlan) + inner);
	memcpy(b + 42, vxlan, sizeof(vxlan));
	return 50 + inner;
}

/* Spoils headers only, so that the mark stays where it was. What a VNI in another's place leads to
 * is no crossing: the frame is then the other tenant's. */
static void mutate(uint8_t *b, unsigned int len, bool outer)
{
	unsigned int n = roll(3) ? 0 : 1 + roll(3), headers = len < 42 ? len : 42;

	while (n-- > 0)
		b[(outer && roll(2) ? 50 : 0) + roll(headers)] ^= 1u << roll(8);
}

static struct rte_mbuf *chain_of(const uint8_t *b, unsigned int len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet), *last = m;
	unsigned int at = 0;

	while (m && at < len) {
		unsigned int n = roll(4) ? MEM_DATA_SIZE : 1 + roll(64);

		if (n > len - at)
			n = len - at;
		memcpy(rte_pktmbuf_mtod(last, void *), b + at, n);
		last->data_len = n;
		m->pkt_len += n;
		at += n;
		if (at == len)
			break;
		last->next = rte_pktmbuf_alloc(mem_pools.packet);
		if (!last->next) {
			rte_pktmbuf_free(m);
			return NULL;
		}
		last = last->next;
		m->nb_segs++;
	}
	return m;
}

static void ask_offload(struct rte_mbuf *m)
{
	if (roll(4) == 0)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	if (roll(8) == 0) {
		m->ol_flags |= RTE_MBUF_F_RX_LRO;
		m->tso_segsz = roll(8) ? 200 + roll(1200) : roll(100);
	}
}

static unsigned int make_burst(uint32_t id, struct rte_mbuf **pkts)
{
	static uint8_t buf[FRAME_MAX];
	unsigned int n = 0, want = 1 + roll(PIPELINE_BURST);

	bulk_dst = roll(2) ? 1 + roll(3) : 0;
	while (n < want) {
		unsigned int len = id == UPLINK ? make_outer(buf)
						: make_inner(buf, vni_of(id), 1 + (id - 1) % 3);

		if (!bulk_dst || roll(8) == 0)
			mutate(buf, len, id == UPLINK);
		if (roll(20) == 0)
			len = 1 + roll(len);
		pkts[n] = chain_of(buf, len);
		if (!pkts[n])
			break;
		if (id != UPLINK)
			ask_offload(pkts[n]);
		n++;
	}
	return n;
}

static void break_something(void)
{
	static const uint32_t offloads[] = {0, PORT_OFFLOAD_MULTISEG, PORT_OFFLOAD_CKSUM, 15, 15};
	struct port *p = bed_port(1 + roll(N_PORTS));

	switch (roll(6)) {
	case 0:
		fake_set_link(p, roll(4));
		port_poll_state(p);
		break;
	case 1:
		fake_set_tx_accept(p, roll(3) ? FAKE_ACCEPT_ALL : roll(40));
		break;
	case 2:
		fake_set_offloads(p, offloads[roll(RTE_DIM(offloads))]);
		break;
	case 3:
		clock_warp(roll(100));
		break;
	case 4:
		learn_process(UINT32_MAX, clock_s());
		learn_age(clock_s());
		break;
	default:
		break;
	}
}

/* Frames end in their payload, unless they are so short that they end in a header. */
static bool is_free_of(const struct rte_mbuf *m, unsigned int headers, uint8_t mark)
{
	const uint8_t *last;
	uint8_t b;

	if (m->pkt_len <= headers)
		return true;
	last = rte_pktmbuf_read(m, m->pkt_len - 1, 1, &b);
	return *last != mark;
}

/* Frames of the other tenant end in its mark. */
static void check_isolation(uint32_t id, const struct rte_mbuf *m)
{
	const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned int headers = id == UPLINK ? 50 + 54 : 54;
	uint32_t vni = vni_of(id);

	if (id == UPLINK)
		vni = m->pkt_len >= 50 ? b[46] << 16 | b[47] << 8 | b[48] : 0;
	if (vni == 100)
		assert_true(is_free_of(m, headers, mark_of(200)));
	if (vni == 200)
		assert_true(is_free_of(m, headers, mark_of(100)));
}

static uint64_t n_joined;

static void drain(void)
{
	for (uint32_t id = 1; id <= N_PORTS; id++) {
		struct rte_mbuf *m;

		while ((m = fake_capture_any(bed_port(id)))) {
			check_isolation(id, m);
			n_joined += id != UPLINK && (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) &&
				    pkt_meta(m)->joined;
			rte_mbuf_sanity_check(m, 1);
			rte_pktmbuf_free(m);
		}
	}
}

/* What waits is neither sent nor dropped yet: fragments, for their first one. */
static void check_ledger(unsigned int may_wait)
{
	uint64_t tx = 0, sent = 0, waiting = 0;

	for (uint32_t id = 1; id <= N_PORTS; id++) {
		const struct weft_port_stats *s = counters_port(0, bed_port(id)->slot);
		uint64_t gone = s->sent;

		for (unsigned int r = 0; r < WEFT_DROP_MAX; r++)
			gone += s->dropped[r];
		assert_int_equal(s->dropped[0], 0);
		assert_true(s->rx_packets + s->added >= gone);
		waiting += s->rx_packets + s->added - gone;
		tx += s->tx_packets;
		sent += s->sent;
	}
	assert_int_equal(tx, sent);
	assert_true(waiting <= may_wait);
}

static void change_policy(void)
{
	put_rule(1 + roll(RULESETS), 1 + roll(RULES));
	cfg = bed_commit();
}

static void run_bursts(unsigned int n)
{
	struct rte_mbuf *pkts[PIPELINE_BURST];

	for (unsigned int i = 0; i < n; i++) {
		uint32_t id = 1 + roll(N_PORTS);
		unsigned int got = make_burst(id, pkts);

		if (roll(4) == 0)
			break_something();
		if (policies && roll(32) == 0)
			change_policy();
		if (got)
			pipeline_run(pl, cfg, cfg->ports[bed_port(id)->slot], pkts, got);
		pipeline_tick(pl, cfg);
		check_ledger(policies ? FRAGMENT_KEPT_MAX : 0);
		drain();
	}
}

static void check_leaks(void)
{
	assert_int_equal(rte_mempool_in_use_count(mem_pools.packet), 0);
	assert_int_equal(rte_mempool_in_use_count(mem_pools.huge), 0);
	assert_int_equal(rte_mempool_in_use_count(mem_pools.indirect), 0);
}

/* A run that only drops would prove nothing. */
static void check_variety(void)
{
	uint64_t sent = 0, answered = 0, dropped[WEFT_DROP_MAX] = {0};
	unsigned int n_reasons = 0;

	for (uint32_t id = 1; id <= N_PORTS; id++) {
		const struct weft_port_stats *s = counters_port(0, bed_port(id)->slot);

		sent += s->sent;
		answered += s->answered;
		for (unsigned int r = 1; r < WEFT_DROP_MAX; r++)
			dropped[r] += s->dropped[r];
	}
	for (unsigned int r = 1; r < WEFT_DROP_MAX; r++)
		n_reasons += dropped[r] > 0;
	printf("sent %lu, answered %lu, joined %lu, %u drop reasons\n", sent, answered, n_joined,
		n_reasons);
	assert_true(sent > BURSTS && answered > 0 && n_joined > 20 && n_reasons >= 20);
}

static void test_random(void **state)
{
	run_bursts(BURSTS);
	check_leaks();
	check_variety();
}

/* Nearly all buffers are taken by somebody else. */
static void test_no_buffers(void **state)
{
	static struct rte_mbuf *taken[2][SMALL_POOL];
	unsigned int n[2] = {0, 0};

	while (n[0] < SMALL_POOL - 60 &&
		(taken[0][n[0]] = rte_pktmbuf_alloc(mem_pools.packet)) != NULL)
		n[0]++;
	while (n[1] < SMALL_POOL - 20 &&
		(taken[1][n[1]] = rte_pktmbuf_alloc(mem_pools.indirect)) != NULL)
		n[1]++;
	run_bursts(BURSTS / 2);
	rte_pktmbuf_free_bulk(taken[0], n[0]);
	rte_pktmbuf_free_bulk(taken[1], n[1]);
	check_leaks();
}

static uint64_t dropped_for(enum weft_drop reason)
{
	uint64_t n = 0;

	for (uint32_t id = 1; id <= N_PORTS; id++)
		n += counters_port(0, bed_port(id)->slot)->dropped[reason];
	return n;
}

static void test_policies(void **state)
{
	struct session_stats sessions;

	policies = true;
	build();
	run_bursts(BURSTS);
	for (unsigned int ms = 0; ms < SETTLE_MS; ms += 50) {
		clock_warp(50);
		pipeline_tick(pl, cfg);
	}
	drain();
	check_ledger(0);
	check_leaks();
	session_stats(&sessions);
	printf("%lu sessions\n", sessions.created);
	assert_true(sessions.created > 100);
	assert_int_equal(sessions.n, 0);
	assert_true(dropped_for(WEFT_DROP_POLICY_EGRESS) > 0);
	assert_true(dropped_for(WEFT_DROP_POLICY_INGRESS) > 0);
	assert_true(dropped_for(WEFT_DROP_POLICY_REJECT) > 0);
	assert_true(dropped_for(WEFT_DROP_SESSION_PORT_LIMIT) > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_no_buffers),
		cmocka_unit_test(test_policies),
	};
	const char *seed = getenv("WEFT_TEST_SEED");
	unsigned int n = seed ? strtoul(seed, NULL, 0) : (unsigned int)time(NULL);
	int r;

	printf("seed %u\n", n);
	srandom(n);
	test_eal_init(96);
	bed_init(SMALL_POOL, 1, SESSION_MIN);
	pl = pipeline_new(0);
	build();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	pipeline_free(pl);
	bed_fini();
	return r;
}
