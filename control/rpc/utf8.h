/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks a stream of bytes for being UTF-8 (RFC 3629), in pieces of any size. Pure.
 */
#ifndef RPC_UTF8_H
#define RPC_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: between characters. */
struct utf8 {
	uint8_t n_more;	  /* bytes that the character still needs */
	uint8_t min, max; /* of the next one; 0: any continuation byte */
};

/* Returns how many of the bytes are valid: len, or the offset of the first that is not. */
size_t utf8_check(struct utf8 *u, const char *text, size_t len);

#endif
