/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions that stand on the FDB in the fast path's tables, of plain segments and of stateful ones
 * with learned MACs: carried while the FDB has their MACs where they need them, and not a packet
 * longer; learned MACs that only programs see; limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <core/clock.h>
#include <observe/counters.h>
#include <table/learn.h>
#include <weft_bpf/port.h>

#include "offload_bed.h"

#define MAX	1024
#define AGEING	80 /* seconds; looked after every 10 */
#define A	0xaa
#define B	0xba
#define TO_VTEP (DEST_VTEP_BIT | BED_VTEP)

static struct config_segment *segment = &bed_segments[0];

static int setup(void **state)
{
	bed_init(MAX, 1, 256, 2048);
	world_ports[1].segment_slot = BED_SEGMENT;
	segment->stateful = false;
	segment->spec.max_learned = 100;
	segment->spec.ageing_s = AGEING;
	segment->spec.flags = WEFT_SEGMENT_LEARN_WIRE;
	for (unsigned int i = 0; i < 2; i++) {
		world_ports[i].spec.flags = WEFT_PORT_LEARN;
		world_ports[i].spec.max_learned = 10;
	}
	world_cfg->fdb = vhash_new("fdb", sizeof(struct fdb_key), sizeof(struct fdb_entry), 1024);
	if (counters_init(1, 1) < 0 || learn_init() < 0)
		return -1;
	learn_set_revoker(offload_moved);
	return 0;
}

static int setup_stateful(void **state)
{
	if (setup(state) < 0)
		return -1;
	segment->stateful = true;
	return 0;
}

static int teardown(void **state)
{
	learn_fini();
	counters_fini();
	vhash_free(world_cfg->fdb);
	bed_fini();
	return 0;
}

static struct fdb_key key_of(uint8_t mac)
{
	struct fdb_key key = {.segment_slot = BED_SEGMENT};

	memset(key.mac.b, mac, sizeof(key.mac.b));
	return key;
}

static struct fdb_entry *entry(uint8_t mac)
{
	struct fdb_key key = key_of(mac);

	return (struct fdb_entry *)vhash_find(world_cfg->fdb, &key, world_cfg->generation);
}

/* As a worker reports it. */
static void saw(uint8_t mac, dest_t where)
{
	struct learn_event e = {.key = key_of(mac), .dest = where};

	assert_true(learn_post(&e));
	assert_int_equal(learn_process(10, clock_s()), 1);
}

static void program(uint8_t mac, dest_t where)
{
	struct fdb_key key = key_of(mac);
	struct fdb_entry *e = (struct fdb_entry *)vhash_put(world_cfg->fdb, &key, 0);

	assert_non_null(e);
	e->dest = where;
}

static void decide(struct session *s, unsigned int dir, dest_t from, dest_t to)
{
	struct session_decision dec = {.in = from & DEST_VTEP_BIT ? 0 : from,
		.dest = to,
		.out_segment = BED_SEGMENT,
		.flags = SESSION_DIR_OFFLOAD};

	memset(dec.match_macs, dir ? A : B, 6);
	memset(dec.match_macs + 6, dir ? B : A, 6);
	if (segment->stateful && (!entry(dec.match_macs[0]) || entry(dec.match_macs[0])->learned))
		dec.flags |= SESSION_DIR_FDB;
	session_lock(s);
	session_decide(&s->dir[dir], &dec, world_cfg->epoch[BED_SEGMENT]);
	session_unlock(s);
}

static struct session_new a_session(uint32_t k)
{
	struct session_new n = world_new(k);

	n.plain = !segment->stateful;
	n.key[1].segment = n.key[0].segment;
	return n;
}

/* Between A at port 1 and B at that place, answered. */
static struct session *talk(uint32_t k, dest_t other)
{
	struct session_new n = a_session(k);
	enum weft_drop drop;
	struct session *s;

	n.port[1] = other & DEST_VTEP_BIT ? 0 : other;
	s = session_insert(0, &n, &drop);
	assert_non_null(s);
	session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
	session_unlock(s);
	decide(s, 0, 1, other);
	decide(s, 1, other, 1);
	world_rounds();
	return s;
}

static int hit(const struct session *s, unsigned int dir, dest_t other)
{
	struct bpf_packet p = bed_packet(&s->dir[dir].key, dir, false, 0);
	struct weft_bpf_decision d;

	if (dir && (other & DEST_VTEP_BIT))
		p.key.scope = weft_bpf_scope_vni(segment->spec.vni);
	memset(p.macs, dir ? A : B, 6);
	memset(p.macs + 6, dir ? B : A, 6);
	return bpf_reader_packet(&p, &d);
}

static void expect(const struct session *s, dest_t other, int miss)
{
	for (unsigned int dir = 0; dir < 2; dir++)
		assert_int_equal(hit(s, dir, other), miss);
}

/* Of both directions a packet comes to the data plane, which decides on nothing anew. */
static void pass(struct session *s)
{
	for (unsigned int dir = 0; dir < 2; dir++)
		offload_export(&s->dir[dir]);
	offload_retry(s);
	world_rounds();
}

static void test_learned(void **state)
{
	const dest_t others[] = {2, TO_VTEP};

	saw(A, 1);
	for (unsigned int i = 0; i < 2; i++) {
		struct session *s;

		saw(B, others[i]);
		s = talk(i, others[i]);
		expect(s, others[i], 0);
		assert_true(offload_carries(s));
		session_remove(s);
		expect(s, others[i], WEFT_BPF_MISS_NO_SESSION);
	}
}

static void test_moves(void **state)
{
	const uint8_t macs[] = {A, B};

	saw(A, 1);
	saw(B, 2);
	for (unsigned int i = 0; i < 2; i++) {
		struct session *s = talk(i, 2);

		expect(s, 2, 0);
		saw(macs[i], TO_VTEP);
		expect(s, 2, WEFT_BPF_MISS_EPOCH);
		pass(s);
		assert_false(offload_carries(s));
		assert_int_not_equal(hit(s, 0, 2), 0);
		saw(macs[i], 1 + i);
		pass(s);
		expect(s, 2, 0);
		clock_warp(1000); /* moves are limited */
	}
}

/* As the data plane follows it: decided anew, and carried there. */
static void test_moves_to_another_host(void **state)
{
	struct session *s;

	saw(A, 1);
	saw(B, TO_VTEP);
	s = talk(1, TO_VTEP);
	expect(s, TO_VTEP, 0);
	saw(B, 2);
	expect(s, TO_VTEP, WEFT_BPF_MISS_EPOCH);
	session_remove(s); /* between other places */
	s = talk(1, 2);
	expect(s, 2, 0);
}

static void test_flushed(void **state)
{
	struct session *s;

	saw(A, 1);
	saw(B, 2);
	s = talk(1, 2);
	expect(s, 2, 0);
	assert_int_equal(learn_flush(0, 0), 2);
	expect(s, 2, WEFT_BPF_MISS_EPOCH);
	pass(s);
	assert_int_not_equal(hit(s, 0, 2), 0);
	saw(B, 2);
	pass(s);
	assert_int_not_equal(hit(s, 0, 2), 0); /* A is to be learned from its packets */
	saw(A, 1);
	pass(s);
	expect(s, 2, 0);
}

/* Others' MACs concern nobody's sessions. */
static void test_strangers(void **state)
{
	struct session *s;

	saw(A, 1);
	saw(B, 2);
	saw(0xcc, 2);
	s = talk(1, 2);
	saw(0xcc, 1);
	saw(0xde, 1);
	expect(s, 2, 0);
}

/* Where nothing is learned from, sources need no entry; programmed ones may come from elsewhere. */
static void test_programmed(void **state)
{
	struct session *s;

	program(A, 1);
	program(B, 2);
	s = talk(1, 2);
	expect(s, 2, 0);
	session_remove(s);
	world_ports[0].spec.flags = 0;
	decide(talk(2, 2), 1, 2, 1);
	s = talk(3, 2);
	entry(A)->dest = TO_VTEP; /* answers would go there */
	s = talk(4, 2);
	assert_int_not_equal(hit(s, 0, 2), 0);
}

static void test_unknown_source(void **state)
{
	struct session *s;

	saw(B, 2);
	s = talk(1, 2);
	assert_int_not_equal(hit(s, 0, 2), 0);
	saw(A, 1);
	pass(s);
	expect(s, 2, 0);
}

static void pass_second(void)
{
	bed_pass_ms(1000);
	learn_age(clock_s());
}

/* Programs see A and B, the data plane doesn't. */
static void test_ageing(void **state)
{
	struct session *s;

	saw(A, 1);
	saw(B, TO_VTEP);
	s = talk(1, TO_VTEP);
	for (unsigned int i = 0; i < 3 * AGEING; i++) {
		expect(s, TO_VTEP, 0);
		pass_second();
	}
	/* B falls silent, A goes on. */
	for (unsigned int i = 0; i < AGEING; i++) {
		assert_non_null(entry(B));
		assert_int_equal(hit(s, 0, TO_VTEP), 0);
		pass_second();
	}
	for (unsigned int i = 0; i < AGEING / 4 && entry(B); i++) {
		hit(s, 0, TO_VTEP);
		pass_second();
	}
	assert_null(entry(B));
	assert_non_null(entry(A));
	expect(s, TO_VTEP, WEFT_BPF_MISS_EPOCH);
}

/* What is routed to a learned MAC enters by a segment that is not revoked when that moves. */
static void test_routed_to_learned(void **state)
{
	struct session_decision dec;
	struct session *s;

	saw(A, 1);
	saw(B, TO_VTEP);
	s = talk(1, TO_VTEP);
	expect(s, TO_VTEP, 0);
	for (unsigned int i = 0; i < 2; i++) {
		session_lock(s);
		assert_true(session_dir_read(&s->dir[0], world_cfg->epoch[BED_SEGMENT], &dec));
		dec.flags |= SESSION_DIR_ROUTED;
		if (i)
			dec.flags &= ~SESSION_DIR_FDB; /* to a programmed one */
		session_decide(&s->dir[0], &dec, world_cfg->epoch[BED_SEGMENT]);
		session_unlock(s);
		world_rounds();
		assert_int_equal(offload_carries(s), i);
	}
}

/* Answers of what was routed come from the router, on another host, and are learned by nobody. */
static void test_routed_by_another_host(void **state)
{
	static struct config_router router;
	struct session *s;

	saw(A, 1);
	s = talk(1, TO_VTEP);
	s->dir[0].flags = (s->dir[0].flags & ~SESSION_DIR_FDB) | SESSION_DIR_ROUTED;
	pass(s);
	assert_false(offload_carries(s));
	memset(router.spec.mac.b, B, 6);
	segment->router_slot = 7;
	world_cfg->routers[7] = &router;
	pass(s);
	assert_true(offload_carries(s));
	saw(A, 2);
	assert_false(offload_carries(s));
	world_cfg->routers[7] = NULL;
	segment->router_slot = 0;
}

/* They take nothing from those of other segments, nor more than their part. */
static void test_limits(void **state)
{
	enum weft_drop drop = 0;
	struct session_stats st;
	uint32_t n = 0;

	for (;; n++) {
		struct session_new new = a_session(n);
		struct session *s = session_insert(0, &new, &drop);

		if (!s)
			break;
		session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
		session_unlock(s);
	}
	session_stats(&st);
	assert_int_equal(st.refused, 0);
	assert_in_range(n, MAX / 8, MAX / 4);
	assert_int_equal(session_count_port(1), 0);
	assert_int_equal(session_count_tenant(WORLD_TENANT), 0);
	for (uint32_t k = n; k < n + MAX / 2; k++)
		assert_non_null(world_insert(0, k, &drop));
	assert_int_equal(session_count_port(1), MAX / 2);
	for (uint32_t k = 0; k < n + MAX / 2; k++)
		session_remove(world_find(k, 0));
	session_stats(&st);
	assert_int_equal(st.n, 0);
	assert_int_equal(st.half_open, 0);
	assert_int_equal(session_count_port(1), 0);
	assert_non_null(talk(0, 2)); /* all was given back */
}

#define CASE(f)	    cmocka_unit_test_setup_teardown(f, setup, teardown)
#define STATEFUL(f) cmocka_unit_test_setup_teardown(f, setup_stateful, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_learned),
		CASE(test_moves),
		CASE(test_moves_to_another_host),
		CASE(test_flushed),
		CASE(test_strangers),
		CASE(test_programmed),
		CASE(test_unknown_source),
		CASE(test_ageing),
		CASE(test_limits),
		STATEFUL(test_learned),
		STATEFUL(test_moves),
		STATEFUL(test_moves_to_another_host),
		STATEFUL(test_flushed),
		STATEFUL(test_strangers),
		STATEFUL(test_unknown_source),
		STATEFUL(test_ageing),
		STATEFUL(test_routed_to_learned),
		STATEFUL(test_routed_by_another_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
