/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pairs of entries in weft_dirs: who has which. A worker gives out pairs of its own free list, and
 * what its sessions leave goes there again after a quarantine; of what one has too much the others
 * get through a depot. Workers.
 */
#include <errno.h>
#include <stdlib.h>

#include <core/clock.h>
#include <core/rcu.h>

#include "offload_priv.h"

#define PAIR_BATCH 64	/* fresh ones taken at a time */
#define PAIR_KEEP  1024 /* a worker with more free ones than that gives some away */

struct pair_list {
	uint32_t head, tail, n;
};

struct pair_pool {
	struct pair_list free;
	struct pair_list dead;	  /* have no token yet */
	struct pair_list waiting; /* for token and due_ms */
	uint64_t token;
	uint64_t due_ms;
} __attribute__((aligned(64)));

static struct pair_pool *pools;
static uint32_t *pair_next; /* links of lists, by pair */
static uint32_t pair_end;
static _Atomic uint32_t pair_fresh; /* below it all have been given out */

static struct {
	rte_spinlock_t lock;
	struct pair_list free;
} depot;

int offload_pair_init(uint32_t n_pairs)
{
	pools = aligned_alloc(64, session_workers * sizeof(*pools));
	pair_next = calloc(n_pairs, sizeof(*pair_next));
	if (!pools || !pair_next) {
		offload_pair_fini();
		return -ENOMEM;
	}
	memset(pools, 0, session_workers * sizeof(*pools));
	depot.free = (struct pair_list){0};
	pair_end = n_pairs;
	pair_fresh = 1;
	return 0;
}

void offload_pair_fini(void)
{
	free(pools);
	free(pair_next);
	pools = NULL;
	pair_next = NULL;
}

void offload_pair_take_all(void)
{
	pair_fresh = pair_end;
}

static void list_push(struct pair_list *l, uint32_t pair)
{
	pair_next[pair] = l->head;
	if (!l->head)
		l->tail = pair;
	l->head = pair;
	l->n++;
}

static uint32_t list_pop(struct pair_list *l)
{
	uint32_t pair = l->head;

	if (!pair)
		return 0;
	l->head = pair_next[pair];
	l->n--;
	return pair;
}

static void list_append(struct pair_list *l, struct pair_list *from)
{
	if (!from->head)
		return;
	if (l->head)
		pair_next[l->tail] = from->head;
	else
		l->head = from->head;
	l->tail = from->tail;
	l->n += from->n;
	*from = (struct pair_list){0};
}

static void get_fresh(struct pair_list *to)
{
	uint32_t at = atomic_load_explicit(&pair_fresh, memory_order_relaxed), end;

	do {
		end = RTE_MIN(at + PAIR_BATCH, pair_end);
	} while (at < end && !atomic_compare_exchange_weak(&pair_fresh, &at, end));
	while (end > at)
		list_push(to, --end);
}

static void get_given(struct pair_list *to)
{
	rte_spinlock_lock(&depot.lock);
	for (unsigned int i = 0; i < PAIR_BATCH && depot.free.head; i++)
		list_push(to, list_pop(&depot.free));
	rte_spinlock_unlock(&depot.lock);
}

uint32_t offload_pair_get(unsigned int worker)
{
	struct pair_list *l = &pools[worker].free;

	if (!l->head)
		get_fresh(l);
	if (!l->head)
		get_given(l);
	return list_pop(l);
}

void offload_pair_retire(unsigned int worker, uint32_t pair)
{
	list_push(&pools[worker].dead, pair);
}

static void give(struct pair_list *l)
{
	rte_spinlock_lock(&depot.lock);
	while (l->n > PAIR_KEEP / 2)
		list_push(&depot.free, list_pop(l));
	rte_spinlock_unlock(&depot.lock);
}

void offload_pair_reclaim(unsigned int worker)
{
	struct pair_pool *p = &pools[worker];

	if (p->waiting.n && clock_ms() >= p->due_ms &&
		rte_rcu_qsbr_check(rcu_qsbr, p->token, false) == 1) {
		list_append(&p->free, &p->waiting);
		if (p->free.n > PAIR_KEEP)
			give(&p->free);
	}
	if (p->waiting.n || !p->dead.n)
		return;
	list_append(&p->waiting, &p->dead);
	p->token = rte_rcu_qsbr_start(rcu_qsbr);
	p->due_ms = clock_ms() + OFFLOAD_QUARANTINE_MS;
}
