/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What should be programmed, found the slow way: for every object, by looking at all others.
 */
#ifndef TESTS_COMPILE_ORACLE_H
#define TESTS_COMPILE_ORACLE_H

#include "applied.h"

struct oracle_underlay {
	const struct underlay_path *paths; /* latest of each remote */
	size_t n_paths;
	const struct underlay_link *link; /* NULL: not known */
};

void oracle_entries(const struct model *m, const char *self, const struct oracle_underlay *u,
	struct applied *ret);

#endif
