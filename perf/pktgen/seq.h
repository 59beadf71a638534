/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What became of a stream's packets, told from the sequence numbers that arrive: lost, reordered,
 * duplicated. A packet is reordered when a later one came before it (RFC 4737 section 3.3). One
 * that comes more than SEQ_WINDOW numbers late may be either; it counts as late and stays lost.
 * Numbers are 32 bits and wrap. One thread.
 */
#ifndef PKTGEN_SEQ_H
#define PKTGEN_SEQ_H

#include <stdint.h>

#define SEQ_WINDOW 65536

struct seq_tracker {
	uint32_t next;	   /* the number after the greatest that came */
	uint64_t received; /* all of them, duplicates too */
	uint64_t missing;  /* numbers below next that have not come */
	uint64_t reordered;
	uint64_t duplicates;
	uint64_t late;
	uint64_t gaps;			  /* times that numbers were left out */
	uint32_t extent;		  /* the most that a reordered packet was behind */
	uint64_t last_gap_time;		  /* what seq_add was told when the last gap was seen */
	uint64_t window[SEQ_WINDOW / 64]; /* bit: this number of the last SEQ_WINDOW has come */
};

/* first: the number of the first packet that is sent. */
void seq_init(struct seq_tracker *t, uint32_t first);
/* Any number but t->next. */
void seq_add_other(struct seq_tracker *t, uint32_t seq, uint64_t now);
/* Packets that were sent and have not come; sent is how many numbers were given out. */
uint64_t seq_lost(const struct seq_tracker *t, uint32_t first, uint64_t sent);

static inline void seq_mark(struct seq_tracker *t, uint32_t seq)
{
	uint64_t *word = &t->window[seq % SEQ_WINDOW / 64];

	/* Entering a word drops what it knew of the numbers a window before. */
	*word = (seq % 64 ? *word : 0) | 1ull << seq % 64;
}

static inline void seq_add(struct seq_tracker *t, uint32_t seq, uint64_t now)
{
	t->received++;
	if (__builtin_expect(seq != t->next, 0)) {
		seq_add_other(t, seq, now);
		return;
	}
	seq_mark(t, seq);
	t->next = seq + 1;
}

#endif
