/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions in the fast path's tables, one step after the other: when they come in, what programs
 * then do, how they go.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <core/clock.h>
#include <weft_bpf/port.h>

#include "offload_bed.h"

#define MAX 1024

static int hit(const struct session *s, unsigned int dir, bool remote, uint8_t version,
	struct weft_bpf_decision *ret)
{
	struct bpf_packet p = bed_packet(&s->dir[dir].key, dir, remote, version);

	return bpf_reader_packet(&p, ret);
}

static void expect(const struct session *s, bool remote, int miss)
{
	struct weft_bpf_decision d;

	for (unsigned int dir = 0; dir < 2; dir++)
		assert_int_equal(hit(s, dir, remote, 1, &d), miss);
	assert_int_equal(offload_carries(s), miss == 0);
}

static struct offload_stats stats(void)
{
	struct offload_stats st;

	offload_stats(&st);
	return st;
}

static void test_comes_in_when_answered(void **state)
{
	struct session_new n = world_new(1);
	enum weft_drop drop;
	struct session *s;

	bed_init(MAX, 1, 64, 512);
	s = session_insert(0, &n, &drop);
	bed_decide(s, true, 1);
	session_unlock(s);
	world_rounds();
	expect(s, true, WEFT_BPF_MISS_NO_SESSION);
	session_lock(s);
	session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
	session_unlock(s);
	expect(s, true, WEFT_BPF_MISS_NO_SESSION); /* the owner's turn */
	world_rounds();
	expect(s, true, 0);
	assert_int_equal(stats().n, 1);
	bed_fini();
}

static void test_remote_decision(void **state)
{
	struct weft_bpf_decision d;
	struct session *s;

	bed_init(MAX, 1, 64, 512);
	s = bed_insert(0, 1, true);
	world_rounds();
	assert_int_equal(hit(s, 0, true, 1, &d), 0);
	assert_int_equal(d.flags, WEFT_BPF_DIR_ROUTED);
	assert_int_equal(d.segment, BED_SEGMENT);
	assert_int_equal(d.in_port, 1);
	assert_int_equal(d.in_vtep, 0);
	assert_int_equal(d.out_ifindex, 0);
	assert_int_equal(d.out_port, BED_UPLINK);
	assert_int_equal(d.out_vtep, BED_VTEP);
	assert_int_equal(d.out_vni, 4000);
	assert_int_equal(d.flow_hash, 0x01010101);
	assert_int_equal(d.max_l3, 1400); /* the tunnel's */
	assert_int_equal(hit(s, 1, true, 1, &d), 0);
	assert_int_equal(d.flags, WEFT_BPF_DIR_ROUTED | WEFT_BPF_DIR_PEER);
	assert_int_equal(d.segment, BED_SEGMENT + 1);
	assert_int_equal(d.in_port, BED_UPLINK);
	assert_int_equal(d.in_vtep, BED_VTEP);
	assert_int_equal(d.out_ifindex, 11);
	assert_int_equal(d.out_port, 1);
	/* The port's: to keep to the segment's MTU was its sender's. */
	assert_int_equal(d.max_l3, 1500);
	bed_fini();
}

static void test_local_decision(void **state)
{
	struct weft_bpf_decision d;
	struct session *s;

	bed_init(MAX, 1, 64, 512);
	s = bed_insert(0, 1, false);
	world_rounds();
	for (unsigned int dir = 0; dir < 2; dir++) {
		assert_int_equal(hit(s, dir, false, 1, &d), 0);
		assert_int_equal(d.in_port, 1 + dir);
		assert_int_equal(d.out_port, 2 - dir);
		assert_int_equal(d.out_ifindex, 12 - dir);
		assert_int_equal(d.max_l3, BED_MTU);
		assert_int_equal(d.in_vtep, 0);
		assert_int_equal(d.out_vtep, 0);
	}
	bed_fini();
}

/* What programs could not carry out as the data plane does. */
static void test_stays_out(void **state)
{
	struct session *s;

	bed_init(MAX, 1, 64, 512);
	for (unsigned int what = 0; what < 4; what++) {
		struct session_decision dec = bed_decision(0, true, 1);

		s = bed_insert(0, what, true);
		if (what == 0)
			dec.flags &= ~SESSION_DIR_OFFLOAD;
		else if (what == 1)
			dec.in = 3; /* no kernel port */
		else if (what == 2)
			dec.dest = DEST_VTEP_BIT | (BED_VTEP + 1);
		else
			dec.dest = 1; /* not in the segment that it leaves into */
		session_lock(s);
		session_decide(&s->dir[0], &dec, 1);
		session_unlock(s);
		world_rounds();
		expect(s, true, WEFT_BPF_MISS_NO_SESSION);
	}
	assert_int_equal(stats().n, 0);
	bed_fini();
}

static void test_counts(void **state)
{
	struct weft_bpf_decision d;
	struct session_traffic t;
	struct session *s;

	bed_init(MAX, 1, 64, 512);
	s = bed_insert(0, 1, true);
	world_rounds();
	s->dir[0].packets = 5;
	s->dir[0].bytes = 1000;
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(hit(s, 0, true, 1, &d), 0);
	session_traffic(&s->dir[0], &t);
	assert_int_equal(t.packets, 8);
	assert_int_equal(t.bytes, 1000 + 3 * (BED_L3_LEN + 14));
	assert_int_equal(t.seen_s, clock_s());
	session_traffic(&s->dir[1], &t);
	assert_int_equal(t.packets, 0);
	/* Out and in again: nothing is counted twice or lost. */
	session_lock(s);
	bed_decide(s, true, 1);
	session_unlock(s);
	world_rounds();
	assert_int_equal(hit(s, 0, true, 1, &d), 0);
	session_traffic(&s->dir[0], &t);
	assert_int_equal(t.packets, 9);
	bed_fini();
}

/* Ghosts have what was counted and touch no entry. */
static void test_ghost(void **state)
{
	struct session_traffic t;
	struct session *s, ghost;

	bed_init(MAX, 1, 64, 512);
	s = bed_insert(0, 1, true);
	world_rounds();
	expect(s, true, 0);
	session_ghost(s, &ghost);
	session_traffic(&ghost.dir[0], &t);
	assert_int_equal(t.packets, 1);
	bed_decide(&ghost, true, 9);
	session_set_state(&ghost, WEFT_TIMEOUT_UDP_FIRST, true);
	expect(s, true, 0);
	bed_fini();
}

/* Used there: not over. */
static void test_ageing(void **state)
{
	struct weft_bpf_decision d;
	struct session *s;
	uint32_t ends;

	bed_init(MAX, 1, 64, 512);
	s = bed_insert(0, 1, true);
	world_rounds();
	ends = session_ends_s(s, world_cfg);
	while (clock_s() + 2 < ends)
		bed_pass_ms(1000);
	assert_int_equal(hit(s, 1, true, 1, &d), 0);
	for (unsigned int i = 0; i < 10; i++)
		bed_pass_ms(1000);
	assert_ptr_equal(world_find(1, 0), s);
	for (unsigned int i = 0; i < 1000 && world_find(1, 0); i++)
		bed_pass_ms(1000);
	assert_null(world_find(1, 0));
	expect(s, true, WEFT_BPF_MISS_NO_SESSION);
	assert_int_equal(stats().n, 0);
	bed_fini();
}

static void test_removal_is_at_once(void **state)
{
	struct session *s;

	bed_init(MAX, 1, 64, 512);
	s = bed_insert(0, 1, true);
	world_rounds();
	expect(s, true, 0);
	session_remove(s);
	expect(s, true, WEFT_BPF_MISS_NO_SESSION);
	bed_fini();
}

/* Three pairs; what one leaves nobody gets before its time. */
static void test_quarantine(void **state)
{
	struct session *s[4];

	bed_init(MAX, 1, 64, 8);
	for (unsigned int k = 0; k < 4; k++)
		s[k] = bed_insert(0, k, true);
	world_rounds();
	assert_int_equal(stats().n, 3);
	assert_true(stats().empty > 0);
	for (unsigned int k = 0; k < 4; k++)
		session_remove(s[k]);
	bed_pass_ms(1);
	s[0] = bed_insert(0, 4, true);
	bed_pass_ms(50);
	expect(s[0], true, WEFT_BPF_MISS_NO_SESSION);
	bed_pass_ms(100);
	s[1] = bed_insert(0, 5, true);
	world_rounds();
	expect(s[1], true, 0);
	bed_fini();
}

/* One bucket of eight places: four sessions, none of them half. */
static void test_full_bucket(void **state)
{
	unsigned int in = 0;
	struct session *s[8];
	uint64_t places = 0;

	bed_init(MAX, 1, 1, 512);
	for (unsigned int k = 0; k < 8; k++) {
		s[k] = bed_insert(0, k, true);
		world_rounds();
	}
	for (unsigned int k = 0; k < 8; k++) {
		struct weft_bpf_decision d;
		int first = hit(s[k], 0, true, 1, &d);

		assert_int_equal(hit(s[k], 1, true, 1, &d), first);
		assert_true(first == 0 || first == WEFT_BPF_MISS_NO_SESSION);
		in += first == 0;
	}
	assert_int_equal(in, 4);
	assert_int_equal(stats().n, 4);
	assert_true(stats().full >= 4);
	for (unsigned int k = 0; k < 8; k++)
		session_remove(s[k]);
	for (unsigned int i = 0; i < WEFT_BPF_PLACES; i++)
		places |= bed.buckets[0].place[i];
	assert_int_equal(places, 0);
	bed_fini();
}

/* What found no room is tried again when there is some. */
static void test_room_again(void **state)
{
	struct session *s[4];

	bed_init(MAX, 1, 64, 8);
	for (unsigned int k = 0; k < 4; k++)
		s[k] = bed_insert(0, k, true);
	world_rounds();
	expect(s[3], true, WEFT_BPF_MISS_NO_SESSION);
	bed_pass_ms(1);
	session_remove(s[0]);
	for (unsigned int i = 0; i < 100; i++)
		bed_pass_ms(150);
	expect(s[3], true, 0);
	bed_fini();
}

static void test_epoch_revokes(void **state)
{
	struct session *s;

	bed_init(MAX, 1, 64, 512);
	s = bed_insert(0, 1, true);
	world_rounds();
	expect(s, true, 0);
	bed_new_epoch();
	expect(s, true, WEFT_BPF_MISS_EPOCH);
	world_rounds();
	expect(s, true, WEFT_BPF_MISS_EPOCH);
	session_lock(s);
	bed_decide(s, true, 1); /* in the new one */
	session_unlock(s);
	expect(s, true, 0);
	bed_fini();
}

/* Revoked without a new epoch of the data plane: the next packet that comes here puts it back. */
static void test_back_after_port_change(void **state)
{
	struct offload_port p = {11, 1300, WEFT_BPF_DIR_PEER};
	struct weft_bpf_decision d;
	struct session *s;

	bed_init(MAX, 1, 64, 512);
	s = bed_insert(0, 1, true);
	world_rounds();
	offload_set_port(1, &p);
	expect(s, true, WEFT_BPF_MISS_EPOCH);
	offload_export(&s->dir[0]);
	expect(s, true, 0);
	assert_int_equal(hit(s, 1, true, 1, &d), 0);
	assert_int_equal(d.max_l3, 1300);
	p.ifindex = 0;
	offload_set_port(1, &p);
	offload_export(&s->dir[0]);
	expect(s, true, WEFT_BPF_MISS_NO_SESSION);
	bed_fini();
}

/* A port's changes are nothing to other networks. */
static void test_port_change_of_others(void **state)
{
	static struct config_network other = {.slot = 7};
	struct offload_port p = {44, 1500, 0};
	struct config_segment segment = {.slot = 40, .network_slot = 7};
	struct config_port port = {.slot = 30, .segment_slot = 40};
	struct session *s;

	bed_init(MAX, 1, 64, 512);
	s = bed_insert(0, 1, true);
	world_rounds();
	world_cfg->networks[7] = &other;
	world_cfg->segments[40] = &segment;
	world_cfg->epoch[40] = 1;
	world_cfg->ports[30] = &port;
	offload_set_port(30, &p);
	p.max_l3 = 1400;
	offload_set_port(30, &p);
	expect(s, true, 0);
	/* ... unless there is a way between them. */
	other.peers = world_network.peers = true;
	p.max_l3 = 1300;
	offload_set_port(30, &p);
	expect(s, true, WEFT_BPF_MISS_EPOCH);
	offload_export(&s->dir[0]);
	expect(s, true, 0);
	world_cfg->ports[30] = NULL; /* a commit that has said so in epochs */
	offload_set_port(30, &(struct offload_port){0});
	expect(s, true, 0);
	p = (struct offload_port){BED_IFINDEX + BED_UPLINK, 8000, 0};
	offload_set_port(BED_UPLINK, &p);
	expect(s, true, WEFT_BPF_MISS_EPOCH);
	world_network.peers = false;
	bed_fini();
}

/* Segments that are gone, or in no network any more, keep their epoch in the configuration. */
static void test_segment_goes(void **state)
{
	for (unsigned int what = 0; what < 2; what++) {
		static struct config old;
		struct config_segment alone;
		struct session *s;

		bed_init(MAX, 1, 64, 512);
		s = bed_insert(0, 1, true);
		world_rounds();
		expect(s, true, 0);
		old = *world_cfg;
		alone = bed_segments[1];
		alone.network_slot = 0;
		world_cfg->segments[BED_SEGMENT + 1] = what ? &alone : NULL;
		offload_commit(&old, world_cfg);
		assert_int_equal(
			hit(s, 1, true, 1, &(struct weft_bpf_decision){0}), WEFT_BPF_MISS_EPOCH);
		bed_pass_ms(1000);
		assert_int_equal(
			hit(s, 1, true, 1, &(struct weft_bpf_decision){0}), WEFT_BPF_MISS_EPOCH);
		bed_fini();
	}
}

static void test_vtep_leaves_segment(void **state)
{
	static struct config old;
	struct config_segment without;
	struct session *s;

	bed_init(MAX, 1, 64, 512);
	s = bed_insert(0, 1, true);
	world_rounds();
	old = *world_cfg;
	without = bed_segments[1];
	without.n_vteps = 0;
	world_cfg->segments[BED_SEGMENT + 1] = &without;
	offload_commit(&old, world_cfg);
	assert_int_equal(stats().n, 1);
	assert_int_equal(hit(s, 1, true, 1, &(struct weft_bpf_decision){0}), WEFT_BPF_MISS_EPOCH);
	offload_export(&s->dir[1]);
	expect(s, true, WEFT_BPF_MISS_NO_SESSION);
	bed_fini();
}

static void test_tunnel(void **state)
{
	static struct config old;
	struct config_vtep next;
	struct weft_bpf_tunnel t;
	uint32_t seq;

	bed_init(MAX, 1, 64, 512);
	assert_true(bpf_reader_tunnel(BED_VTEP, &t));
	assert_int_equal(t.uplink_ifindex, 19);
	assert_int_equal(t.flags, WEFT_BPF_TUNNEL_DELIVER);
	assert_int_equal(t.dscp, 40);
	assert_int_equal(t.ip_cksum, 0x1234);
	assert_memory_equal(&t.local, &bed_vtep.spec.local, sizeof(t.local));
	assert_memory_equal(&t.remote, &bed_vtep.spec.remote, sizeof(t.remote));
	assert_memory_equal(t.hdr, bed_vtep.hdr.bytes, sizeof(t.hdr));
	seq = t.seq;
	old = *world_cfg;
	next = bed_vtep;
	next.spec.flags = WEFT_VTEP_DSCP_COPY | WEFT_VTEP_RESOLVED;
	next.hdr.bytes[0]++;
	world_cfg->vteps[BED_VTEP] = &next;
	offload_commit(&old, world_cfg);
	assert_true(bpf_reader_tunnel(BED_VTEP, &t));
	assert_int_equal(t.flags, WEFT_BPF_TUNNEL_DELIVER | WEFT_BPF_TUNNEL_DSCP_COPY);
	assert_int_equal(t.hdr[0], next.hdr.bytes[0]);
	assert_int_not_equal(t.seq, seq);
	old = *world_cfg;
	world_cfg->vteps[BED_VTEP] = NULL;
	offload_commit(&old, world_cfg);
	assert_false(bpf_reader_tunnel(BED_VTEP, &t));
	bed_fini();
}

static void test_attach_refuses(void **state)
{
	struct offload_tables t;

	bed_init(MAX, 1, 64, 512);
	assert_int_equal(offload_attach(&bed, 1), -EBUSY);
	t = bed;
	t.n_buckets = 3;
	assert_int_equal(offload_attach(&t, 1), -EINVAL);
	bed_fini();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_in_when_answered),
		cmocka_unit_test(test_remote_decision),
		cmocka_unit_test(test_local_decision),
		cmocka_unit_test(test_stays_out),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_ghost),
		cmocka_unit_test(test_ageing),
		cmocka_unit_test(test_removal_is_at_once),
		cmocka_unit_test(test_quarantine),
		cmocka_unit_test(test_full_bucket),
		cmocka_unit_test(test_room_again),
		cmocka_unit_test(test_epoch_revokes),
		cmocka_unit_test(test_back_after_port_change),
		cmocka_unit_test(test_port_change_of_others),
		cmocka_unit_test(test_segment_goes),
		cmocka_unit_test(test_vtep_leaves_segment),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_attach_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
