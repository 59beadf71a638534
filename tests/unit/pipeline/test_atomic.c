/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet-atomic change: while a worker forwards, the configuration flips between two generations
 * that have nothing in common (segment of the port, FDB entry, VTEP). Each packet must leave as one
 * of them says as a whole; a mixture would be dropped or carry the other's VNI or VTEP.
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

#include <rte_mbuf.h>

#include <channel/channel.h>
#include <channel/txn.h>
#include <core/clock.h>
#include <core/eal.h>
#include <core/mem.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <pipeline/worker.h>
#include <port/fake.h>
#include <session/fragment.h>
#include <session/session.h>
#include <table/learn.h>

#define FLIPS	 1000
#define PER_FLIP 8
#define GUEST	 1
#define UPLINK	 2
#define WAIT_S	 30
#define OUTER	 50

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

static void put_port(struct txn *t, uint32_t id, uint32_t vni)
{
	struct weft_port p = {.id = id,
		.vni = vni,
		.kind = WEFT_PORT_FAKE,
		.role = vni ? WEFT_ROLE_TENANT : WEFT_ROLE_UPLINK,
		.n_queues = 1,
		.mtu = 1500,
		.mac = {.b = {2, 0, 0, 0, 0, id}}};

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
	put_port(t, UPLINK, 0);
	op(t, WEFT_TABLE_LOCAL_VTEP, WEFT_OP_PUT, &local);
	put_port(t, GUEST, s->vni);
	put_side(t, s, WEFT_OP_PUT);
	commit(t);
}

static void flip(const struct side *from, const struct side *to)
{
	struct txn *t = txn_new();

	put_side(t, to, WEFT_OP_PUT);
	put_port(t, GUEST, to->vni);
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

static bool inject(void)
{
	static const uint8_t type[2] = {0x88, 0x99};
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);
	uint8_t *b;

	if (!m)
		return false;
	m->data_len = m->pkt_len = 64;
	b = rte_pktmbuf_mtod(m, uint8_t *);
	memset(b, 0x55, 64);
	memcpy(b, &remote_mac, 6);
	memcpy(b + 6, &guest_mac, 6);
	memcpy(b + 12, type, 2);
	if (fake_inject(device(GUEST), 0, m))
		return true;
	rte_pktmbuf_free(m);
	return false;
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

		assert_int_equal(m->pkt_len, OUTER + 64);
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
	       session_init(SESSION_MIN, 1) || fragment_init() || channel_init(&channel);
}

static int teardown(void **state)
{
	channel_fini();
	fragment_fini();
	session_fini();
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
	};
	struct options opt = {.n_workers = 1, .no_huge = true, .n_mbufs = 8192, .memory_mb = 128};

	if (eal_start(&opt) < 0) {
		printf("skipped: EAL can't start\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
