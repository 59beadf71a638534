/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing an answer piece by piece, each wholly or not at all. Private to this folder. Workers.
 */
#ifndef SERVICE_OUT_H
#define SERVICE_OUT_H

#include <string.h>

#include <service/service.h>

struct out {
	struct service_answer *a;
	uint16_t limit; /* of a->size */
	bool full;	/* something did not fit and was left out */
};

/* n more bytes, to be filled; NULL: they don't fit. */
static inline uint8_t *out_take(struct out *o, uint32_t n)
{
	uint8_t *p = &o->a->data[o->a->size];

	if (n > (uint32_t)o->limit - o->a->size) {
		o->full = true;
		return NULL;
	}
	o->a->size += n;
	return p;
}

static inline void out_bytes(struct out *o, const void *data, uint32_t n)
{
	uint8_t *p = out_take(o, n);

	if (p)
		memcpy(p, data, n);
}

static inline void out_store16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void out_store32(uint8_t *p, uint32_t v)
{
	out_store16(p, v >> 16);
	out_store16(p + 2, v);
}

static inline uint32_t out_load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
