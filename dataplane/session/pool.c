/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of sessions: one reservation of address space, indices given out from its beginning.
 *
 * A worker takes and frees indices in its own two magazines (after J. Bonwick, "Magazines and
 * Vmem", 2001); full ones go to a depot that all share, so that what one worker frees the others
 * can use. What dies is collected in batches, each freed as a whole after a grace period of RCU; a
 * long grace period makes them large, so they are of magazines too. A free index is linked by
 * wheel_next.
 *
 * There are more indices than sessions may be: magazines and grace periods hold some back, and
 * session_max is to be reached all the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <rte_common.h>
#include <rte_spinlock.h>

#include <core/rcu.h>

#include "session_priv.h"

#define POOL_BATCH	 64 /* indices that a worker takes at a time */
#define POOL_GRACE	 64 /* batches of one worker that wait */
#define POOL_HUGE	 (2u << 20)
#define POOL_AHEAD	 (4u << 20) /* bytes touched before they are needed: 13,000 sessions */
#define POOL_PER_WORKER	 (4 * POOL_BATCH)
#define POOL_GRACE_EXTRA 1024

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

struct magazine {
	uint32_t head;
	uint32_t n;
};

/* Magazines, linked by wheel_prev of each one's first session, whose magazine_n holds how many it
 * has. */
struct stack {
	uint32_t head, last;
};

struct grace_batch {
	struct magazine m;
	struct stack full;
	uint64_t token;	 /* of RCU */
	uint64_t n_told; /* once readers are gone: messages to be taken first */
	bool readers_gone;
};

struct pool {
	struct magazine now, spare;
	uint32_t fresh, fresh_end; /* never used yet */
	struct magazine dead;	   /* still without a token */
	struct stack dead_full;	   /* more of them */
	unsigned int first, n_grace;
	struct grace_batch grace[POOL_GRACE];
} __attribute__((aligned(64)));

static struct pool *pools;

/* Magazines for all. */
static struct {
	rte_spinlock_t lock;
	uint32_t head;		/* as of a stack */
	_Atomic uint32_t fresh; /* indices below it have been given out */
} depot __attribute__((aligned(64)));

static uint64_t pool_touched; /* bytes; main thread */

void *pool_map(size_t size)
{
	size_t align = size >= POOL_HUGE ? POOL_HUGE : 4096;
	uint8_t *map, *at;

	size = RTE_ALIGN_CEIL(size, align);
	map = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	at = RTE_PTR_ALIGN_CEIL(map, align);
	if (at > map)
		munmap(map, at - map);
	if (at < map + align)
		munmap(at + size, map + align - at);
	madvise(at, size, MADV_HUGEPAGE); /* without: slower, no error */
	return at;
}

void pool_unmap(void *map, size_t size)
{
	munmap(map, RTE_ALIGN_CEIL(size, (size_t)(size >= POOL_HUGE ? POOL_HUGE : 4096)));
}

/* An old kernel can't: then who uses it first waits for the page. */
void pool_populate(void *at, size_t size)
{
	madvise(at, size, MADV_POPULATE_WRITE);
}

int pool_init(void)
{
	session_places = session_max + session_max / 8 + session_workers * POOL_PER_WORKER +
			 POOL_GRACE_EXTRA + 1;
	pools = aligned_alloc(64, session_workers * sizeof(*pools));
	session_base = pool_map(session_places * SESSION_SIZE);
	if (!pools || !session_base)
		return -ENOMEM;
	memset(pools, 0, session_workers * sizeof(*pools));
	rte_spinlock_init(&depot.lock);
	depot.head = 0;
	depot.fresh = 1;
	pool_touched = 0;
	return 0;
}

void pool_fini(void)
{
	if (session_base)
		pool_unmap(session_base, session_places * SESSION_SIZE);
	session_base = NULL;
	free(pools);
	pools = NULL;
}

uint32_t pool_end(void)
{
	return atomic_load_explicit(&depot.fresh, memory_order_acquire);
}

uint64_t pool_touch(uint64_t n)
{
	uint64_t all = RTE_ALIGN_CEIL(session_places * SESSION_SIZE, (uint64_t)4096);
	uint64_t want = RTE_MIN(all, pool_end() * SESSION_SIZE + POOL_AHEAD);

	if (want > pool_touched) {
		n = RTE_MIN(n, RTE_ALIGN_CEIL(want - pool_touched, (uint64_t)4096));
		pool_populate((uint8_t *)session_base + pool_touched, n);
		pool_touched += n;
	}
	return pool_touched;
}

static void stack_push(struct stack *s, struct magazine *m)
{
	struct session *first = session_at(m->head);

	first->magazine_n = m->n;
	first->wheel_prev = s->head;
	if (!s->head)
		s->last = m->head;
	s->head = m->head;
	*m = (struct magazine){0};
}

static void depot_put(const struct stack *s)
{
	if (!s->head)
		return;
	rte_spinlock_lock(&depot.lock);
	session_at(s->last)->wheel_prev = depot.head;
	depot.head = s->head;
	rte_spinlock_unlock(&depot.lock);
}

static bool depot_get(struct magazine *ret)
{
	rte_spinlock_lock(&depot.lock);
	ret->head = depot.head;
	if (ret->head) {
		ret->n = session_at(ret->head)->magazine_n;
		depot.head = session_at(ret->head)->wheel_prev;
	}
	rte_spinlock_unlock(&depot.lock);
	return ret->head != 0;
}

static bool depot_get_fresh(struct pool *p)
{
	uint32_t at = atomic_load_explicit(&depot.fresh, memory_order_relaxed), end;

	do {
		end = RTE_MIN(at + POOL_BATCH, session_places);
		if (at == end)
			return false;
	} while (!atomic_compare_exchange_weak(&depot.fresh, &at, end));
	p->fresh = at;
	p->fresh_end = end;
	return true;
}

/* Makes p->now or the fresh ones not empty. */
static bool pool_refill(struct pool *p)
{
	if (p->spare.n) {
		p->now = p->spare;
		p->spare = (struct magazine){0};
		return true;
	}
	return p->fresh < p->fresh_end || depot_get(&p->now) || depot_get_fresh(p);
}

/* What will be written when it is taken. */
static void pool_prefetch(uint32_t index)
{
	uint8_t *s = (uint8_t *)session_at(index);

	for (unsigned int i = 0; i < SESSION_SIZE; i += RTE_CACHE_LINE_SIZE)
		__builtin_prefetch(s + i, 1);
}

uint32_t pool_get(unsigned int worker)
{
	struct pool *p = &pools[worker];
	uint32_t index = p->now.head;

	if (p->now.n == 0) {
		if (!pool_refill(p))
			return 0;
		if (p->now.n == 0)
			return p->fresh++;
		index = p->now.head;
	}
	p->now.head = session_at(index)->wheel_next;
	p->now.n--;
	pool_prefetch(p->now.head);
	return index;
}

void pool_retire(unsigned int worker, uint32_t index)
{
	struct pool *p = &pools[worker];

	if (p->dead.n == POOL_BATCH)
		stack_push(&p->dead_full, &p->dead);
	session_at(index)->wheel_next = p->dead.head;
	p->dead.head = index;
	p->dead.n++;
}

static void pool_give(struct pool *p, struct magazine *m)
{
	struct stack one = {0};

	if (p->now.n == 0)
		p->now = *m;
	else if (p->spare.n == 0)
		p->spare = *m;
	else
		stack_push(&one, m);
	depot_put(&one);
}

/* Gives what has died since the last time its token. */
static void pool_begin_grace(struct pool *p)
{
	struct grace_batch *b;

	if (p->dead.n == 0 || p->n_grace == POOL_GRACE)
		return;
	b = &p->grace[(p->first + p->n_grace++) % POOL_GRACE];
	*b = (struct grace_batch){
		.m = p->dead, .full = p->dead_full, .token = rte_rcu_qsbr_start(rcu_qsbr)};
	p->dead = (struct magazine){0};
	p->dead_full = (struct stack){0};
}

/* A reader that held a session may have sent its owner a message, which has to be taken before the
 * index can be somebody else's. */
void pool_reclaim(unsigned int worker, uint64_t n_told, uint32_t n_waiting)
{
	struct pool *p = &pools[worker];

	if (p->n_grace == 0 && p->dead.n == 0)
		return;
	for (; p->n_grace; p->n_grace--, p->first = (p->first + 1) % POOL_GRACE) {
		struct grace_batch *b = &p->grace[p->first];

		if (!b->readers_gone) {
			if (rte_rcu_qsbr_check(rcu_qsbr, b->token, false) != 1)
				break;
			b->readers_gone = true;
			b->n_told = n_told + n_waiting;
		}
		if ((int64_t)(b->n_told - n_told) > 0)
			break;
		pool_give(p, &b->m);
		depot_put(&b->full);
	}
	pool_begin_grace(p);
}
