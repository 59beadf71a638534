/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of the fast path's maps: checked, and mapped. Knows nothing of what is in them. Main
 * thread.
 */
#ifndef CHANNEL_FASTPATH_MAP_H
#define CHANNEL_FASTPATH_MAP_H

#include <stddef.h>
#include <stdint.h>

#include <weft/codec.h>

struct fastpath_map {
	void *memory; /* NULL: not mapped */
	size_t size;
};

/* Maps fd, which must be a BPF array of n elements of that size that can be mapped. The descriptor
 * is not needed afterwards. Returns 0, or -errno with a text that names the map. */
int fastpath_map(int fd, const char *name, uint32_t n, uint32_t size, struct fastpath_map *ret,
	char text[WEFT_TEXT_SIZE]);
/* Accepts one that is not mapped. */
void fastpath_unmap(struct fastpath_map *m);

#endif
