/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Help with mistyped names, for the server's errors and the CLI's. Pure.
 */
#ifndef WEFTRPC_TEXT_H
#define WEFTRPC_TEXT_H

#include <stddef.h>

/* Keeps the candidate nearest to a word that was not understood. */
struct weftrpc_nearest {
	const char *word;
	const char *best; /* the nearest so far, or NULL when none is near */
	size_t distance;
};

void weftrpc_nearest_init(struct weftrpc_nearest *n, const char *word);
/* candidate must live as long as n. */
void weftrpc_nearest_try(struct weftrpc_nearest *n, const char *candidate);

#endif
