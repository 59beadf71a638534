/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flight recorder (observe/recorder.h).
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <observe/recorder.h>

static_assert(RECORDER_PER_MS == 1 << RECORDER_N_SHIFT, "both say the same");

struct recorder *_Atomic recorder_of_slot[WEFT_MAX_PORTS];

void recorder_slot_assign(uint16_t slot, bool used)
{
	struct recorder *r = recorder_of_slot[slot];

	if (!used) {
		recorder_of_slot[slot] = NULL;
		free(r);
		return;
	}
	if (!r)
		r = malloc(sizeof(*r));
	if (!r)
		return;
	memset(r, 0, sizeof(*r));
	/* No time that the clock shows soon. */
	memset(r->last, 0xff, sizeof(r->last));
	recorder_of_slot[slot] = r;
}

void recorder_fini(void)
{
	for (unsigned int slot = 0; slot < WEFT_MAX_PORTS; slot++)
		recorder_slot_assign(slot, false);
}

static void recorder_book_time(struct recorder *r, enum weft_drop reason)
{
	uint32_t now = (uint32_t)clock_ms() << RECORDER_N_SHIFT;
	uint32_t last = atomic_load_explicit(&r->last[reason], memory_order_relaxed);

	if (last >> RECORDER_N_SHIFT == now >> RECORDER_N_SHIFT)
		now = last + 1;
	atomic_store_explicit(&r->last[reason], now, memory_order_relaxed);
}

/* The place of the oldest record, of that reason only when it has its share. */
static struct recorder_entry *recorder_place(struct recorder *r, enum weft_drop reason)
{
	struct recorder_entry *oldest = &r->entries[0], *same = NULL;
	unsigned int n_same = 0;

	for (unsigned int i = 0; i < RECORDER_SIZE; i++) {
		struct recorder_entry *e = &r->entries[i];

		if (e->record.number < oldest->record.number)
			oldest = e;
		if (e->record.reason != reason)
			continue;
		n_same++;
		if (!same || e->record.number < same->record.number)
			same = e;
	}
	return n_same >= RECORDER_SHARE ? same : oldest;
}

struct weft_drop_record *recorder_begin(uint16_t slot, enum weft_drop reason)
{
	struct recorder *r = atomic_load_explicit(&recorder_of_slot[slot], memory_order_relaxed);
	struct recorder_entry *e;

	if (!r || atomic_exchange_explicit(&r->busy, 1, memory_order_acquire))
		return NULL;
	recorder_book_time(r, reason);
	e = recorder_place(r, reason);
	atomic_store_explicit(&e->seq, e->seq + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memset(&e->record, 0, offsetof(struct weft_drop_record, frame));
	e->record.time_ms = clock_ms();
	e->record.number = ++r->n;
	e->record.reason = reason;
	return &e->record;
}

void recorder_end(uint16_t slot, struct weft_drop_record *record)
{
	struct recorder *r = atomic_load_explicit(&recorder_of_slot[slot], memory_order_relaxed);
	struct recorder_entry *e =
		(struct recorder_entry *)((uint8_t *)record -
					  offsetof(struct recorder_entry, record));

	atomic_store_explicit(&e->seq, e->seq + 1, memory_order_release);
	atomic_store_explicit(&r->busy, 0, memory_order_release);
}

/* False: there is none, or it is being written. */
static bool recorder_copy(const struct recorder_entry *e, struct weft_drop_record *ret)
{
	uint32_t seq = atomic_load_explicit(&e->seq, memory_order_acquire);

	if (seq == 0 || seq & 1)
		return false;
	*ret = e->record;
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&e->seq, memory_order_relaxed) == seq;
}

static int recorder_newer(const void *a, const void *b)
{
	uint32_t x = ((const struct weft_drop_record *)a)->number;
	uint32_t y = ((const struct weft_drop_record *)b)->number;

	return x < y ? 1 : x > y ? -1 : 0;
}

unsigned int recorder_read(uint16_t slot, struct weft_drop_record *ret, unsigned int max)
{
	const struct recorder *r = recorder_of_slot[slot];
	struct weft_drop_record all[RECORDER_SIZE];
	unsigned int n = 0;

	for (unsigned int i = 0; r && i < RECORDER_SIZE; i++)
		n += recorder_copy(&r->entries[i], &all[n]);
	qsort(all, n, sizeof(all[0]), recorder_newer);
	if (n > max)
		n = max;
	memcpy(ret, all, n * sizeof(*ret));
	return n;
}
