/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a data plane has against what it should have: gathers its dump, then makes the ops that lead
 * from the one to the other. Pure, no sockets. Memory: the bytes of the dump and 8 to 16 bytes an
 * entry, as long as the comparison lasts.
 */
#ifndef SOUTH_COMPARE_H
#define SOUTH_COMPARE_H

#include "ops.h"

struct compare;

/* NULL: out of memory. */
struct compare *compare_new(void);
void compare_free(struct compare *c);

/* One entry that the data plane has. 0, -EINVAL (no such table), or -ENOMEM. */
int compare_add(struct compare *c, unsigned int table, const union weft_entry *entry);
/* One entry that should be, after all compare_add: adds a PUT to out unless it is there and equal.
 * To be called in table order, so that what an entry refers to comes first. */
void compare_want(
	struct compare *c, enum weft_table table, const union weft_entry *entry, struct ops *out);
/* At last: adds a DELETE for what should not be, in the reverse order of tables. */
void compare_finish(struct compare *c, struct ops *out);

#endif
