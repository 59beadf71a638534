/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deferred reclamation by quiescent states.
 *
 * What is retired is noted in chunks, oldest first. A chunk gets its token when it is full or at
 * the next reclaim, which is after all of its objects were unlinked; one token for many objects
 * keeps retiring a million entries cheap. Main thread only, but for the inline functions of the
 * header.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_common.h>

#include <core/rcu.h>

#define RCU_CHUNK 1020

struct rcu_note {
	void (*fn)(void *arg);
	void *arg;
};

struct rcu_chunk {
	STAILQ_ENTRY(rcu_chunk) link;
	uint64_t token; /* valid when closed */
	unsigned int n;
	bool closed;
	struct rcu_note notes[RCU_CHUNK];
};

struct rte_rcu_qsbr *rcu_qsbr;

static STAILQ_HEAD(, rcu_chunk) rcu_chunks = STAILQ_HEAD_INITIALIZER(rcu_chunks);
static struct rcu_chunk *rcu_open; /* the last one, when it still takes notes */
static size_t rcu_waiting;
static unsigned int rcu_main_id; /* in rcu_qsbr, after the workers */

int rcu_init(unsigned int n_workers)
{
	unsigned int n = (n_workers ? n_workers : 1) + 1;
	size_t size = RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(n), (size_t)RTE_CACHE_LINE_SIZE);

	rcu_qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (!rcu_qsbr)
		return -ENOMEM;
	memset(rcu_qsbr, 0, size);
	if (rte_rcu_qsbr_init(rcu_qsbr, n) == 0) {
		rcu_main_id = n - 1;
		return rte_rcu_qsbr_thread_register(rcu_qsbr, rcu_main_id) == 0 ? 0 : -ENOMEM;
	}
	free(rcu_qsbr);
	rcu_qsbr = NULL;
	return -ENOMEM;
}

static void rcu_close_chunk(void)
{
	if (!rcu_open)
		return;
	rcu_open->token = rte_rcu_qsbr_start(rcu_qsbr);
	rcu_open->closed = true;
	rcu_open = NULL;
}

/* Takes the chunk off the list before running it: its callbacks may retire in turn. */
static void rcu_run_chunk(struct rcu_chunk *c)
{
	STAILQ_REMOVE_HEAD(&rcu_chunks, link);
	for (unsigned int i = 0; i < c->n; i++)
		c->notes[i].fn(c->notes[i].arg);
	rcu_waiting -= c->n;
	free(c);
}

void rcu_fini(void)
{
	struct rcu_chunk *c;

	while ((c = STAILQ_FIRST(&rcu_chunks))) {
		if (c == rcu_open)
			rcu_open = NULL;
		rcu_run_chunk(c);
	}
	free(rcu_qsbr);
	rcu_qsbr = NULL;
}

void rcu_worker_register(unsigned int worker)
{
	rte_rcu_qsbr_thread_register(rcu_qsbr, worker);
	rte_rcu_qsbr_thread_online(rcu_qsbr, worker);
}

void rcu_worker_unregister(unsigned int worker)
{
	rte_rcu_qsbr_thread_offline(rcu_qsbr, worker);
	rte_rcu_qsbr_thread_unregister(rcu_qsbr, worker);
}

void rcu_main_enter(void)
{
	rte_rcu_qsbr_thread_online(rcu_qsbr, rcu_main_id);
}

void rcu_main_leave(void)
{
	rte_rcu_qsbr_thread_offline(rcu_qsbr, rcu_main_id);
}

/* Without memory for the note the object is kept for good: never freed is safe, freed early is not,
 * and waiting here for the workers would stall the main thread. */
void rcu_retire(void (*fn)(void *arg), void *arg)
{
	struct rcu_chunk *c = rcu_open;

	if (!c) {
		c = malloc(sizeof(*c));
		if (!c)
			return;
		c->n = 0;
		c->closed = false;
		STAILQ_INSERT_TAIL(&rcu_chunks, c, link);
		rcu_open = c;
	}
	c->notes[c->n++] = (struct rcu_note){.fn = fn, .arg = arg};
	rcu_waiting++;
	if (c->n == RCU_CHUNK)
		rcu_close_chunk();
}

size_t rcu_reclaim(void)
{
	struct rcu_chunk *c;

	rcu_close_chunk();
	while ((c = STAILQ_FIRST(&rcu_chunks)) && c->closed) {
		if (rte_rcu_qsbr_check(rcu_qsbr, c->token, false) != 1)
			break;
		rcu_run_chunk(c);
	}
	return rcu_waiting;
}

void rcu_synchronize(void)
{
	rte_rcu_qsbr_synchronize(rcu_qsbr, RTE_QSBR_THRID_INVALID);
}
