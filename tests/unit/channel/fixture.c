/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <core/clock.h>
#include <core/log.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <pipeline/watch.h>
#include <port/fake.h>
#include <session/session.h>
#include <table/learn.h>
#include <table/policy.h>
#include <table/policy_log.h>
#include <table/route.h>

#include "dump.h"
#include "fixture.h"
#include "fixture_policy.h"
#include "state.h"
#include "test_eal.h"

#define N_WORKERS 2

static char socket_path[64];

void fixture_once(void)
{
	test_eal_init(64);
	log_set_level(LOG_ERROR);
	fake_register();
}

static int setup(const char *path)
{
	const struct channel_options options = {
		.socket = path, .n_workers = N_WORKERS, .boot_id = FIXTURE_BOOT_ID};

	fake_fail_open(NULL, 0);
	clock_warp(1000);
	return rcu_init(N_WORKERS) || counters_init(N_WORKERS, FIXTURE_BOOT_ID) || learn_init() ||
	       policy_log_init() || watch_init(N_WORKERS) ||
	       session_init(SESSION_DEFAULT, N_WORKERS) || channel_init(&options);
}

int fixture_setup(void **state)
{
	return setup(NULL);
}

int fixture_setup_socket(void **state)
{
	snprintf(socket_path, sizeof(socket_path), "/tmp/weft-test-channel-%d.sock", getpid());
	return setup(socket_path);
}

const char *fixture_socket(void)
{
	return socket_path;
}

int fixture_teardown(void **state)
{
	rcu_worker_unregister(0); /* of a test that failed: nothing would ever be reclaimed */
	channel_fini();
	session_fini();
	watch_fini();
	policy_log_fini();
	learn_fini();
	counters_fini();
	rcu_fini();
	return 0;
}

void fixture_turn(unsigned int ms)
{
	clock_warp(ms);
	channel_poll(0);
	learn_process(1024, clock_s());
	learn_age(clock_s());
	policy_log_process(1024);
	channel_tick(clock_ms());
	rcu_reclaim();
	rcu_reclaim();
}

struct weft_mac a_mac(uint32_t number)
{
	return (struct weft_mac){{0x02, 0, number >> 24, number >> 16, number >> 8, number}};
}

static struct weft_addr address(const char *text)
{
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(text, &a), 0);
	return a;
}

struct weft_segment a_segment(uint32_t vni)
{
	struct weft_segment s = {.vni = vni,
		.mtu = 1450,
		.flags = WEFT_SEGMENT_FLOOD_UNKNOWN,
		.ageing_s = 300,
		.max_learned = 100};

	snprintf(s.name, sizeof(s.name), "test/segment-%u", vni);
	return s;
}

struct weft_port a_port(uint32_t id, uint32_t vni)
{
	struct weft_port p = {.id = id,
		.vni = vni,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_TENANT,
		.flags = WEFT_PORT_LEARN,
		.n_queues = 1,
		.mtu = 1450,
		.mac = a_mac(id),
		.max_learned = 10};

	snprintf(p.name, sizeof(p.name), "test/port-%u", id);
	snprintf(p.device, sizeof(p.device), "fake%u", id);
	return p;
}

struct weft_port an_uplink(uint32_t id)
{
	struct weft_port p = a_port(id, 0);

	p.role = WEFT_ROLE_UPLINK;
	p.flags = 0;
	p.n_queues = 2;
	return p;
}

struct weft_local_vtep a_local_vtep(const char *addr, uint32_t uplink)
{
	return (struct weft_local_vtep){
		.addr = address(addr), .uplink = uplink, .mac = a_mac(0xf0000000u + uplink)};
}

struct weft_vtep a_vtep(const char *remote, const char *local, uint32_t uplink)
{
	return (struct weft_vtep){.remote = address(remote),
		.local = address(local),
		.uplink = uplink,
		.dst_mac = a_mac(0xe0000001u),
		.src_mac = a_mac(0xf0000000u + uplink),
		.path_mtu = 1500,
		.flags = WEFT_VTEP_RESOLVED,
		.ttl = 64};
}

struct weft_flood a_flood(uint32_t vni, const char *remote)
{
	return (struct weft_flood){.vni = vni, .remote = address(remote)};
}

struct weft_fdb a_local_fdb(uint32_t vni, uint32_t mac, uint32_t port)
{
	return (struct weft_fdb){.vni = vni, .mac = a_mac(mac), .port = port};
}

struct weft_fdb a_remote_fdb(uint32_t vni, uint32_t mac, const char *remote)
{
	return (struct weft_fdb){.vni = vni, .mac = a_mac(mac), .remote = address(remote)};
}

struct weft_neigh a_neigh(uint32_t vni, const char *addr, uint32_t mac)
{
	return (struct weft_neigh){.vni = vni, .addr = address(addr), .mac = a_mac(mac)};
}

void put(struct txn *t, enum weft_table table, const void *entry)
{
	assert_int_equal(txn_op(t, table, WEFT_OP_PUT, entry, -1), 0);
}

void del(struct txn *t, enum weft_table table, const void *entry)
{
	assert_int_equal(txn_op(t, table, WEFT_OP_DELETE, entry, -1), 0);
}

void commit_ok(struct txn *t)
{
	struct weft_msg_txn_result result;
	uint64_t before = config_get()->generation;

	txn_commit(t, &result);
	txn_free(t);
	if (result.error)
		fail_msg("op %u: %s: %s", result.op, result.text, strerror(result.error));
	assert_int_equal(result.generation, before + 1);
	assert_int_equal(config_get()->generation, before + 1);
	check_consistent();
}

void commit_refused(struct txn *t, int error, uint32_t op, const char *text)
{
	const struct config *config = config_get();
	uint64_t generation = config->generation;
	struct picture before = picture_take(), after;
	struct weft_msg_txn_result result;
	struct channel_state saved = channel;
	struct refs refs = *channel.refs;

	txn_commit(t, &result);
	txn_free(t);
	if (result.error != (uint32_t)error || result.op != op || !strstr(result.text, text))
		fail_msg("error %u op %u '%s' instead of %d op %u '%s'", result.error, result.op,
			result.text, error, op, text);
	assert_ptr_equal(config_get(), config);
	assert_int_equal(config->generation, generation);
	assert_int_equal(result.generation, generation);
	after = picture_take();
	assert_true(picture_equal(&before, &after));
	assert_memory_equal(&refs, channel.refs, sizeof(refs));
	assert_int_equal(saved.ports.n_free, channel.ports.n_free);
	assert_int_equal(saved.segments.n_free, channel.segments.n_free);
	assert_int_equal(saved.vteps.n_free, channel.vteps.n_free);
	assert_int_equal(saved.rulesets.pool.n_free, channel.rulesets.pool.n_free);
	assert_int_equal(saved.scopes.pool.n_free, channel.scopes.pool.n_free);
	assert_int_equal(saved.sets.pool.n_free, channel.sets.pool.n_free);
	assert_memory_equal(saved.rxq_owner, channel.rxq_owner, sizeof(saved.rxq_owner));
	picture_free(&before);
	picture_free(&after);
	check_consistent();
}

struct example {
	enum weft_table table;
	union weft_entry entry;
};
#define EXAMPLE_MAX 24

static unsigned int example(struct example *e)
{
	unsigned int n = 0;

#define ADD(t, member, ...)                                                                        \
	do {                                                                                       \
		e[n].table = WEFT_TABLE_##t;                                                       \
		e[n++].entry.member = __VA_ARGS__;                                                 \
	} while (0)
	memset(e, 0, EXAMPLE_MAX * sizeof(*e));
	ADD(SEGMENT, segment, a_segment(100));
	ADD(SEGMENT, segment, a_segment(200));
	ADD(PORT, port, a_port(1, 100));
	ADD(PORT, port, a_port(2, 100));
	ADD(PORT, port, a_port(3, 200));
	ADD(PORT, port, an_uplink(9));
	ADD(LOCAL_VTEP, local_vtep, a_local_vtep("192.0.2.1", 9));
	ADD(VTEP, vtep, a_vtep("192.0.2.2", "192.0.2.1", 9));
	ADD(VTEP, vtep, a_vtep("192.0.2.3", "192.0.2.1", 9));
	ADD(FLOOD, flood, a_flood(100, "192.0.2.2"));
	ADD(FLOOD, flood, a_flood(100, "192.0.2.3"));
	ADD(FLOOD, flood, a_flood(200, "192.0.2.2"));
	ADD(FDB, fdb, a_local_fdb(100, 1, 1));
	ADD(FDB, fdb, a_local_fdb(100, 2, 2));
	ADD(FDB, fdb, a_local_fdb(200, 1, 3));
	ADD(FDB, fdb, a_remote_fdb(100, 11, "192.0.2.2"));
	ADD(FDB, fdb, a_remote_fdb(200, 11, "192.0.2.2"));
	ADD(NEIGH, neigh, a_neigh(100, "10.0.0.1", 1));
	ADD(NEIGH, neigh, a_neigh(200, "10.0.0.1", 1));
	ADD(NEIGH, neigh, a_neigh(200, "2001:db8::1", 1));
#undef ADD
	assert_true(n <= EXAMPLE_MAX);
	return n;
}

static void shuffle(struct example *e, unsigned int n, unsigned int seed)
{
	for (unsigned int i = n - 1; seed && i > 0; i--) {
		unsigned int j = rand_r(&seed) % (i + 1);
		struct example swap = e[i];

		e[i] = e[j];
		e[j] = swap;
	}
}

void build_example(void)
{
	struct example e[EXAMPLE_MAX];
	unsigned int n = example(e);
	struct txn *t = txn_new();

	for (unsigned int i = 0; i < n; i++)
		put(t, e[i].table, &e[i].entry);
	commit_ok(t);
	fixture_turn(1);
}

void delete_example(struct txn *t, unsigned int seed)
{
	struct example e[EXAMPLE_MAX];
	unsigned int n = example(e);

	shuffle(e, n, seed);
	for (unsigned int i = 0; i < n; i++)
		del(t, e[i].table, &e[i].entry);
}

/* Table number and entry, of one size so that they can be sorted. */
struct picture_entry {
	uint32_t table;
	union weft_entry entry;
};

static int compare_entries(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct picture_entry));
}

struct picture picture_take(void)
{
	const struct weft_msg_dump request = {.flags = WEFT_DUMP_LEARNED};
	_Alignas(8) static uint8_t msg[WEFT_MSG_SIZE_MAX];
	struct picture_entry *entries = NULL;
	uint32_t n_allocated = 0;
	struct picture p = {0};
	struct dump d;

	assert_int_equal(dump_start(&d, &request, 1), 0);
	for (;;) {
		size_t size = dump_next(&d, msg);
		struct weft_ops_reader reader;
		char text[WEFT_TEXT_SIZE];
		struct weft_op op;

		assert_int_equal(weft_msg_check(msg, size, text), 0);
		if (weft_msg_hdr(msg)->type == WEFT_MSG_DUMP_END)
			break;
		weft_ops_read(&reader, msg);
		while (weft_ops_next(&reader, &op)) {
			struct picture_entry *e;

			if (p.n_entries == n_allocated) {
				n_allocated = n_allocated ? 2 * n_allocated : 64;
				entries = realloc(entries, n_allocated * sizeof(*entries));
			}
			e = &entries[p.n_entries++];
			memset(e, 0, sizeof(*e));
			e->table = op.table;
			memcpy(&e->entry, op.entry, weft_entry_size(op.table));
		}
	}
	assert_int_equal(
		((const struct weft_msg_dump_end *)weft_msg_payload(msg))->n_entries, p.n_entries);
	if (p.n_entries)
		qsort(entries, p.n_entries, sizeof(*entries), compare_entries);
	p.bytes = (uint8_t *)entries;
	p.size = p.n_entries * sizeof(*entries);
	return p;
}

bool picture_equal(const struct picture *a, const struct picture *b)
{
	return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

void picture_free(struct picture *p)
{
	free(p->bytes);
}

static void check_segment(const struct config *c, uint16_t slot)
{
	const struct config_segment *s = c->segments[slot];
	unsigned int n_ports = 0;

	assert_int_equal(s->slot, slot);
	assert_int_equal(slot_find(c->vni, &s->spec.vni, c->generation), slot);
	for (uint16_t i = 0; i < s->n_ports; i++)
		assert_int_equal(c->ports[s->ports[i]]->segment_slot, slot);
	for (uint16_t i = 0; i < s->n_vteps; i++) {
		assert_non_null(c->vteps[s->vteps[i]]);
		assert_true(i == 0 || s->vteps[i - 1] < s->vteps[i]);
		assert_true(config_segment_has_vtep(s, s->vteps[i]));
	}
	for (uint32_t p = 1; p < WEFT_MAX_PORTS; p++)
		n_ports += c->ports[p] && c->ports[p]->segment_slot == slot;
	assert_int_equal(n_ports, s->n_ports);
}

static void check_port(const struct config *c, uint16_t slot)
{
	const struct config_port *p = c->ports[slot];

	assert_int_equal(p->slot, slot);
	assert_non_null(p->dev);
	assert_int_equal(p->dev->slot, slot);
	assert_memory_equal(&p->dev->spec, &p->spec, sizeof(p->spec));
	assert_int_equal(slot_find(channel.port_ids, &p->spec.id, c->generation), slot);
	assert_int_equal(counters_shm->slots[slot].id, p->spec.id);
	assert_int_equal(p->n_rulesets, p->spec.n_rulesets);
	for (uint16_t i = 0; i < p->n_rulesets; i++)
		assert_int_equal(c->rulesets[p->rulesets[i]]->spec.id, p->spec.rulesets[i]);
	for (uint16_t q = 0; q < WEFT_PORT_QUEUES; q++) {
		unsigned int n = 0;

		for (uint32_t w = 0; w < N_WORKERS; w++)
			for (uint16_t i = 0; i < c->n_rxqs[w]; i++)
				n += c->rxqs[w][i].port_slot == slot && c->rxqs[w][i].queue == q;
		assert_int_equal(n, q < p->spec.n_queues);
	}
}

static void count_route(const struct config *c, const struct route_entry *e, struct refs *refs)
{
	struct route_key key;

	memcpy(&key, e->v.key, sizeof(key));
	assert_non_null(c->routers[key.router_slot]);
	assert_true(c->routers[key.router_slot]->lens[key.len / 64] >> (key.len % 64) & 1);
	refs->router_routes[key.router_slot]++;
	for (unsigned int i = 0; i < e->n_hops; i++) {
		const struct route_hop *h = &e->hops[i];

		if (h->type == WEFT_HOP_ROUTER)
			refs->router_routes[h->slot]++;
		else if (h->slot)
			refs->segment_routes[h->slot]++;
	}
}

static void check_networks(const struct config *c, struct refs *refs)
{
	struct vhash_entry *e;
	uint64_t cursor = 0;

	for (uint32_t i = 1; i < WEFT_MAX_NETWORKS; i++) {
		const struct config_network *n = c->networks[i];

		if (!n)
			continue;
		assert_int_equal(n->slot, i);
		assert_int_equal(slot_find(channel.networks.ids, &n->spec.id, c->generation), i);
		assert_int_equal(c->tenants[n->tenant_slot]->spec.id, n->spec.tenant);
	}
	for (uint32_t i = 1; i < WEFT_MAX_ROUTERS; i++)
		if (c->routers[i])
			assert_int_equal(c->networks[c->routers[i]->network_slot]->spec.id,
				c->routers[i]->spec.network);
	while ((e = vhash_next(c->routes, &cursor, c->generation)))
		count_route(c, (const struct route_entry *)e, refs);
	for (cursor = 0; (e = vhash_next(c->dns, &cursor, c->generation));) {
		struct dns_key key;

		memcpy(&key, e->key, sizeof(key));
		refs->network_dns[key.network_slot]++;
	}
}

void check_consistent(void)
{
	const struct config *c = config_get();
	uint32_t n_ports = 0, n_segments = 0, n_vteps = 0, n_queues = 0;
	struct refs *refs = calloc(1, sizeof(*refs));
	struct fdb_entry *f;
	struct neigh_entry *n;
	uint64_t cursor = 0;

	assert_ptr_equal(c, channel.config);
	for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++) {
		if (!c->segments[i])
			continue;
		n_segments++;
		check_segment(c, i);
		for (uint16_t v = 0; v < c->segments[i]->n_vteps; v++)
			refs->vtep_flood[c->segments[i]->vteps[v]]++;
	}
	for (uint32_t i = 0; i < WEFT_MAX_PORTS; i++) {
		if (!c->ports[i])
			continue;
		n_ports++;
		n_queues += c->ports[i]->spec.n_queues;
		check_port(c, i);
	}
	for (uint32_t i = 0; i < WEFT_MAX_VTEPS; i++) {
		const struct config_vtep *v = c->vteps[i];

		if (!v)
			continue;
		n_vteps++;
		assert_int_equal(v->slot, i);
		assert_int_equal(slot_find(c->vtep, &v->spec.remote, c->generation), i);
		assert_int_equal(c->ports[v->uplink_slot]->spec.id, v->spec.uplink);
		assert_true(v->hdr.size == 50 || v->hdr.size == 70);
		refs->port_uplink[v->uplink_slot]++;
	}
	for (uint16_t i = 0; i < c->n_local_vteps; i++)
		refs->port_uplink[c->local_vteps[i].uplink_slot]++;
	while ((f = (struct fdb_entry *)vhash_next(c->fdb, &cursor, c->generation))) {
		struct fdb_key key;

		memcpy(&key, f->v.key, sizeof(key));
		assert_non_null(c->segments[key.segment_slot]);
		if (f->dest & DEST_VTEP_BIT)
			assert_non_null(c->vteps[DEST_SLOT(f->dest)]);
		else
			assert_int_equal(
				c->ports[DEST_SLOT(f->dest)]->segment_slot, key.segment_slot);
		if (f->learned)
			continue;
		refs->segment_fdb[key.segment_slot]++;
		if (f->dest & DEST_VTEP_BIT)
			refs->vtep_fdb[DEST_SLOT(f->dest)]++;
		else
			refs->port_fdb[DEST_SLOT(f->dest)]++;
	}
	cursor = 0;
	while ((n = (struct neigh_entry *)vhash_next(c->neigh, &cursor, c->generation))) {
		struct neigh_key key;

		memcpy(&key, n->v.key, sizeof(key));
		assert_non_null(c->segments[key.segment_slot]);
		refs->segment_neigh[key.segment_slot]++;
	}
	check_networks(c, refs);
	check_policy(c, refs);
	assert_memory_equal(refs, channel.refs, sizeof(*refs));
	assert_int_equal(n_segments, vhash_count(c->vni));
	assert_int_equal(n_ports, vhash_count(channel.port_ids));
	assert_int_equal(n_vteps, vhash_count(c->vtep));
	assert_int_equal(n_queues, c->n_rxqs[0] + c->n_rxqs[1]);
	free(refs);
}
