/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the offload share.
 *
 *   offload.c        a session into the tables and out     offload_pair.c   who has which entries
 *   offload_entry.c  what programs are told of it          offload_commit.c epochs, tunnels, ports
 *   offload_adopt.c  sessions of a data plane before       offload_ask.c    may a packet stay there
 *   offload_plain.c  what those stand on that the FDB has a say in
 *   offload_place.c  how programs find them
 */
#ifndef OFFLOAD_PRIV_H
#define OFFLOAD_PRIV_H

#include <rte_spinlock.h>

#include <session/offload.h>

#include "session_priv.h"

#define OFFLOAD_LOCKS 1024 /* of buckets; a power of two */
/* Longer than any program runs that has found an entry. */
#define OFFLOAD_QUARANTINE_MS 100

enum offload_phase {
	OFFLOAD_LEFT,	 /* its sessions go on as another data plane has left them */
	OFFLOAD_REVOKED, /* all epochs are 0; whoever uses what was there before is finishing */
	OFFLOAD_RUNS,
};

struct offload {
	struct offload_tables t;
	uint64_t boot_id;
	uint32_t left_s;  /* where the tables' clock stood when it was taken over */
	uint32_t ahead_s; /* of ours, modulo 2^32 */
	/* The main thread's. */
	enum offload_phase phase;
	uint32_t epoch;	  /* the last one given to any segment */
	uint64_t from_ms; /* the end of OFFLOAD_LEFT at the latest; of OFFLOAD_REVOKED, but for the
			     token of RCU */
	uint64_t token;
	uint64_t n_refused; /* for want of room, when all were last looked through */
	uint64_t again_ms;
	_Atomic uint64_t n, full, empty, adopted;
	_Atomic uint64_t masks; /* of buckets, see offload_place.c */
	rte_spinlock_t locks[OFFLOAD_LOCKS];
};

/* NULL: none. */
extern struct offload *_Atomic offload_current;

static inline struct offload *offload_get(void)
{
	return atomic_load_explicit(&offload_current, memory_order_acquire);
}

/* offload.c. With the lock, after anything of it has changed: out, or in again; its owner is told
 * when it has no entries yet. */
void offload_changed(struct session *s);
/* Takes it out. With the lock. */
void offload_withdraw(struct session *s);
/* Puts s in if it wants to be there. Its owner, without the lock. */
void offload_look(unsigned int worker, struct session *s);

/* Entry i of a pair. */
static inline struct weft_bpf_dir *offload_entry(
	const struct offload *o, uint32_t pair, unsigned int i)
{
	return &o->t.dirs[2 * pair + i];
}

/* offload_place.c. The direction with that index, which is in no place, into one. False: there is
 * no room. Any thread. */
bool offload_place_put(struct offload *o, const struct weft_bpf_key *key, uint32_t index);
/* Out of it, if it is there. Any thread. */
void offload_place_take(struct offload *o, const struct weft_bpf_key *key, uint32_t index);
/* Does n_buckets_mask say what a data plane like this one may have left? */
bool offload_buckets_fit(const struct offload_tables *t);
/* As many as in new tables, which are empty; as many as programs use already. Main thread, before
 * o is offload_current. */
void offload_buckets_begin(struct offload *o);
void offload_buckets_adopt(struct offload *o);
/* Doubles them if there are few for what is in. False: not needed. Main thread. */
bool offload_buckets_grow(struct offload *o);

static inline bool offload_is_in(const struct session *s)
{
	return s->dir[0].flags & SESSION_DIR_OFFLOADED;
}

/* offload_entry.c. What programs are told of s->dir[i], whose decision holds in cfg, but for peer
 * and epoch. False: they can't carry it. */
bool offload_describe(const struct session *s, unsigned int i, const struct config *cfg,
	struct weft_bpf_key *ret_key, struct weft_bpf_decision *ret);

/* Does s go where the FDB says? One of a plain segment, or to a learned MAC. */
static inline bool offload_asks_fdb(const struct session *s)
{
	return (s->flags & SESSION_PLAIN) ||
	       ((s->dir[0].flags | s->dir[1].flags) & SESSION_DIR_FDB);
}

/* offload_plain.c, of those. With the lock, after the epoch was read that s is to go in with: the
 * FDB has its MACs where it needs them. */
bool offload_is_placed(const struct session *s, const struct config *cfg);
/* Keeps learned MACs that it has from ageing, as long as programs see them. Returns the second
 * (clock_s) in which it is to be called again, UINT32_MAX: never. Its owner, without the lock. */
uint32_t offload_keep(struct session *s, const struct config *cfg);

/* offload_pair.c. A pair is two entries, 2 * pair and the next one; 0: none. */
int offload_pair_init(uint32_t n_pairs);
void offload_pair_fini(void);
/* None is free: each is somebody's, or comes by offload_pair_retire. Before any is given out. */
void offload_pair_take_all(void);
/* A free one, 0: none left. That worker. */
uint32_t offload_pair_get(unsigned int worker);
/* It becomes free when nobody can use it any more. That worker. */
void offload_pair_retire(unsigned int worker, uint32_t pair);
/* Frees what is due. That worker, now and then. */
void offload_pair_reclaim(unsigned int worker);

/* offload_adopt.c. Returns 0 or -ENOMEM. */
int offload_adopt_init(uint32_t n_dirs);
void offload_adopt_fini(void);
/* What is in the tables waits to be adopted into cfg; raises o->epoch to the last one that it has.
 * Main thread, before o is offload_current; epochs and tunnels are still as they were left. */
void offload_adopt_begin(struct offload *o, const struct config *cfg);
/* That worker, once per round: adopts some. True: there is more to do. */
bool offload_adopt(unsigned int worker);

#endif
