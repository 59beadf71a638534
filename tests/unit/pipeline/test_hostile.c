/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a tenant can use up is its own: with all its limits reached, another tenant's sessions go
 * on and begin, and its own go on too.
 *
 * Two tenants alike, each with a segment, two ports in it and the same addresses: the first one
 * floods from both ports.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <rte_ether.h>

#include <core/clock.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <session/fragment.h>
#include <session/session.h>
#include <table/learn.h>

#include "bed.h"
#include "frame.h"
#include "test_eal.h"

#define N_SESSIONS   WEFT_MIN_SESSIONS
#define N_MBUFS	     4096
#define L3	     14
#define L4	     34
#define TCP_SYN	     2
#define IP_MF	     0x2000
#define MAX_LEARNED  50
#define SLOW_SECOND  200000 /* packets of a port that the slow path takes in a second */
#define REFUSE_RULES 4000

enum tenant {
	ATTACKER = 1,
	BYSTANDER,
};

static struct pipeline *pl;
static const struct config *cfg;

static uint32_t port_id(enum tenant t, unsigned int host)
{
	return 2 * t - 2 + host;
}

static struct weft_mac mac_of(unsigned int host)
{
	return (struct weft_mac){.b = {2, 0, 0, 0, 0, host}};
}

static struct weft_addr addr_of(unsigned int host)
{
	return weft_addr_from_v4((uint8_t[]){10, 0, 0, host});
}

static struct weft_port port_of(enum tenant t, unsigned int host)
{
	struct weft_port p = {.id = port_id(t, host),
		.vni = 100 * t,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_TENANT,
		.flags = WEFT_PORT_ANTISPOOF | WEFT_PORT_DEFAULT_DENY,
		.n_queues = 1,
		.mtu = 1500,
		.mac = mac_of(host),
		.n_rulesets = 1,
		.rulesets = {t},
		.n_addrs = 1,
		.addrs = {{.addr = addr_of(host), .len = 128}}};

	snprintf(p.name, sizeof(p.name), "port%u", p.id);
	return p;
}

static struct weft_rule rule_of(enum tenant t, uint32_t id, enum weft_rule_direction direction)
{
	return (struct weft_rule){.ruleset = t,
		.id = id,
		.priority = id,
		.direction = direction,
		.action = WEFT_RULE_ALLOW,
		.proto = WEFT_RULE_ANY_PROTO,
		.port_max = UINT16_MAX};
}

static void put_host(enum tenant t, unsigned int host)
{
	struct weft_port p = port_of(t, host);
	struct weft_fdb fdb = {.vni = p.vni, .mac = p.mac, .port = p.id};
	struct weft_neigh n = {.vni = p.vni, .addr = addr_of(host), .mac = p.mac};

	bed_put(WEFT_TABLE_PORT, &p);
	bed_put(WEFT_TABLE_FDB, &fdb);
	bed_put(WEFT_TABLE_NEIGH, &n);
}

static void put_tenant(enum tenant t)
{
	struct weft_tenant tenant = {.id = t};
	struct weft_network net = {.id = t, .tenant = t};
	struct weft_segment seg = {.vni = 100 * t, .mtu = 1450, .network = t, .max_learned = 100};
	struct weft_ruleset set = {.id = t, .tier = WEFT_TIER_GROUP};

	snprintf(tenant.name, sizeof(tenant.name), "tenant%u", t);
	snprintf(net.name, sizeof(net.name), "tenant%u", t);
	snprintf(seg.name, sizeof(seg.name), "tenant%u", t);
	snprintf(set.name, sizeof(set.name), "tenant%u", t);
	bed_put(WEFT_TABLE_TENANT, &tenant);
	bed_put(WEFT_TABLE_NETWORK, &net);
	bed_put(WEFT_TABLE_SEGMENT, &seg);
	bed_put(WEFT_TABLE_RULESET, &set);
	for (uint32_t i = WEFT_RULE_INGRESS; i <= WEFT_RULE_EGRESS; i++) {
		struct weft_rule r = rule_of(t, 10000 + i, i);

		bed_put(WEFT_TABLE_RULE, &r);
	}
	put_host(t, 1);
	put_host(t, 2);
}

static int setup(void **state)
{
	bed_reset();
	put_tenant(ATTACKER);
	put_tenant(BYSTANDER);
	cfg = bed_commit();
	pl = pipeline_new(0);
	clock_warp(1000); /* buckets are full */
	return 0;
}

static int teardown(void **state)
{
	pipeline_free(pl);
	return 0;
}

static void empty(enum tenant t)
{
	struct rte_mbuf *m;

	for (unsigned int host = 1; host <= 2; host++) {
		while ((m = fake_capture_any(bed_port(port_id(t, host)))))
			rte_pktmbuf_free(m);
	}
}

static void swap(uint8_t *a, uint8_t *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint8_t x = a[i];

		a[i] = b[i];
		b[i] = x;
	}
}

/* f goes from one host of the tenant to the other. */
static void run_frame(enum tenant t, unsigned int from, const struct frame *f)
{
	struct rte_mbuf *m = frame_mbuf(f->b, f->len);
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);

	if (from == 2) { /* checksums stay as they are */
		swap(b, b + 6, 6);
		swap(b + L3 + 12, b + L3 + 16, 4);
	}
	pipeline_run(pl, cfg, cfg->ports[bed_port(port_id(t, from))->slot], &m, 1);
	pipeline_tick(pl, cfg);
}

static unsigned int received(enum tenant t, unsigned int host)
{
	unsigned int n = fake_pending_tx(bed_port(port_id(t, host)), 0);

	empty(t);
	return n;
}

static bool passes(enum tenant t, unsigned int from, const struct frame_spec *spec)
{
	static struct frame f;

	empty(t);
	frame_make(&f, spec);
	run_frame(t, from, &f);
	return received(t, 3 - from) == 1;
}

static bool udp_passes(enum tenant t, unsigned int from, uint16_t sport, uint16_t dport)
{
	const struct frame_spec spec = {.payload = 18, .sport = sport, .dport = dport};

	return passes(t, from, &spec);
}

/* n first packets of sessions of the attacker from that host. */
static void flood(unsigned int from, unsigned int n, uint8_t proto)
{
	static struct frame f;
	struct frame_spec spec = {.proto = proto, .payload = 18, .tcp_flags = TCP_SYN};

	for (unsigned int i = 0; i < n; i++) {
		spec.sport = 60000 + 1000 * from; /* no answers to those of the other host */
		spec.dport = 1 + i;
		frame_make(&f, &spec);
		run_frame(ATTACKER, from, &f);
		empty(ATTACKER);
	}
}

static uint64_t dropped(enum tenant t, unsigned int host, enum weft_drop reason)
{
	return counters_port(0, bed_port(port_id(t, host))->slot)->dropped[reason];
}

/* Both ways, of both tenants. */
static void begin_sessions(void)
{
	for (enum tenant t = ATTACKER; t <= BYSTANDER; t++) {
		assert_true(udp_passes(t, 1, 5000, 6000));
		assert_true(udp_passes(t, 2, 6000, 5000));
	}
}

static void assert_sessions_go_on(void)
{
	for (enum tenant t = ATTACKER; t <= BYSTANDER; t++) {
		assert_true(udp_passes(t, 1, 5000, 6000));
		assert_true(udp_passes(t, 2, 6000, 5000));
	}
}

static void assert_bystander_begins(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		assert_true(udp_passes(BYSTANDER, 1, 7000 + i, 53));
		assert_true(udp_passes(BYSTANDER, 2, 53, 7000 + i));
	}
}

static void test_session_table(void **state)
{
	begin_sessions();
	flood(1, N_SESSIONS, IPPROTO_UDP);
	flood(2, N_SESSIONS, IPPROTO_UDP);
	assert_false(udp_passes(ATTACKER, 1, 3, 3));
	assert_true(dropped(ATTACKER, 1, WEFT_DROP_HALF_OPEN_LIMIT) > 0);
	assert_sessions_go_on();
	assert_bystander_begins(N_SESSIONS / 16);
}

static uint16_t attacker_slot(void)
{
	const struct config_port *p = cfg->ports[bed_port(port_id(ATTACKER, 1))->slot];

	return cfg->networks[cfg->segments[p->segment_slot]->network_slot]->tenant_slot;
}

/* Ports whose limits together are more than the table has. */
static void test_session_table_without_port_limits(void **state)
{
	for (unsigned int host = 1; host <= 2; host++) {
		struct weft_port p = port_of(ATTACKER, host);

		p.max_sessions = p.max_half_open = N_SESSIONS;
		bed_put(WEFT_TABLE_PORT, &p);
	}
	cfg = bed_commit();
	begin_sessions();
	flood(1, N_SESSIONS, IPPROTO_UDP);
	flood(2, N_SESSIONS, IPPROTO_UDP);
	assert_true(dropped(ATTACKER, 2, WEFT_DROP_SESSION_TENANT_LIMIT) > 0);
	assert_in_range(
		session_count_tenant(attacker_slot()), N_SESSIONS / 2, N_SESSIONS * 4 / 5 + 1);
	assert_sessions_go_on();
	assert_bystander_begins(N_SESSIONS / 16);
}

static void test_half_open(void **state)
{
	const struct frame_spec syn = {
		.proto = IPPROTO_TCP, .tcp_flags = TCP_SYN, .sport = 9000, .dport = 80};

	begin_sessions();
	flood(1, N_SESSIONS, IPPROTO_TCP);
	flood(2, N_SESSIONS, IPPROTO_TCP);
	assert_true(dropped(ATTACKER, 1, WEFT_DROP_HALF_OPEN_LIMIT) > 0);
	assert_false(passes(ATTACKER, 1, &syn));
	assert_true(passes(BYSTANDER, 1, &syn));
	assert_sessions_go_on();
	assert_bystander_begins(10);
}

static void fragment(struct frame *f, uint16_t id, uint16_t frag)
{
	const struct frame_spec spec = {
		.payload = 56, .sport = 5000, .dport = 6000, .ip_id = id, .frag = frag};

	frame_make(f, &spec);
}

static void test_fragments(void **state)
{
	static struct frame f;

	begin_sessions();
	for (unsigned int i = 0; i < 2 * FRAGMENT_TABLE; i++) {
		fragment(&f, i, IP_MF | 8);
		run_frame(ATTACKER, 1 + i % 2, &f);
	}
	assert_true(dropped(ATTACKER, 1, WEFT_DROP_FRAGMENT_LIMIT) > 0);
	empty(BYSTANDER);
	for (unsigned int i = 0; i < 20; i++) {
		fragment(&f, 100 + i, 8);
		run_frame(BYSTANDER, 1, &f); /* waits */
		fragment(&f, 100 + i, IP_MF);
		run_frame(BYSTANDER, 1, &f);
		assert_int_equal(received(BYSTANDER, 2), 2);
	}
	assert_sessions_go_on();
	clock_warp(2 * FRAGMENT_MS);
	for (unsigned int i = 0; i < FRAGMENT_TABLE; i++)
		pipeline_tick(pl, cfg);
}

/* The slow path is closed to the attacker: its sessions go on, also when policy has changed. */
static void test_slow_path(void **state)
{
	struct weft_rule r = rule_of(ATTACKER, 1, WEFT_RULE_INGRESS);
	uint32_t epoch = cfg->epoch[cfg->ports[bed_port(1)->slot]->segment_slot];

	begin_sessions();
	flood(1, SLOW_SECOND / 10 + 1000, IPPROTO_UDP);
	flood(2, SLOW_SECOND / 10 + 1000, IPPROTO_UDP);
	assert_true(dropped(ATTACKER, 1, WEFT_DROP_SLOW_PATH_LIMIT) > 0);
	assert_true(dropped(ATTACKER, 2, WEFT_DROP_SLOW_PATH_LIMIT) > 0);
	assert_sessions_go_on();
	bed_put(WEFT_TABLE_RULE, &r);
	cfg = bed_commit();
	assert_int_not_equal(epoch, cfg->epoch[cfg->ports[bed_port(1)->slot]->segment_slot]);
	assert_sessions_go_on();
	assert_bystander_begins(10);
}

/* Packets of sessions that policy refuses now are no way round the limit. */
static void test_refused_sessions(void **state)
{
	struct weft_rule r = rule_of(ATTACKER, 10000 + WEFT_RULE_INGRESS, WEFT_RULE_INGRESS);

	begin_sessions();
	bed_delete(WEFT_TABLE_RULE, &r);
	cfg = bed_commit();
	flood(1, SLOW_SECOND / 10 + 1000, IPPROTO_UDP);
	assert_false(udp_passes(ATTACKER, 1, 5000, 6000));
	assert_int_equal(session_count_port(bed_port(1)->slot), 0);
	assert_true(udp_passes(BYSTANDER, 1, 5000, 6000));
}

/* Rules that are all compared: a burst is cut short, others in it are not. */
static void test_dear_rules(void **state)
{
	static struct frame f;
	struct frame_spec spec = {.payload = 18};
	struct rte_mbuf *burst[PIPELINE_BURST];

	for (uint32_t i = 1; i <= REFUSE_RULES; i++) {
		struct weft_rule r = rule_of(ATTACKER, i, WEFT_RULE_INGRESS);

		r.remote = (struct weft_prefix){.addr = addr_of(200), .len = 128};
		bed_put(WEFT_TABLE_RULE, &r);
	}
	cfg = bed_commit();
	begin_sessions();
	empty(ATTACKER);
	for (unsigned int i = 0; i < PIPELINE_BURST; i++) {
		spec.sport = 100 + i;
		frame_make(&f, &spec);
		burst[i] = frame_mbuf(f.b, f.len);
	}
	pipeline_run(pl, cfg, cfg->ports[bed_port(1)->slot], burst, PIPELINE_BURST);
	assert_in_range(received(ATTACKER, 2), 1, 4);
	assert_true(dropped(ATTACKER, 1, WEFT_DROP_SLOW_PATH_LIMIT) >= PIPELINE_BURST - 4);
	assert_sessions_go_on();
}

static void test_learning(void **state)
{
	static struct frame f;
	const struct frame_spec spec = {.payload = 18};

	for (enum tenant t = ATTACKER; t <= BYSTANDER; t++) {
		struct weft_port p = port_of(t, 1);

		p.flags = WEFT_PORT_LEARN;
		p.max_learned = MAX_LEARNED;
		bed_put(WEFT_TABLE_PORT, &p);
	}
	cfg = bed_commit();
	frame_make(&f, &spec);
	for (unsigned int i = 0; i < 20000; i++) {
		put16(f.b + 8, 1 + i);
		run_frame(ATTACKER, 1, &f);
		empty(ATTACKER);
	}
	put16(f.b + 8, 1);
	run_frame(BYSTANDER, 1, &f);
	empty(BYSTANDER);
	while (learn_process(1000, clock_s()))
		;
	assert_int_equal(learn_count_dest(bed_port(port_id(ATTACKER, 1))->slot), MAX_LEARNED);
	assert_int_equal(learn_count_dest(bed_port(port_id(BYSTANDER, 1))->slot), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_session_table),
		CASE(test_session_table_without_port_limits),
		CASE(test_half_open),
		CASE(test_fragments),
		CASE(test_slow_path),
		CASE(test_refused_sessions),
		CASE(test_dear_rules),
		CASE(test_learning),
	};
	int r;

	test_eal_init(96);
	bed_init(N_MBUFS, 1, N_SESSIONS);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	bed_fini();
	return r;
}
