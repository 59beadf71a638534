/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UTF-8 by the table of RFC 3629 section 4: no overlong forms, no surrogates, nothing above
 * U+10FFFF. json-c can check this too, but only when no piece ends within a character.
 */
#include "utf8.h"

/* The first byte of a character beyond ASCII. Returns the number of bytes to follow, 0: invalid. */
static uint8_t begin(struct utf8 *u, uint8_t b)
{
	u->min = 0x80;
	u->max = 0xbf;
	if (b >= 0xc2 && b <= 0xdf)
		return 1;
	if (b >= 0xe0 && b <= 0xef) {
		if (b == 0xe0)
			u->min = 0xa0;
		if (b == 0xed)
			u->max = 0x9f;
		return 2;
	}
	if (b >= 0xf0 && b <= 0xf4) {
		if (b == 0xf0)
			u->min = 0x90;
		if (b == 0xf4)
			u->max = 0x8f;
		return 3;
	}
	return 0;
}

size_t utf8_check(struct utf8 *u, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t b = (uint8_t)text[i];

		if (u->n_more > 0) {
			if (b < u->min || b > u->max)
				return i;
			u->n_more--;
			u->min = 0x80;
			u->max = 0xbf;
		} else if (b >= 0x80) {
			u->n_more = begin(u, b);
			if (u->n_more == 0)
				return i;
		}
	}
	return len;
}
