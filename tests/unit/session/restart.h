/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For the tests of what becomes of sessions when a data plane dies and another one takes the fast
 * path's tables over: the world of offload_bed.h with one worker, whose sessions talk to the VTEP.
 */
#ifndef RESTART_H
#define RESTART_H

#include "offload_bed.h"

#define RESTART_MAX 1024 /* sessions */

/* bed_init with so many pairs of entries, and places enough. */
void restart_bed(uint32_t n_pairs);
/* The same, with session 1 in. */
void restart_bed_with_one(void);
/* A packet of session k in each direction: hit is 0, else enum weft_bpf_miss. */
void restart_expect(uint32_t k, int miss);
struct offload_stats restart_stats(void);
/* Places that are taken. */
unsigned int restart_n_places(void);
/* The first configuration of the one that comes after; its ports are not open yet. */
void restart_commit(void);
/* All of it: dies, comes again, has a configuration, has adopted, its ports are open. */
void restart(void);
void restart_pass_quarantine(void);
/* Session k is judged in both directions, and allowed. */
void restart_redecide(uint32_t k);

#endif
