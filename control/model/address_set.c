/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Address sets as the sorted arrays that they are: what is in one, and in which members two differ.
 * Sets are long and change by little, so equal stretches are skipped whole. Pure; used by all of
 * control.
 */
#include <stdlib.h>
#include <string.h>

#include <model/object.h>

#define STRETCH 256 /* prefixes compared at once, 4 KiB */

static int compare_prefixes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weft_prefix));
}

bool address_set_has(const struct address_set *s, const struct weft_prefix *p)
{
	return s->n_prefixes &&
	       bsearch(p, s->prefixes, s->n_prefixes, sizeof(*p), compare_prefixes);
}

/* How many of the next n are the same in both, or at least as many whole stretches. */
static size_t count_equal(const struct weft_prefix *a, const struct weft_prefix *b, size_t n)
{
	size_t i = 0;

	while (n - i >= STRETCH && memcmp(a + i, b + i, STRETCH * sizeof(*a)) == 0)
		i += STRETCH;
	while (i < n && compare_prefixes(a + i, b + i) == 0)
		i++;
	return i;
}

void address_set_diff(const struct address_set *a, const struct address_set *b,
	void (*fn)(void *arg, const struct weft_prefix *p, bool added), void *arg)
{
	size_t i = 0, k = 0, n_a = a ? a->n_prefixes : 0, n_b = b ? b->n_prefixes : 0;

	while (i < n_a || k < n_b) {
		size_t left = n_a - i < n_b - k ? n_a - i : n_b - k, same = 0;

		if (left > 0)
			same = count_equal(&a->prefixes[i], &b->prefixes[k], left);
		i += same;
		k += same;
		if (i == n_a && k == n_b)
			break;
		if (k == n_b || (i < n_a && compare_prefixes(&a->prefixes[i], &b->prefixes[k]) < 0))
			fn(arg, &a->prefixes[i++], false);
		else
			fn(arg, &b->prefixes[k++], true);
	}
}
