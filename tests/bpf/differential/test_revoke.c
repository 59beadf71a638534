/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ends a session's right to be carried reaches the fast path's programs with the commit, not
 * with the next packet or round: for each kind of change, conversations that programs carry before
 * it, their next packets right after it, and what becomes of them in the end. And what a restart of
 * the data plane leaves of them.
 *
 * Two segments behind one router, VNI 100 with A, C and, behind VTEP 1, R; VNI 101 with B.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <session/session.h>

#include "bed.h"
#include "build.h"
#include "judge.h"
#include "test_eal.h"

enum {
	A = 1, /* ids of ports */
	B = 2,
	C = 3,
	R, /* remote */
	STATIONS,
};

static const struct weft_mac router = {.b = {2, 0, 0xfe, 0, 0, 1}};
static struct setup now, next;

static struct weft_mac mac_of(unsigned int station)
{
	return (struct weft_mac){.b = {2, 0, 0, 0, 0, station}};
}

static uint32_t vni_of(unsigned int station)
{
	return station == B ? 101 : 100;
}

static struct weft_addr addr_of(unsigned int station)
{
	return v4(10, 0, vni_of(station) - 100, station);
}

static struct weft_addr vtep(unsigned int n)
{
	return v4(192, 0, 2, 1 + n);
}

static void add_station(struct setup *c, unsigned int station)
{
	struct weft_port p = {.id = station,
		.vni = vni_of(station),
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_TENANT,
		.flags = WEFT_PORT_DEFAULT_DENY,
		.n_queues = 1,
		.mtu = 1500,
		.mac = mac_of(station),
		.n_addrs = 1,
		.rulesets = {1},
		.n_rulesets = 1};
	struct weft_fdb fdb = {.vni = vni_of(station), .mac = mac_of(station)};

	p.addrs[0] = (struct weft_prefix){.addr = addr_of(station), .len = 128};
	if (station == R)
		fdb.remote = vtep(1);
	else
		fdb.port = station;
	if (station != R)
		SETUP_ADD(c, port, p);
	SETUP_ADD(c, fdb, fdb);
	SETUP_ADD(c, neigh,
		{.vni = vni_of(station), .addr = addr_of(station), .mac = mac_of(station)});
}

static void add_segment(struct setup *c, uint32_t vni)
{
	struct weft_addr gateway = v4(10, 0, vni - 100, 254);
	struct weft_route r = {.router = 1, .prefix = prefix_of(&gateway, 120), .n_hops = 1};

	r.hops[0] = (struct weft_hop){.type = WEFT_HOP_CONNECTED, .ref = vni};
	SETUP_ADD(c, segment, {.vni = vni, .mtu = 1450, .network = 1, .router = 1});
	SETUP_ADD(c, route, r);
	for (unsigned int i = 1; i <= 2; i++)
		SETUP_ADD(c, flood, {.vni = vni, .remote = vtep(i)});
}

static void add_uplink(struct setup *c)
{
	SETUP_ADD(c, port,
		{.id = UPLINK_ID,
			.kind = WEFT_PORT_FAKE,
			.role = WEFT_ROLE_UPLINK,
			.n_queues = 1,
			.mtu = 1600});
	SETUP_ADD(c, local_vtep, {.addr = vtep(0), .uplink = UPLINK_ID, .mac = mac_of(100)});
	for (unsigned int i = 1; i <= 2; i++)
		SETUP_ADD(c, vtep,
			{.remote = vtep(i),
				.local = vtep(0),
				.uplink = UPLINK_ID,
				.dst_mac = mac_of(100 + i),
				.src_mac = mac_of(100),
				.path_mtu = 1600,
				.flags = WEFT_VTEP_RESOLVED,
				.ttl = 64});
}

static void add_rule(struct setup *c, uint32_t id, uint8_t direction, uint16_t port)
{
	SETUP_ADD(c, rule,
		{.ruleset = 1,
			.id = id,
			.direction = direction,
			.action = WEFT_RULE_ALLOW,
			.proto = 17,
			.port_min = port,
			.port_max = port});
}

/* All may ask all, at port 53. */
static void make_world(void)
{
	struct setup *c = &now;

	memset(c, 0, sizeof(*c));
	SETUP_ADD(c, tenant, {.id = 1});
	SETUP_ADD(c, tenant, {.id = 2});
	SETUP_ADD(c, network, {.id = 1, .tenant = 1});
	SETUP_ADD(c, network, {.id = 2, .tenant = 2});
	SETUP_ADD(c, router, {.id = 1, .network = 1, .mac = router});
	SETUP_ADD(c, ruleset, {.id = 1, .tier = 1});
	SETUP_ADD(c, ruleset, {.id = 2, .tier = 1});
	add_rule(c, 1, WEFT_RULE_INGRESS, 53);
	add_rule(c, 2, WEFT_RULE_EGRESS, 53);
	add_uplink(c);
	add_segment(c, 100);
	add_segment(c, 101);
	for (unsigned int i = A; i < STATIONS; i++)
		add_station(c, i);
	judge_reset(false);
	judge_commit(NULL, c);
}

/* A question of one station to another, whose port 53 answers. */
struct talk {
	unsigned int from, to;
};

static struct judged packet_of(const struct talk *t, bool answer)
{
	unsigned int from = answer ? t->to : t->from, to = answer ? t->from : t->to;
	uint8_t udp[20] = {0};
	struct packet p = {.dmac = vni_of(from) == vni_of(to) ? mac_of(to) : router,
		.smac = mac_of(from),
		.src = addr_of(from),
		.dst = addr_of(to),
		.proto = 17,
		.l4 = udp,
		.l4_len = sizeof(udp)};
	struct judged j = {.port = from == R ? UPLINK_ID : from};
	struct weft_addr outer_src = vtep(1), outer_dst = vtep(0);
	struct weft_mac dmac = mac_of(100), smac = mac_of(101);

	set16(udp, answer ? 53 : 4000);
	set16(udp + 2, answer ? 4000 : 53);
	set16(udp + 4, sizeof(udp));
	j.len = build_packet(j.b, &p);
	if (from == R)
		j.len = build_outer(j.b, j.len, &outer_src, &outer_dst, &dmac, &smac, 100);
	return j;
}

/* Sends one; *ret_passed: the data plane let it pass. */
static bool is_hit(const struct talk *t, bool answer, bool *ret_passed)
{
	struct judged j = packet_of(t, answer);
	uint64_t carried = judge_counts.carried;
	enum judgement r = judge(&j);

	assert_int_not_equal(r, JUDGED_DIFFERS);
	*ret_passed = judge_counts.carried != carried;
	judge_step();
	return r == JUDGED_HIT;
}

static void begin(const struct talk *t)
{
	bool passed;

	for (unsigned int i = 0; i < 4; i++) {
		is_hit(t, i & 1, &passed);
		assert_true(passed);
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_true(is_hit(t, i & 1, &passed));
}

static const struct talk talks[] = {{A, B}, {A, C}, {A, R}, {R, A}};
enum {
	A_B = 1 << 0,
	A_C = 1 << 1,
	A_R = 1 << 2,
	R_A = 1 << 3,
	ALL = A_B | A_C | A_R | R_A,
};

static struct weft_rule *rule(uint32_t id)
{
	return &next.rule[id - 1];
}

static struct weft_port *port(unsigned int station)
{
	return &next.port[station]; /* the uplink is the first */
}

static struct weft_fdb *fdb(unsigned int station)
{
	return &next.fdb[station - 1];
}

static void policy_forbids(void)
{
	rule(1)->action = WEFT_RULE_DENY;
}

static void policy_changes(void)
{
	rule(1)->priority = 7;
}

static void rule_goes(void)
{
	next.n_rule--;
}

static void ruleset_goes_from_port(void)
{
	port(A)->n_rulesets = 0;
	port(A)->rulesets[0] = 0;
}

static void port_goes(void)
{
	*port(C) = next.port[--next.n_port];
	*fdb(C) = next.fdb[--next.n_fdb];
}

static void port_goes_down(void)
{
	port(C)->flags |= WEFT_PORT_ADMIN_DOWN;
}

static void port_gets_addresses(void)
{
	port(A)->flags |= WEFT_PORT_ANTISPOOF;
	port(A)->addrs[0].addr = v4(10, 0, 0, 77);
}

static void port_moves_to_other_segment(void)
{
	port(C)->vni = 101;
	fdb(C)->vni = 101;
}

static void fdb_moves_to_other_vtep(void)
{
	fdb(R)->remote = vtep(2);
}

static void fdb_moves_here(void)
{
	fdb(R)->remote = (struct weft_addr){0};
	fdb(R)->port = C;
}

static void fdb_goes(void)
{
	next.n_fdb--;
}

static void neighbour_changes(void)
{
	next.neigh[B - 1].mac = mac_of(55);
}

static void router_gets_other_mac(void)
{
	next.router[0].mac = mac_of(56);
}

static void route_forbids(void)
{
	struct weft_addr to = addr_of(B), from = addr_of(A);
	struct weft_route r = {.router = 1, .prefix = prefix_of(&to, 128), .n_hops = 1};

	r.hops[0].type = WEFT_HOP_BLACKHOLE;
	SETUP_ADD(&next, route, r);
	r.prefix = prefix_of(&from, 128);
	SETUP_ADD(&next, route, r);
}

static void segment_gets_smaller(void)
{
	next.segment[0].mtu = 1300;
}

static void tunnel_gets_smaller(void)
{
	next.vtep[0].path_mtu = 1400;
}

static void next_hop_changes(void)
{
	next.vtep[0].dst_mac = mac_of(150);
}

static void next_hop_goes(void)
{
	next.vtep[0].flags = 0;
}

static void vtep_leaves_segment(void)
{
	for (unsigned int i = 0; i < next.n_flood; i++)
		if (weft_addr_equal(&next.flood[i].remote, &now.vtep[0].remote))
			next.flood[i--] = next.flood[--next.n_flood];
	fdb_moves_to_other_vtep();
}

static void vtep_goes(void)
{
	vtep_leaves_segment();
	next.vtep[0] = next.vtep[--next.n_vtep];
}

static void network_gets_other_tenant(void)
{
	next.network[0].tenant = 2;
}

static void tenant_gets_limit(void)
{
	next.tenant[0].max_sessions = 1;
}

static void timeouts_change(void)
{
	next.network[0].timeout_s[WEFT_TIMEOUT_UDP_ANSWERED] = 5;
}

static void stranger_changes(void)
{
	SETUP_ADD(&next, segment, {.vni = 200, .mtu = 1450, .network = 2});
	SETUP_ADD(&next, rule,
		{.ruleset = 2, .id = 1, .direction = 1, .action = 1, .proto = 17, .port_max = 9});
}

static const struct change {
	const char *name;
	void (*make)(void);
	unsigned int goes_on; /* at once */
	unsigned int forbidden;
} changes[] = {
#define CHANGE(fn, ...)                                                                            \
	{                                                                                          \
#fn, fn, __VA_ARGS__                                                               \
	}
	CHANGE(policy_forbids, 0, A_B | A_C | R_A),
	CHANGE(policy_changes, 0, 0),
	CHANGE(rule_goes, 0, A_B | A_C | A_R),
	CHANGE(ruleset_goes_from_port, 0, ALL),
	CHANGE(port_goes, 0, A_C),
	CHANGE(port_goes_down, 0, A_C),
	CHANGE(port_gets_addresses, 0, A_B | A_C | A_R),
	CHANGE(port_moves_to_other_segment, 0, A_C),
	CHANGE(fdb_moves_to_other_vtep, 0, 0),
	CHANGE(fdb_moves_here, 0, 0),
	CHANGE(fdb_goes, 0, A_R),
	CHANGE(neighbour_changes, 0, A_B),
	CHANGE(router_gets_other_mac, 0, A_B),
	CHANGE(route_forbids, 0, A_B),
	CHANGE(segment_gets_smaller, 0, 0),
	CHANGE(tunnel_gets_smaller, 0, 0),
	CHANGE(next_hop_changes, ALL, 0),
	CHANGE(next_hop_goes, A_B | A_C, A_R),
	CHANGE(vtep_leaves_segment, 0, R_A),
	CHANGE(vtep_goes, 0, R_A),
	CHANGE(network_gets_other_tenant, 0, 0),
	CHANGE(tenant_gets_limit, ALL, 0),
	CHANGE(timeouts_change, 0, 0),
	CHANGE(stranger_changes, ALL, 0),
};

/* The first packet after the commit, which way it goes, comes before the data plane has had a round
 * or seen another one. */
static void expect_after(const struct change *c, const struct talk *t, bool first, unsigned int bit)
{
	bool passed, hit;

	make_world();
	begin(t);
	next = now;
	c->make();
	judge_commit(&now, &next);
	hit = is_hit(t, first, &passed);
	if (hit != ((c->goes_on & bit) != 0))
		fail_msg("%s, %u to %u: the next packet was%s carried", c->name, t->from, t->to,
			hit ? "" : " not");
	for (unsigned int i = 0; i < 12; i++) {
		is_hit(t, i & 1, &passed);
		if (!(i & 1) && passed == ((c->forbidden & bit) != 0))
			fail_msg("%s, %u to %u: a packet passed: %u", c->name, t->from, t->to,
				passed);
	}
}

static void test_changes(void **state)
{
	for (unsigned int i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		for (unsigned int k = 0; k < sizeof(talks) / sizeof(talks[0]); k++) {
			expect_after(&changes[i], &talks[k], false, 1 << k);
			expect_after(&changes[i], &talks[k], true, 1 << k);
		}
	}
}

/* Flushed by the operator. */
static void test_flush(void **state)
{
	uint32_t cursor = 0, budget = UINT32_MAX;
	struct session *s;
	bool passed;

	make_world();
	begin(&talks[0]);
	while ((s = session_next(&cursor, &budget)))
		session_remove(s);
	assert_false(is_hit(&talks[0], false, &passed));
	assert_true(passed);
}

static void restart(const struct setup *c)
{
	judge_reset(true);
	judge_commit(NULL, c);
}

/* Nothing but the session allows the answers: they may come first. */
static void test_restart(void **state)
{
	for (unsigned int k = 0; k < sizeof(talks) / sizeof(talks[0]); k++) {
		for (unsigned int first = 0; first < 2; first++) {
			const struct talk *t = &talks[k];
			bool passed;

			make_world();
			begin(t);
			restart(&now);
			for (unsigned int i = 0; i < 2; i++) {
				assert_false(is_hit(t, first ^ i, &passed));
				assert_true(passed);
			}
			for (unsigned int i = 0; i < 20; i++)
				judge_step();
			assert_true(is_hit(t, false, &passed));
			assert_true(is_hit(t, true, &passed));
		}
	}
}

static void test_restart_forbids(void **state)
{
	const struct talk *t = &talks[3];

	for (unsigned int first = 0; first < 2; first++) {
		bool passed;

		make_world();
		begin(t);
		next = now;
		policy_forbids();
		restart(&next);
		for (unsigned int i = 0; i < 40; i++) {
			assert_false(is_hit(t, (first ^ i) & 1, &passed));
			assert_false(passed);
		}
	}
}

/* Without a session nobody answers: what the tests above see is not the policy. */
static void test_answers_alone(void **state)
{
	bool passed;

	make_world();
	assert_false(is_hit(&talks[3], true, &passed));
	assert_false(passed);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_restart_forbids),
		cmocka_unit_test(test_answers_alone),
	};
	int r;

	judge_begin();
	test_eal_init(128);
	bed_init(4096, 1, 65536);
	judge_init();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	judge_fini();
	bed_fini();
	return r;
}
