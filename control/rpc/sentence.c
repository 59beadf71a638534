/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sentences for people (sentence.h).
 */
#include <stdarg.h>
#include <stdio.h>

#include "sentence.h"

void sentence_add(struct sentence *s, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(s->text + s->n, sizeof(s->text) - s->n, format, ap);
	va_end(ap);
	s->n += (size_t)n;
	if (s->n >= sizeof(s->text))
		s->n = sizeof(s->text) - 1;
}
