/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allocation that ends the program when there is no memory left. See ccore/mem.h for why.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/log.h>
#include <ccore/mem.h>

static void *checked(void *p)
{
	if (p)
		return p;
	log_error("out of memory; ending, the data plane goes on");
	abort();
}

void *mem_alloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *mem_zalloc(size_t size)
{
	return checked(calloc(1, size ? size : 1));
}

void *mem_realloc(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size));
}

char *mem_strdup(const char *s)
{
	return s ? checked(strdup(s)) : NULL;
}

void *mem_dup(const void *p, size_t size)
{
	return p && size ? memcpy(mem_alloc(size), p, size) : NULL;
}

char *mem_printf(const char *format, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, format);
	n = vasprintf(&s, format, ap);
	va_end(ap);
	return checked(n < 0 ? NULL : s);
}
