/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watching: the steps of real packets that pass a filter, told from workers to the main thread.
 *
 * One filter at a time. It is asked about packets as the parser has found them, the inner ones of a
 * tunnel, before anything rewrites them; what the parser refuses is never watched. Copies,
 * fragments and answers of a watched packet bear its number, which is one worker's alone for 16
 * million packets: the worker in the upper 8 bits.
 *
 * Nothing here can make a worker wait: it is held to filter.rate packets per second, and its
 * records are lost, and counted, when nobody takes them in time. Without a filter a packet costs
 * one predictable branch.
 *
 * With WEFT_WATCH_DROPPED it is drops that count against the rate and are told: how the packet came
 * (RECEIVED, TUNNEL, PARSED), once, and DROP, for each copy of it.
 *
 * What programs in the kernel carry is watched as well, when they have been attached: their packets
 * bear numbers of WEFT_TRACE_NO_WORKER, are held to the same rate as one more worker's, and one
 * that finds no room is one lost record.
 *
 * Main thread.
 */
#ifndef PIPELINE_WATCH_H
#define PIPELINE_WATCH_H

#include <weft/trace.h>

/* For that many workers, while none runs; so is fini. Returns 0 or -ENOMEM. */
int watch_init(unsigned int n_workers);
void watch_fini(void);

union weft_bpf_trace;
struct weft_bpf_control;
/* What is shared with programs (weft_bpf/trace.h), until NULLs say that there are none. Ends what
 * another data plane may have watched. */
void watch_attach(struct weft_bpf_control *control, union weft_bpf_trace *trace);

/* From now on packets that pass f, which weft_watch_wrong finds nothing wrong with, are watched,
 * and no others; f is copied. What was not taken of an earlier filter is forgotten. Returns 0, or
 * -ENOMEM: all is as it was. */
int watch_set(const struct weft_watch_filter *f);
void watch_clear(void);

/* Takes up to max records of the present filter, those of a packet in order. Returns their number.
 */
unsigned int watch_drain(struct weft_trace_record *ret, unsigned int max);

/* Since watch_set. */
struct watch_missed {
	uint64_t lost;	  /* records that found no room */
	uint64_t skipped; /* packets, or drops, that were more than the filter's rate */
};
void watch_missed(struct watch_missed *ret);

#endif
