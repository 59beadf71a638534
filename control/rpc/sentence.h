/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sentence for people, put together clause by clause. Private to this folder.
 */
#ifndef RPC_SENTENCE_H
#define RPC_SENTENCE_H

#include <stddef.h>

/* Starts as zeros. */
struct sentence {
	size_t n;
	char text[512]; /* always terminated */
};

/* What finds no room is cut off. */
__attribute__((format(printf, 2, 3))) void sentence_add(
	struct sentence *s, const char *format, ...);

#endif
