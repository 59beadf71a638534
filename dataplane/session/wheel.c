/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ageing: a timer wheel per worker, turned by that worker alone.
 *
 * A slot is a second; a session waits in the slot in which it may be over, or in the last one
 * within reach, in one of the slot's lists. These are looked at in turn, so that memory of the
 * next session of each has a while to come: it is only known by the one before it. Packets don't
 * touch the wheel: when its slot comes a session that has been used is put where it may be over
 * next. Work per call is bounded; what is left is done by the next calls.
 *
 * Others tell the owner by a ring which sessions it must look at before their slot comes: removed
 * ones, and those whose timeout got shorter. When the ring is full they set a flag instead, and the
 * owner looks through all its sessions, bit by bit (a sweep); so it does when ports or networks
 * went.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <core/clock.h>

#include "offload_priv.h"

#define WHEEL_SLOTS 1024
#define WHEEL_LISTS 4 /* of a slot */
#define WHEEL_RING  4096
#define WHEEL_LOOKS 32	/* sessions per call, by wheel and by message each */
#define WHEEL_EMPTY 256 /* empty slots per call */
#define WHEEL_SWEEP 32	/* places per call */
static_assert(2 * WHEEL_LOOKS + WHEEL_SWEEP == SESSION_AGE_MAX, "all that one call looks at");

struct wheel {
	uint32_t at_s; /* the next slot to look at */
	uint32_t heads[WHEEL_SLOTS][WHEEL_LISTS];
	struct rte_ring *ring;
	uint64_t n_told; /* messages taken */
	uint32_t sweep;	 /* 0: none, or the next index */
	uint32_t n_new;	 /* begun since the last turn */
	uint32_t list;	 /* whose turn it is */
	_Atomic uint64_t n_looks;
	_Atomic bool sweep_all __attribute__((aligned(64)));
} __attribute__((aligned(64)));

static const uint32_t wheel_default_s[WEFT_TIMEOUT_MAX] = {
#define WHEEL_DEFAULT(number, id, name, dflt) [number] = dflt,
	WEFT_TIMEOUTS(WHEEL_DEFAULT)
#undef WHEEL_DEFAULT
};

static struct wheel *wheels;

static struct rte_ring *wheel_ring_new(void)
{
	ssize_t size = rte_ring_get_memsize_elem(sizeof(uint32_t), WHEEL_RING);
	struct rte_ring *r = aligned_alloc(64, RTE_ALIGN_CEIL((size_t)size, (size_t)64));

	if (r && rte_ring_init(r, "session", WHEEL_RING, RING_F_SC_DEQ) == 0)
		return r;
	free(r);
	return NULL;
}

int wheel_init(void)
{
	wheels = aligned_alloc(64, session_workers * sizeof(*wheels));
	if (!wheels)
		return -ENOMEM;
	memset(wheels, 0, session_workers * sizeof(*wheels));
	for (unsigned int i = 0; i < session_workers; i++) {
		wheels[i].at_s = clock_s();
		wheels[i].ring = wheel_ring_new();
		if (!wheels[i].ring)
			return -ENOMEM;
	}
	return 0;
}

void wheel_fini(void)
{
	for (unsigned int i = 0; wheels && i < session_workers; i++)
		free(wheels[i].ring);
	free(wheels);
	wheels = NULL;
}

uint32_t wheel_timeout_s(const struct session *s, const struct config *cfg, uint8_t state)
{
	const struct config_network *n = cfg ? cfg->networks[s->network] : NULL;
	uint32_t configured = n ? n->spec.timeout_s[state] : 0;

	return configured ? configured : wheel_default_s[state];
}

int32_t session_idle_s(const struct session *s)
{
	uint32_t now = clock_s();
	int32_t idle = now - s->created_s;

	for (unsigned int i = 0; i < 2; i++) {
		struct session_traffic t;

		session_traffic(&s->dir[i], &t);
		if (t.seen_s)
			idle = RTE_MIN(idle, (int32_t)(now - t.seen_s));
	}
	return idle;
}

/* Seconds are cut off, not rounded: one more, so that no session ends before its time. */
uint32_t session_ends_s(const struct session *s, const struct config *cfg)
{
	uint32_t timeout =
		wheel_timeout_s(s, cfg, atomic_load_explicit(&s->state, memory_order_relaxed));
	int64_t ends = (int64_t)clock_s() - session_idle_s(s) + 1 + timeout;

	return ends > 0 ? ends : 0;
}

/* Its network is gone, or the port whose quota it uses: the next one in that slot must not pay for
 * it. */
static bool wheel_orphan(const struct session *s, const struct config *cfg)
{
	const struct config_port *p = cfg ? cfg->ports[s->charged] : NULL;

	return cfg && (!cfg->networks[s->network] || !p ||
			      (p->spec.id != s->port_id[0] && p->spec.id != s->port_id[1]));
}

/* The slot is read by a sweep of another worker, which then reads the owner. */
static void wheel_set_slot(struct session *s, uint16_t slot)
{
	__atomic_store_n(&s->wheel_slot, slot, __ATOMIC_RELEASE);
}

static uint32_t *wheel_head(struct wheel *w, uint32_t slot, const struct session *s)
{
	return &w->heads[slot][session_index(s) % WHEEL_LISTS];
}

static void wheel_link(struct wheel *w, struct session *s, uint32_t due_s)
{
	uint32_t last = w->at_s + WHEEL_SLOTS - 1, slot, index = session_index(s), *head;

	if (due_s > last)
		due_s = last;
	slot = due_s % WHEEL_SLOTS;
	head = wheel_head(w, slot, s);
	s->wheel_prev = 0;
	s->wheel_next = *head;
	if (s->wheel_next)
		session_at(s->wheel_next)->wheel_prev = index;
	*head = index;
	wheel_set_slot(s, slot + 1);
}

static void wheel_unlink(struct wheel *w, struct session *s)
{
	if (s->wheel_next)
		session_at(s->wheel_next)->wheel_prev = s->wheel_prev;
	if (s->wheel_prev)
		session_at(s->wheel_prev)->wheel_next = s->wheel_next;
	else
		*wheel_head(w, s->wheel_slot - 1, s) = s->wheel_next;
	wheel_set_slot(s, 0);
}

void wheel_add(struct session *s, const struct config *cfg)
{
	struct wheel *w = &wheels[s->owner];

	w->n_new++;
	wheel_link(w, s, RTE_MAX(session_ends_s(s, cfg), w->at_s));
}

void wheel_tell(const struct session *s)
{
	struct wheel *w = &wheels[s->owner];
	uint32_t index = session_index(s);

	if (rte_ring_mp_enqueue_elem(w->ring, &index, sizeof(index)) < 0)
		atomic_store_explicit(&w->sweep_all, true, memory_order_release);
}

/* It is dead, or about to be. */
static void wheel_retire(unsigned int worker, struct session *s)
{
	if (s->offload)
		offload_pair_retire(worker, s->offload);
	pool_retire(worker, session_index(s));
}

/* Programs may carry it: others may be about to put it in again. */
static void wheel_end(struct session *s)
{
	if (s->offload)
		session_lock(s);
	session_end(s); /* or somebody else did just now, and his message comes too late */
	if (s->offload)
		session_unlock(s);
}

/* Ends a session that is over, frees a dead one, puts any other where it is due. */
static void wheel_look(unsigned int worker, struct session *s, const struct config *cfg)
{
	struct wheel *w = &wheels[worker];
	uint64_t n = atomic_load_explicit(&w->n_looks, memory_order_relaxed);
	uint32_t due_s;

	atomic_store_explicit(&w->n_looks, n + 1, memory_order_relaxed);
	wheel_unlink(w, s);
	if (s->flags & SESSION_DEAD) {
		wheel_retire(worker, s);
		return;
	}
	if (s->dir[0].flags & SESSION_DIR_OFFLOAD)
		offload_look(worker, s);
	due_s = session_ends_s(s, cfg);
	if (due_s > clock_s() && !wheel_orphan(s, cfg)) {
		if (s->offload && offload_asks_fdb(s))
			due_s = RTE_MIN(due_s, offload_keep(s, cfg));
		wheel_link(w, s, RTE_MAX(due_s, w->at_s + 1));
		return;
	}
	wheel_end(s);
	wheel_retire(worker, s);
}

/* Looks at what others have told. */
static bool wheel_take_messages(unsigned int worker, const struct config *cfg)
{
	struct wheel *w = &wheels[worker];
	uint32_t told[WHEEL_LOOKS];
	unsigned int n =
		rte_ring_sc_dequeue_burst_elem(w->ring, told, sizeof(told[0]), WHEEL_LOOKS, NULL);

	for (unsigned int i = 0; i < n; i++)
		rte_prefetch0(&session_at(told[i])->lock);
	for (unsigned int i = 0; i < n; i++) {
		struct session *s = session_at(told[i]);

		if (s->wheel_slot) /* else it has been freed since */
			wheel_look(worker, s, cfg);
	}
	w->n_told += n;
	return n == WHEEL_LOOKS;
}

uint64_t wheel_n_looks(unsigned int worker)
{
	return atomic_load_explicit(&wheels[worker].n_looks, memory_order_relaxed);
}

void session_sweep(void)
{
	for (unsigned int i = 0; wheels && i < session_workers; i++)
		atomic_store_explicit(&wheels[i].sweep_all, true, memory_order_release);
}

/* Looks at each of its sessions, after messages were lost or by session_sweep. */
static bool wheel_sweep(unsigned int worker, const struct config *cfg)
{
	struct wheel *w = &wheels[worker];
	uint32_t end = pool_end();

	if (unlikely(atomic_load_explicit(&w->sweep_all, memory_order_relaxed)) && !w->sweep) {
		atomic_store(&w->sweep_all, false);
		w->sweep = 1;
	}
	if (likely(!w->sweep))
		return false;
	for (unsigned int i = 0; i < WHEEL_SWEEP && w->sweep < end; i++) {
		struct session *s = session_at(w->sweep++);

		if (__atomic_load_n(&s->wheel_slot, __ATOMIC_ACQUIRE) && s->owner == worker)
			wheel_look(worker, s, cfg);
	}
	if (w->sweep >= end)
		w->sweep = 0;
	return true;
}

/* What ending the next sessions of the list of s will take, which waits for memory otherwise: the
 * buckets of the next one, whose keys have come meanwhile, and all lines of the one after it (index
 * 0 has memory, too). */
static void wheel_prefetch(const struct session *s)
{
	const struct session *next = session_at(s->wheel_next);
	uint8_t *second = (uint8_t *)session_at(next->wheel_next);

	for (unsigned int i = 0; i < SESSION_SIZE; i += RTE_CACHE_LINE_SIZE)
		__builtin_prefetch(second + i, 1);
	session_find_soon(session_hash(&next->dir[0].key));
	session_find_soon(session_hash(&next->dir[1].key));
}

/* Of the slot whose time has come, from the list whose turn it is; 0: it has none left. */
static uint32_t wheel_take(struct wheel *w)
{
	const uint32_t *heads = w->heads[w->at_s % WHEEL_SLOTS];

	for (unsigned int i = 0; i < WHEEL_LISTS; i++) {
		uint32_t index = heads[w->list++ % WHEEL_LISTS];

		if (index)
			return index;
	}
	return 0;
}

/* The slots whose second has come. */
static bool wheel_turn(unsigned int worker, const struct config *cfg)
{
	struct wheel *w = &wheels[worker];
	unsigned int looks = 0, empty = 0;
	unsigned int max = WHEEL_LOOKS + RTE_MIN(2 * w->n_new, (uint32_t)SESSION_AGE_NEW_MAX);
	uint32_t now = clock_s();

	w->n_new = 0;
	if (unlikely(now - w->at_s >= WHEEL_SLOTS && now > w->at_s))
		w->at_s = now - WHEEL_SLOTS + 1; /* once around meets all */
	while (w->at_s <= now) {
		uint32_t index = wheel_take(w);

		if (!index) {
			w->at_s++;
			if (++empty == WHEEL_EMPTY)
				return true;
			continue;
		}
		if (++looks > max)
			return true;
		wheel_prefetch(session_at(index));
		wheel_look(worker, session_at(index), cfg);
	}
	return false;
}

bool session_age(unsigned int worker, const struct config *cfg)
{
	struct wheel *w = &wheels[worker];
	bool more = wheel_turn(worker, cfg);

	more |= wheel_sweep(worker, cfg);
	more |= wheel_take_messages(worker, cfg);
	pool_reclaim(worker, w->n_told, rte_ring_count(w->ring));
	if (offload_get()) {
		more |= offload_adopt(worker);
		offload_pair_reclaim(worker);
	}
	return more;
}
