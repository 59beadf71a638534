/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Aligned tables for people. Widths are in characters of UTF-8, not in columns of a terminal.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct cell {
	char *text;
	bool right;
};

struct table {
	size_t n_columns, n_cells, room;
	struct cell *cells; /* headings first */
};

static void add(struct table *t, const char *text, bool right)
{
	if (t->n_cells == t->room) {
		t->room = t->room == 0 ? 64 : 2 * t->room;
		t->cells = realloc(t->cells, t->room * sizeof(*t->cells));
		if (t->cells == NULL)
			abort();
	}
	t->cells[t->n_cells++] = (struct cell){strdup(text), right};
}

struct table *table_new(size_t n_columns, const char *const *headings)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		abort();
	t->n_columns = n_columns;
	for (size_t i = 0; i < n_columns; i++)
		add(t, headings[i], false);
	return t;
}

void table_cell(struct table *t, const char *text)
{
	add(t, text, false);
}

void table_cellf(struct table *t, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	add(t, text, false);
}

void table_number(struct table *t, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	add(t, text, true);
}

static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text != 0; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < t->n_cells; i += t->n_columns)
		if (width_of(t->cells[i].text) > width)
			width = width_of(t->cells[i].text);
	return width;
}

/* A heading stands as the numbers below it do. */
static bool is_right(const struct table *t, size_t cell)
{
	size_t below = cell + t->n_columns;

	return t->cells[cell].right ||
	       (cell < t->n_columns && below < t->n_cells && t->cells[below].right);
}

static void print_row(const struct table *t, size_t first, const size_t *widths)
{
	size_t pending = 0;

	/* Spaces at the end of a line are not written. */
	for (size_t i = 0; i < t->n_columns && first + i < t->n_cells; i++) {
		const char *text = t->cells[first + i].text;
		size_t fill = widths[i] - width_of(text);

		if (is_right(t, first + i))
			pending += fill;
		if (*text != 0) {
			printf("%*s", (int)pending, "");
			print_safe(text);
			pending = 0;
		}
		if (!is_right(t, first + i))
			pending += fill;
		pending += 2;
	}
	putchar('\n');
}

void table_print_free(struct table *t)
{
	size_t *widths = calloc(t->n_columns, sizeof(*widths));

	for (size_t i = 0; widths != NULL && i < t->n_columns; i++)
		widths[i] = column_width(t, i);
	for (size_t i = 0; widths != NULL && i < t->n_cells; i += t->n_columns)
		print_row(t, i, widths);
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(widths);
	free(t);
}
