/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet-atomic change: while a worker forwards, the configuration flips between two generations
 * that have nothing in common (segment of the port, FDB entry, VTEP). Each packet must leave as one
 * of them says as a whole; a mixture would be dropped or carry the other's VNI or VTEP.
 *
 * The same for sessions: while one segment stays, its policy flips between two that have nothing in
 * common, and with it the VTEP that the destination is at.
 *
 * Also the worker loop itself: it starts, sleeps when idle, does not when told so, and stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include <channel/channel.h>
#include <channel/txn.h>
#include <core/clock.h>
#include <core/eal.h>
#include <core/mem.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <pipeline/watch.h>
#include <pipeline/worker.h>
#include <pkt/cksum.h>
#include <port/fake.h>
#include <session/fragment.h>
#include <session/session.h>
#include <table/learn.h>
#include <table/policy_log.h>

#define FLIPS	 1000
#define PER_FLIP 8
#define GUEST	 1
#define UPLINK	 2
#define WAIT_S	 30
#define OUTER	 50
#define FRAME	 64
#define NETWORK	 1
#define RULESET	 1

static const struct weft_mac guest_mac = {.b = {2, 0, 0, 0, 0, 1}};
static const struct weft_mac remote_mac = {.b = {2, 0, 0, 0, 0, 9}};

struct side {
	uint32_t vni;
	uint8_t last; /* of the VTEP's address and its next hop's MAC */
};
static const struct side sides[2] = {{.vni = 100, .last = 10}, {.vni = 200, .last = 20}};

static struct weft_addr underlay(uint8_t last)
{
	const uint8_t b[4] = {192, 0, 2, last};

	return weft_addr_from_v4(b);
}

static void op(struct txn *t, enum weft_table table, enum weft_op_verb verb, const void *entry)
{
	assert_int_equal(txn_op(t, table, verb, entry, -1), 0);
}

static void commit(struct txn *t)
{
	struct weft_msg_txn_result result;

	txn_commit(t, &result);
	if (result.error)
		print_error("op %u: %s\n", result.op, result.text);
	assert_int_equal(result.error, 0);
	txn_free(t);
}

static void put_port(struct txn *t, uint32_t id, uint32_t vni, uint32_t ruleset)
{
	struct weft_port p = {.id = id,
		.vni = vni,
		.kind = WEFT_PORT_FAKE,
		.role = vni ? WEFT_ROLE_TENANT : WEFT_ROLE_UPLINK,
		.n_queues = 1,
		.mtu = 1500,
		.mac = {.b = {2, 0, 0, 0, 0, id}}};

	if (ruleset) {
		p.flags = WEFT_PORT_DEFAULT_DENY;
		p.rulesets[p.n_rulesets++] = ruleset;
	}
	snprintf(p.name, sizeof(p.name), "port%u", id);
	snprintf(p.device, sizeof(p.device), "fake%u", id);
	op(t, WEFT_TABLE_PORT, WEFT_OP_PUT, &p);
}

/* Everything that one generation has and the other has not. */
static void put_side(struct txn *t, const struct side *s, enum weft_op_verb verb)
{
	struct weft_vtep v = {.remote = underlay(s->last),
		.local = underlay(1),
		.uplink = UPLINK,
		.dst_mac = {.b = {2, 0xaa, 0, 0, 0, s->last}},
		.src_mac = {.b = {2, 0xaa, 0, 0, 0, 1}},
		.path_mtu = 1500,
		.flags = WEFT_VTEP_RESOLVED,
		.ttl = 64};
	struct weft_flood flood = {.vni = s->vni, .remote = v.remote};
	struct weft_fdb fdb = {.vni = s->vni, .mac = remote_mac, .remote = v.remote};

	if (verb == WEFT_OP_PUT)
		op(t, WEFT_TABLE_VTEP, verb, &v);
	op(t, WEFT_TABLE_FLOOD, verb, &flood);
	op(t, WEFT_TABLE_FDB, verb, &fdb);
	if (verb == WEFT_OP_DELETE)
		op(t, WEFT_TABLE_VTEP, verb, &v);
}

static void start_with(const struct side *s)
{
	struct weft_local_vtep local = {.addr = underlay(1), .uplink = UPLINK, .mac = guest_mac};
	struct txn *t = txn_new();

	for (unsigned int i = 0; i < 2; i++) {
		struct weft_segment seg = {.vni = sides[i].vni, .mtu = 1450};

		snprintf(seg.name, sizeof(seg.name), "segment%u", seg.vni);
		op(t, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &seg);
	}
	put_port(t, UPLINK, 0, 0);
	op(t, WEFT_TABLE_LOCAL_VTEP, WEFT_OP_PUT, &local);
	put_port(t, GUEST, s->vni, 0);
	put_side(t, s, WEFT_OP_PUT);
	commit(t);
}

static void flip(const struct side *from, const struct side *to)
{
	struct txn *t = txn_new();

	put_side(t, to, WEFT_OP_PUT);
	put_port(t, GUEST, to->vni, 0);
	put_side(t, from, WEFT_OP_DELETE);
	commit(t);
}

static void main_tick(void)
{
	clock_update();
	channel_tick(clock_ms());
	rcu_reclaim();
}

static struct port *device(uint32_t id)
{
	const struct config *cfg = config_get();

	for (unsigned int i = 1; i < WEFT_MAX_PORTS; i++) {
		if (cfg->ports[i] && cfg->ports[i]->spec.id == id)
			return cfg->ports[i]->dev;
	}
	fail_msg("no port %u", id);
	return NULL;
}

static bool in_time(time_t start)
{
	return time(NULL) < start + WAIT_S;
}

static void wait_up(uint32_t id)
{
	time_t start = time(NULL);

	while (!port_is_up(device(id)) && in_time(start))
		main_tick();
	assert_true(port_is_up(device(id)));
}

static struct rte_mbuf *frame(uint16_t ethertype)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);
	uint8_t *b;

	if (!m)
		return NULL;
	m->data_len = m->pkt_len = FRAME;
	b = rte_pktmbuf_mtod(m, uint8_t *);
	memset(b, 0x55, FRAME);
	memcpy(b, &remote_mac, 6);
	memcpy(b + 6, &guest_mac, 6);
	b[12] = ethertype >> 8;
	b[13] = ethertype;
	return m;
}

static bool inject_frame(struct rte_mbuf *m)
{
	if (m && fake_inject(device(GUEST), 0, m))
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static bool inject(void)
{
	return inject_frame(frame(0x8899));
}

static bool inject_udp(uint16_t dport)
{
	static const uint8_t from[4] = {10, 0, 0, 1}, to[4] = {10, 0, 0, 9};
	struct rte_mbuf *m = frame(RTE_ETHER_TYPE_IPV4);
	struct rte_ipv4_hdr *ip;
	struct rte_udp_hdr *udp;

	if (!m)
		return false;
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
	udp = (struct rte_udp_hdr *)(ip + 1);
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(FRAME - RTE_ETHER_HDR_LEN),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP};
	memcpy(&ip->src_addr, from, sizeof(from));
	memcpy(&ip->dst_addr, to, sizeof(to));
	cksum_ipv4_set(ip);
	*udp = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(500),
		.dst_port = rte_cpu_to_be_16(dport),
		.dgram_len = rte_cpu_to_be_16(FRAME - RTE_ETHER_HDR_LEN - sizeof(*ip))};
	return inject_frame(m);
}

static bool frame_is_of(const uint8_t *b, const struct side *s)
{
	struct weft_addr dst = underlay(s->last);
	const uint8_t vni[3] = {s->vni >> 16, s->vni >> 8, s->vni};

	return b[5] == s->last && memcmp(b + 30, &dst.b[12], 4) == 0 && memcmp(b + 46, vni, 3) == 0;
}

/* Takes what left; counts per side, fails on anything else. */
static void drain(uint64_t n[2])
{
	struct rte_mbuf *m;

	while ((m = fake_capture_any(device(UPLINK)))) {
		const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);

		assert_int_equal(m->pkt_len, OUTER + FRAME);
		if (frame_is_of(b, &sides[0]))
			n[0]++;
		else if (frame_is_of(b, &sides[1]))
			n[1]++;
		else
			fail_msg("a packet was judged by a mixture of generations");
		rte_pktmbuf_free(m);
	}
}

static const struct weft_port_stats *guest_stats(void)
{
	return counters_port(0, device(GUEST)->slot);
}

static void wait_received(uint64_t n, uint64_t out[2])
{
	time_t start = time(NULL);

	while (__atomic_load_n(&guest_stats()->sent, __ATOMIC_RELAXED) < n && in_time(start)) {
		main_tick();
		drain(out);
	}
	drain(out);
}

static void test_atomic(void **state)
{
	struct worker_options options = {.poll = true};
	uint64_t injected = 0, out[2] = {0};

	start_with(&sides[0]);
	wait_up(GUEST);
	wait_up(UPLINK);
	assert_int_equal(workers_start(1, &options), 0);
	for (unsigned int i = 0; i < FLIPS; i++) {
		for (unsigned int k = 0; k < PER_FLIP; k++)
			injected += inject();
		flip(&sides[i % 2], &sides[(i + 1) % 2]);
		main_tick();
		drain(out);
	}
	wait_received(injected, out);
	workers_stop();
	assert_int_equal(guest_stats()->rx_packets, injected);
	assert_int_equal(guest_stats()->sent, injected);
	assert_int_equal(out[0] + out[1], injected);
	assert_true(out[0] > 0 && out[1] > 0);
	assert_int_equal(counters_worker(0)->sleeps, 0);
}

/* The only UDP port that a side lets the guest send to. */
static uint16_t allowed_port(const struct side *s)
{
	return s == &sides[0] ? 1000 : 2000;
}

/* In segment sides[0].vni: who is allowed and where it is. */
static void put_policy(struct txn *t, const struct side *s)
{
	struct weft_rule rule = {.ruleset = RULESET,
		.id = 1,
		.direction = WEFT_RULE_EGRESS,
		.action = WEFT_RULE_ALLOW,
		.proto = IPPROTO_UDP,
		.port_min = allowed_port(s),
		.port_max = allowed_port(s)};
	struct weft_fdb fdb = {.vni = sides[0].vni, .mac = remote_mac, .remote = underlay(s->last)};

	op(t, WEFT_TABLE_RULE, WEFT_OP_PUT, &rule);
	op(t, WEFT_TABLE_FDB, WEFT_OP_PUT, &fdb);
}

static void start_policy(void)
{
	struct weft_tenant tenant = {.id = 1, .name = "tenant"};
	struct weft_network net = {.id = NETWORK, .tenant = 1, .name = "network"};
	struct weft_segment seg = {
		.vni = sides[0].vni, .mtu = 1450, .network = NETWORK, .name = "segment100"};
	struct weft_ruleset set = {.id = RULESET, .tier = WEFT_TIER_GROUP, .name = "set"};
	struct txn *t = txn_new();

	for (unsigned int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		net.timeout_s[i] = 60;
	op(t, WEFT_TABLE_TENANT, WEFT_OP_PUT, &tenant);
	op(t, WEFT_TABLE_NETWORK, WEFT_OP_PUT, &net);
	op(t, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &seg);
	op(t, WEFT_TABLE_RULESET, WEFT_OP_PUT, &set);
	put_side(t, &(struct side){.vni = sides[0].vni, .last = sides[1].last}, WEFT_OP_PUT);
	put_policy(t, &sides[0]);
	put_port(t, GUEST, sides[0].vni, RULESET);
	commit(t);
}

static void drain_policy(uint64_t n[2])
{
	struct rte_mbuf *m;

	while ((m = fake_capture_any(device(UPLINK)))) {
		const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);
		const uint8_t *udp = b + OUTER + RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr);
		unsigned int i = b[5] == sides[1].last;

		if ((udp[2] << 8 | udp[3]) != allowed_port(&sides[i]))
			fail_msg("a packet was judged by a mixture of policies");
		n[i]++;
		rte_pktmbuf_free(m);
	}
}

static uint64_t judged(void)
{
	return __atomic_load_n(&guest_stats()->sent, __ATOMIC_RELAXED) +
	       __atomic_load_n(&guest_stats()->dropped[WEFT_DROP_POLICY_EGRESS], __ATOMIC_RELAXED);
}

static void test_policy_atomic(void **state)
{
	struct worker_options options = {.poll = true};
	uint64_t injected = 0, out[2] = {0}, before;
	time_t start = time(NULL);

	start_policy();
	before = judged();
	assert_int_equal(workers_start(1, &options), 0);
	for (unsigned int i = 0; i < FLIPS; i++) {
		struct txn *t = txn_new();

		for (unsigned int k = 0; k < PER_FLIP; k++)
			injected += inject_udp(allowed_port(&sides[k % 2]));
		put_policy(t, &sides[(i + 1) % 2]);
		commit(t);
		main_tick();
		drain_policy(out);
	}
	while (judged() < before + injected && in_time(start)) {
		main_tick();
		drain_policy(out);
	}
	workers_stop();
	drain_policy(out);
	assert_int_equal(judged(), before + injected);
	assert_true(out[0] > 0 && out[1] > 0);
	assert_true(out[0] + out[1] < injected);
}

static void test_idle_worker_sleeps(void **state)
{
	struct worker_options options = {.max_sleep_us = 100};
	struct weft_worker_stats *w = counters_worker(0);
	uint64_t before = w->sleeps, sent = guest_stats()->sent, out[2] = {0};
	time_t start = time(NULL);

	assert_int_equal(workers_start(1, &options), 0);
	while (__atomic_load_n(&w->sleeps, __ATOMIC_RELAXED) < before + 10 && in_time(start))
		main_tick();
	assert_true(inject());
	wait_received(sent + 1, out);
	workers_stop();
	assert_true(w->sleeps >= before + 10);
	assert_true(w->cycles_asleep > 0);
	assert_int_equal(guest_stats()->sent, sent + 1);
}

/* What was retired is freed although the worker polls, and although it sleeps. */
static void test_worker_lets_go(void **state)
{
	struct worker_options options = {.max_sleep_us = 1000};
	time_t start = time(NULL);

	assert_int_equal(workers_start(1, &options), 0);
	rcu_retire(free, malloc(8));
	while (rcu_reclaim() > 0 && in_time(start))
		;
	assert_int_equal(rcu_reclaim(), 0);
	workers_stop();
}

static int setup(void **state)
{
	struct channel_options channel = {.n_workers = 1, .boot_id = 1};

	clock_update();
	fake_register();
	return rcu_init(1) || mem_init(8192) || counters_init(1, 1) || learn_init() ||
	       policy_log_init() || watch_init(1) || session_init(SESSION_MIN, 1) ||
	       fragment_init() || channel_init(&channel);
}

static int teardown(void **state)
{
	channel_fini();
	fragment_fini();
	session_fini();
	watch_fini();
	policy_log_fini();
	learn_fini();
	counters_fini();
	assert_int_equal(rte_mempool_in_use_count(mem_pools.packet), 0);
	mem_fini();
	rcu_fini();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_atomic),
		cmocka_unit_test(test_idle_worker_sleeps),
		cmocka_unit_test(test_worker_lets_go),
		cmocka_unit_test(test_policy_atomic),
	};
	struct options opt = {.n_workers = 1, .no_huge = true, .n_mbufs = 8192, .memory_mb = 128};

	if (eal_start(&opt) < 0) {
		printf("skipped: EAL can't start\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
