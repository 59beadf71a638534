/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the offload share.
 *
 *   offload.c        a session into the tables and out     offload_pair.c   who has which entries
 *   offload_entry.c  what programs are told of it          offload_commit.c epochs, tunnels, ports
 */
#ifndef OFFLOAD_PRIV_H
#define OFFLOAD_PRIV_H

#include <rte_spinlock.h>

#include <session/offload.h>

#include "session_priv.h"

#define OFFLOAD_LOCKS 1024 /* of buckets; a power of two */
/* Longer than any program runs that has found an entry. */
#define OFFLOAD_QUARANTINE_MS 100

struct offload {
	struct offload_tables t;
	uint64_t boot_id;
	uint32_t epoch;	  /* the last one given to any segment; main thread */
	uint64_t from_ms; /* what an earlier data plane left is still in use until then */
	bool swept;	  /* main thread: sessions that were there before are being put in */
	_Atomic uint64_t n, full, empty;
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

static inline bool offload_is_in(const struct session *s)
{
	return s->dir[0].flags & SESSION_DIR_OFFLOADED;
}

/* offload_entry.c. What programs are told of s->dir[i], whose decision holds in cfg, but for peer
 * and epoch. False: they can't carry it. */
bool offload_describe(const struct session *s, unsigned int i, const struct config *cfg,
	struct weft_bpf_key *ret_key, struct weft_bpf_decision *ret);

/* offload_commit.c. The port as offload_set_port said. Any thread. */
struct offload_port offload_port_at(uint16_t slot);

/* offload_pair.c. A pair is two entries, 2 * pair and the next one; 0: none. */
int offload_pair_init(uint32_t n_pairs);
void offload_pair_fini(void);
/* A free one, 0: none left. That worker. */
uint32_t offload_pair_get(unsigned int worker);
/* It becomes free when nobody can use it any more. That worker. */
void offload_pair_retire(unsigned int worker, uint32_t pair);
/* Frees what is due. That worker, now and then. */
void offload_pair_reclaim(unsigned int worker);

#endif
