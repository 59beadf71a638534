/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions in process: every kind of op, every reference refused, nothing changed by what
 * fails.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <core/clock.h>
#include <core/rcu.h>
#include <port/fake.h>
#include <table/learn.h>

#include "fixture.h"
#include "state.h"

#define PUT(t, table, ...)                                                                         \
	do {                                                                                       \
		__auto_type entry_ = __VA_ARGS__;                                                  \
		put(t, WEFT_TABLE_##table, &entry_);                                               \
	} while (0)
#define DEL(t, table, ...)                                                                         \
	do {                                                                                       \
		__auto_type entry_ = __VA_ARGS__;                                                  \
		del(t, WEFT_TABLE_##table, &entry_);                                               \
	} while (0)

static const struct config_port *port_of(uint32_t id)
{
	const struct config *c = config_get();
	uint16_t slot = slot_find(channel.port_ids, &id, c->generation);

	return slot ? c->ports[slot] : NULL;
}

static const struct config_segment *segment_of(uint32_t vni)
{
	const struct config *c = config_get();
	uint16_t slot = slot_find(c->vni, &vni, c->generation);

	return slot ? c->segments[slot] : NULL;
}

static const struct fdb_entry *fdb_of(uint32_t vni, uint32_t mac)
{
	const struct config *c = config_get();
	const struct fdb_key key = {.segment_slot = segment_of(vni)->slot, .mac = a_mac(mac)};

	return (const struct fdb_entry *)vhash_find(c->fdb, &key, c->generation);
}

static void test_build_and_delete(void **state)
{
	for (unsigned int seed = 0; seed < 20; seed++) {
		struct picture p;
		struct txn *t;

		build_example();
		assert_int_equal(segment_of(100)->n_ports, 2);
		assert_int_equal(segment_of(100)->n_vteps, 2);
		assert_int_equal(fdb_of(100, 1)->dest, port_of(1)->slot);
		assert_int_equal(fdb_of(200, 1)->dest, port_of(3)->slot);
		assert_true(fdb_of(100, 11)->dest & DEST_VTEP_BIT);
		assert_int_equal(port_of(1)->dev->state, WEFT_PORT_STATE_UP);
		p = picture_take();
		assert_int_equal(p.n_entries, 20);
		picture_free(&p);
		t = txn_new();
		delete_example(t, seed);
		commit_ok(t);
		p = picture_take();
		assert_int_equal(p.n_entries, 0);
		picture_free(&p);
		fixture_turn(1);
		assert_int_equal(channel.ports.n_free, WEFT_MAX_PORTS - 1);
		assert_int_equal(channel.segments.n_free, WEFT_MAX_SEGMENTS - 1);
		assert_int_equal(channel.vteps.n_free, WEFT_MAX_VTEPS - 1);
	}
}

/* Putting the same again, deleting what is absent: nothing but a new generation. */
static void test_idempotent(void **state)
{
	struct picture before, after;
	struct txn *t = txn_new();
	const struct port *dev;

	build_example();
	dev = port_of(1)->dev;
	before = picture_take();
	PUT(t, SEGMENT, a_segment(100));
	PUT(t, PORT, a_port(1, 100));
	PUT(t, VTEP, a_vtep("192.0.2.2", "192.0.2.1", 9));
	PUT(t, LOCAL_VTEP, a_local_vtep("192.0.2.1", 9));
	PUT(t, FLOOD, a_flood(100, "192.0.2.2"));
	PUT(t, FDB, a_local_fdb(100, 1, 1));
	PUT(t, NEIGH, a_neigh(100, "10.0.0.1", 1));
	DEL(t, SEGMENT, a_segment(999));
	DEL(t, PORT, a_port(999, 100));
	DEL(t, VTEP, a_vtep("192.0.2.99", "192.0.2.1", 9));
	DEL(t, LOCAL_VTEP, a_local_vtep("192.0.2.99", 9));
	DEL(t, FLOOD, a_flood(200, "192.0.2.3"));
	DEL(t, FLOOD, a_flood(999, "192.0.2.3"));
	DEL(t, FDB, a_local_fdb(100, 999, 1));
	DEL(t, FDB, a_local_fdb(999, 1, 1));
	DEL(t, NEIGH, a_neigh(100, "10.0.0.99", 1));
	DEL(t, NEIGH, a_neigh(999, "10.0.0.1", 1));
	commit_ok(t);
	after = picture_take();
	assert_true(picture_equal(&before, &after));
	assert_ptr_equal(port_of(1)->dev, dev);
	picture_free(&before);
	picture_free(&after);
}

static void refuse_put(int error, enum weft_table table, const void *entry, const char *text)
{
	struct txn *t = txn_new();

	/* Something good before it must not stay either. */
	PUT(t, SEGMENT, a_segment(300));
	PUT(t, FDB, a_local_fdb(100, 77, 1));
	put(t, table, entry);
	PUT(t, FDB, a_local_fdb(100, 1, 2));
	commit_refused(t, error, 2, text);
}

static void refuse_delete(enum weft_table table, const void *entry, const char *text)
{
	struct txn *t = txn_new();

	PUT(t, NEIGH, a_neigh(200, "10.0.0.77", 1));
	del(t, table, entry);
	PUT(t, SEGMENT, a_segment(300));
	commit_refused(t, EBUSY, 1, text);
}

#define REFUSE_PUT(error, table, text, ...)                                                        \
	do {                                                                                       \
		__auto_type entry_ = __VA_ARGS__;                                                  \
		refuse_put(error, WEFT_TABLE_##table, &entry_, text);                              \
	} while (0)
#define REFUSE_DELETE(table, text, ...)                                                            \
	do {                                                                                       \
		__auto_type entry_ = __VA_ARGS__;                                                  \
		refuse_delete(WEFT_TABLE_##table, &entry_, text);                                  \
	} while (0)

static void test_unknown_references(void **state)
{
	build_example();
	REFUSE_PUT(
		ENOENT, PORT, "port 5 (test/port-5): vni: there is no segment 999", a_port(5, 999));
	REFUSE_PUT(ENOENT, LOCAL_VTEP, "local-vtep 192.0.2.7: uplink: there is no port 8",
		a_local_vtep("192.0.2.7", 8));
	REFUSE_PUT(EINVAL, LOCAL_VTEP, "uplink: port 1 is no uplink", a_local_vtep("192.0.2.7", 1));
	REFUSE_PUT(ENOENT, VTEP, "vtep 192.0.2.4: local: there is no local VTEP 192.0.2.9",
		a_vtep("192.0.2.4", "192.0.2.9", 9));
	REFUSE_PUT(ENOENT, VTEP, "uplink: there is no port 8", a_vtep("192.0.2.4", "192.0.2.1", 8));
	REFUSE_PUT(
		EINVAL, VTEP, "uplink: port 1 is no uplink", a_vtep("192.0.2.4", "192.0.2.1", 1));
	REFUSE_PUT(ENOENT, FLOOD, "flood 999 192.0.2.2: vni: there is no segment 999",
		a_flood(999, "192.0.2.2"));
	REFUSE_PUT(ENOENT, FLOOD, "remote: there is no VTEP 192.0.2.9", a_flood(100, "192.0.2.9"));
	REFUSE_PUT(ENOENT, FDB, "fdb 999 02:00:00:00:00:05: vni: there is no segment 999",
		a_local_fdb(999, 5, 1));
	REFUSE_PUT(ENOENT, FDB, "port: there is no port 999", a_local_fdb(100, 5, 999));
	REFUSE_PUT(EINVAL, FDB, "port: port 3 belongs to segment 200", a_local_fdb(100, 5, 3));
	REFUSE_PUT(EINVAL, FDB, "port: port 9 belongs to segment 0", a_local_fdb(100, 5, 9));
	REFUSE_PUT(ENOENT, FDB, "remote: there is no VTEP 192.0.2.9",
		a_remote_fdb(100, 5, "192.0.2.9"));
	REFUSE_PUT(ENOENT, NEIGH, "neighbour 999 10.0.0.5: vni: there is no segment 999",
		a_neigh(999, "10.0.0.5", 5));
}

static void test_still_referred_to(void **state)
{
	struct txn *t;

	build_example();
	REFUSE_DELETE(SEGMENT,
		"segment 100 (test/segment-100): still has 2 ports, 0 subnets, 2 flood, 3 FDB, ",
		a_segment(100));
	REFUSE_DELETE(PORT, "port 1 (test/port-1): still used by 1 FDB entries", a_port(1, 100));
	REFUSE_DELETE(PORT, "still used by 0 FDB entries and 3 VTEPs", an_uplink(9));
	REFUSE_DELETE(LOCAL_VTEP, "local-vtep 192.0.2.1: VTEPs still use it",
		a_local_vtep("192.0.2.1", 9));
	REFUSE_DELETE(VTEP, "vtep 192.0.2.2: still used by 2 FDB and 2 flood entries",
		a_vtep("192.0.2.2", "192.0.2.1", 9));
	/* A port that moves to another tenant's segment with its entries left behind. */
	t = txn_new();
	PUT(t, PORT, a_port(2, 200));
	PUT(t, FDB, a_local_fdb(200, 2, 2));
	commit_refused(t, EBUSY, 0, "vni: FDB entries of its former segment");
	t = txn_new();
	PUT(t, PORT, a_port(9, 100));
	commit_refused(t, EBUSY, 0, "role: 3 VTEPs use it as uplink");
}

static void test_port_moves_segment(void **state)
{
	struct txn *t = txn_new();
	const struct port *dev;

	build_example();
	dev = port_of(2)->dev;
	PUT(t, FDB, a_local_fdb(200, 2, 2));
	PUT(t, PORT, a_port(2, 200));
	DEL(t, FDB, a_local_fdb(100, 2, 2));
	commit_ok(t);
	assert_ptr_equal(port_of(2)->dev, dev);
	assert_int_equal(segment_of(100)->n_ports, 1);
	assert_int_equal(segment_of(200)->n_ports, 2);
	assert_null(fdb_of(100, 2));
	assert_int_equal(fdb_of(200, 2)->dest, port_of(2)->slot);
}

static void test_delete_and_put_again(void **state)
{
	struct picture before, after;
	struct txn *t = txn_new();
	uint16_t slot;

	build_example();
	before = picture_take();
	slot = port_of(1)->slot;
	DEL(t, PORT, a_port(1, 100));
	DEL(t, SEGMENT, a_segment(100));
	DEL(t, VTEP, a_vtep("192.0.2.2", "192.0.2.1", 9));
	DEL(t, LOCAL_VTEP, a_local_vtep("192.0.2.1", 9));
	DEL(t, FDB, a_local_fdb(100, 1, 1));
	PUT(t, SEGMENT, a_segment(100));
	PUT(t, LOCAL_VTEP, a_local_vtep("192.0.2.1", 9));
	PUT(t, VTEP, a_vtep("192.0.2.2", "192.0.2.1", 9));
	PUT(t, PORT, a_port(1, 100));
	PUT(t, FDB, a_local_fdb(100, 1, 1));
	commit_ok(t);
	after = picture_take();
	assert_true(picture_equal(&before, &after));
	assert_int_equal(port_of(1)->slot, slot);
	picture_free(&before);
	picture_free(&after);
	/* Put and deleted within one transaction: never was. */
	t = txn_new();
	PUT(t, SEGMENT, a_segment(400));
	PUT(t, PORT, a_port(40, 400));
	DEL(t, SEGMENT, a_segment(400));
	DEL(t, PORT, a_port(40, 400));
	commit_ok(t);
	assert_null(segment_of(400));
	assert_null(port_of(40));
	t = txn_new();
	PUT(t, FDB, a_local_fdb(100, 40, 1));
	PUT(t, FDB, a_local_fdb(100, 40, 2));
	DEL(t, FDB, a_local_fdb(100, 40, 2));
	PUT(t, FDB, a_local_fdb(100, 41, 1));
	DEL(t, FDB, a_local_fdb(100, 41, 1));
	PUT(t, FDB, a_local_fdb(100, 41, 2));
	commit_ok(t);
	assert_null(fdb_of(100, 40));
	assert_int_equal(fdb_of(100, 41)->dest, port_of(2)->slot);
}

static void test_bad_entries(void **state)
{
	struct weft_segment s = a_segment(0);
	struct weft_port p = a_port(5, 100);
	struct txn *t;

	build_example();
	REFUSE_PUT(EINVAL, SEGMENT, "vni: 0 is not in", s);
	p.mtu = 100;
	REFUSE_PUT(EINVAL, PORT, "port 5 (test/port-5): mtu: 100 is not in", p);
	/* The first of several is told. */
	t = txn_new();
	PUT(t, FDB, a_local_fdb(100, 5, 1));
	put(t, WEFT_TABLE_PORT, &p);
	put(t, WEFT_TABLE_SEGMENT, &s);
	commit_refused(t, EINVAL, 1, "mtu");
}

static void test_full_tables(void **state)
{
	struct txn *t = txn_new();

	PUT(t, SEGMENT, a_segment(100));
	for (uint32_t i = 1; i < WEFT_MAX_PORTS; i++)
		PUT(t, PORT, a_port(i, 100));
	PUT(t, PORT, a_port(WEFT_MAX_PORTS, 100));
	commit_refused(t, ENOSPC, WEFT_MAX_PORTS, "port 4096 (test/port-4096): the table is full");
	t = txn_new();
	for (uint32_t i = 1; i <= WEFT_MAX_SEGMENTS; i++)
		PUT(t, SEGMENT, a_segment(i));
	commit_refused(t, ENOSPC, WEFT_MAX_SEGMENTS - 1, "the table is full");
	t = txn_new();
	PUT(t, PORT, an_uplink(9));
	for (uint32_t i = 0; i <= WEFT_MAX_LOCAL_VTEPS; i++) {
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%u", i + 1);
		PUT(t, LOCAL_VTEP, a_local_vtep(text, 9));
	}
	commit_refused(t, ENOSPC, WEFT_MAX_LOCAL_VTEPS + 1, "the table is full");
}

static void test_queues_stay(void **state)
{
	uint8_t owner[WEFT_PORT_QUEUES];
	struct weft_port many = a_port(1, 100);
	const struct config *c;
	struct txn *t = txn_new();
	uint16_t slot;

	many.n_queues = 4;
	PUT(t, SEGMENT, a_segment(100));
	put(t, WEFT_TABLE_PORT, &many);
	commit_ok(t);
	slot = port_of(1)->slot;
	memcpy(owner, channel.rxq_owner[slot], sizeof(owner));
	for (uint32_t i = 2; i < 30; i++) {
		t = txn_new();
		PUT(t, PORT, a_port(i, 100));
		commit_ok(t);
		assert_memory_equal(owner, channel.rxq_owner[slot], sizeof(owner));
		c = config_get();
		assert_in_range(c->n_rxqs[0] - c->n_rxqs[1] + 1, 0, 2);
	}
}

static void test_device_life(void **state)
{
	struct txn *t = txn_new();
	struct weft_port p = a_port(1, 100);
	struct port *first;

	PUT(t, SEGMENT, a_segment(100));
	fake_fail_open("fake1", ENODEV);
	put(t, WEFT_TABLE_PORT, &p);
	commit_ok(t);
	first = port_of(1)->dev;
	fixture_turn(1);
	assert_int_equal(first->state, WEFT_PORT_STATE_MISSING);
	assert_string_equal(first->text, "no such device: fake1");
	/* Tried again after a second, without a new generation. */
	fake_fail_open("fake1", 0);
	fixture_turn(500);
	assert_int_equal(first->state, WEFT_PORT_STATE_MISSING);
	fixture_turn(501);
	assert_int_equal(first->state, WEFT_PORT_STATE_UP);
	assert_int_equal(config_get()->generation, 1);
	/* Same device: stays open. */
	t = txn_new();
	p.mtu = 1000;
	p.flags |= WEFT_PORT_ADMIN_DOWN;
	put(t, WEFT_TABLE_PORT, &p);
	commit_ok(t);
	assert_ptr_equal(port_of(1)->dev, first);
	fixture_turn(100);
	assert_int_equal(first->state, WEFT_PORT_STATE_DOWN);
	/* Another number of queues: closed after the grace period, opened after that. */
	t = txn_new();
	p.n_queues = 2;
	p.flags &= ~WEFT_PORT_ADMIN_DOWN;
	put(t, WEFT_TABLE_PORT, &p);
	commit_ok(t);
	assert_ptr_not_equal(port_of(1)->dev, first);
	channel_tick(clock_ms());
	assert_int_equal(port_of(1)->dev->state, WEFT_PORT_STATE_MISSING);
	fixture_turn(1);
	fixture_turn(1);
	assert_int_equal(port_of(1)->dev->state, WEFT_PORT_STATE_UP);
	/* Gone for good: closed and opened anew. */
	fake_set_gone(port_of(1)->dev);
	fixture_turn(100);
	assert_int_equal(port_of(1)->dev->state, WEFT_PORT_STATE_MISSING);
	fixture_turn(1);
	assert_int_equal(port_of(1)->dev->state, WEFT_PORT_STATE_UP);
}

static void test_descriptor(void **state)
{
	struct weft_port p = a_port(1, 100);
	struct weft_segment s = a_segment(100);
	int pair[2];
	char byte;
	struct txn *t = txn_new();

	assert_int_equal(pipe(pair), 0);
	PUT(t, SEGMENT, a_segment(100));
	assert_int_equal(txn_op(t, WEFT_TABLE_PORT, WEFT_OP_PUT, &p, pair[1]), 0);
	commit_ok(t);
	fixture_turn(1);
	/* Held while the port exists, closed when it goes. */
	t = txn_new();
	del(t, WEFT_TABLE_PORT, &p);
	commit_ok(t);
	fixture_turn(1);
	assert_int_equal(read(pair[0], &byte, 1), 0);
	close(pair[0]);
	/* Closed with a transaction that is refused. */
	assert_int_equal(pipe(pair), 0);
	t = txn_new();
	p.vni = 999;
	assert_int_equal(txn_op(t, WEFT_TABLE_PORT, WEFT_OP_PUT, &p, pair[1]), 0);
	commit_refused(t, ENOENT, 0, "there is no segment 999");
	assert_int_equal(read(pair[0], &byte, 1), 0);
	close(pair[0]);
	assert_int_equal(pipe(pair), 0);
	t = txn_new();
	assert_int_equal(txn_op(t, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &s, pair[1]), 0);
	commit_refused(t, EINVAL, 0, "takes no descriptor");
	close(pair[0]);
}

static void learn(uint32_t vni, uint32_t mac, uint32_t port)
{
	struct learn_event e = {.key = {.segment_slot = segment_of(vni)->slot, .mac = a_mac(mac)},
		.dest = port_of(port)->slot,
		.generation = config_get()->generation};

	assert_true(learn_post(&e));
	assert_int_equal(learn_process(1, clock_s()), 1);
}

/* A grace period ends. */
static void grace_period(void)
{
	rcu_worker_quiescent(0);
	fixture_turn(1);
	rcu_worker_quiescent(0);
	fixture_turn(1);
}

/* A device that goes to another port in one transaction is opened as soon as the workers have left
 * the old port, not before and not at the next try a second later. */
static void test_device_changes_port(void **state)
{
	struct weft_port p1 = a_port(1, 100), p2 = a_port(2, 100), p3 = a_port(3, 100);
	struct txn *t = txn_new();

	PUT(t, SEGMENT, a_segment(100));
	PUT(t, PORT, p1);
	PUT(t, PORT, p2);
	commit_ok(t);
	fixture_turn(1);
	rcu_worker_register(0);
	/* to a port that comes before the old one goes */
	t = txn_new();
	memcpy(p3.device, p1.device, sizeof(p3.device));
	PUT(t, PORT, p3);
	DEL(t, PORT, p1);
	commit_ok(t);
	fixture_turn(1);
	assert_string_equal(port_of(3)->dev->text, "");
	assert_int_equal(port_of(3)->dev->state, WEFT_PORT_STATE_MISSING);
	grace_period();
	assert_int_equal(port_of(3)->dev->state, WEFT_PORT_STATE_UP);
	/* between two ports */
	t = txn_new();
	memcpy(p1.device, p2.device, sizeof(p1.device));
	memcpy(p2.device, p3.device, sizeof(p2.device));
	memcpy(p3.device, p1.device, sizeof(p3.device));
	PUT(t, PORT, p2);
	PUT(t, PORT, p3);
	commit_ok(t);
	fixture_turn(1);
	assert_string_equal(port_of(2)->dev->text, "");
	assert_string_equal(port_of(3)->dev->text, "");
	grace_period();
	assert_int_equal(port_of(2)->dev->state, WEFT_PORT_STATE_UP);
	assert_int_equal(port_of(3)->dev->state, WEFT_PORT_STATE_UP);
	rcu_worker_unregister(0);
}

/* While a device that is gone waits for the workers, its peer can't bring it up again. */
static void test_device_is_gone(void **state)
{
	struct txn *t = txn_new();
	struct port *dev;

	PUT(t, SEGMENT, a_segment(100));
	PUT(t, PORT, a_port(1, 100));
	commit_ok(t);
	fixture_turn(1);
	dev = port_of(1)->dev;
	rcu_worker_register(0);
	fake_set_gone(dev);
	fixture_turn(100);
	assert_int_equal(dev->state, WEFT_PORT_STATE_DOWN);
	port_set_link(dev, true);
	assert_int_equal(dev->state, WEFT_PORT_STATE_DOWN);
	grace_period();
	assert_int_equal(dev->state, WEFT_PORT_STATE_UP);
	rcu_worker_unregister(0);
}

static void test_learned_and_programmed(void **state)
{
	struct txn *t;

	build_example();
	learn(100, 50, 1);
	learn(100, 51, 1);
	learn(100, 52, 2);
	learn(100, 1, 2); /* programmed: stays */
	assert_int_equal(fdb_of(100, 1)->dest, port_of(1)->slot);
	assert_int_equal(learn_count(), 3);
	assert_int_equal(learn_count_dest(port_of(1)->slot), 2);
	/* A transaction that fails leaves what is learned. */
	t = txn_new();
	PUT(t, FDB, a_local_fdb(100, 50, 2));
	PUT(t, FDB, a_local_fdb(999, 50, 2));
	commit_refused(t, ENOENT, 1, "999");
	assert_int_equal(learn_count(), 3);
	/* Programmed replaces learned. */
	t = txn_new();
	PUT(t, FDB, a_local_fdb(100, 50, 2));
	commit_ok(t);
	assert_int_equal(learn_count(), 2);
	assert_int_equal(fdb_of(100, 50)->dest, port_of(2)->slot);
	assert_false(fdb_of(100, 50)->learned);
	/* DELETE speaks of programmed entries. */
	t = txn_new();
	DEL(t, FDB, a_local_fdb(100, 51, 1));
	commit_ok(t);
	assert_non_null(fdb_of(100, 51));
	/* Learned entries go with their port. */
	t = txn_new();
	DEL(t, FDB, a_local_fdb(100, 1, 1));
	DEL(t, PORT, a_port(1, 100));
	commit_ok(t);
	assert_null(fdb_of(100, 51));
	assert_int_equal(learn_count(), 1);
	assert_int_equal(learn_count_segment(segment_of(100)->slot), 1);
	/* And all with the segment. */
	t = txn_new();
	DEL(t, FDB, a_local_fdb(100, 50, 2));
	delete_example(t, 0);
	commit_ok(t);
	assert_int_equal(learn_count(), 0);
	fixture_turn(1);
	assert_int_equal(vhash_count(config_get()->fdb), 0);
}

/* Random ops, most of them refused, against what must always hold. */
static void test_random(void **state)
{
	unsigned int seed = 1, n_ok = 0;

	build_example();
	for (int round = 0; round < 2000; round++) {
		static const char *const addresses[] = {
			"192.0.2.2", "192.0.2.3", "192.0.2.4", "2001:db8::2"};
		struct weft_msg_txn_result result;
		struct txn *t = txn_new();
		unsigned int n = rand_r(&seed) % 6;
		uint64_t before = config_get()->generation;

		for (unsigned int i = 0; i < n; i++) {
			uint32_t vni = 100 * (1 + rand_r(&seed) % 3);
			uint32_t port = 1 + rand_r(&seed) % 5, mac = rand_r(&seed) % 8;
			const char *remote = addresses[rand_r(&seed) % 4];
			const char *local = remote[0] == '2' ? "2001:db8::1" : "192.0.2.1";
			void (*op)(struct txn *, enum weft_table, const void *) =
				rand_r(&seed) % 3 ? put : del;
			union weft_entry e;

			switch (rand_r(&seed) % 8) {
			case 0:
				e.segment = a_segment(vni);
				op(t, WEFT_TABLE_SEGMENT, &e);
				break;
			case 1:
				e.port = a_port(port, vni);
				e.port.n_queues = 1 + rand_r(&seed) % 2;
				op(t, WEFT_TABLE_PORT, &e);
				break;
			case 2:
				e.local_vtep = a_local_vtep(local, 9);
				op(t, WEFT_TABLE_LOCAL_VTEP, &e);
				break;
			case 3:
				e.vtep = a_vtep(remote, local, 9);
				op(t, WEFT_TABLE_VTEP, &e);
				break;
			case 4:
				e.flood = a_flood(vni, remote);
				op(t, WEFT_TABLE_FLOOD, &e);
				break;
			case 5:
				e.fdb = a_local_fdb(vni, mac + 1, port);
				op(t, WEFT_TABLE_FDB, &e);
				break;
			case 6:
				e.fdb = a_remote_fdb(vni, mac + 1, remote);
				op(t, WEFT_TABLE_FDB, &e);
				break;
			default:
				e.neigh = a_neigh(vni, "10.0.0.1", mac + 1);
				op(t, WEFT_TABLE_NEIGH, &e);
			}
		}
		txn_commit(t, &result);
		txn_free(t);
		assert_int_equal(config_get()->generation, before + (result.error == 0));
		n_ok += result.error == 0;
		if (round % 3 == 0)
			fixture_turn(1);
		if (round % 20 == 0)
			check_consistent();
	}
	check_consistent();
	assert_in_range(n_ok, 200, 1900);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_build_and_delete),
		TEST(test_idempotent),
		TEST(test_unknown_references),
		TEST(test_still_referred_to),
		TEST(test_port_moves_segment),
		TEST(test_delete_and_put_again),
		TEST(test_bad_entries),
		TEST(test_full_tables),
		TEST(test_queues_stay),
		TEST(test_device_life),
		TEST(test_device_changes_port),
		TEST(test_device_is_gone),
		TEST(test_descriptor),
		TEST(test_learned_and_programmed),
		TEST(test_random),
	};

	fixture_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
