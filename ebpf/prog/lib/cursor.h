/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cursor over packet bytes: each take checks that the header is really there.
 */
#ifndef PROG_LIB_CURSOR_H
#define PROG_LIB_CURSOR_H

struct cursor {
	void *pos;
	void *end;
};

/* A header of type at the cursor, which moves behind it, or NULL when the packet ends before. */
#define cursor_take(c, type) ((type *)cursor_take_bytes(c, sizeof(type)))

static __always_inline void *cursor_take_bytes(struct cursor *c, unsigned long size)
{
	void *header = c->pos;

	if (header + size > c->end)
		return NULL;
	c->pos = header + size;
	return header;
}

#endif
