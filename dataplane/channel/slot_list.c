/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sorted sets of slots: the members of a segment while a commit changes them. Knows nothing else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "slot_list.h"

static int slot_list_reserve(struct slot_list *l)
{
	uint32_t capacity = l->capacity ? l->capacity * 2 : 8;
	uint16_t *slots;

	if (l->n < l->capacity)
		return 0;
	slots = realloc(l->slots, capacity * sizeof(slots[0]));
	if (!slots)
		return -ENOMEM;
	l->slots = slots;
	l->capacity = capacity;
	return 0;
}

static int slot_list_insert(struct slot_list *l, uint32_t at, uint16_t slot)
{
	if (slot_list_reserve(l))
		return -ENOMEM;
	memmove(&l->slots[at + 1], &l->slots[at], (l->n - at) * sizeof(l->slots[0]));
	l->slots[at] = slot;
	l->n++;
	return 0;
}

/* Where slot is, or would be. */
static uint32_t slot_list_place(const struct slot_list *l, uint16_t slot)
{
	uint32_t low = 0, high = l->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (l->slots[middle] < slot)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool slot_list_has(const struct slot_list *l, uint16_t slot)
{
	uint32_t at = slot_list_place(l, slot);

	return at < l->n && l->slots[at] == slot;
}

int slot_list_add(struct slot_list *l, uint16_t slot)
{
	return slot_list_has(l, slot) ? 0 : slot_list_insert(l, slot_list_place(l, slot), slot);
}

void slot_list_remove(struct slot_list *l, uint16_t slot)
{
	uint32_t at = slot_list_place(l, slot);

	if (!slot_list_has(l, slot))
		return;
	l->n--;
	memmove(&l->slots[at], &l->slots[at + 1], (l->n - at) * sizeof(l->slots[0]));
}

int slot_list_copy(struct slot_list *l, const uint16_t *slots, uint32_t n)
{
	l->slots = malloc((n + 8) * sizeof(slots[0]));
	if (!l->slots)
		return -ENOMEM;
	if (n > 0)
		memcpy(l->slots, slots, n * sizeof(slots[0]));
	l->n = n;
	l->capacity = n + 8;
	return 0;
}
