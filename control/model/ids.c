/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers for objects: a bitmap of those in use.
 */
#include <string.h>

#include <ccore/mem.h>

#include "model_impl.h"

#define ID_MAX ((1u << 24) - 1)

static bool is_taken(const struct id_set *s, uint32_t id)
{
	return id / 64 < s->n_words && (s->words[id / 64] >> (id % 64) & 1);
}

static void take(struct id_set *s, uint32_t id)
{
	uint32_t need = id / 64 + 1;

	if (need > s->n_words) {
		if (need < 2 * s->n_words)
			need = 2 * s->n_words;
		s->words = mem_realloc(s->words, need, sizeof(*s->words));
		memset(s->words + s->n_words, 0, (need - s->n_words) * sizeof(*s->words));
		s->n_words = need;
	}
	s->words[id / 64] |= UINT64_C(1) << (id % 64);
}

static uint32_t id_max(const struct id_set *s)
{
	return s->max ? s->max : ID_MAX;
}

uint32_t id_take(struct id_set *s)
{
	uint32_t id = s->last, max = id_max(s);

	for (uint32_t n = 0; n < max; n++) {
		id = id == max ? 1 : id + 1;
		if (is_taken(s, id))
			continue;
		take(s, id);
		s->last = id;
		return id;
	}
	return 0;
}

bool id_take_this(struct id_set *s, uint32_t id)
{
	if (id == 0 || id > id_max(s) || is_taken(s, id))
		return false;
	take(s, id);
	if (id > s->last)
		s->last = id;
	return true;
}

void id_release(struct id_set *s, uint32_t id)
{
	s->words[id / 64] &= ~(UINT64_C(1) << (id % 64));
}
