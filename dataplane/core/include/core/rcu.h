/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reclamation: workers read shared structures without locks; the main thread unlinks objects and
 * frees them once every worker has passed a quiescent state. One QSBR variable (rte_rcu_qsbr) for
 * the process; a worker's number in it is its worker index.
 *
 * The main thread is no reader but between rcu_main_enter and rcu_main_leave: what workers free
 * (sessions) stays while it walks.
 *
 * rcu_retire and rcu_reclaim: main thread only. rcu_synchronize: any thread that is not a worker.
 */
#ifndef CORE_RCU_H
#define CORE_RCU_H

#include <stddef.h>

#include <rte_rcu_qsbr.h>

extern struct rte_rcu_qsbr *rcu_qsbr;

/* Returns 0 or -ENOMEM. Without workers (unit tests) retire frees at the next reclaim. */
int rcu_init(unsigned int n_workers);
/* Frees everything retired; no worker may run any more. */
void rcu_fini(void);

void rcu_worker_register(unsigned int worker);
void rcu_worker_unregister(unsigned int worker);

static inline void rcu_worker_quiescent(unsigned int worker)
{
	rte_rcu_qsbr_quiescent(rcu_qsbr, worker);
}
/* Around a sleep: the worker holds no reference meanwhile. */
static inline void rcu_worker_offline(unsigned int worker)
{
	rte_rcu_qsbr_thread_offline(rcu_qsbr, worker);
}
static inline void rcu_worker_online(unsigned int worker)
{
	rte_rcu_qsbr_thread_online(rcu_qsbr, worker);
}

/* Main thread, around a bounded piece of work: it reads as workers do. Not nested. */
void rcu_main_enter(void);
void rcu_main_leave(void);

/* Calls fn(arg) from a later rcu_reclaim, after a grace period. Never blocks. */
void rcu_retire(void (*fn)(void *arg), void *arg);
/* Runs what is due; returns how many callbacks still wait. */
size_t rcu_reclaim(void);
/* Blocks for a grace period: device teardown outside the main thread only. */
void rcu_synchronize(void);

#endif
