/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The nearest of a set of words, by edits (restricted Damerau-Levenshtein distance). Words are
 * short; longer ones than WORD_MAX are never suggested.
 */
#include <string.h>

#include <weftrpc/text.h>

#define WORD_MAX 40

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

static size_t edits(const char *a, size_t n, const char *b, size_t m)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			size_t swap = a[i - 1] != b[j - 1];

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + swap);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[n][m];
}

void weftrpc_nearest_init(struct weftrpc_nearest *n, const char *word)
{
	size_t len = strlen(word);

	*n = (struct weftrpc_nearest){.word = word, .distance = len / 3 + 2};
}

void weftrpc_nearest_try(struct weftrpc_nearest *n, const char *candidate)
{
	size_t len = strlen(n->word), clen = strlen(candidate), d;

	if (len == 0 || len > WORD_MAX || clen > WORD_MAX)
		return;
	d = edits(n->word, len, candidate, clen);
	/* A word of which nothing is left is not near. */
	if (d < n->distance && d < clen) {
		n->distance = d;
		n->best = candidate;
	}
}
