/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A few port ids: of the AF_XDP ports, of which a host has one or two.
 */
#ifndef SOUTH_IDSET_H
#define SOUTH_IDSET_H

#include <stdbool.h>
#include <stdint.h>

#define IDSET_SIZE 8

struct idset {
	uint32_t ids[IDSET_SIZE];
	unsigned int n;
};

static inline bool idset_has(const struct idset *s, uint32_t id)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->ids[i] == id)
			return true;
	return false;
}

static inline void idset_add(struct idset *s, uint32_t id)
{
	if (!idset_has(s, id) && s->n < IDSET_SIZE)
		s->ids[s->n++] = id;
}

static inline void idset_remove(struct idset *s, uint32_t id)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->ids[i] == id)
			s->ids[i--] = s->ids[--s->n];
}

#endif
