/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that is there or the program ends. weftd has no use for going on without memory, and its
 * end stops no packet: the data plane keeps forwarding and a new weftd reads everything again. So
 * control code asks here and does not handle what cannot happen. Any thread.
 */
#ifndef CCORE_MEM_H
#define CCORE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
/* NULL for NULL or no bytes. */
char *mem_strdup(const char *s);
void *mem_dup(const void *p, size_t size);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

#endif
