/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "seq.h"

void seq_init(struct seq_tracker *t, uint32_t first)
{
	memset(t, 0, sizeof(*t));
	t->next = first;
}

/* Numbers from t->next to before seq have not come yet. */
static void seq_skip(struct seq_tracker *t, uint32_t seq, uint64_t now)
{
	uint32_t n = seq - t->next, word = t->next / 64;

	t->missing += n;
	t->gaps++;
	t->last_gap_time = now;
	if (n >= SEQ_WINDOW) {
		memset(t->window, 0, sizeof(t->window));
		return;
	}
	/* What is behind t->next in its word, and all of later words, is from a window before. */
	t->window[word % (SEQ_WINDOW / 64)] &= (1ull << t->next % 64) - 1;
	while (word != seq / 64) {
		word = (word + 1) % (1u << 26); /* numbers wrap */
		t->window[word % (SEQ_WINDOW / 64)] = 0;
	}
}

void seq_add_other(struct seq_tracker *t, uint32_t seq, uint64_t now)
{
	uint32_t behind = t->next - seq;
	uint64_t *word = &t->window[seq % SEQ_WINDOW / 64], bit = 1ull << seq % 64;

	if ((int32_t)(seq - t->next) > 0) {
		seq_skip(t, seq, now);
		seq_mark(t, seq);
		t->next = seq + 1;
		return;
	}
	/* The oldest word may have lost its bits to the newest numbers. */
	if (behind > SEQ_WINDOW - 64) {
		t->late++;
		return;
	}
	if (*word & bit) {
		t->duplicates++;
		return;
	}
	*word |= bit;
	t->reordered++;
	if (t->missing > 0)
		t->missing--;
	if (behind - 1 > t->extent)
		t->extent = behind - 1;
}

uint64_t seq_lost(const struct seq_tracker *t, uint32_t first, uint64_t sent)
{
	uint32_t tail = first + (uint32_t)sent - t->next;

	return t->missing + ((int32_t)tail > 0 ? tail : 0);
}
