/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watching what the kernel carries: its steps are those that a dry run foretells, of the packets
 * that the data plane's own filter lets pass, at its rate. The programs' own code carries frames
 * here, with their tables as plain memory. Who is where is in carried_packet.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include <core/clock.h>
#include <core/mem.h>
#include <core/rcu.h>
#include <pipeline/pipeline.h>
#include <pipeline/watch.h>
#include <pkt/meta.h>

#include "bed.h"
#include "bpf_reader.h"
#include "carried_packet.h"
#include "test_eal.h"

#define IFINDEX	  1000 /* and the port's id */
#define N_BUCKETS 256
#define N_DIRS	  512

static _Alignas(64) struct weft_bpf_control control;
static _Alignas(64) struct weft_bpf_epoch epochs[WEFT_MAX_SEGMENTS];
static struct weft_bpf_bucket buckets[N_BUCKETS];
static struct weft_bpf_dir dirs[N_DIRS];
static _Alignas(64) struct weft_bpf_tunnel tunnels[WEFT_MAX_VTEPS];
static union weft_bpf_trace trace[1 + WEFT_BPF_TRACE_PLACES];

static struct pipeline *pl, *dry;
static const struct config *cfg;
static struct pipeline_report report;
static struct weft_trace_record told[PIPELINE_REPORT_STEPS];
static const struct weft_watch_filter all = {.rate = WEFT_WATCH_RATE_MAX};

/* ---- the world ---- */

static void put_segment(uint32_t vni)
{
	struct weft_segment s = {.vni = vni, .mtu = 1400, .network = 1, .router = 1};

	bed_put(WEFT_TABLE_SEGMENT, &s);
	for (int v4 = 0; v4 < 2; v4++) {
		uint32_t host = vni == 100 ? 1 : 3;
		struct weft_route r = {.router = 1,
			.prefix = {.addr = host_addr(host, v4), .len = v4 ? 120 : 64},
			.n_hops = 1,
			.hops = {{.type = WEFT_HOP_CONNECTED, .ref = vni}}};

		r.prefix.addr.b[15] = 0;
		bed_put(WEFT_TABLE_ROUTE, &r);
	}
}

static void put_host(uint32_t host)
{
	struct weft_fdb fdb = {.vni = host_vni(host), .mac = host_mac(host)};

	if (host == REMOTE)
		fdb.remote = weft_addr_from_v4(world_remote_vtep);
	else
		fdb.port = host;
	bed_put(WEFT_TABLE_FDB, &fdb);
	for (int v4 = 0; v4 < 2; v4++) {
		struct weft_neigh n = {
			.vni = host_vni(host), .addr = host_addr(host, v4), .mac = host_mac(host)};

		bed_put(WEFT_TABLE_NEIGH, &n);
	}
}

static struct weft_port port_entry(uint32_t id)
{
	bool uplink = id == UPLINK;

	return (struct weft_port){.id = id,
		.vni = uplink ? 0 : host_vni(id),
		.kind = WEFT_PORT_FAKE,
		.role = uplink ? WEFT_ROLE_UPLINK : WEFT_ROLE_TENANT,
		.n_queues = 1,
		.mtu = 1500};
}

static void put_port(uint32_t id)
{
	struct weft_port p = port_entry(id);

	bed_put(WEFT_TABLE_PORT, &p);
	if (id != UPLINK)
		put_host(id);
}

static void put_tunnel(void)
{
	struct weft_vtep v = {.remote = weft_addr_from_v4(world_remote_vtep),
		.local = weft_addr_from_v4(world_local_vtep),
		.uplink = UPLINK,
		.path_mtu = 1500,
		.flags = WEFT_VTEP_RESOLVED,
		.dst_mac = host_mac(0xee),
		.src_mac = host_mac(0xdd),
		.ttl = 64};
	struct weft_local_vtep local = {.addr = v.local, .uplink = UPLINK, .mac = v.src_mac};

	bed_put(WEFT_TABLE_LOCAL_VTEP, &local);
	bed_put(WEFT_TABLE_VTEP, &v);
	for (uint32_t vni = 100; vni <= 101; vni++) {
		struct weft_flood flood = {.vni = vni, .remote = v.remote};

		bed_put(WEFT_TABLE_FLOOD, &flood);
	}
}

/* As they are after each commit, which tells of ports too. */
static void set_ports(void)
{
	static const uint32_t ids[] = {1, 2, 3, UPLINK};

	for (unsigned int i = 0; i < 4; i++) {
		if (bed_port(ids[i]))
			offload_set_port(bed_port(ids[i])->slot,
				&(struct offload_port){
					.ifindex = IFINDEX + ids[i], .max_l3 = 1500});
	}
}

static void build(void)
{
	struct weft_tenant tenant = {.id = 1};
	struct weft_network net = {
		.id = 1, .tenant = 1, .timeout_s = {30, 100, 30, 100, 30, 60, 30, 30}};
	struct weft_router router = {.id = 1, .network = 1, .mac = world_router_mac};

	bed_put(WEFT_TABLE_TENANT, &tenant);
	bed_put(WEFT_TABLE_NETWORK, &net);
	bed_put(WEFT_TABLE_ROUTER, &router);
	put_segment(100);
	put_segment(101);
	put_port(UPLINK);
	for (uint32_t id = 1; id <= 3; id++)
		put_port(id);
	put_tunnel();
	put_host(REMOTE);
	cfg = bed_commit();
	set_ports();
}

static void start(void)
{
	const struct offload_tables t = {.control = &control,
		.epochs = epochs,
		.buckets = buckets,
		.dirs = dirs,
		.tunnels = tunnels,
		.n_buckets = N_BUCKETS,
		.n_dirs = N_DIRS};

	control.mark = 1;
	control.n_cpus = 1;
	for (unsigned int i = 0; i < WEFT_BPF_SEED_WORDS; i++)
		control.hash_seed[i] = random();
	bpf_reader_use(&t);
	bpf_reader_trace(trace);
	assert_int_equal(offload_attach(&t, 1), 0);
	watch_attach(&control, trace);
	build();
}

/* ---- packets ---- */

static struct rte_mbuf *mbuf_of(const struct packet *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);
	uint8_t b[2048];
	unsigned int len = packet_bytes(p, b);

	assert_non_null(m);
	memset(pkt_meta(m), 0xff, sizeof(struct pkt_meta));
	memcpy(rte_pktmbuf_append(m, len), b, len);
	return m;
}

static void empty_ports(void)
{
	static const uint32_t ids[] = {1, 2, 3, UPLINK};
	struct rte_mbuf *m;

	for (unsigned int i = 0; i < 4; i++)
		while (bed_port(ids[i]) && (m = fake_capture_any(bed_port(ids[i]))))
			rte_pktmbuf_free(m);
}

/* Through the data plane. */
static void run(const struct packet *p)
{
	struct rte_mbuf *m = mbuf_of(p);

	pipeline_run(pl, cfg, cfg->ports[bed_port(packet_enters_by(p))->slot], &m, 1);
	empty_ports();
}

/* By the programs: 0, or why not. */
static int carry(const struct packet *p)
{
	uint8_t b[2048];
	unsigned int len = packet_bytes(p, b);

	return p->from == REMOTE ? bpf_reader_uplink_frame(b, len, IFINDEX + UPLINK)
				 : bpf_reader_port_frame(b, len, IFINDEX + p->from);
}

static void foresee(const struct packet *p)
{
	rcu_main_enter();
	pipeline_dry_start(dry, &report);
	pipeline_dry_run(dry, cfg, cfg->ports[bed_port(packet_enters_by(p))->slot], mbuf_of(p));
	rcu_main_leave();
	pipeline_report_clear(&report);
}

static bool foresees(enum weft_trace_step step)
{
	for (unsigned int i = 0; i < report.n_steps; i++)
		if (report.steps[i].step == step)
			return true;
	return false;
}

static struct packet back(const struct packet *p)
{
	struct packet b = *p;

	b.from = p->to;
	b.to = p->from;
	b.answer = !p->answer;
	b.seq = p->ack;
	b.ack = p->seq + p->payload;
	return b;
}

static void pass_time(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		pipeline_tick(pl, cfg);
		clock_warp(100);
		offload_tick();
	}
}

/* A session between two hosts; its next packet. */
static struct packet converse(uint32_t from, uint32_t to, bool v4, uint8_t proto)
{
	struct packet p = {.from = from, .to = to, .v4 = v4, .proto = proto}, b;

	if (proto == IPPROTO_TCP) {
		p.tcp_flags = 2;
		p.seq = 1000;
		run(&p);
		b = back(&p);
		b.tcp_flags = 0x12;
		b.seq = 5000;
		b.ack = 1001;
		run(&b);
		p.tcp_flags = 0x10;
		p.seq = 1001;
		p.ack = 5001;
		run(&p);
	}
	p.payload = 100;
	run(&p);
	b = back(&p);
	run(&b);
	p.seq += p.payload;
	p.ack += b.payload;
	pass_time();
	return p;
}

static const struct {
	uint32_t from, to;
} pairs[] = {{1, 2}, {1, 3}, {1, REMOTE}, {3, REMOTE}, {REMOTE, 3}, {REMOTE, 1}};
static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
#define KINDS (RTE_DIM(pairs) * 2 * RTE_DIM(protos))

static struct packet kind(unsigned int i)
{
	unsigned int pair = i / 2 / RTE_DIM(protos);

	return converse(pairs[pair].from, pairs[pair].to, i & 1, protos[i / 2 % RTE_DIM(protos)]);
}

static int forget(void **state)
{
	watch_clear();
	clock_warp(200000); /* longer than any session lasts */
	pass_time();
	rcu_reclaim();
	return 0;
}

static void set(const struct weft_watch_filter *f)
{
	assert_null(weft_watch_wrong(f));
	assert_int_equal(watch_set(f), 0);
	rcu_reclaim();
}

/* ---- tests ---- */

static void expect_foreseen(const struct packet *p)
{
	unsigned int n;

	foresee(p);
	assert_true(foresees(WEFT_TRACE_KERNEL));
	assert_int_equal(carry(p), 0);
	n = watch_drain(told, PIPELINE_REPORT_STEPS);
	assert_int_equal(n, report.n_steps);
	for (unsigned int i = 0; i < n; i++) {
		struct weft_trace_record f = report.steps[i];

		assert_int_equal(told[i].packet, told[0].packet);
		assert_int_equal(told[i].packet >> 24, WEFT_TRACE_NO_WORKER);
		assert_in_range(f.time_ms - told[i].time_ms, 0, 1000);
		f.packet = told[i].packet;
		f.time_ms = told[i].time_ms;
		f.worker = WEFT_TRACE_NO_WORKER;
		if (memcmp(&f, &told[i], sizeof(f)) != 0)
			fail_msg("%u > %u: step %u: %s told, %s foreseen, or other members",
				p->from, p->to, i, weft_trace_name(told[i].step),
				weft_trace_name(f.step));
	}
}

static void test_as_foretold(void **state)
{
	uint32_t number = 0;

	set(&all);
	for (unsigned int i = 0; i < KINDS; i++) {
		struct packet p = kind(i), b;

		while (watch_drain(told, PIPELINE_REPORT_STEPS))
			;
		expect_foreseen(&p);
		assert_int_not_equal(told[0].packet, number);
		number = told[0].packet;
		b = back(&p);
		expect_foreseen(&b);
		forget(NULL);
		set(&all);
	}
}

/* What programs leave to the data plane is not foretold to be carried. */
static void expect_miss(const struct packet *p)
{
	foresee(p);
	assert_true(foresees(WEFT_TRACE_SESSION_HIT));
	assert_false(foresees(WEFT_TRACE_KERNEL));
	assert_true(carry(p) > 0);
	assert_int_equal(watch_drain(told, PIPELINE_REPORT_STEPS), 0);
}

static void test_misses(void **state)
{
	struct packet p = converse(1, REMOTE, true, IPPROTO_TCP), q;

	set(&all);
	foresee(&p);
	assert_true(foresees(WEFT_TRACE_KERNEL));
	q = p;
	q.tcp_flags |= 1;
	expect_miss(&q);
	q = p;
	q.seq += 1u << 24;
	expect_miss(&q);
	q = p;
	q.payload = 1400;
	expect_miss(&q);
	/* One of its ports has no program any more. */
	p = converse(1, 2, true, IPPROTO_UDP);
	set(&all);
	foresee(&p);
	assert_true(foresees(WEFT_TRACE_KERNEL));
	offload_set_port(bed_port(2)->slot, &(struct offload_port){0});
	expect_miss(&p);
	set_ports();
}

/* The data plane's filter and the programs': the same packets pass. */

static uint32_t roll(uint32_t n)
{
	return (uint32_t)random() % n;
}

static struct weft_prefix some_prefix(struct weft_addr a, bool v4)
{
	struct weft_prefix p = {.addr = a, .len = v4 ? 96 + roll(33) : roll(129)};

	if (roll(3) == 0)
		p.addr.b[roll(16)] ^= 1 << roll(8);
	for (unsigned int bit = p.len; bit < 128; bit++)
		p.addr.b[bit / 8] &= ~(0x80 >> bit % 8);
	return p;
}

static struct weft_watch_filter some_filter(const struct packet *p)
{
	static const uint16_t numbers[] = {80, 4000, 777, 8 << 8, 0, 128 << 8, 129 << 8, 5};
	static const uint16_t types[] = {0x0800, 0x86dd, 0x0806};
	static const uint32_t ids[] = {1, 2, 3, UPLINK};
	struct weft_watch_filter f = {.rate = WEFT_WATCH_RATE_MAX, .flags = roll(2)};

	if (roll(5) == 0)
		f.port = roll(2) ? packet_enters_by(p) : ids[roll(4)];
	if (roll(5) == 0)
		f.vni = 100 + roll(2);
	if (roll(4) == 0)
		f.proto = roll(2) ? p->proto : IPPROTO_ICMPV6;
	if (roll(6) == 0)
		f.ethertype = types[roll(3)];
	if (roll(3) == 0)
		f.src = some_prefix(host_addr(roll(2) ? p->from : p->to, p->v4), p->v4);
	if (roll(3) == 0)
		f.dst = some_prefix(host_addr(roll(2) ? p->to : p->from, p->v4), p->v4);
	if (roll(5) == 0)
		f.sport = numbers[roll(8)];
	if (roll(5) == 0)
		f.dport = numbers[roll(8)];
	return f;
}

static void test_same_filter(void **state)
{
	unsigned int n_passed = 0, n = 0;

	for (unsigned int i = 0; i < KINDS; i++) {
		struct packet p = kind(i);

		for (unsigned int j = 0; j < 200; j++, n++) {
			struct weft_watch_filter f = some_filter(&p);
			bool here, there;

			clock_warp(1000);
			set(&f);
			run(&p);
			here = watch_drain(told, PIPELINE_REPORT_STEPS) > 0;
			assert_int_equal(carry(&p), 0);
			there = watch_drain(told, PIPELINE_REPORT_STEPS) > 0;
			if (here != there)
				fail_msg("%u > %u: the data plane's filter says %d", p.from, p.to,
					here);
			n_passed += here;
		}
		forget(NULL);
	}
	printf("%u of %u passed\n", n_passed, n);
	assert_in_range(n_passed, n / 10, n - n / 10);
}

static void test_rate(void **state)
{
	struct packet p = converse(1, 2, true, IPPROTO_UDP);
	struct weft_watch_filter f = {.rate = 5};
	struct watch_missed missed;
	unsigned int packets = 0, n;

	set(&f);
	clock_warp(1000);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(carry(&p), 0);
	while ((n = watch_drain(told, 20)) > 0) /* whole packets */
		for (unsigned int i = 0; i < n; i++)
			packets += told[i].step == WEFT_TRACE_OUTPUT;
	assert_int_equal(packets, 5);
	watch_missed(&missed);
	assert_int_equal(missed.skipped, 15);
	assert_int_equal(missed.lost, 0);
	for (unsigned int i = 0; i < WEFT_BPF_TRACE_PLACES + 3; i++)
		assert_int_equal(carry(&p), 0);
	watch_missed(&missed);
	assert_int_equal(missed.lost, 3);
	set(&f);
	watch_missed(&missed);
	assert_int_equal(missed.lost + missed.skipped, 0);
}

/* Slots that there can't be, by whoever else may write to the map: nothing is told of those. */
static void test_hostile_record(void **state)
{
	struct packet p = converse(1, 2, true, IPPROTO_UDP);
	struct weft_bpf_decision *d = &trace[1].carried.d;
	uint16_t *slots[] = {&d->segment, &d->in_port, &d->out_port, &d->in_vtep, &d->out_vtep};
	struct watch_missed missed;

	for (unsigned int i = 0; i < RTE_DIM(slots); i++) {
		uint32_t at;

		set(&all);
		at = trace[0].watch.head % WEFT_BPF_TRACE_PLACES;
		assert_int_equal(carry(&p), 0);
		slots[i] = (uint16_t *)((char *)slots[i] + at * sizeof(trace[0]));
		*slots[i] = UINT16_MAX;
		assert_int_equal(watch_drain(told, PIPELINE_REPORT_STEPS), 0);
		watch_missed(&missed);
		assert_int_equal(missed.skipped, 1);
	}
	assert_int_equal(carry(&p), 0);
	assert_true(watch_drain(told, PIPELINE_REPORT_STEPS) > 0);
}

/* Programs are bothered only with what may pass. */
static void test_off(void **state)
{
	struct weft_watch_filter drops = {.rate = 5, .flags = WEFT_WATCH_DROPPED};
	struct weft_watch_filter arp = {.rate = 5, .ethertype = 0x0806};

	assert_int_equal(control.watch, 0);
	set(&drops);
	assert_int_equal(control.watch, 0);
	set(&arp);
	assert_int_equal(control.watch, 0);
	set(&all);
	assert_int_not_equal(control.watch, 0);
	watch_attach(&control, trace); /* the same again */
	assert_int_not_equal(control.watch, 0);
	watch_attach(NULL, NULL);
	watch_clear();
	watch_attach(&control, trace); /* what a dead data plane left */
	assert_int_equal(control.watch, 0);
}

/* A port comes and goes, perhaps to another slot. */
static void test_port_comes_and_goes(void **state)
{
	struct weft_watch_filter f = {.rate = 100, .port = 2};
	struct weft_port port = port_entry(2);
	struct weft_fdb fdb = {.vni = 100, .mac = host_mac(2), .port = 2};

	set(&f);
	assert_int_equal(trace[0].watch.filter.in_port, bed_port(2)->slot);
	bed_delete(WEFT_TABLE_FDB, &fdb);
	bed_delete(WEFT_TABLE_PORT, &port);
	cfg = bed_commit();
	watch_drain(told, PIPELINE_REPORT_STEPS);
	assert_int_equal(control.watch, 0);
	put_port(2);
	cfg = bed_commit();
	set_ports();
	watch_drain(told, PIPELINE_REPORT_STEPS);
	assert_int_not_equal(control.watch, 0);
	assert_int_equal(trace[0].watch.filter.in_port, bed_port(2)->slot);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_as_foretold, forget),
		cmocka_unit_test_teardown(test_misses, forget),
		cmocka_unit_test_teardown(test_same_filter, forget),
		cmocka_unit_test_teardown(test_rate, forget),
		cmocka_unit_test_teardown(test_hostile_record, forget),
		cmocka_unit_test_teardown(test_off, forget),
		cmocka_unit_test_teardown(test_port_comes_and_goes, forget),
	};
	int r;

	test_eal_init(96);
	bed_init(2048, 1, 1024);
	pl = pipeline_new(0);
	dry = pipeline_new_dry();
	assert_non_null(pl);
	assert_non_null(dry);
	start();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	watch_attach(NULL, NULL);
	pipeline_free(dry);
	pipeline_free(pl);
	offload_detach();
	bed_fini();
	return r;
}
