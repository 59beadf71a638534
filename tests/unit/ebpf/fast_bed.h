/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the fast path's loader share: namespaces, a BPF file system of their own, and
 * the fast path opened in a folder of it.
 */
#ifndef FAST_BED_H
#define FAST_BED_H

#include <loader/loader.h>

#define N_SESSIONS 1000

extern int own, peer; /* namespaces */
extern char text[LOADER_TEXT_SIZE];
extern char bpffs[];
extern char folder[64], other_folder[64];

/* Fails the test on error. */
struct loader_fast *fast_opened(const char *path);
/* Takes that folder away, with all that is in it. */
void fast_forget(const char *path);

/* For cmocka: of the group; around each test, with the pair up0 here and far0 in peer, or without
 * it. */
int fast_set_up(void **state);
int fast_tear_down(void **state);
int fast_make_pair(void **state);
int fast_clean_up(void **state);

#endif
