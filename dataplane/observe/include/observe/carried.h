/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that the fast path's programs carried while somebody watches, on their way to the main
 * thread (weft_bpf/trace.h). Main thread.
 */
#ifndef OBSERVE_CARRIED_H
#define OBSERVE_CARRIED_H

#include <stdbool.h>
#include <stdint.h>

#include <weft_bpf/trace.h>

/* From now on there are programs that share this memory, until NULL and NULL say that there are
 * none. Whatever another data plane watched ends. */
void carried_attach(struct weft_bpf_control *control, union weft_bpf_trace *trace);

/* Programs tell of packets that pass f (copied; NULL: of none) and of no others; what they told
 * before is forgotten. Nothing happens without programs. */
void carried_watch(const struct weft_bpf_filter *f);

/* What was carried until now is there for carried_take. */
void carried_turn(void);
/* Takes the oldest one. False: there is none. */
bool carried_take(struct weft_bpf_carried *ret);
/* How many found no room so far. */
uint64_t carried_lost(void);

#endif
