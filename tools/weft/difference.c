/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a transaction changed in a field, for people: short values as they were and are, of long
 * lists only the elements that came and went.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define LINE_MAX_SIZE 100 /* of both values together */
#define ELEMENTS_MAX  50  /* shown of those that came or went */

struct texts {
	char **list;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The elements, as text, in order. */
static struct texts texts_of(struct json_object *array)
{
	struct texts t = {.n = array_length(array)};

	t.list = calloc(t.n + 1, sizeof(*t.list));
	if (t.list == NULL)
		abort();
	for (size_t i = 0; i < t.n; i++)
		t.list[i] = value_text(json_object_array_get_idx(array, i));
	qsort(t.list, t.n, sizeof(*t.list), compare);
	return t;
}

static void texts_free(struct texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->list[i]);
	free(t->list);
}

static void print_element(char sign, const char *text, size_t *n)
{
	if ((*n)++ >= ELEMENTS_MAX)
		return;
	printf("      %c ", sign);
	print_safe(text);
	printf("\n");
}

static void print_elements(struct json_object *from, struct json_object *to)
{
	struct texts a = texts_of(from), b = texts_of(to);
	size_t i = 0, k = 0, n = 0;

	while (i < a.n || k < b.n) {
		int order = i == a.n ? 1 : k == b.n ? -1 : strcmp(a.list[i], b.list[k]);

		if (order < 0)
			print_element('-', a.list[i], &n);
		else if (order > 0)
			print_element('+', b.list[k], &n);
		i += order <= 0;
		k += order >= 0;
	}
	if (n == 0)
		printf("      in another order\n");
	else if (n > ELEMENTS_MAX)
		printf("      and %zu more\n", n - ELEMENTS_MAX);
	texts_free(&a);
	texts_free(&b);
}

void print_difference(const char *name, struct json_object *from, struct json_object *to)
{
	char *a = value_text(from), *b = value_text(to);
	bool long_list = strlen(a) + strlen(b) > LINE_MAX_SIZE &&
			 (json_object_is_type(from, json_type_array) ||
				 json_object_is_type(to, json_type_array));

	printf("    %s:", name);
	if (long_list) {
		printf("\n");
		print_elements(from, to);
	} else {
		printf(" ");
		print_safe(from == NULL ? "none" : a);
		printf(" -> ");
		print_safe(to == NULL ? "none" : b);
		printf("\n");
	}
	free(a);
	free(b);
}
