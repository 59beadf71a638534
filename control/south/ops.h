/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A list of ops, packed (op header, entry, back to back), so that a million of them cost what their
 * bytes cost. Knows no sockets.
 */
#ifndef SOUTH_OPS_H
#define SOUTH_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/codec.h>

struct ops {
	uint8_t *data;
	size_t size;
	size_t allocated;
	uint32_t n;
	bool broken; /* out of memory or a bad entry on the way: the list is not complete */
};

void ops_add(struct ops *o, enum weft_table table, enum weft_op_verb verb,
	const union weft_entry *entry);
/* Reads the op at offset, 0 at first; returns the offset of the next one, 0 at the end. */
size_t ops_read(const struct ops *o, size_t offset, struct weft_op *ret);
void ops_clear(struct ops *o);

#endif
