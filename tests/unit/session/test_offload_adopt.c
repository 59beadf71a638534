/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A data plane dies and another one takes the fast path's tables over: which sessions it has then,
 * what they are, and what programs do meanwhile.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <core/clock.h>
#include <session/track.h>
#include <weft_bpf/port.h>

#include "restart.h"

/* Session k, whose opener is the remote end. */
static struct session *insert_download(uint32_t k)
{
	struct session_new n = world_new(k), turned = n;
	enum weft_drop drop;
	struct session *s;

	for (unsigned int i = 0; i < 2; i++) {
		turned.key[i] = n.key[!i];
		turned.port[i] = i ? 1 : 0;
		turned.port_id[i] = i ? WORLD_PORT : 0;
	}
	s = session_insert(0, &turned, &drop);
	assert_non_null(s);
	for (unsigned int i = 0; i < 2; i++) {
		struct session_decision dec = bed_decision(!i, true, 1);

		session_decide(&s->dir[i], &dec, world_cfg->epoch[s->dir[i].key.segment]);
	}
	session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
	session_unlock(s);
	return s;
}

static void test_goes_on(void **state)
{
	uint32_t seed, epoch;

	restart_bed(64);
	bed_insert(0, 1, true);
	world_rounds();
	restart_expect(1, 0);
	seed = bed.control->hash_seed[0];
	epoch = bed.epochs[BED_SEGMENT].epoch;
	bed_restart(RESTART_MAX, 1);
	assert_true(offload_is_adopting()); /* so that nothing comes before its session */
	restart_expect(1, 0);
	world_rounds();
	assert_true(offload_is_adopting());
	assert_int_equal(bed.control->boot_id, 1);
	restart_commit();
	assert_int_equal(bed.control->boot_id, 2);
	restart_expect(1, 0);
	assert_null(world_find(1, 0));
	world_rounds();
	assert_false(offload_is_adopting());
	assert_non_null(world_find(1, 0));
	assert_int_equal(restart_stats().adopted, 1);
	restart_expect(1, 0);
	offload_settled();
	restart_expect(1, WEFT_BPF_MISS_EPOCH);
	restart_pass_quarantine();
	restart_expect(1, WEFT_BPF_MISS_EPOCH); /* nobody has judged it yet */
	restart_redecide(1);
	restart_expect(1, 0);
	assert_int_equal(bed.control->hash_seed[0], seed);
	assert_true(bed.epochs[BED_SEGMENT].epoch > epoch);
	bed_fini();
}

/* What was decided while programs could still run that have found the old entries comes in later.
 */
static void test_quarantine(void **state)
{
	restart_bed(64);
	bed_insert(0, 1, true);
	world_rounds();
	restart();
	restart_redecide(1);
	bed_pass_ms(50);
	restart_expect(1, WEFT_BPF_MISS_NO_SESSION);
	assert_int_equal(restart_stats().n, 0);
	bed_pass_ms(100);
	restart_expect(1, 0);
	assert_int_equal(restart_stats().n, 1);
	bed_fini();
}

static void test_upload(void **state)
{
	struct session_new n = world_new(1);
	struct session *s;

	restart_bed(64);
	bed_insert(0, 1, true);
	world_rounds();
	restart();
	s = world_find(1, 0);
	assert_memory_equal(&s->dir[0].key, &n.key[0], sizeof(n.key[0]));
	assert_memory_equal(&s->dir[1].key, &n.key[1], sizeof(n.key[1]));
	assert_int_equal(s->port[0], 1);
	assert_int_equal(s->port_id[0], WORLD_PORT);
	assert_int_equal(s->port[1], 0);
	assert_int_equal(s->charged, 1);
	assert_int_equal(s->network, WORLD_NETWORK);
	assert_int_equal(s->tenant, WORLD_TENANT);
	assert_string_equal(track_state_name(s), "udp-answered");
	assert_false(s->flags & SESSION_HALF_OPEN);
	/* Nothing is decided, nothing judged. */
	assert_int_equal(s->policy_epoch, 0);
	assert_int_equal(s->dir[0].epoch, 0);
	assert_int_equal(s->dir[1].epoch, 0);
	bed_fini();
}

static void test_download(void **state)
{
	struct session_new n = world_new(1);
	struct session *s;

	restart_bed(64);
	insert_download(1);
	world_rounds();
	restart_expect(1, 0);
	restart();
	s = world_find(1, 0);
	assert_memory_equal(&s->dir[0].key, &n.key[1], sizeof(n.key[1]));
	assert_memory_equal(&s->dir[1].key, &n.key[0], sizeof(n.key[0]));
	assert_int_equal(s->port[0], 0);
	assert_int_equal(s->port[1], 1);
	assert_int_equal(s->port_id[1], WORLD_PORT);
	assert_int_equal(s->charged, 1);
	bed_fini();
}

static void test_local(void **state)
{
	struct session *s;

	restart_bed(64);
	bed_insert(0, 1, false);
	world_rounds();
	restart();
	s = world_find(1, 0);
	assert_non_null(s);
	assert_int_equal(s->port[0], 1);
	assert_int_equal(s->port[1], 2);
	assert_int_equal(s->port_id[1], WORLD_PORT + 1);
	bed_fini();
}

static void turn_into(struct session_new *n, uint8_t proto, uint8_t icmp_type)
{
	for (unsigned int i = 0; i < 2; i++) {
		n->key[i].proto = proto;
		n->key[i].icmp_type = i ? 0 : icmp_type;
		if (icmp_type)
			n->key[i].sport = n->key[i].dport = 77;
	}
}

static void test_icmp(void **state)
{
	struct session_new n = world_new(1);
	enum weft_drop drop;
	struct session *s;

	restart_bed(64);
	turn_into(&n, IPPROTO_ICMP, 8);
	s = session_insert(0, &n, &drop);
	bed_decide(s, true, 1);
	session_set_state(s, WEFT_TIMEOUT_ICMP, true);
	session_unlock(s);
	world_rounds();
	restart();
	assert_non_null(session_find(&n.key[0]));
	assert_ptr_equal(session_find(&n.key[1]), session_find(&n.key[0]) + 1);
	bed_fini();
}

/* From the entry, as programs have left it; that a FIN was about to be told of is not. */
static void test_tcp(void **state)
{
	const struct session_tcp side = {1, 2000, 3000, 4000, 7, SIDE_LOOSE, 8};
	struct session_new n = world_new(1);
	struct weft_bpf_dir *e;
	enum weft_drop drop;
	struct session *s;

	restart_bed(64);
	turn_into(&n, IPPROTO_TCP, 0);
	s = session_insert(0, &n, &drop);
	s->dir[0].tcp = s->dir[1].tcp = side;
	bed_decide(s, true, 1);
	session_set_state(s, WEFT_TIMEOUT_TCP_ESTABLISHED, true);
	session_unlock(s);
	world_rounds();
	assert_int_not_equal(s->offload, 0);
	e = &bed.dirs[2 * s->offload];
	e[0].state.tcp.end = 5000;
	e[1].state.tcp.flags |= SIDE_FIN;
	restart();
	s = session_of(session_find(&n.key[0]));
	assert_string_equal(track_state_name(s), "established");
	assert_int_equal(s->state, WEFT_TIMEOUT_TCP_ESTABLISHED);
	assert_int_equal(s->dir[0].tcp.end, 5000);
	assert_memory_equal(&s->dir[1].tcp, &side, sizeof(side));
	bed_fini();
}

/* Who else may write to the map may have written anything: what comes of it is a window. */
static void test_tcp_hostile(void **state)
{
	struct session_new n = world_new(1);
	struct weft_bpf_dir *e;
	enum weft_drop drop;
	struct session *s;

	restart_bed(64);
	turn_into(&n, IPPROTO_TCP, 0);
	s = session_insert(0, &n, &drop);
	bed_decide(s, true, 1);
	session_set_state(s, WEFT_TIMEOUT_TCP_ESTABLISHED, true);
	session_unlock(s);
	world_rounds();
	e = &bed.dirs[2 * s->offload];
	for (unsigned int i = 0; i < 2; i++) {
		memset(&e[i].state.tcp, 0xff, sizeof(e[i].state.tcp));
		e[i].state.seen_s = bed.control->now_s - INT32_MAX;
	}
	restart();
	s = session_of(session_find(&n.key[0]));
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(s->dir[i].tcp.wscale, 14);
		assert_int_equal(s->dir[i].tcp.offer, 15);
		assert_int_equal(s->dir[i].tcp.max_win, 65535 << 14);
		assert_int_equal(s->dir[i].tcp.flags, SIDE_LOOSE | SIDE_CHALLENGED);
	}
	assert_in_range(session_idle_s(s), 1, INT32_MAX / 2 + 1);
	s->dir[0].tcp.max_win = 0; /* and while it is ours */
	e[0].state.tcp.max_win = UINT32_MAX;
	offload_import(s);
	assert_int_equal(s->dir[0].tcp.max_win, 65535 << 14);
	bed_fini();
}

static void test_counts_go_on(void **state)
{
	struct session_traffic t;

	restart_bed(64);
	bed_insert(0, 1, true);
	world_rounds();
	restart_expect(1, 0);
	restart();
	restart_pass_quarantine();
	restart_redecide(1);
	restart_expect(1, 0);
	session_traffic(&world_find(1, 0)->dir[0], &t);
	assert_int_equal(t.packets, 2);
	assert_int_equal(t.bytes, 2 * (BED_L3_LEN + 14));
	bed_fini();
}

static void expect_counts(uint32_t k, uint64_t packets)
{
	struct session_traffic t;

	for (unsigned int i = 0; i < 2; i++) {
		session_traffic(&world_find(k, 0)->dir[i], &t);
		assert_int_equal(t.packets, packets);
		assert_int_equal(t.bytes, packets * (BED_L3_LEN + 14));
	}
}

/* Whoever was there when it was carried, and if nobody was: each packet is counted, once. */
static void test_counts_of_all_times(void **state)
{
	restart_bed_with_one();
	restart_expect(1, 0);
	expect_counts(1, 1);
	bed_restart(RESTART_MAX, 1);
	restart_expect(1, 0);
	restart_commit();
	restart_expect(1, 0);
	assert_null(world_find(1, 0));
	world_rounds();
	expect_counts(1, 3);
	restart_expect(1, 0);
	expect_counts(1, 4);
	offload_settled();
	restart_expect(1, WEFT_BPF_MISS_EPOCH);
	restart_pass_quarantine();
	restart_redecide(1);
	expect_counts(1, 4);
	restart_expect(1, 0);
	restart();
	expect_counts(1, 5);
	bed_fini();
}

/* The only pair there is, once it is another session's. */
static void test_counts_are_not_inherited(void **state)
{
	restart_bed(1);
	bed_insert(0, 1, true);
	world_rounds();
	restart_expect(1, 0);
	restart();
	expect_counts(1, 1);
	session_remove(world_find(1, 0));
	restart_pass_quarantine(); /* of the tables */
	restart_pass_quarantine(); /* of pairs */
	bed_insert(0, 2, true);
	world_rounds();
	expect_counts(2, 0);
	restart_expect(2, 0);
	restart_expect(2, 0);
	expect_counts(2, 2);
	bed_fini();
}

/* The new configuration has no place for it. */
static void expect_forgotten(void)
{
	restart();
	assert_null(world_find(1, 0));
	assert_int_equal(restart_stats().adopted, 0);
	assert_int_equal(restart_stats().n, 0);
	restart_expect(1, WEFT_BPF_MISS_NO_SESSION);
	bed_fini();
}

static void test_port_gone(void **state)
{
	restart_bed_with_one();
	world_cfg->ports[1] = NULL;
	expect_forgotten();
}

/* Its interface is another port's. */
static void test_port_replaced(void **state)
{
	restart_bed_with_one();
	world_ports[0].spec.id = WORLD_PORT + 7;
	expect_forgotten();
}

static void test_segment_gone(void **state)
{
	restart_bed_with_one();
	world_cfg->segments[BED_SEGMENT + 1] = NULL;
	vhash_delete(world_cfg->vni, &bed_segments[1].spec.vni, 0);
	expect_forgotten();
}

static void test_segment_without_sessions(void **state)
{
	restart_bed_with_one();
	bed_segments[0].stateful = false;
	expect_forgotten();
}

static void test_tunnel_gone(void **state)
{
	restart_bed_with_one();
	world_cfg->vteps[BED_VTEP] = NULL;
	vhash_delete(world_cfg->vtep, &bed_vtep.spec.remote, 0);
	expect_forgotten();
}

/* All slots are others than before. */
static void test_slots_move(void **state)
{
	struct offload_port none = {0}, p = {BED_IFINDEX + 1, 1500, WEFT_BPF_DIR_PEER};
	struct slot_entry *e;
	struct session *s;

	restart_bed_with_one();
	bed_restart(RESTART_MAX, 1);
	offload_set_port(1, &none);
	offload_set_port(33, &p);
	world_ports[0].slot = 33;
	world_ports[0].segment_slot = 44;
	world_cfg->ports[33] = &world_ports[0];
	world_cfg->ports[1] = NULL;
	bed_segments[0].slot = 44;
	world_cfg->segments[44] = &bed_segments[0];
	bed_segments[1].slot = 55;
	world_cfg->segments[55] = &bed_segments[1];
	e = (struct slot_entry *)vhash_put(world_cfg->vni, &bed_segments[1].spec.vni, 0);
	e->slot = 55;
	e = (struct slot_entry *)vhash_put(world_cfg->vtep, &bed_vtep.spec.remote, 0);
	e->slot = 66;
	restart_commit();
	world_rounds();
	assert_int_equal(restart_stats().adopted, 1);
	{
		struct session_new n = world_new(1);

		n.key[0].segment = 44;
		n.key[1].segment = 55;
		assert_non_null(session_find(&n.key[0]));
		s = session_of(session_find(&n.key[1]));
	}
	assert_int_equal(s->port[0], 33);
	assert_int_equal(s->charged, 33);
	bed_fini();
}

static uint64_t *place_of(uint32_t index)
{
	for (uint32_t i = 0; i < bed.n_buckets * WEFT_BPF_PLACES; i++) {
		__u64 *p = &bed.buckets[i / WEFT_BPF_PLACES].place[i % WEFT_BPF_PLACES];

		if (*p >> 32 == index)
			return (uint64_t *)p;
	}
	return NULL;
}

/* It was killed in the middle of something. Nothing of that is left, and all pairs are good again.
 */
static void test_torn(void **state)
{
	static const uint32_t n = 6;
	uint32_t pair[6];

	restart_bed(n);
	for (uint32_t k = 0; k < n; k++)
		bed_insert(0, k, true);
	world_rounds();
	assert_int_equal(restart_stats().n, n);
	for (uint32_t k = 0; k < n; k++)
		pair[k] = world_find(k, 0)->offload;
	bed.dirs[2 * pair[0]].seq |= 1; /* an entry half written */
	bed.dirs[2 * pair[0]].key.dport ^= 0xff;
	bed.dirs[2 * pair[1] + 1].seq |= 1;
	*place_of(2 * pair[2] + 1) = 0;		     /* half put in, or taken out */
	*place_of(2 * pair[3]) += UINT64_C(1) << 50; /* what cannot be */
	*place_of(2 * pair[4]) ^= 0xff00;
	restart();
	assert_int_equal(restart_stats().adopted, 1);
	assert_non_null(world_find(5, 0));
	assert_int_equal(restart_n_places(), 2);
	restart_pass_quarantine();
	restart_redecide(5);
	for (uint32_t k = 10; k < 10 + n - 1; k++)
		bed_insert(0, k, true);
	world_rounds();
	assert_int_equal(restart_stats().n, n);
	for (uint32_t k = 10; k < 10 + n - 1; k++)
		restart_expect(k, 0);
	restart_expect(5, 0);
	bed_fini();
}

/* Keys that no program asks for, each in its place. */
static void test_hostile_key(void **state)
{
	static const struct weft_bpf_key other[] = {{.family = 4 ^ 6}, {.family = 4 ^ 5},
		{.zero = 1}, {.zero2 = 1}, {.src = {[10] = 1}}};

	for (unsigned int i = 0; i < RTE_DIM(other); i++) {
		struct weft_bpf_key *k;
		uint32_t index;
		uint64_t hash, *old;

		restart_bed_with_one();
		index = 2 * world_find(1, 0)->offload;
		k = &bed.dirs[index].key;
		for (unsigned int j = 0; j < sizeof(*k); j++)
			((uint8_t *)k)[j] ^= ((const uint8_t *)&other[i])[j];
		hash = weft_bpf_hash(k, bed.control->hash_seed);
		old = place_of(index);
		*old = 0;
		bed.buckets[weft_bpf_hash_bucket(hash, bed.n_buckets - 1)].place[7] =
			weft_bpf_place(weft_bpf_hash_tag(hash), index);
		restart();
		assert_int_equal(restart_stats().adopted, 0);
		assert_int_equal(restart_n_places(), 0);
		bed_fini();
	}
}

/* More than there may be now: what finds no room is forgotten, its places are free. */
static void test_limits(void **state)
{
	for (unsigned int what = 0; what < 3; what++) {
		restart_bed(64);
		for (uint32_t k = 0; k < 20; k++)
			bed_insert(0, k, true);
		world_rounds();
		assert_int_equal(restart_stats().n, 20);
		world_ports[0].spec.session_rate = 1; /* is for new ones, as is: */
		world_ports[0].spec.max_half_open = what == 2 ? 1 : 1000;
		if (what == 0)
			world_ports[0].spec.max_sessions = 7;
		else if (what == 1)
			world_tenant.spec.max_sessions = 7;
		restart();
		assert_int_equal(restart_stats().adopted, what == 2 ? 20 : 7);
		assert_int_equal(restart_n_places(), what == 2 ? 40 : 14);
		assert_int_equal(session_count_port(1), what == 2 ? 20 : 7);
		bed_fini();
	}
}

static void test_counts_of_sessions(void **state)
{
	struct session_stats st;

	restart_bed_with_one();
	restart();
	session_stats(&st);
	assert_int_equal(st.n, 1);
	assert_int_equal(st.half_open, 0);
	session_remove(world_find(1, 0));
	session_stats(&st);
	assert_int_equal(st.n, 0);
	assert_int_equal(st.half_open, 0);
	assert_int_equal(restart_n_places(), 0);
	bed_fini();
}

/* One with its key is there already: that one stays. */
static void test_session_is_there(void **state)
{
	struct session *s;

	restart_bed_with_one();
	bed_restart(RESTART_MAX, 1);
	s = bed_insert(0, 1, true);
	restart_commit();
	world_rounds();
	offload_settled();
	assert_ptr_equal(world_find(1, 0), s);
	assert_int_equal(restart_stats().adopted, 0);
	assert_int_equal(restart_n_places(), 0);
	restart_pass_quarantine(); /* of the tables */
	restart_pass_quarantine(); /* of pairs */
	restart_expect(1, 0);
	bed_fini();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_quarantine),
		cmocka_unit_test(test_upload),
		cmocka_unit_test(test_download),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_hostile),
		cmocka_unit_test(test_counts_go_on),
		cmocka_unit_test(test_counts_of_all_times),
		cmocka_unit_test(test_counts_are_not_inherited),
		cmocka_unit_test(test_port_gone),
		cmocka_unit_test(test_port_replaced),
		cmocka_unit_test(test_segment_gone),
		cmocka_unit_test(test_segment_without_sessions),
		cmocka_unit_test(test_tunnel_gone),
		cmocka_unit_test(test_slots_move),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_hostile_key),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_counts_of_sessions),
		cmocka_unit_test(test_session_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
