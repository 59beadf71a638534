/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MAC learning's main-thread side: judges what workers saw and keeps the FDB's learned entries
 * within quotas, and ages them. Knows no packets and no sockets. learn_post: workers; the rest:
 * main thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <core/clock.h>
#include <observe/counters.h>
#include <table/learn.h>

#define QUEUE_SIZE 4096 /* events; what a worker can't queue it sees again in the next frame */
#define SCAN_MS	   UINT64_C(8000) /* time in which ageing goes over the whole table */
#define SCAN_MIN   UINT64_C(512)  /* places per call */
#define SCAN_MAX   UINT64_C(16384)

static_assert(sizeof(struct learn_event) % 4 == 0, "element of an rte_ring");

struct dest_state {
	uint32_t n_learned;
	uint32_t limit_told_s; /* last second in which LIMIT was told, plus one */
};

struct segment_state {
	uint32_t n_learned;
	uint32_t moves_s; /* the second that n_moves counts */
	uint32_t n_moves;
};

static struct {
	struct rte_ring *queue;
	learn_listener_fn listener;
	learn_revoker_fn revoker;
	uint32_t n_learned;
	uint64_t cursor;
	uint64_t scanned_ms;
	struct dest_state ports[WEFT_MAX_PORTS];
	struct dest_state vteps[WEFT_MAX_VTEPS];
	struct segment_state segments[WEFT_MAX_SEGMENTS];
} * learn;

int learn_init(void)
{
	ssize_t size = rte_ring_get_memsize_elem(sizeof(struct learn_event), QUEUE_SIZE);

	learn = calloc(1, sizeof(*learn));
	if (!learn)
		return -ENOMEM;
	learn->queue =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));
	if (!learn->queue || rte_ring_init(learn->queue, "learn", QUEUE_SIZE, RING_F_SC_DEQ) < 0) {
		learn_fini();
		return -ENOMEM;
	}
	return 0;
}

void learn_fini(void)
{
	if (!learn)
		return;
	free(learn->queue);
	free(learn);
	learn = NULL;
}

void learn_set_listener(learn_listener_fn fn)
{
	learn->listener = fn;
}

void learn_set_revoker(learn_revoker_fn fn)
{
	learn->revoker = fn;
}

bool learn_post(const struct learn_event *e)
{
	return rte_ring_mp_enqueue_elem(learn->queue, (void *)(uintptr_t)e, sizeof(*e)) == 0;
}

static struct dest_state *dest_state(dest_t dest)
{
	return dest & DEST_VTEP_BIT ? &learn->vteps[DEST_SLOT(dest)]
				    : &learn->ports[DEST_SLOT(dest)];
}

uint32_t learn_count(void)
{
	return learn->n_learned;
}

uint32_t learn_count_dest(dest_t dest)
{
	return dest_state(dest)->n_learned;
}

uint32_t learn_count_segment(uint16_t segment_slot)
{
	return learn->segments[segment_slot].n_learned;
}

static void uncount(uint16_t segment_slot, dest_t dest)
{
	learn->n_learned--;
	learn->segments[segment_slot].n_learned--;
	dest_state(dest)->n_learned--;
}

static void revoke(uint16_t segment_slot)
{
	if (learn->revoker)
		learn->revoker(segment_slot);
}

void learn_ended(uint16_t segment_slot, dest_t dest)
{
	uncount(segment_slot, dest);
	revoke(segment_slot);
}

/* f is not any more where it was. */
static void leave(struct fdb_entry *f, uint16_t segment_slot)
{
	if (atomic_exchange(&f->carried, 0))
		revoke(segment_slot);
}

static void tell(
	const struct config *cfg, const struct fdb_key *key, dest_t dest, enum weft_fdb_event event)
{
	if (learn->listener)
		learn->listener(cfg, key, dest, event);
}

static void refuse(const struct config *cfg, const struct learn_event *e, uint32_t now_s)
{
	struct dest_state *d = dest_state(e->dest);

	if (!(e->dest & DEST_VTEP_BIT))
		counters_port(counters_shm->n_workers, DEST_SLOT(e->dest))->learn_refused++;
	if (d->limit_told_s == now_s + 1)
		return;
	d->limit_told_s = now_s + 1;
	tell(cfg, &e->key, e->dest, WEFT_FDB_EVENT_LIMIT);
}

/* Whether what the event speaks of is still the same and may teach. An event may wait in the queue
 * while its slots are given to others. */
static bool may_teach(const struct config *cfg, const struct learn_event *e)
{
	const struct config_segment *s = cfg->segments[e->key.segment_slot];
	uint16_t slot = DEST_SLOT(e->dest);

	if (!s || s->since > e->generation || weft_mac_is_group(&e->key.mac) ||
		weft_mac_is_zero(&e->key.mac))
		return false;
	if (e->dest & DEST_VTEP_BIT) {
		const struct config_vtep *v = slot < WEFT_MAX_VTEPS ? cfg->vteps[slot] : NULL;

		return v && v->since <= e->generation &&
		       (s->spec.flags & WEFT_SEGMENT_LEARN_WIRE) &&
		       config_segment_has_vtep(s, slot);
	}
	if (slot >= WEFT_MAX_PORTS || !cfg->ports[slot])
		return false;
	return cfg->ports[slot]->since <= e->generation &&
	       cfg->ports[slot]->segment_slot == e->key.segment_slot &&
	       (cfg->ports[slot]->spec.flags & WEFT_PORT_LEARN);
}

/* Room for one more behind this port. A VTEP is bounded by the segment alone. */
static bool dest_has_room(const struct config *cfg, dest_t dest)
{
	return dest & DEST_VTEP_BIT ||
	       dest_state(dest)->n_learned < cfg->ports[DEST_SLOT(dest)]->spec.max_learned;
}

/* Spends one move of the MAC's and the segment's allowance for this second. */
static bool move_allowed(struct fdb_entry *f, struct segment_state *s, uint32_t now_s)
{
	if (f->moved_s != (uint16_t)now_s) {
		f->moved_s = now_s;
		f->n_moves = 0;
	}
	if (s->moves_s != now_s) {
		s->moves_s = now_s;
		s->n_moves = 0;
	}
	if (f->n_moves >= LEARN_MAC_MOVES || s->n_moves >= LEARN_SEGMENT_MOVES)
		return false;
	f->n_moves++;
	s->n_moves++;
	return true;
}

static void move(
	const struct config *cfg, struct fdb_entry *f, const struct learn_event *e, uint32_t now_s)
{
	if (!dest_has_room(cfg, e->dest) ||
		!move_allowed(f, &learn->segments[e->key.segment_slot], now_s)) {
		refuse(cfg, e, now_s);
		return;
	}
	dest_state(f->dest)->n_learned--;
	dest_state(e->dest)->n_learned++;
	__atomic_store_n(&f->dest, e->dest, __ATOMIC_RELAXED);
	leave(f, e->key.segment_slot);
	atomic_store_explicit(&f->seen_s, now_s, memory_order_relaxed);
	tell(cfg, &e->key, e->dest, WEFT_FDB_EVENT_MOVED);
}

static void add(const struct config *cfg, const struct learn_event *e, uint32_t now_s)
{
	struct segment_state *s = &learn->segments[e->key.segment_slot];
	struct fdb_entry *f = NULL;

	if (learn->n_learned < LEARN_MAX && dest_has_room(cfg, e->dest) &&
		s->n_learned < cfg->segments[e->key.segment_slot]->spec.max_learned)
		f = (struct fdb_entry *)vhash_put(cfg->fdb, &e->key, cfg->generation + 1);
	if (!f) {
		refuse(cfg, e, now_s);
		return;
	}
	f->dest = e->dest;
	f->learned = 1;
	f->moved_s = now_s;
	atomic_store_explicit(&f->seen_s, now_s, memory_order_relaxed);
	vhash_reveal(cfg->fdb, &f->v, cfg->generation);
	vhash_commit(cfg->fdb, cfg->generation + 1);
	learn->n_learned++;
	s->n_learned++;
	dest_state(e->dest)->n_learned++;
	tell(cfg, &e->key, e->dest, WEFT_FDB_EVENT_LEARNED);
}

static void judge(const struct config *cfg, const struct learn_event *e, uint32_t now_s)
{
	struct fdb_entry *f;

	if (!may_teach(cfg, e))
		return;
	f = (struct fdb_entry *)vhash_find(cfg->fdb, &e->key, cfg->generation);
	if (!f)
		add(cfg, e, now_s);
	else if (f->learned && f->dest != e->dest)
		move(cfg, f, e, now_s);
}

unsigned int learn_process(unsigned int max, uint32_t now_s)
{
	const struct config *cfg = config_get();
	struct learn_event events[64];
	unsigned int taken = 0;

	while (taken < max) {
		unsigned int n = rte_ring_sc_dequeue_burst_elem(learn->queue, events,
			sizeof(events[0]), RTE_MIN(max - taken, RTE_DIM(events)), NULL);

		for (unsigned int i = 0; cfg && i < n; i++)
			judge(cfg, &events[i], now_s);
		taken += n;
		if (n == 0)
			break;
	}
	return taken;
}

static void end_learned(const struct config *cfg, struct fdb_entry *f)
{
	struct fdb_key key;

	memcpy(&key, f->v.key, sizeof(key));
	if (!vhash_delete(cfg->fdb, &key, cfg->generation))
		return;
	leave(f, key.segment_slot);
	uncount(key.segment_slot, f->dest);
	tell(cfg, &key, f->dest, WEFT_FDB_EVENT_AGED);
}

static bool is_old(const struct config *cfg, const struct fdb_entry *f, uint32_t now_s)
{
	uint32_t seen = atomic_load_explicit(&f->seen_s, memory_order_relaxed), ageing;
	struct fdb_key key;

	if (!f->learned)
		return false;
	memcpy(&key, f->v.key, sizeof(key));
	ageing = cfg->segments[key.segment_slot]->spec.ageing_s;
	if (ageing && atomic_load_explicit(&f->carried, memory_order_relaxed))
		ageing += learn_look_s(ageing) + 1;
	/* A worker may have stored a second that the caller has not reached yet. */
	return ageing && now_s > seen && now_s - seen >= ageing;
}

/* How many places to look at, so that a call every so often covers the table in SCAN_MS. */
static uint32_t scan_budget(const struct config *cfg)
{
	uint64_t now = clock_ms(), span = vhash_span(cfg->fdb);
	uint64_t budget = span * RTE_MIN(now - learn->scanned_ms, SCAN_MS) / SCAN_MS;

	learn->scanned_ms = now;
	budget = RTE_MAX(budget, SCAN_MIN);
	return RTE_MIN(budget, SCAN_MAX);
}

void learn_age(uint32_t now_s)
{
	const struct config *cfg = config_get();
	struct fdb_entry *f;
	uint32_t budget;

	if (!cfg || learn->n_learned == 0)
		return;
	budget = scan_budget(cfg);
	while ((f = (struct fdb_entry *)vhash_next_within(
			cfg->fdb, &learn->cursor, cfg->generation, &budget)))
		if (is_old(cfg, f, now_s))
			end_learned(cfg, f);
	if (budget > 0)
		learn->cursor = 0;
	vhash_commit(cfg->fdb, cfg->generation);
}

uint32_t learn_flush(uint16_t segment_slot, uint16_t port_slot)
{
	const struct config *cfg = config_get();
	uint32_t before = learn->n_learned;
	struct fdb_entry *f;
	uint64_t cursor = 0;

	if (!cfg || before == 0)
		return 0;
	while ((f = (struct fdb_entry *)vhash_next(cfg->fdb, &cursor, cfg->generation))) {
		struct fdb_key key;

		memcpy(&key, f->v.key, sizeof(key));
		if (f->learned && (!segment_slot || key.segment_slot == segment_slot) &&
			(!port_slot || f->dest == port_slot))
			end_learned(cfg, f);
	}
	vhash_commit(cfg->fdb, cfg->generation);
	return before - learn->n_learned;
}
