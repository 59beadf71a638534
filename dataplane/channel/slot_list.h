/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sorted set of slots. All zero is empty; free slots when done. Returns are 0 or -ENOMEM: then
 * nothing has changed.
 */
#ifndef CHANNEL_SLOT_LIST_H
#define CHANNEL_SLOT_LIST_H

#include <stdbool.h>
#include <stdint.h>

struct slot_list {
	uint16_t *slots;
	uint32_t n, capacity;
};

/* Adding a member again and removing none change nothing. */
int slot_list_add(struct slot_list *l, uint16_t slot);
void slot_list_remove(struct slot_list *l, uint16_t slot);
bool slot_list_has(const struct slot_list *l, uint16_t slot);
/* Fills an empty list; slots are sorted. */
int slot_list_copy(struct slot_list *l, const uint16_t *slots, uint32_t n);

#endif
