/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory of its own for each test of the store, with the file "store" in it.
 */
#ifndef TESTS_STORE_DIR_H
#define TESTS_STORE_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char test_dir[64], test_path[80];

static inline int dir_make(void **state)
{
	snprintf(test_dir, sizeof(test_dir), "/tmp/weft-store-XXXXXX");
	if (!mkdtemp(test_dir))
		return -1;
	snprintf(test_path, sizeof(test_path), "%s/store", test_dir);
	return 0;
}

static inline int dir_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static inline int dir_remove(void **state)
{
	return nftw(test_dir, dir_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
