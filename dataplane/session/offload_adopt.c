/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions that a data plane before this one has left in the tables become this one's, each in the
 * pair of entries that it has. Programs go on counting there, so nothing of it is lost.
 *
 * A pair says all that is needed: which direction opened the connection (the even one), where
 * packets of both enter, by ids of ports and VNIs, the numbers of TCP, when it was used last. What
 * it says of the way is not read: slots were another's, interfaces may not be open yet. An adopted
 * session is undecided, so that policy judges it in the direction in which it was opened, and
 * forwarding decides each of its directions, before a packet of it passes here. Until epochs revoke
 * it programs still carry it. Who may write to BPF maps may have written anything: what is read is
 * looked up, compared or bounded before it is used.
 *
 * The main thread looks through the places once, so that entries which were being written when
 * their data plane died are known. Workers then take the pairs in parts, one per round, and receive
 * nothing until all are done: no packet of a session ever comes before the session. What is not
 * adopted leaves its places at once, and its pair is free after the usual quarantine.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#include <core/clock.h>

#include "offload_priv.h"
#include "tcp_window.h"

#define ADOPT_PAIRS 32	      /* per call */
#define IDLE_MAX_S  (1 << 30) /* so that its sums with times stay in their types */

_Atomic bool offload_adopting;

struct known_port {
	uint32_t id;
	uint16_t slot;
};

/* Written by the main thread before there is anything to do. */
static struct {
	uint64_t *placed;	      /* a bit for each direction: complete, and in its place */
	bool tunnels[WEFT_MAX_VTEPS]; /* by the slots of who was before: is still there */
	struct known_port ports[WEFT_MAX_PORTS]; /* sorted */
	uint32_t n_ports;
	uint32_t end;		       /* of pairs */
	_Atomic uint32_t next, n_left; /* pairs nobody has taken; that are not done */
} adopt;

int offload_adopt_init(uint32_t n_dirs)
{
	adopt.placed = calloc(n_dirs / 64 + 1, sizeof(uint64_t));
	return adopt.placed ? 0 : -ENOMEM;
}

void offload_adopt_fini(void)
{
	free(adopt.placed);
	adopt.placed = NULL;
	atomic_store(&offload_adopting, false);
}

static bool is_placed(uint32_t index)
{
	return adopt.placed[index / 64] >> index % 64 & 1;
}

static int by_id(const void *a, const void *b)
{
	const struct known_port *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void note_ports(const struct config *cfg)
{
	adopt.n_ports = 0;
	for (uint32_t i = 1; i < WEFT_MAX_PORTS; i++) {
		const struct config_port *port = cfg->ports[i];

		if (port)
			adopt.ports[adopt.n_ports++] = (struct known_port){port->spec.id, i};
	}
	qsort(adopt.ports, adopt.n_ports, sizeof(adopt.ports[0]), by_id);
}

static void note_tunnels(const struct offload *o, const struct config *cfg)
{
	for (uint32_t i = 0; i < WEFT_MAX_VTEPS; i++) {
		const struct weft_bpf_tunnel *t = &o->t.tunnels[i];

		adopt.tunnels[i] =
			(t->seq & 1) || vhash_find(cfg->vtep, &t->remote, cfg->generation);
	}
}

/* A place leads to a complete entry which has no other place. */
static bool is_sound(const struct offload *o, uint32_t bucket, uint64_t place)
{
	uint32_t index = place >> 32;
	const struct weft_bpf_dir *e = &o->t.dirs[index];
	uint64_t hash;

	if (index < 2 || index / 2 >= o->t.n_dirs / 2 || is_placed(index) || (e->seq & 1))
		return false;
	hash = weft_bpf_hash(&e->key, o->t.control->hash_seed);
	return weft_bpf_hash_tag(hash) == (uint32_t)place &&
	       weft_bpf_hash_bucket(hash, o->t.control->n_buckets_mask) == bucket;
}

static void prefetch_bucket(const struct offload *o, const struct weft_bpf_bucket *b)
{
	for (unsigned int i = 0; i < WEFT_BPF_PLACES; i++) {
		uint32_t index = b->place[i] >> 32;

		if (index && index < o->t.n_dirs)
			rte_prefetch0(&o->t.dirs[index]);
	}
}

static void note_places(struct offload *o, uint32_t bucket)
{
	__u64 *places = o->t.buckets[bucket].place;

	for (unsigned int i = 0; i < WEFT_BPF_PLACES; i++) {
		uint32_t index = places[i] >> 32;

		if (places[i] == 0)
			continue;
		if (!is_sound(o, bucket, places[i])) {
			__atomic_store_n(&places[i], 0, __ATOMIC_RELEASE);
			continue;
		}
		adopt.placed[index / 64] |= UINT64_C(1) << index % 64;
		o->epoch = RTE_MAX(o->epoch, o->t.dirs[index].d.epoch);
	}
}

void offload_adopt_begin(struct offload *o, const struct config *cfg)
{
	memset(adopt.placed, 0, (o->t.n_dirs / 64 + 1) * sizeof(uint64_t));
	note_ports(cfg);
	note_tunnels(o, cfg);
	for (uint32_t i = 0; i < o->t.n_buckets; i++) {
		if (i + 1 < o->t.n_buckets)
			prefetch_bucket(o, &o->t.buckets[i + 1]);
		note_places(o, i);
	}
	offload_pair_take_all();
	adopt.end = o->t.n_dirs / 2;
	adopt.next = 1;
	adopt.n_left = adopt.end - 1;
	atomic_store(&offload_adopting, true);
}

/* From here on workers. */

static const struct config_port *port_with(const struct config *cfg, uint32_t id)
{
	struct known_port key = {.id = id};
	const struct known_port *k = bsearch(&key, adopt.ports, adopt.n_ports, sizeof(key), by_id);

	return k ? cfg->ports[k->slot] : NULL;
}

static const struct config_segment *segment_with(const struct config *cfg, uint32_t vni)
{
	const struct vhash_entry *e = vhash_find(cfg->vni, &vni, cfg->generation);

	return e ? cfg->segments[((const struct slot_entry *)e)->slot] : NULL;
}

/* Where packets of direction i come from. False: no more. */
static bool read_end(const struct weft_bpf_dir *e, unsigned int i, const struct config *cfg,
	struct session_new *ret)
{
	const struct config_segment *seg = NULL;
	const struct config_port *port;

	if (e->key.scope & weft_bpf_scope_port(0)) {
		port = port_with(cfg, e->owner);
		seg = port ? cfg->segments[port->segment_slot] : NULL;
		ret->port[i] = port ? port->slot : 0;
		ret->port_id[i] = e->owner;
	} else if (e->d.in_vtep < WEFT_MAX_VTEPS && adopt.tunnels[e->d.in_vtep]) {
		seg = segment_with(cfg, e->key.scope);
	}
	/* Who needed a session, and who none, is judged anew where that has changed. */
	if (!seg || !seg->network_slot || seg->stateful == ret->plain)
		return false;
	ret->key[i].segment = seg->slot;
	return true;
}

/* What no packet's key has can't be told by ours. */
static bool is_key(const struct weft_bpf_key *k, const struct session_key *ours)
{
	bool v4 = k->family == 4;

	return (v4 || k->family == 6) && weft_addr_is_v4(&ours->src) == v4 &&
	       weft_addr_is_v4(&ours->dst) == v4 && k->zero == 0 && k->zero2 == 0;
}

static void read_key(const struct weft_bpf_key *k, struct session_key *ret)
{
	memcpy(&ret->src, k->src, sizeof(ret->src));
	memcpy(&ret->dst, k->dst, sizeof(ret->dst));
	ret->sport = k->sport;
	ret->dport = k->dport;
	ret->proto = k->proto;
	ret->icmp_type = k->icmp_type;
}

/* What cannot be otherwise, unless somebody else has written there. */
static bool keys_match(const struct session_new *n)
{
	struct session_key back;

	track_key_reverse(&n->key[0], &back);
	back.segment = n->key[1].segment;
	return memcmp(&back, &n->key[1], sizeof(back)) == 0;
}

static bool read_new(
	const struct weft_bpf_dir *pair, const struct config *cfg, struct session_new *ret)
{
	ret->plain = pair[0].d.flags & WEFT_BPF_DIR_PLAIN;
	for (unsigned int i = 0; i < 2; i++) {
		read_key(&pair[i].key, &ret->key[i]);
		if (!is_key(&pair[i].key, &ret->key[i]) || !read_end(&pair[i], i, cfg, ret))
			return false;
	}
	ret->charged = cfg->ports[ret->port[0] ? ret->port[0] : ret->port[1]];
	ret->network = cfg->networks[cfg->segments[ret->key[0].segment]->network_slot];
	if (!ret->charged || !ret->network || !keys_match(ret))
		return false;
	ret->tenant = cfg->tenants[ret->network->tenant_slot];
	return true;
}

static struct session_tcp tcp_read(const struct session_tcp *t)
{
	return (struct session_tcp){
		.start = t->start,
		.end = __atomic_load_n(&t->end, __ATOMIC_RELAXED),
		.max_end = __atomic_load_n(&t->max_end, __ATOMIC_RELAXED),
		.max_win = RTE_MIN(__atomic_load_n(&t->max_win, __ATOMIC_RELAXED), WIN_MAX),
		.wscale = RTE_MIN(t->wscale, WSCALE_MAX),
		.flags = t->flags, /* track_resume keeps those that may be */
		.offer = RTE_MIN(t->offer, WSCALE_MAX + 1),
	};
}

/* What was used in the last second before the tables' clock stood still may have been used since.
 */
static uint32_t idle_s(const struct offload *o, uint32_t seen_s)
{
	int32_t idle = o->left_s - seen_s;

	return seen_s && idle > 0 ? RTE_MIN(idle, IDLE_MAX_S) : 0;
}

static bool adopt_session(
	struct offload *o, unsigned int worker, const struct config *cfg, uint32_t pair)
{
	const struct weft_bpf_dir *e = offload_entry(o, pair, 0);
	struct session_past past = {.pair = pair};
	struct session_new n = {.past = &past};
	enum weft_drop drop;
	struct session *s;

	if (!read_new(e, cfg, &n))
		return false;
	past.idle_s = RTE_MIN(idle_s(o, __atomic_load_n(&e[0].state.seen_s, __ATOMIC_RELAXED)),
		idle_s(o, __atomic_load_n(&e[1].state.seen_s, __ATOMIC_RELAXED)));
	for (unsigned int i = 0; i < 2; i++)
		past.tcp[i] = tcp_read(&e[i].state.tcp);
	s = session_insert(worker, &n, &drop);
	if (!s)
		return false;
	atomic_fetch_add_explicit(&o->n, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&o->adopted, 1, memory_order_relaxed);
	session_unlock(s);
	return true;
}

static void adopt_pair(
	struct offload *o, unsigned int worker, const struct config *cfg, uint32_t pair)
{
	bool in[2] = {is_placed(2 * pair), is_placed(2 * pair + 1)};

	if (in[0] && in[1] && adopt_session(o, worker, cfg, pair))
		return;
	for (unsigned int i = 0; i < 2; i++) {
		if (in[i])
			offload_place_take(o, &offload_entry(o, pair, i)->key, 2 * pair + i);
	}
	offload_pair_retire(worker, pair);
}

bool offload_adopt(unsigned int worker)
{
	struct offload *o = offload_get();
	const struct config *cfg = config_get();
	uint32_t at, end;

	if (likely(!offload_is_adopting()) || !o)
		return false;
	at = atomic_fetch_add(&adopt.next, ADOPT_PAIRS);
	if (at >= adopt.end) {
		atomic_store(&adopt.next, adopt.end);
		return true; /* others are about to be done */
	}
	end = RTE_MIN(at + ADOPT_PAIRS, adopt.end);
	for (uint32_t pair = at; pair < end; pair++)
		adopt_pair(o, worker, cfg, pair);
	if (atomic_fetch_sub(&adopt.n_left, end - at) == end - at)
		atomic_store(&offload_adopting, false);
	return true;
}
