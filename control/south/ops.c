/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A list of ops, packed. Event loop's thread.
 */
#include <stdlib.h>
#include <string.h>

#include "ops.h"

#define OPS_FIRST_SIZE 4096

static bool make_room(struct ops *o, size_t size)
{
	size_t allocated = o->allocated ? o->allocated : OPS_FIRST_SIZE;
	uint8_t *data;

	while (allocated - o->size < size)
		allocated += allocated / 2;
	if (allocated == o->allocated)
		return true;
	data = realloc(o->data, allocated);
	if (!data)
		return false;
	o->data = data;
	o->allocated = allocated;
	return true;
}

void ops_add(
	struct ops *o, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
	struct weft_op_hdr hdr = {.table = table, .verb = verb};
	uint32_t entry_size = weft_entry_size(table);

	if (entry_size == 0 || !make_room(o, sizeof(hdr) + entry_size)) {
		o->broken = true;
		return;
	}
	memcpy(o->data + o->size, &hdr, sizeof(hdr));
	memcpy(o->data + o->size + sizeof(hdr), entry, entry_size);
	o->size += sizeof(hdr) + entry_size;
	o->n++;
}

size_t ops_read(const struct ops *o, size_t offset, struct weft_op *ret)
{
	const struct weft_op_hdr *hdr = (const struct weft_op_hdr *)(o->data + offset);

	if (offset >= o->size)
		return 0;
	*ret = (struct weft_op){
		.table = hdr->table,
		.verb = hdr->verb,
		.entry = (const union weft_entry *)(hdr + 1),
	};
	return offset + sizeof(*hdr) + weft_entry_size(hdr->table);
}

void ops_clear(struct ops *o)
{
	free(o->data);
	*o = (struct ops){0};
}
